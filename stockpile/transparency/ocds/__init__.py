"""Contracts, orders and deliveries in the words of the Open Contracting Data Standard, and others' taken in."""
