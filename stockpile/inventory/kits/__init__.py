"""Kits: what belongs in one, put together from component lots and taken apart again."""
