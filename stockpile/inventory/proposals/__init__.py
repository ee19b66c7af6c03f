"""Steps with stock that need a second person: proposed by one, confirmed by another."""
