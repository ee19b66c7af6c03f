"""What the public sees without an account: pages, open data, and the public problem and plan of every allocation."""
