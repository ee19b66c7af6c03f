"""What is kept for a time only: replies to an Idempotency-Key, and sign-ins that have ended."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func
from sqlmodel import Session, select

from stockpile import idempotency
from stockpile.actor import Actor
from stockpile.db import transact
from stockpile.errors import NotAllowed, Refusal
from stockpile.governance import operations as governance
from stockpile.governance.tables import Token
from stockpile.inventory.ledger import PostedBefore
from stockpile.inventory.periods import operations as periods
from stockpile.inventory.periods.rules import REPLY_DAYS
from stockpile.jobs import operations as jobs
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do, faults, take_in

MORNING = 24.0 * 91


def replied(engine: Engine, actor: Actor, key: str, *, after_hours: float = 0) -> int:
    """The status of the reply to a request under this key: 201 where it was done, 200 where it was told again."""
    done: list[str] = []

    def work(_session: Session) -> idempotency.Reply:
        done.append(key)
        return idempotency.Reply(201, {})

    def refuse(_refusal: Refusal) -> idempotency.Reply:
        return idempotency.Reply(409, {})

    def ask(session: Session) -> idempotency.Reply:
        act = acting(actor, after_hours=after_hours)
        return idempotency.once(session, act, key=key, request=b"same", work=work, refuse=refuse)

    reply = transact(engine, ask)
    assert reply.repeated is not bool(done)
    return 200 if reply.repeated else 201


def kept(engine: Engine) -> tuple[int, int]:
    """How many replies and sign-ins are kept."""
    with Session(engine) as session:
        replies = session.exec(select(func.count()).select_from(idempotency.StoredReply)).one()
        return replies, session.exec(select(func.count()).select_from(Token)).one()


def test_replies_and_sign_ins_older_than_the_figure_are_forgotten_once_a_day(region: Engine, cast: Cast) -> None:
    for number in range(5):
        replied(region, cast["logistics"], f"old {number}")
    replied(region, cast["logistics"], "new", after_hours=MORNING)
    for hours in (1, int(MORNING) + 12):
        given = {"real_now": NOW, "hours": hours}
        transact(region, lambda session, given=given: governance.issue_token(session, cast["logistics"], **given))  # type: ignore[misc]
    act = acting(cast["scheduler2"], after_hours=MORNING)
    first = jobs.run(region, act, job="forgetting", limit_seconds=0)
    assert first.outcome == {"days": 90, "replies": 5, "sign_ins": 1}
    assert jobs.run(region, act, job="forgetting", limit_seconds=0).again
    assert kept(region) == (1, 1)
    assert replied(region, cast["logistics"], "new", after_hours=MORNING) == 200
    assert replied(region, cast["logistics"], "old 0", after_hours=MORNING) == 201


def test_a_posting_is_not_made_again_when_its_reply_is_forgotten(region: Engine, cast: Cast) -> None:
    take_in(region, acting(cast["logistics"]), lot="ONCE", quantity=5)
    jobs.run(region, acting(cast["scheduler2"], after_hours=MORNING), job="forgetting", limit_seconds=0)
    with pytest.raises(PostedBefore):
        take_in(region, acting(cast["logistics"], after_hours=MORNING), lot="ONCE", quantity=5)
    assert faults(region) == []


def test_the_committee_says_how_long_replies_are_kept(region: Engine, cast: Cast) -> None:
    replied(region, cast["logistics"], "a week ago")
    do(region, periods.set_figure, acting(cast["committee"]), name=REPLY_DAYS, value=7, reason="little room")
    week = 24.0 * 7 + 1
    ran = jobs.run(region, acting(cast["scheduler2"], after_hours=week), job="forgetting", limit_seconds=0)
    assert (ran.outcome["days"], ran.outcome["replies"]) == (7, 1)
    with pytest.raises(NotAllowed):
        jobs.run(region, acting(cast["logistics"], after_hours=week + 24), job="forgetting", limit_seconds=0)
