"""The clauses that lines share, as rows: what an order or a stored unit takes of each, and how much there is.

Every clause is `taken <= room`. What an order takes depends on its units, on being placed, or on its money; storage
depends on the units left at a week's end. Ordering nothing keeps every row: where stock that is already there
overfills a store, its row has room for that stock and for no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.reorder.horizon.problem import Budget, Line, Offer, Problem
from optimizer.reorder.horizon.terms import Ints, Reals, Terms

UNITS, ORDERS, MONEY, STORED = "units", "orders", "money", "stored"


@dataclass(frozen=True, slots=True)
class Takes:
    """Entries of one kind: `weight` is taken from `row` per unit (order, minor unit, stored unit) in `cell`."""

    row: Ints
    cell: Ints
    weight: Reals


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a problem. `peaks`: the rows of smoothing, whose room is the peak that the plan pays for."""

    names: tuple[str, ...]
    room: Reals
    peaks: Ints
    takes: dict[str, Takes]
    cells: dict[str, int]

    def at_prices(self, kind: str, prices: Reals) -> Reals:
        """What one of a kind in each cell costs at the rows' prices; shape (cells,)."""
        takes = self.takes[kind]
        return np.bincount(takes.cell, takes.weight * prices[takes.row], self.cells[kind]).astype(float)

    def taken(self, kind: str, amounts: Reals, line_of_cell: Ints, lines: int) -> Reals:
        """What each line takes of each row for the amounts per cell; shape (lines, rows)."""
        takes, count = self.takes[kind], len(self.names)
        slot = line_of_cell[takes.cell] * count + takes.row
        flat = np.bincount(slot, takes.weight * amounts[takes.cell], lines * count)
        return flat.astype(float).reshape(lines, count)


@dataclass(frozen=True, slots=True)
class _Pair:
    at: int
    place: int
    line: Line
    offer: Offer


@dataclass(slots=True)
class _Sheet:
    data: Terms
    names: list[str] = field(default_factory=list)
    room: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    parts: dict[str, list[tuple[int, Ints, Reals]]] = field(
        default_factory=lambda: {UNITS: [], ORDERS: [], MONEY: [], STORED: []}
    )

    def row(self, name: str, room: float) -> int:
        self.names.append(name)
        self.room.append(room)
        return len(self.names) - 1

    def take(self, kind: str, row: int, cells: Ints, weight: float) -> None:
        if len(cells) and weight:
            self.parts[kind].append((row, cells, np.full(len(cells), float(weight))))


def rows(data: Terms) -> Rows:
    """The rows of a problem, in the order of its clauses."""
    sheet, problem = _Sheet(data), data.problem
    _capacities(sheet)
    _storages(sheet)
    pairs = _pairs(problem)
    for budget in problem.budgets:
        row = sheet.row(budget_name(budget), budget.minor)
        paying = [one for one in pairs if budget.member in ("", one.line.member)]
        _each(sheet, MONEY, row, paying, weeks=(budget.first_week, budget.last_week))
    for ceiling in problem.ceilings:
        row = sheet.row(f"ceiling of contract {ceiling.contract}", ceiling.minor)
        _each(sheet, MONEY, row, [one for one in pairs if one.offer.contract == ceiling.contract])
    for kept in problem.reservations:
        name = f"reservation of {kept.member or 'all'} for {kept.product} in contract {kept.contract}"
        row = sheet.row(name, kept.units)
        under = [one for one in pairs if (one.offer.contract, one.line.product) == (kept.contract, kept.product)]
        _each(sheet, UNITS, row, [one for one in under if kept.member in ("", one.line.member)])
    _shares(sheet)
    _offers(sheet)
    _smoothing(sheet)
    return _made(sheet)


def _capacities(sheet: _Sheet) -> None:
    data = sheet.data
    for capacity in data.problem.capacities:
        first = len(sheet.names)
        for week, volume in enumerate(capacity.volume):
            sheet.row(f"capacity of {capacity.supplier} week {week}", volume)
        for one in _pairs(data.problem):
            if one.offer.supplier == capacity.supplier:
                for week in np.nonzero(data.open[one.at, one.place])[0].tolist():
                    cell = np.array([_cell(data, one, week)])
                    sheet.take(UNITS, first + week, cell, one.line.volume)
                    sheet.take(ORDERS, first + week, cell, one.offer.order_volume)


def _storages(sheet: _Sheet) -> None:
    data = sheet.data
    for room in data.problem.storages:
        here = [at for at, line in enumerate(data.problem.lines) if line.storage == room.storage]
        idle = np.zeros(data.problem.weeks, np.int64)
        for at in here:
            idle += idle_stock(data, at) * data.volume[at]
        for week, volume in enumerate(room.volume):
            row = sheet.row(f"storage {room.storage} week {week}", max(volume, int(idle[week])))
            for at in here:
                sheet.take(STORED, row, np.array([at * data.problem.weeks + week]), float(data.volume[at]))


def idle_stock(data: Terms, at: int) -> Ints:
    """The line's stock at the end of each week if nothing is ordered."""
    held, ends = int(data.start[at]), []
    for week in range(data.problem.weeks):
        held = min(held + int(data.inbound[at, week]), int(data.usable[at, week]))
        held = max(0, held - int(data.demand[at, week]))
        ends.append(held)
    return np.array(ends)


def _shares(sheet: _Sheet) -> None:
    for share in sheet.data.problem.shares:
        wanted = sum(sum(line.demand) for line in sheet.data.problem.lines if line.product == share.product)
        row = sheet.row(f"share of {share.supplier} in {share.product}", wanted * share.permille // 1000)
        pairs = [one for one in _pairs(sheet.data.problem) if one.line.product == share.product]
        _each(sheet, UNITS, row, [one for one in pairs if one.offer.supplier == share.supplier])


def _offers(sheet: _Sheet) -> None:
    for one in _pairs(sheet.data.problem):
        if one.offer.most_units is not None:
            row = sheet.row(f"offer {one.offer.id} of {one.line.id}", one.offer.most_units)
            _each(sheet, UNITS, row, [one])


def _smoothing(sheet: _Sheet) -> None:
    smoothing, weeks = sheet.data.problem.smoothing, sheet.data.problem.weeks
    if smoothing is not None and smoothing.peak_milli:
        for first in range(0, weeks, smoothing.weeks):
            last = min(weeks, first + smoothing.weeks) - 1
            row = sheet.row(f"peak weeks {first} to {last}", 0)
            sheet.peaks.append(row)
            _each(sheet, MONEY, row, _pairs(sheet.data.problem), weeks=(first, last))


def budget_name(budget: Budget) -> str:
    """The clause's name in a plan's prices."""
    return f"budget of {budget.member or 'all'} weeks {budget.first_week} to {budget.last_week}"


def _pairs(problem: Problem) -> list[_Pair]:
    return [
        _Pair(at, place, line, offer)
        for at, line in enumerate(problem.lines)
        for place, offer in enumerate(line.offers)
    ]


def _each(sheet: _Sheet, kind: str, row: int, pairs: list[_Pair], *, weeks: tuple[int, int] | None = None) -> None:
    """Every unit (or minor unit) ordered from these offers in these weeks takes one of the row."""
    for one in pairs:
        sheet.take(kind, row, _cells(sheet.data, one, weeks or (0, sheet.data.problem.weeks)), 1)


def _cell(data: Terms, pair: _Pair, week: int) -> int:
    return (pair.at * data.shape[1] + pair.place) * data.problem.weeks + week


def _cells(data: Terms, pair: _Pair, weeks: tuple[int, int]) -> Ints:
    open_weeks = np.nonzero(data.open[pair.at, pair.place])[0]
    inside = open_weeks[(open_weeks >= weeks[0]) & (open_weeks <= weeks[1])]
    return np.asarray(_cell(data, pair, 0) + inside, np.int64)


def _made(sheet: _Sheet) -> Rows:
    lines, offers, _, weeks = sheet.data.shape
    takes = {}
    for kind, parts in sheet.parts.items():
        row = [np.full(len(cells), row) for row, cells, _ in parts]
        takes[kind] = Takes(
            np.concatenate([np.zeros(0, np.int64), *row]),
            np.concatenate([np.zeros(0, np.int64), *(cells for _, cells, _ in parts)]),
            np.concatenate([np.zeros(0), *(weight for _, _, weight in parts)]),
        )
    orders = lines * offers * weeks
    return Rows(
        tuple(sheet.names),
        np.array(sheet.room),
        np.array(sheet.peaks, np.int64),
        takes,
        {UNITS: orders, ORDERS: orders, MONEY: orders, STORED: lines * weeks},
    )
