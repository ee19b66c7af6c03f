"""When jobs come due, who may change that, what is caught up with, and what every try leaves on record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import journal
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing
from stockpile.governance.tables import Region
from stockpile.jobs import nightly, queries, schedule
from stockpile.jobs import operations as jobs
from stockpile.jobs.rules import RETRY_MINUTES, SILENT_SECONDS, When, may_try, newest_due, next_due, slot
from stockpile.jobs.tables import JobAttempt, JobRun
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do

NIGHT = When(30, 2, time_zone="Europe/Brussels")


def utc(*when: int) -> datetime:
    """An instant."""
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (utc(2020, 3, 28, 1, 29), utc(2020, 3, 27, 1, 30)),
        (utc(2020, 3, 28, 1, 30), utc(2020, 3, 28, 1, 30)),
        (utc(2020, 3, 29, 1, 30), utc(2020, 3, 29, 1, 30)),
        (utc(2020, 3, 30, 0, 30), utc(2020, 3, 30, 0, 30)),
        (utc(2020, 10, 25, 0, 30), utc(2020, 10, 25, 0, 30)),
        (utc(2020, 10, 25, 1, 30), utc(2020, 10, 25, 0, 30)),
        (utc(2020, 10, 26, 1, 30), utc(2020, 10, 26, 1, 30)),
    ],
    ids=["before", "at", "left out by the clock", "summer", "first of two", "second of two", "winter"],
)
def test_half_past_two_comes_once_a_night_also_when_clocks_change(now: datetime, due: datetime) -> None:
    assert newest_due(now, NIGHT) == due


@pytest.mark.parametrize(
    "zone", ["Europe/Brussels", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
)
@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (1, 30), (2, 15), (23, 59)])
def test_every_local_day_has_exactly_one_due_instant_and_its_own_slot(zone: str, hour: int, minute: int) -> None:
    when, now, seen = When(minute, hour, time_zone=zone), utc(2018, 1, 1), list[datetime]()
    while now < utc(2019, 1, 1):
        now = next_due(now, when)
        assert newest_due(now, when) == now
        seen.append(now)
    slots = [slot(one, when) for one in seen]
    assert len(set(slots)) == len(slots)
    days = {(utc(2018, 1, 1) + timedelta(days=number)).date().isoformat() for number in range(1, 365)}
    assert days <= set(slots), sorted(days - set(slots))


def test_a_weekly_job_comes_on_its_weekday_and_monday_is_monday() -> None:
    monday = When(0, 6, weekday=0, time_zone="Europe/Brussels")
    assert newest_due(utc(2020, 4, 1, 12), monday) == utc(2020, 3, 30, 4)
    assert next_due(utc(2020, 3, 30, 4), monday) == utc(2020, 4, 6, 4)


def test_a_slot_is_tried_again_later_and_later_and_then_left_to_a_person() -> None:
    assert may_try(NOW, [])
    tried = [(NOW, "failed")]
    for minutes in RETRY_MINUTES:
        at = tried[-1][0] + timedelta(minutes=minutes)
        assert not may_try(at - timedelta(seconds=1), tried)
        assert may_try(at, tried)
        tried.append((at, "refused"))
    assert not may_try(NOW + timedelta(days=1), tried)
    assert not may_try(NOW, [(NOW, "running")])
    assert may_try(NOW + timedelta(seconds=SILENT_SECONDS + 1), [(NOW, "running")])


def _real(session: Session) -> None:
    found = session.get_one(Region, 1)
    found.simulated_now = None
    session.add(found)


def _claimed(*slots: str, job: str = "reservations") -> Any:
    def write(session: Session) -> None:
        for one in slots:
            row = {"job": job, "slot": one, "actor_id": 1, "effective_at": NOW, "recorded_at": NOW}
            session.add(JobRun(**row, seconds_ms=0, outcome="{}"))

    return write


def test_a_slot_missed_while_the_service_was_down_is_run_once_and_says_so(region: Engine) -> None:
    since = datetime.now(UTC)

    def due() -> dict[str, datetime | None]:
        return dict(schedule.due_now(region, since=since))

    assert due() == {}, "a simulated region's clock stands still meanwhile"
    transact(region, _real)
    assert due() == {}, "a new installation catches up with nothing"
    transact(region, _claimed("2020-03-29T07Z"))
    assert list(due()) == ["reservations"]
    for job, when in due().items():
        schedule.run_due(region, job, 1.0, due=when)
    assert due() == {}
    with reading(region) as session:
        newest, oldest = jobs.runs(session)
        assert "run when the service came back" in newest.outcome
        assert oldest.slot == "2020-03-29T07Z"
        [attempt] = queries.attempts(session)
        assert (attempt.state, attempt.due_at is not None) == ("done", True)


@ON_SQLITE
def test_what_comes_due_while_the_service_runs_is_started_and_what_is_switched_off_is_not(
    region: Engine, cast: Cast
) -> None:
    transact(region, _real)
    since = datetime.now(UTC) - timedelta(hours=2)
    assert "reservations" in dict(schedule.due_now(region, since=since))
    off = When(5, enabled=False)
    do(region, jobs.set_schedule, acting(cast["administrator"]), job="reservations", when=off, reason="tidying up")
    assert "reservations" not in dict(schedule.due_now(region, since=since))


@ON_SQLITE
def test_a_process_that_dies_leaves_a_lost_try_and_an_open_slot(region: Engine, cast: Cast) -> None:
    def died(session: Session) -> None:
        row = JobAttempt(job="expiry", slot="2020-03-30", dry=False, state="running", actor_id=cast["buyer"].id)
        row.process, row.started_at, row.heartbeat_at, row.outcome = "process 1", NOW, NOW, "{}"
        session.add(row)

    transact(region, died)
    later = acting(cast["buyer"], after_hours=1)
    assert not jobs.run(region, later, job="expiry", limit_seconds=1).again
    with reading(region) as session:
        assert [one.state for one in queries.attempts(session)] == ["done", "lost"]


def test_a_schedule_is_changed_by_the_entitled_with_a_reason_and_is_on_record(region: Engine, cast: Cast) -> None:
    act = acting(cast["committee"])
    weekly = When(15, 4, weekday=6, time_zone="Europe/Berlin")
    found = do(region, jobs.set_schedule, act, job="reorder", when=weekly, reason="orders go out on Mondays")
    assert (found.when, found.set_by) == ("every sun at 04:15, Europe/Berlin", "committee")
    assert found.next_due == utc(2020, 4, 5, 2, 15)
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="schedule.set"))
    assert (entry.actor_name, entry.reason) == ("committee", "orders go out on Mondays")
    with pytest.raises(Missing):
        do(region, jobs.set_schedule, acting(cast["buyer"]), job="reorder", when=weekly, reason="no")
    for when, reason, field in (
        (When(60), "x", "minute"),
        (When(0, 24), "x", "hour"),
        (When(0, 2, weekday=7), "x", "weekday"),
        (When(0, None, weekday=1), "x", "weekday"),
        (When(0, 2, time_zone="Mars/Base"), "x", "time_zone"),
        (When(0, 2), " ", "reason"),
    ):
        with pytest.raises(Invalid) as refused:
            do(region, jobs.set_schedule, act, job="reorder", when=when, reason=reason)
        assert refused.value.facts["field"] == field


@pytest.mark.parametrize("job", ["expiry", "dates", "figures", "seal", "reservations"])
def test_each_job_runs_dry_and_for_real_and_a_second_time_changes_nothing(region: Engine, cast: Cast, job: str) -> None:
    act = acting(cast["coordinator"])
    dry = jobs.run(region, act, job=job, limit_seconds=1, dry=True)
    with reading(region) as session:
        assert jobs.runs(session) == []
        before = len(list(journal.entries(session)))
    first = jobs.run(region, act, job=job, limit_seconds=1)
    again = jobs.run(region, act, job=job, limit_seconds=1)
    assert (dry.dry, dry.again, first.again, again.again) == (True, False, False, True)
    assert again.outcome == first.outcome
    assert dry.outcome.keys() == first.outcome.keys()
    with reading(region) as session:
        assert len(jobs.runs(session)) == 1
        assert len(list(journal.entries(session))) <= before + 1


@ON_SQLITE
def test_the_expiry_scan_and_the_dates_name_what_a_person_must_look_at(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    figures = jobs.run(region, act, job="figures", limit_seconds=1).outcome
    assert (figures["items"], figures["items_with_floor"]) == (3, 1)
    assert jobs.run(region, act, job="dates", limit_seconds=1).outcome["ending"] == []
    at_the_end = acting(cast["buyer"], utc(2022, 12, 1))
    dates = jobs.run(region, at_the_end, job="dates", limit_seconds=1).outcome
    assert [row[0] for row in dates["ending"]] == ["UC-1", "UC-2"]
    assert dates["items_without_contract_then"] == ["PUMP", "TAB", "VIAL"]
    expiry = jobs.run(region, at_the_end, job="expiry", limit_seconds=1).outcome
    assert expiry["expired_lots"] == expiry["lots"] > 0


@ON_SQLITE
def test_an_option_whose_window_closes_is_named_while_units_are_left(region: Engine, cast: Cast) -> None:
    act, today = acting(cast["buyer"]), NOW.date()
    given: dict[str, Any] = {"quantity": 300, "days": 2, "price_permille": 1200, "fee_minor": 0, "opens": today}
    for item, closes in (("TAB", today + timedelta(days=30)), ("VIAL", today + timedelta(days=200))):
        do(region, terms.add_option, act, contract="UC-1", item=item, closes=closes, **given)
    told = jobs.run(region, act, job="dates", limit_seconds=1).outcome
    assert told["options_closing"] == [["UC-1", "TAB", (today + timedelta(days=30)).isoformat(), 300]]


@ON_SQLITE
def test_a_fault_is_on_record_with_its_words(region: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: nightly.Work) -> nightly.Effects:
        raise RuntimeError("power cut")

    monkeypatch.setitem(nightly.JOBS, "expiry", nightly.Job("x", "scan.run", When(0, 3), broken))
    with pytest.raises(RuntimeError):
        jobs.run(region, acting(cast["buyer"]), job="expiry", limit_seconds=1)
    with reading(region) as session:
        [attempt] = queries.attempts(session)
    assert (attempt.state, json.loads(attempt.outcome)) == ("failed", {"failed": "RuntimeError: power cut"})
