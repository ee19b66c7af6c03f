"""Tiny problems: the plan's three values are those of an exact program in fractions, lot by lot."""

from __future__ import annotations

import random
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest
from exact_simplex import lexicographic
from reference_instances import FORMAT, problem_of

from optimizer.reference.bounds import proved_bounds
from optimizer.reference.check import check
from optimizer.reference.limits import lines_of, network_of
from optimizer.reference.model import solve
from optimizer.reference.plan import Certificate, Plan
from optimizer.reference.problem import Problem


def tiny(seed: int) -> dict[str, Any]:
    """Two depots, three municipalities, two items, six lots; everything scarce somewhere."""
    chance = random.Random(seed)
    place = {"x": 0, "y": 0}
    return {
        "format": FORMAT,
        "name": f"tiny-{seed}",
        "min_shelf_life_days": 10,
        "depots": [{"id": f"d{at}", **place, "dispatch_capacity": chance.randint(5, 60)} for at in range(2)],
        "municipalities": [
            {"id": f"m{at}", "country": "A", **place, "population": 9, "weight": chance.choice([0.5, 1, 1, 2])}
            for at in range(3)
        ],
        "items": [
            {
                "id": f"i{at}",
                "kind": "medicine",
                "unit_volume": chance.choice([0.25, 1, 3]),
                "pack": chance.choice([1, 5]),
                "criticality": chance.choice([1, 2, 5]),
            }
            for at in range(2)
        ],
        "lots": [
            {
                "id": f"l{at}",
                "depot": f"d{at % 2}",
                "item": f"i{at // 2 % 2}",
                "quantity": chance.randint(1, 20),
                "expiry_day": chance.choice([None, 11, 12, 13, 40]),
            }
            for at in range(6)
        ],
        "lanes": [
            {
                "depot": f"d{d}",
                "municipality": f"m{m}",
                "days": chance.randint(1, 3),
                "cost_per_litre": chance.choice([0.5, 1, 1.5]),
                "capacity": chance.choice([4, 15, 100]),
            }
            for d in range(2)
            for m in range(3)
            if chance.random() < 0.8
        ],
        "demands": [
            {"municipality": f"m{m}", "item": f"i{i}", "quantity": chance.randint(1, 15)}
            for m in range(3)
            for i in range(2)
            if (m, i) == (0, 0) or chance.random() < 0.8
        ],
    }


def exact_values(content: dict[str, Any]) -> list[float]:
    """The three stages with a variable per lot and municipality, written down from the format's text alone."""
    items = {row["id"]: row for row in content["items"]}
    demands = {(row["municipality"], row["item"]): Fraction(row["quantity"]) for row in content["demands"]}
    pairs = [
        (lot, lane)
        for lot in content["lots"]
        for lane in content["lanes"]
        if lane["depot"] == lot["depot"]
        and (lane["municipality"], lot["item"]) in demands
        and (lot["expiry_day"] is None or lot["expiry_day"] >= lane["days"] + content["min_shelf_life_days"])
    ]
    volume = [Fraction(items[lot["item"]]["unit_volume"]) for lot, _ in pairs]
    gain = [Fraction(items[lot["item"]]["criticality"]) for lot, _ in pairs]
    cost = [size * Fraction(lane["cost_per_litre"]) for size, (_, lane) in zip(volume, pairs, strict=True)]
    rows: list[list[Fraction]] = []
    limits: list[Fraction] = []

    def limit(most: float | Fraction, amounts: Iterable[Fraction | bool], level: int = 0) -> None:
        rows.append([*(Fraction(one) for one in amounts), Fraction(level)])
        limits.append(Fraction(most))

    for row in content["lots"]:
        limit(row["quantity"], (lot is row for lot, _ in pairs))
    for pair, quantity in demands.items():
        limit(quantity, ((lane["municipality"], lot["item"]) == pair for lot, lane in pairs))
    for row in content["lanes"]:
        limit(row["capacity"], (size * (lane is row) for size, (_, lane) in zip(volume, pairs, strict=True)))
    for row in content["depots"]:
        own = (size * (lot["depot"] == row["id"]) for size, (lot, _) in zip(volume, pairs, strict=True))
        limit(row["dispatch_capacity"], own)
    for row in content["municipalities"]:
        town = row["id"]
        need = sum(items[item]["criticality"] * quantity for (one, item), quantity in demands.items() if one == town)
        if need:
            rate = -1 / (need * Fraction(row["weight"]))
            service = (rate * g * (lane["municipality"] == town) for g, (_, lane) in zip(gain, pairs, strict=True))
            limit(0, service, 1)
    zero, one = Fraction(0), Fraction(1)
    objectives = [[zero] * len(pairs) + [one], [*gain, zero], [*(-each for each in cost), zero]]
    values = lexicographic(objectives, rows, limits)
    return [float(values[0]), float(values[1]), -float(values[2])]


def solved(problem: Problem) -> tuple[Plan, tuple[Certificate, ...]]:
    network = network_of(problem)
    solution = solve(network)
    return Plan(problem.name, lines_of(network, solution.quantities)), solution.certificates


@pytest.mark.parametrize("seed", range(60))
def test_a_tiny_plan_is_exactly_the_fairest_then_most_useful_then_cheapest(seed: int) -> None:
    content = tiny(seed)
    problem = problem_of(content)
    service, weighted, cost = exact_values(content)
    plan, certificates = solved(problem)
    verdict = check(problem, plan)
    assert verdict.violations == ()
    assert verdict.min_service == pytest.approx(service, rel=1e-8, abs=1e-12)
    assert verdict.weighted_served == pytest.approx(weighted, rel=1e-7, abs=1e-9)
    assert verdict.cost == pytest.approx(cost, rel=1e-6, abs=1e-6)
    kept = {"min_service": verdict.min_service, "weighted_served": verdict.weighted_served}
    bounds = proved_bounds(problem, certificates, **kept)
    assert bounds == pytest.approx((service, weighted, cost), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_no_multipliers_however_wrong_prove_a_false_bound(seed: int) -> None:
    content = tiny(seed)
    problem = problem_of(content)
    service, weighted, cost = exact_values(content)
    chance = random.Random(seed)
    _, certificates = solved(problem)
    for _ in range(20):
        bent = [bend(one, chance) for one in certificates]
        top, most, least = proved_bounds(problem, bent, min_service=service, weighted_served=weighted)
        assert top >= service - 1e-9
        assert most >= weighted - 1e-9
        assert least <= cost + 1e-9


def bend(one: Certificate, chance: random.Random) -> Certificate:
    """Every multiplier changed at random, some to nonsense."""

    def bent(entries: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
        return tuple((*entry[:-1], entry[-1] * chance.choice([-1, 0, 0.5, 1, 2])) for entry in entries)

    return Certificate(
        lots=bent(one.lots),
        demands=bent(one.demands),
        lanes=bent(one.lanes),
        depots=bent(one.depots),
        service=bent(one.service),
        weight=one.weight * chance.choice([0.5, 1, 2]),
    )
