"""Another routing of the same shares that keeps the shared limits, by one mixed-integer program.

Sets: items i, lanes a of i. Data: y_c packs of claim c, v_i a pack's volume, k_a the lane's cost, e_a the rank of
its lot's expiry date. Variables: x_a packs, whole, at least what is picked. Minimise sum of (k_a + K e_a) x_a with
K above all k (dates before costs as far as one sum can say), subject to: claims get y_c, drops at most what they ask,
lots give at most what may move, buffers stay, and volumes v_i x_a keep each dispatch, lane and storage limit.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from ortools.math_opt.python import mathopt

from optimizer.allocation.plan import CompactPlan, Line, Plan, PoolPlan
from optimizer.allocation.problem import CompactPool, Pool, Problem

LARGEST_PROGRAM = 200_000
"""Lanes in one program; beyond this step 2 is left out."""

LIMIT_SECONDS = 20.0


def rerouted(problem: Problem, fair: Plan) -> tuple[PoolPlan | CompactPlan, ...] | None:
    """The pools' plans with other lines and the same totals, or None where none was found in time."""
    if any(isinstance(pool, CompactPool) for pool in problem.pools):
        return None
    coupled = [number for number, pool in enumerate(problem.pools) if pool.unit_volume]
    if sum(len(problem.pools[number].lanes) for number in coupled) > LARGEST_PROGRAM:
        return None
    program = _Program(problem, fair, coupled)
    packs = program.solve()
    if packs is None:
        return None
    pools = list(fair.pools)
    for number in coupled:
        rows = fair.pools[number]
        assert isinstance(rows, PoolPlan)
        pools[number] = PoolPlan(
            rows.item, _lines(problem.pools[number], packs[number]), rows.set_aside, rows.bottlenecks
        )
    return tuple(pools)


class _Program:
    def __init__(self, problem: Problem, fair: Plan, coupled: list[int]) -> None:
        self.problem = problem
        self.model = mathopt.Model(name="routing within shared limits")
        self.moved: dict[int, list[mathopt.Variable]] = {}
        self.volumes: dict[tuple[str, ...], list[mathopt.LinearExpression]] = defaultdict(list)
        costs: list[mathopt.LinearExpression] = []
        for number in coupled:
            costs += self._add(number, problem.pools[number], fair.pools[number])
        for key, limit in self._limits():
            self.model.add_linear_constraint(mathopt.fast_sum(self.volumes[key]) <= limit)
        self.model.minimize(mathopt.fast_sum(costs))

    def _limits(self) -> list[tuple[tuple[str, ...], int]]:
        found: list[tuple[tuple[str, ...], int]] = [(("depot", one.site), one.volume) for one in self.problem.dispatch]
        found += [(("lane", one.site, one.municipality), one.volume) for one in self.problem.vehicles]
        return found + [(("storage", one.municipality), one.volume) for one in self.problem.storage]

    def _add(
        self, number: int, pool: Pool | CompactPool, rows: PoolPlan | CompactPlan
    ) -> list[mathopt.LinearExpression]:
        lots, drops = {lot.id: lot for lot in pool.lots}, {drop.id: drop for drop in pool.drops}
        towns = {claim.id: claim.municipality for claim in pool.claims}
        picked = {(one.lot, one.drop): one.packs for one in pool.picked}
        moved = [
            self.model.add_integer_variable(lb=picked.get((a.lot, a.drop), 0), ub=drops[a.drop].packs)
            for a in pool.lanes
        ]
        self.moved[number] = moved
        sums: dict[tuple[str, str], list[mathopt.Variable]] = defaultdict(list)
        for lane, packs in zip(pool.lanes, moved, strict=True):
            claim, site = drops[lane.drop].claim, lots[lane.lot].site
            for kind, name in (("lot", lane.lot), ("drop", lane.drop), ("claim", claim), ("site", site)):
                sums[kind, name].append(packs)
            keys: tuple[tuple[str, ...], ...] = (
                ("depot", site),
                ("lane", site, towns[claim]),
                ("storage", towns[claim]),
            )
            for key in keys:
                self.volumes[key].append(pool.unit_volume * packs)
        self._constrain(pool, rows, sums)
        rank = {day: at for at, day in enumerate(sorted({lot.expiry for lot in pool.lots}))}
        dearest = max((lane.cost for lane in pool.lanes), default=0) + 1
        return [
            (lane.cost + dearest * rank[lots[lane.lot].expiry]) * packs
            for lane, packs in zip(pool.lanes, moved, strict=True)
        ]

    def _constrain(
        self,
        pool: Pool | CompactPool,
        rows: PoolPlan | CompactPlan,
        sums: dict[tuple[str, str], list[mathopt.Variable]],
    ) -> None:
        model, owner = self.model, {drop.id: drop.claim for drop in pool.drops}
        total: dict[str, int] = defaultdict(int)
        for line in rows.lines:
            total[owner[line.drop]] += line.packs
        for claim in pool.claims:
            model.add_linear_constraint(mathopt.fast_sum(sums["claim", claim.id]) == total[claim.id])
        for drop in pool.drops:
            model.add_linear_constraint(mathopt.fast_sum(sums["drop", drop.id]) <= drop.packs)
        held: dict[str, int] = defaultdict(int)
        for lot in pool.lots:
            held[lot.site] += lot.packs
            model.add_linear_constraint(mathopt.fast_sum(sums["lot", lot.id]) <= lot.packs - lot.immovable_packs)
        for buffer in pool.buffers:
            site = {lot.id for lot in pool.lots if lot.site == buffer.site}
            gone = sum(one.packs for one in pool.picked if one.lot in site)
            most = max(gone, held[buffer.site] - buffer.packs)
            model.add_linear_constraint(mathopt.fast_sum(sums["site", buffer.site]) <= most)

    def solve(self) -> dict[int, list[int]] | None:
        """Whole packs per lane and item, or None; anything but a solution found is None."""
        params = mathopt.SolveParameters(time_limit=timedelta(seconds=LIMIT_SECONDS))
        result = mathopt.solve(self.model, mathopt.SolverType.HIGHS, params=params)
        found = (mathopt.TerminationReason.OPTIMAL, mathopt.TerminationReason.FEASIBLE)
        if result.termination.reason not in found:
            return None
        packs = {
            number: [round(value) for value in result.variable_values(moved)] for number, moved in self.moved.items()
        }
        return packs if self._kept(packs) else None

    def _kept(self, packs: dict[int, list[int]]) -> bool:
        """Count the shared limits again in whole numbers (the rest is the checker's part)."""
        used: dict[tuple[str, ...], int] = defaultdict(int)
        for number, moved in packs.items():
            pool = self.problem.pools[number]
            site, claim = {lot.id: lot.site for lot in pool.lots}, {drop.id: drop.claim for drop in pool.drops}
            towns = {one.id: one.municipality for one in pool.claims}
            for lane, count in zip(pool.lanes, moved, strict=True):
                here, there = site[lane.lot], towns[claim[lane.drop]]
                keys: tuple[tuple[str, ...], ...] = ("depot", here), ("lane", here, there), ("storage", there)
                for key in keys:
                    used[key] += count * pool.unit_volume
        return all(used[key] <= limit for key, limit in self._limits())


def _lines(pool: Pool | CompactPool, packs: list[int]) -> tuple[Line, ...]:
    lot_at = {lot.id: at for at, lot in enumerate(pool.lots)}
    drop_at = {drop.id: at for at, drop in enumerate(pool.drops)}
    lines = [Line(a.lot, a.drop, count) for a, count in zip(pool.lanes, packs, strict=True) if count]
    return tuple(sorted(lines, key=lambda line: (drop_at[line.drop], lot_at[line.lot])))
