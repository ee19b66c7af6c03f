"""Signed heads leave the operator's hands: sent to addresses that members and other witnesses have registered."""
