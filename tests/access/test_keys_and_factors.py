"""Keys, sign-ins, the second factor, lent roles and roles taken in an emergency: over HTTP, on both databases."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, update

from stockpile import journal
from stockpile.actor import Grant
from stockpile.db import reading, transact
from stockpile.governance.keys import rules
from stockpile.governance.keys.tables import BrokenGlass, SecondFactor
from stockpile.governance.rules import approves
from stockpile.governance.tables import AccountGrant, Token
from tests.access.doors import Doors


@pytest.fixture
def doors(region: Engine, tmp_path: Path) -> Doors:
    """The service with one person of each kind."""
    found = Doors(region, tmp_path)
    for role in ("administrator", "logistics", "coordinator", "committee", "auditor", "requester"):
        found.engage(role, Grant(role))
    return found


def key_of(doors: Doors, name: str, *rights: str, days: int = 1) -> str:
    """A new API key of this person."""
    answer = doors.call(name, "POST", "/keys", {"label": "scanner", "rights": list(rights), "days": days})
    assert answer.status_code == 201, answer.text
    doors.tokens["key"] = answer.json()["key"]
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert rules.code_at(b"12345678901234567890", seconds // 30, digits=8) == code


def test_a_code_counts_a_step_early_and_late_and_only_once() -> None:
    secret, now = b"12345678901234567890", 1111111109
    step = now // 30
    for near in (step - 1, step, step + 1):
        assert rules.step_of(secret, rules.code_at(secret, near), seconds=now, after=0) == near
    for far in (step - 2, step + 2):
        assert rules.step_of(secret, rules.code_at(secret, far), seconds=now, after=0) is None
    assert rules.step_of(secret, rules.code_at(secret, step), seconds=now, after=step) is None


def test_a_key_may_do_what_it_is_narrowed_to_and_nothing_else(doors: Doors) -> None:
    key_of(doors, "logistics", "temperature.report")
    assert doors.call("key", "GET", "/sites").status_code == 200
    refused = doors.call("key", "POST", "/lots/1/hold", {"reason": "x"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:stockpile:problem:right_missing")
    assert doors.call("logistics", "GET", "/me").json()["grants"] == doors.call("key", "GET", "/me").json()["grants"]


def test_the_secret_of_a_key_is_shown_once_and_kept_nowhere(doors: Doors) -> None:
    key_of(doors, "logistics", "stock.receive")
    secret = doors.tokens["key"]
    assert secret not in doors.call("logistics", "GET", "/sign-ins").text
    with reading(doors.engine) as session:
        tables = ("token", "journal_entry", "stored_reply")
        kept = [str(row) for table in tables for row in session.execute(text(f"SELECT * FROM {table}"))]
        assert [e.payload for e in journal.entries(session, action="key.add")]
    assert not any(secret in row for row in kept)


def test_a_key_ends_on_its_day(doors: Doors) -> None:
    key_of(doors, "logistics")

    def age(session: Session) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.connection().execute(update(Token).where(col(Token.label) == "scanner").values(expires_at=past))

    transact(doors.engine, age)
    assert doors.call("key", "GET", "/me").status_code == 401


@pytest.mark.parametrize("right", ["plan.approve", "account.manage", "second.confirm", "stock.burn"])
def test_no_key_approves_or_lets_others_in(doors: Doors, right: str) -> None:
    answer = doors.call("administrator", "POST", "/keys", {"label": "x", "rights": [right]})
    assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "rights")


def test_nobody_gives_a_key_a_right_they_have_not(doors: Doors) -> None:
    assert doors.call("auditor", "POST", "/keys", {"label": "x", "rights": ["stock.receive"]}).status_code == 403


def test_a_key_makes_no_keys_and_takes_no_roles(doors: Doors) -> None:
    key_of(doors, "logistics", "glass.break", "grant.share")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    lent = {"account": "auditor", "role": "logistics", "until": until, "reason": "x"}
    for path, body in (
        ("/keys", {"label": "x"}),
        ("/emergencies", {"role": "coordinator", "reason": "x"}),
        ("/lent-roles", lent),
    ):
        answer = doors.call("key", "POST", path, body)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:stockpile:problem:key_used"), path


def test_no_token_and_no_key_gives_another_token(doors: Doors) -> None:
    """Else a key narrowed to reports would give a sign-in with everything, and a sign-in would never end."""
    doors.engage("clerk", Grant("logistics"), password="for the tests only")
    key_of(doors, "clerk", "temperature.report")
    for name in ("key", "clerk"):
        answer = doors.call(name, "POST", "/tokens")
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:stockpile:problem:key_used"), name
    assert doors.client.post("/api/v1/tokens", auth=("clerk", "for the tests only")).status_code == 201


def test_a_supplier_looks_after_its_own_sign_ins_and_its_key_answers_for_itself_alone(doors: Doors) -> None:
    doors.engage("one", Grant("supplier", member="SUP-1"), password="for the tests only")
    assert len(doors.call("one", "GET", "/sign-ins").json()) == 1
    key_of(doors, "one", "tender.bid")
    assert doors.call("key", "GET", "/suppliers/SUP-1/scorecard").status_code == 200
    assert doors.call("key", "GET", "/suppliers/SUP-2/scorecard").status_code == 403
    assert doors.call("key", "GET", "/suppliers/SUP-1/outlook").status_code == 403, "the key has no such right"
    assert doors.call("key", "GET", "/stock").status_code == 403
    assert doors.call("one", "POST", "/me/second-factor").status_code == 201
    new = {"old": "for the tests only", "new": "another for the tests"}
    assert doors.call("one", "PUT", "/me/password", new).status_code == 200
    assert doors.call("key", "GET", "/me").status_code == 401, "keys end with the password"


@pytest.mark.parametrize(
    "right",
    [
        "tender.award",
        "invoice.pay",
        "damages.decide",
        "preapproval.set",
        "limit.set",
        "stock.release",
        "stop.lift",
        "seat.appoint",
        "rights.change",
        "member.suspend",
        "member.release",
        "contact.erase",
        "decision.vote",
    ],
)
def test_what_answers_for_others_work_or_binds_the_pool_asks_for_the_code_and_no_key_carries_it(right: str) -> None:
    assert approves(right)
    assert right not in rules.KEY_RIGHTS


def test_sign_ins_are_listed_and_ended_by_their_owner_and_by_an_administrator(doors: Doors) -> None:
    first = doors.tokens["logistics"]
    doors.sign_in("logistics")
    rows = doors.call("logistics", "GET", "/sign-ins").json()
    assert [row["current"] for row in rows].count(True) == 1
    assert len(rows) == 2
    other = next(row["id"] for row in rows if not row["current"])
    assert doors.call("coordinator", "DELETE", f"/sign-ins/{other}").status_code == 404
    assert doors.call("coordinator", "GET", "/sign-ins?account=logistics").status_code == 403
    assert doors.call("logistics", "DELETE", f"/sign-ins/{other}").status_code == 204
    assert doors.client.get("/api/v1/me", headers={"Authorization": f"Bearer {first}"}).status_code == 401
    [mine] = doors.call("administrator", "GET", "/sign-ins?account=logistics").json()
    assert doors.call("administrator", "DELETE", f"/sign-ins/{mine['id']}").status_code == 204
    assert doors.call("logistics", "GET", "/me").status_code == 401


def test_another_persons_sign_in_and_one_that_never_was_are_refused_in_the_same_words(doors: Doors) -> None:
    [theirs] = doors.call("auditor", "GET", "/sign-ins").json()
    said = {doors.call("logistics", "DELETE", f"/sign-ins/{one}").text for one in (theirs["id"], "0" * 16, "%")}
    assert len(said) == 1


def device(doors: Doors, name: str) -> bytes:
    """This person's new device: its secret."""
    answer = doors.call(name, "POST", "/me/second-factor")
    assert answer.status_code == 201, answer.text
    return base64.b32decode(parse_qs(urlsplit(answer.json()["address"]).query)["secret"][0])


def shown(secret: bytes, *, later: int = 0) -> dict[str, str]:
    """What the device shows now, or some steps later."""
    return {"code": rules.code_at(secret, int(time.time()) // 30 + later)}


def test_who_has_a_device_shows_a_code_before_they_approve(doors: Doors) -> None:
    asked = doors.call
    secret = device(doors, "committee")
    close = ("POST", "/periods/close", {"ends_at": "2020-03-01T00:00:00Z", "reason": "month end"})
    assert asked("committee", *close).status_code != 403, "a device that no code was shown of asks for none"
    first = shown(secret)
    assert asked("committee", "POST", "/me/second-factor/proof", first).status_code == 200
    doors.sign_in("committee")
    refused = asked("committee", *close)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:stockpile:problem:second_factor_missing")
    assert asked("committee", "GET", "/sites").status_code == 200, "reading asks for no code"
    assert asked("committee", "POST", "/me/second-factor/proof", first).status_code == 403, "used before"
    assert asked("committee", "POST", "/me/second-factor/proof", shown(secret, later=1)).status_code == 200
    assert asked("committee", *close).status_code != 403


def test_name_and_password_alone_approve_nothing_where_there_is_a_device(doors: Doors) -> None:
    doors.engage("chair", Grant("committee"), password="for the tests only")
    secret = device(doors, "chair")
    assert doors.call("chair", "POST", "/me/second-factor/proof", shown(secret)).status_code == 200
    body = {"ends_at": "2020-03-01T00:00:00Z", "reason": "month end"}
    answer = doors.client.post("/api/v1/periods/close", json=body, auth=("chair", "for the tests only"))
    assert answer.json()["type"] == "urn:stockpile:problem:second_factor_missing"


def test_the_installation_may_demand_a_code_of_everybody(doors: Doors) -> None:
    assert doors.call("committee", "PUT", "/second-factor", {"demanded": True}).status_code == 403
    assert doors.call("administrator", "PUT", "/second-factor", {"demanded": True}).status_code == 200
    close = ("POST", "/periods/close", {"ends_at": "2020-03-01T00:00:00Z", "reason": "month end"})
    assert doors.call("committee", *close).json()["type"] == "urn:stockpile:problem:second_factor_missing"
    secret = device(doors, "committee")
    assert doors.call("committee", "POST", "/me/second-factor/proof", shown(secret)).status_code == 200
    assert doors.call("committee", *close).status_code != 403


def test_after_five_wrong_codes_the_right_one_has_to_wait(doors: Doors) -> None:
    secret = device(doors, "committee")
    wrong = "000000" if shown(secret)["code"] != "000000" else "000001"
    for _ in range(5):
        assert doors.call("committee", "POST", "/me/second-factor/proof", {"code": wrong}).status_code == 403
    answer = doors.call("committee", "POST", "/me/second-factor/proof", shown(secret))
    assert answer.json()["type"] == "urn:stockpile:problem:too_many_codes"


def test_the_secret_of_a_device_is_not_kept_in_the_clear(doors: Doors) -> None:
    secret = device(doors, "committee")
    with reading(doors.engine) as session:
        kept = session.exec(text("SELECT sealed_secret FROM second_factor")).scalar_one()  # type: ignore[call-overload]
    assert base64.b64encode(secret).decode() not in kept
    assert base64.b32encode(secret).decode() not in kept


def test_an_administrator_takes_a_lost_device_off_and_its_sign_ins_end(doors: Doors) -> None:
    device(doors, "committee")
    taken = ("POST", "/accounts/committee/second-factor/take", {"reason": "lost on the way home"})
    assert doors.call("coordinator", *taken).status_code == 403
    assert doors.call("administrator", *taken).status_code == 200
    assert doors.call("committee", "GET", "/me").status_code == 401
    with reading(doors.engine) as session:
        assert session.get(SecondFactor, 1) is None


def tomorrow() -> str:
    """An instant a day ahead."""
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def test_a_member_lends_another_its_role_for_a_while_and_no_more_than_it_has(doors: Doors) -> None:
    doors.engage("anna", Grant("requester", member="NL-1"))
    doors.engage("ben", Grant("requester", member="BE-2"))
    lent = {"account": "ben", "role": "requester", "member": "NL-1", "until": tomorrow(), "reason": "night duty"}
    for more in ({"member": None}, {"member": "BE-2"}, {"role": "logistics"}, {"role": "committee"}):
        assert doors.call("anna", "POST", "/lent-roles", lent | more).status_code == 403, more
    answer = doors.call("anna", "POST", "/lent-roles", lent)
    assert answer.status_code == 201, answer.text
    grants = doors.call("ben", "GET", "/me").json()["grants"]
    assert {"role": "requester", "member": "NL-1", "site": None} in grants
    passed_on = lent | {"account": "auditor"}
    assert doors.call("ben", "POST", "/lent-roles", passed_on).status_code == 403, "what is lent is not passed on"
    assert doors.call("auditor", "POST", f"/lent-roles/{answer.json()['id']}/end", {"reason": "x"}).status_code == 404
    assert doors.call("anna", "POST", f"/lent-roles/{answer.json()['id']}/end", {"reason": "over"}).status_code == 200
    assert len(doors.call("ben", "GET", "/me").json()["grants"]) == 1


def test_a_lent_role_ends_by_itself(doors: Doors) -> None:
    doors.engage("anna", Grant("requester", member="NL-1"))
    lent = {"account": "auditor", "role": "requester", "member": "NL-1", "until": tomorrow(), "reason": "x"}
    assert doors.call("anna", "POST", "/lent-roles", lent).status_code == 201
    assert len(doors.call("auditor", "GET", "/me").json()["grants"]) == 2
    _age(doors)
    assert len(doors.call("auditor", "GET", "/me").json()["grants"]) == 1


def _age(doors: Doors) -> None:
    """A day goes by for what was lent or taken."""
    past = datetime.now(UTC) - timedelta(seconds=1)

    def age(session: Session) -> None:
        session.connection().execute(
            update(AccountGrant).where(col(AccountGrant.ends_at).is_not(None)).values(ends_at=past)
        )
        begun = past - timedelta(hours=1)
        session.connection().execute(update(BrokenGlass).values(begins_at=begun, ends_at=past))

    transact(doors.engine, age)


def test_a_role_taken_in_an_emergency_counts_at_once_ends_by_itself_and_is_reviewed_by_another(doors: Doors) -> None:
    surge = ("POST", "/surges", {"name": "night", "title": "night", "horizon_days": 7})
    assert doors.call("logistics", *surge).status_code in {403, 422}
    taken = doors.call("logistics", "POST", "/emergencies", {"role": "coordinator", "hours": 2, "reason": "all away"})
    assert taken.status_code == 201, taken.text
    number = taken.json()["id"]
    assert "coordinator" in {grant["role"] for grant in doors.call("logistics", "GET", "/me").json()["grants"]}
    judged = ("POST", f"/emergencies/{number}/review", {"justified": True, "note": "nobody else was there"})
    assert doors.call("auditor", *judged).status_code == 409, "it is not over"
    _age(doors)
    assert "coordinator" not in {grant["role"] for grant in doors.call("logistics", "GET", "/me").json()["grants"]}
    assert [row["id"] for row in doors.call("auditor", "GET", "/emergencies?waiting=true").json()["rows"]] == [number]
    assert doors.call("coordinator", *judged).status_code == 403
    assert doors.call("auditor", *judged).status_code == 200
    assert doors.call("committee", *judged).status_code == 409, "judged once"
    assert doors.call("auditor", "GET", "/emergencies?waiting=true").json()["rows"] == []


@pytest.mark.parametrize(
    ("role", "member", "status"), [("mayor", None, 422), ("supplier", None, 422), ("requester", "XX-9", 404)]
)
def test_not_even_an_administrator_lends_a_role_that_nobody_could_be_given(
    doors: Doors, role: str, member: str | None, status: int
) -> None:
    doors.engage("all", Grant("administrator"), Grant("coordinator"))
    lent = {"account": "auditor", "role": role, "member": member, "until": tomorrow(), "reason": "x"}
    assert doors.call("all", "POST", "/lent-roles", lent).status_code == status


@pytest.mark.parametrize("role", ["committee", "administrator", "auditor", "scheduler", "mayor"])
def test_no_emergency_gives_a_role_that_approves_audits_or_manages(doors: Doors, role: str) -> None:
    answer = doors.call("logistics", "POST", "/emergencies", {"role": role, "reason": "now"})
    assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "role")


def test_nobody_reviews_their_own_emergency(doors: Doors) -> None:
    doors.engage("both", Grant("logistics"), Grant("auditor"))
    number = doors.call("both", "POST", "/emergencies", {"role": "coordinator", "reason": "now"}).json()["id"]
    _age(doors)
    judged = doors.call("both", "POST", f"/emergencies/{number}/review", {"justified": True, "note": "fine"})
    assert judged.json()["type"] == "urn:stockpile:problem:own_work"


@pytest.mark.parametrize("code", ["१२३४५६", "\ud800", "²" * 6, "", "0" * 5000])
def test_a_code_of_other_signs_than_digits_is_only_wrong(code: str) -> None:
    assert rules.step_of(b"12345678901234567890", code, seconds=59, after=-1) is None
