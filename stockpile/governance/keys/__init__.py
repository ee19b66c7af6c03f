"""What lets somebody in: sign-ins and API keys, the second factor, roles that are lent or taken for a while."""
