"""From surge to receipt: requests, plans, approvals."""
