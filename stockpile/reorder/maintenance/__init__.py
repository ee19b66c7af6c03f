"""When equipment stands still for maintenance, and which spare parts must be there by then."""
