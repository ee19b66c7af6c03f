"""The real region served, with offices and all seats, as the committee's tests have it."""

from tests.governance.test_committee_over_http import address, engine, loaded, table

__all__ = ["address", "engine", "loaded", "table"]
