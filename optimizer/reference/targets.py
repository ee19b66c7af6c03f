"""Whole packs near the linear optimum: targets a little below its values, least cost at these, then rounding.

Over the network whose lots and demands are rounded down to whole packs (its linear
optimum bounds every plan in whole packs):

    (goal)     min cost, with service F/weight >= (1 - SLACK) of the linear optimum for every
               municipality, weighted quantity >= (1 - SLACK) of the linear optimum
    (elastic)  max  weight * sum of w x - cost - shortage * sum of s,  F_m + s_m >= target_m

The linear (goal) gives a bound on cost at the values that whole packs reach. `round_down` solves
(elastic) again and again while it holds more and more routes at the nearest whole pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.reference.limits import Floats, Ints, Network
from optimizer.reference.plan import Certificate
from optimizer.reference.program import Entries, Program, SolverError, joined, whole_numbers

SLACK = 9e-4
COST_SLACK = 9e-3
FAIR_GAP = 1e-5
SCALE = 100.0
SHORTAGE = 30.0
"""A weighted unit that a municipality lacks below its target counts as so many weighted units."""
PREFERENCE = 3.0
"""A weighted unit counts as so many times its price at the linear optimum."""
SHARE, LEAST_BATCH, BATCHES = 0.25, 4, 500
WHOLE = 1e-6
HIGHS_ROUTES = 3000
"""Larger programs in whole numbers than this are not given to HiGHS as a whole."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What whole packs aim for: lowest service, weighted quantity per served municipality and in all, and cost.

    `price` is what a weighted unit counts for in transport cost.
    """

    level: float
    received: Floats
    weighted: float
    cost: float
    price: float

    def shortage(self, network: Network, quantities: Floats) -> Floats:
        """Weighted quantity that each municipality lacks."""
        return np.maximum(0.0, self.received - received(network, quantities))

    def score(self, network: Network, quantities: Floats) -> float:
        """The elastic objective: larger is better."""
        worth = float((self.price * network.gain - network.cost) @ quantities)
        return worth - SHORTAGE * self.price * float(self.shortage(network, quantities).sum())

    def met(self, network: Network, quantities: Floats) -> bool:
        """Whether all three stages are within their slack."""
        return (
            not bool((self.shortage(network, quantities) > WHOLE).any())
            and float(network.gain @ quantities) >= self.weighted - WHOLE
            and float(network.cost @ quantities) <= self.cost
        )


def received(network: Network, quantities: Floats) -> Floats:
    """Criticality-weighted quantity per served municipality."""
    got = np.bincount(network.municipality, weights=quantities * network.gain, minlength=len(network.served))
    return np.asarray(got, dtype=np.float64)


def targets_of(network: Network, optimum: Floats) -> tuple[Targets, Certificate]:
    """Targets below a linear optimum, and the multipliers that bound cost near them."""
    level = float(network.service(optimum).min()) * (1 - SLACK)
    asked = level * network.needs * network.weights
    weighted = float(network.gain @ optimum) * (1 - SLACK)
    rows = _rows(network, asked, weighted)
    answer = Program(network.most, *rows).maximise(-network.cost, dual=True)
    limits = len(answer.prices) - len(asked) - 1
    price = max(0.0, -float(answer.prices[-1]))
    pulls = -answer.prices[limits:-1] * network.needs * network.weights
    certificate = certificate_of(network, answer.prices[:limits], pulls, weight=price)
    cost = max(float(network.cost @ optimum), -answer.objective) * (1 + COST_SLACK)
    dearest = float(np.max(network.cost / network.gain, initial=0.0))
    return Targets(level, asked, weighted, cost, PREFERENCE * price or dearest or 1.0), certificate


def certificate_of(network: Network, prices: Floats, pulls: Floats, *, weight: float) -> Certificate:
    """Prices of the network's rows and pulls of its municipalities by name. A wrong sign is rounding and left out."""
    found: dict[str, list[tuple[object, ...]]] = {rows.kind: [] for rows in network.rows}
    at = 0
    for rows in network.rows:
        every = prices[at : at + len(rows.most)]
        found[rows.kind] += [(*rows.names[one], float(every[one])) for one in np.nonzero(every > 0)[0].tolist()]
        at += len(rows.most)
    service = [(network.served[one], float(pulls[one])) for one in np.nonzero(pulls > 0)[0].tolist()]
    return Certificate(
        **{kind: tuple(entries) for kind, entries in found.items()},  # type: ignore[arg-type]
        service=tuple(service),
        weight=weight,
    )


def _rows(network: Network, asked: Floats, weighted: float) -> tuple[Floats, Floats, Entries]:
    """The network's rows, a row per municipality for what is asked, and one for the weighted quantity."""
    first, towns = network.height, len(asked)
    entries = [
        *network.entries(),
        (first + network.municipality, np.arange(network.size), network.gain),
        (np.full(network.size, first + towns), np.arange(network.size), network.gain),
    ]
    return (
        np.concatenate([np.full(first, -np.inf), asked, [weighted]]),
        np.concatenate([network.right_hand_sides(), np.full(towns + 1, np.inf)]),
        joined(entries),
    )


def by_highs(network: Network, targets: Targets, *, limit_seconds: float) -> Floats | None:
    """Whole packs at the targets and near the least cost, or None where there are none or HiGHS finds none in time."""
    rows = _rows(network, targets.received - WHOLE, targets.weighted - WHOLE)
    return _packs(network, -network.cost, rows, gap=COST_SLACK / 2, limit_seconds=limit_seconds)


def fair_by_highs(network: Network, *, limit_seconds: float) -> Floats | None:
    """Where whole packs cannot reach the targets: the fairest, and what is most useful and then cheap at that service.

    None where HiGHS finds none in time; each of the two solves takes at most half of it.
    """
    towns, columns = len(network.served), network.size
    rate = SCALE * network.gain * network.pack / (network.needs * network.weights)[network.municipality]
    entries = [
        *((row, column, coefficient * network.pack[column]) for row, column, coefficient in network.entries()),
        (network.height + network.municipality, np.arange(columns), rate),
        (network.height + np.arange(towns), np.full(towns, columns), -np.ones(towns)),
    ]
    fair = whole_numbers(
        np.append(np.zeros(columns), 1.0),
        np.append(np.round(network.most / network.pack), SCALE / network.weights.max()),
        np.concatenate([np.full(network.height, -np.inf), np.zeros(towns)]),
        np.concatenate([network.right_hand_sides(), np.full(towns, np.inf)]),
        joined(entries),
        whole=columns,
        gap=FAIR_GAP,
        limit_seconds=limit_seconds / 2,
    )
    if fair is None:
        return None
    level = float(network.service(fair[:columns] * network.pack).min())
    asked = level * network.needs * network.weights
    worth = 100 * float(np.max(network.cost / network.gain, initial=0.0)) * network.gain - network.cost
    if not worth.any():
        worth = network.gain
    rows = _rows(network, asked - WHOLE * np.minimum(1.0, asked), -np.inf)
    return _packs(network, worth, rows, gap=FAIR_GAP, limit_seconds=limit_seconds / 2)


def _packs(
    network: Network,
    worth: Floats,
    rows: tuple[Floats, Floats, Entries],
    *,
    gap: float,
    limit_seconds: float,
) -> Floats | None:
    least, most, (row, column, coefficient) = rows
    packs = whole_numbers(
        worth * network.pack,
        np.round(network.most / network.pack),
        least,
        most,
        (row, column, coefficient * network.pack[column]),
        whole=network.size,
        gap=gap,
        limit_seconds=limit_seconds,
    )
    return None if packs is None else packs * network.pack


def round_down(network: Network, targets: Targets, *, stop: Callable[[], bool]) -> Floats:
    """Whole packs by holding the routes nearest to whole packs first; always feasible, sometimes short of a target.

    Once `stop` says so, what is not whole yet is rounded down.
    """
    size, towns = network.size, len(targets.received)
    entries = [
        *network.entries(),
        (network.height + network.municipality, np.arange(size), network.gain),
        (network.height + np.arange(towns), size + np.arange(towns), np.ones(towns)),
    ]
    program = Program(
        np.concatenate([network.most, targets.received]),
        np.concatenate([np.full(network.height, -np.inf), targets.received]),
        np.concatenate([network.right_hand_sides(), np.full(towns, np.inf)]),
        joined(entries),
    )
    worth = targets.price * network.gain - network.cost
    objective = np.concatenate([worth, np.full(towns, -SHORTAGE * targets.price)])
    least, most = np.zeros(size), network.most.copy()
    packs = program.maximise(objective, dual=True).values[:size] / network.pack
    while len(taken := _nearest(packs)) and not stop():
        low, high = least[taken], most[taken]
        nearest = np.round(packs[taken])
        up, held = nearest > packs[taken], nearest * network.pack[taken]
        least[taken], most[taken] = np.where(up, held, low), np.where(up, high, held)
        program.bound(taken, least[taken], most[taken])
        try:
            values = program.maximise(objective, dual=True).values
        except SolverError:
            least[taken], most[taken] = low, np.floor(packs[taken] + WHOLE) * network.pack[taken]
            program.bound(taken, least[taken], most[taken])
            values = program.maximise(objective, dual=True).values
        packs = values[:size] / network.pack
    return np.asarray(np.floor(packs + WHOLE) * network.pack)


def _nearest(packs: Floats) -> Ints:
    """The routes that are not whole yet and nearest to it: a share of them, in ascending order."""
    distance = np.abs(packs - np.round(packs))
    broken = np.nonzero(distance > WHOLE)[0]
    order = broken[np.argsort(distance[broken], kind="stable")]
    return np.sort(order[: max(LEAST_BATCH, len(packs) // BATCHES, int(SHARE * len(order)))])
