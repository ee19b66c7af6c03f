"""How suppliers keep their word: a scorecard each may see of its own, and lead times learned with their uncertainty."""
