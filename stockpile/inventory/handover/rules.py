"""How a delivery may differ from what was sent."""

from __future__ import annotations

from typing import Final

SHORT: Final = "short"
OVER: Final = "over"
DAMAGED: Final = "damaged"
EXCURSION: Final = "excursion"
WRONG_LOT: Final = "wrong_lot"
