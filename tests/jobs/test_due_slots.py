"""The nightly run: once per night, however often and from wherever it is started."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import pytest
from sqlalchemy import Engine

from stockpile.actor import Actor
from stockpile.allocation import approval
from stockpile.contracts import operations as contracts
from stockpile.db import reading
from stockpile.governance import queries as governance
from stockpile.governance.rules import Missing, OwnWork
from stockpile.jobs import operations as jobs
from stockpile.jobs.operations import Ran, UnknownJob
from stockpile.reorder import operations as reorder
from tests.allocation.surge_room import at_hand, everybody, share_out
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, faults
from tests.laws.parallel import at_once, kinds
from tests.reorder.buying import calloffs, ordered


@pytest.fixture
def scheduler(region: Engine) -> Actor:
    """The account of scheduled runs."""
    with reading(region) as session:
        return governance.actor_of(session, governance.account_by_name(session, jobs.SCHEDULER_ACCOUNT))


def run(engine: Engine, actor: Actor, at: datetime = NOW, job: str = "reorder") -> Ran:
    """Run the job, solved in this process."""
    with mock.patch.object(reorder, "run_limited", at_hand):
        return jobs.run(engine, acting(actor, at), job=job, limit_seconds=30)


def test_a_night_is_worked_once_and_the_second_run_changes_nothing(region: Engine, scheduler: Actor) -> None:
    first = run(region, scheduler)
    proposed = calloffs(region)
    again = run(region, scheduler)
    assert (first.slot, first.again, again.again) == ("2020-03-30", False, True)
    assert again.outcome == first.outcome
    assert sorted(first.outcome["calloffs"]) == sorted(one.id or 0 for one in proposed) != []
    assert len(calloffs(region)) == len(proposed)
    with reading(region) as session:
        [stored] = jobs.runs(session)
        assert (stored.job, stored.slot, stored.effective_at) == ("reorder", "2020-03-30", NOW)


@ON_SQLITE
@pytest.mark.parametrize(
    ("at", "slot"),
    [
        (datetime(2020, 3, 29, 21, 59, tzinfo=UTC), "2020-03-29"),
        (datetime(2020, 3, 29, 22, 0, tzinfo=UTC), "2020-03-30"),
        (datetime(2020, 3, 28, 22, 59, tzinfo=UTC), "2020-03-28"),
        (datetime(2020, 3, 28, 23, 0, tzinfo=UTC), "2020-03-29"),
    ],
    ids=["before midnight", "midnight", "before midnight in winter time", "midnight in winter time"],
)
def test_the_night_is_that_of_the_region(region: Engine, scheduler: Actor, at: datetime, slot: str) -> None:
    assert run(region, scheduler, at).slot == slot


def test_the_next_night_has_a_run_of_its_own(region: Engine, scheduler: Actor) -> None:
    run(region, scheduler)
    assert not run(region, scheduler, datetime(2020, 3, 31, 2, tzinfo=UTC)).again
    assert {one.slot for one in calloffs(region)} == {"2020-03-30", "2020-03-31"}


def test_four_processes_on_one_night_have_one_effect(region: Engine, scheduler: Actor) -> None:
    with mock.patch.object(reorder, "run_limited", at_hand):
        act = acting(scheduler)
        outcomes = at_once([lambda: jobs.run(region, act, job="reorder", limit_seconds=30)] * 4)
    assert kinds(outcomes) == ["done"] * 4, outcomes
    ran = [one for one in outcomes if isinstance(one, Ran)]
    assert sorted(one.again for one in ran) == [False, True, True, True]
    assert len({str(one.outcome) for one in ran}) == 1
    assert sorted(one.id or 0 for one in calloffs(region)) == sorted(ran[0].outcome["calloffs"])
    assert faults(region) == []


def test_a_run_that_breaks_off_leaves_its_night_to_the_next(region: Engine, scheduler: Actor) -> None:
    with mock.patch.object(reorder, "propose", side_effect=RuntimeError("power cut")), pytest.raises(RuntimeError):
        run(region, scheduler)
    assert calloffs(region) == []
    assert not run(region, scheduler).again


def test_what_a_surge_left_unmet_is_bought_and_the_line_says_so(region: Engine, cast: Cast, scheduler: Actor) -> None:
    _, plan = share_out(region, cast, *everybody())
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    outcome = run(region, scheduler).outcome
    assert outcome["lines"] > 0
    lines = [line for one in calloffs(region) for line in ordered(region, one)]
    assert all(line.reason for line in lines)
    [tablets] = [line for line in lines if line.item_code == "TAB"] or [None]
    said = tablets.reason if tablets is not None else str(outcome["left_out"])
    assert "220" in said, said


def test_the_scheduler_proposes_and_a_person_approves(region: Engine, cast: Cast, scheduler: Actor) -> None:
    number = run(region, scheduler).outcome["calloffs"][0]
    with pytest.raises(Missing):
        do(region, contracts.approve, acting(scheduler), number=number)
    assert do(region, contracts.approve, acting(cast["committee"]), number=number).state == "approved"


@ON_SQLITE
def test_a_buyer_who_started_the_run_does_not_approve_it(region: Engine, cast: Cast) -> None:
    number = run(region, cast["buyer"]).outcome["calloffs"][0]
    with pytest.raises(OwnWork):
        do(region, contracts.approve, acting(cast["buyer"]), number=number)


@ON_SQLITE
def test_jobs_nobody_knows_and_people_without_the_right_are_refused(region: Engine, cast: Cast) -> None:
    with pytest.raises(UnknownJob):
        run(region, cast["buyer"], job="defrag")
    with pytest.raises(Missing):
        run(region, cast["logistics"])
    with reading(region) as session:
        assert jobs.runs(session) == []
