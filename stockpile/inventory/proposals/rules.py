"""The states of a proposal."""

from __future__ import annotations

from typing import Final

PROPOSED: Final = "proposed"
CONFIRMED: Final = "confirmed"
DECLINED: Final = "declined"
WITHDRAWN: Final = "withdrawn"
