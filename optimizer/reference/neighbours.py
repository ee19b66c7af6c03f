"""Better whole packs step by step: all routes of a few municipalities are set free and chosen anew by CP-SAT.

The rest of the plan stands, so each step is a small program in whole numbers; its
limits are rounded so that a plan that CP-SAT accepts keeps the real ones. CP-SAT runs
with one worker under deterministic limits: same problem, same steps.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from optimizer.reference.limits import Floats, Network
from optimizer.reference.targets import SHORTAGE, WHOLE, Targets, received

TOWNS = 8
FREE_ROUTES = 600
STEP_LIMIT = 0.05
"""CP-SAT's deterministic seconds for one step."""
SEED = 1
COUNTED = 10**9
"""Coefficients that are not whole are counted in parts of at least this fineness."""


def improve(
    network: Network, targets: Targets, start: Floats, *, steps: int, stop: Callable[[], bool]
) -> Iterator[Floats]:
    """Each better plan that is found in so many steps; ends early when the targets are met or `stop` says so."""
    chance = random.Random(SEED)
    best, score = start, targets.score(network, start)
    for step in range(steps):
        if stop() or targets.met(network, best):
            return
        free = _free(network, targets, best, chance)
        found = _Step(network, targets, best, free).solve(seed=step)
        if found is not None and (worth := targets.score(network, found)) >= score:
            better = worth > score
            best, score = found, worth
            if better:
                yield best


def _free(network: Network, targets: Targets, quantities: Floats, chance: random.Random) -> NDArray[np.bool_]:
    """Routes of a municipality that is short, if any is, and of others at random."""
    short = np.nonzero(targets.shortage(network, quantities) > WHOLE)[0].tolist()
    towns = {chance.choice(short)} if short else set()
    every = list(range(len(network.served)))
    chance.shuffle(every)
    sizes = np.bincount(network.municipality, minlength=len(every))
    for town in every:
        if len(towns) >= TOWNS or sum(sizes[one] for one in towns) >= FREE_ROUTES:
            break
        towns.add(town)
    return np.isin(network.municipality, sorted(towns))


def counted(coefficients: Floats, *, upward: bool) -> tuple[list[int], float]:
    """Coefficients as whole numbers and the factor used; where none is exact, rounded to the side that is safe."""
    for factor in (1.0, 10.0, 100.0, 1000.0, 10000.0):
        scaled = coefficients * factor
        if np.all(np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(1.0, scaled)):
            return [round(one) for one in scaled.tolist()], factor
    factor = COUNTED / float(np.max(coefficients))
    side = math.ceil if upward else math.floor
    return [side(one) for one in (coefficients * factor).tolist()], factor


@dataclass(slots=True)
class _Step:
    network: Network
    targets: Targets
    quantities: Floats
    free: NDArray[np.bool_]

    def solve(self, *, seed: int) -> Floats | None:
        """The plan with the free routes chosen anew, or None where CP-SAT found nothing in its time."""
        network, model = self.network, cp_model.CpModel()
        routes = np.nonzero(self.free)[0]
        most = np.round(network.most[routes] / network.pack[routes]).astype(int).tolist()
        packs = [model.new_int_var(0, one, "") for one in most]
        for variable, now in zip(packs, np.round(self.quantities[routes] / network.pack[routes]), strict=True):
            model.add_hint(variable, int(now))
        seat = np.full(network.size, -1)
        seat[routes] = np.arange(len(routes))
        self._limits(model, packs, most, seat)
        self._objective(model, packs, routes)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed
        solver.parameters.max_deterministic_time = STEP_LIMIT
        if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        found = self.quantities.copy()
        found[routes] = np.array([solver.value(one) for one in packs]) * network.pack[routes]
        return found

    def _limits(
        self, model: cp_model.CpModel, packs: list[cp_model.IntVar], most: list[int], seat: NDArray[np.int64]
    ) -> None:
        network = self.network
        for rows in network.rows:
            inside = self.free[rows.column]
            held = np.where(inside, 0.0, rows.coefficient * self.quantities[rows.column])
            left = rows.most - np.bincount(rows.row, weights=held, minlength=len(rows.most))
            order = np.argsort(rows.row[inside], kind="stable")
            row, column = rows.row[inside][order], rows.column[inside][order]
            weights = (rows.coefficient[inside][order]) * network.pack[column]
            cuts = np.nonzero(np.diff(row))[0] + 1
            for at, columns, own in zip(
                row[np.concatenate([[0], cuts])] if len(row) else [],
                np.split(column, cuts),
                np.split(weights, cuts),
                strict=False,
            ):
                seats = seat[columns].tolist()
                whole, factor = counted(own, upward=True)
                room = math.floor(max(0.0, float(left[at])) * factor * (1 + 1e-12) + 1e-6)
                if sum(one * most[place] for one, place in zip(whole, seats, strict=True)) > room:
                    model.add(cp_model.LinearExpr.weighted_sum([packs[place] for place in seats], whole) <= room)

    def _objective(self, model: cp_model.CpModel, packs: list[cp_model.IntVar], routes: NDArray[np.int64]) -> None:
        """Worth of what is given, less what is short of the targets; in parts of the dearest coefficient."""
        network, price = self.network, self.targets.price
        held = received(network, np.where(self.free, 0.0, self.quantities))
        worth = (price * network.gain - network.cost)[routes] * network.pack[routes]
        unit = 1e6 / max(float(np.max(np.abs(worth))), SHORTAGE * price)
        terms = list(zip(packs, np.round(worth * unit).astype(int).tolist(), strict=True))
        gain = (network.gain * network.pack)[routes]
        for town in np.unique(network.municipality[routes]).tolist():
            own = np.nonzero(network.municipality[routes] == town)[0]
            whole, factor = counted(gain[own], upward=False)
            missing = math.ceil((self.targets.received[town] - held[town]) * factor - 1e-6)
            if missing > 0:
                short = model.new_int_var(0, missing, "")
                got = cp_model.LinearExpr.weighted_sum([packs[one] for one in own.tolist()], whole)
                model.add(got + short >= missing)
                terms.append((short, -max(1, round(SHORTAGE * price * unit / factor))))
        model.maximize(cp_model.LinearExpr.weighted_sum([one for one, _ in terms], [worth for _, worth in terms]))
