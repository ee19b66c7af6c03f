"""Sealing the journal into a Merkle tree, outside the writers' path, under signed heads."""
