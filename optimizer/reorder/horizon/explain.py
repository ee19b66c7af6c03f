"""What more service would cost, what scarce clauses cost, and what keeps a line from being served.

More service is planned anew in the room that the other lines leave, and so can be had; what a clause loses holds at the
plan's prices: it says what a small change is worth, not what a large one does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from optimizer.reorder.horizon.dynamic import Search, true_charges
from optimizer.reorder.horizon.master import Bound
from optimizer.reorder.horizon.plan import Plan
from optimizer.reorder.horizon.primal import Keeper
from optimizer.reorder.horizon.problem import Problem
from optimizer.reorder.horizon.rows import Rows, rows
from optimizer.reorder.horizon.tally import tally
from optimizer.reorder.horizon.terms import Ints, Reals, Terms, terms

STEPS = (2, 4, 8, 16, 32)
"""The next better service of a line is looked for with its unmet units this many times as dear."""


@dataclass(frozen=True, slots=True)
class NextService:
    """What a line's plan serves, and what `units` more would cost (thousandths), all other lines as they are.

    `extra_milli_per_unit` and `units` are none where all is served, or where no dearer plan serves more.
    """

    line: str
    served_permille: int
    units: int | None
    extra_milli_per_unit: int | None


@dataclass(frozen=True, slots=True)
class Scarce:
    """A clause that presses: with one less of its room no plan is cheaper than the bound plus this (thousandths)."""

    clause: str
    loss_milli_per_unit: str


@dataclass(frozen=True, slots=True)
class Unserved:
    """A line that must be served and is not: by its own terms in any plan (`alone` units), or by shared clauses."""

    line: str
    units: int
    alone: int
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All three, lines in the problem's order, clauses with the dearest first."""

    services: tuple[NextService, ...]
    scarce: tuple[Scarce, ...]
    unserved: tuple[Unserved, ...]

    def canonical(self) -> bytes:
        """The explanation as canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()


def explain(problem: Problem, plan: Plan) -> Explanation:
    """What the plan's prices say; the plan must be for the problem."""
    data = terms(problem)
    shared = rows(data)
    told = {one.clause: float(one.price) for one in plan.prices}
    prices = np.array([told.get(name, 0.0) for name in shared.names])
    scarce = sorted(plan.prices, key=lambda one: -float(one.price))
    return Explanation(
        tuple(_services(data, shared, plan, prices)),
        tuple(Scarce(one.clause, one.price) for one in scarce),
        tuple(_unserved(data, plan)),
    )


def _services(data: Terms, shared: Rows, plan: Plan, prices: Reals) -> Iterator[NextService]:
    placed = placed_units(data.problem, plan)
    true = tally(data, shared, placed)
    found: dict[int, tuple[int, int]] = {}
    for factor in STEPS:
        dear = replace(data, unmet=data.unmet * factor)
        keeper = Keeper(dear, shared, Bound(0, prices, np.zeros(len(placed))))
        for at, units in enumerate(placed):
            keeper.put(at, units)
        for at, service in enumerate(plan.services):
            if service.unmet and at not in found and keeper.improve(at, 0.0):
                more = tally(data, shared, keeper.units[at][None], np.array([at]))
                fewer = int((true.unmet[at] - more.unmet[0]) // max(1, data.unmet[at]))
                extra = int(more.cost[0] - more.unmet[0]) - int(true.cost[at] - true.unmet[at])
                if fewer > 0:
                    found[at] = fewer, round(extra / fewer)
                keeper.put(at, placed[at])
    for at, service in enumerate(plan.services):
        permille = (service.demand - service.unmet) * 1000 // service.demand if service.demand else 1000
        units_more, per_unit = found.get(at, (None, None))
        yield NextService(service.line, permille, units_more, per_unit)


def placed_units(problem: Problem, plan: Plan) -> Ints:
    """The plan's orders as units by line, offer and week."""
    offers = max(1, *(len(line.offers) for line in problem.lines))
    placed = np.zeros((len(problem.lines), offers, problem.weeks), np.int64)
    where = {
        (line.id, offer.id): (at, place)
        for at, line in enumerate(problem.lines)
        for place, offer in enumerate(line.offers)
    }
    for order in plan.orders:
        placed[(*where[order.line, order.offer], order.week)] = order.units
    return placed


def _unserved(data: Terms, plan: Plan) -> Iterator[Unserved]:
    if not plan.cost.unserved:
        return
    _, units = Search(data).best(true_charges(data))
    alone = tally(data, rows(data), units).unmet // np.maximum(1, data.unmet)
    for at, (line, service) in enumerate(zip(data.problem.lines, plan.services, strict=True)):
        if line.unmet_minor is None and service.unmet:
            own = int(alone[at])
            first = min((offer.lead_weeks for offer in line.offers), default=None)
            arrives = "nobody offers it" if first is None else f"the quickest offer takes {first} weeks"
            reason = f"its own terms leave {own} unserved in any plan: {arrives}" if own else ""
            if service.unmet > own:
                pressing = ", ".join(one.clause for one in plan.prices[:5]) or "none that has a price"
                shared = f"shared clauses leave {service.unmet - own} unserved; those that press: {pressing}"
                reason = f"{reason}; {shared}" if reason else shared
            yield Unserved(line.id, service.unmet, own, reason)
