"""A plan computed by number: how far it is, ended when asked, and the plain way beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Engine

from optimizer.allocation.check import check
from optimizer.allocation.plan import BEST
from optimizer.allocation.timed import Timed
from optimizer.outcome import Outcome
from optimizer.sharing.deciding import decide
from stockpile.allocation import planning
from stockpile.allocation.computing import operations as jobs
from stockpile.allocation.computing.operations import SILENT
from stockpile.db import open_engine, transact
from tests.allocation.surge_room import everybody, stored_plan, submitted, surge
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE
from tests.optimizer.allocation.sharing_instances import region as instance


def ended(people: Desk, number: int) -> dict[str, Any]:
    """The job once it does not run any more."""
    for _ in range(600):
        job: dict[str, Any] = people.get("requester", f"/plan-jobs/{number}")
        if job["state"] != "running":
            return job
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def heard_of(people: Desk, number: int) -> dict[str, Any]:
    """The job once its worker has written how far it is."""
    for _ in range(200):
        job: dict[str, Any] = people.get("requester", f"/plan-jobs/{number}")
        if job["done"]:
            return job
        time.sleep(0.05)
    raise AssertionError("the worker wrote nothing")


def asked_for(region: Engine, cast: Cast) -> tuple[Desk, int]:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody(), *everybody("PUMP", 100))
    return Desk(region, cast), number


def test_a_plan_is_computed_by_number_and_told_when_it_is_done(region: Engine, cast: Cast) -> None:
    people, number = asked_for(region, cast)
    answer = people.post("coordinator", f"/surges/{number}/plan-jobs")
    assert (answer.status_code, answer.json()["state"], answer.json()["surge"]) == (202, "running", number)
    job = ended(people, answer.json()["number"])
    assert (job["state"], job["problem"], job["proven"], job["bound"]) == ("done", None, True, None)
    assert (job["done"], job["of"]) == (2, 2)
    plan = people.get("requester", f"/plans/{job['plan']}")
    assert (plan["fair"], plan["kept"], plan["surge_id"]) == (True, True, number)
    assert "leximin/1" in plan["checked"]
    late = people.call("coordinator", "DELETE", f"/plan-jobs/{job['number']}")
    assert (late.status_code, late.json()["title"]) == (409, "plan job ended")


@ON_SQLITE
def test_who_may_not_and_what_is_not_there_is_refused(region: Engine, cast: Cast) -> None:
    people, number = asked_for(region, cast)
    assert people.post("requester", f"/surges/{number}/plan-jobs").status_code == 403
    assert people.post("coordinator", "/surges/999/plan-jobs").status_code == 404
    assert people.call("coordinator", "GET", "/plan-jobs/999").status_code == 404
    assert people.call("coordinator", "DELETE", "/plan-jobs/999").status_code == 404
    assert people.call("requester", "DELETE", "/plan-jobs/1").status_code == 403
    assert people.call("coordinator", "DELETE", "/plan-jobs/1?colour=blue").status_code == 422


@ON_SQLITE
def test_why_there_is_no_plan_is_told_by_the_job(region: Engine, cast: Cast) -> None:
    people, number = Desk(region, cast), surge(region, cast)
    job = ended(people, people.post("coordinator", f"/surges/{number}/plan-jobs").json()["number"])
    assert (job["state"], job["plan"]) == ("failed", None)
    assert job["problem"]["type"] == "urn:stockpile:problem:nothing_to_share"


def waiting(begun: threading.Event) -> Callable[..., Outcome[Any]]:
    """A solver that tells of one item of two and then waits until it is ended one way or the other."""

    def run(function: Any, argument: Timed, *, limit_seconds: float, progress: Any, cancel: Any) -> Outcome[Any]:
        progress(1, 2)
        begun.set()
        for _ in range(1200):
            if cancel.is_set():
                return Outcome("cancelled", None, 0.0, "it was cancelled")
            if Path(argument.enough).exists():
                return Outcome("solved", function(argument), 0.0)
            time.sleep(0.01)
        raise AssertionError("nobody ended it")

    return run


@ON_SQLITE
@pytest.mark.parametrize("keep", [False, True])
def test_a_plan_is_ended_with_nothing_stored_or_with_the_best_so_far(region: Engine, cast: Cast, keep: bool) -> None:
    people, number = asked_for(region, cast)
    begun = threading.Event()
    with mock.patch.object(planning, "run_limited", waiting(begun)):
        first = people.post("coordinator", f"/surges/{number}/plan-jobs").json()
        assert begun.wait(20)
        assert people.post("coordinator", f"/surges/{number}/plan-jobs").json()["number"] == first["number"]
        running = heard_of(people, first["number"])
        assert (running["state"], running["done"], running["of"]) == ("running", 1, 2)
        path = f"/plan-jobs/{first['number']}" + ("?keep=true" if keep else "")
        assert people.call("coordinator", "DELETE", path).status_code == 200
        job = ended(people, first["number"])
    if not keep:
        assert (job["state"], job["plan"], people.get("requester", "/plans")) == ("cancelled", None, [])
        return
    assert (job["state"], job["proven"]) == ("done", False)
    assert job["bound"]["source"].startswith("it was ended before PUMP")
    plan = stored_plan(region, mock.Mock(id=job["plan"]))
    assert (plan.method, plan.feasible, plan.kept) == (BEST, True, False)


def test_sharing_ends_early_once_enough_is_said(tmp_path: Path) -> None:
    problem = instance(1, pools=4, lots=9, claims=12)
    file = tmp_path / "enough"

    def heard(done: int, _of: int) -> None:
        if done == 2:
            file.touch()

    plan = decide(Timed(problem, 60.0, str(file)), progress=heard)
    assert plan.method == BEST
    assert plan.bound is not None
    assert plan.bound.source.startswith("it was ended before item-2, item-3")
    verdict = check(problem, plan)
    assert (verdict.feasible, verdict.kept) == (True, False)
    assert verdict.labelled, verdict.findings
    assert any(one.startswith("best_found: place, bound and gap found again") for one in verdict.checked)
    better = replace(plan.bound, at_most="1", gap=str(1 - Fraction(plan.bound.reached)))
    lied = check(problem, replace(plan, bound=better))
    assert not lied.labelled
    assert any("the plan's bound is not so" in one for one in lied.findings)


@ON_SQLITE
def test_another_worker_tells_of_a_job_and_ends_it_and_a_silent_one_is_lost(region: Engine, cast: Cast) -> None:
    people, number = asked_for(region, cast)
    begun = threading.Event()
    with mock.patch.object(planning, "run_limited", waiting(begun)):
        first = people.post("coordinator", f"/surges/{number}/plan-jobs").json()["number"]
        assert begun.wait(20)
        other = Desk(open_engine(str(region.url)), cast)
        assert heard_of(other, first)["state"] == "running"
        assert other.post("coordinator", f"/surges/{number}/plan-jobs").json()["number"] == first
        assert other.call("coordinator", "DELETE", f"/plan-jobs/{first}").status_code == 200
        assert ended(other, first)["state"] == "cancelled"
    silent = datetime.now(UTC) - SILENT - timedelta(seconds=1)
    job = transact(region, lambda session: jobs.begin(session, acting(cast["coordinator"]), surge=number, now=silent))
    told = people.get("requester", f"/plan-jobs/{job.id}")
    assert (told["state"], told["problem"]["title"]) == ("lost", "plan job lost")
    assert people.call("coordinator", "DELETE", f"/plan-jobs/{job.id}").status_code == 409
    again = people.post("coordinator", f"/surges/{number}/plan-jobs").json()["number"]
    assert again != job.id
    assert ended(people, again)["state"] == "done"
