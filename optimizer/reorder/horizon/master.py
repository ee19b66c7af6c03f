"""Prices for the shared clauses, and from them a bound that no plan can undercut (Dantzig and Wolfe 1960).

Sets        lines i, rows r (clauses), plans p of line i found so far, peaks r in P
Data        c_ip, a_ipr  cost of a plan and what it takes of each row;  b_r room;  w cost of the peak
Variables   x_ip >= 0    share of a plan;   h >= 0  the peak
Objective   least sum of c_ip x_ip + w h
(one)       sum over p of x_ip = 1             for every line
(room)      sum of a_ipr x_ip <= b_r           (with prices l_r >= 0; for peaks b_r = h)

For any prices l >= 0 whose peaks sum to at most w,  sum over i of min over all plans p of (c_ip + sum of l_r a_ipr)
- sum of l_r b_r  is a lower bound: the inner minimum is found exactly by `dynamic`. Prices are asked between those of
the program and the best so far (Wentges 1997), because those of the program alone jump about.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
from ortools.math_opt.python import mathopt

from optimizer.reorder.horizon.dynamic import Charges, Search, true_charges
from optimizer.reorder.horizon.rows import MONEY, ORDERS, STORED, UNITS, Rows
from optimizer.reorder.horizon.tally import tally
from optimizer.reorder.horizon.terms import Ints, Reals, Terms

SMOOTH = 0.5
MARGIN = 1e-11
"""Taken off the bound, as a share of what was added up for it: more than rounding can amount to."""
TINY = 1e-9
PEAK_MARGIN = 1e-9


class MasterError(RuntimeError):
    """The linear program ended in a state that cannot be: our bug or the solver's."""


@dataclass(slots=True)
class Column:
    """One plan of one line: its units by offer and week, its cost, what it takes of each row."""

    line: int
    units: Ints
    cost: int
    taken: Reals


@dataclass(slots=True)
class Pool:
    """Plans found, each once."""

    columns: list[Column] = field(default_factory=list)
    seen: set[tuple[int, bytes]] = field(default_factory=set)

    def add(self, data: Terms, rows: Rows, units: Ints, lines: Ints | None = None) -> list[Column]:
        """Take up the plans of the lines; returns those that are new."""
        which = np.arange(len(units)) if lines is None else lines
        new = [at for at, line in enumerate(which) if (int(line), units[at].tobytes()) not in self.seen]
        if not new:
            return []
        chosen = np.array(new)
        counted = tally(data, rows, units[chosen], which[chosen])
        added = []
        for at, place in enumerate(new):
            self.seen.add((int(which[place]), units[place].tobytes()))
            column = Column(int(which[place]), units[place].copy(), int(counted.cost[at]), counted.taken[at])
            added.append(column)
        self.columns += added
        return added


@dataclass(frozen=True, slots=True)
class Bound:
    """A proven lower bound in thousandths, the prices it follows from, and each line's part at these prices."""

    value: int
    prices: Reals
    parts: Reals


def charges_at(data: Terms, rows: Rows, prices: Reals) -> Charges:
    """The true costs and what the clauses take at these prices."""
    base = true_charges(data)
    shape = base.money.shape
    return Charges(
        base.money + rows.at_prices(MONEY, prices).reshape(shape),
        base.unit + rows.at_prices(UNITS, prices).reshape(shape),
        base.order + rows.at_prices(ORDERS, prices).reshape(shape),
        base.keep + rows.at_prices(STORED, prices).reshape(base.keep.shape),
    )


def bound_at(data: Terms, rows: Rows, search: Search, prices: Reals) -> tuple[Bound, Ints]:
    """The bound at some prices, and the plans that have it."""
    parts, units = search.best(charges_at(data, rows, prices))
    worth = np.array(prices) * rows.room
    added = float(np.abs(parts).sum() + np.abs(worth).sum())
    value = math.ceil(math.fsum(parts) - math.fsum(worth) - MARGIN * added)  # every plan costs a whole number
    return Bound(value, prices, parts), units


class Master:
    """The linear program over the plans found so far."""

    def __init__(self, data: Terms, rows: Rows, scale: float) -> None:
        self.rows, self.scale = rows, scale
        self.model = mathopt.Model()
        self.size = np.maximum(1.0, np.abs(rows.room))
        self.row = [
            self.model.add_linear_constraint(ub=room / size) for room, size in zip(rows.room, self.size, strict=True)
        ]
        self.one = [self.model.add_linear_constraint(lb=1.0, ub=1.0) for _ in range(data.shape[0])]
        self.columns: list[tuple[Column, mathopt.Variable]] = []
        self._add_peak(data)
        self.solver = mathopt.IncrementalSolver(self.model, mathopt.SolverType.GLOP)

    def _add_peak(self, data: Terms) -> None:
        smoothing = data.problem.smoothing
        if smoothing is not None and len(self.rows.peaks):
            peak = self.model.add_variable(lb=0.0)
            self.model.objective.set_linear_coefficient(peak, smoothing.peak_milli / self.scale)
            for at in self.rows.peaks:
                self.row[at].set_coefficient(peak, -1.0 / self.size[at])

    def add(self, columns: list[Column]) -> None:
        """Take up plans."""
        for column in columns:
            share = self.model.add_variable(lb=0.0)
            self.model.objective.set_linear_coefficient(share, column.cost / self.scale)
            self.one[column.line].set_coefficient(share, 1.0)
            for at in np.nonzero(column.taken)[0]:
                self.row[at].set_coefficient(share, float(column.taken[at] / self.size[at]))
            self.columns.append((column, share))

    def solve(self) -> tuple[float, Reals]:
        """(value in thousandths, prices of the rows in thousandths per unit of the row)."""
        try:
            result = self.solver.solve()
        except (RuntimeError, AttributeError, ValueError):  # MathOpt hides a failed status behind other errors
            result = self._again()
        if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            result = self._again()
        if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            raise MasterError(f"the master program ended {result.termination.reason}")
        prices = -np.array(result.dual_values(self.row)) * self.scale / self.size
        return result.objective_value() * self.scale, np.maximum(0.0, prices)

    def _again(self) -> mathopt.SolveResult:
        """GLOP sometimes ends abnormally: HiGHS solves the same program."""
        self.solver = mathopt.IncrementalSolver(self.model, mathopt.SolverType.GLOP)
        return mathopt.solve(self.model, mathopt.SolverType.HIGHS)


def priced(data: Terms, rows: Rows, search: Search, pool: Pool, *, gap: float, deadline: float) -> Bound:
    """The best bound found until the program's value is within `gap` of it, or time (monotonic) is out."""
    lines, offers, _, weeks = data.shape
    best, units = bound_at(data, rows, search, np.zeros(len(rows.names)))
    idle = np.zeros((lines, offers, weeks), np.int64)
    pool.add(data, rows, idle)
    pool.add(data, rows, units)
    scale = max(1.0, sum(abs(column.cost) for column in pool.columns) / len(pool.columns))
    master = Master(data, rows, scale)
    master.add(pool.columns)
    if not len(rows.names):
        return best
    keep = 0.0
    while time.monotonic() < deadline:
        value, prices = master.solve()
        if value - best.value <= gap * max(1.0, abs(value)):
            break
        here, units = bound_at(data, rows, search, keep * best.prices + (1 - keep) * _allowed(data, rows, prices))
        better = here.value > best.value
        new = pool.add(data, rows, units)
        master.add(new)
        if not new and keep == 0.0:
            best = here if better else best
            break
        keep = SMOOTH if new else 0.0
        best = here if better else best
    return best


def _allowed(data: Terms, rows: Rows, prices: Reals) -> Reals:
    """Prices whose peaks sum to at most what the peak costs; very small ones are left away."""
    prices = np.where(prices < TINY, 0.0, prices)
    smoothing = data.problem.smoothing
    if smoothing is not None and len(rows.peaks):
        total = float(prices[rows.peaks].sum())
        if total > smoothing.peak_milli:
            prices[rows.peaks] *= smoothing.peak_milli / total * (1 - PEAK_MARGIN)
    return prices
