"""People's data: outside the journal, behind salted commitments, kept for a time and then erased."""
