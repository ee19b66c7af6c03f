"""What can be promised by a date, and the best use of what expires soon. Pure functions, quantities in base units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOVE: Final = "move"
ROTATE: Final = "rotate"
DISPOSE: Final = "dispose"
KEEP: Final = "keep"


@dataclass(frozen=True, slots=True)
class Promise:
    """The parts of what can be promised of an item by a date, in base units.

    Of `reserved`, `picked` is out of everybody's reach, and `lapsing` comes back
    by then unless it is picked; neither is promised.
    """

    on_hand: int
    reserved: int
    held: int
    expiring: int
    floor: int
    inbound: int
    picked: int = 0
    lapsing: int = 0

    @property
    def available(self) -> int:
        """What can be promised: available and usable by then, plus firm inbound, less the reserve floor."""
        return max(0, self.on_hand - self.held - self.expiring + self.inbound - self.floor)


@dataclass(frozen=True, slots=True)
class BestUse:
    """What to do with a lot that expires soon: how many base units to move, to rotate, to dispose of."""

    action: str
    move: int
    rotate: int
    dispose: int
    sentence: str


def best_use(*, quantity: int, days_left: int, wanted: int, routine_milli_per_day: int) -> BestUse:
    """The best use of a lot: first to those who want it now, then to routine users in time, else disposal.

    `wanted`: validated need that no plan has served; `routine_milli_per_day`:
    thousandths of a unit that routine users take in a day.
    """
    move = min(quantity, wanted)
    routine = max(0, routine_milli_per_day * max(0, days_left) // 1000)
    rotate = min(quantity - move, routine)
    dispose = quantity - move - rotate
    action = MOVE if move else ROTATE if rotate else DISPOSE
    parts = [
        f"{move:,} to members with unmet need" if move else "",
        f"{rotate:,} to routine users, who take {routine_milli_per_day / 1000:.1f} a day" if rotate else "",
        f"{dispose:,} will expire unused: return or dispose" if dispose else "",
    ]
    return BestUse(action, move, rotate, dispose, "; ".join(part for part in parts if part))
