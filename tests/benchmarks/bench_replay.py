"""Spring 2020 week by week: the nightly rule against (s,S), the moving average and the clairvoyant optimum.

    pytest tests/benchmarks/bench_replay.py           # the figures, and what holds of them
    python -m tests.benchmarks.bench_replay           # the same as a table, with what was set on which data

What is real and what is not is said in tests/benchmarks/replay.py. Rules are set on other data than is played again:
`FROZEN` is what comes out of `chosen_in_practice` (hospital series of 2000 to 2003 and generated waves, lead times
halved: the middle of the band), for all rules alike, and one test works it out again.

Asserted is what was measured: in every part of the band the nightly rule's whole cost is below that of both rules with
safety as peers give it (up to 99 %), and no rule is as good in all three parts. Against the same rules with safety set
freely it is not lower in every part of the band, and more of what it buys expires than of theirs: `verdict` and the
table say it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks import replay, replay_rules
from tests.benchmarks.replay import Result, Rule, Set, Ware

SEEDS = (1, 2, 3)
BAND = (1, 2, 4)
PRACTICE_SEEDS = (11, 12)
PARTS = ("unmet_worth", "expiry", "spend", "cost")
OURS = "nightly"
FREE = ("(s,S), free", "moving av., free")
SIGMAS_USED = (0.0, 0.84, 1.28, 1.65, 2.33)
"""Safety as peers give it: services of 50, 80, 90, 95 and 99 % where use is normal."""
SIGMAS_FREE = (*SIGMAS_USED, 3.1, 4.0, 6.0, 8.0, 11.0, 15.0)
"""Safety set by what unmet need costs here, far beyond what peers give."""
KINDS: dict[str, Callable[[Set], Rule]] = {
    OURS: replay_rules.nightly,
    "(s,S)": replay_rules.s_and_S,
    "moving average": replay_rules.moving_average,
    "(s,S), free": replay_rules.s_and_S,
    "moving av., free": replay_rules.moving_average,
}
CHOICES: dict[str, list[Set]] = {
    OURS: [Set(fastest=fast, turns=tuple(range(most))) for fast, most in product((1.1, 1.6), (2, 3, 4, 5))],
    "(s,S)": [Set(sigmas, weeks) for sigmas, weeks in product(SIGMAS_USED, (4, 8))],
    "moving average": [Set(sigmas, weeks) for sigmas, weeks in product(SIGMAS_USED, (4, 8))],
    "(s,S), free": [Set(sigmas, weeks) for sigmas, weeks in product(SIGMAS_FREE, (4, 8))],
    "moving av., free": [Set(sigmas, weeks) for sigmas, weeks in product(SIGMAS_FREE, (4, 8))],
}
FROZEN: dict[str, Set] = {
    OURS: Set(),
    "(s,S)": Set(2.33, 4),
    "moving average": Set(2.33, 4),
    "(s,S), free": Set(15.0, 8),
    "moving av., free": Set(15.0, 8),
}


def chosen_in_practice() -> dict[str, Set]:
    """For each rule the choice that costs least over the practice weeks; of equals the first."""
    return {name: min(costs, key=lambda one, costs=costs: costs[one]) for name, costs in in_practice().items()}


def in_practice() -> dict[str, dict[Set, float]]:
    """For each rule and choice the cost over the practice weeks, of each ware as parts of what its use is worth."""
    leads, divisor = replay.lead_times(), replay.PRACTICE_DIVISOR
    wares = replay.practice(leads)

    def cost(rule: Rule) -> float:
        return sum(
            replay.played(ware, rule, leads, seed=seed, divisor=divisor).cost / (ware.price * sum(ware.use))
            for ware in wares
            for seed in PRACTICE_SEEDS
        )

    return {name: {one: cost(made(one)) for one in CHOICES[name]} for name, made in KINDS.items()}


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
    return replay_rules.clairvoyant(ware, leads, seed=seed, divisor=divisor)


def regrets(found: dict[str, list[Result]]) -> dict[str, dict[str, int]]:
    """By rule and part: minor units above the clairvoyant's."""

    def total(name: str, part: str) -> int:
        return sum(getattr(one, part) for one in found[name])

    return {name: {part: total(name, part) - total("clairvoyant", part) for part in PARTS} for name in KINDS}


def verdict(regret: dict[str, dict[str, int]]) -> dict[str, bool]:
    """Whether the whole cost's regret is below that of both others, and whether one of them is as good everywhere.

    Both: with safety as peers give it. Beside them the same rules with safety set freely.
    """
    ours, others = regret[OURS], {name: one for name, one in regret.items() if name != OURS}
    return {
        "lower_than_both": all(ours["cost"] < one["cost"] for name, one in others.items() if name not in FREE),
        "lower_than_freely_set": all(ours["cost"] < others[name]["cost"] for name in FREE),
        "dominated": any(all(one[part] <= ours[part] for part in PARTS[:3]) for one in others.values()),
    }


@pytest.mark.parametrize("divisor", BAND, ids=["as recorded", "halved", "quartered"])
def test_regret_in_spring_2020(divisor: int, benchmark: BenchmarkFixture) -> None:
    found = benchmark.pedantic(lambda: totals(divisor), rounds=1)
    regret = regrets(found)
    said = verdict(regret)
    benchmark.extra_info.update(lead_times=f"divided by {divisor}", regret_in_minor_units=regret, **said)
    assert said["lower_than_both"]
    assert not said["dominated"]
    assert all(
        one.cost >= best.cost for name in KINDS for one, best in zip(found[name], found["clairvoyant"], strict=True)
    )


def test_what_is_frozen_was_chosen_on_other_series(benchmark: BenchmarkFixture) -> None:
    assert benchmark.pedantic(chosen_in_practice, rounds=1) == FROZEN


def _table() -> None:
    sys.stdout.write(f"set on hospital series and generated waves: {FROZEN}\n")
    for divisor in BAND:
        regret = regrets(totals(divisor))
        sys.stdout.write(f"lead times divided by {divisor}: {verdict(regret)}\n")
        for name, parts in regret.items():
            sys.stdout.write(f"  {name:15s} {'  '.join(f'{part} {value:>14,}' for part, value in parts.items())}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _table()
