"""Sites, lots, the ledger of movements, balances and transfers."""
