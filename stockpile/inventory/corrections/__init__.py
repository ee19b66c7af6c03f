"""Corrections: an old entry stays as it is, and a new one of today undoes it and names it."""
