"""The whole search: prices and bound, then a plan that keeps every clause, then both in one plan that says so.

Terms of the model are in `problem` (data), `rows` (shared clauses), `dynamic` (one line), `master` (prices and bound)
and `primal` (the plan). Nothing here reads a clock but to keep the time limit.
"""

from __future__ import annotations

import math
import time

import numpy as np

from optimizer.reorder.horizon.dynamic import Search
from optimizer.reorder.horizon.master import Bound, Pool, bound_at, priced
from optimizer.reorder.horizon.plan import FEASIBLE, PROVEN, UNSERVED, Cost, Order, Plan, Price, Service
from optimizer.reorder.horizon.primal import Keeper, polish
from optimizer.reorder.horizon.problem import Problem
from optimizer.reorder.horizon.reasons import reasons
from optimizer.reorder.horizon.rows import Rows, rows
from optimizer.reorder.horizon.tally import flow, spend, tally
from optimizer.reorder.horizon.terms import Ints, Reals, Terms, terms

GAP = 0.0005
LIMIT_SECONDS = 60.0
BOUND_SHARE = 0.6
"""Of the time, at most this much goes into the bound."""
BOUND_GAP = 0.25
"""Of the gap that is asked for, this much is left to the bound."""
PRICES_GAP = 2e-4
"""Prices are worked out at least as far as this: they lead the search for the plan too."""
ROUNDS = 1_000_000
SEED = 1
PPM = 1_000_000
_DECIMALS = 6


def plan_horizon(
    problem: Problem,
    *,
    gap: float = GAP,
    limit_seconds: float = LIMIT_SECONDS,
    rounds: int = ROUNDS,
    seed: int = SEED,
) -> Plan:
    """A plan whose cost is within `gap` of its bound, or the best found in time (wall) or after `rounds`.

    Where neither time nor rounds end the search, the same problem gives the same plan. Raises MasterError when the
    solver reports a status that cannot be.
    """
    began = time.monotonic()
    data = terms(problem)
    shared, search, pool = rows(data), Search(data), Pool()
    fine = min(gap * BOUND_GAP, PRICES_GAP)
    bound = priced(data, shared, search, pool, gap=fine, deadline=began + limit_seconds * BOUND_SHARE)
    bound = _stated(data, shared, search, bound)
    keeper = Keeper(data, shared, bound)
    target = bound.value / (1 - gap) if bound.value > 0 else bound.value
    polish(keeper, target=target, deadline=began + limit_seconds, seed=seed, rounds=rounds)
    assert keeper.kept(), "the plan breaks a clause"
    return assemble(data, shared, keeper.units, bound, gap)


def _stated(data: Terms, shared: Rows, search: Search, bound: Bound) -> Bound:
    """The bound at prices of few decimals, so that the plan's text is enough to find it again."""
    short = np.floor(bound.prices * 10**_DECIMALS) / 10**_DECIMALS
    return bound_at(data, shared, search, short)[0]


def assemble(data: Terms, shared: Rows, units: Ints, bound: Bound, gap: float) -> Plan:
    """The plan that places these orders (I, S, T), with every figure counted anew."""
    cost = _cost(data, shared, units)
    ppm = math.ceil(gap * PPM)
    proven = (cost.total - bound.value) * PPM <= ppm * abs(cost.total)
    status = UNSERVED if cost.unserved else PROVEN if proven else FEASIBLE
    prices = [
        Price(name, f"{price:.{_DECIMALS}f}")
        for name, price in zip(shared.names, bound.prices, strict=True)
        if price > 0
    ]
    return Plan(
        data.problem.digest(),
        status,
        ppm,
        _orders(data, shared, units, bound.prices),
        cost,
        min(bound.value, cost.total),
        _services(data, units),
        tuple(prices),
    )


def _cost(data: Terms, shared: Rows, units: Ints) -> Cost:
    counted = tally(data, shared, units)
    must = np.array([line.unmet_minor is None for line in data.problem.lines])
    unmet, unserved = int(counted.unmet[~must].sum()), int(counted.unmet[must].sum())
    smoothing, peak = data.problem.smoothing, 0
    if smoothing is not None and len(shared.peaks):
        peak = round(float(counted.taken.sum(0)[shared.peaks].max())) * smoothing.peak_milli
    parts = (counted.acquire, counted.order, counted.hold, counted.below, counted.expire)
    acquire, order, hold, below, expire = (int(part.sum()) for part in parts)
    residual = int(counted.residual.sum())
    total = acquire + order + hold + below + expire + unmet + unserved + peak - residual
    return Cost(acquire, order, hold, below, expire, unmet, unserved, peak, residual, total)


def _orders(data: Terms, shared: Rows, units: Ints, prices: Reals) -> tuple[Order, ...]:
    paid = spend(data, units, np.arange(len(units))) + np.where(units > 0, data.order[:, :, None], 0)
    placed = [(int(at), int(offer), int(week)) for at, offer, week in zip(*np.nonzero(units), strict=True)]
    why = reasons(data, units, placed, dict(zip(shared.names, prices, strict=True)))
    made = []
    for (at, offer, week), reason in zip(placed, why, strict=True):
        line = data.problem.lines[at]
        size, price = int(units[at, offer, week]), int(paid[at, offer, week])
        made.append(Order(line.id, line.offers[offer].id, week, size, price, reason))
    return tuple(sorted(made, key=lambda order: (order.week, order.line, order.offer)))


def _services(data: Terms, units: Ints) -> tuple[Service, ...]:
    _, unmet, expired = flow(data, units)
    return tuple(
        Service(line.id, sum(line.demand), int(unmet[at].sum()), int(expired[at].sum()))
        for at, line in enumerate(data.problem.lines)
    )
