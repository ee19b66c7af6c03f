"""Scans at the dock and labels that scan back: what a code means here, and pallets with their numbers."""
