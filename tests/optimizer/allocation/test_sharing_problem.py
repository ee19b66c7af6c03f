"""A problem that contradicts itself is refused; a good one is read back as it was written."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from types import ModuleType

import pytest
from sharing_instances import problem_of, region_pool, tiny_pool

from optimizer.allocation import baselines, levels
from optimizer.allocation.problem import (
    LARGEST_COST,
    LARGEST_PACKS,
    Claim,
    Drop,
    Lane,
    Lot,
    Pool,
    ProblemError,
    problem_from_json,
)


def good_pool() -> Pool:
    lots = (Lot("lot-1", "depot", date(2030, 1, 1), 3),)
    drops = (Drop("drop-1", "claim-1", 4),)
    return Pool("serum", 3, lots, (Claim("claim-1", "town", 1),), drops, (Lane("lot-1", "drop-1", 1),))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda pool: {"lots": pool.lots * 2}, "lot lot-1 is given twice"),
        (lambda pool: {"claims": pool.claims * 2}, "claim claim-1 is given twice"),
        (lambda pool: {"drops": pool.drops * 2}, "drop drop-1 is given twice"),
        (lambda pool: {"lanes": pool.lanes * 2}, "is given twice"),
        (lambda _: {"claims": ()}, "unknown claim claim-1"),
        (lambda _: {"lots": ()}, "unknown lot lot-1"),
        (lambda _: {"drops": ()}, "unknown drop drop-1"),
        (lambda _: {"shareable_packs": -1}, "shareable_packs is -1"),
        (lambda pool: {"lots": (replace(pool.lots[0], packs=-1),)}, "holds -1 packs"),
        (lambda pool: {"claims": (replace(pool.claims[0], tier=0),)}, "has tier 0"),
        (lambda pool: {"claims": (replace(pool.claims[0], minimum_packs=-1),)}, "minimum -1"),
        (lambda pool: {"drops": (replace(pool.drops[0], packs=0),)}, "asks 0 packs"),
        (lambda pool: {"drops": (replace(pool.drops[0], packs=LARGEST_PACKS + 1),)}, "asks 1048577 packs"),
        (lambda pool: {"drops": (*pool.drops, Drop("drop-2", "claim-1", LARGEST_PACKS))}, "needs 1048580 packs in all"),
        (lambda pool: {"lanes": (replace(pool.lanes[0], cost=-1),)}, "costs -1"),
        (lambda pool: {"lanes": (replace(pool.lanes[0], cost=LARGEST_COST + 1),)}, "costs 1000000001"),
    ],
)
def test_a_contradiction_is_refused_with_its_reason(change: Callable[[Pool], dict[str, object]], reason: str) -> None:
    pool = good_pool()
    with pytest.raises(ProblemError, match=reason):
        replace(pool, **change(pool))


def test_an_item_given_twice_is_refused() -> None:
    with pytest.raises(ProblemError, match="item serum is given twice"):
        problem_of(good_pool(), good_pool())


def test_a_problem_is_read_back_as_it_was_written() -> None:
    problem = problem_of(tiny_pool(3, minimums=True, item="a"), region_pool(1, lots=6, claims=9, item="b"))
    again = problem_from_json(problem.canonical())
    assert again == problem
    assert again.digest() == problem.digest()


LATER_FIELDS = {
    *("immovable_packs", "entitled_packs", "protected_packs", "buffers", "picked", "unit_volume"),
    *("dispatch", "vehicles", "storage", "substitutes", "policies"),
}


def without_later_fields(value: object) -> object:
    if isinstance(value, dict):
        return {name: without_later_fields(one) for name, one in value.items() if name not in LATER_FIELDS}
    return [without_later_fields(one) for one in value] if isinstance(value, list | tuple) else value


def test_the_canonical_bytes_are_sorted_json_without_spaces_and_as_before_newer_fields_existed() -> None:
    problem = problem_of(tiny_pool(3), region_pool(1, lots=6, claims=9, item="b"))
    said = without_later_fields(asdict(problem))
    plain = json.dumps(said, sort_keys=True, separators=(",", ":"), default=date.isoformat)
    assert problem.canonical() == plain.encode()


@pytest.mark.parametrize("module", [levels, baselines])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)
