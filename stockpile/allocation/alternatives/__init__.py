"""What else could have been: other rules for the same stock, and the same rule under other circumstances."""
