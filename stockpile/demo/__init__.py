"""The demonstration: a real week of a real surge, answered with a simulated stockpile."""
