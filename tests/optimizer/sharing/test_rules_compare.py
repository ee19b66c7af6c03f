"""What every town would get under other rules, side by side, with figures of how even each outcome is."""

from __future__ import annotations

import doctest
import json
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest
from rules_brute_force import little_pool
from rules_promises import SEED

from optimizer.__main__ import main
from optimizer.allocation.problem import RULE, Problem
from optimizer.crew import worked
from optimizer.sharing import division, fairness, water
from optimizer.sharing.catalogue import table
from optimizer.sharing.compare import compare
from optimizer.sharing.fairness import fills_ppm, gini_ppm, jain_ppm, lowest_fill, per_head
from optimizer.sharing.network import Ground
from optimizer.sharing.policy import Policy, policy_of
from optimizer.sharing.rule import PolicyError
from optimizer.sharing.rules import lottery
from optimizer.sharing.rules.equal_units import EqualUnits
from optimizer.sharing.rules.lottery import Lottery, committed

ROOT = Path(__file__).parents[3]
PROBLEM = ROOT / "fixtures" / "instances" / "problem.json"


def five_items() -> Problem:
    pools = [little_pool(seed) for seed in (3, 5, 8, 13, 21)]
    return Problem(
        rule=RULE,
        pools=tuple(
            type(pool)(f"item-{at}", pool.shareable_packs, pool.lots, pool.claims, pool.drops, pool.lanes)
            for at, pool in enumerate(pools)
        ),
    )


FACTS = {f"town-{at}": {"people": people} for at, people in enumerate((900, 100, 400, 50))}


def test_a_comparison_shows_every_claim_under_every_policy() -> None:
    problem = five_items()
    policies = [policy_of(rule) for rule in ("leximin", "per_capita", "equal_losses")]
    found = compare(problem, policies, facts=FACTS)
    assert [outcome.rule for outcome in found.outcomes] == ["leximin/1", "per_capita/1", "equal_losses/1"]
    for outcome, policy in zip(found.outcomes, policies, strict=True):
        for item, pool in zip(outcome.items, problem.pools, strict=True):
            ground = Ground(pool, FACTS)
            assert tuple(item.packs.values()) == ground.share(policy).packs
            assert list(item.packs) == [claim.id for claim in pool.claims]
        assert outcome.served_packs == sum(sum(item.packs.values()) for item in outcome.items)
        assert outcome.cost == sum(
            ground.cost(ground.lines(ground.share(policy)))
            for ground in (Ground(pool, FACTS) for pool in problem.pools)
        )


def test_leximin_leaves_nobody_lower_than_another_rule_does() -> None:
    rules = ("leximin", "pro_rata_need", "equal_units", "equal_losses", "talmud", "per_capita")
    for seed in range(40):
        problem = Problem(rule=RULE, pools=(little_pool(seed),))
        outcomes = compare(problem, [policy_of(rule) for rule in rules], facts=FACTS).outcomes
        assert outcomes[0].lowest_fill == max(outcome.lowest_fill for outcome in outcomes)
        assert len({outcome.served_packs for outcome in outcomes}) == 1


def test_the_same_inputs_give_the_same_bytes_with_any_number_of_workers() -> None:
    problem = five_items()
    policies = [policy_of("talmud"), Policy("draw", (EqualUnits(), Lottery(commitment=committed(SEED))))]
    one = compare(problem, policies, seed=SEED).canonical()
    assert compare(problem, policies, seed=SEED, workers=3).canonical() == one
    assert json.loads(one)["problem_digest"] == problem.digest()


def test_a_worker_that_fails_says_why() -> None:
    with pytest.raises(PolicyError, match="has no people"):
        compare(five_items(), [policy_of("per_capita")], workers=2)


@pytest.mark.parametrize("workers", [1, 2, 3, 9])
def test_work_comes_back_in_its_order(workers: int) -> None:
    assert worked(lambda at: at * at, 7, workers=workers) == [at * at for at in range(7)]
    assert worked(lambda at: at, 0, workers=workers) == []


def test_figures_of_evenness_are_exact() -> None:
    assert lowest_fill([1, 0], [2, 0]) == Fraction(1, 2)
    assert lowest_fill([], []) == 1
    assert fills_ppm([1, 5, 0], [3, 5, 0]) == [333333, 1000000]
    values = [3, 1, 4, 1, 5]
    pairs = sum(abs(a - b) for a in values for b in values)
    assert gini_ppm(values) == 10**6 * pairs // (2 * len(values) * sum(values))
    assert gini_ppm([]) == gini_ppm([0, 0]) == 0
    assert jain_ppm(values) == 10**6 * sum(values) ** 2 // (len(values) * sum(v * v for v in values))
    assert jain_ppm([]) == jain_ppm([0]) == 10**6


def test_one_town_without_anything_sets_off_the_alert_per_head() -> None:
    assert per_head([5, 0], [100, 100]).alert
    assert not per_head([0, 0], [100, 100]).alert
    assert per_head([50, 10], [100, 100]).ratio == 5
    assert not per_head([50, 10], [100, 100]).alert
    assert per_head([51, 10], [100, 100]).alert


def test_populations_that_are_not_known_leave_the_ratio_open() -> None:
    problem = five_items()
    (known,) = compare(problem, [policy_of("equal_units")], facts=FACTS).outcomes
    (unknown,) = compare(problem, [policy_of("equal_units")]).outcomes
    assert known.per_head_known
    assert not unknown.per_head_known
    assert unknown.per_head_ratio is None
    assert not unknown.per_head_alert


def test_anyone_can_compare_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.json"
    policy.write_bytes(Policy("mine", (EqualUnits(),)).canonical())
    towns = {claim.municipality for pool in five_items().pools for claim in pool.claims}
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({town: {"people": 10} for town in sorted(towns)}))
    problem = tmp_path / "problem.json"
    problem.write_bytes(five_items().canonical())
    asked = ["compare", str(problem), "--rules", "talmud, per_capita", "--facts", str(facts), "--policy", str(policy)]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert [outcome["policy"] for outcome in found["outcomes"]] == ["talmud", "per_capita", "mine"]
    assert all("/" in outcome["lowest_fill"] or outcome["lowest_fill"].isdigit() for outcome in found["outcomes"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "nothing to compare"),
        (["--rules", "talmud,nonsense"], "'nonsense/1' is not known; known are lawful/1"),
        (["--rules", "per_capita"], "per_capita/1: claimant BE-61012/2 has no people"),
        (["--rules", "talmud", "--facts", "no such file"], "FileNotFoundError"),
    ],
)
def test_a_wrong_comparison_ends_with_two_and_says_why(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(PROBLEM), *arguments]) == 2
    assert reason in capsys.readouterr().err


def test_the_table_in_the_readme_is_that_of_the_rules() -> None:
    readme = (ROOT / "optimizer" / "sharing" / "README.md").read_text(encoding="utf-8")
    assert readme.endswith(table())


@pytest.mark.parametrize("module", [fairness, water, division, lottery], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0
