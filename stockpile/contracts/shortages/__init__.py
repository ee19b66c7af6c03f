"""From a shortage to proposed orders in one action: the quickest ways that contracts offer."""
