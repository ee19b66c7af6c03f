"""The joint committee: which effect needs whose decision, proposals, votes, and results anyone can recompute."""
