"""Shelves: bins and what lies in them, put-away, picking places, and the room of a site."""
