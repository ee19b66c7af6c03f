"""Equipment is moved by serials: at every shelf stand as many as the book says, and each can be found."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlmodel import Session

from stockpile.db import reading, transact
from stockpile.errors import Conflict
from stockpile.inventory import ledger, operations, recording, rules, serialised, transfers
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.counts.queries import differences
from stockpile.inventory.operations import ReceiptLine, Use
from stockpile.inventory.ownership import operations as ownership
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.recalls import operations as recalls
from stockpile.inventory.scanning import queries as scanning
from stockpile.inventory.serialised import NoSerials, SerialElsewhere, SerialsNeeded
from stockpile.inventory.transfers import Arrived, Part
from tests.conftest import Cast, acting
from tests.inventory.stockroom import FRESH, ON_SQLITE, account, do, faults, line_ids, lot_id
from tests.inventory.test_storeroom_care import DEADLINE
from tests.laws.parallel import kinds, overlapping

SERIALS = ("S1", "S2", "S3", "S4", "S5")


@pytest.fixture
def equipped(region: Engine, cast: Cast) -> Engine:
    """The region, whose pumps have serials; five of them have come to Aachen."""
    take_out = {"account": account(region, "P-1", "D-DE"), "change": -10, "key": "old pumps", "reason": "sold"}
    do(region, operations.adjust, acting(cast["logistics"]), **take_out)
    do(region, operations.set_serialised, acting(cast["logistics"]), item="PUMP", serialised_=True)
    receive(region, cast, *SERIALS)
    return region


def receive(engine: Engine, cast: Cast, *serials: str, key: str = "pumps", **more: Any) -> None:
    """Receive a batch of pumps with these serials."""
    line = ReceiptLine("PUMP", "P-2", FRESH, more.pop("quantity", len(serials)), serials=serials, **more)
    do(engine, operations.receive, acting(cast["logistics"]), site="D-DE", lines=[line], key=key)


def where(engine: Engine) -> dict[str, Any]:
    """Where each pump stands."""
    with reading(engine) as session:
        return {row.serial: serialised.place_of(row) for row in serialised.standing(session, item="PUMP")}


def arranged(engine: Engine, cast: Cast, *, quantity: int = 2, serials: tuple[str, ...] = ()) -> transfers.Transfer:
    """A transfer of pumps from Aachen to Vaals."""
    part = Part("D-DE", "H-NL", lot_id(engine, "P-2"), "NL-1", "request:1", quantity, serials=serials)
    return do(engine, transfers.arrange, acting(cast["committee"]), source="plan:p", parts=[part])[0]


DEPOT, WARD = ("D-DE", "pool", "available"), ("H-NL", "NL-1", "available")


def test_a_receipt_names_as_many_serials_as_came_and_which_are_damaged(equipped: Engine, cast: Cast) -> None:
    assert where(equipped) == dict.fromkeys(SERIALS, DEPOT)
    receive(equipped, cast, "S6", "S7", key="more", damaged=1, damaged_serials=("S7",))
    assert where(equipped)["S7"] == ("D-DE", "pool", "quarantine")
    for wrong in ({"quantity": 3}, {"quantity": 1}):
        with pytest.raises(SerialsNeeded, match=r"line 1: PUMP is moved by serials"):
            receive(equipped, cast, "S8", "S9", key="wrong", **wrong)
    with pytest.raises(SerialsNeeded, match="1 are needed, say which"):
        receive(equipped, cast, quantity=1, key="none")
    with pytest.raises(SerialsNeeded):
        receive(equipped, cast, "S8", "S8", key="twice")
    assert faults(equipped) == []


def test_a_serial_is_received_once(equipped: Engine, cast: Cast) -> None:
    with pytest.raises(SerialElsewhere, match=r"PUMP serial S1 is at D-DE \(available, pool\)"):
        receive(equipped, cast, "S8", "S1", key="again")
    assert "S8" not in where(equipped)
    assert faults(equipped) == []


def test_what_has_no_serials_is_moved_without(region: Engine, cast: Cast) -> None:
    line = ReceiptLine("TAB", "T-X", FRESH, 1, serials=("S1",))
    with pytest.raises(NoSerials):
        do(region, operations.receive, acting(cast["logistics"]), site="D-DE", lines=[line], key="k")


def test_named_pieces_travel_from_the_depot_to_the_ward_and_into_use(equipped: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    sent = arranged(equipped, cast, serials=("S4", "S2"))
    assert {s for s, place in where(equipped).items() if place == ("D-DE", "pool", "reserved")} == {"S2", "S4"}
    do(equipped, transfers.dispatch, logistics, numbers=[sent.id])
    do(equipped, transfers.receive, logistics, number=sent.id)
    assert {s for s, place in where(equipped).items() if place == WARD} == {"S2", "S4"}
    for wrong, refusal in ((("S1",), SerialElsewhere), ((), SerialsNeeded), (("S2", "S2"), SerialsNeeded)):
        use = Use("NL-1", "PUMP", max(1, len(wrong)), wrong)
        with pytest.raises(refusal):
            do(equipped, operations.issue, logistics, site="H-NL", uses=[use], key="use")
    use = Use("NL-1", "PUMP", 1, ("S4",))
    do(equipped, operations.issue, logistics, site="H-NL", uses=[use], key="use")
    assert where(equipped)["S4"] == "consumption"
    assert faults(equipped) == []


def test_a_plan_reserves_whichever_come_first_and_dispatch_sends_those(equipped: Engine, cast: Cast) -> None:
    sent = arranged(equipped, cast)
    do(equipped, transfers.dispatch, acting(cast["logistics"]), numbers=[sent.id])
    assert {s for s, place in where(equipped).items() if place == ("H-NL", "pool", "in_transit")} == {"S1", "S2"}
    assert faults(equipped) == []


def test_a_delivery_in_parts_says_which_pieces_came_and_which_are_missing(equipped: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    sent = arranged(equipped, cast, quantity=3)
    do(equipped, transfers.dispatch, logistics, numbers=[sent.id])
    (line,) = line_ids(equipped, sent)
    with pytest.raises(SerialsNeeded):
        do(equipped, transfers.receive, logistics, number=sent.id, arrived={line: Arrived(1, 1)})
    came = Arrived(1, 1, serials=("S3",), damaged_serials=("S1",))
    do(equipped, transfers.receive, logistics, number=sent.id, arrived={line: came})
    places = where(equipped)
    assert (places["S3"], places["S1"], places["S2"]) == (
        WARD,
        ("H-NL", "pool", "quarantine"),
        ("H-NL", "pool", "in_transit"),
    )
    settled = {"number": sent.id, "found": {line: 0}, "reason": "never arrived"}
    do(equipped, transfers.resolve, acting(cast["logistics2"]), **settled)
    assert where(equipped)["S2"] == "loss"
    assert faults(equipped) == []


def test_return_release_and_disposal_name_the_pieces(equipped: Engine, cast: Cast) -> None:
    logistics, pharmacist = acting(cast["logistics"]), acting(cast["pharmacist"])
    sent = arranged(equipped, cast)
    do(equipped, transfers.dispatch, logistics, numbers=[sent.id])
    do(equipped, transfers.receive, logistics, number=sent.id)
    mine = account(equipped, "P-2", "H-NL", owner="NL-1")
    back = {"account": mine, "to_depot": "D-DE", "quantity": 1, "key": "back", "reason": "broken"}
    with pytest.raises(SerialsNeeded):
        do(equipped, quality.take_back, logistics, **back)
    do(equipped, quality.take_back, logistics, serials=["S2"], **back)
    assert where(equipped)["S2"] == ("D-DE", "pool", "quarantine")
    there = account(equipped, "P-2", "D-DE")
    do(equipped, quality.take_back, logistics, serials=["S1"], **{**back, "key": "back 2"})
    given = {"account": there, "quantity": 1, "key": "ok", "reason": "mended"}
    do(equipped, quality.release, pharmacist, serials=["S1"], **given)
    assert where(equipped)["S1"] == DEPOT
    number = do(equipped, quality.propose_disposal, logistics, account=there, quantity=1, reason="broken").id
    do(equipped, quality.witness_disposal, pharmacist, number=number, certificate="scrapped", serials=["S2"])
    assert where(equipped)["S2"] == "loss"
    assert faults(equipped) == []


def test_a_recall_takes_every_piece_and_names_none(equipped: Engine, cast: Cast) -> None:
    arranged(equipped, cast)
    plain = {"reference": "R-1", "item": "PUMP", "recall_class": 1, "reason": "leaks", "deadline": DEADLINE}
    do(equipped, recalls.open_recall, acting(cast["pharmacist"]), lots=["P-2"], **plain)
    assert set(where(equipped).values()) == {("D-DE", "pool", "quarantine")}
    assert faults(equipped) == []


def test_found_and_lost_pieces_are_named(equipped: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])

    def adjust(change: int, *serials: str) -> None:
        line = recording.Line(lot_id(equipped, "P-2"), change, serials=serials)
        one = recording.Record(logistics, recording.ADJUST, "D-DE", [line], f"{change} {serials}", "recounted")
        transact(equipped, lambda session: recording.record(session, one))

    adjust(-1, "S5")
    assert where(equipped)["S5"] == "loss"
    adjust(1, "S5")
    adjust(1, "S9")
    assert where(equipped)["S5"] == where(equipped)["S9"] == DEPOT
    with pytest.raises(SerialsNeeded, match="say which"):
        adjust(-1)
    assert faults(equipped) == []


def counting(engine: Engine, cast: Cast) -> dict[str, Any]:
    """An open count of Aachen, and the line of its pumps."""
    number = do(engine, counts.open_count, acting(cast["logistics"]), site="D-DE", reason="monthly").id or 0
    return {"number": number, "lot_id": lot_id(engine, "P-2"), "owner": "pool", "status": "available"}


def test_a_count_names_the_pieces_and_those_missing_or_found_change_the_book_by_name(
    equipped: Engine, cast: Cast
) -> None:
    logistics, line = acting(cast["logistics"]), counting(equipped, cast)
    for wrong in ({"counted": 5}, {"counted": 2, "serials": ["S1"]}, {"counted": 2, "serials": ["S1", "S1"]}):
        with pytest.raises(SerialsNeeded, match="PUMP is counted by serials"):
            do(equipped, counts.enter, logistics, **line, **wrong)
    do(equipped, counts.enter, logistics, **line, counted=5, serials=["S9", "S1", "S2", "S3", "S4"])
    with reading(equipped) as session:
        (found,) = differences(session, line["number"])
    assert (found.counted, found.book, found.missing, found.extra) == (5, 5, ("S5",), ("S9",))
    done = do(equipped, counts.approve, acting(cast["committee"]), number=line["number"], reason="S5 is gone")
    assert len(done) == 1
    assert where(equipped) == dict.fromkeys(("S1", "S2", "S3", "S4", "S9"), DEPOT) | {"S5": "loss"}
    assert faults(equipped) == []


def test_a_counted_piece_that_the_book_has_elsewhere_is_not_taken_from_there(equipped: Engine, cast: Cast) -> None:
    logistics, line = acting(cast["logistics"]), counting(equipped, cast)
    sent = arranged(equipped, cast, serials=("S4", "S2"))
    do(equipped, counts.enter, logistics, **line, counted=4, serials=["S1", "S2", "S3", "S5"])
    with pytest.raises(SerialElsewhere, match=r"serial S2 is at D-DE \(reserved, pool\)"):
        do(equipped, counts.approve, acting(cast["committee"]), number=line["number"], reason="S2 is there")
    do(equipped, transfers.dispatch, logistics, numbers=[sent.id])
    do(equipped, counts.enter, logistics, **line, counted=3, serials=["S1", "S3", "S5"])
    assert do(equipped, counts.approve, acting(cast["committee"]), number=line["number"], reason="as it is") == []
    with pytest.raises(NoSerials):
        do(equipped, counts.enter, logistics, **counting(equipped, cast) | {"lot_id": 1}, counted=1, serials=["X"])
    assert faults(equipped) == []


def test_a_change_of_owner_names_the_pieces(equipped: Engine, cast: Cast) -> None:
    there = account(equipped, "P-2", "D-DE")
    given: dict[str, Any] = {"to_owner": "NL-1", "quantity": 1, "price_minor": 0, "reason": "given"}
    number = do(equipped, ownership.propose, acting(cast["logistics"]), account=there, **given).id
    do(equipped, ownership.confirm, acting(cast["committee"]), number=number, serials=["S3"])
    assert where(equipped)["S3"] == ("D-DE", "NL-1", "available")


def test_of_two_who_bring_in_or_move_the_same_piece_at_once_one_is_refused(equipped: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])

    def receives(site: str) -> Any:
        line = ReceiptLine("PUMP", f"P-{site}", FRESH, 1, serials=("S9",))
        return lambda session: operations.receive(session, act, site=site, lines=[line], key=f"at {site}")

    outcomes = overlapping(equipped, receives("D-DE"), receives("D-BE"))
    assert kinds(outcomes) in (["SerialTaken", "done"], ["SerialElsewhere", "done"])
    part = Part("D-DE", "H-NL", lot_id(equipped, "P-2"), "NL-1", "request:1", 1, serials=("S1",))

    def reserves(source: str) -> Any:
        return lambda session: transfers.arrange(session, act, source=source, parts=[part])

    assert kinds(overlapping(equipped, reserves("a"), reserves("b"))) == ["SerialElsewhere", "done"]
    assert faults(equipped) == []


@ON_SQLITE
def test_a_scan_of_a_serial_finds_the_piece_its_lot_and_its_place(equipped: Engine, cast: Cast) -> None:
    with reading(equipped) as session:
        act = acting(cast["logistics"])
        found = scanning.prefill(session, act, text="(01)09529999990037(21)S3", site="D-DE")
        new = scanning.prefill(session, act, text="(01)09529999990037(21)S99", site="D-DE")
    assert found.piece is not None
    assert (found.serial, found.line.lot, found.piece.site_code) == ("S3", "P-2", "D-DE")
    assert any("serial S3 is in the books at D-DE" in one.message for one in found.warnings)
    assert (new.piece, [one.code for one in new.warnings if "serial" in one.code]) == (None, ["new_serial"])


def test_whether_an_item_has_serials_is_settled_before_its_first_receipt(equipped: Engine, cast: Cast) -> None:
    for item, serials in (("TAB", True), ("PUMP", False)):
        with pytest.raises(Conflict, match="settled before the first receipt"):
            do(equipped, operations.set_serialised, acting(cast["logistics"]), item=item, serialised_=serials)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE serial SET site_code = 'D-BE' WHERE serial = 'S1'", "serial S1 of PUMP is not where"),
        ("UPDATE serial SET status = 'loss', site_code = NULL, owner = NULL WHERE serial = 'S1'", "4 serials stand"),
        ("UPDATE serial SET serial = 'S77' WHERE serial = 'S1'", "the journal knows serial S1"),
        ("DELETE FROM serial WHERE serial = 'S1'", "the journal knows serial S1"),
    ],
)
def test_whoever_edits_a_serial_by_hand_is_found_out(equipped: Engine, statement: str, words: str) -> None:
    with Session(equipped) as session:
        session.connection().execute(text(statement))
        found = list(ledger.discrepancies(session))
        session.rollback()
    assert any(words in one for one in found), found


SHELF = st.sampled_from(
    [
        ("D-DE", "pool", "available"),
        ("D-DE", "pool", "quarantine"),
        ("D-BE", "pool", "available"),
        ("H-NL", "NL-1", "available"),
        rules.SUPPLIER,
        rules.LOSS,
        rules.CONSUMPTION,
    ]
)
MOVE = st.tuples(SHELF, SHELF, st.integers(1, 3), st.sets(st.sampled_from(("A", "B", "C", "D")), max_size=3))


@ON_SQLITE
def test_serials_stay_in_step_with_the_ledger_whatever_is_posted(equipped: Engine, cast: Cast) -> None:
    number, keys, actor = lot_id(equipped, "P-2"), count(1), cast["logistics"]
    seen = {"done": 0, "refused": 0}

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(postings=st.lists(st.lists(MOVE, min_size=1, max_size=3), min_size=3, max_size=8))
    def law(postings: list[list[Any]]) -> None:
        with Session(equipped) as session:
            intents = [
                ledger.Intent(acting(actor), "law", f"law:{next(keys)}", moves)
                for posting in postings
                if (moves := [_move(number, *one) for one in posting if one[0] != one[1]])
            ]
            for answer in ledger.post_each(session, intents) if intents else ():
                seen["refused" if isinstance(answer, Conflict) else "done"] += 1
            assert list(ledger.discrepancies(session)) == []
            session.rollback()

    law()
    assert min(seen.values()) > 10, seen


def _move(number: int, source: Any, sink: Any, quantity: int, serials: set[str]) -> ledger.Move:
    ends = [end if isinstance(end, str) else ledger.Account(number, *end) for end in (source, sink)]
    named = tuple(sorted(serials))
    return ledger.Move(number, len(named) or quantity, *ends, "law", serialised.Which(named))
