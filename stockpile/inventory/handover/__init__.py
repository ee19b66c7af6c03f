"""Handing a transfer over at its point of use: proof of delivery, and everything that was not as sent."""
