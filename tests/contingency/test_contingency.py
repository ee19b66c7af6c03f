"""Contingency plans used and drilled on the real region: offices with clocks, no transfer without a named person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from stockpile.cli import app
from tests.governance.test_committee_over_http import PASSWORD, Table, seated

AGREED = {"item": "MED-001", "origin": "depot-maastricht", "member": "NL-GM0935", "quantity": 100}
PLAN: dict[str, Any] = {
    "name": "Intensive care beyond its beds",
    "hazard": "epidemic",
    "trigger_level": 3,
    "trigger": "regional demand above what is available above the floor",
    "owner": "crisis coordination",
    "steps": [
        {"office": "coordination", "what": "declare the surge to all members", "within_hours": 2},
        {"office": "logistics", "what": "staff the depots for nights", "within_hours": 12},
    ],
    "transfers": [AGREED],
}
SURGE = {"hazard": "epidemic", "level": 3, "evidence": "admissions rose tenfold", "cover_days": 3}
STOCK = "SELECT lot_id, site_code, owner, status, quantity FROM balance ORDER BY id"


def stock(engine: Engine) -> list[Any]:
    """Every balance, and how many movements and transfers there are."""
    with engine.connect() as connection:
        rows: list[Any] = [tuple(one) for one in connection.execute(text(STOCK))]
        for table in ("movement", "transfer"):
            rows.append(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar())
    return rows


def adopted(table: Table, **more: Any) -> int:
    """A plan proposed by the coordinator and adopted by the committee."""
    number = table.does("coordinator", "POST", "/contingency/plans", PLAN | more)["id"]
    decision = {"agreed": True, "reason": "as drilled in January"}
    assert table.does("committee", "POST", f"/contingency/plans/{number}/decision", decision)["state"] == "adopted"
    return int(number)


def surge(table: Table, **more: Any) -> int:
    """A surge that is declared."""
    found = table.does("coordinator", "POST", "/surges", SURGE | {"review_by": "2020-04-20T00:00:00Z"} | more)
    return int(found["id"])


def test_a_drill_runs_the_whole_plan_and_posts_nothing(table: Table, engine: Engine) -> None:
    number, before = adopted(table), stock(engine)
    watch = {"office": "logistics", "account": "coordinator", "starts_at": "2020-03-01T00:00:00Z"}
    table.does("coordinator", "POST", "/contingency/duty", watch | {"ends_at": "2020-05-01T00:00:00Z"})
    run = table.does("coordinator", "POST", f"/contingency/plans/{number}/start", {})
    assert (run["kind"], [one["office"] for one in run["steps"]]) == ("drill", ["coordination", "logistics"])
    assert [one["on_duty"] for one in run["steps"]] == [None, "coordinator"]
    (agreed,) = run["transfers"]
    assert (agreed["state"], agreed["available"]) == ("drilled", 100)
    refused = table.send(
        "committee", "POST", f"/contingency/transfers/{agreed['id']}/decision", {"agreed": True, "reason": "go"}
    )
    assert (refused.status_code, "drilled" in refused.json()["detail"]) == (409, True)
    table.does("coordinator", "POST", f"/contingency/runs/{run['id']}/steps/1/done", {"text": "called 12"})
    ended = table.does("coordinator", "POST", f"/contingency/runs/{run['id']}/end", {"text": "nights are short"})
    assert (ended["state"], ended["lesson"]) == ("over", "nights are short")
    assert stock(engine) == before


def test_a_transfer_agreed_beforehand_moves_only_by_another_named_person(table: Table, engine: Engine) -> None:
    number, crisis, before = adopted(table), surge(table), stock(engine)
    run = table.does("coordinator", "POST", f"/contingency/plans/{number}/start", {"surge": crisis})
    (agreed,) = run["transfers"]
    assert (agreed["state"], stock(engine)) == ("waiting", before)
    path, body = f"/contingency/transfers/{agreed['id']}/decision", {"agreed": True, "reason": "the wards are full"}
    assert table.send("coordinator", "POST", path, body).status_code == 403
    released = table.does("committee", "POST", path, body)
    assert (released["state"], released["decided_by"] is not None) == ("confirmed", True)
    sent = table.does("auditor", "GET", f"/transfers/{released['transfer_id']}")
    assert (sent["origin"], sent["state"]) == ("depot-maastricht", "approved")
    assert table.send("committee", "POST", path, body).status_code == 409


def test_who_set_the_plan_in_motion_does_not_release_its_stock(table: Table) -> None:
    number, crisis = adopted(table), surge(table)
    run = table.does("committee", "POST", f"/contingency/plans/{number}/start", {"surge": crisis})
    path = f"/contingency/transfers/{run['transfers'][0]['id']}/decision"
    refused = table.send("committee", "POST", path, {"agreed": True, "reason": "go"})
    assert (refused.status_code, "another person" in refused.json()["detail"]) == (409, True)


def test_the_reserve_floor_holds_for_what_was_agreed_beforehand(table: Table, engine: Engine) -> None:
    with engine.connect() as connection:
        most = connection.execute(
            text(
                "SELECT sum(quantity) FROM balance JOIN lot ON lot.id = lot_id"
                " WHERE item_code = 'MED-001' AND site_code = 'depot-maastricht' AND owner = 'pool'"
            )
        ).scalar()
    number = adopted(table, transfers=[AGREED | {"quantity": most + 50 - most % 50}])
    run = table.does("coordinator", "POST", f"/contingency/plans/{number}/start", {"surge": surge(table)})
    path = f"/contingency/transfers/{run['transfers'][0]['id']}/decision"
    before = stock(engine)
    refused = table.send("committee", "POST", path, {"agreed": True, "reason": "go"})
    assert (refused.status_code, "keeps 12550 as its reserve" in refused.json()["detail"]) == (409, True)
    assert stock(engine) == before


@pytest.mark.parametrize("more", [{"level": 2}, {"hazard": "flood"}])
def test_a_plan_whose_trigger_has_not_come_is_not_used(table: Table, more: dict[str, Any]) -> None:
    number, crisis = adopted(table), surge(table, **more)
    refused = table.send("coordinator", "POST", f"/contingency/plans/{number}/start", {"surge": crisis})
    assert (refused.status_code, "is for epidemic of level 3 on" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (PLAN | {"steps": []}, 422),
        (PLAN | {"trigger_level": 5}, 422),
        (PLAN | {"transfers": [AGREED | {"quantity": 7}]}, 422),
        (PLAN | {"transfers": [AGREED | {"origin": "nowhere"}]}, 404),
        (PLAN | {"transfers": [AGREED | {"member": "NL-GM9999"}]}, 404),
        (PLAN | {"password": "x"}, 422),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(table: Table, body: dict[str, Any], status: int) -> None:
    assert table.send("coordinator", "POST", "/contingency/plans", body).status_code == status


def test_a_new_version_replaces_the_old_one_once_another_person_adopts_it(table: Table) -> None:
    first, second = adopted(table), adopted(table, trigger="ten deaths a day")
    states = {one["id"]: (one["version"], one["state"]) for one in table.does("auditor", "GET", "/contingency/plans")}
    assert states == {first: (1, "replaced"), second: (2, "adopted")}
    old = table.send("coordinator", "POST", f"/contingency/plans/{first}/start", {})
    assert old.status_code == 409


def test_an_office_has_one_person_on_duty_at_a_time(table: Table) -> None:
    watch = {"office": "pharmacy", "account": "auditor", "starts_at": "2020-03-29T00:00:00Z"}
    table.does("coordinator", "POST", "/contingency/duty", watch | {"ends_at": "2020-04-03T00:00:00Z"})
    again = table.send("coordinator", "POST", "/contingency/duty", watch | {"ends_at": "2020-04-02T00:00:00Z"})
    assert (again.status_code, "kept from" in again.json()["detail"]) == (409, True)
    (now,) = table.does("auditor", "GET", "/contingency/duty?now=true")
    assert (now["office"], now["account"]) == ("pharmacy", "auditor")


def test_the_shared_register_tells_the_gravest_risk_first(table: Table) -> None:
    risk = {"title": "one supplier of vials", "owner": "purchasing", "response": "a second one", "impact": 4}
    risk |= {"review_by": "2020-06-01"}
    table.does("coordinator", "POST", "/contingency/risks", risk | {"likelihood": 2})
    grave = table.does("committee", "POST", "/contingency/risks", risk | {"likelihood": 5, "title": "flood at Genk"})
    rows = table.does("auditor", "GET", "/contingency/risks")
    assert [(one["title"], one["score"]) for one in rows] == [("flood at Genk", 20), ("one supplier of vials", 8)]
    table.does(
        "committee", "POST", "/contingency/risks", risk | {"likelihood": 1, "number": grave["id"], "closed": True}
    )
    assert [one["state"] for one in table.does("auditor", "GET", "/contingency/risks")] == ["open", "closed"]
    assert table.send("committee", "POST", "/contingency/risks", risk | {"likelihood": 6}).status_code == 422


def test_a_dispute_goes_up_its_ladder_with_its_clocks(table: Table) -> None:
    body = {"claimant": "NL-GM0935", "respondent": "BE-71016", "subject": "loan:1", "claim": "20 vials short"}
    made = table.does("committee", "POST", "/contingency/disputes", body)
    assert (made["stage"], made["due_at"][:10], made["opened_at"][:10]) == ("negotiation", "2020-04-09", "2020-03-30")
    path = f"/contingency/disputes/{made['id']}"
    assert table.does("committee", "POST", f"{path}/next", {"text": "no agreement"})["due_at"][:10] == "2020-04-19"
    assert table.does("committee", "POST", f"{path}/next", {"text": "nor now"})["due_at"] is None
    assert table.send("committee", "POST", f"{path}/next", {"text": "and now"}).status_code == 409
    settled = table.does("committee", "POST", f"{path}/settle", {"text": "ten vials each"})
    assert (settled["stage"], settled["missed"]) == ("settled", 0)
    assert table.send("committee", "POST", f"{path}/settle", {"text": "again"}).status_code == 409
    assert table.send("auditor", "POST", "/contingency/disputes", body).status_code == 403


def test_nobody_leaves_with_a_dispute_open(table: Table) -> None:
    body = {"claimant": "NL-GM0935", "respondent": "pool", "subject": "share of April", "claim": "too little"}
    table.does("committee", "POST", "/contingency/disputes", body)
    refused = table.send("committee", "POST", "/members/NL-GM0935/exit-statement")
    assert "dispute 1 is not settled" in refused.json()["detail"], refused.text


def test_after_a_surge_every_action_has_an_owner_and_a_day(table: Table) -> None:
    crisis = surge(table)
    body = {"surge": crisis, "office": "crisis coordination", "summary": "vials ran out on the third day"}
    early = table.send("coordinator", "POST", "/contingency/reviews/surge", body)
    assert (early.status_code, "not closed" in early.json()["detail"]) == (409, True)
    table.does("coordinator", "POST", f"/surges/{crisis}/close", {"reason": "over"})
    review = table.does("coordinator", "POST", "/contingency/reviews/surge", body)["id"]
    path = f"/contingency/reviews/{review}"
    assert table.send("committee", "POST", f"{path}/close", {"text": "done"}).status_code == 409
    action = {"what": "raise the floor of vials", "owner": "purchasing"}
    assert table.send("coordinator", "POST", f"{path}/actions", action).status_code == 422
    late = table.send("coordinator", "POST", f"{path}/actions", action | {"due": "2020-03-01"})
    assert late.status_code == 422
    made = table.does("coordinator", "POST", f"{path}/actions", action | {"due": "2020-06-01"})
    assert table.send("committee", "POST", f"{path}/close", {"text": "done"}).status_code == 409
    table.does("coordinator", "POST", f"/contingency/actions/{made['id']}/done", {"text": "raised by a tenth"})
    assert table.send("coordinator", "POST", f"{path}/close", {"text": "done"}).status_code == 409
    assert table.does("committee", "POST", f"{path}/close", {"text": "done"})["state"] == "closed"
    assert table.send("coordinator", "POST", "/contingency/reviews/surge", body).status_code == 409


def test_a_member_is_reviewed_by_another(table: Table) -> None:
    body = {"reviewer": "BE-71016", "member": "NL-GM0935", "summary": "counts are two months old"}
    assert table.does("BE", "POST", "/contingency/reviews/peer", body)["kind"] == "peer"
    same = table.send("BE", "POST", "/contingency/reviews/peer", body | {"member": "BE-71016"})
    assert same.status_code == 422
    assert table.send("NL", "POST", "/contingency/reviews/peer", body).status_code == 403


FINDING = {
    "title": "Counts of cold stores are late",
    "severity": "high",
    "criterion": "counts every 90 days",
    "evidence": ["count 4", "count 9"],
    "cause": "one counter is ill",
    "recommendation": "a second counter",
    "office": "logistics",
}


def test_a_finding_is_answered_agreed_verified_and_closed(table: Table) -> None:
    assert table.send("coordinator", "POST", "/findings", FINDING).status_code == 403
    number = table.does("auditor", "POST", "/findings", FINDING)["id"]

    def step(name: str, what: str, **more: Any) -> Any:
        return table.send(name, "POST", f"/findings/{number}/steps", {"step": what, "text": "as said", **more})

    assert step("auditor", "verify").status_code == 409
    assert step("auditor", "issue").json()["response_due"][:10] == "2020-04-29"
    assert step("auditor", "agree").status_code == 409
    assert step("coordinator", "answer").status_code == 422
    assert step("auditor", "answer", due="2020-05-01").status_code == 403
    assert step("coordinator", "answer", due="2020-05-01").json()["state"] == "management_response"
    assert step("auditor", "ask_again").json()["response_due"][:10] == "2020-04-29"
    assert step("auditor", "agree").status_code == 409, "who asks again waits for another answer"
    assert step("coordinator", "answer", due="2020-05-08").json()["action_due"] == "2020-05-08"
    said = table.does("auditor", "GET", f"/findings/{number}/thread")
    assert [one["step"] for one in said] == ["write", "issue", "answer", "ask_again", "answer"]
    assert [one["due"] for one in said if one["due"]] == ["2020-05-01", "2020-05-08"]
    states = [step(*one).json()["state"] for one in (("auditor", "agree"), ("coordinator", "begin"))]
    states += [step("auditor", one).json()["state"] for one in ("verify", "close")]
    assert states == ["agreed", "in_progress", "verified", "closed"]
    assert step("committee", "accept").status_code == 409
    (told,) = table.does("auditor", "GET", "/findings?state=closed")
    assert told["past_due"] is False


def test_a_risk_is_accepted_by_the_committee_alone(table: Table) -> None:
    seated(table)
    number = table.does("auditor", "POST", "/findings", FINDING)["id"]
    path = f"/findings/{number}/steps"
    table.does("auditor", "POST", path, {"step": "issue", "text": "please answer"})
    refused = table.send("committee", "POST", path, {"step": "accept", "text": "it is small"}).json()
    given = {name: refused["facts"][name] for name in ("operation", "subject", "payload")}
    made = table.does("coordinator", "POST", "/committee/proposals", given | {"title": "t", "evidence": ["finding 1"]})
    table.does("coordinator", "POST", f"/committee/proposals/{made['id']}/table")
    table.does("committee", "POST", f"/committee/proposals/{made['id']}/open")
    for seat in ("NL", "BE", "DE"):
        table.send(seat, "POST", f"/committee/proposals/{made['id']}/votes", {"choice": "for", "reason": "small"})
    body = {"step": "accept", "text": "it is small"}
    found = table.does("committee", "POST", path, body, Decision=str(made["id"]))
    assert (found["state"], found["decision_id"]) == ("risk_accepted", made["id"])


def test_a_plan_is_proposed_adopted_and_drilled_at_the_command_line(
    table: Table, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    monkeypatch.setenv("STOCKPILE_PASSWORD", PASSWORD)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(PLAN), encoding="utf-8")

    def typed(name: str, *words: str) -> Any:
        return CliRunner().invoke(app, ["contingency", "--account", name, *words])

    assert "state: proposed" in typed("coordinator", "propose", str(file)).stdout
    assert typed("coordinator", "adopt", "1", "--reason", "mine").exit_code == 1
    assert "state: adopted" in typed("committee", "adopt", "1", "--reason", "drilled in January").stdout
    ran = typed("coordinator", "drill", "1")
    assert ran.exit_code == 0, ran.output
    assert "kind: drill" in ran.stdout
    assert "depot-maastricht" in ran.stdout
    assert "done_at: 2020" in typed("coordinator", "done", "1", "1", "called").stdout
    assert "state: over" in typed("coordinator", "end", "1", "nights are short").stdout
    for command in ("plans", "runs", "duty", "risks", "disputes", "reviews", "findings"):
        assert typed("auditor", command).exit_code == 0, command
    assert typed("coordinator", "drill", "9").exit_code == 1
    assert "cannot be read as JSON" in typed("coordinator", "propose", str(tmp_path)).output
