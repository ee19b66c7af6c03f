"""Members as they stood at any instant: state, population, what is on file; and the agreement by version."""
