"""Data in, plan out: exact sharing of scarce stock and reorders; no database, no web, no clock."""
