"""Anyone complains, follows the case by token, and gets an answer from somebody who had no part in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app, journal
from stockpile.actor import Actor, Grant
from stockpile.allocation.tables import Plan
from stockpile.db import reading
from stockpile.governance import operations as governance
from stockpile.governance import queries as governance_queries
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import queries as stock
from stockpile.settings import Settings
from stockpile.transparency.grievances import buffer, operations, queries, rules
from stockpile.transparency.grievances.operations import Complaint
from stockpile.transparency.grievances.tables import Grievance
from stockpile.transparency.privacy import operations as privacy
from stockpile.transparency.privacy import queries as kept
from tests.allocation.surge_room import results
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.transparency.public_room import decided, set_clock

TOKEN = "a-token-that-nobody-guesses"


def complain(engine: Engine, *, token: str = TOKEN, hours: float = 0, **more: Any) -> Grievance:
    """A grievance as it comes in from the public."""
    given = Complaint(**({"category": "allocation", "statement": "we got less", "country": "NL"} | more))
    with reading(engine) as session:
        actor = governance_queries.actor_of(session, governance_queries.account_by_name(session, "scheduler"))
    row, _ = do(engine, operations.receive, acting(actor, after_hours=hours), complaint=given, token=token)
    return row


def judged(engine: Engine, cast: Cast, row: Grievance, *, verdict: str = "upheld", hours: float = 2) -> Grievance:
    """Acknowledged, given to the auditor, decided."""
    do(engine, operations.acknowledge, acting(cast["coordinator7"], after_hours=1), number=row.id)
    assert cast["auditor"]
    do(engine, operations.assign, acting(cast["coordinator7"], after_hours=1), number=row.id, reviewer="auditor")
    told = {"number": row.id, "verdict": verdict, "answer": "the count was wrong"}
    return do(engine, operations.decide, acting(cast["auditor"], after_hours=hours), **told)


def status(engine: Engine, *, hours: float = 0) -> dict[str, Any]:
    with reading(engine) as session:
        at = NOW + timedelta(hours=hours)
        return queries.status(session, queries.by_token(session, TOKEN), at=at)


def test_working_days_leave_out_weekends_and_the_holidays_of_the_country() -> None:
    assert rules.working_days_later(date(2020, 4, 24), 1, "NL") == date(2020, 4, 28), "King's Day"
    assert rules.working_days_later(date(2020, 4, 24), 1, "BE") == date(2020, 4, 27)
    assert rules.working_days_later(date(2020, 4, 30), 1, "DE") == date(2020, 5, 4), "Labour Day and a weekend"


def test_the_clocks_are_three_and_fifteen_working_days_ten_for_an_appeal_and_thirty_days_for_the_end() -> None:
    start = datetime(2020, 3, 2, 12, tzinfo=UTC)
    decided_at, appealed = start + timedelta(days=7), start + timedelta(days=10)
    times = rules.Times(
        start, urgent=False, country="NL", zone="Europe/Brussels", decided=decided_at, appealed=appealed
    )
    due = {clock.step: clock.due.date() for clock in rules.clocks(times)}
    assert due == {
        "acknowledge": date(2020, 3, 5), "decide": date(2020, 3, 23), "decide the appeal": date(2020, 4, 11),
    }  # fmt: skip
    until = rules.appeal_until(times)
    assert until is not None
    assert until.date() == date(2020, 3, 23)


def test_an_urgent_appeal_is_due_within_a_day() -> None:
    times = rules.Times(NOW, urgent=True, country="NL", zone="Europe/Brussels")
    assert {clock.due for clock in rules.clocks(times)} == {NOW + timedelta(hours=24)}


def test_the_same_grievance_sent_twice_is_one(region: Engine) -> None:
    assert complain(region).id == complain(region).id
    with reading(region) as session:
        assert len(queries.all_of(session)) == 1


def test_what_people_write_is_not_in_the_journal_and_can_be_erased(region: Engine, cast: Cast) -> None:
    row = complain(region, statement="my neighbour told me", contact="a.b@example.org")
    with reading(region) as session:
        texts = [entry.payload + entry.reason for entry in journal.entries(session)]
        record = kept.record_of(session, row.statement_id)
        assert record.commitment in "".join(texts)
        assert kept.discrepancies(session) == []
    assert not any("neighbour" in text or "example.org" in text for text in texts)
    do(region, privacy.erase, acting(cast["administrator"]), number=row.statement_id, why="asked for it")
    with reading(region) as session:
        gone = kept.record_of(session, row.statement_id)
        assert (gone.content, gone.salt, kept.content(session, row.statement_id)) == (None, None, {})
        assert list(journal.discrepancies(session)) == []
    with pytest.raises(privacy.ErasedAlready):
        do(region, privacy.erase, acting(cast["administrator"]), number=row.statement_id, why="again")


def test_what_is_kept_too_long_is_erased_by_itself(region: Engine, cast: Cast) -> None:
    complain(region)
    assert do(region, privacy.erase_due, acting(cast["coordinator"], after_hours=24 * 729)) == 0
    assert do(region, privacy.erase_due, acting(cast["coordinator"], after_hours=24 * 731)) == 1


def test_the_whole_way_to_the_final_decision(region: Engine, cast: Cast) -> None:
    row = complain(region)
    judged(region, cast, row, verdict="not_upheld")
    told = status(region, hours=3)
    assert (told["state"], told["verdict"], told["answer"]) == ("resolved", "not_upheld", "the count was wrong")
    assert not any(clock["missed"] for clock in told["clocks"])
    with pytest.raises(operations.WrongState, match="may be appealed until"):
        do(region, operations.close, acting(cast["coordinator7"], after_hours=4), number=row.id)
    do(region, operations.appeal, acting(scheduler(region), after_hours=5), token=TOKEN, statement="look again")
    final = {"number": row.id, "verdict": "part", "answer": "half of it"}
    with pytest.raises(OwnWork, match="decided grievance 1 before"):
        do(region, operations.decide_appeal, acting(cast["auditor"], after_hours=6), **final)
    do(region, operations.decide_appeal, acting(cast["pharmacist"], after_hours=6), **final)
    do(region, operations.close, acting(cast["coordinator7"], after_hours=7), number=row.id)
    assert status(region)["state"] == "closed"


def scheduler(engine: Engine) -> Actor:
    with reading(engine) as session:
        return governance_queries.actor_of(session, governance_queries.account_by_name(session, "scheduler"))


def test_an_appeal_after_ten_working_days_is_too_late(region: Engine, cast: Cast) -> None:
    judged(region, cast, complain(region))
    with pytest.raises(operations.TooLate, match="was possible until 2020-04-15"):
        do(region, operations.appeal, acting(scheduler(region), after_hours=24 * 17), token=TOKEN, statement="late")


def test_steps_out_of_order_are_refused(region: Engine, cast: Cast) -> None:
    row = complain(region)
    with pytest.raises(operations.WrongState, match="it cannot become resolved"):
        do(region, operations.decide, acting(cast["auditor"]), number=row.id, verdict="upheld", answer="x")
    do(region, operations.redirect, acting(cast["coordinator"]), number=row.id, to="the hospital")
    with pytest.raises(operations.WrongState, match="is redirected"):
        do(region, operations.acknowledge, acting(cast["coordinator"]), number=row.id)


def test_nobody_judges_what_they_had_a_part_in(region: Engine, cast: Cast) -> None:
    plan = decided(region, cast, items=("TAB",))
    row = complain(region, plan=plan.id, member="NL-1", item="TAB")
    do(region, operations.acknowledge, acting(cast["coordinator7"]), number=row.id)
    with pytest.raises(OwnWork, match="approved plan 1"):
        do(region, operations.assign, acting(cast["coordinator7"]), number=row.id, reviewer="committee")
    with pytest.raises(Missing):
        do(region, operations.assign, acting(cast["coordinator7"]), number=row.id, reviewer="coordinator7")


def test_missed_deadlines_are_public(region: Engine, cast: Cast) -> None:
    row = complain(region)
    with reading(region) as session:
        assert queries.missed(session, at=NOW + timedelta(days=2)) == []
        late = queries.missed(session, at=NOW + timedelta(days=40))
    assert [(one["grievance"], one["step"], one["done"]) for one in late] == [
        (row.id, "acknowledge", None),
        (row.id, "decide", None),
    ]


def urgent(engine: Engine, cast: Cast) -> tuple[Plan, Grievance, int]:
    """An urgent appeal about a plan that left NL-1 short, upheld; and how much it misses."""
    plan = decided(engine, cast, items=("TAB",))
    short = results(engine, plan)["NL-1", "TAB"]
    row = complain(engine, plan=plan.id, member="NL-1", item="TAB", urgent=True)
    return plan, judged(engine, cast, row), short.validated - short.got


def test_an_urgent_appeal_that_is_upheld_is_served_from_the_buffer_by_another_person(
    region: Engine, cast: Cast
) -> None:
    _, row, missing = urgent(region, cast)
    assert missing > 0
    with reading(region) as session:
        room = buffer.buffer_of(session, row)
    quantity = min(10, missing, room)
    made = do(region, buffer.serve, acting(cast["committee"], after_hours=3), number=row.id, quantity=quantity)
    with reading(region) as session:
        (line,) = stock.transfer_lines(session, made)
        assert (line.member_code, line.quantity, line.reference[:8]) == ("NL-1", quantity, "request:")
        assert queries.grievance(session, row.id or 0).served == quantity
    with pytest.raises((buffer.NotServed, operations.Invalid)):
        do(region, buffer.serve, acting(cast["committee"], after_hours=3), number=row.id, quantity=room + 10)


@pytest.mark.parametrize("quantity", [5, 0, 10_000])
def test_the_buffer_gives_whole_packs_and_no_more_than_is_missing(region: Engine, cast: Cast, quantity: int) -> None:
    _, row, _ = urgent(region, cast)
    with pytest.raises(operations.Invalid, match="whole packs of 10, at most"):
        do(region, buffer.serve, acting(cast["committee"], after_hours=3), number=row.id, quantity=quantity)


def test_the_buffer_serves_nothing_before_a_decision(region: Engine, cast: Cast) -> None:
    plan = decided(region, cast, items=("TAB",))
    row = complain(region, plan=plan.id, member="NL-1", item="TAB", urgent=True)
    with pytest.raises(buffer.NotServed, match="no urgent appeal that was upheld"):
        do(region, buffer.serve, acting(cast["committee"]), number=row.id, quantity=10)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"country": "FR"}, "country must be one of BE, DE, NL"),
        ({"category": "weather"}, "category must be one of"),
        ({"urgent": True}, "names the plan, the member and the item"),
        ({"plan": 77}, "no plan 77"),
        ({"member": "XX"}, "no member has the code XX"),
        ({"contract": "XX"}, "there is no contract XX"),
        ({"statement": " "}, "say what happened"),
        ({"statement": "my number is 111222333"}, "statement holds a Dutch citizen service number"),
        ({"statement": "my number is 93.05.18-223.61"}, "statement holds a Belgian national number"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(region: Engine, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=re.escape(said)):
        complain(region, **more)
    with reading(region) as session:
        assert queries.all_of(session) == []


@pytest.fixture
def client(region: Engine, cast: Cast, tmp_path: Path) -> Iterator[TestClient]:
    """A visitor; `coordinator-1` handles grievances."""
    act = acting(governance.founder())
    given = {"name": "coordinator-1", "title": "c", "password": "pass-word-1", "grants": [Grant("coordinator")]}
    do(region, governance.add_account, act, **given)
    set_clock(region, hours=0)
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False)) as made:
        yield made


def test_a_plain_form_without_scripts_takes_a_grievance_in_and_shows_its_token(client: TestClient) -> None:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/public/grievances").text)[0]
    form = {"category": "allocation", "country": "NL", "statement": "line one\r\nline two <b>", "token": token}
    form |= {"channel": "public", "remedy": "", "contact": "", "plan": "", "member": "", "item": ""}
    first, second = client.post("/public/grievances", data=form), client.post("/public/grievances", data=form)
    assert (first.status_code, second.status_code) == (201, 201)
    assert token in first.text
    assert "Your case 1" in first.text
    assert "Your case 1" in second.text
    shown = client.post("/public/grievances/status", data={"token": token})
    assert "acknowledge" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"


def test_a_form_with_a_mistake_comes_back_filled_in_with_the_reason(client: TestClient) -> None:
    form = {"category": "allocation", "country": "NL", "statement": "<script>x</script>", "plan": "99", "token": TOKEN}
    answer = client.post("/public/grievances", data=form)
    assert answer.status_code == 404
    assert "there is no plan 99" in answer.text
    assert "&lt;script&gt;x&lt;/script&gt;" in answer.text


@pytest.mark.parametrize(
    ("body", "status_", "said"),
    [
        ({"patient_name": "x"}, 422, "patient_name: nothing about patients"),
        ({"dateOfBirth": "x"}, 422, "nothing about patients"),
        ({"colour": "red"}, 422, "colour: Extra inputs are not permitted"),
        ({"plan": "one"}, 422, "plan:"),
        ({"token": "short"}, 422, "20 characters or more"),
    ],
)
def test_json_is_taken_strictly_and_never_about_patients(
    client: TestClient, body: dict[str, Any], status_: int, said: str
) -> None:
    plain = {"category": "data", "country": "BE", "statement": "erase me"}
    answer = client.post("/public/grievances", json=plain | body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status_, True), answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[1]", b"{", b"[" * 100_000, b"x" * 70_000])
def test_rubbish_is_refused_and_changes_nothing(client: TestClient, body: bytes) -> None:
    answer = client.post("/public/grievances", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "statement" not in json.dumps(answer.json()["facts"])


def test_a_wrong_token_tells_nothing(client: TestClient) -> None:
    assert client.post("/public/grievances/status", json={"token": "no-such-token-at-all"}).status_code == 404


def test_whoever_judges_reads_the_appeal_and_sees_that_retaliation_is_feared(
    region: Engine, cast: Cast, client: TestClient
) -> None:
    sent = {"category": "conduct", "country": "BE", "statement": "shouted at", "retaliation": True, "token": TOKEN}
    assert client.post("/public/grievances", json=sent).status_code == 201
    auth = ("coordinator-1", "pass-word-1")
    told = client.get("/api/v1/grievances/1", auth=auth).json()
    assert (told["fears_retaliation"], told["country"], told["appeal_words"]) == (True, "BE", None)
    with reading(region) as session:
        judged(region, cast, queries.grievance(session, 1), verdict="not_upheld")
    set_clock(region, hours=3)
    answer = client.post("/public/grievances/appeal", json={"token": TOKEN, "statement": "a witness was not heard"})
    assert answer.status_code == 200, answer.text
    told = client.get("/api/v1/grievances/1", auth=auth).json()
    assert told["appeal_words"] == {"statement": "a witness was not heard"}
    for record in told["records"]:
        do(region, privacy.erase, acting(cast["administrator"]), number=record, why="asked for")
    told = client.get("/api/v1/grievances/1", auth=auth).json()
    assert (told["words"], told["appeal_words"]) == ({}, {})


def test_those_who_handle_grievances_read_and_acknowledge_them_over_http(client: TestClient) -> None:
    client.post("/public/grievances", json={"category": "data", "country": "BE", "statement": "erase me"})
    auth = ("coordinator-1", "pass-word-1")
    assert client.get("/api/v1/grievances/1", auth=auth).json()["words"]["statement"] == "erase me"
    answer = client.post("/api/v1/grievances/1/acknowledgement", auth=auth)
    assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
    assert client.post("/api/v1/grievances/1/acknowledgement", auth=auth).status_code == 409
    assert client.get("/api/v1/contacts", auth=auth).json() == []
