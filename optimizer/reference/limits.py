"""The problem as arrays: routes (columns) and the limits that can bind at all (rows).

A route is a (demand, lane) pair over which some lot keeps long enough; lots of one
item and depot are never told apart here: what leaves over lanes of at least t
days must not exceed the stock that keeps at least t days, for each t, and
whatever satisfies this can be handed out lot by lot, first expiring first
(`lines_of`). A limit that the routes cannot exceed together is no row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.reference.plan import Line
from optimizer.reference.problem import Lot, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 1e-9
"""Issue units below which a quantity is rounding."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Limits of one kind: `names[i]`, right-hand sides `most[i]`; entry e: coefficient[e] at (row[e], column[e])."""

    kind: str
    names: list[tuple[object, ...]]
    most: Floats
    row: Ints
    column: Ints
    coefficient: Floats


@dataclass(frozen=True, slots=True)
class Network:
    """Routes as parallel arrays, and the rows that can bind.

    Per route: `demand` and `lane` (indexes into the problem's dicts), `municipality` (index into `served`),
    `most` and everything else per issue unit: `gain` (criticality), `litres`, `cost`, and `pack` (units).
    `needs` and `weights` go with `served`, the municipalities that need something.
    """

    problem: Problem
    whole_packs: bool
    demand: Ints
    lane: Ints
    municipality: Ints
    most: Floats
    gain: Floats
    litres: Floats
    cost: Floats
    pack: Floats
    served: list[str]
    needs: Floats
    weights: Floats
    rows: list[Rows]

    @property
    def size(self) -> int:
        """How many routes."""
        return len(self.most)

    @property
    def height(self) -> int:
        """How many limits can bind."""
        return sum(len(rows.most) for rows in self.rows)

    def right_hand_sides(self) -> Floats:
        """The limits' right-hand sides, kind after kind."""
        return np.concatenate([rows.most for rows in self.rows])

    def entries(self) -> list[tuple[Ints, Ints, Floats]]:
        """The limits' matrix as parts of (row, column, coefficient), rows counted from 0 kind after kind."""
        offsets = np.cumsum([0, *(len(rows.most) for rows in self.rows)])[:-1]
        parts = zip(self.rows, offsets, strict=True)
        return [(rows.row + offset, rows.column, rows.coefficient) for rows, offset in parts]

    def service(self, quantities: Floats) -> Floats:
        """F / weight of each served municipality, for quantities per route."""
        got = np.bincount(self.municipality, weights=quantities * self.gain, minlength=len(self.served))
        return np.asarray(got / self.needs / self.weights)


def network_of(problem: Problem, *, whole_packs: bool = False) -> Network:
    """The routes and binding limits of a problem; with whole packs, lots and demands rounded down to packs first."""
    index = _Index(problem.in_packs() if whole_packs else problem)
    demand, lane = index.pairs()
    item = index.demand_item[demand]
    supply = index.keeping[item, index.lane_depot[lane], index.lane_class[lane]]
    room = index.lane_capacity[lane] / index.volume[item]
    most = np.minimum(np.minimum(index.demand_quantity[demand], supply), room)
    if whole_packs:
        most = np.floor(most / index.pack[item] * (1 + 1e-12) + 1e-9) * index.pack[item]
    kept = most > 0
    demand, lane, item, most = demand[kept], lane[kept], item[kept], most[kept]
    needs = problem.needs()
    served = {name: at for at, name in enumerate(needs)}
    seat = np.array([served.get(name, -1) for name in problem.municipalities], dtype=np.int64)
    return Network(
        problem=problem,
        whole_packs=whole_packs,
        demand=demand,
        lane=lane,
        municipality=seat[index.demand_municipality[demand]],
        most=most,
        gain=index.criticality[item],
        litres=index.volume[item],
        cost=index.volume[item] * index.lane_cost[lane],
        pack=index.pack[item],
        served=list(served),
        needs=np.array(list(needs.values())),
        weights=np.array([problem.municipalities[name] for name in served]),
        rows=index.rows(demand, lane, item, most),
    )


class _Index:
    """The problem's facts as arrays over its dicts' positions."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.depot = {name: at for at, name in enumerate(problem.depots)}
        self.item = {name: at for at, name in enumerate(problem.items)}
        municipality = {name: at for at, name in enumerate(problem.municipalities)}
        items, lanes = problem.items.values(), problem.lanes
        self.volume = np.array([one.unit_volume for one in items])
        self.criticality = np.array([one.criticality for one in items])
        self.pack = np.array([one.pack for one in items])
        self.lane_depot = np.array([self.depot[depot] for depot, _ in lanes], dtype=np.int64)
        self.lane_municipality = np.array([municipality[name] for _, name in lanes], dtype=np.int64)
        self.lane_capacity = np.array([lane.capacity for lane in lanes.values()])
        self.lane_cost = np.array([lane.cost_per_litre for lane in lanes.values()])
        lane_days = np.array([lane.days for lane in lanes.values()], dtype=np.int64)
        self.days, self.lane_class = np.unique(lane_days, return_inverse=True)
        self.demand_municipality = np.array([municipality[name] for name, _ in problem.demands], dtype=np.int64)
        self.demand_item = np.array([self.item[name] for _, name in problem.demands], dtype=np.int64)
        self.demand_quantity = np.array(list(problem.demands.values()))
        self.keeping = self._keeping()

    def _keeping(self) -> Floats:
        """Units by (item, depot, class of days) in lots that may leave over lanes of so many days."""
        keeping = np.zeros((len(self.item), len(self.depot), len(self.days)))
        for lot in self.problem.lots.values():
            at = self.item[lot.item]
            keeping[at, self.depot[lot.depot], : classes(self.problem, lot, self.days)] += lot.quantity
        return keeping

    def pairs(self) -> tuple[Ints, Ints]:
        """Every demand with every lane to its municipality, demand by demand."""
        by_town = np.argsort(self.lane_municipality, kind="stable")
        first = np.searchsorted(self.lane_municipality[by_town], np.arange(len(self.problem.municipalities) + 1))
        count = (first[1:] - first[:-1])[self.demand_municipality]
        demand = np.repeat(np.arange(len(count)), count)
        within = np.arange(len(demand)) - np.repeat(np.cumsum(count) - count, count)
        return demand, by_town[first[self.demand_municipality[demand]] + within]

    def rows(self, demand: Ints, lane: Ints, item: Ints, most: Floats) -> list[Rows]:
        """The limits of each kind that the routes could exceed together."""
        problem, depots, depot = self.problem, len(self.depot), self.lane_depot[lane]
        ones, litres = np.ones(len(most)), self.volume[item]
        capacity = np.array(list(problem.depots.values()))
        lots = [
            (item * depots + depot, self.keeping[:, :, at].ravel(), self.lane_class[lane] >= at)
            for at in range(len(self.days))
        ]
        names = [(d, i) for i in problem.items for d in problem.depots]
        return [
            _binding("demands", list(problem.demands), demand, ones, self.demand_quantity, column_most=most),
            *(
                _binding(
                    "lots", [(*name, int(days)) for name in names], row, ones, stock, column_most=most, among=among
                )
                for days, (row, stock, among) in zip(self.days, lots, strict=True)
            ),
            _binding("lanes", list(problem.lanes), lane, litres, self.lane_capacity, column_most=most),
            _binding("depots", [(name,) for name in problem.depots], depot, litres, capacity, column_most=most),
        ]


def classes(problem: Problem, lot: Lot, days: Ints) -> int:
    """How many of the ascending numbers of days the lot keeps long enough for."""
    if lot.expiry_day is None:
        return len(days)
    return int(np.searchsorted(days, lot.expiry_day - problem.min_shelf_life_days, side="right"))


def _binding(
    kind: str,
    names: Sequence[tuple[object, ...]],
    row: Ints,
    coefficient: Floats,
    most: Floats,
    *,
    column_most: Floats,
    among: NDArray[np.bool_] | None = None,
) -> Rows:
    column = np.arange(len(row)) if among is None else np.nonzero(among)[0]
    row, coefficient = row[column], coefficient[column]
    reach = np.bincount(row, weights=coefficient * column_most[column], minlength=len(most))
    kept = reach > most
    entries = kept[row]
    return Rows(
        kind=kind,
        names=[names[at] for at in np.nonzero(kept)[0].tolist()],
        most=most[kept],
        row=(np.cumsum(kept) - 1)[row[entries]],
        column=column[entries],
        coefficient=coefficient[entries],
    )


def lines_of(network: Network, quantities: Floats) -> tuple[Line, ...]:
    """Lot by lot what the routes carry: lanes that take longest choose first, and take what expires first.

    Because longer lanes may use only some of the lots that shorter lanes may, this serves every
    route. Quantities of at most LEAST are left out; whole packs stay whole.
    """
    problem = network.problem.in_packs() if network.whole_packs else network.problem
    lots: dict[tuple[str, str], list[tuple[str, Lot]]] = {}
    for name, lot in sorted(problem.lots.items(), key=_first_expiring):
        lots.setdefault((lot.depot, lot.item), []).append((name, lot))
    left = {name: lot.quantity for name, lot in problem.lots.items()}
    demands, lanes = list(problem.demands), list(problem.lanes.items())
    carried = [
        (-lanes[lane][1].days, demands[demand], lanes[lane], float(quantity))
        for demand, lane, quantity in zip(network.demand, network.lane, quantities, strict=True)
        if quantity > LEAST
    ]
    lines = []
    for _, (municipality, item), ((depot, _), lane), quantity in sorted(carried, key=lambda one: one[0]):
        missing = quantity
        for name, lot in lots[depot, item]:
            taken = min(missing, left[name]) if problem.eligible(lot, lane) else 0.0
            if taken > LEAST:
                lines.append(Line(name, municipality, taken))
                left[name] -= taken
                missing -= taken
    return tuple(sorted(lines, key=lambda line: (line.lot, line.municipality)))


def _first_expiring(entry: tuple[str, Lot]) -> tuple[float, str]:
    name, lot = entry
    return (math.inf if lot.expiry_day is None else lot.expiry_day, name)
