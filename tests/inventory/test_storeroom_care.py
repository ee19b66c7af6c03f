"""Recalls, release, returns, disposal, temperature, counts and promises in the storeroom."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.db import reading
from stockpile.errors import Invalid, NotAllowed
from stockpile.governance.rules import OwnWork
from stockpile.inventory import rules, transfers
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.counts import queries as counted
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.quality.rules import Reading, excursions
from stockpile.inventory.recalls import operations as recalls
from stockpile.inventory.recalls import queries as traced
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import account, do, faults, lot_id, shelves

DEADLINE = NOW + timedelta(days=2)


def send(engine: Engine, cast: Cast, *, source: str, quantity: int, lot: str = "T-NEW") -> int:
    """An approved transfer of tablets from Aachen to Vaals; its number."""
    part = transfers.Part("D-DE", "H-NL", lot_id(engine, lot), "NL-1", "request:1", quantity)
    made = do(engine, transfers.arrange, acting(cast["committee"]), source=source, parts=[part])
    return made[0].id or 0


def recall(engine: Engine, cast: Cast, *lots: str) -> int:
    """A recall of batches of tablets; its number."""
    given = {"reference": "R-1", "item": "TAB", "recall_class": 1, "reason": "glass", "deadline": DEADLINE}
    return do(engine, recalls.open_recall, acting(cast["pharmacist"]), lots=list(lots), **given).id or 0


def test_a_recall_reaches_shelves_reservations_and_what_is_on_the_road(region: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    on_the_road, reserved = send(region, cast, source="a", quantity=30), send(region, cast, source="b", quantity=50)
    do(region, transfers.dispatch, logistics, numbers=[on_the_road])
    number = recall(region, cast, "T-NEW")
    assert shelves(region, "T-NEW") == {
        ("T-NEW", "D-BE", "pool", "quarantine"): 100,
        ("T-NEW", "D-DE", "pool", "quarantine"): 270,
        ("T-NEW", "H-NL", "pool", "in_transit"): 30,
    }
    with pytest.raises(transfers.NotFit, match="cancelled"):
        do(region, transfers.dispatch, logistics, numbers=[reserved])
    do(region, transfers.receive, logistics, number=on_the_road)
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "NL-1", "quarantine"] == 30
    with reading(region) as session:
        progress = traced.progress(session, number, at=NOW)
        trace = traced.trace(session, lot_id(region, "T-NEW"))
    assert (progress.received, progress.frozen, progress.recovered_permille) == (400, 400, 1000)
    assert [(one.member, one.quantity) for one in trace.deliveries] == [("NL-1", 30)]
    assert sum(one.quantity for one in trace.origins) == 400
    assert faults(region) == []


def test_a_recall_closes_once_every_member_that_got_some_has_answered(region: Engine, cast: Cast) -> None:
    sent = send(region, cast, source="a", quantity=30)
    do(region, transfers.dispatch, acting(cast["logistics"]), numbers=[sent])
    do(region, transfers.receive, acting(cast["logistics"]), number=sent)
    number = recall(region, cast, "T-NEW")
    pharmacist = acting(cast["pharmacist"])
    with pytest.raises(recalls.RecallState, match="NL-1"):
        do(region, recalls.close_recall, pharmacist, number=number, reason="done")
    elsewhere = acting(cast.engage("vaals", Grant("requester", member="NL-1")))
    with pytest.raises(NotAllowed):
        do(region, recalls.answer, elsewhere, number=number, member="BE-1", set_apart=0, note="")
    do(region, recalls.answer, elsewhere, number=number, member="NL-1", set_apart=4, note="in the ward")
    assert do(region, recalls.close_recall, pharmacist, number=number, reason="done").state == "closed"


def test_a_recall_of_a_batch_nobody_has_is_refused_and_changes_nothing(region: Engine, cast: Cast) -> None:
    before = shelves(region)
    with pytest.raises(Invalid, match="no lot X"):
        recall(region, cast, "T-NEW", "X")
    assert shelves(region) == before


def test_only_a_pharmacist_releases_from_quarantine_and_never_what_is_on_hold(region: Engine, cast: Cast) -> None:
    number = recall(region, cast, "T-OLD")
    assert number
    given = {"account": account(region, "T-OLD", "D-BE"), "quantity": 10, "key": "r", "reason": "checked"}
    with pytest.raises(NotAllowed):
        do(region, quality.release, acting(cast["logistics"]), **given)
    with pytest.raises(quality.OnHold):
        do(region, quality.release, acting(cast["pharmacist"]), **given)


def test_a_return_goes_to_quarantine_and_is_released_by_the_pharmacist(region: Engine, cast: Cast) -> None:
    sent = send(region, cast, source="a", quantity=30)
    logistics = acting(cast["logistics"])
    do(region, transfers.dispatch, logistics, numbers=[sent])
    do(region, transfers.receive, logistics, number=sent)
    mine = account(region, "T-NEW", "H-NL", owner="NL-1")
    given = {"to_depot": "D-DE", "quantity": 20, "key": "back", "reason": "not needed"}
    do(region, quality.take_back, logistics, account=mine, **given)
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "quarantine"] == 20
    there = account(region, "T-NEW", "D-DE")
    do(region, quality.release, acting(cast["pharmacist"]), account=there, quantity=20, key="ok", reason="intact")
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", rules.AVAILABLE] == 290


def test_a_disposal_needs_a_witness_who_did_not_propose_it_and_happens_once(region: Engine, cast: Cast) -> None:
    recall(region, cast, "T-OLD")
    proposer, witness = acting(cast["logistics"]), acting(cast["logistics2"])
    there = account(region, "T-OLD", "D-BE")
    number = do(region, quality.propose_disposal, proposer, account=there, quantity=200, reason="recalled").id or 0
    with pytest.raises(OwnWork):
        do(region, quality.witness_disposal, proposer, number=number, certificate="burnt")
    do(region, quality.witness_disposal, witness, number=number, certificate="burnt")
    assert shelves(region, "T-OLD") == {}
    with pytest.raises(quality.DisposalState):
        do(region, quality.witness_disposal, witness, number=number, certificate="burnt")


def test_an_extension_keeps_the_old_expiry_on_record(region: Engine, cast: Cast) -> None:
    given = {"lot_id": lot_id(region, "T-OLD"), "authority": "FAGG", "evidence": "letter 7"}
    made = do(region, quality.extend_expiry, acting(cast["pharmacist"]), new_expiry=date(2020, 10, 20), **given)
    assert (made.old_expiry, made.new_expiry) == (date(2020, 4, 20), date(2020, 10, 20))
    with pytest.raises(Invalid, match="already runs to"):
        do(region, quality.extend_expiry, acting(cast["pharmacist"]), new_expiry=date(2020, 5, 1), **given)


def test_a_warm_night_sets_the_cold_lots_of_that_site_apart_and_no_others(region: Engine, cast: Cast) -> None:
    readings = [Reading(NOW + timedelta(minutes=10 * n), 5_000 if n < 2 else 9_500) for n in range(8)]
    act = acting(cast["logistics"])
    found, frozen = do(region, quality.report_temperatures, act, site="D-BE", readings=readings, key="log")
    assert ([one.extreme_milli for one in found], frozen) == ([9_500], 20)
    assert shelves(region, "V-1") == {
        ("V-1", "D-BE", "pool", "quarantine"): 20,
        ("V-1", "D-DE", "pool", "available"): 30,
    }


def test_half_an_hour_outside_is_tolerated() -> None:
    at = [NOW + timedelta(minutes=minutes) for minutes in (0, 10, 40, 41)]
    inside, outside = 4_000, 1_500
    assert excursions([Reading(at[0], inside), Reading(at[1], outside), Reading(at[2], inside)]) == []
    assert len(excursions([Reading(at[0], inside), Reading(at[1], outside), Reading(at[3], inside)])) == 1


def test_a_count_is_blind_recounted_when_far_off_and_approved_by_another(region: Engine, cast: Cast) -> None:
    counter, other = acting(cast["logistics"]), acting(cast["committee"])
    number = do(region, counts.open_count, counter, site="D-DE", reason="monthly").id or 0
    with reading(region) as session:
        assert not hasattr(counted.to_count(session, number)[0], "book")
    line = {"number": number, "lot_id": lot_id(region, "T-NEW"), "owner": "pool", "status": "available"}
    do(region, counts.enter, counter, counted=250, **line)
    with pytest.raises(counts.CountState, match="recount"):
        do(region, counts.approve, other, number=number, reason="monthly")
    do(region, counts.enter, counter, counted=250, **line)
    with pytest.raises(OwnWork):
        do(region, counts.approve, counter, number=number, reason="monthly")
    assert len(do(region, counts.approve, other, number=number, reason="monthly")) == 1
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 250
    assert faults(region) == []


def test_what_moves_after_a_line_was_counted_is_no_difference(region: Engine, cast: Cast) -> None:
    counter = acting(cast["logistics"])
    number = do(region, counts.open_count, counter, site="D-DE", reason="monthly").id or 0
    line = {"number": number, "lot_id": lot_id(region, "T-NEW"), "owner": "pool", "status": "available"}
    do(region, counts.enter, counter, counted=299, **line)
    send(region, cast, source="a", quantity=50)
    do(region, counts.approve, acting(cast["committee"]), number=number, reason="one broken")
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 249


def test_a_promise_counts_what_is_usable_by_then_less_the_floor(region: Engine, cast: Cast) -> None:
    assert cast
    with reading(region) as session:
        now = outlook.promise(session, item="TAB", by=date(2020, 3, 30))
        later = outlook.promise(session, item="TAB", by=date(2020, 5, 1))
    assert (now.on_hand, now.expiring, now.floor, now.available) == (600, 0, 100, 500)
    assert (later.expiring, later.available) == (200, 300)
