"""What a contract says, version by version: lots, members' shares, prices, options, and what happens after its end."""
