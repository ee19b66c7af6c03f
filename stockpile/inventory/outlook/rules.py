"""What can be promised by a date, and the best use of what expires soon. Pure functions, quantities in base units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MOVE: Final = "move"
ROTATE: Final = "rotate"
GIVE_BACK: Final = "return"
DISPOSE: Final = "dispose"

WORDS: Final[dict[str, str]] = {
    MOVE: "{quantity} to {to} for {member}, whose need nobody has served",
    ROTATE: "{quantity} to routine users, who take as much in time",
    GIVE_BACK: "{quantity} back to {to}, who pays {percent} % of the price",
    DISPOSE: "{quantity} will expire unused: dispose of it before a witness",
}
"""What can be done with a lot that expires soon, the best first."""


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
class Need:
    """Validated need of an item that nobody has served: whose, where, how much, and by when."""

    item: str
    member: str
    place: str
    quantity: int
    need_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What the supplier of a lot buys back: base units at most, at so many percent of the price.

    Only what still lasts `from_days` or longer.
    """

    supplier: str
    contract: str
    quantity: int
    percent: int
    from_days: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What a pack costs, minor units of a currency."""

    pack_minor: int
    pack_size: int
    currency: str

    def of(self, quantity: int, percent: int = 100) -> int:
        """What so many base units are worth at so many percent, rounded down."""
        return quantity * self.pack_minor * percent // (self.pack_size * 100)


@dataclass(frozen=True, slots=True)
class Part:
    """One use of part of a lot; `to` and `member`: where it goes. `value_minor` is what is saved; None: no price known.

    What is disposed of saves nothing.
    """

    action: str
    quantity: int
    value_minor: int | None
    to: str
    member: str
    sentence: str


@dataclass(frozen=True, slots=True)
class BestUse:
    """What to do with a lot that expires soon: base units to move, rotate, give back and dispose of, part by part."""

    action: str
    move: int
    rotate: int
    give_back: int
    dispose: int
    parts: tuple[Part, ...]
    sentence: str


def routine_use(*, milli_per_day: int, days: int, spoken_for: int) -> int:
    """What routine users take in so many days, less what earlier lots of the item are rotated for (base units).

    `milli_per_day`: thousandths of a base unit.
    """
    return max(0, milli_per_day * max(0, days) // 1000 - spoken_for)


def best_use(
    *, quantity: int, needs: Sequence[Need], routine: int, offers: Sequence[Offer], price: Price | None
) -> BestUse:
    """The best use of a lot: to who needs it, then to routine users, then back to the supplier, else disposal.

    `needs`: those that it may lawfully and in time serve, most urgent first;
    `routine`: base units that routine users can take of it in time.
    """
    parts: list[Part] = []
    left = quantity
    for need in needs:
        left -= _part(parts, MOVE, min(left, need.quantity), price, to=need.place, member=need.member)
    left -= _part(parts, ROTATE, min(left, routine), price)
    for offer in sorted(offers, key=lambda one: -one.percent):
        left -= _part(parts, GIVE_BACK, min(left, offer.quantity), price, to=offer.supplier, percent=offer.percent)
    _part(parts, DISPOSE, left, price, percent=0)
    sums = {action: sum(one.quantity for one in parts if one.action == action) for action in WORDS}
    return BestUse(
        action=parts[0].action if parts else DISPOSE,
        move=sums[MOVE],
        rotate=sums[ROTATE],
        give_back=sums[GIVE_BACK],
        dispose=sums[DISPOSE],
        parts=tuple(parts),
        sentence="; ".join(one.sentence for one in parts),
    )


def _part(
    parts: list[Part],
    action: str,
    quantity: int,
    price: Price | None,
    *,
    to: str = "",
    member: str = "",
    percent: int = 100,
) -> int:
    """Add the part unless it is nothing; returns its quantity."""
    if quantity:
        saved = price.of(quantity, percent) if price else None
        sentence = WORDS[action].format(quantity=f"{quantity:,}", to=to, member=member, percent=percent)
        parts.append(Part(action, quantity, saved, to, member, sentence))
    return quantity
