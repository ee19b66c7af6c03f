"""Conditions on lots: whom a lot may serve, who is admitted to a donor's goods, and why not this lot."""
