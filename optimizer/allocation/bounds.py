"""How far a plan may be from the best: its fills beside those that no plan beats, with what proves these.

Of an item without limits of its own making, the fills of its exact shares; of an item that a rule of thumb shared, all
that may leave divided evenly. Where depots dispatch only so much, the fills of the blocks of claims that this ties
together: whatever is sent, the claims of the first blocks together get at most the volume that their depots can send
to them, so the claims of a block that comes later cannot all be filled beyond what is left of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from optimizer.allocation.plan import Bound, CompactPlan, PoolPlan, Swap
from optimizer.allocation.problem import CompactPool, Pool, Problem

Rows: TypeAlias = PoolPlan | CompactPlan
Block: TypeAlias = tuple[tuple[str, str], ...]
"""(item, claim) of claims tied together."""

ALONE = "every item shared without the shared limits"
HELPED = ", substitutes in any fractions of a swap, each as if for this item alone"
JOINT = "exact fractional fills with dispatch shared by all items"


def bound_of(
    problem: Problem,
    plan: tuple[Sequence[Rows], tuple[Swap, ...]],
    best: Sequence[Rows],
    *,
    blocks: Sequence[Block] = (),
    unshared: Sequence[str] = (),
    cut: str = "",
) -> Bound:
    """The bound of a plan (its rows and swaps) by `best`: each item's rows without the limits; `cut`: why it was cut.

    The plan's own rows stand in `best` for unshared items. The better of the two relaxations counts.
    """
    rows, swaps = plan
    reached = sorted(fills(problem, rows, swaps).values())
    alone = {key: fill for key, fill in fills(problem, best).items() if key[0] not in unshared}
    for pool in problem.pools:
        if pool.item in unshared:
            alone |= ceilings(pool, helped=any(one.item == pool.item for one in problem.substitutes))
    bound, source = sorted(alone.values()), ALONE + (HELPED if problem.substitutes else "")
    proof: tuple[Block, ...] = ()
    if blocks:
        joint = sorted((alone | dict(block_fills(problem, blocks))).values())
        if joint < bound:
            bound, source, proof = joint, JOINT, tuple(blocks)
    rank, mine, most = first_difference(reached, bound)
    if unshared and not rank:
        rank, mine, most = 1, reached[0], bound[0]
    relaxed = tuple(
        one for one, own in zip(best, rows, strict=True) if one.item not in unshared and one.lines != own.lines
    )
    gap = most - mine
    return Bound(
        not rank, rank, str(mine), str(most), str(gap), cut or source, relaxed, unshared=tuple(unshared), blocks=proof
    )


def first_difference(reached: Sequence[Fraction], bound: Sequence[Fraction]) -> tuple[int, Fraction, Fraction]:
    """Where the sorted fills first differ (counted from 1; 0: nowhere), and both fills there."""
    for rank, (mine, most) in enumerate(zip(reached, bound, strict=True), start=1):
        if mine != most:
            return rank, mine, most
    return 0, Fraction(0), Fraction(0)


def fills(problem: Problem, rows: Sequence[Rows], swaps: Iterable[Swap] = ()) -> dict[tuple[str, str], Fraction]:
    """Fills of the first tier's claims by (item, claim), swaps counted in."""
    counts = {(one.of, one.lot, one.item, one.drop): one.counts_as for one in problem.substitutes}
    stood: dict[tuple[str, str], int] = defaultdict(int)
    for one in swaps:
        stood[one.item, one.drop] += one.times * counts[one.of, one.lot, one.item, one.drop]
    found: dict[tuple[str, str], Fraction] = {}
    for pool, row in zip(problem.pools, rows, strict=True):
        got: dict[str, int] = defaultdict(int)
        for line in row.lines:
            got[line.drop] += line.packs
        total: dict[str, int] = defaultdict(int)
        for drop in pool.drops:
            total[drop.claim] += min(drop.packs, got[drop.id] + stood[pool.item, drop.id])
        found |= {(pool.item, claim): Fraction(total[claim], need) for claim, need in first_needs(pool)}
    return found


def first_needs(pool: Pool | CompactPool) -> list[tuple[str, int]]:
    """The claims of the item's first tier that need something, with their needs in packs."""
    first = min((claim.tier for claim in pool.claims), default=0)
    needs = pool.needs()
    return [(claim.id, needs[claim.id]) for claim in pool.claims if claim.tier == first and needs[claim.id]]


def ceilings(pool: Pool | CompactPool, *, helped: bool) -> dict[tuple[str, str], Fraction]:
    """All that may leave shared evenly, as if everything were within everyone's reach; `helped` by substitutes: all."""
    needs = first_needs(pool)
    packs = min(pool.shareable_packs, sum(lot.packs - lot.immovable_packs for lot in pool.lots))
    whole = sum(need for _, need in needs)
    fill = Fraction(1) if helped or packs >= whole else Fraction(packs, whole)
    return {(pool.item, claim): fill for claim, _ in needs}


def block_fills(problem: Problem, blocks: Sequence[Block]) -> Iterator[tuple[tuple[str, str], Fraction]]:
    """What the claims of each block can at best be filled to, first block first; blocks that sink are joined."""
    reach = _Reach(problem)
    volumes: list[tuple[list[tuple[str, str]], int, int]] = []
    before = 0
    for block in blocks:
        need = sum(reach.need[key] for key in block)
        most = min(reach.with_block(block), before + need)
        claims, given = list(block), most - before
        before = most
        while volumes and Fraction(given, need or 1) < Fraction(volumes[-1][1], volumes[-1][2] or 1):
            more, packs, needs = volumes.pop()
            claims, given, need = more + claims, given + packs, need + needs
        volumes.append((claims, given, need))
    for claims, given, need in volumes:
        yield from ((key, Fraction(given, need)) for key in claims if need)


class _Reach:
    """The volume that depots can send to a growing set of claims."""

    def __init__(self, problem: Problem) -> None:
        self.limit = {one.site: one.volume for one in problem.dispatch}
        self.need: dict[tuple[str, str], int] = {}
        self.drops: dict[tuple[str, str], list[tuple[int, list[tuple[str, str]]]]] = defaultdict(list)
        self.lot: dict[tuple[str, str], tuple[str, int]] = {}
        self.wanted: dict[tuple[str, str], int] = defaultdict(int)
        self.site: dict[str, int] = defaultdict(int)
        for pool in problem.pools:
            self._add(pool)

    def _add(self, pool: Pool | CompactPool) -> None:
        volume = pool.unit_volume
        lanes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for lane in pool.lanes:
            lanes[lane.drop].append((pool.item, lane.lot))
        self.lot |= {(pool.item, lot.id): (lot.site, (lot.packs - lot.immovable_packs) * volume) for lot in pool.lots}
        for claim, need in pool.needs().items():
            self.need[pool.item, claim] = need * volume
        for drop in pool.drops:
            self.drops[pool.item, drop.claim].append((drop.packs * volume, lanes[drop.id]))

    def with_block(self, block: Block) -> int:
        """The volume that can be sent to these claims and all before."""
        for key in block:
            for volume, lots in self.drops[key]:
                for name in lots:
                    site, held = self.lot[name]
                    asked = self.wanted[name]
                    self.wanted[name] = asked + volume
                    self.site[site] += min(held, asked + volume) - min(held, asked)
        return sum(min(volume, self.limit.get(site, volume)) for site, volume in self.site.items())


def worse(one: Mapping[tuple[str, str], Fraction], other: Mapping[tuple[str, str], Fraction]) -> bool:
    """Whether the first fills, in order, are below the second ones."""
    return sorted(one.values()) < sorted(other.values())
