"""Time limits, progress and cancel: the best plan so far, labelled, with its bound."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import pytest
from sharing_instances import region

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import BEST, FAIR
from optimizer.allocation.timed import Timed, share_timed
from optimizer.outcome import Outcome
from optimizer.solver import run_limited


def slow(seconds: float, *, progress: object = None) -> str:
    """Report twice, then sleep."""
    assert callable(progress)
    progress(1, 3)
    progress(2, 3)
    time.sleep(seconds)
    return "done"


def silent_death(_: object) -> None:
    raise RuntimeError("the last words")


def test_with_time_enough_the_plan_is_the_fair_one_and_every_item_is_reported() -> None:
    problem = region(1, pools=3, lots=9, claims=12)
    heard: list[tuple[int, int]] = []
    plan = share_timed(Timed(problem, 600.0), progress=lambda done, of: heard.append((done, of)))
    assert plan == share(problem)
    assert heard == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_when_time_runs_out_the_rest_is_pro_rata_and_the_plan_says_so(finished: int) -> None:
    problem = region(1, pools=3, lots=9, claims=12)
    ticks = iter([0.0] * (finished + 1) + [9.0] * 9)
    plan = share_timed(Timed(problem, 5.0), clock=lambda: next(ticks))
    fair = share(problem)
    assert plan.method == BEST
    assert plan.pools[:finished] == fair.pools[:finished]
    assert plan.bound is not None
    assert f"before item-{finished}" in plan.bound.source
    assert Fraction(plan.bound.at_most) - Fraction(plan.bound.reached) == Fraction(plan.bound.gap)
    verdict = check(problem, plan)
    assert verdict.feasible
    assert not verdict.fair


def test_cancelling_keeps_what_is_done() -> None:
    problem = region(1, pools=3, lots=9, claims=12)
    asked = iter([False, True])
    plan = share_timed(Timed(problem, 600.0), cancelled=lambda: next(asked))
    assert plan.method == BEST
    assert plan.pools[0] == share(problem).pools[0]


def test_a_child_process_reports_progress_and_answers() -> None:
    heard: list[tuple[int, int]] = []
    problem = region(1, pools=2, lots=6, claims=8)
    outcome = run_limited(
        share_timed, Timed(problem, 60.0), limit_seconds=60, progress=lambda done, of: heard.append((done, of))
    )
    assert outcome.status == "solved"
    assert outcome.value is not None
    assert outcome.value.method == FAIR
    assert heard == [(1, 2), (2, 2)]


def test_a_child_that_overruns_is_killed_after_its_progress_was_heard() -> None:
    heard: list[tuple[int, int]] = []
    outcome = run_limited(slow, 60.0, limit_seconds=3, progress=lambda done, of: heard.append((done, of)))
    assert (outcome.status, outcome.value) == ("out_of_time", None)
    assert heard == [(1, 3), (2, 3)]


def test_a_child_is_killed_when_it_is_cancelled() -> None:
    cancel = threading.Event()
    started = time.monotonic()
    outcome: Outcome[str] = run_limited(
        slow, 60.0, limit_seconds=60, progress=lambda done, _: cancel.set() if done == 2 else None, cancel=cancel
    )
    assert outcome.status == "cancelled"
    assert time.monotonic() - started < 30


def test_a_child_that_dies_leaves_its_last_words() -> None:
    outcome = run_limited(silent_death, None, limit_seconds=60)
    assert outcome.status == "crashed"
    assert "RuntimeError: the last words" in outcome.detail
