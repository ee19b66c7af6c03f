"""A message that is sent twice has one effect and one reply, whether it was granted or refused."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import idempotency
from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.idempotency import KeyReused, Reply, StoredReply
from stockpile.inventory import operations
from stockpile.inventory.ledger import Account
from tests.conftest import Cast, acting
from tests.inventory.stockroom import account, faults, shelves, take_in
from tests.laws.parallel import at_once, kinds


class Counter:
    """A storekeeper's counter: 20 units, taken by message."""

    def __init__(self, engine: Engine, act: Act) -> None:
        self.engine, self.act = engine, act
        take_in(engine, act, lot="COUNTER", quantity=20)
        self.shelf: Account = account(engine, "COUNTER", "D-DE")
        self.taken = 0

    def message(self, key: str, quantity: int, *, act: Act | None = None, crash: bool = False) -> Reply:
        """Take so many under this key."""
        return transact(self.engine, lambda session: self._once(session, act or self.act, key, quantity, crash))

    def left(self) -> int:
        """What is still there."""
        return shelves(self.engine, "COUNTER").get(("COUNTER", "D-DE", "pool", "available"), 0)

    def _once(self, session: Session, act: Act, key: str, quantity: int, crash: bool) -> Reply:
        def work(inner: Session) -> Reply:
            self.taken += 1
            number = operations.adjust(
                inner, act, account=self.shelf, change=-quantity, key=f"take {self.taken} {key}", reason="taken"
            )
            if crash:
                raise RuntimeError("power cut")
            return Reply(201, {"posting": number})

        return idempotency.once(session, act, key=key, request=f"take {quantity}".encode(), work=work, refuse=refused)


def refused(refusal: Refusal) -> Reply:
    """The reply to a refusal."""
    return Reply(409, {"code": refusal.code, "message": refusal.message})


@pytest.fixture
def counter(region: Engine, cast: Cast) -> Counter:
    """A counter with 20 units."""
    return Counter(region, acting(cast["logistics"]))


def test_a_message_sent_again_gets_the_first_reply_and_takes_nothing_more(counter: Counter) -> None:
    first, again = counter.message("a", 5), counter.message("a", 5)
    assert (first.status, first.repeated) == (201, False)
    assert (again.status, again.body, again.repeated) == (201, first.body, True)
    assert counter.left() == 15


def test_a_message_delivered_eight_times_at_once_has_one_effect_and_one_reply(counter: Counter) -> None:
    outcomes = at_once([lambda: counter.message("a", 5)] * 8)
    assert kinds(outcomes) == ["done"] * 8, outcomes
    replies = [one for one in outcomes if isinstance(one, Reply)]
    assert {(reply.status, str(reply.body)) for reply in replies} == {(201, str(replies[0].body))}
    assert sorted(reply.repeated for reply in replies) == [False] + [True] * 7
    assert counter.left() == 15
    assert faults(counter.engine) == []


def test_a_key_used_for_another_request_is_refused_and_changes_nothing(counter: Counter) -> None:
    counter.message("a", 5)
    with pytest.raises(KeyReused) as refusal:
        counter.message("a", 6)
    assert refusal.value.facts["field"] == "Idempotency-Key"
    assert counter.left() == 15
    assert counter.message("a", 5).repeated


def test_a_refusal_is_kept_and_given_again_even_when_stock_has_come_since(counter: Counter) -> None:
    first = counter.message("a", 25)
    take_in(counter.engine, counter.act, lot="COUNTER", quantity=100, site="D-BE")
    counter.message("b", -30)
    again = counter.message("a", 25)
    assert (first.status, first.body["code"]) == (409, "not_enough_stock")
    assert (again.status, again.body, again.repeated) == (409, first.body, True)
    assert counter.left() == 50


def test_a_refused_message_leaves_no_trace_but_its_reply(counter: Counter) -> None:
    counter.message("a", 25)
    assert counter.left() == 20
    assert faults(counter.engine) == []
    with reading(counter.engine) as session:
        assert [row.status for row in session.exec(select(StoredReply))] == [409]


def test_the_same_key_of_another_person_is_another_message(counter: Counter, cast: Cast) -> None:
    counter.message("a", 5)
    assert not counter.message("a", 5, act=acting(cast["logistics2"])).repeated
    assert counter.left() == 10


def test_a_crash_in_the_middle_leaves_nothing_and_the_message_may_be_sent_again(counter: Counter) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        counter.message("a", 5, crash=True)
    with reading(counter.engine) as session:
        assert session.exec(select(StoredReply)).all() == []
    assert counter.left() == 20
    assert not counter.message("a", 5).repeated
    assert counter.left() == 15
