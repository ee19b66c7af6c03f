"""Large reorder problems from a seed, and the plain mixed-integer program of such a problem."""

from __future__ import annotations

import numpy as np
from ortools.math_opt.python import mathopt

from optimizer.reorder.horizon.problem import Budget, Capacity, Line, Lot, Offer, Problem, Storage, Tier

WEEKS = 52
SUPPLIERS = 3
DISCOUNTS = (1.0, 0.96, 0.92)


def large(lines: int, tight: float, seed: int = 3) -> Problem:
    """A problem of so many lines; each supplier's weekly capacity is about `tight` times the mean weekly need."""
    random = np.random.default_rng(seed)
    made = [_line(random, at) for at in range(lines)]
    need = sum(sum(one.demand) * one.volume for one in made) / WEEKS
    worth = sum(sum(one.demand) * one.offers[0].tiers[0].price_minor for one in made) / 13 * 1.15
    return Problem(
        WEEKS,
        tuple(made),
        capacities=tuple(
            Capacity(f"S{at}", (int(need * tight * share),) * WEEKS) for at, share in enumerate((0.9, 0.8, 0.8))
        ),
        storages=(Storage("room", (int(need * 8),) * WEEKS),),
        budgets=tuple(Budget("", week, week + 3, int(worth)) for week in range(0, WEEKS, 4)),
    )


def _line(random: np.random.Generator, at: int) -> Line:
    base = random.uniform(3, 12)
    season = 1 + 0.3 * np.sin(2 * np.pi * (np.arange(WEEKS) / 52 + random.random()))
    demand = base * season * random.gamma(8, 1 / 8, WEEKS)
    if random.random() < 0.3:
        demand[26:30] *= 2.5
    wanted = tuple(int(units) for units in np.round(demand))
    price = float(np.exp(random.normal(4, 0.8))) * 100
    sells = random.random(SUPPLIERS) < 0.6
    sells[random.integers(0, SUPPLIERS)] = True
    volume = int(random.uniform(200, 3000))
    life = int(random.integers(8, 40))
    offers = tuple(_offer(random, supplier, base, price) for supplier in range(SUPPLIERS) if sells[supplier])
    stock = min(round(sum(wanted[:7]) * 1.1), sum(wanted[:life]))
    return Line(
        f"L{at:03}",
        f"P{at:03}",
        "all",
        "room",
        volume,
        wanted,
        life,
        round(price * 250 / 52 + 2 * volume / 1000),
        round(price * 0.2),
        round(price * 4 + 5000),
        offers,
        stock=(Lot(stock, life),),
    )


def _offer(random: np.random.Generator, supplier: int, base: float, price: float) -> Offer:
    own = price * random.uniform(0.95, 1.1)
    least = max(1, round(base * random.uniform(1, 4)))
    starts = (1, least + max(1, round(base * 3)), least + max(2, round(base * 7)))
    tiers = tuple(Tier(start, round(own * cut)) for start, cut in zip(starts, DISCOUNTS, strict=True))
    lead = (1, 3, 6)[supplier] + int(random.integers(0, 2))
    fee = round(random.uniform(4000, 16000))
    return Offer(f"S{supplier}", f"S{supplier}", f"K{supplier}", tiers, lead, least, 1, fee)


class PlainProgram:
    """Order, tier, stock, unmet and waste variables per line and week; quantities may be fractions; minor units.

    Knows offers without calendars, multiples and setups, one capacity per supplier, one store and budgets for all:
    what `large` makes. Stock after arrivals is at most the demand of the shelf life, unless it is written off.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.model = problem, mathopt.Model()
        self.load: dict[tuple[str, int], list[mathopt.LinearTerm]] = {}
        self.paid: dict[int, list[mathopt.LinearTerm]] = {}
        self.held: dict[int, list[mathopt.LinearTerm]] = {}
        self.cost: list[mathopt.LinearTerm] = []
        for line in problem.lines:
            self._add(line)
        for capacity in problem.capacities:
            for week, room in enumerate(capacity.volume):
                self._at_most(self.load.get((capacity.supplier, week), []), room)
        for week, room in enumerate(problem.storages[0].volume):
            self._at_most(self.held[week], room)
        for budget in problem.budgets:
            weeks = range(budget.first_week, budget.last_week + 1)
            self._at_most([term for week in weeks for term in self.paid.get(week, [])], budget.minor)
        self.model.minimize(mathopt.fast_sum(self.cost))

    def _at_most(self, terms: list[mathopt.LinearTerm], room: int) -> None:
        if terms:
            self.model.add_linear_constraint(mathopt.fast_sum(terms) <= room)

    def _add(self, line: Line) -> None:
        model = self.model
        arrivals: list[list[mathopt.Variable]] = [[] for _ in range(WEEKS)]
        for offer in line.offers:
            for week in range(WEEKS - offer.lead_weeks):
                arrivals[week + offer.lead_weeks] += self._order(line, offer, week)
        before: mathopt.Variable | float = float(sum(lot.units for lot in line.stock))
        for week, wanted in enumerate(line.demand):
            stock, unmet, waste = (
                model.add_variable(lb=0),
                model.add_variable(lb=0, ub=wanted),
                model.add_variable(lb=0),
            )
            came = mathopt.fast_sum(arrivals[week])
            model.add_linear_constraint(before + came - waste + unmet - stock == wanted)
            model.add_linear_constraint(before + came - waste <= line.usable(week))
            self.cost += [stock * (line.hold_milli / 1000), unmet * line.unmet_minor, waste * line.waste_minor]
            self.held.setdefault(week, []).append(stock * line.volume)
            before = stock

    def _order(self, line: Line, offer: Offer, week: int) -> list[mathopt.Variable]:
        found, most = [], line.most_on_hand()
        starts = [max(tier.from_units, offer.minimum_units) for tier in offer.tiers]
        placed = []
        for at, tier in enumerate(offer.tiers):
            if at + 1 < len(starts) and starts[at] == starts[at + 1]:
                continue
            units, chosen = self.model.add_variable(lb=0), self.model.add_binary_variable()
            self.model.add_linear_constraint(units >= starts[at] * chosen)
            self.model.add_linear_constraint(units <= most * chosen)
            self.cost += [units * tier.price_minor, chosen * offer.order_minor]
            self.load.setdefault((offer.supplier, week), []).append(units * line.volume)
            self.paid.setdefault(week, []).append(units * tier.price_minor)
            placed.append(chosen)
            found.append(units)
        self.model.add_linear_constraint(mathopt.fast_sum(placed) <= 1)
        return found
