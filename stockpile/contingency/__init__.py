"""Contingency plans and drills, who is on duty, shared risks, disputes with clocks, and reviews whose actions stay."""
