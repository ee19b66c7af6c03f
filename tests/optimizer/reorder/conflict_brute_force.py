"""Conflicts of a tiny problem by trying every set of orders, clause or no clause, judged by the checker's books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

from optimizer.reorder.horizon.conflict import Asked, exceeded
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import Line, Problem


@dataclass(frozen=True)
class Truth:
    """Least cost of breaking clauses so that all is served, and the fewest clauses that conflict (0: none do)."""

    cost_minor: int
    fewest: int
    broken: frozenset[frozenset[str]]

    def conflicting(self, clauses: frozenset[str]) -> bool:
        """Whether these clauses cannot all be kept."""
        return all(clauses & one for one in self.broken)


def truth(problem: Problem, asked: Asked) -> Truth:
    """Everything about a problem small enough to try every order."""
    costs: dict[frozenset[str], int] = {}
    for chosen in product(*(list(_serving(problem, asked, line)) for line in problem.lines)):
        orders = tuple(order for one in chosen for order in one)
        ways = exceeded(problem, asked, tuple(sorted(orders, key=lambda o: (o.week, o.line, o.offer))))
        if ways is not None:
            names = frozenset(way.clause for way in ways)
            costs[names] = min(costs.get(names, 10**12), sum(way.cost_minor for way in ways))
    assert costs, "with every clause broken all can be served"
    broken = frozenset(costs)
    return Truth(min(costs.values()), _fewest(broken), broken)


def _serving(problem: Problem, asked: Asked, line: Line) -> Iterator[tuple[Order, ...]]:
    """Every set of orders of one line that leaves no need of it unserved."""
    alone = Problem(problem.weeks, (line,))
    slots = [(o, week) for o in line.offers for week in range(problem.weeks - o.lead_weeks)]
    for sizes in product(range(line.most_on_hand() + 1), repeat=len(slots)):
        made = tuple(Order(line.id, o.id, week, n, 0, "") for (o, week), n in zip(slots, sizes, strict=True) if n)
        if exceeded(alone, asked, made) is not None:
            yield made


def _fewest(broken: frozenset[frozenset[str]]) -> int:
    if frozenset() in broken:
        return 0
    names = sorted(frozenset().union(*broken))
    for size in range(1, len(names) + 1):
        if any(all(set(chosen) & one for one in broken) for chosen in combinations(names, size)):
            return size
    raise AssertionError("all clauses together meet every breach")
