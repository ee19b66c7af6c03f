"""The way into the membership and out of it: evidence, decisions, agreements."""
