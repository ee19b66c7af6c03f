"""Figures of performance: each with numerator, denominator, period and drill-down, as queries to run again."""
