"""Judge any plan of the neutral format: feasible or not, and its measures; no solver, no NumPy, no model code.

Feasible means: every line runs on a listed lane with a lot that keeps long enough,
is not negative, and lots, demands, lanes and depots give and get no more than they
have, each within TOLERANCE of its own limit (at least of 1). Lines of the same lot
and municipality add up; a pair without a demand asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from optimizer.reference.plan import Line, Plan
from optimizer.reference.problem import Problem

TOLERANCE = 1e-6
SHOWN = 5
SOON = range(31, 121)
"""Days of expiry whose units are reported when they stay behind."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`violations` say in plain words what is broken; the rest are the format's measures of the plan."""

    violations: tuple[str, ...]
    min_service: float
    median_service: float
    weighted_served: float
    cost: float
    lines: int
    lines_not_whole_packs: int
    units_expiring_soon_left: float
    units_expiring_soon: float

    @property
    def feasible(self) -> bool:
        """Nothing is broken."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """The verdict with the keys that the format's own checker prints."""
        return {
            "feasible": self.feasible,
            "violations": list(self.violations[:SHOWN]),
            "n_violations": len(self.violations),
            **{name: value for name, value in asdict(self).items() if name in _PRINTED},
            "units_expiring_day31_120_left": self.units_expiring_soon_left,
            "units_expiring_day31_120": self.units_expiring_soon,
        }


_PRINTED = ("min_service", "median_service", "weighted_served", "cost", "lines", "lines_not_whole_packs")


def check(problem: Problem, plan: Plan) -> Verdict:
    """Judge a plan against its problem."""
    totals = _Totals(problem)
    refused = [words for line in plan.lines for words in totals.take(line)]
    fills = totals.service()
    soon = {name: lot.quantity for name, lot in problem.lots.items() if lot.expiry_day in SOON}
    return Verdict(
        violations=(*refused, *totals.excesses()),
        min_service=fills[0],
        median_service=fills[len(fills) // 2],
        weighted_served=sum(totals.served().values()),
        cost=totals.cost,
        lines=len(plan.lines),
        lines_not_whole_packs=totals.broken_packs,
        units_expiring_soon_left=sum(quantity - totals.given.get(name, 0.0) for name, quantity in soon.items()),
        units_expiring_soon=sum(soon.values()),
    )


@dataclass(slots=True)
class _Totals:
    """What all lines together take from lots, lanes (litres) and depots (litres), and bring to demands."""

    problem: Problem
    given: dict[str, float] = field(default_factory=dict)
    received: dict[tuple[str, str], float] = field(default_factory=dict)
    carried: dict[tuple[str, str], float] = field(default_factory=dict)
    dispatched: dict[str, float] = field(default_factory=dict)
    cost: float = 0.0
    broken_packs: int = 0

    def take(self, line: Line) -> Iterator[str]:
        """Add one line; a line without a lane adds nothing."""
        lot = self.problem.lots[line.lot]
        lane = self.problem.lanes.get((lot.depot, line.municipality))
        if lane is None:
            yield f"lot {line.lot}: no lane leads from {lot.depot} to {line.municipality}"
            return
        if not self.problem.eligible(lot, lane):
            yield f"lot {line.lot}: expires on day {lot.expiry_day}, too soon for {line.municipality}"
        if line.quantity < 0:
            yield f"lot {line.lot}: a negative quantity, {line.quantity:g}, goes to {line.municipality}"
        item = self.problem.items[lot.item]
        litres = line.quantity * item.unit_volume
        packs = line.quantity / item.pack
        self.broken_packs += abs(packs - round(packs)) > TOLERANCE
        self.cost += litres * lane.cost_per_litre
        _add(self.given, line.lot, line.quantity)
        _add(self.received, (line.municipality, lot.item), line.quantity)
        _add(self.carried, (lot.depot, line.municipality), litres)
        _add(self.dispatched, lot.depot, litres)

    def excesses(self) -> Iterator[str]:
        """Limits that the lines break together."""
        problem = self.problem
        lots = {name: lot.quantity for name, lot in problem.lots.items()}
        lanes = {ends: lane.capacity for ends, lane in problem.lanes.items()}
        yield from _over("lot", "units", self.given, lots)
        yield from _over("demand", "units", self.received, problem.demands)
        yield from _over("lane", "litres", self.carried, lanes)
        yield from _over("depot", "litres", self.dispatched, problem.depots)

    def served(self) -> dict[str, float]:
        """Criticality-weighted quantity that each municipality receives of what it asks for."""
        served: dict[str, float] = {}
        for (municipality, item), quantity in self.problem.demands.items():
            if quantity > 0:
                got = self.received.get((municipality, item), 0.0)
                _add(served, municipality, self.problem.items[item].criticality * got)
        return served

    def service(self) -> list[float]:
        """Weighted service of the municipalities that need something, lowest first."""
        served, weights = self.served(), self.problem.municipalities
        return sorted(served[name] / need / weights[name] for name, need in self.problem.needs().items())


def _add(totals: dict[Any, float], key: Any, amount: float) -> None:
    totals[key] = totals.get(key, 0.0) + amount


def _over(kind: str, unit: str, totals: Mapping[Any, float], limits: Mapping[Any, float]) -> Iterator[str]:
    for key, total in totals.items():
        limit = limits.get(key, 0.0)
        if total > limit + TOLERANCE * max(1.0, limit):
            name = key if isinstance(key, str) else " to ".join(key) if kind == "lane" else " of ".join(key)
            yield f"{kind} {name}: {total:g} {unit}, and the limit is {limit:g}"
