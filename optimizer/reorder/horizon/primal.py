"""A plan that keeps every clause, made better line by line while time lasts.

State: every line has a plan, and all plans together keep all rows. A line is planned anew by `best_capped` in the
room that the others leave: never worse, always kept. To leave a dead end, a few lines are taken out and put back one
after the other while the clauses' prices are charged in part, so that the first leaves room for the next
(large neighbourhood search, Shaw 1998); what became dearer is undone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizer.reorder.horizon.capped import Caps, LineCharges, best_capped
from optimizer.reorder.horizon.dynamic import Charges
from optimizer.reorder.horizon.master import Bound, charges_at
from optimizer.reorder.horizon.rows import MONEY, ORDERS, STORED, UNITS, Rows
from optimizer.reorder.horizon.tally import tally
from optimizer.reorder.horizon.terms import Ints, Reals, Terms

SLACK = 1e-6
TRIES = 4
DEARER = 4.0
PATIENCE, PATIENCE_PER_LINE = 100, 10
"""The search ends after so many vain rounds, and so many more for each line."""


@dataclass(frozen=True, slots=True)
class _Entry:
    row: Ints
    slot: Ints
    weight: Reals


class Keeper:
    """All lines' plans, what they take of every row, and the total cost; never breaks a row."""

    def __init__(self, data: Terms, rows: Rows, bound: Bound) -> None:
        self.data, self.rows, self.bound = data, rows, bound
        lines, offers, _, weeks = data.shape
        self.units = np.zeros((lines, offers, weeks), np.int64)
        counted = tally(data, rows, self.units)
        self.cost, self.taken = counted.cost.copy(), counted.taken.copy()
        self.total = self.taken.sum(0)
        self.entries = {kind: _by_line(rows, kind, lines) for kind in rows.takes}
        self.hard = np.ones(len(rows.names), bool)
        self.hard[rows.peaks] = False
        self.free = charges_at(data, rows, np.where(self.hard, 0.0, bound.prices))
        self.priced = charges_at(data, rows, bound.prices)

    @property
    def value(self) -> int:
        """The total cost in thousandths, the peak included."""
        return int(self.cost.sum()) + self.peak()

    def peak(self) -> int:
        """What the dearest period costs."""
        smoothing = self.data.problem.smoothing
        if smoothing is None or not len(self.rows.peaks):
            return 0
        return round(float(self.total[self.rows.peaks].max())) * smoothing.peak_milli

    def put(self, line: int, units: Ints) -> None:
        """Give a line another plan."""
        counted = tally(self.data, self.rows, units[None], np.array([line]))
        self.total += counted.taken[0] - self.taken[line]
        self.units[line], self.cost[line], self.taken[line] = units, counted.cost[0], counted.taken[0]

    def kept(self) -> bool:
        """Whether every row is kept."""
        return bool((self.total <= self.rows.room + SLACK)[self.hard].all())

    def improve(self, line: int, share: float) -> bool:
        """Plan a line anew, with this share of the clauses' prices; whether its plan changed."""
        room = self.rows.room - self.total + self.taken[line]
        caps = _caps(self, line, room)
        extra = np.zeros(len(self.rows.names))
        before = self.units[line].copy()
        for _ in range(TRIES):
            charges = _line_charges(self, line, share, extra)
            units = best_capped(self.data, line, charges, caps)
            if units is None or (units == before).all():
                return False
            self.put(line, units)
            over = self.hard & (self.total > self.rows.room + SLACK)
            if not over.any():
                return True
            extra = self._dearer(line, over, extra)
            self.put(line, before)
        return False

    def _dearer(self, line: int, over: Ints, extra: Reals) -> Reals:
        """Prices at which what the line takes of an overfilled row weighs as much as the line's own plan."""
        taken = np.maximum(self.taken[line], 1.0)
        first = 0.05 * abs(float(self.cost[line])) / taken
        return np.where(over, np.maximum(first, extra * DEARER), extra)


def _by_line(rows: Rows, kind: str, lines: int) -> list[_Entry]:
    takes, each = rows.takes[kind], rows.cells[kind] // lines
    order = np.argsort(takes.cell, kind="stable")
    row, cell, weight = takes.row[order], takes.cell[order], takes.weight[order]
    cuts = np.searchsorted(cell, np.arange(lines + 1) * each)
    return [_Entry(row[a:b], cell[a:b] - at * each, weight[a:b]) for at, (a, b) in enumerate(pairwise(cuts))]


def _caps(keeper: Keeper, line: int, room: Reals) -> Caps:
    data = keeper.data
    _, offers, tiers, weeks = data.shape
    room = np.where(keeper.hard, room + SLACK, np.inf)
    most = np.full(offers * weeks, np.inf)
    entry = keeper.entries[UNITS][line]
    np.minimum.at(most, entry.slot, (room[entry.row] - _by_order(keeper, line)) / entry.weight)
    order = np.repeat(most.reshape(offers, weeks)[:, :, None], tiers, 2)
    money = np.full(offers * weeks, np.inf)
    entry = keeper.entries[MONEY][line]
    np.minimum.at(money, entry.slot, room[entry.row] / entry.weight)
    price = np.maximum(data.price[line], 1e-9)[:, None, :]
    order = np.minimum(order, money.reshape(offers, weeks)[:, :, None] / price)
    held = np.full(weeks, np.inf)
    entry = keeper.entries[STORED][line]
    np.minimum.at(held, entry.slot, room[entry.row] / entry.weight)
    top = float(data.most[line])
    return Caps(np.floor(np.clip(order, -1, top)).astype(np.int64), np.floor(np.clip(held, -1, top)).astype(np.int64))


def _by_order(keeper: Keeper, line: int) -> Reals:
    """What placing the order takes of the row of each of the line's entries by units, its units aside."""
    units, orders = keeper.entries[UNITS][line], keeper.entries[ORDERS][line]
    if not len(orders.row):
        return np.zeros(len(units.row))
    taken = {
        (r, s): w for r, s, w in zip(orders.row.tolist(), orders.slot.tolist(), orders.weight.tolist(), strict=True)
    }
    keys = zip(units.row.tolist(), units.slot.tolist(), strict=True)
    return np.array([taken.get(key, 0.0) for key in keys])


def _line_charges(keeper: Keeper, line: int, share: float, extra: Reals) -> LineCharges:
    data, free, priced = keeper.data, keeper.free, keeper.priced
    more = _extra_charges(keeper, line, extra) if extra.any() else None

    def mixed(base: Reals, at: Reals) -> Reals:
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(base), base + share * (at - base), base)

    money = mixed(free.money[line], priced.money[line])
    unit = mixed(free.unit[line], priced.unit[line])
    order = mixed(free.order[line], priced.order[line])
    keep = mixed(free.keep[line], priced.keep[line])
    if more is not None:
        money, unit, order, keep = money + more.money, unit + more.unit, order + more.order, keep + more.keep
    return LineCharges(data.price[line][:, None, :] * money[:, :, None] + unit[:, :, None], order, keep)


def _extra_charges(keeper: Keeper, line: int, extra: Reals) -> Charges:
    _, offers, _, weeks = keeper.data.shape

    def at(kind: str, cells: int) -> Reals:
        entry = keeper.entries[kind][line]
        return np.bincount(entry.slot, entry.weight * extra[entry.row], cells).astype(float)

    cells, shape = offers * weeks, (offers, weeks)
    return Charges(
        at(MONEY, cells).reshape(shape),
        at(UNITS, cells).reshape(shape),
        at(ORDERS, cells).reshape(shape),
        at(STORED, weeks),
    )


def polish(keeper: Keeper, *, target: float, deadline: float, seed: int, rounds: int) -> None:
    """Make the plan better until its cost is at most `target`, or `rounds`, time (monotonic) or patience is out."""
    random = np.random.default_rng(seed)
    lines = keeper.data.shape[0]
    for share in (1.0, 0.0):
        sweep(keeper, random.permutation(lines), share, deadline)
    idle = 0
    for _ in range(rounds):
        if keeper.value <= target or time.monotonic() > deadline or idle > PATIENCE + PATIENCE_PER_LINE * lines:
            return
        value = keeper.value
        _shake(keeper, _chosen(keeper, random), random, deadline)
        idle = 0 if keeper.value < value else idle + 1


def sweep(keeper: Keeper, order: Sequence[int] | Ints, share: float, deadline: float) -> None:
    """Plan every line anew once, in this order."""
    for line in order:
        if time.monotonic() > deadline:
            return
        _try(keeper, int(line), share)


def _try(keeper: Keeper, line: int, share: float) -> None:
    """Plan a line anew; undo it where the true total became dearer."""
    before, value = keeper.units[line].copy(), keeper.value
    if keeper.improve(line, share) and keeper.value > value:
        keeper.put(line, before)


def _chosen(keeper: Keeper, random: np.random.Generator) -> Ints:
    """A few lines, those that pay most above their part of the bound with more chance."""
    lines = keeper.data.shape[0]
    own = keeper.cost + keeper.taken @ keeper.bound.prices - keeper.bound.parts
    loss = np.maximum(own, 0.0) + 1e-3 * max(1.0, float(np.abs(own).mean()))
    count = min(lines, int(random.integers(2, 7)))
    return random.choice(lines, count, replace=False, p=loss / loss.sum())


def _shake(keeper: Keeper, lines: Ints, random: np.random.Generator, deadline: float) -> None:
    before, value = [keeper.units[line].copy() for line in lines], keeper.value
    for line in lines:
        keeper.put(int(line), np.zeros_like(keeper.units[line]))
    share = float(random.random()) * 1.5
    for factor in (share, 0.0):
        for line in random.permutation(lines):
            keeper.improve(int(line), factor)
        if time.monotonic() > deadline:
            break
    if keeper.value >= value:
        for line in lines:
            keeper.put(int(line), np.zeros_like(keeper.units[line]))
        for line, units in zip(lines, before, strict=True):
            keeper.put(int(line), units)
