"""The rules of thumb are always feasible, say what they are, and are never called fair."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_instances import problem_of, region, region_pool, tiny_pool

from optimizer.allocation.baselines import first_come, pro_rata, webster
from optimizer.allocation.check import check
from optimizer.allocation.plan import FIRST_COME, PRO_RATA


@settings(max_examples=300, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32), minimums=st.booleans())
def test_pro_rata_and_first_come_are_always_feasible(seed: int, minimums: bool) -> None:
    problem = problem_of(tiny_pool(seed, minimums=minimums))
    assert check(problem, pro_rata(problem)).feasible
    assert check(problem, first_come(problem)).feasible


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1 << 32),
    lots=st.integers(1, 12),
    claims=st.integers(1, 40),
    scarcity=st.floats(0.3, 4.0),
    minimum_share=st.floats(0.0, 1.0),
)
def test_pro_rata_is_feasible_for_whole_regions(
    seed: int, lots: int, claims: int, scarcity: float, minimum_share: float
) -> None:
    pool = region_pool(seed, lots=lots, claims=claims, scarcity=scarcity, minimum_share=minimum_share)
    problem = problem_of(pool)
    assert check(problem, pro_rata(problem)).feasible


def test_the_fallback_is_labelled_and_never_called_fair() -> None:
    problem = region(1, pools=2, lots=9, claims=20)
    for plan, method in ((pro_rata(problem), PRO_RATA), (first_come(problem), FIRST_COME)):
        assert plan.method == method
        verdict = check(problem, plan)
        assert (verdict.feasible, verdict.fair) == (True, False)
        assert verdict.findings == (f"the plan is {method}: it is not claimed to be fair",)


@given(needs=st.lists(st.integers(1, 1000), min_size=1, max_size=12), packs=st.integers(0, 4000))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_webster_hands_out_everything_and_no_pack_would_be_better_elsewhere(needs: list[int], packs: int) -> None:
    shares = webster(needs, packs)
    assert sum(shares) == min(packs, sum(needs))
    assert all(0 <= share <= need for share, need in zip(shares, needs, strict=True))
    next_claims = [Fraction(need, 2 * share + 1) for share, need in zip(shares, needs, strict=True)]
    last_claims = [Fraction(need, 2 * share - 1) for share, need in zip(shares, needs, strict=True) if share]
    if sum(shares) < sum(needs):
        assert max(next_claims) <= min(last_claims, default=max(next_claims))


@pytest.mark.parametrize("make", [pro_rata, first_come])
def test_the_same_problem_gives_the_same_bytes(make: object) -> None:
    problem = region(5, pools=2, lots=9, claims=30)
    assert callable(make)
    assert make(problem).canonical() == make(problem).canonical()
