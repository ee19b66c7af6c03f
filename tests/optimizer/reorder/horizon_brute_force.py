"""The cheapest plan of a tiny problem by trying every one, judged by the checker's own books."""

from __future__ import annotations

from itertools import product

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.plan import Cost, Order, Plan
from optimizer.reorder.horizon.problem import Line, Problem

NOTHING = Cost(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _plan(problem: Problem, orders: tuple[Order, ...]) -> Plan:
    return Plan(problem.digest(), "FEASIBLE", 0, orders, NOTHING, 0, (), ())


def _true_total(problem: Problem, orders: tuple[Order, ...]) -> int | None:
    """What the checker says that the orders cost; none where it says that a rule is broken."""
    verdict = check(problem, _plan(problem, orders))
    if not verdict.feasible:
        return None
    told = [one for one in verdict.findings if one.startswith("cost.total is 0, not ")]
    return int(told[0].rsplit(" ", 1)[1]) if told else 0


def _choices(problem: Problem, line: Line) -> list[tuple[int, tuple[Order, ...]]]:
    """Every feasible set of orders of one line by itself, with its cost, cheapest first."""
    alone = Problem(problem.weeks, (line,))
    slots = [(offer, week) for offer in line.offers for week in range(problem.weeks)]
    sizes = [
        [0, *range(offer.minimum_units, line.most_on_hand() + 1)] if week + offer.lead_weeks < problem.weeks else [0]
        for offer, week in slots
    ]
    found = []
    for units in product(*sizes):
        chosen = zip(slots, units, strict=True)
        orders = tuple(Order(line.id, offer.id, week, size, 0, "") for (offer, week), size in chosen if size)
        total = _true_total(alone, orders)
        if total is not None:
            found.append((total, orders))
    return sorted(found, key=lambda one: one[0])


def cheapest(problem: Problem) -> int:
    """The least cost of any plan for a problem of two lines, in thousandths."""
    first, second = (_choices(problem, line) for line in problem.lines)
    best: int | None = None
    for cost, orders in first:
        for more, others in second:
            if best is not None and cost + more >= best:
                break
            total = _true_total(problem, tuple(sorted(orders + others, key=lambda o: (o.week, o.line, o.offer))))
            if total is not None and (best is None or total < best):
                best = total
    assert best is not None, "ordering nothing keeps every clause"
    return best
