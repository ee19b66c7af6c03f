"""A lot may be for certain countries or members, or for a donor's or contract's beneficiaries: others do not get it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance.queries import UnknownMember
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding, operations, recording, transfers
from stockpile.inventory.lots import operations as lots
from stockpile.inventory.lots import queries
from stockpile.inventory.operations import ReceiptLine, Use
from stockpile.inventory.restricting import Condition, ConditionsDiffer, RestrictedAlready
from tests.allocation.surge_room import ask, lines, planned, results, submitted, surge
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.stockroom import FRESH, ON_SQLITE, do, faults, lot_id, send_out, shelves, take_in

PAPER = "letter of the donor"


def restrict(engine: Engine, cast: Cast, lot: str, kind: str, value: str) -> int:
    """Restrict a batch as logistics; the restriction's number."""
    given = {"lot_id": lot_id(engine, lot), "kind": kind, "value": value, "reason": PAPER}
    return do(engine, lots.restrict, acting(cast["logistics"]), **given).id or 0


def admit(engine: Engine, cast: Cast, kind: str, value: str, member: str, *, admitted: bool = True) -> None:
    """Admit a member to a donor's or contract's goods."""
    given = {"kind": kind, "value": value, "member": member, "admitted": admitted, "reason": PAPER}
    do(engine, lots.admit, acting(cast["committee"]), **given)


def test_a_plan_gives_a_restricted_lot_only_to_those_it_is_for(region: Engine, cast: Cast) -> None:
    for batch in ("T-OLD", "T-NEW"):
        restrict(region, cast, batch, "country", "DE")
    number = surge(region, cast)
    submitted(region, cast, number, ask("NL-1", quantity=100), ask("DE-2", quantity=100))
    plan = planned(region, cast, number)
    got = results(region, plan)
    assert got["DE-2", "TAB"].got == got["DE-2", "TAB"].validated > 0
    assert (got["NL-1", "TAB"].got, got["NL-1", "TAB"].reason_code) == (0, "unreachable:restricted_country")
    assert "restricted to other countries" in got["NL-1", "TAB"].reason
    assert len(lines(region, plan)) > 0


def test_a_restriction_set_after_the_plan_makes_the_plan_stale(region: Engine, cast: Cast) -> None:
    from stockpile.allocation import approval

    number = surge(region, cast)
    submitted(region, cast, number, ask("NL-1", quantity=100))
    plan = planned(region, cast, number)
    restrict(region, cast, "T-OLD", "member", "BE-1")
    with pytest.raises(approval.StalePlan):
        do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)


def test_dispatch_refuses_a_lot_restricted_to_others_and_says_to_whom(region: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    sent = send_out(region, logistics, lot="T-NEW", quantity=30)
    restrict(region, cast, "T-NEW", "country", "BE")
    restrict(region, cast, "T-NEW", "country", "DE")
    with pytest.raises(transfers.NotFit, match=r"restricted to other countries \(it is for BE, DE\)"):
        do(region, transfers.dispatch, logistics, numbers=[sent.id])
    assert faults(region) == []


def test_what_is_restricted_to_others_is_not_issued_by_either_way(region: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    sent = send_out(region, logistics, lot="T-NEW", quantity=30)
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    do(region, transfers.receive, logistics, number=sent.id)
    use = [Use("NL-1", "TAB", 5)]
    assert do(region, operations.issue, logistics, site="H-NL", uses=use, key="a")[0][1] == 5
    restrict(region, cast, "T-NEW", "donor", "Red Cross")
    assert do(region, operations.issue, logistics, site="H-NL", uses=use, key="b", allow_partial=True)[0][1] == 0
    line = recording.Line(lot_id(region, "T-NEW"), 5, "NL-1")
    record = recording.Record(logistics, recording.ISSUE, "H-NL", [line], "c")
    with pytest.raises(recording.NotUsable, match=r"the lot's donor gave it for other members \(it is for Red Cross\)"):
        transact(region, lambda session: recording.record(session, record))
    admit(region, cast, "donor", "Red Cross", "NL-1")
    assert do(region, operations.issue, logistics, site="H-NL", uses=use, key="d")[0][1] == 5
    admit(region, cast, "donor", "Red Cross", "NL-1", admitted=False)
    assert do(region, operations.issue, logistics, site="H-NL", uses=use, key="e", allow_partial=True)[0][1] == 0


def test_a_restriction_is_lifted_by_the_committee_with_a_reason_and_once(region: Engine, cast: Cast) -> None:
    number = restrict(region, cast, "T-NEW", "member", "NL-1")
    given = {"number": number, "reason": "the donor agreed"}
    with pytest.raises(Missing):
        do(region, lots.lift, acting(cast["logistics2"]), **given)
    with pytest.raises(Invalid, match="needs a reason"):
        do(region, lots.lift, acting(cast["committee"]), number=number, reason=" ")
    assert do(region, lots.lift, acting(cast["committee"]), **given).lift_reason == "the donor agreed"
    with pytest.raises(lots.LiftedAlready):
        do(region, lots.lift, acting(cast["committee"]), **given)
    assert faults(region) == []


def test_nobody_lifts_a_restriction_they_set(region: Engine, cast: Cast) -> None:
    from stockpile.actor import Grant

    both = cast.engage("both", Grant("logistics"), Grant("committee"))
    given = {"lot_id": lot_id(region, "T-NEW"), "kind": "country", "value": "BE", "reason": PAPER}
    number = do(region, lots.restrict, acting(both), **given).id
    with pytest.raises(OwnWork):
        do(region, lots.lift, acting(both), number=number, reason="changed my mind")


@ON_SQLITE
def test_nonsense_is_refused_by_name(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid, match="no site lies in FR"):
        restrict(region, cast, "T-NEW", "country", "FR")
    with pytest.raises(UnknownMember):
        restrict(region, cast, "T-NEW", "member", "FR-1")
    with pytest.raises(Invalid, match="not colour"):
        restrict(region, cast, "T-NEW", "colour", "red")
    restrict(region, cast, "T-NEW", "country", "BE")
    with pytest.raises(RestrictedAlready):
        restrict(region, cast, "T-NEW", "country", "BE")
    with pytest.raises(lots.UnknownRestriction):
        do(region, lots.lift, acting(cast["committee"]), number=99, reason="none")


def test_a_delivery_brings_its_conditions_and_a_lot_in_stock_must_have_them(region: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    german = ReceiptLine("TAB", "GIFT", FRESH, 10, restrictions=(Condition("country", "DE"),))
    do(region, operations.receive, logistics, site="D-DE", lines=[german], key="1", reason=PAPER)
    do(region, operations.receive, logistics, site="D-DE", lines=[german], key="2", reason=PAPER)
    with reading(region) as session:
        (row,) = queries.restrictions(session, lot_id(region, "GIFT"))
    assert (row.kind, row.value, row.reason, row.since) == ("country", "DE", PAPER, NOW)
    take_in(region, logistics, lot="FREE", quantity=10)
    late = ReceiptLine("TAB", "FREE", FRESH, 10, restrictions=(Condition("country", "DE"),))
    with pytest.raises(ConditionsDiffer, match="line 1: lot FREE is in stock without the restriction to country DE"):
        do(region, operations.receive, logistics, site="D-DE", lines=[late], key="3", reason=PAPER)
    assert shelves(region, "FREE") == {("FREE", "D-DE", "pool", "available"): 10}
    assert faults(region) == []


def test_why_not_this_lot_names_every_shelf_and_its_obstacle(region: Engine, cast: Cast) -> None:
    take_in(region, acting(cast["logistics"]), lot="GIFT", quantity=10)
    restrict(region, cast, "GIFT", "member", "DE-1")
    given = {"lot_id": lot_id(region, "GIFT"), "place": "H-NL", "at": NOW}
    with reading(region) as session:
        (no,) = queries.fitness(session, member="NL-1", **given)
        (yes,) = queries.fitness(session, member="DE-1", **given)
        (late,) = queries.fitness(session, member="DE-1", need_by=NOW + timedelta(minutes=1), **given)
    assert (no.fit, no.reason, no.sentence) == (
        False,
        "restricted_member",
        "the lot is restricted to other members (it is for DE-1)",
    )
    assert (yes.fit, yes.reason, late.reason) == (True, "", "too_late")


FORGERIES = [
    ("UPDATE lot SET expiry = '2031-01-01' WHERE code = 'T-OLD'", "expiry is 2031-01-01, the journal says 2020-10-20"),
    ("UPDATE lot SET on_hold = false WHERE code = 'T-NEW'", "on hold is False, the journal says True"),
    ("UPDATE lot SET hold_reason = 'none' WHERE code = 'T-NEW'", "the journal says glass"),
    ("UPDATE lot SET code = 'T-NEWER' WHERE code = 'V-1'", "batch is T-NEWER, the journal says V-1"),
    ("UPDATE lot SET item_code = 'VIAL' WHERE code = 'P-1'", "item is VIAL, the journal says PUMP"),
    ("UPDATE lot SET recalled = true WHERE code = 'P-1'", "recalled is True, the journal says False"),
    ("DELETE FROM lot_restriction", "restricted to is [], the journal says [('country', 'BE')]"),
    ("UPDATE lot_restriction SET value = 'NL'", "the journal says [('country', 'BE')]"),
    ("DELETE FROM journal_entry WHERE action = 'lot.open' AND subject = 'lot:1'", "lot 1"),
    (
        "INSERT INTO lot (id, item_code, gtin, code, expiry, on_hold, hold_reason, recalled)"
        " VALUES (99, 'TAB', '', 'FORGED', '2030-01-01', false, '', false)",
        "lot 99 (TAB FORGED) has no journal entry",
    ),
]


def test_whoever_edits_a_lot_by_hand_is_found_out(region: Engine, cast: Cast) -> None:
    from datetime import date

    from sqlmodel import Session

    from stockpile.inventory import ledger
    from stockpile.inventory.quality import operations as quality

    given = {"lot_id": lot_id(region, "T-OLD"), "authority": "FAGG", "evidence": "letter 7"}
    do(region, quality.extend_expiry, acting(cast["pharmacist"]), new_expiry=date(2020, 10, 20), **given)
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="glass")
    restrict(region, cast, "V-1", "country", "BE")
    assert faults(region) == []
    for statement, words in FORGERIES:
        with Session(region) as session:
            unguard(session.connection())
            assert session.connection().execute(text(statement)).rowcount
            found = list(ledger.discrepancies(session))
            session.rollback()
        assert any(words in one for one in found), (statement, found)


def test_books_from_before_lots_were_journaled_are_taken_over_as_they_stand(region: Engine, cast: Cast) -> None:
    from alembic import command

    from stockpile import migrations

    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="glass")
    with region.connect() as connection:
        command.downgrade(migrations.configuration(connection), "0003")
    with region.begin() as connection:
        connection.execute(text("DELETE FROM journal_entry WHERE action LIKE 'lot.%'"))
    migrations.upgrade(region)
    assert faults(region) == []
    do(region, holding.release, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="whole")
    assert faults(region) == []


def test_cold_goods_are_not_sent_where_the_cold_store_is_out_of_service(region: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    sent = send_out(region, logistics, lot="V-1", quantity=3, destination="H-DE", member="DE-1")
    do(region, lots.set_cold_store, logistics, site="H-DE", cold_store=False, reason="compressor broken")
    with pytest.raises(transfers.NotFit, match="needs a cold store and the place has none"):
        do(region, transfers.dispatch, logistics, numbers=[sent.id])
    do(region, lots.set_cold_store, logistics, site="H-DE", cold_store=True, reason="mended")
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    assert faults(region) == []
