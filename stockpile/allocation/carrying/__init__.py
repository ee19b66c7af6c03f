"""What depots can dispatch, vehicles carry and receivers take in within a day, all items together."""
