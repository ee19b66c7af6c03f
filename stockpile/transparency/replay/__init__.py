"""Replay: a past plan rebuilt from what is stored, computed again byte for byte, and held against the journal."""
