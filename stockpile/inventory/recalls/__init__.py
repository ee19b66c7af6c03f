"""Recalls: a lot is frozen everywhere at once, traced both ways, and followed until it is recovered."""
