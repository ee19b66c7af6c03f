"""What no plan can pass, computed from multipliers alone; no solver, no NumPy, no model code.

Routes r = (demand, lane) carry x_r issue units, 0 <= x_r <= u_r, where u_r is the
least of the demand, the lane's capacity and the stock that keeps long enough.
Every plan satisfies, for any multipliers y >= 0 of the limits (lots, demands,
lanes, depots; right-hand sides b, columns a_r), and any c,

    c x  <=  c x + y (b - A x)  <=  y b + sum_r u_r max(0, c_r - y a_r)  =:  L(c, y)

Lots are limited for each depot, item and number of days t: what leaves over lanes
of at least t days comes from lots that keep at least t days. With s_m >= 0 for the
municipalities (service F_m / weight_m = f_m x), w_r = criticality and p_r = cost:

    min_service                     min F/w sum s  <=  sum_m s_m f_m x  <=  L(s f, y)
    weighted_served  service >= t:  w x            <=  w x + s (f x - t)  <=  L(w + s f, y) - t sum s
    cost             also w x >= W: p x            >=  weight W + t sum s - L(weight w - p + s f, y)

Besides, nobody is served more than in full: min F/w <= 1 / max weight.
So the arithmetic here is the whole proof: wrong multipliers give a weak bound, never a false one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.reference.plan import Certificate
from optimizer.reference.problem import Lane, Problem, whole


@dataclass(frozen=True, slots=True)
class Route:
    """One way to serve one demand: at most `most` units; gain and cost per unit, and the multipliers' indexes."""

    demand: tuple[str, str]
    lane: tuple[str, str]
    days: int
    most: float
    litres: float
    gain: float
    cost: float


def routes(problem: Problem, *, whole_packs: bool = False) -> Iterator[Route]:
    """Every route that can carry something (some pack)."""
    stock = _keeping_stock(problem)
    reach: dict[str, list[tuple[str, Lane]]] = {}
    for (depot, municipality), lane in problem.lanes.items():
        reach.setdefault(municipality, []).append((depot, lane))
    for (municipality, name), quantity in problem.demands.items():
        item = problem.items[name]
        for depot, lane in reach.get(municipality, ()):
            supply = stock.get((depot, name, lane.days), 0.0)
            most = min(quantity, supply, lane.capacity / item.unit_volume)
            most = whole(most, item.pack) if whole_packs else most
            if most > 0:
                yield Route(
                    demand=(municipality, name),
                    lane=(depot, municipality),
                    days=lane.days,
                    most=most,
                    litres=item.unit_volume,
                    gain=item.criticality,
                    cost=item.unit_volume * lane.cost_per_litre,
                )


def _keeping_stock(problem: Problem) -> dict[tuple[str, str, int], float]:
    """Units per (depot, item, days) in lots that may be given over a lane of so many days."""
    days = sorted({lane.days for lane in problem.lanes.values()})
    stock: dict[tuple[str, str, int], float] = {}
    for lot in problem.lots.values():
        keeps = math.inf if lot.expiry_day is None else lot.expiry_day - problem.min_shelf_life_days
        for day in days:
            if day <= keeps:
                key = (lot.depot, lot.item, day)
                stock[key] = stock.get(key, 0.0) + lot.quantity
    return stock


def proved_bounds(
    problem: Problem,
    certificates: Sequence[Certificate],
    *,
    min_service: float,
    weighted_served: float,
    whole_packs: bool = False,
) -> tuple[float, float, float]:
    """The three stages' bounds: the last two for plans that keep the given service and weighted quantity.

    With `whole_packs`, bounds on plans in whole packs: no lot or demand has more than its whole packs.
    """
    limits = problem.in_packs() if whole_packs else problem
    listed = list(routes(limits, whole_packs=whole_packs))
    sums = [_Sum(limits, problem.needs(), one, stage) for stage, one in enumerate(certificates)]
    tops = [one.over(listed) for one in sums]
    pulls = [sum(one.service.values()) for one in sums]
    full = 1.0 / max(problem.municipalities[name] for name in problem.needs())
    kept = [min_service * pull for pull in pulls]
    return (
        min(full, tops[0] / pulls[0] if pulls[0] > 0 else math.inf),
        tops[1] - kept[1],
        max(0.0, certificates[2].weight * weighted_served + kept[2] - tops[2]),
    )


class _Sum:
    """L(c, y) of one stage."""

    def __init__(self, problem: Problem, needs: dict[str, float], certificate: Certificate, stage: int) -> None:
        self.problem = problem
        self.gain_factor = (0.0, 1.0, certificate.weight)[stage]
        self.cost_factor = (0.0, 0.0, 1.0)[stage]
        self.demands = {(m, item): max(0.0, y) for m, item, y in certificate.demands}
        self.lanes = {(depot, m): max(0.0, y) for depot, m, y in certificate.lanes}
        self.depots = {depot: max(0.0, y) for depot, y in certificate.depots}
        self.service = {m: max(0.0, s) for m, s in certificate.service if m in needs}
        self.lots = self._lots(certificate)
        self.pull = {m: s / needs[m] / problem.municipalities[m] for m, s in self.service.items()}

    def _lots(self, certificate: Certificate) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """Per (depot, item), ascending days with the multiplier that a lane of so many days or more pays in all."""
        raw: dict[tuple[str, str], dict[int, float]] = {}
        for depot, item, days, y in certificate.lots:
            raw.setdefault((depot, item), {})[days] = max(0.0, y)
        summed = {}
        for key, values in raw.items():
            total, steps = 0.0, []
            for days in sorted(values):
                total += values[days]
                steps.append((days, total))
            summed[key] = steps
        return summed

    def over(self, listed: Sequence[Route]) -> float:
        """The sum over limits and routes."""
        problem = self.problem
        limits = [y * problem.demands.get(key, 0.0) for key, y in self.demands.items()]
        limits += [y * problem.lanes[key].capacity for key, y in self.lanes.items() if key in problem.lanes]
        limits += [y * problem.depots.get(key, 0.0) for key, y in self.depots.items()]
        return math.fsum(limits + self._stock_terms()) + math.fsum(self._surplus(one) for one in listed)

    def _stock_terms(self) -> list[float]:
        terms = []
        for lot in self.problem.lots.values():
            steps = self.lots.get((lot.depot, lot.item))
            if steps:
                terms.append(lot.quantity * self._paid(steps, self._keeps(lot.expiry_day)))
        return terms

    def _keeps(self, expiry_day: int | None) -> float:
        return math.inf if expiry_day is None else expiry_day - self.problem.min_shelf_life_days

    @staticmethod
    def _paid(steps: Sequence[tuple[int, float]], days: float) -> float:
        """Sum of the multipliers for at most so many days."""
        at = bisect_left(steps, (days, math.inf))
        return steps[at - 1][1] if at else 0.0

    def _surplus(self, route: Route) -> float:
        depot, municipality = route.lane
        gain = self.gain_factor * route.gain - self.cost_factor * route.cost
        gain += self.pull.get(municipality, 0.0) * route.gain
        price = self.demands.get(route.demand, 0.0)
        price += (self.lanes.get(route.lane, 0.0) + self.depots.get(depot, 0.0)) * route.litres
        steps = self.lots.get((depot, route.demand[1]))
        if steps:
            price += self._paid(steps, route.days)
        return route.most * max(0.0, gain - price)
