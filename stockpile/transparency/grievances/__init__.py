"""Grievances by anyone: taken in without an account, followed by token, decided by who had no part in it."""
