"""Reordering over many weeks: what to order when from whom under all clauses at once, with a proven bound."""
