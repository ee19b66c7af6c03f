"""Reordering: which packs to call off from which unified contract tonight, and an independent check of it."""
