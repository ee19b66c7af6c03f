"""Why a plan gives what it gives: who is tied, by which stock, what keeps other stock away, and what would change it.

Plain whole numbers on top of a checked fair plan; nothing is solved again. Where one more pack would go is read
off the walk of the proof: the emptiest claim that a lot can reach, through any number of exchanges, is first in the
queue for its next pack (adding a pack to a fair plan changes nothing else: the shares that can be brought form
an integral polymatroid).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from optimizer.allocation.plan import FAIR, Bottleneck, CompactPlan, Plan, PoolPlan
from optimizer.allocation.problem import CompactPool, Pool, Problem
from optimizer.allocation.proof import turn
from optimizer.allocation.standing import Standing, standing_after

Barred = Mapping[tuple[str, str], str]
"""Why a lot may not reach a drop ("expiry", "cold_chain", "licence", "need_by", ...), by (lot, drop)."""

FILLED, STOCK, RESERVE, BUFFER, NO_LANE = "filled", "stock", "reserve", "buffer", "no_lane"


@dataclass(frozen=True, slots=True)
class Reason:
    """What keeps packs from the tied claims: `packs` in `lots` that stay free or serve fuller claims."""

    kind: str
    packs: int
    lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextPack:
    """One more pack in this lot lifts this claim from `before` to `after` (exact fills "packs/need")."""

    lot: str
    site: str
    claim: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Link:
    """One link of an item's bottleneck chain, emptiest first: tied claims, their stock, reasons, the next packs."""

    item: str
    tier: int
    claims: tuple[str, ...]
    lots: tuple[str, ...]
    fill: str
    lowest: str
    reasons: tuple[Reason, ...]
    next_packs: tuple[NextPack, ...]

    def sentence(self) -> str:
        """The link in one or two plain sentences."""
        who = ", ".join(self.claims[:3]) + (f" and {len(self.claims) - 3} more" if len(self.claims) > 3 else "")
        if self.reasons and self.reasons[0].kind == FILLED:
            return f"{self.item}: {who} get all they need."
        bound = "; ".join(_in_words(reason) for reason in self.reasons)
        tied = f"{self.item}: {who} share {self.fill} of their need ({percent(self.fill)}): {bound}."
        if not self.next_packs:
            return tied
        one = self.next_packs[0]
        more = f"One more pack of {one.lot} at {one.site} lifts {one.claim} from {percent(one.before)}"
        return f"{tied} {more} to {percent(one.after)}."


def explain(problem: Problem, plan: Plan, *, barred: Mapping[str, Barred] | None = None) -> tuple[Link, ...]:
    """The bottleneck chain of every item of a fair plan, items in order, emptiest link first.

    `barred`: per item, why lots without a lane may not reach a drop. A plan by another method has no chain: ().
    """
    if plan.method != FAIR:
        return ()
    rows = zip(problem.pools, plan.pools, strict=True)
    return tuple(
        link for pool, one in rows for link in explain_pool(pool, one, barred=(barred or {}).get(pool.item, {}))
    )


def explain_pool(
    pool: Pool | CompactPool, plan: PoolPlan | CompactPlan, *, barred: Barred | None = None
) -> tuple[Link, ...]:
    """The bottleneck chain of one item, emptiest link first."""
    standing, _ = standing_after(pool, plan)
    coming = next_packs(standing, {standing.claim_at[name] for name in plan.set_aside})
    return tuple(_link(standing, one, coming, barred or {}) for one in plan.bottlenecks)


def next_packs(standing: Standing, aside: set[int]) -> dict[int, int]:
    """Per lot the claim that one more pack of it would lift; lots whose packs would stay free are left out.

    One more pack is one more that may be shared: where that total binds, it may also let out a pack that
    waits in another lot, and the emptier claim of the two comes first.
    """
    coming: dict[int, int] = {}
    toward: dict[int, int] = {}
    unmet = [c for c, need in enumerate(standing.need) if standing.total[c] < need and c not in aside]
    for claim in sorted(unmet, key=lambda one: turn(standing, one, standing.total[one])):
        if standing.first_claim + claim not in toward:
            for place in standing.within_reach(claim, toward):
                if place < standing.first_drop:
                    coming[place] = claim
    if standing.root_left > 0:
        return coming
    waiting = [claim for lot, claim in coming.items() if standing.waits(lot)]

    def first(claims: list[int]) -> int:
        return min(claims, key=lambda one: turn(standing, one, standing.total[one]))

    lots = range(len(standing.lot_left)) if waiting else list(coming)
    return {lot: first([*waiting, *([coming[lot]] if lot in coming else [])]) for lot in lots}


def _link(standing: Standing, tied: Bottleneck, coming: dict[int, int], barred: Barred) -> Link:
    pool = standing.pool
    claims = [standing.claim_at[name] for name in tied.claims]
    lowest = min(claims, key=lambda c: Fraction(standing.total[c], standing.need[c]))
    own = set(claims)
    lifted = [(lot, claim) for lot in map(standing.lot_at.__getitem__, tied.lots) if (claim := coming.get(lot)) in own]
    return Link(
        item=pool.item,
        tier=tied.tier,
        claims=tied.claims,
        lots=tied.lots,
        fill=f"{min(tied.packs, tied.need)}/{tied.need}",
        lowest=f"{standing.total[lowest]}/{standing.need[lowest]}",
        reasons=_reasons(standing, tied, claims, barred),
        next_packs=tuple(_next(standing, lot, claim) for lot, claim in lifted if claim is not None),
    )


def _next(standing: Standing, lot: int, claim: int) -> NextPack:
    got, need, row = standing.total[claim], standing.need[claim], standing.pool.lots[lot]
    return NextPack(row.id, row.site, standing.pool.claims[claim].id, f"{got}/{need}", f"{got + 1}/{need}")


def _reasons(standing: Standing, tied: Bottleneck, claims: list[int], barred: Barred) -> tuple[Reason, ...]:
    """What binds: the tied lots' stock, what must stay, and why other lots with packs do not come; most packs first."""
    if tied.packs >= tied.need:
        return (Reason(FILLED, tied.need, tied.lots),)
    drops = [drop for claim in claims for drop in standing.drops_of[claim]]
    reached = {lot for drop in drops for lot in standing.lanes[drop]}
    away: dict[str, list[int]] = {}
    for lot, left in enumerate(standing.lot_left):
        packs = left + sum(standing.lines[drop].get(lot, 0) for drop in standing.served[lot])
        if packs and lot not in reached:
            away.setdefault(_why(standing, lot, drops, barred), []).append(lot)
        elif left and lot in reached:
            kind = RESERVE if standing.root_left == 0 else BUFFER
            away.setdefault(kind, []).append(lot)
    own = Reason(STOCK, tied.packs, tied.lots)
    others = [_reason(standing, kind, lots) for kind, lots in away.items()]
    return (own, *sorted(others, key=lambda reason: (-reason.packs, reason.kind)))


def _why(standing: Standing, lot: int, drops: list[int], barred: Barred) -> str:
    """The commonest reason why this lot may not reach these drops; no lane where none is given."""
    name = standing.pool.lots[lot].id
    found = Counter(barred.get((name, standing.pool.drops[drop].id), NO_LANE) for drop in drops)
    return min(found, key=lambda kind: (-found[kind], kind), default=NO_LANE)


def _reason(standing: Standing, kind: str, lots: list[int]) -> Reason:
    packs = 0
    for lot in lots:
        packs += standing.lot_left[lot]
        if kind not in (RESERVE, BUFFER):
            packs += sum(standing.lines[drop].get(lot, 0) for drop in standing.served[lot])
    return Reason(kind, packs, tuple(standing.pool.lots[lot].id for lot in lots))


_WORDS = {
    RESERVE: "stay as the reserve",
    BUFFER: "stay as a depot's buffer",
    NO_LANE: "have no lane to them",
    "expiry": "expire too soon for them",
    "cold_chain": "have no cold chain to them",
    "licence": "have no licence there",
    "need_by": "cannot arrive in time",
}


def _in_words(reason: Reason) -> str:
    if reason.kind == STOCK:
        return (
            f"the stock within their reach is {reason.packs} packs" if reason.lots else "no stock is within their reach"
        )
    return f"{reason.packs} packs elsewhere {_WORDS.get(reason.kind, f'are kept from them by {reason.kind}')}"


def percent(fill: str) -> str:
    """An exact fill as a percentage, rounded down, for reading.

    >>> percent("2/3")
    '66 %'
    """
    return f"{int(100 * Fraction(fill))} %"
