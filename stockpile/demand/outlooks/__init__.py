"""What suppliers are told to expect per quarter, and how right that was."""
