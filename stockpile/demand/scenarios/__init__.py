"""Supposed epidemics, outages and runs of years: what they would use, with their assumptions stated."""
