"""Caseload reports, own cover and what patients are expected to use."""
