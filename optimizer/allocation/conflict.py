"""Promises that cannot all be kept: the smallest set in conflict, and the cheapest way out.

Plain whole numbers and nothing of the model: the walk of the independent check finds both.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.allocation.pool import Pool, ProblemError
from optimizer.allocation.problem import Problem
from optimizer.allocation.standing import Standing


@dataclass(frozen=True, slots=True)
class Conflict:
    """Claims whose floors together exceed what can reach them, none of which can be left out of that statement.

    `floors` packs are promised to `claims`, `reachable` can come; the way out lacks `missing` packs: lower these
    floors by that much in all (`cuts`, the least entitled or protected by tier first), or bring as many packs
    within reach of the claims (through `lots`; `limits` name the total or the buffers that bind).
    """

    item: str
    claims: tuple[str, ...]
    floors: int
    reachable: int
    missing: int
    lots: tuple[str, ...]
    limits: tuple[str, ...]
    cuts: tuple[tuple[str, int], ...]

    def sentence(self) -> str:
        """The conflict and the way out in plain words."""
        bound = f" ({', '.join(self.limits)})" if self.limits else ""
        cuts = ", ".join(f"{claim} by {packs}" for claim, packs in self.cuts)
        return (
            f"{self.item}: {self.floors} packs are promised to {', '.join(self.claims)} and only {self.reachable} can "
            f"reach them{bound}. Lower the promises of {cuts}, or bring {self.missing} packs more within their reach."
        )


class ContradictionError(ProblemError):
    """A problem whose promises cannot all be kept; `conflict` says which."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(conflict.sentence())
        self.conflict = conflict

    def __reduce__(self) -> tuple[type[ContradictionError], tuple[Conflict]]:
        return type(self), (self.conflict,)


def conflicts(problem: Problem) -> list[Conflict]:
    """Of every item whose promises cannot all be kept, the smallest set in conflict; empty where all can."""
    found = []
    for pool in problem.pools:
        if isinstance(pool, Pool) and any(claim.entitled_packs or claim.protected_packs for claim in pool.claims):
            standing = _filled(pool, None)
            if any(got < floor for got, floor in zip(standing.total, standing.floor, strict=True)):
                found.append(conflict_of(pool))
    return found


def conflict_of(pool: Pool) -> Conflict:
    """The smallest set of promises in conflict (by leaving out, one by one, what is not needed for it).

    Raises AssertionError where all floors can be kept.
    """
    standing = _filled(pool, None)
    short = [c for c, floor in enumerate(standing.floor) if standing.total[c] < floor]
    assert short, "no promise is broken"
    toward: dict[int, int] = {}
    reached = [place - standing.first_claim for place in standing.within_reach(short[0], toward)]
    within = {short[0]} | {c for c in reached if 0 <= c < len(pool.claims) and standing.floor[c]}
    needed = sorted(within)
    for claim in reversed(sorted(within)):
        without = [c for c in needed if c != claim]
        trial = _filled(pool, set(without))
        if any(trial.total[c] < trial.floor[c] for c in without):
            needed = without
    return _described(pool, needed)


def _filled(pool: Pool, kept: set[int] | None) -> Standing:
    """Bring the claims in `kept` (None: all) their floors as far as they can be brought."""
    standing = Standing(pool)
    for claim, floor in enumerate(standing.floor):
        if kept is None or claim in kept:
            standing.fill_from_free_stock(claim, up_to=floor)
    return standing


def _described(pool: Pool, needed: list[int]) -> Conflict:
    standing = _filled(pool, set(needed))
    floors = sum(standing.floor[c] for c in needed)
    reachable = sum(standing.total[c] for c in needed)
    lots = {lot for c in needed for drop in standing.drops_of[c] for lot in standing.lanes[drop]}
    limits = [f"only {pool.shareable_packs} may be shared"] if standing.root_left == 0 else []
    sites = {pool.lots[lot].site for lot in lots}
    for buffer, left in zip(pool.buffers, standing.site_left, strict=True):
        if buffer.site in sites and left == 0:
            limits.append(f"{buffer.site} keeps a buffer of {buffer.packs}")
    return Conflict(
        item=pool.item,
        claims=tuple(pool.claims[c].id for c in needed),
        floors=floors,
        reachable=reachable,
        missing=floors - reachable,
        lots=tuple(pool.lots[lot].id for lot in sorted(lots)),
        limits=tuple(limits),
        cuts=_cuts(pool, standing, needed, floors - reachable),
    )


def _cuts(pool: Pool, standing: Standing, needed: list[int], missing: int) -> tuple[tuple[str, int], ...]:
    """Whose promises to lower: last tiers first, then the promises that are easiest to bear (greatest need first).

    Any pack of the set will do: it is smallest, so each claim's floor is part of the same shortage.
    """
    cuts = []
    for claim in sorted(needed, key=lambda c: (-pool.claims[c].tier, -standing.need[c], c)):
        packs = min(missing, standing.floor[claim] - _picked(standing, claim))
        if packs > 0:
            cuts.append((pool.claims[claim].id, packs))
            missing -= packs
    return tuple(cuts)


def _picked(standing: Standing, claim: int) -> int:
    return sum(packs for (_, drop), packs in standing.picked.items() if standing.owner[drop] == claim)
