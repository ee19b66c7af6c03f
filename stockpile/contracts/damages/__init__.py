"""Damages for lateness by the contract's own formula and rounding; contested by suppliers, waived by another person."""
