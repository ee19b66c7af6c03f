"""What outsiders can check: the sealed journal and its proofs."""
