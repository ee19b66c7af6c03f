"""An order from suggestion to closing; every step only in its state, by its people, and never one's own work."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.contracts import operations as orders
from stockpile.contracts import queries
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs import rules
from stockpile.contracts.calloffs.operations import Rejected, Wanted
from stockpile.contracts.invoices import operations as invoices
from stockpile.contracts.invoices import queries as bills
from stockpile.contracts.operations import OverDelivery, WrongState
from stockpile.contracts.rules import CALLOFF_STATES
from stockpile.contracts.tables import Contract
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import DUE, accepted, approved, came, drafted, invoiced, line_of, order
from tests.contracts.test_terms import amended, with_lot
from tests.inventory.stockroom import ON_SQLITE, do
from tests.reorder.buying import drafted as night


def remaining(engine: Engine) -> int:
    """What may still be ordered under UC-1."""
    with reading(engine) as session:
        return session.get_one(Contract, "UC-1").remaining_minor


def test_an_order_goes_all_the_way_from_suggestion_to_closing(region: Engine, cast: Cast) -> None:
    number = drafted(region, cast, suggest=True)
    seen = [order(region, number).state]
    seen.append(do(region, steps.adopt, acting(cast["buyer2"]), number=number).state)
    seen.append(do(region, orders.approve, acting(cast["buyer"]), number=number).state)
    buyer, supplier = acting(cast["buyer"]), acting(cast.engage("one", Grant("supplier", member="SUP-1")))
    seen.append(do(region, steps.send, buyer, number=number).state)
    seen.append(do(region, steps.acknowledge, supplier, number=number).state)
    seen.append(do(region, steps.confirm, supplier, number=number, comes_at=DUE).state)
    do(region, steps.ship, supplier, number=number, reference="ASN-1", shipped_at=NOW, pallets=["340123450000000018"])
    seen.append(order(region, number).state)
    came(region, cast, number, 150)
    seen.append(order(region, number).state)
    came(region, cast, number, 50)
    seen.append(order(region, number).state)
    seen.append(do(region, steps.accept, acting(cast["logistics"], DUE), number=number).state)
    bill = invoiced(region, cast, number)
    seen.append(order(region, number).state)
    do(region, invoices.approve, acting(cast["buyer2"], DUE), number=bill)
    do(region, invoices.pay, acting(cast["committee"], DUE), number=bill, amount_minor=10_000)
    seen.append(order(region, number).state)
    seen.append(do(region, invoices.close, acting(cast["buyer"], DUE), number=number).state)
    before_the_end = [one for one in CALLOFF_STATES if one not in ("rejected", "cancelled", "short_closed")]
    assert seen == before_the_end


def test_another_persons_order_is_rejected_with_a_reason_and_ones_own_is_cancelled(region: Engine, cast: Cast) -> None:
    number = drafted(region, cast)
    with pytest.raises(OwnWork):
        do(region, steps.reject, acting(cast["buyer"]), number=number, reason="changed my mind")
    with pytest.raises(Invalid, match="reason"):
        do(region, steps.reject, acting(cast["committee"]), number=number, reason=" ")
    turned_down = do(region, steps.reject, acting(cast["committee"]), number=number, reason="too dear")
    assert (turned_down.state, turned_down.ended_reason) == ("rejected", "too dear")
    with pytest.raises(WrongState, match="is rejected"):
        do(region, orders.approve, acting(cast["committee"]), number=number)
    second = drafted(region, cast, slot="two")
    assert do(region, steps.cancel, acting(cast["buyer"]), number=second, reason="mistyped").state == "cancelled"
    assert remaining(region) == 100_000_000


def test_an_approved_order_is_cancelled_until_something_came_and_frees_what_it_took(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    do(region, steps.send, acting(cast["buyer"]), number=number)
    assert remaining(region) == 100_000_000 - 10_000
    do(region, steps.cancel, acting(cast["buyer"]), number=number, reason="surge is over")
    assert (remaining(region), order(region, number).state) == (100_000_000, "cancelled")
    second = approved(region, cast, slot="two")
    came(region, cast, second, 10)
    with pytest.raises(WrongState, match="to cancel it must be"):
        do(region, steps.cancel, acting(cast["buyer"]), number=second, reason="too late")


def test_k1_what_a_delivery_brings_beyond_the_order_counts_against_the_lot_too(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, maximum=10_400)
    terms_of = {"contract": "UC-1", "item": "TAB", "tolerance_percent": 10, "whole_packs": True}
    do(region, orders.set_delivery_terms, acting(cast["buyer"]), **terms_of)
    number = approved(region, cast)
    given = {"line_number": line_of(region, number), "site": "D-BE", "item": "TAB"}
    booked = do(region, orders.receive_arrival, acting(cast["logistics"]), quantity=210, **given)
    assert (booked.ordered, booked.tolerated, booked.surplus) == (200, 0, 10)
    assert remaining(region) == 100_000_000 - 10_000


@ON_SQLITE
def test_what_will_not_come_is_closed_short_and_paid_only_for_what_came(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    came(region, cast, number, 150)
    assert (
        do(region, steps.close_short, acting(cast["buyer"]), number=number, reason="out of stock").state == "delivered"
    )
    assert remaining(region) == 100_000_000 - 7_500
    nothing = approved(region, cast, slot="two")
    assert (
        do(region, steps.close_short, acting(cast["buyer"]), number=nothing, reason="bankrupt").state == "short_closed"
    )
    assert remaining(region) == 100_000_000 - 7_500


@ON_SQLITE
@pytest.mark.parametrize("step", sorted(rules.FROM))
def test_every_step_is_refused_in_the_wrong_state_and_says_which_it_needs(
    region: Engine, cast: Cast, step: str
) -> None:
    number = approved(region, cast) if "approved" not in rules.FROM[step] else accepted(region, cast)
    given = {
        "reject": {"reason": "no"},
        "cancel": {"reason": "no"},
        "close_short": {"reason": "no"},
        "confirm": {"comes_at": DUE},
        "ship": {"reference": "A", "shipped_at": NOW},
    }.get(step, {})
    people = {"reject": "committee", "accept": "logistics"}
    with pytest.raises(WrongState) as refused:
        do(region, getattr(steps, step), acting(cast[people.get(step, "buyer")]), number=number, **given)
    assert refused.value.facts["states"] == list(rules.FROM[step])


@ON_SQLITE
def test_an_order_by_hand_keeps_minimum_multiple_calendar_and_names_the_clause(region: Engine, cast: Cast) -> None:
    with pytest.raises(steps.ClauseBroken, match=r"line 1, TAB: clause pack multiple: 21 packs"):
        drafted(region, cast, packs=21)
    with pytest.raises(steps.ClauseBroken, match=r"clause minimum order: 7500 is less than 10000"):
        drafted(region, cast, packs=15)
    amended(region, cast, order_weekdays="2345")
    with pytest.raises(steps.ClauseBroken, match="clause order calendar"):
        drafted(region, cast)
    assert NOW.isoweekday() == 1


@ON_SQLITE
def test_an_order_by_hand_names_a_site_a_slot_and_items_that_there_are(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid, match="no site NOWHERE"):
        drafted(region, cast, deliver_to="NOWHERE")
    drafted(region, cast)
    with pytest.raises(Conflict, match="slot one"):
        drafted(region, cast)
    given = {"contract": "UC-1", "slot": "x", "deliver_to": "D-BE", "wanted": [Wanted("PUMP", 5, "r")]}
    with pytest.raises(Invalid, match="line 1: contract UC-1 has no price"):
        do(region, steps.draft, acting(cast["buyer"]), **given)
    with pytest.raises(terms.queries.UnknownContract):
        do(region, steps.draft, acting(cast["buyer"]), **given | {"contract": "UC-9"})


def test_o3_the_nightly_run_is_idempotent_explains_each_line_and_leaves_orders_by_hand_alone(
    region: Engine, cast: Cast
) -> None:
    from stockpile.reorder import operations as reorder

    by_hand = drafted(region, cast)
    act = acting(cast["buyer"])
    first = do(region, reorder.propose, act, made=night(region, act), slot="2020-03-30")
    do(region, reorder.propose, act, made=night(region, act), slot="2020-03-31")
    assert order(region, by_hand).state == "proposed"
    assert {order(region, one.id or 0).state for one in first} == {"cancelled"}
    with reading(region) as session:
        assert all(line.reason for one in first for line in queries.lines(session, one.id or 0))


def test_o1_more_than_was_ordered_is_refused_by_name(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    with pytest.raises(OverDelivery, match="clause O1"):
        came(region, cast, number, 201)


def test_rejected_goods_are_not_paid_and_more_than_came_cannot_be_rejected(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    came(region, cast, number, 120)
    came(region, cast, number, 80, at=DUE + timedelta(days=1))
    line, act = line_of(region, number), acting(cast["logistics"], DUE)
    with pytest.raises(steps.NothingAccepted, match="200 came"):
        do(region, steps.accept, act, number=number, rejected=[Rejected(line, 201, "wet")])
    with pytest.raises(Invalid, match="row 1"):
        do(region, steps.accept, act, number=number, rejected=[Rejected(line + 99, 1, "wet")])
    do(region, steps.accept, act, number=number, rejected=[Rejected(line, 100, "wet")])
    with reading(region) as session:
        assert [row.rejected for row in queries.deliveries(session, number)] == [20, 80], "the latest first"
        assert bills.owed(session, queries.calloff(session, number)) == 5_000


def test_o2_a_payment_is_no_more_than_accepted_goods_at_the_orders_price(region: Engine, cast: Cast) -> None:
    number = accepted(region, cast)
    bill = invoiced(region, cast, number, amount=10_900)
    with pytest.raises(OwnWork):
        do(region, invoices.approve, acting(cast["buyer"], DUE), number=bill, reason="mine")
    with pytest.raises(Invalid, match="does not match: line"):
        do(region, invoices.approve, acting(cast["buyer2"], DUE), number=bill)
    assert do(region, invoices.approve, acting(cast["buyer2"], DUE), number=bill, reason="freight").state == "approved"
    with pytest.raises(invoices.MoreThanOwed, match="clause O2") as refused:
        do(region, invoices.pay, acting(cast["committee"], DUE), number=bill, amount_minor=10_001)
    assert refused.value.facts["owed_minor"] == 10_000
    do(region, invoices.pay, acting(cast["committee"], DUE), number=bill, amount_minor=10_000)
    with pytest.raises(invoices.InvoiceState):
        do(region, invoices.pay, acting(cast["committee"], DUE), number=bill, amount_minor=1)
    again = invoiced(region, cast, number, amount=10_001)
    do(region, invoices.approve, acting(cast["buyer2"], DUE), number=again, reason="they ask twice")
    do(region, invoices.approve, acting(cast["committee"], DUE), number=again, reason="they ask twice")
    with pytest.raises(invoices.MoreThanOwed):
        do(region, invoices.pay, acting(cast["committee"], DUE), number=again, amount_minor=1)


def test_o4_an_invoice_more_than_a_tenth_over_the_order_needs_a_second_person(region: Engine, cast: Cast) -> None:
    number = accepted(region, cast)
    bill = invoiced(region, cast, number, amount=11_001)
    half = do(region, invoices.approve, acting(cast["committee"], DUE), number=bill, reason="dearer")
    assert half.state == "half_approved"
    with pytest.raises(invoices.InvoiceState):
        do(region, invoices.pay, acting(cast["committee2"], DUE), number=bill, amount_minor=1)
    with pytest.raises(OwnWork, match="clause O4"):
        do(region, invoices.approve, acting(cast["committee"], DUE), number=bill, reason="dearer")
    assert do(region, invoices.approve, acting(cast["buyer2"], DUE), number=bill, reason="dearer").state == "approved"


@ON_SQLITE
def test_a_refused_invoice_frees_its_lines_for_the_right_one(region: Engine, cast: Cast) -> None:
    number = accepted(region, cast)
    wrong = invoiced(region, cast, number, amount=9_000)
    do(region, invoices.refuse, acting(cast["committee"], DUE), number=wrong, reason="wrong price")
    right = invoiced(region, cast, number)
    with reading(region) as session:
        assert bills.invoice(session, right).findings == ""
    more = invoiced(region, cast, number, quantity=1, amount=50)
    with reading(region) as session:
        assert "1 are invoiced, 0 were accepted" in bills.invoice(session, more).findings


def test_a_supplier_answers_its_own_orders_and_no_others(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    do(region, steps.send, acting(cast["buyer"]), number=number)
    rival = cast.engage("rival", Grant("supplier", member="SUP-2"))
    with pytest.raises(Missing):
        do(region, steps.acknowledge, acting(rival), number=number)
    own = cast.engage("own", Grant("supplier", member="SUP-1"))
    do(region, steps.acknowledge, acting(own), number=number)
    with pytest.raises(Invalid, match="lies ahead"):
        do(region, steps.confirm, acting(own), number=number, comes_at=NOW - timedelta(days=1))
    do(region, steps.confirm, acting(own), number=number, comes_at=DUE + timedelta(days=2))
    with reading(region) as session:
        assert queries.next_deliveries(session) == {"TAB": (DUE + timedelta(days=2), 200)}
        assert queries.calloff(session, number).expected_at == DUE, "what the contract says is not changed"
    do(region, steps.ship, acting(own), number=number, reference="A", shipped_at=NOW)
    with pytest.raises(Conflict, match="noted already"):
        do(region, steps.ship, acting(own), number=number, reference="A", shipped_at=NOW)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2020, 3, 30), date(2020, 3, 30), 0),
        (date(2020, 3, 30), date(2020, 3, 31), 1),
        (date(2020, 4, 3), date(2020, 4, 6), 1),
        (date(2020, 4, 3), date(2020, 4, 7), 2),
        (date(2020, 4, 4), date(2020, 4, 5), 0),
    ],
)
def test_business_days_are_those_from_monday_to_friday_after_the_first(start: date, end: date, days: int) -> None:
    assert rules.business_days(start, end, country="BE") == days
