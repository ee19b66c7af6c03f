"""The program of needs that must be served, with every clause breakable at its price.

Sets        lines i that must be served, offers s, weeks t, tiers k, clauses c
Data        d_it need (demand less what comes too soon), f_it the floor's part of it, p price, m multiple, l least order
Variables   u_ist units ordered, u_istk of them at tier k, x_istk whether; n_ist units allowed; h_it stock, w_it written
            off, g_it floor not kept; v_c >= 0 how far clause c is broken
Objective   least sum of price_c v_c
(stock)     h_i(t-1) + arrivals - w_it + g_it - h_it = d_it,   g_it <= f_it
(life)      stock after arrivals, less w_it, is at most what the shelf life can use
(own)       u_ist <= n_ist in whole multiples, n_ist >= l_is x_ist;   sum of n - u <= v      (minimum order)
(clause)    what orders or stock take of c - v_c <= room
Writing off more than must be is no way to make room: w is zero or leaves just what can be used. In the relaxation
units may be fractions, all at the cheapest price, and minimum orders ask nothing: what conflicts there conflicts in
earnest, and its cost is a bound.

Of a large problem only the lines that a known plan misses are looked at in whole numbers, twice: without the other
lines, whose money may still help a contract's least order (what conflicts there conflicts in earnest), and with the
other lines' orders standing (what is found there is a way out).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from ortools.math_opt.python import mathopt

from optimizer.reorder.horizon import conflict as told
from optimizer.reorder.horizon.check import course_of, first_order, first_stock, line_roof, usable_from
from optimizer.reorder.horizon.conflict import Asked
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import Line, Offer, Problem, Reservation, Share
from optimizer.reorder.horizon.rows import budget_name

Term = tuple[float, mathopt.Variable]
BROKEN = 1e-6
GAP = 1e-4
_ENDED = mathopt.TerminationReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. `over`: the clauses that are broken; cost and bound in minor units."""

    state: Literal["found", "impossible", "unknown"]
    over: frozenset[str]
    bound: float
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class _Cell:
    line: Line
    offer: Offer
    week: int
    units: mathopt.Variable
    money: tuple[Term, ...]
    placed: tuple[Term, ...]


class Elastic:
    """Built once for a problem; asked again and again which clauses must break where some may not."""

    def __init__(
        self, problem: Problem, asked: Asked, *, whole: bool, standing: tuple[Order, ...] | None = None
    ) -> None:
        self.problem, self.asked, self.whole = problem, asked, whole
        self.model = mathopt.Model()
        self.broken: dict[str, list[tuple[mathopt.Variable, float]]] = defaultdict(list)
        self.price: dict[str, float] = {}
        self.cells: list[_Cell] = []
        self.by_offer: dict[tuple[str, str], list[_Cell]] = {}
        self.by_week: dict[int, list[_Cell]] = defaultdict(list)
        self.held: dict[str, list[mathopt.Variable]] = {}
        lines = told.must_serve(problem, asked)
        narrow = whole and asked.missed is not None
        self.lines = tuple(line for line in lines if not narrow or line.id in (asked.missed or ()))
        here = {line.id for line in self.lines}
        self.standing = tuple(order for order in standing or () if order.line not in here)
        self.others = told.books_of(problem, self.standing)
        self.helped = narrow and standing is None
        self.help: dict[tuple[str, int], mathopt.Variable] = {}
        self.roof = {line.id: line_roof(line) for line in self.lines}
        for line in self.lines:
            self._line(line)
        if whole:
            self._contract_minimums()
        self._shared()
        self._stores()

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause that could be broken."""
        return tuple(self.broken)

    def solve(self, hard: Iterable[str], *, dropped: Iterable[str] = (), seconds: float, gap: float = GAP) -> Answer:
        """The cheapest way to serve all needs: `hard` clauses kept, `dropped` ones forgotten, the rest at a price."""
        kept, gone = set(hard), set(dropped)
        cost = []
        for name, variables in self.broken.items():
            for variable, size in variables:
                variable.upper_bound = 0.0 if name in kept else float("inf")
                if name not in gone:
                    cost.append(self.price[name] * size / self._scale() * variable)
        self.model.minimize(mathopt.fast_sum(cost))
        limits = mathopt.SolveParameters(time_limit=timedelta(seconds=max(0.1, seconds)), relative_gap_tolerance=gap)
        try:
            result = mathopt.solve(self.model, mathopt.SolverType.HIGHS, params=limits)
        except (RuntimeError, AttributeError, ValueError):  # MathOpt hides a failed status behind other errors
            return Answer("unknown", frozenset(), 0.0, ())
        if result.termination.reason == _ENDED.INFEASIBLE:
            return Answer("impossible", frozenset(), 0.0, ())
        bound = max(0.0, result.termination.objective_bounds.dual_bound * self._scale())
        if result.termination.reason not in (_ENDED.OPTIMAL, _ENDED.FEASIBLE):
            return Answer("unknown", frozenset(), bound, ())
        values = result.variable_values()
        over = {
            name
            for name, found in self.broken.items()
            if name not in gone and any(values[v] > BROKEN for v, _ in found)
        }
        return Answer("found", frozenset(over), bound, self._orders(values))

    def _scale(self) -> float:
        return max(1.0, float(max(map(told.first_price, self.lines), default=1)))

    def _orders(self, values: dict[mathopt.Variable, float]) -> tuple[Order, ...]:
        if not self.whole:
            return ()
        placed = ((cell, round(values[cell.units])) for cell in self.cells)
        made = [Order(c.line.id, c.offer.id, c.week, units, 0, "") for c, units in placed if units]
        return tuple(sorted([*made, *self.standing], key=lambda one: (one.week, one.line, one.offer)))

    def _row(self, name: str, terms: list[Term], room: float, price: float) -> None:
        """One row of a clause: what is taken beyond the room breaks it. `price` is of a unit of the clause."""
        size = max((abs(weight) for weight, _ in terms), default=0.0)
        if not size:
            return
        over = self.model.add_variable(lb=0.0)
        self.broken[name].append((over, size))
        self.price[name] = max(price, 1e-3)
        taken = mathopt.fast_sum([weight / size * variable for weight, variable in terms])
        self.model.add_linear_constraint(taken - over <= room / size)

    # A line: its orders, and how its stock runs.

    def _line(self, line: Line) -> None:
        arrivals: list[list[mathopt.Variable]] = [[] for _ in line.demand]
        for offer in line.offers:
            cells = [self._cell(line, offer, week) for week in range(len(line.demand) - offer.lead_weeks)]
            for cell in cells:
                arrivals[cell.week + offer.lead_weeks].append(cell.units)
                self.by_week[cell.week].append(cell)
            self._own(line, offer, cells)
            self.by_offer[line.id, offer.id] = cells
            self.cells += cells
        self._stock(line, arrivals)

    def _cell(self, line: Line, offer: Offer, week: int) -> _Cell:
        model, roof = self.model, self.roof[line.id]
        units = model.add_variable(lb=0.0, ub=roof, is_integer=self.whole)
        if not self.whole:
            cheapest = float(offer.tiers[-1].price_minor)
            return _Cell(line, offer, week, units, ((cheapest, units),), ((1.0 / max(1, roof), units),))
        if len(offer.tiers) == 1 and first_order(offer) == 1 and not offer.order_volume:
            return _Cell(line, offer, week, units, ((float(offer.tiers[0].price_minor), units),), ())
        placed, money = [], []
        for tier in offer.tiers:
            chosen = model.add_binary_variable()
            part = units if len(offer.tiers) == 1 else model.add_variable(lb=0.0, ub=roof)
            model.add_linear_constraint(part <= roof * chosen)
            model.add_linear_constraint(part >= min(tier.from_units, roof + 1) * chosen)
            placed.append((1.0, chosen))
            money.append((float(tier.price_minor), part))
        if len(offer.tiers) > 1:
            model.add_linear_constraint(mathopt.fast_sum([part for _, part in money]) == units)
            model.add_linear_constraint(mathopt.fast_sum([chosen for _, chosen in placed]) <= 1)
        return _Cell(line, offer, week, units, tuple(money), tuple(placed))

    def _own(self, line: Line, offer: Offer, cells: list[_Cell]) -> None:
        price = float(told.first_price(line))
        least, multiple = first_order(offer), offer.multiple_units
        if self.whole and least > 1:
            short: list[Term] = []
            for cell in cells:
                steps = self.model.add_variable(lb=0.0, is_integer=multiple > 1)
                self.model.add_linear_constraint(cell.units <= multiple * steps)
                placed = mathopt.fast_sum([chosen for _, chosen in cell.placed])
                self.model.add_linear_constraint(multiple * steps >= least * placed)
                short += [(float(multiple), steps), (-1.0, cell.units)]
            self._row(told.minimum_name(line, offer), short, 0.0, price)
        if offer.order_weeks:
            closed = [(1.0, cell.units) for cell in cells if cell.week not in offer.order_weeks]
            self._row(told.calendar_name(line, offer), closed, 0.0, price)

    def _stock(self, line: Line, arrivals: list[list[mathopt.Variable]]) -> None:
        model, roof, lost = self.model, float(self.roof[line.id]), told.beyond(line)
        floors = dict(self.asked.floors).get(line.id, (0,) * len(line.demand))
        first = min((offer.lead_weeks for offer in line.offers), default=len(line.demand))
        before: mathopt.LinearTypes = float(first_stock(line)[0])
        missing: list[Term] = []
        self.held[line.id] = []
        low: list[mathopt.Variable] = []
        for week, wanted in enumerate(line.demand):
            firm = sum(one.units for one in line.inbound if one.week == week)
            held, waste = model.add_variable(lb=0.0, ub=roof), model.add_variable(lb=0.0, ub=roof)
            came = before + firm + mathopt.fast_sum(arrivals[week])
            usable = float(usable_from(line, week))
            model.add_linear_constraint(came <= roof)
            model.add_linear_constraint(came - waste <= usable)
            if self.whole:
                over = model.add_binary_variable()
                model.add_linear_constraint(waste <= roof * over)
                model.add_linear_constraint(came - waste >= usable * over)
            need = wanted - lost[week]
            unkept = model.add_variable(lb=0.0, ub=float(min(floors[week], need)))
            missing.append((1.0, unkept))
            model.add_linear_constraint(came - waste + unkept - held == need)
            self.held[line.id].append(held)
            low += [held] if week >= first else []
            before = held
        price = float(told.missed_minor(line))
        if any(floors):
            self._row(told.floor_name(line), missing, 0.0, price)
        if self.asked.keep_floors and line.floor and low:
            self._kept(line, low, price)

    def _kept(self, line: Line, low: list[mathopt.Variable], price: float) -> None:
        """Stock at the ends of these weeks is not below the floor; broken by the most that it is."""
        over = self.model.add_variable(lb=0.0)
        for held in low:
            self.model.add_linear_constraint(held + over >= float(line.floor))
        self.broken[told.floor_name(line)].append((over, 1.0))
        self.price[told.floor_name(line)] = max(price, 1e-3)

    # What lines share, and what the other lines' standing orders take of it.

    def _shared(self) -> None:
        problem = self.problem
        for budget in problem.budgets:
            weeks = range(budget.first_week, budget.last_week + 1)
            mine = [c for c in self.cells if c.week in weeks and budget.member in ("", c.line.member)]
            helped = [(1.0, one) for (_, week), one in self.help.items() if week in weeks and not budget.member]
            paid = sum(
                _paid(order, offer)
                for order, line, offer in self.others
                if order.week in weeks and budget.member in ("", line.member)
            )
            self._row(budget_name(budget), [*_money(mine), *helped], float(budget.minor - paid), 1.0)
        for ceiling in problem.ceilings:
            under = [c for c in self.cells if c.offer.contract == ceiling.contract]
            helped = [(1.0, one) for (contract, _), one in self.help.items() if contract == ceiling.contract]
            paid = sum(_paid(order, offer) for order, _, offer in self.others if offer.contract == ceiling.contract)
            name = f"ceiling of contract {ceiling.contract}"
            self._row(name, [*_money(under), *helped], float(ceiling.minor - paid), 1.0)
        self._capacities()
        self._units()

    def _capacities(self) -> None:
        volume = told.value_of_volume_milli(self.problem, self.asked) / told.MILLI
        for capacity in self.problem.capacities:
            taken: Counter[int] = Counter()
            for order, line, offer in self.others:
                if offer.supplier == capacity.supplier:
                    taken[order.week] += order.units * line.volume + offer.order_volume
            for week, room in enumerate(capacity.volume):
                load: list[Term] = []
                for cell in self.by_week[week]:
                    if cell.offer.supplier == capacity.supplier:
                        load.append((float(cell.line.volume), cell.units))
                        load += [(cell.offer.order_volume * weight, one) for weight, one in cell.placed]
                self._row(f"capacity of {capacity.supplier}", load, float(room - taken[week]), volume)

    def _units(self) -> None:
        """Reservations, shares and offers' quantities."""
        worth = {name: float(told.first_price(line)) for name, line in told.unit_clauses(self.problem).items()}
        for one in self.problem.reservations:
            name = f"reservation of {one.member or 'all'} for {one.product} in contract {one.contract}"
            self._counted(name, one.units, worth[name], partial(_reserved, one))
        for share in self.problem.shares:
            name = f"share of {share.supplier} in {share.product}"
            wanted = sum(sum(line.demand) for line in self.problem.lines if line.product == share.product)
            self._counted(name, wanted * share.permille // 1000, worth[name], partial(_shared_out, share))
        for line in self.lines:
            for offer in line.offers:
                if offer.most_units is not None:
                    mine = [(1.0, c.units) for c in self.by_offer[line.id, offer.id]]
                    name = f"offer {offer.id} of {line.id}"
                    self._row(name, mine, float(offer.most_units), worth[name])

    def _counted(self, name: str, room: int, worth: float, counts: Callable[[Line, Offer], bool]) -> None:
        mine = [(1.0, cell.units) for cell in self.cells if counts(cell.line, cell.offer)]
        taken = sum(order.units for order, line, offer in self.others if counts(line, offer))
        self._row(name, mine, float(room - taken), worth)

    def _stores(self) -> None:
        """Room at each week's end; one that is there already overfilled takes no more. Broken by the most it is."""
        price = told.value_of_volume_milli(self.problem, self.asked) / told.MILLI
        offers = {(line.id, offer.id): offer for line in self.problem.lines for offer in line.offers}
        for room in self.problem.storages:
            here = [line for line in self.problem.lines if line.storage == room.storage]
            idle = {line.id: course_of(line, [], {}).ends for line in here}
            stay = {
                line.id: course_of(line, [one for one in self.standing if one.line == line.id], offers).ends
                for line in here
                if line.id not in self.held
            }
            size = float(max((line.volume for line in here), default=0)) or 1.0
            over = self.model.add_variable(lb=0.0)
            for week, volume in enumerate(room.volume):
                already = sum(idle[line.id][week] * line.volume for line in here)
                others = sum(stay[line.id][week] * line.volume for line in here if line.id in stay)
                mine = [line.volume / size * self.held[line.id][week] for line in here if line.id in self.held]
                if mine:
                    left = (max(volume, already) - others) / size
                    self.model.add_linear_constraint(mathopt.fast_sum(mine) - over <= left)
            self.broken[f"storage {room.storage}"].append((over, size))
            self.price[f"storage {room.storage}"] = max(price, 1e-3)

    def _contract_minimums(self) -> None:
        stand: Counter[tuple[str, int]] = Counter()
        for order, _, offer in self.others:
            stand[offer.contract, order.week] += 0 if offer.surge_option else _paid(order, offer)
        for contract, least in self.asked.minimums:
            rows: list[Term] = []
            for week in range(self.problem.weeks):
                under = [c for c in self.by_week[week] if c.offer.contract == contract]
                mine = [c for c in under if not c.offer.surge_option]
                if mine and least:
                    rows.append((float(least), self._short(contract, week, mine, least, stand[contract, week])))
            self._row(told.contract_minimum_name(contract), rows, 0.0, 1.0)

    def _short(self, contract: str, week: int, mine: list[_Cell], least: int, stand: int) -> mathopt.Variable:
        """What of the least order a week's orders lack, as a share of it."""
        model = self.model
        ordered, short = model.add_binary_variable(), model.add_variable(lb=0.0)
        for cell in mine:
            model.add_linear_constraint(cell.units <= float(self.roof[cell.line.id]) * ordered)
        paid = [price / least * part for price, part in _money(mine)]
        if self.helped:
            self.help[contract, week] = model.add_variable(lb=0.0, ub=float(least))
            paid.append(self.help[contract, week] / least)
        model.add_linear_constraint(mathopt.fast_sum(paid) + stand / least + short >= ordered)
        return short


def _paid(order: Order, offer: Offer) -> int:
    return order.units * offer.price_minor(order.units)


def _reserved(one: Reservation, line: Line, offer: Offer) -> bool:
    return (offer.contract, line.product) == (one.contract, one.product) and one.member in ("", line.member)


def _shared_out(share: Share, line: Line, offer: Offer) -> bool:
    return (offer.supplier, line.product) == (share.supplier, share.product)


def _money(cells: list[_Cell]) -> list[Term]:
    return [term for cell in cells for term in cell.money]
