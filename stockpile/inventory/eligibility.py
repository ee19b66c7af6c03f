"""The one predicate that says whether stock may serve a use; `eligible_rows` says the same in SQL.

Planning, picking, dispatch, issue, promises, reports and reorders ask
`obstacle`, so that no list offers what another refuses. Nothing else compares
an expiry with a day. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from stockpile.inventory.rules import AVAILABLE, POOL, Route, arrival, local_day

NOT_LICENSED: Final = "not_licensed"
RECALLED: Final = "recalled"
ON_HOLD: Final = "on_hold"
NOT_AVAILABLE: Final = "not_available"
OWNED: Final = "owned_by_another"
NO_LANE: Final = "no_lane"
NO_COLD_LANE: Final = "no_cold_lane"
NO_COLD_STORE: Final = "no_cold_store"
TOO_LATE: Final = "too_late"
SHELF_LIFE: Final = "shelf_life"
NO_STOCK: Final = "no_stock"

COUNTRY: Final = "country"
MEMBER: Final = "member"
DONOR: Final = "donor"
CONTRACT: Final = "contract"
RESTRICTION_KINDS: Final = (COUNTRY, MEMBER, DONOR, CONTRACT)
RESTRICTED: Final[dict[str, str]] = {kind: f"restricted_{kind}" for kind in RESTRICTION_KINDS}

OBSTACLES: Final[dict[str, str]] = {
    NOT_LICENSED: "the item is not licensed in this country",
    RECALLED: "the lot is recalled",
    ON_HOLD: "the lot is on hold",
    NOT_AVAILABLE: "it is not available: reserved, in quarantine or on the road",
    OWNED: "it belongs to another member, who would have to lend it",
    RESTRICTED[COUNTRY]: "the lot is restricted to other countries",
    RESTRICTED[MEMBER]: "the lot is restricted to other members",
    RESTRICTED[DONOR]: "the lot's donor gave it for other members",
    RESTRICTED[CONTRACT]: "the lot's contract or programme is for other members",
    NO_LANE: "no lane leads from the depot to the point of use",
    NO_COLD_LANE: "the item needs a cold chain and the lane has none",
    NO_COLD_STORE: "the item needs a cold store and the place has none",
    TOO_LATE: "it would arrive after it is needed",
    SHELF_LIFE: "it would expire before it is used up",
    NO_STOCK: "no depot holds any of it",
}
"""Why stock cannot serve a use, in the order in which reasons are given: the law first."""

OUT_OF_REACH: Final = frozenset({NOT_LICENSED, *RESTRICTED.values(), NO_LANE, NO_COLD_LANE, NO_COLD_STORE, TOO_LATE})
"""Obstacles that leave stock usable where it lies: it is there, but not for this use."""

WHENEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Needed by no particular instant."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A condition on a lot. `value`: the country, member, donor or contract that it names.

    `members`: who has been admitted to a donor's or contract's goods.
    """

    kind: str
    value: str
    members: frozenset[str] = frozenset()

    def allows(self, member: str | None, country: str | None) -> bool:
        """Whether a use by this member in this country meets the condition; None is met by nobody in particular."""
        if self.kind == COUNTRY:
            return country == self.value
        if self.kind == MEMBER:
            return member == self.value
        return member in self.members


@dataclass(frozen=True, slots=True)
class Goods:
    """What is known of stock on one balance: the lot's expiry and state, whose it is, and on what conditions."""

    expiry: date
    on_hold: bool = False
    recalled: bool = False
    status: str = AVAILABLE
    owner: str = POOL
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What stock is wanted for: licensed there or not, by when, how many days it must last after arrival.

    `member` and `country` None: for nobody in particular, as in a total.
    `cold_store`: whether the place has one (None: not known). `status`: from
    which status it is taken.
    """

    licensed: bool = True
    need_by: datetime = WHENEVER
    use_days: int = 0
    cold_chain: bool = False
    cold_store: bool | None = None
    member: str | None = None
    country: str | None = None
    status: str = AVAILABLE


IN_GENERAL: Final = Wish()
"""Usable where it lies, by whoever may have it."""


def here(time_zone: str) -> Route:
    """The way to where the stock lies already."""
    return Route(minutes=0, cold_chain=True, cost_minor=0, time_zone=time_zone)


def usable_through(expiry: date, use_days: int) -> date:
    """The last local day of arrival on which `use_days` of use still end by the expiry day, which counts as usable."""
    return expiry - timedelta(days=use_days)


def lasts(expiry: date, *, on: date, use_days: int = 0) -> bool:
    """Whether what is there on that local day can be used for so many days, through its expiry day."""
    return on <= usable_through(expiry, use_days)


def days_left(expiry: date, *, on: date) -> int:
    """Days from that day to the expiry day; less than nothing once it is past."""
    return (expiry - on).days


def obstacle(goods: Goods, wish: Wish, *, leaves: datetime, route: Route | None) -> str | None:
    """Why this stock may not serve this wish over this route, or None where it may: a key of OBSTACLES.

    `leaves` is the instant at which it would leave, UTC. A lot is usable
    through its expiry day in the time zone of the place that uses it.
    """
    return (
        _by_law(goods, wish)
        or barred(goods.restrictions, wish.member, wish.country)
        or _on_the_way(goods.expiry, wish, leaves, route)
    )


def barred(restrictions: Sequence[Restriction], member: str | None, country: str | None) -> str | None:
    """Which kind of restriction keeps a lot from this member and country; None where none does, or for nobody.

    Restrictions of one kind are alternatives; each kind must be met.
    """
    if member is None and country is None:
        return None
    for kind in RESTRICTION_KINDS:
        named = [one for one in restrictions if one.kind == kind]
        if named and not any(one.allows(member, country) for one in named):
            return RESTRICTED[kind]
    return None


def _by_law(goods: Goods, wish: Wish) -> str | None:
    if not wish.licensed:
        return NOT_LICENSED
    if goods.recalled:
        return RECALLED
    if goods.on_hold:
        return ON_HOLD
    if goods.status != wish.status:
        return NOT_AVAILABLE
    if goods.owner != POOL and wish.member not in (None, goods.owner):
        return OWNED
    return None


def _on_the_way(expiry: date, wish: Wish, leaves: datetime, route: Route | None) -> str | None:
    if route is None:
        return NO_LANE
    if wish.cold_chain and not route.cold_chain:
        return NO_COLD_LANE
    if wish.cold_chain and wish.cold_store is False:
        return NO_COLD_STORE
    arrives = arrival(route, leaves)
    if arrives > wish.need_by:
        return TOO_LATE
    if not lasts(expiry, on=local_day(arrives, route.time_zone), use_days=wish.use_days):
        return SHELF_LIFE
    return None


def in_words(why: str, restrictions: Sequence[Restriction] = ()) -> str:
    """An obstacle for people; where a restriction is the reason, what the lot is restricted to."""
    named = sorted(one.value for one in restrictions if RESTRICTED[one.kind] == why)
    return OBSTACLES[why] + (f" (it is for {', '.join(named)})" if named else "")
