"""One item to be shared: lots, claims, drops and lanes, and what may not be broken when it is shared.

All stock figures are whole packs of the item (one pack size per item); a fill
is allocated packs over validated packs. Whether a lot may lawfully reach a
drop (licence, cold chain, shelf life at arrival plus use, need-by) is decided
before: the pool holds a lane exactly where it may.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

LARGEST_PACKS = 1 << 20
"""Upper limit of one claim's need: keys (k - 1) / d stay exact in 64-bit arithmetic."""

LARGEST_COST = 10**9
"""Upper limit of a lane's cost per pack in minor money units: routing stays exact in 64-bit arithmetic."""

LARGEST_VOLUME = 10**9
"""Upper limit of a pack's volume; volumes of capacities may be larger."""


class ProblemError(ValueError):
    """A problem that contradicts itself; the message names the item, the row and the reason."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Whole packs of one lot at one depot; `immovable_packs` of them (on hold, or picked for others) stay."""

    id: str
    site: str
    expiry: date
    packs: int
    immovable_packs: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """One municipality's claim on one item in one priority tier (1 is served first).

    `minimum_packs`: below this the claim is of no use (0: any pack helps).
    `entitled_packs`: paid for or agreed, served before anybody's tier. `protected_packs`: what
    the municipality would have without sharing; nobody is worse off by sharing. Both are cut to the need;
    the greater one is the claim's floor. A claim with a floor is never set aside for its minimum.
    """

    id: str
    municipality: str
    tier: int
    minimum_packs: int = 0
    entitled_packs: int = 0
    protected_packs: int = 0

    def floor(self, need: int) -> int:
        """Packs that the claim gets before anybody's tier is looked at."""
        return min(need, max(self.entitled_packs, self.protected_packs))


@dataclass(frozen=True, slots=True)
class Drop:
    """A validated request of a claim at one point of use; a claim's need is the sum of its drops."""

    id: str
    claim: str
    packs: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A lot may lawfully and in time reach a drop, at a cost per pack in minor money units."""

    lot: str
    drop: str
    cost: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """Packs of the item that stay at a depot, whatever lots they are of (immovable ones count)."""

    site: str
    packs: int


@dataclass(frozen=True, slots=True)
class Picked:
    """Packs of a lot that are already picked for a drop: every plan sends them."""

    lot: str
    drop: str
    packs: int


@dataclass(frozen=True, slots=True)
class Pool:
    """One item: its lots, the claims on it, and how many packs may leave in all (reserve floor kept).

    `unit_volume` is the volume of a pack, in the unit of the problem's volumes (0: takes no room).
    """

    item: str
    shareable_packs: int
    lots: tuple[Lot, ...]
    claims: tuple[Claim, ...]
    drops: tuple[Drop, ...]
    lanes: tuple[Lane, ...]
    buffers: tuple[Buffer, ...] = ()
    picked: tuple[Picked, ...] = ()
    unit_volume: int = 0

    def __post_init__(self) -> None:
        _refuse_names(self)
        _refuse_quantities(self)
        _refuse_promises(self)

    def needs(self) -> dict[str, int]:
        """Need per claim: the sum of its drops."""
        needs = {claim.id: 0 for claim in self.claims}
        for drop in self.drops:
            needs[drop.claim] += drop.packs
        return needs


def refuse_duplicates(item: str, kind: str, ids: Iterable[object]) -> None:
    """Raise ProblemError where two rows of a kind have one name."""
    seen: set[object] = set()
    for one in ids:
        if one in seen:
            raise ProblemError(f"{item}: {kind} {one} is given twice")
        seen.add(one)


def refuse_strangers(item: str, kind: str, field: str, used: Iterable[str], known: set[str]) -> None:
    """Raise ProblemError where a row names something that the problem does not hold."""
    for one in used:
        if one not in known:
            raise ProblemError(f"{item}: a {kind} names the unknown {field} {one}")


def _refuse_names(pool: Pool) -> None:
    item, lots, drops = pool.item, {lot.id for lot in pool.lots}, {drop.id for drop in pool.drops}
    refuse_duplicates(item, "lot", (lot.id for lot in pool.lots))
    refuse_duplicates(item, "claim", (claim.id for claim in pool.claims))
    refuse_duplicates(item, "drop", (drop.id for drop in pool.drops))
    refuse_duplicates(item, "lane", ((lane.lot, lane.drop) for lane in pool.lanes))
    refuse_duplicates(item, "buffer", (buffer.site for buffer in pool.buffers))
    refuse_duplicates(item, "picked line", ((one.lot, one.drop) for one in pool.picked))
    refuse_strangers(item, "drop", "claim", (d.claim for d in pool.drops), {c.id for c in pool.claims})
    refuse_strangers(item, "lane", "lot", (a.lot for a in pool.lanes), lots)
    refuse_strangers(item, "lane", "drop", (a.drop for a in pool.lanes), drops)
    refuse_strangers(item, "picked line", "lot", (one.lot for one in pool.picked), lots)
    refuse_strangers(item, "picked line", "drop", (one.drop for one in pool.picked), drops)


def _refuse_quantities(pool: Pool) -> None:
    if pool.shareable_packs < 0:
        raise ProblemError(f"{pool.item}: shareable_packs is {pool.shareable_packs}, below zero")
    if not 0 <= pool.unit_volume <= LARGEST_VOLUME:
        raise ProblemError(f"{pool.item}: unit_volume is {pool.unit_volume}, not 0 to {LARGEST_VOLUME}")
    for lot in pool.lots:
        if lot.packs < 0:
            raise ProblemError(f"{pool.item}: lot {lot.id} holds {lot.packs} packs, below zero")
        if not 0 <= lot.immovable_packs <= lot.packs:
            raise ProblemError(
                f"{pool.item}: lot {lot.id} has {lot.immovable_packs} immovable packs, not 0 to {lot.packs}"
            )
    _refuse_claims(pool)
    _refuse_drops(pool)
    for lane in pool.lanes:
        if not 0 <= lane.cost <= LARGEST_COST:
            raise ProblemError(
                f"{pool.item}: lane {lane.lot} to {lane.drop} costs {lane.cost}, not 0 to {LARGEST_COST}"
            )


def _refuse_claims(pool: Pool) -> None:
    for claim in pool.claims:
        if claim.tier < 1 or claim.minimum_packs < 0:
            raise ProblemError(f"{pool.item}: claim {claim.id} has tier {claim.tier}, minimum {claim.minimum_packs}")
        if claim.entitled_packs < 0 or claim.protected_packs < 0:
            promised = f"entitled {claim.entitled_packs}, protected {claim.protected_packs}"
            raise ProblemError(f"{pool.item}: claim {claim.id} has {promised}, below zero")


def _refuse_drops(pool: Pool) -> None:
    for drop in pool.drops:
        if not 0 < drop.packs <= LARGEST_PACKS:
            raise ProblemError(f"{pool.item}: drop {drop.id} asks {drop.packs} packs, not 1 to {LARGEST_PACKS}")
    for claim, need in pool.needs().items():
        if need > LARGEST_PACKS:
            raise ProblemError(f"{pool.item}: claim {claim} needs {need} packs in all, more than {LARGEST_PACKS}")


def _refuse_promises(pool: Pool) -> None:
    """Buffers and picked lines that contradict the stock, the drops or the lanes."""
    for buffer in pool.buffers:
        if buffer.packs < 0:
            raise ProblemError(f"{pool.item}: the buffer at {buffer.site} is {buffer.packs} packs, below zero")
    if pool.picked:
        _refuse_picked(pool)


def _refuse_picked(pool: Pool) -> None:
    lanes = {(lane.lot, lane.drop) for lane in pool.lanes}
    from_lot: dict[str, int] = {}
    to_drop: dict[str, int] = {}
    for one in pool.picked:
        if one.packs <= 0 or (one.lot, one.drop) not in lanes:
            why = "not above zero" if one.packs <= 0 else "and no lane allows it"
            raise ProblemError(f"{pool.item}: {one.packs} packs of {one.lot} are picked for {one.drop}, {why}")
        from_lot[one.lot] = from_lot.get(one.lot, 0) + one.packs
        to_drop[one.drop] = to_drop.get(one.drop, 0) + one.packs
    room = {lot.id: lot.packs - lot.immovable_packs for lot in pool.lots}
    for name, packs in from_lot.items():
        if packs > room[name]:
            raise ProblemError(f"{pool.item}: {packs} packs of lot {name} are picked, and only {room[name]} may move")
    asked = {drop.id: drop.packs for drop in pool.drops}
    for name, packs in to_drop.items():
        if packs > asked[name]:
            raise ProblemError(f"{pool.item}: {packs} packs are picked for drop {name}, which asks {asked[name]}")
