"""What the public does not get, and why: one policy for all publications."""
