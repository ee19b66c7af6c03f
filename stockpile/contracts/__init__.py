"""Unified contracts, price tiers and call-offs."""
