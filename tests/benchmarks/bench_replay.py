"""Spring 2020 week by week: the nightly rule against (s,S), the moving average and the clairvoyant optimum.

    pytest tests/benchmarks/bench_replay.py           # the figures, and that nothing is better than the clairvoyant
    python -m tests.benchmarks.bench_replay           # the same as a table, with what was set on which data

What is real and what is not is said in tests/benchmarks/replay.py. Rules are set on other data than is played again:
`FROZEN` is what comes out of `chosen_in_practice` (hospital series of 2000 to 2003, lead times as recorded), for all
rules alike, and one test works it out again. Nothing here asserts who wins: `verdict` says it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks import replay
from tests.benchmarks.replay import Result, Rule, Set, Ware

SEEDS = (1, 2, 3)
BAND = (1, 2, 4)
PARTS = ("unmet_worth", "expiry", "spend", "cost")
OURS = "nightly"
KINDS: dict[str, Callable[[Set], Rule]] = {
    OURS: replay.nightly,
    "(s,S)": replay.s_and_S,
    "moving average": replay.moving_average,
}
CHOICES: dict[str, list[Set]] = {
    OURS: [Set(reserve=parts) for parts in (0, 1, 2)],
    "(s,S)": [Set(sigmas, weeks) for sigmas, weeks in product((0.0, 0.84, 1.28, 1.65, 2.33), (4, 8))],
    "moving average": [Set(sigmas, weeks) for sigmas, weeks in product((0.0, 0.84, 1.28, 1.65, 2.33), (4, 8))],
}
FROZEN: dict[str, Set] = {OURS: Set(reserve=0), "(s,S)": Set(1.65, 8), "moving average": Set(2.33, 4)}


def chosen_in_practice() -> dict[str, Set]:
    """For each rule the choice that costs least over the practice weeks; of equals the first."""
    leads = replay.lead_times()
    wares = replay.practice(replay.wares(leads, 1))

    def cost(rule: Rule) -> int:
        return sum(replay.played(ware, rule, leads, seed=seed, divisor=1).cost for ware in wares for seed in SEEDS[:2])

    return {name: min(CHOICES[name], key=lambda one, made=made: cost(made(one))) for name, made in KINDS.items()}


def totals(divisor: int) -> dict[str, list[Result]]:
    """Every rule's results, ware after ware and draw after draw; 'clairvoyant' among them."""
    leads = replay.lead_times()
    rules = {name: made(FROZEN[name]) for name, made in KINDS.items()}
    found: dict[str, list[Result]] = {name: [] for name in ("clairvoyant", *rules)}
    for ware in replay.wares(leads, divisor):
        for seed in SEEDS:
            for name, rule in {"clairvoyant": _best(ware, leads, seed, divisor), **rules}.items():
                found[name].append(replay.played(ware, rule, leads, seed=seed, divisor=divisor))
    return found


def _best(ware: Ware, leads: dict[str, list[int]], seed: int, divisor: int) -> Rule:
    return replay.clairvoyant(ware, leads, seed=seed, divisor=divisor)


def regrets(found: dict[str, list[Result]]) -> dict[str, dict[str, int]]:
    """By rule and part: minor units above the clairvoyant's."""

    def total(name: str, part: str) -> int:
        return sum(getattr(one, part) for one in found[name])

    return {name: {part: total(name, part) - total("clairvoyant", part) for part in PARTS} for name in KINDS}


def verdict(regret: dict[str, dict[str, int]]) -> dict[str, bool]:
    """Whether the whole cost's regret is below that of both others, and whether one of them is as good everywhere."""
    ours, others = regret[OURS], [one for name, one in regret.items() if name != OURS]
    return {
        "lower_than_both": all(ours["cost"] < one["cost"] for one in others),
        "dominated": any(all(one[part] <= ours[part] for part in PARTS[:3]) for one in others),
    }


@pytest.mark.parametrize("divisor", BAND, ids=["as recorded", "halved", "quartered"])
def test_regret_in_spring_2020(divisor: int, benchmark: BenchmarkFixture) -> None:
    found = benchmark.pedantic(lambda: totals(divisor), rounds=1)
    regret = regrets(found)
    benchmark.extra_info.update(lead_times=f"divided by {divisor}", regret_in_minor_units=regret, **verdict(regret))
    assert all(
        one.cost >= best.cost for name in KINDS for one, best in zip(found[name], found["clairvoyant"], strict=True)
    )


def test_what_is_frozen_was_chosen_on_other_series(benchmark: BenchmarkFixture) -> None:
    assert benchmark.pedantic(chosen_in_practice, rounds=1) == FROZEN


def _table() -> None:
    sys.stdout.write(f"set on hospital series: {FROZEN}\n")
    for divisor in BAND:
        regret = regrets(totals(divisor))
        sys.stdout.write(f"lead times divided by {divisor}: {verdict(regret)}\n")
        for name, parts in regret.items():
            sys.stdout.write(f"  {name:15s} {'  '.join(f'{part} {value:>14,}' for part, value in parts.items())}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _table()
