"""An order that waits is changed: another stands in its place, with the reason, and another person approves it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.contracts import operations as orders
from stockpile.contracts import queries
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs.operations import ClauseBroken, Wanted
from stockpile.contracts.operations import LineDraft, Manner, WrongState
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import Cast, acting
from tests.contracts.buying import approved, drafted, order
from tests.inventory.stockroom import ON_SQLITE, do

WHY = "the ward closed"


def changed(engine: Engine, cast: Cast, number: int, packs: dict[str, int], *, by: str = "buyer2") -> int:
    """The number of the order that now stands instead."""
    return do(engine, steps.change, acting(cast[by]), number=number, packs=packs, reason=WHY).id or 0


def test_another_size_stands_in_the_place_of_what_was_proposed(region: Engine, cast: Cast) -> None:
    number = drafted(region, cast, packs=20)
    new = changed(region, cast, number, {"TAB": 30})
    with reading(region) as session:
        [line] = queries.lines(session, new)
    assert (line.packs, line.quantity) == (30, 300)
    assert line.reason == "the ward closed; 20 packs were proposed: the shelf is empty"
    before, after = order(region, number), order(region, new)
    assert (before.state, before.ended_reason) == ("rejected", WHY)
    assert (after.state, after.proposed_by, after.deliver_to) == ("proposed", cast["buyer2"].id, "D-BE")
    with pytest.raises(OwnWork):
        do(region, orders.approve, acting(cast["buyer2"]), number=new)
    do(region, orders.approve, acting(cast["committee"]), number=new)


@ON_SQLITE
def test_who_proposed_it_may_change_it_too(region: Engine, cast: Cast) -> None:
    number = drafted(region, cast)
    changed(region, cast, number, {"TAB": 40}, by="buyer")
    assert order(region, number).state == "cancelled"


@ON_SQLITE
def test_what_breaks_the_contract_changes_nothing(region: Engine, cast: Cast) -> None:
    number = drafted(region, cast)
    for packs, fault in (({"TAB": 1}, ClauseBroken), ({"NONE": 5}, Invalid), ({"TAB": 0}, Invalid)):
        with pytest.raises(fault):
            changed(region, cast, number, packs)
    with pytest.raises(Invalid, match="only with a reason"):
        do(region, steps.change, acting(cast["buyer2"]), number=number, packs={"TAB": 30}, reason=" ")
    with pytest.raises(Missing):
        changed(region, cast, number, {"TAB": 30}, by="logistics")
    assert order(region, number).state == "proposed"


@ON_SQLITE
def test_an_order_that_stands_or_was_made_by_option_is_not_changed(region: Engine, cast: Cast) -> None:
    with pytest.raises(WrongState):
        changed(region, cast, approved(region, cast), {"TAB": 30})

    def by_option(session: Session) -> int:
        lines = [LineDraft("TAB", 20, 10, 500, "quick")]
        given = {"contract": "UC-1", "slot": "two", "deliver_to": "D-BE", "lines": lines}
        return orders.propose(session, acting(cast["buyer"]), manner=Manner(kind="option"), **given).id or 0

    with pytest.raises(Conflict, match="kind option"):
        changed(region, cast, do(region, lambda session, act: by_option(session), acting(cast["buyer"])), {"TAB": 30})


@ON_SQLITE
def test_a_buyer_of_one_member_orders_changes_and_cancels_for_that_member_and_for_no_other(
    region: Engine, cast: Cast
) -> None:
    own = acting(cast.engage("buyer of Eupen", Grant("buyer", member="BE-1")))
    given = {"contract": "UC-1", "deliver_to": "D-BE", "wanted": [Wanted("TAB", 20, "the shelf is empty")]}
    made = do(region, steps.draft, own, **given, slot="own", member="BE-1")
    assert (made.member_code, made.state) == ("BE-1", "proposed")
    new = do(region, steps.change, own, number=made.id or 0, packs={"TAB": 30}, reason=WHY)
    assert do(region, steps.cancel, own, number=new.id or 0, reason=WHY).state == "cancelled"
    for member in (None, "BE-2"):
        with pytest.raises(Missing):
            do(region, steps.draft, own, **given, slot="other", member=member)
    of_all = drafted(region, cast, slot="of all")
    for step, more in ((steps.change, {"packs": {"TAB": 30}}), (steps.cancel, {}), (steps.reject, {})):
        with pytest.raises(Missing):
            do(region, step, own, number=of_all, reason=WHY, **more)
