"""Substitutes by ratio: the exact shares of an item with what may stand in for it, and their whole swaps.

A substitute is stock of another item that this item's claims may draw on besides their own: lots of its own in
the item's pool, each with the packs that whole swaps of it stand for, all of one substitute together bounded by what
the claims on it leave. Such a pool is shared exactly (`model`). Two things are then not exact: several items may want
one substitute, and which lots of it stay is decided without them. So the shares are taken once with all that could
stay, which nothing beats, and once with what does stay, which can be carried out; where they agree the plan is best.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from optimizer.allocation.compact import spread
from optimizer.allocation.plan import CompactPlan, PoolPlan, Swap
from optimizer.allocation.problem import Buffer, CompactPool, Lane, Lot, Pool, Problem, Substitute
from optimizer.allocation.standing import Standing, standing_after

Rows: TypeAlias = PoolPlan | CompactPlan
ShareOne: TypeAlias = Callable[[Pool | CompactPool], Rows]

OWN = "="


@dataclass(frozen=True, slots=True)
class Stock:
    """Packs of the substitutes that may stand in: by (item, lot), and of each item in all."""

    lots: Mapping[tuple[str, str], int]
    total: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Helped:
    """Shares with substitutes: rows and swaps of a plan, and the rows that nothing beats (lots "item/lot" stand in).

    `rows` is None where whole swaps do not come out.
    """

    rows: tuple[Rows, ...] | None
    swaps: tuple[Swap, ...]
    best: tuple[Rows, ...]


def wanted(problem: Problem, rows: Sequence[Rows]) -> dict[str, list[Substitute]]:
    """By item of which a claim misses packs, its substitutes: who takes one leaves the item itself to others."""
    found: dict[str, list[Substitute]] = {}
    offers: dict[str, list[Substitute]] = defaultdict(list)
    for one in problem.substitutes:
        offers[one.item].append(one)
    for pool, row in zip(problem.pools, rows, strict=True):
        if pool.item in offers:
            got = _got(pool, row)
            if any(got[claim] < need for claim, need in pool.needs().items() if claim not in row.set_aside):
                found[pool.item] = offers[pool.item]
    return found


def helped(
    problem: Problem,
    rows: Sequence[Rows],
    offers: Mapping[str, list[Substitute]],
    share_one: ShareOne,
    unshared: Sequence[str] = (),
) -> Helped:
    """The shares of the items in `offers` with their substitutes; what a rule of thumb shared may leave anything."""
    possible = could_stay(problem, rows, {*offers, *unshared})
    pools = {pool.item: pool for pool in problem.pools}
    at = {pool.item: number for number, pool in enumerate(problem.pools)}
    plain = {item: [one for one in some if one.of not in offers] for item, some in offers.items()}
    giving = {
        of: standing_after(pools[of], rows[at[of]])[0]
        for of in sorted({one.of for some in plain.values() for one in some})
    }
    best, made, swaps = list(rows), list(rows), list[Swap]()
    whole = True
    for item in sorted(offers, key=at.__getitem__):
        best[at[item]] = share_one(with_stand_ins(pools[item], offers[item], possible))
        stands = with_stand_ins(pools[item], plain[item], _stays(giving, plain[item]))
        row, swapped = _carried_out(pools[item], share_one(stands), plain[item], giving)
        whole = whole and _useful(pools[item], row, swapped, plain[item])
        made[at[item]] = row
        swaps += swapped
    return Helped(tuple(made) if whole else None, tuple(swaps), tuple(best))


def could_stay(problem: Problem, rows: Sequence[Rows], open_: set[str]) -> Stock:
    """All of each substitute that its own claims could leave; of items in `open_` all that may leave."""
    lots: dict[tuple[str, str], int] = {}
    total: dict[str, int] = {}
    named = {one.of for one in problem.substitutes}
    for pool, row in zip(problem.pools, rows, strict=True):
        if pool.item in named:
            lots |= {(pool.item, lot.id): lot.packs - lot.immovable_packs for lot in pool.lots}
            own = 0 if pool.item in open_ else sum(line.packs for line in row.lines)
            total[pool.item] = max(0, min(pool.shareable_packs, sum(_packs(pool))) - own)
    return Stock(lots, total)


def with_stand_ins(pool: Pool | CompactPool, offers: Iterable[Substitute], stock: Stock) -> Pool:
    """The item's pool with the substitutes' lots as "item/lot", taken last, in packs of what they stand for.

    The item's own lots give no more than may be shared of it; where that binds, its buffers are left to the check.
    """
    own = spread(pool)
    by_lot: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    lanes = []
    for one in offers:
        by_lot[one.of, one.lot].add((one.packs, one.counts_as))
        lanes.append(Lane(f"{one.of}/{one.lot}", one.drop, one.cost))
    stand_ins, buffers, most = [], [], 0
    for of in sorted({of for of, _ in by_lot}):
        mine = {name: ratios for name, ratios in by_lot.items() if name[0] == of}
        lots = [
            Lot(f"{of}/{lot}", f"={of}", date.max, _stands_for(stock.lots[of, lot], ratios))
            for (_, lot), ratios in sorted(mine.items())
        ]
        held, may = (
            sum(lot.packs for lot in lots),
            _stands_for(stock.total[of], {ratio for some in mine.values() for ratio in some}),
        )
        buffers += [Buffer(f"={of}", held - may)] if may < held else []
        most += min(held, may)
        stand_ins += lots
    movable = sum(_packs(own))
    if own.shareable_packs < movable:
        kept = sum(lot.packs for lot in own.lots) - own.shareable_packs
        own = replace(own, lots=tuple(replace(lot, site=OWN) for lot in own.lots), buffers=(Buffer(OWN, kept),))
    return replace(
        own,
        shareable_packs=min(movable, own.shareable_packs) + most,
        lots=(*own.lots, *stand_ins),
        lanes=(*own.lanes, *lanes),
        buffers=(*own.buffers, *buffers),
    )


def _stands_for(packs: int, ratios: set[tuple[int, int]]) -> int:
    """Packs of the item that so many of the substitute stand for at most; whole swaps where there is one ratio."""
    if len(ratios) == 1:
        ((taken, counts),) = ratios
        return packs // taken * counts
    return max(packs * counts // taken for taken, counts in ratios)


def _stays(giving: Mapping[str, Standing], offers: Iterable[Substitute]) -> Stock:
    """What of the substitutes does stay after all that was given so far."""
    lots = {}
    for one in offers:
        standing = giving[one.of]
        lot = standing.lot_at[one.lot]
        left = min(standing.lot_left[lot], standing.root_left)
        if standing.above[lot] != standing.root:
            left = min(left, standing.site_left[standing.above[lot] - standing.first_site])
        lots[one.of, one.lot] = max(0, left)
    return Stock(lots, {of: max(0, giving[of].root_left) for of, _ in lots})


def _carried_out(
    pool: Pool | CompactPool, shared: Rows, offers: Iterable[Substitute], giving: Mapping[str, Standing]
) -> tuple[PoolPlan, list[Swap]]:
    """The item's own lines, and whole swaps for what stands in; a swap that its lot does not allow is left out."""
    known = {(f"{one.of}/{one.lot}", one.drop): one for one in offers}
    lines, swaps = [], []
    for line in shared.lines:
        one = known.get((line.lot, line.drop))
        if one is None:
            lines.append(line)
            continue
        times, standing = -(-line.packs // one.counts_as), giving[one.of]
        while times and not standing.can_leave(standing.lot_at[one.lot], times * one.packs):
            times -= 1
        if times:
            standing.take(standing.lot_at[one.lot], times * one.packs)
            swaps.append(Swap(one.of, one.lot, one.item, one.drop, times))
    return PoolPlan(pool.item, tuple(lines), shared.set_aside, ()), swaps


def _useful(pool: Pool | CompactPool, row: PoolPlan, swaps: Iterable[Swap], offers: Iterable[Substitute]) -> bool:
    """Whether the item's own limits hold and nobody gets less than is of use."""
    standing, findings = standing_after(pool, row)
    counts = {(one.of, one.lot, one.drop): one.counts_as for one in offers}
    for swap in swaps:
        drop = standing.drop_at[swap.drop]
        gained = min(swap.times * counts[swap.of, swap.lot, swap.drop], standing.drop_room[drop])
        standing.drop_room[drop] -= gained
        standing.total[standing.owner[drop]] += gained
    kept = min([standing.root_left, *standing.lot_left, *standing.site_left, *standing.drop_room]) >= 0
    small = any(0 < packs < standing.useful(claim) for claim, packs in enumerate(standing.total))
    return not findings and kept and not small


def _got(pool: Pool | CompactPool, row: Rows) -> dict[str, int]:
    owner, got = {drop.id: drop.claim for drop in pool.drops}, dict.fromkeys(pool.needs(), 0)
    for line in row.lines:
        got[owner[line.drop]] += line.packs
    return got


def _packs(pool: Pool | CompactPool) -> list[int]:
    """Packs of each lot that may move."""
    return [lot.packs - lot.immovable_packs for lot in pool.lots]
