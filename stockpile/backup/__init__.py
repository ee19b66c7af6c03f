"""Backups: taken of one snapshot, restored beside or instead of what is there, and proven by restoring them."""
