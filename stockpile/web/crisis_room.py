"""What the parts of the crisis room share: who looks, at which plan, at which item and municipality."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stockpile.governance.tables import Region
from stockpile.web.crisis_reading import Opening, PlanView
from stockpile.web.sign_in import SignedIn

ALL = ""
"""Value of a choice that chooses nothing in particular."""


@dataclass(slots=True)
class Room:
    """One reader's view; `pick_member` and `pick_item` choose for all parts at once; `reload` reads all anew, and
    shows that plan."""

    signed: SignedIn
    opening: Opening
    view: PlanView
    limit_seconds: float
    pick_member: Callable[[str], object]
    pick_item: Callable[[str], object]
    reload: Callable[[int], Awaitable[None]]
    item: str = ALL
    member: str = ALL

    @property
    def region(self) -> Region:
        """The region."""
        return self.opening.region

    @property
    def zone(self) -> str:
        """The region's time zone."""
        return self.opening.region.time_zone

    @property
    def plan(self) -> int:
        """The number of the plan that is looked at."""
        assert self.view.plan.id is not None, "a plan that was read has its number"
        return self.view.plan.id

    @property
    def now(self) -> datetime:
        """The region's clock as the page was opened."""
        return self.opening.now

    def name(self, member: str) -> str:
        """A municipality's name."""
        return self.opening.members[member].name


class Part(Protocol):
    """One part of the room, built when it is first looked at."""

    async def show(self) -> None:
        """Show what is chosen now; asked each time the part comes to the front or a choice changes."""
