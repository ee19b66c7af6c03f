"""Reordering: what to order when from whom under the contracts, with a proven bound and an independent check."""
