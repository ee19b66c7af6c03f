"""What is bought together and from whom: small suppliers, purchases outside, and how much of it is openly told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from typer.testing import CliRunner

from stockpile.cli import app
from stockpile.contracts import operations as contracts
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.tables import CallOff, Supplier
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance.rules import Missing
from stockpile.transparency.kpis import operations
from stockpile.transparency.kpis.operations import Outside
from stockpile.transparency.kpis.rules import UNKNOWN_OUTSIDE, UNKNOWN_SIZE
from stockpile.transparency.ocds import releases
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.transparency.test_enduring_figures import figure, stored

TODAY = date(2020, 3, 30)
MARCH = (date(2020, 3, 1), date(2020, 3, 28))
PASSWORD = "pass-word-1"


def sized(engine: Engine, **sizes: str | None) -> None:
    """Suppliers of these sizes, by code with an underscore."""

    def work(session: Session) -> None:
        for code, size in sizes.items():
            row = session.get_one(Supplier, code.replace("_", "-"))
            row.size = size
            session.add(row)

    transact(engine, work)


def test_the_share_of_small_suppliers_counts_those_of_unknown_size_apart(region: Engine) -> None:
    unknown = figure(region, "sme_share", TODAY, TODAY)
    assert (unknown["value"], unknown["note"]) == (None, UNKNOWN_SIZE)
    sized(region, SUP_1="medium")
    found = figure(region, "sme_share", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 1, 100.0)
    assert found["rows"] == [
        {"contract": "UC-1", "supplier": "SUP-1", "size": "medium"},
        {"contract": "UC-2", "supplier": "SUP-2", "size": "unknown"},
    ]
    sized(region, SUP_2="large")
    assert figure(region, "sme_share", TODAY, TODAY)["value"] == 50.0
    later = figure(region, "sme_share", date(2030, 1, 1), date(2030, 1, 2))
    assert (later["rows"], later["note"]) == ([], ""), "no contract runs then: that says nothing of any size"
    without = figure(region, "sme_bid_share", TODAY, TODAY)
    assert (without["value"], without["note"]) == (None, ""), "nobody has bid yet"


def ordered(engine: Engine, cast: Cast, *orders: tuple[str | None, int, str]) -> None:
    """Orders by a member or the pool, with their cost and state, approved on the tenth of March."""
    at = NOW - timedelta(days=20)
    for number, (member, cost, state) in enumerate(orders):
        row = {"contract_code": "UC-1", "slot": f"s{number}", "state": state, "deliver_to": "D-BE"}
        by = {"proposed_by": cast["buyer"].id, "proposed_at": at, "approved_at": at}
        stored(engine, CallOff(**row, **by, cost_minor=cost, member_code=member))


def noted(engine: Engine, cast: Cast, *notes: Outside) -> Any:
    """These notes, by a buyer."""
    return do(engine, operations.note_outside, acting(cast["buyer"]), notes=list(notes))


def test_without_a_word_of_what_is_bought_outside_the_joint_share_is_unknown(region: Engine, cast: Cast) -> None:
    ordered(region, cast, (None, 1000, "approved"))
    found = figure(region, "joint_share", *MARCH)
    assert (found["value"], found["note"], found["rows"]) == (None, UNKNOWN_OUTSIDE, [])


def test_the_joint_share_is_of_the_members_that_told_and_of_the_days_they_told_of(region: Engine, cast: Cast) -> None:
    """Of what the pool orders for 296 thousand people, the 4 thousand of Aubel have their part; what is off is off."""
    ordered(
        region, cast, ("BE-1", 500, "approved"), (None, 29_600, "approved"), ("DE-1", 7, "sent"),
        ("BE-1", 9999, "cancelled"),
    )  # fmt: skip
    noted(region, cast, Outside("BE-1", *MARCH, 1000, "ledger, page 3"))
    noted(region, cast, Outside("BE-1", *MARCH, 100, "ledger, page 4"))
    found = figure(region, "joint_share", *MARCH)
    assert (found["numerator"], found["denominator"], found["value"]) == (900, 1000, 90.0)
    days = {"starts": "2020-03-01", "ends": "2020-03-28"}
    assert found["rows"] == [{"municipality": "BE-1", **days, "joint_minor": 900, "outside_minor": 100}]
    assert figure(region, "joint_share", MARCH[0], MARCH[0])["note"] == UNKNOWN_OUTSIDE


WRONG = [
    (Outside("BE-1", TODAY, TODAY, 1, "x"), "the days are over"),
    (Outside("BE-1", MARCH[1], MARCH[0], 1, "x"), "the days are over"),
    (Outside("BE-1", *MARCH, -1, "x"), "from nothing on"),
    (Outside("BE-1", *MARCH, 1, " "), "where it is written"),
    (Outside("XX-9", *MARCH, 1, "x"), "XX-9"),
    (Outside("BE-1", date(2020, 2, 1), date(2020, 3, 1), 1, "x"), "BE-1 told of 2020-03-01 to 2020-03-28"),
]


@pytest.mark.parametrize(("note", "told"), WRONG)
def test_a_note_that_makes_no_sense_is_refused_with_all_others(
    region: Engine, cast: Cast, note: Outside, told: str
) -> None:
    if "told of" in told:
        noted(region, cast, Outside("BE-1", *MARCH, 5, "x"))
    with pytest.raises(Refusal, match=told):
        noted(region, cast, Outside("DE-1", *MARCH, 5, "x"), note)
    with pytest.raises(Missing):
        do(region, operations.note_outside, acting(cast["logistics"]), notes=[Outside("BE-1", *MARCH, 5, "x")])
    assert "DE-1" not in json.dumps(figure(region, "joint_share", *MARCH)["rows"])


@ON_SQLITE
def test_purchases_outside_come_by_file(region: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = Cast(region, password=PASSWORD)["buyer"].name
    address = region.url.render_as_string(hide_password=False)
    for name, value in (("DATABASE_URL", address), ("HOME", str(tmp_path)), ("ACCOUNT", buyer), ("PASSWORD", PASSWORD)):
        monkeypatch.setenv(f"STOCKPILE_{name}", value)
    file = tmp_path / "outside.csv"

    def typed(text: str, *, code: int = 0) -> str:
        file.write_text(text, encoding="utf-8")
        ran = CliRunner().invoke(app, ["figures", "note-outside", str(file)])
        assert ran.exit_code == code, ran.output
        return ran.output

    head = "member,starts,ends,value_minor,source\n"
    assert "noted: 2" in typed(f"{head}BE-1,2020-03-01,2020-03-28,0,none\nDE-1,2020-03-01,2020-03-28,700,page 1\n")
    assert "the header is member,starts" in typed("member;starts\nBE-1;1\n", code=1)
    assert "row 1, value_minor" in typed(f"{head}BE-1,2020-03-01,2020-03-28,1.5,none\n", code=1)
    assert "BE-1" in CliRunner().invoke(app, ["figures", "outside"]).output


def approved(engine: Engine, cast: Cast, slot: str) -> int:
    """The number of an order that was approved."""
    line = contracts.LineDraft("TAB", packs=20, pack_size=10, pack_price_minor=500, reason="empty")
    given = {"contract": "UC-1", "slot": slot, "deliver_to": "D-DE", "lines": [line]}
    made = do(engine, contracts.propose, acting(cast["buyer"]), **given)
    do(engine, contracts.approve, acting(cast["committee"]), number=made.id)
    return int(made.id)


def tags(engine: Engine, ocid: str, *, years: int = 0) -> list[tuple[str, str]]:
    """The releases of a process: the last tag and the state of the contract."""
    with reading(engine) as session:
        package = releases.release_package(session, at=NOW + timedelta(days=3 + 366 * years), ocid=ocid)
    return [(one["tag"][-1], one["contracts"][0]["status"]) for one in package["releases"]]


def test_the_end_of_an_order_is_told_however_it_ends(region: Engine, cast: Cast) -> None:
    cancelled, paid = approved(region, cast, "a"), approved(region, cast, "b")
    do(region, steps.cancel, acting(cast["buyer"], after_hours=1), number=cancelled, reason="not needed")
    assert tags(region, releases.order_ocid(cancelled)) == [
        ("contract", "active"), ("contractTermination", "cancelled")
    ]  # fmt: skip

    def settled(session: Session) -> None:
        row = session.get_one(CallOff, paid)
        row.state, row.ended_at = "closed", NOW + timedelta(hours=2)
        session.add(row)

    assert tags(region, releases.order_ocid(paid)) == [("contract", "active")]
    transact(region, settled)
    assert tags(region, releases.order_ocid(paid))[-1] == ("contractTermination", "terminated")


def test_what_is_changed_after_the_end_of_a_contract_does_not_make_it_run_again(region: Engine, cast: Cast) -> None:
    late = acting(cast["committee"], after_hours=24 * 366 * 3.6)
    change = {"contract": "UC-1", "to": "closed", "reason": "the run-off is over"}
    do(region, terms.step, late, **change)
    found = tags(region, releases.framework_ocid("UC-1"), years=5)
    assert found == [
        ("contract", "active"), ("contractTermination", "terminated"), ("contractAmendment", "terminated")
    ]  # fmt: skip


def test_open_contracting_is_covered_by_the_fields_that_releases_carry(region: Engine, cast: Cast) -> None:
    number = approved(region, cast, "a")
    given = {"contract": "UC-1", "item": "TAB", "tolerance_percent": 5, "whole_packs": True}
    do(region, contracts.set_delivery_terms, acting(cast["buyer"], after_hours=1), **given)
    found = figure(region, "ocds_coverage", TODAY, TODAY + timedelta(days=3))
    rows = {(row["kind"], row["process"]): (row["told"], row["of"], row["lacking"]) for row in found["rows"]}
    missing = "contracts.dateSigned, contracts.documents.documentType"
    assert rows == {
        ("contract", releases.framework_ocid("UC-1")): (6, 8, missing),
        ("contract", releases.framework_ocid("UC-2")): (6, 8, missing),
        ("amendment", releases.framework_ocid("UC-1")): (4, 4, ""),
        ("order", releases.order_ocid(number)): (9, 9, ""),
    }
    assert (found["numerator"], found["denominator"]) == (25, 29)


def test_what_no_release_tells_of_lacks_all_its_fields(
    region: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(region, cast, "a")
    monkeypatch.setattr(releases, "_order", lambda *_: [])
    found = figure(region, "ocds_coverage", TODAY, TODAY + timedelta(days=3))
    [order] = [row for row in found["rows"] if row["kind"] == "order"]
    assert (order["told"], order["of"]) == (0, 9)


def test_a_size_that_is_none_of_the_four_is_refused_by_the_database(region: Engine) -> None:
    with pytest.raises(IntegrityError, match="size"):
        sized(region, SUP_1="huge")
