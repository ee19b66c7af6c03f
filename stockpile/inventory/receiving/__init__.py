"""Goods in: what came against an order, what is set aside and why, and who decides on what was not ordered."""
