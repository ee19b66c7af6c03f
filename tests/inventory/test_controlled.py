"""Controlled stock: two people, a running register, authorisations at borders, and losses that report themselves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from stockpile.actor import Grant
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import operations as stock
from stockpile.inventory import transfers
from stockpile.inventory.controlled import operations, queries
from stockpile.inventory.controlled.operations import Permit
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.guarding import NoAuthorisation, SecondPersonNeeded
from stockpile.inventory.ledger import NotEnough
from stockpile.inventory.proposals import operations as proposals
from stockpile.inventory.proposals.operations import ProposalState
from stockpile.inventory.proposals.steps import Arrive, CameBody, Dispatch, Floor, LineBody, Record
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.recording import ADJUST, Line
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, line_ids, lot_id, send_out, shelves

CONTROLLED = {"item": "TAB", "cold_chain": False, "controlled": True, "storage": "safe"}


@pytest.fixture
def safe(region: Engine, cast: Cast) -> Engine:
    """The small region, where tablets are a controlled item."""
    do(region, quality.verify_item, acting(cast["pharmacist"]), **CONTROLLED)
    return region


def adjusting(engine: Engine, change: int, lot: str = "T-NEW") -> Record:
    """A correction of a batch at Aachen."""
    lines = [LineBody(lot_id=lot_id(engine, lot), quantity=change)]
    return Record(kind="adjust", site="D-DE", lines=lines, reason="counted")


def by_two(engine: Engine, cast: Cast, step: Any, first: str = "logistics", second: str = "pharmacist") -> Any:
    """The step is proposed by one and confirmed by another; what came of it."""
    made = do(engine, proposals.propose, acting(cast[first]), step=step, reason="due")
    return do(engine, proposals.confirm, acting(cast[second]), number=made.id).outcome


def permit(engine: Engine, cast: Cast, *, quantity: int = 100, **more: Any) -> None:
    """Tablets may cross from Germany to the Netherlands."""
    given = {"number": "NL-7", "item": "TAB", "from_country": "DE", "to_country": "NL", "valid_from": date(2020, 3, 1)}
    one = Permit(**given | {"valid_to": date(2020, 4, 30), "quantity": quantity} | more)
    do(engine, operations.authorise, acting(cast["pharmacist"]), permit=one)


def register(engine: Engine, site: str) -> list[tuple[str, int, int, str, str | None]]:
    """The register of tablets at a site: kind, change, balance, and both names."""
    with reading(engine) as session:
        rows = queries.register(session, site=site, item="TAB")
        return [(row.kind, row.change, row.balance, row.person, row.second) for row in rows]


def test_nobody_moves_a_controlled_item_alone(safe: Engine, cast: Cast) -> None:
    act, before = acting(cast["logistics"]), shelves(safe)
    there = account(safe, "T-NEW", "D-DE")
    goods = [stock.ReceiptLine("TAB", "T-9", date(2021, 6, 30), 10)]
    with pytest.raises(SecondPersonNeeded, match="TAB is controlled: this receipt of lot T-9 needs a second person"):
        do(safe, stock.receive, act, site="D-DE", lines=goods, key="truck")
    with pytest.raises(SecondPersonNeeded):
        do(safe, stock.adjust, act, account=there, change=-1, key="count", reason="broken")
    van = send_out(safe, act, lot="T-NEW", quantity=10)
    with pytest.raises(SecondPersonNeeded, match="this dispatch"):
        do(safe, transfers.dispatch, act, numbers=[van.id])
    changed = {("T-NEW", "D-DE", "pool", "available"): 290, ("T-NEW", "D-DE", "pool", "reserved"): 10}
    assert shelves(safe) == before | changed
    assert faults(safe) == []


def test_other_items_are_moved_by_one_person_as_before(safe: Engine, cast: Cast) -> None:
    there = account(safe, "P-1", "D-DE")
    do(safe, stock.adjust, acting(cast["logistics"]), account=there, change=-1, key="count", reason="broken")
    assert shelves(safe, "P-1") == {("P-1", "D-DE", "pool", "available"): 9}


def test_one_proposes_another_confirms_and_both_names_stand_in_the_register(safe: Engine, cast: Cast) -> None:
    step = adjusting(safe, -4)
    made = do(safe, proposals.propose, acting(cast["logistics"]), step=step, reason="two broken strips")
    assert shelves(safe, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 300
    with pytest.raises(OwnWork):
        do(safe, proposals.confirm, acting(cast["logistics"]), number=made.id)
    with pytest.raises(Missing):
        do(safe, proposals.confirm, acting(cast["buyer"]), number=made.id)
    do(safe, proposals.confirm, acting(cast["pharmacist"]), number=made.id)
    with pytest.raises(ProposalState, match="confirmed already"):
        do(safe, proposals.confirm, acting(cast["logistics2"]), number=made.id)
    assert register(safe, "D-DE") == [
        ("receipt", 300, 300, "installation", None),
        ("adjustment", -4, 296, "logistics", "pharmacist"),
    ]
    assert faults(safe) == []


def test_what_cannot_be_is_refused_when_it_is_proposed_and_changes_nothing(safe: Engine, cast: Cast) -> None:
    with pytest.raises(NotEnough):
        do(safe, proposals.propose, acting(cast["logistics"]), step=adjusting(safe, -301), reason="all gone")
    with pytest.raises(Missing):
        do(safe, proposals.propose, acting(cast["requester"]), step=adjusting(safe, -1), reason="one gone")
    assert register(safe, "D-DE") == [("receipt", 300, 300, "installation", None)]


def test_a_confirmation_counts_only_where_the_second_person_may_act(safe: Engine, cast: Cast) -> None:
    made = do(safe, proposals.propose, acting(cast["logistics"]), step=adjusting(safe, -1), reason="broken")
    elsewhere = acting(cast.engage("storekeeper of Eupen", Grant("logistics", site="D-BE")))
    with pytest.raises(Missing):
        do(safe, proposals.confirm, elsewhere, number=made.id)


def test_a_declined_or_withdrawn_proposal_does_nothing(safe: Engine, cast: Cast) -> None:
    first, second = (
        do(safe, proposals.propose, acting(cast["logistics"]), step=adjusting(safe, -1), reason="broken")
        for _ in range(2)
    )
    pharmacist = acting(cast["pharmacist"])
    with pytest.raises(Invalid, match="reason"):
        do(safe, proposals.decline, pharmacist, number=first.id, reason=" ")
    assert do(safe, proposals.decline, pharmacist, number=first.id, reason="it is there").state == "declined"
    own = do(safe, proposals.decline, acting(cast["logistics"]), number=second.id, reason="found")
    assert own.state == "withdrawn"
    assert shelves(safe, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 300


def test_a_border_is_crossed_only_under_an_authorisation_that_covers_it(safe: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    vans = [send_out(safe, logistics, lot="T-NEW", quantity=60, source=f"plan:{n}") for n in (1, 2)]
    with pytest.raises(NoAuthorisation, match="60 of TAB, which is controlled, may not cross from DE to NL"):
        by_two(safe, cast, Dispatch(kind="dispatch", transfers=[vans[0].id or 0]))
    permit(safe, cast, quantity=100)
    by_two(safe, cast, Dispatch(kind="dispatch", transfers=[vans[0].id or 0]))
    with pytest.raises(NoAuthorisation) as refused:
        by_two(safe, cast, Dispatch(kind="dispatch", transfers=[vans[1].id or 0]))
    assert refused.value.facts == {"item": "TAB", "from_country": "DE", "to_country": "NL", "asked": 60, "left": 40}
    with reading(safe) as session:
        assert [one.remaining for one in queries.authorisations(session, item="TAB")] == [40]


@pytest.mark.parametrize(
    ("valid_from", "valid_to"), [(date(2020, 3, 31), date(2020, 4, 30)), (date(2020, 1, 1), date(2020, 3, 29))]
)
def test_an_authorisation_of_other_days_does_not_count(
    safe: Engine, cast: Cast, valid_from: date, valid_to: date
) -> None:
    permit(safe, cast, valid_from=valid_from, valid_to=valid_to)
    van = send_out(safe, acting(cast["logistics"]), lot="T-NEW", quantity=10)
    with pytest.raises(NoAuthorisation):
        by_two(safe, cast, Dispatch(kind="dispatch", transfers=[van.id or 0]))


def test_within_one_country_no_authorisation_is_asked(safe: Engine, cast: Cast) -> None:
    given = {"lot": "T-NEW", "quantity": 10, "destination": "H-DE", "member": "DE-1"}
    van = send_out(safe, acting(cast["logistics"]), **given)
    by_two(safe, cast, Dispatch(kind="dispatch", transfers=[van.id or 0]))
    by_two(safe, cast, Arrive(kind="arrive", transfer=van.id or 0))
    assert register(safe, "D-DE")[-1] == ("dispatch", -10, 290, "logistics", "pharmacist")
    assert register(safe, "H-DE") == [("delivery", 10, 10, "logistics", "pharmacist")]


def test_a_controlled_loss_is_reported_in_the_posting_that_says_so(safe: Engine, cast: Cast) -> None:
    by_two(safe, cast, adjusting(safe, -4))
    with reading(safe) as session:
        (loss,) = queries.losses(session)
    assert (loss.item_code, loss.site_code, loss.quantity, loss.state) == ("TAB", "D-DE", 4, "open")
    assert loss.due_at == NOW + timedelta(hours=24)
    assert "DE" in loss.authority
    pharmacist = acting(cast["pharmacist"])
    with pytest.raises(operations.LossState):
        do(safe, operations.close_loss, pharmacist, number=loss.id, outcome="found nothing")
    do(safe, operations.report_loss, pharmacist, number=loss.id, reference="BfArM 12")
    assert do(safe, operations.close_loss, pharmacist, number=loss.id, outcome="theft excluded").state == "closed"


def test_stock_that_is_found_is_no_loss(safe: Engine, cast: Cast) -> None:
    by_two(safe, cast, adjusting(safe, 4))
    with reading(safe) as session:
        assert queries.losses(session) == []


def test_a_count_that_finds_less_raises_the_loss_and_names_both_people(safe: Engine, cast: Cast) -> None:
    count = do(safe, counts.open_count, acting(cast["logistics"]), site="D-DE", reason="month's end")
    given = {"lot_id": lot_id(safe, "T-NEW"), "owner": "pool", "status": "available", "counted": 297}
    do(safe, counts.enter, acting(cast["logistics"]), number=count.id, **given)
    do(safe, counts.approve, acting(cast["logistics2"]), number=count.id, reason="counted twice")
    assert register(safe, "D-DE")[-1] == ("adjustment", -3, 297, "logistics2", "logistics")
    with reading(safe) as session:
        assert [(loss.quantity, loss.cause) for loss in queries.losses(session)] == [(3, "adjustment")]


def test_what_is_missing_on_arrival_raises_one_report_even_when_it_is_written_off_later(
    safe: Engine, cast: Cast
) -> None:
    permit(safe, cast)
    van = send_out(safe, acting(cast["logistics"]), lot="T-NEW", quantity=50)
    by_two(safe, cast, Dispatch(kind="dispatch", transfers=[van.id or 0]))
    (line,) = line_ids(safe, van)
    by_two(safe, cast, Arrive(kind="arrive", transfer=van.id or 0, lines=[CameBody(line=line, received=45)]))
    with reading(safe) as session:
        assert [(one.quantity, one.cause, one.site_code) for one in queries.losses(session)] == [
            (5, "missing_on_arrival", "H-NL")
        ]
    given = {"number": van.id, "found": {line: 0}, "reason": "van was opened"}
    do(safe, transfers.resolve, acting(cast["logistics2"]), **given)
    with reading(safe) as session:
        assert len(queries.losses(session)) == 1
    assert register(safe, "H-NL") == [("delivery", 45, 45, "logistics", "pharmacist")]


def test_a_witnessed_disposal_has_two_names_and_is_no_loss(safe: Engine, cast: Cast) -> None:
    do(
        safe,
        stock.adjust,
        acting(cast["logistics"]),
        account=account(safe, "P-1", "D-DE"),
        change=-1,
        key="x",
        reason="x",
    )
    lot = account(safe, "T-NEW", "D-DE")
    apart = stock.recording.Record(
        acting(cast["logistics"]), stock.recording.SET_ASIDE, "D-DE", [Line(lot.lot_id, 20)], "apart", "torn"
    )
    transact(safe, lambda session: stock.recording.record(session, apart))
    made = do(safe, quality.propose_disposal, acting(cast["logistics"]), account=lot, quantity=20, reason="torn")
    do(safe, quality.witness_disposal, acting(cast["pharmacist"]), number=made.id, certificate="C-1")
    assert register(safe, "D-DE")[-1] == ("disposal", -20, 280, "pharmacist", "logistics")
    with reading(safe) as session:
        assert queries.losses(session) == []


def test_a_register_is_kept_of_controlled_items_only(safe: Engine, cast: Cast) -> None:
    with reading(safe) as session, pytest.raises(queries.NotControlled):
        queries.register(session, site="D-DE", item="PUMP")


def test_a_second_name_that_is_changed_afterwards_is_found_by_the_proof(safe: Engine, cast: Cast) -> None:
    by_two(safe, cast, adjusting(safe, -4))
    assert faults(safe) == []
    with safe.begin() as connection:
        unguard(connection)
        connection.execute(text("UPDATE posting SET second_id = 0 WHERE second_id IS NOT NULL"))
    assert any("who posted it" in fault for fault in faults(safe))


def test_one_person_adjusts_up_to_the_limit_of_value_and_two_beyond_it(region: Engine, cast: Cast) -> None:
    """A pack of ten tablets costs 500 minor units at the most, so 200 tablets are worth 10,000."""
    given = {"kind": "adjustment", "value_minor": 10_000, "packs": 5}
    with pytest.raises(Missing):
        do(region, operations.set_limit, acting(cast["logistics"]), **given)
    do(region, operations.set_limit, acting(cast["committee"]), **given)
    act, shelf = acting(cast["logistics"]), account(region, "T-NEW", "D-DE")
    do(region, stock.adjust, act, account=shelf, change=-200, key="a", reason="water damage")
    with pytest.raises(SecondPersonNeeded, match="worth more than 10000 minor units"):
        do(region, stock.adjust, act, account=shelf, change=201, key="b", reason="found them")
    assert by_two(region, cast, adjusting(region, 201), second="committee")["posting"]
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 301


def test_one_person_changes_a_floor_up_to_the_limit_of_value_and_two_beyond_it(region: Engine, cast: Cast) -> None:
    given = {"kind": "floor", "value_minor": 10_000, "packs": 5}
    do(region, operations.set_limit, acting(cast["committee"]), **given)
    floor = {"item": "TAB", "effective_from": date(2020, 4, 1)}
    do(region, stock.set_floor, acting(cast["committee"]), quantity=300, **floor)
    with pytest.raises(SecondPersonNeeded, match="the floor of TAB"):
        do(region, stock.set_floor, acting(cast["committee"]), quantity=99, **floor)
    step = Floor.model_validate({"kind": "floor", "item": "TAB", "effective_from": "2020-04-01", "quantity": 99})
    by_two(region, cast, step, "committee", "committee2")
    with reading(region) as session:
        assert stock.queries.floors(session, date(2020, 4, 1)) == {"TAB": 99}


@ON_SQLITE
def test_a_scan_speed_adjustment_over_the_limit_is_refused_and_its_neighbours_are_not(
    region: Engine, cast: Cast
) -> None:
    given = {"kind": "adjustment", "value_minor": 10_000, "packs": 5}
    do(region, operations.set_limit, acting(cast["committee"]), **given)
    act, lot = acting(cast["logistics"]), lot_id(region, "T-NEW")
    records = [
        stock.recording.Record(act, ADJUST, "D-DE", [Line(lot, change)], f"k{change}", "counted")
        for change in (-1, -250, -2)
    ]
    outcomes = transact(region, lambda session: stock.recording.record_each(session, records))
    assert [type(one).__name__ for one in outcomes] == ["int", "SecondPersonNeeded", "int"]
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 297


@ON_SQLITE
def test_over_http_the_refusal_says_what_to_do_and_the_proposal_does_it(safe: Engine, cast: Cast) -> None:
    desk, lot = Desk(safe, cast), lot_id(safe, "T-NEW")
    body = {"kind": "adjust", "site": "D-DE", "lines": [{"lot_id": lot, "quantity": -2}], "reason": "broken"}
    refused = desk.post("logistics", "/movements", body)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stockpile:problem:second_person_needed")
    assert "POST /api/v1/proposals" in refused.json()["detail"]
    made = desk.post("logistics", "/proposals", {"step": body, "reason": "broken strip"}, key="p1")
    assert made.status_code == 202, made.text
    number = made.json()["id"]
    assert desk.post("logistics", f"/proposals/{number}/confirm").status_code == 409
    done = desk.post("pharmacist", f"/proposals/{number}/confirm")
    assert (done.status_code, done.json()["state"]) == (200, "confirmed")
    rows = desk.get("auditor", "/controlled/register?site=D-DE&item=TAB")["rows"]
    assert [(row["change"], row["balance"], row["person"], row["second"]) for row in rows] == [
        (300, 300, "installation", None),
        (-2, 298, "logistics", "pharmacist"),
    ]
    assert [loss["overdue"] for loss in desk.get("auditor", "/controlled/losses")] == [False]
    bad = {"step": {"kind": "sing", "site": "D-DE"}, "reason": "x"}
    assert desk.post("logistics", "/proposals", bad).status_code == 422
    second = desk.get("auditor", "/controlled/register?site=D-DE&item=TAB&limit=1")
    assert second["next"] == rows[0]["movement"]
