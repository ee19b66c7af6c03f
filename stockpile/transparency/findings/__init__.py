"""What auditors find: answered within 30 days, agreed, done, verified and closed, or a risk taken."""
