"""Many hands at the same shelf at the same time: nobody takes what is not there, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.db import transact
from stockpile.inventory import ledger, operations, rules, transfers
from stockpile.inventory.ledger import Account, Move
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import account, do, faults, line_ids, lot_id, send_out, shelves, take_in
from tests.laws.parallel import at_once, kinds, overlapping


def remove(engine: Engine, act: Act, shelf: Account, quantity: int, number: int) -> Callable[[], int]:
    """One removal, to be called."""
    given = {"account": shelf, "change": -quantity, "key": f"removal {number}", "reason": "taken"}
    return partial(do, engine, operations.adjust, act, **given)


@pytest.mark.parametrize(
    ("hands", "each", "succeed"),
    [(50, 1, 20), (10, 15, 1)],
    ids=["50 take 1 of 20: 20 get one", "10 take 15 of 20: one gets them"],
)
def test_hands_that_take_at_once_never_take_more_than_there_is(
    region: Engine, cast: Cast, hands: int, each: int, succeed: int
) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="CROWD", quantity=20)
    shelf = account(region, "CROWD", "D-DE")
    outcomes = at_once([remove(region, act, shelf, each, number) for number in range(hands)])
    assert kinds(outcomes) == ["NotEnough"] * (hands - succeed) + ["done"] * succeed
    assert shelves(region, "CROWD").get(("CROWD", "D-DE", "pool", "available"), 0) == 20 - each * succeed
    assert faults(region) == []


def test_transfers_that_cross_each_other_neither_deadlock_nor_lose_a_unit(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    lot = take_in(region, act, lot="CROSS", quantity=50, site="D-DE")
    take_in(region, act, lot="CROSS", quantity=50, site="D-BE")
    one, two = (Account(lot, site, rules.POOL, rules.AVAILABLE) for site in ("D-DE", "D-BE"))

    def swap(number: int) -> int:
        source, sink = (one, two) if number % 2 else (two, one)
        for turn in range(5):
            moves = [Move(lot, 3, source, sink, "out"), Move(lot, 2, sink, source, "back")]
            do(region, ledger.post, act, kind="swap", key=f"swap {number} {turn}", moves=moves)
        return number

    outcomes = at_once([partial(swap, number) for number in range(8)])
    assert kinds(outcomes) == ["done"] * 8, outcomes
    assert shelves(region, "CROSS") == {
        ("CROSS", "D-BE", "pool", "available"): 50,
        ("CROSS", "D-DE", "pool", "available"): 50,
    }
    assert faults(region) == []


def test_one_key_posts_once_even_when_two_hands_use_it_together(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="TWICE", quantity=20)
    shelf = account(region, "TWICE", "D-DE")
    outcomes = at_once([remove(region, act, shelf, 1, 7) for _ in range(4)])
    assert shelves(region, "TWICE") == {("TWICE", "D-DE", "pool", "available"): 19}
    assert kinds(outcomes) == ["PostedBefore"] * 3 + ["done"], outcomes


def act_on_transfer(engine: Engine, cast: Cast, what: str) -> Callable[[Session], object]:
    """A transfer that is ready for this act, and the act."""
    act, other = acting(cast["logistics"]), acting(cast["logistics2"])
    take_in(engine, act, lot="RACE", quantity=40)
    number = send_out(engine, act, lot="RACE", quantity=10).id
    assert number is not None
    if what == "dispatch":
        return lambda session: transfers.dispatch(session, act, numbers=[number])
    do(engine, transfers.dispatch, act, numbers=[number])
    if what == "receive":
        return lambda session: transfers.receive(session, act, number=number)
    line = line_ids(engine, transfers.Transfer(id=number))[0]
    do(engine, transfers.receive, act, number=number, arrived={line: transfers.Arrived(4)})
    return lambda session: transfers.resolve(session, other, number=number, found={line: 6}, reason="found")


@pytest.mark.parametrize("what", ["dispatch", "receive", "resolve"])
def test_of_two_who_handle_a_transfer_together_one_is_refused(region: Engine, cast: Cast, what: str) -> None:
    work = act_on_transfer(region, cast, what)
    outcomes = overlapping(region, work, work)
    assert faults(region) == []
    assert sum(quantity for quantity in shelves(region, "RACE").values()) == 40
    refused = [one for one in kinds(outcomes) if one != "done"]
    assert len(refused) == 1, outcomes
    assert refused[0] in ("TransferState", "PostedBefore"), outcomes


def test_a_transfer_that_two_vans_claim_together_leaves_once(region: Engine, cast: Cast) -> None:
    """Van one takes transfers 1 and 2, van two takes 2 and 3; a fourth reservation stands on the same shelf."""
    act = acting(cast["logistics"])
    take_in(region, act, lot="VAN", quantity=40)
    lot = lot_id(region, "VAN")
    parts = [
        transfers.Part("D-DE", place, lot, member, "van", 5)
        for place, member in (("H-BE", "BE-1"), ("H-DE", "DE-1"), ("H-NL", "NL-1"))
    ]
    one, two, three = (t.id or 0 for t in do(region, transfers.arrange, act, source="plan:van", parts=parts))
    send_out(region, act, lot="VAN", quantity=20, source="plan:other")
    overlapping(
        region,
        lambda session: transfers.dispatch(session, act, numbers=[one, two]),
        lambda session: transfers.dispatch(session, act, numbers=[two, three]),
    )
    on_the_road = {shelf[1]: q for shelf, q in shelves(region, "VAN").items() if shelf[3] == rules.IN_TRANSIT}
    assert on_the_road.get("H-DE") == 5, f"transfer {two} of 5 tablets left as {on_the_road}"


def test_a_crash_after_the_posting_leaves_nothing_behind(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="CRASH", quantity=20)
    shelf = account(region, "CRASH", "D-DE")

    def crash(session: Session) -> None:
        operations.adjust(session, act, account=shelf, change=-5, key="crash", reason="taken")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        transact(region, crash)
    assert shelves(region, "CRASH") == {("CRASH", "D-DE", "pool", "available"): 20}
    remove(region, acting(cast["logistics"], NOW + timedelta(hours=1)), shelf, 5, 0)()
    assert faults(region) == []
