"""A plan at once, and bounds that need no solver: what is left when time runs out before anything better is found.

Demands are filled in four passes (a quarter of each, then half, three quarters, all),
over their cheapest lanes first, with the lots that expire first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from optimizer.reference.bounds import Route, routes
from optimizer.reference.plan import Certificate, Line
from optimizer.reference.problem import Lot, Problem

LEVELS = (0.25, 0.5, 0.75, 1.0)
LEAST = 1e-9


def quick_lines(problem: Problem, *, whole_packs: bool) -> tuple[Line, ...]:
    """Lines of a feasible plan without any claim to be good."""
    shelves = _Shelves(problem, whole_packs)
    ordered = sorted(routes(problem), key=lambda route: route.cost)
    for level in LEVELS:
        for route in ordered:
            shelves.serve(route, level)
    return tuple(Line(lot, town, quantity) for (lot, town), quantity in sorted(shelves.given.items()))


@dataclass(slots=True)
class _Shelves:
    """What is left everywhere."""

    problem: Problem
    whole_packs: bool
    lots: dict[tuple[str, str], list[tuple[str, Lot]]] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    lanes: dict[tuple[str, str], float] = field(default_factory=dict)
    depots: dict[str, float] = field(default_factory=dict)
    received: dict[tuple[str, str], float] = field(default_factory=dict)
    given: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problem = self.problem
        expiring = sorted(problem.lots.items(), key=lambda one: (one[1].expiry_day or math.inf, one[0]))
        for name, lot in expiring:
            self.lots.setdefault((lot.depot, lot.item), []).append((name, lot))
        self.left = {name: lot.quantity for name, lot in problem.lots.items()}
        self.lanes = {ends: lane.capacity for ends, lane in problem.lanes.items()}
        self.depots = dict(problem.depots)

    def serve(self, route: Route, level: float) -> None:
        """Fill a demand up to a level over one route, as far as everything lasts."""
        asked = level * self.problem.demands[route.demand] - self.received.get(route.demand, 0.0)
        if asked <= LEAST:
            return
        depot, town = route.lane
        lane = self.problem.lanes[route.lane]
        for name, lot in self.lots[depot, route.demand[1]]:
            room = min(self.lanes[route.lane], self.depots[depot]) / route.litres
            quantity = self._packed(min(asked, self.left[name], room), route)
            if quantity <= LEAST or not self.problem.eligible(lot, lane):
                continue
            asked -= quantity
            self.left[name] -= quantity
            self.lanes[route.lane] -= quantity * route.litres
            self.depots[depot] -= quantity * route.litres
            self.received[route.demand] = self.received.get(route.demand, 0.0) + quantity
            self.given[name, town] = self.given.get((name, town), 0.0) + quantity

    def _packed(self, quantity: float, route: Route) -> float:
        if not self.whole_packs:
            return quantity
        pack = self.problem.items[route.demand[1]].pack
        return math.floor(quantity / pack * (1 + 1e-12)) * pack


def quick_certificates(problem: Problem) -> tuple[Certificate, Certificate, Certificate]:
    """Bounds from stock and demand alone: the worst municipality by itself, each item's stock or demand, cost 0."""
    listed = list(routes(problem))
    return _worst_alone(problem, listed), _stock_or_demand(problem), Certificate()


def _worst_alone(problem: Problem, listed: list[Route]) -> Certificate:
    """The municipality that could not be served best if it were alone, with its demands' limits."""
    reach: dict[tuple[str, str], float] = {}
    for route in listed:
        reach[route.demand] = reach.get(route.demand, 0.0) + route.most
    needs = problem.needs()
    best = dict.fromkeys(needs, 0.0)
    for (town, item), quantity in problem.demands.items():
        if quantity > 0:
            best[town] += problem.items[item].criticality * min(quantity, reach.get((town, item), 0.0))
    rate = {town: 1.0 / needs[town] / problem.municipalities[town] for town in needs}
    worst = min(needs, key=lambda town: best[town] * rate[town])
    full = [
        (town, item, rate[town] * problem.items[item].criticality)
        for (town, item), quantity in problem.demands.items()
        if town == worst and quantity < reach.get((town, item), 0.0)
    ]
    return Certificate(demands=tuple(full), service=((worst, 1.0),))


def _stock_or_demand(problem: Problem) -> Certificate:
    """Per item what is scarcer: the stock, or what is asked."""
    stock: dict[str, float] = {}
    places: dict[str, set[str]] = {}
    asked: dict[str, float] = {}
    for lot in problem.lots.values():
        stock[lot.item] = stock.get(lot.item, 0.0) + lot.quantity
        places.setdefault(lot.item, set()).add(lot.depot)
    for (_, item), quantity in problem.demands.items():
        asked[item] = asked.get(item, 0.0) + quantity
    scarce = {item for item in asked if stock.get(item, 0.0) < asked[item]}
    gain = {name: item.criticality for name, item in problem.items.items()}
    return Certificate(
        lots=tuple((depot, item, 0, gain[item]) for item in sorted(scarce) for depot in sorted(places.get(item, ()))),
        demands=tuple((town, item, gain[item]) for town, item in problem.demands if item not in scarce),
    )
