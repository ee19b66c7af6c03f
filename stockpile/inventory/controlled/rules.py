"""The states of a loss report."""

from __future__ import annotations

from typing import Final

OPEN: Final = "open"
REPORTED: Final = "reported"
CLOSED: Final = "closed"
