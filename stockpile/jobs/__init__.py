"""What runs when; one claim per job and due slot."""
