"""What of a plan over many weeks is ordered tonight: contracts' minimum orders kept, the rest planned again later.

The minimum value of one order under a contract is no clause of the model. Where tonight's orders of a contract stay
below it, two plans are held against each other: later orders of the same plan are brought forward until they reach
the minimum, or the contract is closed for tonight and all is planned anew. The cheaper of those that break no rule
stands. The bound is that of the problem without minimum orders, or of the one with contracts closed, as it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.explain import Explanation, explain, placed_units
from optimizer.reorder.horizon.master import Bound
from optimizer.reorder.horizon.model import GAP, assemble, plan_horizon
from optimizer.reorder.horizon.plan import Plan
from optimizer.reorder.horizon.primal import Keeper
from optimizer.reorder.horizon.problem import Line, Offer, Problem
from optimizer.reorder.horizon.rows import rows
from optimizer.reorder.horizon.terms import Ints, terms

ROUNDS = 60
"""Rounds of the search for the plan: a fixed number, so that the same night gives the same orders."""
ATTEMPTS = 4
LEVEL_WEEKS = 1
"""Weeks beyond an offer's lead time up to which the order-up-to rule fills."""


@dataclass(frozen=True, slots=True)
class Night:
    """A problem whose week 0 is tonight, and the least value (minor units) of one order under each contract."""

    problem: Problem
    minimums: tuple[tuple[str, int], ...] = ()
    limit_seconds: float = 60.0
    rounds: int = ROUNDS


@dataclass(frozen=True, slots=True)
class Tonight:
    """The plan, for the problem it was at last made for, what its prices say, and what was done for the minimums."""

    problem: Problem
    plan: Plan
    explanation: Explanation
    notes: tuple[str, ...]


def plan_tonight(night: Night) -> Tonight:
    """The best plan found whose orders of week 0 reach every contract's minimum; the same night, the same plan."""

    def planned(problem: Problem) -> Plan:
        return plan_horizon(problem, gap=GAP, limit_seconds=night.limit_seconds / 2, rounds=night.rounds)

    return _kept(night, planned)


def order_up_to(night: Night) -> Tonight:
    """What common stock systems do: fill each line up to its need until the cheapest offer's next arrival.

    Orders tonight only, line after line, as far as every clause allows. Its bound is what stock can at most be worth
    at the end, so that it is hardly ever called proven.
    """

    def planned(problem: Problem) -> Plan:
        data = terms(problem)
        keeper = _keeper(problem, np.zeros((*data.offered.shape, problem.weeks), np.int64))
        for at, line in enumerate(problem.lines):
            _fill(keeper, at, line)
        return assemble(data, keeper.rows, keeper.units, keeper.bound, GAP)

    return _kept(night, planned)


def _kept(night: Night, planned: Callable[[Problem], Plan]) -> Tonight:
    problem, notes, found = night.problem, list[str](), list[tuple[Problem, Plan, list[str]]]()
    for attempt in range(ATTEMPTS):
        plan = planned(problem)
        below = [contract for contract, least in night.minimums if 0 < _tonight(problem, plan, contract) < least]
        fuller = _all_brought_forward(night, problem, plan, below)
        if fuller is not None:
            brought = [f"later orders of {one} are brought forward to reach its minimum order" for one in below]
            found.append((problem, fuller, [*notes, *brought]))
        if not below:
            break
        closing = set(below) if attempt < ATTEMPTS - 2 else {contract for contract, _ in night.minimums}
        notes += [f"{one} waits: what is needed of it tonight is below its minimum order" for one in below]
        problem = _closed(problem, closing)
    problem, plan, notes = min(found, key=lambda one: one[1].cost.total)
    return Tonight(problem, plan, explain(problem, plan), tuple(notes))


def _all_brought_forward(night: Night, problem: Problem, plan: Plan, below: list[str]) -> Plan | None:
    """The plan with each of these contracts brought up to its minimum; none where one cannot be."""
    made: Plan | None = plan
    for contract in below:
        made = None if made is None else _brought_forward(problem, made, contract, dict(night.minimums)[contract])
    return made


def _offers(problem: Problem) -> dict[tuple[str, str], Offer]:
    return {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}


def _tonight(problem: Problem, plan: Plan, contract: str) -> int:
    """What tonight's ordinary orders under the contract cost; an option has its own order and no minimum."""
    offers = _offers(problem)
    return sum(
        order.cost_minor
        for order in plan.orders
        if order.week == 0 and _ordinary(offers[order.line, order.offer], contract)
    )


def _ordinary(offer: Offer, contract: str) -> bool:
    return offer.contract == contract and not offer.surge_option


def _brought_forward(problem: Problem, plan: Plan, contract: str, least: int) -> Plan | None:
    """The plan with the contract's next orders placed tonight until they reach the minimum; none if they cannot."""
    offers, units = _offers(problem), placed_units(problem, plan)
    where = {line.id: at for at, line in enumerate(problem.lines)}
    later = [o for o in plan.orders if o.week > 0 and _ordinary(offers[o.line, o.offer], contract)]
    for order in later:
        line, offer = problem.lines[where[order.line]], offers[order.line, order.offer]
        if offer.order_weeks and 0 not in offer.order_weeks:
            continue
        row = units[where[order.line], line.offers.index(offer)]
        row[0], row[order.week] = row[0] + order.units, 0
        fuller = _assembled(problem, plan, units)
        if fuller is None:
            return None
        if _tonight(problem, fuller, contract) >= least:
            return fuller
    return None


def _assembled(problem: Problem, plan: Plan, units: Ints) -> Plan | None:
    """These orders as a plan with the other plan's bound, or none where they break a rule."""
    data, told = terms(problem), {one.clause: float(one.price) for one in plan.prices}
    shared = rows(data)
    prices = np.array([told.get(name, 0.0) for name in shared.names])
    made = assemble(data, shared, units, Bound(plan.bound, prices, np.zeros(len(units))), plan.asked_gap_ppm / 1e6)
    return made if check(problem, made).feasible else None


def _closed(problem: Problem, contracts: set[str]) -> Problem:
    """The problem with nothing ordered tonight under these contracts, options aside."""
    return replace(problem, lines=tuple(_closed_line(problem, line, contracts) for line in problem.lines))


def _closed_line(problem: Problem, line: Line, contracts: set[str]) -> Line:
    offers = []
    for offer in line.offers:
        if offer.contract not in contracts or offer.surge_option:
            offers.append(offer)
            continue
        weeks = tuple(week for week in offer.order_weeks or range(problem.weeks) if week)
        if weeks:
            offers.append(replace(offer, order_weeks=weeks))
    return replace(line, offers=tuple(offers))


def _keeper(problem: Problem, units: Ints) -> Keeper:
    data = terms(problem)
    shared = rows(data)
    lowest = -int((data.most * data.residual).sum())
    return Keeper(data, shared, Bound(lowest, np.zeros(len(shared.names)), np.zeros(len(units))))


def _fill(keeper: Keeper, at: int, line: Line) -> None:
    """Fill one line from the cheapest offer that is open tonight and whose order keeps every clause."""
    open_now = [offer for offer in line.offers if not offer.order_weeks or 0 in offer.order_weeks]
    firm = sum(lot.units for lot in line.stock) + sum(one.units for one in line.inbound)
    for offer in sorted(open_now, key=lambda one: (one.tiers[0].price_minor, one.id)):
        need = sum(line.demand[: offer.lead_weeks + LEVEL_WEEKS]) + line.floor - firm
        step = offer.multiple_units
        size = -(-max(need, offer.minimum_units) // step) * step
        if need <= 0 or size > line.most_on_hand() - firm or offer.lead_weeks >= len(line.demand):
            continue
        units = keeper.units[at].copy()
        units[line.offers.index(offer), 0] = size
        keeper.put(at, units)
        if keeper.kept():
            return
        keeper.put(at, np.zeros_like(units))
