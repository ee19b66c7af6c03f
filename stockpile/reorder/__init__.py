"""What to call off tonight, and why."""
