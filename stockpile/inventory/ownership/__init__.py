"""Whose stock is, apart from where it lies: change of owner by two people, and own stock sent on."""
