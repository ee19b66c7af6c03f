"""Running it: whether it is well, what it counts, what it logs, and the files that a host needs."""
