"""The reorder over many weeks as one program in whole numbers for CP-SAT, written from FORMAT.md alone."""

from __future__ import annotations

from collections import defaultdict

from ortools.sat.python import cp_model

from optimizer.reorder.horizon.problem import Line, Offer, Problem

SECONDS = 30.0
Cell = tuple[Line, Offer, int]


class ExactProgram:
    """Knows lines with `unmet_minor`, capacities, storages, budgets, ceilings, reservations; no smoothing, no shares.

    Money in thousandths of a minor unit.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.model = problem, cp_model.CpModel()
        self.units: dict[tuple[str, str, int], cp_model.IntVar] = {}
        self.paid: dict[tuple[str, str, int], cp_model.LinearExprT] = {}
        self.placed: dict[tuple[str, str, int], cp_model.LinearExprT] = {}
        self.ends: dict[tuple[str, int], cp_model.IntVar] = {}
        self.cost: list[cp_model.LinearExprT] = []
        self.cells: list[Cell] = []
        for line in problem.lines:
            self._line(line)
        self._clauses()
        self.model.minimize(sum(self.cost))

    def optimum(self) -> int:
        """The least cost of any plan, proven."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = SECONDS
        assert solver.solve(self.model) == cp_model.OPTIMAL, "the case is too large to be proven"
        return round(solver.objective_value)

    def _line(self, line: Line) -> None:
        model, roof = self.model, line.most_on_hand()
        arrivals: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        for offer in line.offers:
            for week in offer.order_weeks or range(self.problem.weeks):
                if week + offer.lead_weeks < self.problem.weeks:
                    self._order(line, offer, week, roof)
                    arrivals[week + offer.lead_weeks].append(self.units[line.id, offer.id, week])
        assert not line.stock, "stock on hand is left to the other tests"
        held: cp_model.LinearExprT = 0
        for week, wanted in enumerate(line.demand):
            come = sum(one.units for one in line.inbound if one.week == week) + sum(arrivals[week])
            usable = line.floor + sum(line.demand[week : week + line.shelf_life_weeks])
            usable += line.later_demand * max(0, week + line.shelf_life_weeks - len(line.demand))
            there, left, unmet = (model.new_int_var(0, roof, "") for _ in range(3))
            end = self.ends[line.id, week] = model.new_int_var(0, roof, "")
            model.add(there == held + come)
            model.add_min_equality(left, [there, usable])
            model.add_max_equality(end, [left - wanted, 0])
            model.add(unmet == wanted - left + end)
            low = model.new_int_var(0, max(line.floor, 1), "")
            model.add_max_equality(low, [line.floor - end, 0])
            assert line.unmet_minor is not None
            self.cost += [(there - left) * line.waste_minor * 1000, unmet * line.unmet_minor * 1000]
            self.cost += [end * line.hold_milli, low * line.below_floor_milli]
            held = end
        self.cost.append(-held * line.residual_minor * 1000)

    def _order(self, line: Line, offer: Offer, week: int, roof: int) -> None:
        model, key = self.model, (line.id, offer.id, week)
        units = self.units[key] = model.new_int_var(0, roof, "")
        steps = model.new_int_var(0, roof, "")
        model.add(units == steps * offer.multiple_units)
        chosen, parts = [], []
        for at, tier in enumerate(offer.tiers):
            here, part = model.new_bool_var(""), model.new_int_var(0, roof, "")
            model.add(part >= max(tier.from_units, offer.minimum_units)).only_enforce_if(here)
            if at + 1 < len(offer.tiers):
                model.add(part < offer.tiers[at + 1].from_units).only_enforce_if(here)
            model.add(part == 0).only_enforce_if(~here)
            chosen.append(here)
            parts.append(part)
        model.add_at_most_one(chosen)
        model.add(units == sum(parts))
        self.placed[key] = sum(chosen)
        self.paid[key] = sum(part * tier.price_minor for part, tier in zip(parts, offer.tiers, strict=True))
        self.cells.append((line, offer, week))
        self.cost += [self.paid[key] * 1000, self.placed[key] * offer.order_minor * 1000]

    def _clauses(self) -> None:
        problem, model = self.problem, self.model
        assert not problem.shares
        assert problem.smoothing is None
        for capacity in problem.capacities:
            for week, volume in enumerate(capacity.volume):
                here = [c for c in self.cells if c[1].supplier == capacity.supplier and c[2] == week]
                load = (self.units[_key(c)] * c[0].volume + self.placed[_key(c)] * c[1].order_volume for c in here)
                model.add(sum(load) <= volume)
        for room in problem.storages:
            lines = [line for line in problem.lines if line.storage == room.storage]
            for week, volume in enumerate(room.volume):
                model.add(sum(self.ends[line.id, week] * line.volume for line in lines) <= volume)
        self._money()
        for kept in problem.reservations:
            under = [c for c in self.cells if (c[1].contract, c[0].product) == (kept.contract, kept.product)]
            model.add(sum(self.units[_key(c)] for c in under if kept.member in ("", c[0].member)) <= kept.units)
        for line, offer, _ in self.cells:
            if offer.most_units is not None:
                weeks = range(problem.weeks)
                keys = [(line.id, offer.id, week) for week in weeks if (line.id, offer.id, week) in self.units]
                model.add(sum(self.units[key] for key in keys) <= offer.most_units)

    def _money(self) -> None:
        problem, model = self.problem, self.model
        for budget in problem.budgets:
            weeks = range(budget.first_week, budget.last_week + 1)
            paying = [c for c in self.cells if budget.member in ("", c[0].member) and c[2] in weeks]
            model.add(sum(self.paid[_key(c)] for c in paying) <= budget.minor)
        for ceiling in problem.ceilings:
            model.add(sum(self.paid[_key(c)] for c in self.cells if c[1].contract == ceiling.contract) <= ceiling.minor)


def _key(cell: Cell) -> tuple[str, str, int]:
    line, offer, week = cell
    return line.id, offer.id, week
