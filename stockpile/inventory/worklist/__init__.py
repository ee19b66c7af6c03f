"""What is to be done at a site now: what leaves, what comes, what is ordered, what is being counted."""
