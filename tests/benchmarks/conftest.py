"""What is measured lies on the disk and outlives a power cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import serving


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """As for every test, but durable: with fsync, on the disk."""
    with serving(durable=True) as address:
        yield address
