"""Stockpile: one shared emergency stockpile for municipalities of several countries."""

__version__ = "0.1.0"
