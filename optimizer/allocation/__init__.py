"""Sharing scarce stock: a frozen problem, the exact leximin plan, and an independent check of it."""
