"""From need to contract: specification, members, tender, bids, scores, award, standstill, signature."""
