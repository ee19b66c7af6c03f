"""How scarce stock is shared: the policies that the committee adopts, and which one is in force for what."""
