"""Reading time: what stood where at an instant, as it was known at another; closed periods; the region's figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, or_, union_all
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.db import table_of
from stockpile.inventory.periods import rules
from stockpile.inventory.periods.tables import Period, StoreroomFigure
from stockpile.inventory.queries import Standing, narrowed
from stockpile.inventory.rules import fault
from stockpile.inventory.tables import Balance, Lot, Movement, Posting

JUST_BEFORE = timedelta(microseconds=1)
"""A period ends before its end: its last instant is so much earlier."""


def figure(session: Session, name: str) -> int:
    """What the region has set, or the default."""
    found = session.get(StoreroomFigure, name)
    return found.value if found is not None else rules.FIGURES[name].default


def periods(session: Session) -> list[Period]:
    """The closed periods, the newest first."""
    return list(session.exec(select(Period).order_by(col(Period.ends_at).desc())))


def closed_before(session: Session) -> datetime | None:
    """Nothing that took effect before this instant is entered any more; None: no period is closed."""
    return session.exec(select(func.max(col(Period.ends_at)))).one()


def legs(where: ColumnElement[bool], balances: Iterable[int] | None = None) -> Subquery:
    """The legs, on these balances or all, whose posting fulfils `where`: balance, effective_at, seq, and the change.

    Legs of one instant follow each other as they were posted: `seq` numbers a balance's legs.
    """
    m, p = table_of(Movement).c, table_of(Posting).c
    wanted = None if balances is None else list(balances)
    sides = (
        select_columns(number.label("balance"), p.effective_at, seq.label("seq"), change.label("change"))
        .join_from(table_of(Movement), table_of(Posting), p.id == m.posting_id)
        .where(number.is_not(None) if wanted is None else number.in_(wanted), where)
        for number, seq, change in (
            (m.from_balance_id, m.from_seq, -m.quantity),
            (m.to_balance_id, m.to_seq, m.quantity),
        )
    )
    return union_all(*sides).subquery("leg")


def legs_after(at: datetime, balances: Iterable[int]) -> Subquery:
    """As `legs`, for these balances and what took effect after an instant."""
    return legs(table_of(Posting).c.effective_at > at, balances)


def courses(session: Session, at: datetime, balances: Iterable[int]) -> dict[int, rules.Course]:
    """How these balances stood at an instant, and their lowest after any later leg; without later legs left out."""
    wanted = list(balances)
    leg = legs_after(at, wanted)
    newest_first = (leg.c.effective_at.desc(), leg.c.seq.desc())
    after_it = func.sum(leg.c.change).over(partition_by=leg.c.balance, order_by=newest_first) - leg.c.change
    run = select_columns(leg.c.balance, leg.c.change, after_it.label("after_it")).subquery("run")
    query = select_columns(run.c.balance, func.sum(run.c.change), func.max(run.c.after_it)).group_by(run.c.balance)
    later = {number: (int(all_), int(most)) for number, all_, most in session.connection().execute(query)}
    now = session.exec(select(Balance.id, Balance.quantity).where(col(Balance.id).in_(wanted)))
    return {
        number: rules.Course(then=quantity - later[number][0], lowest=quantity - later[number][1])
        for number, quantity in now
        if number in later and number is not None
    }


def falls_at(session: Session, at: datetime, balance: int, change: int) -> datetime | None:
    """The first instant after `at` at which a balance, changed by so much at `at`, would lie below zero."""
    leg = legs_after(at, [balance])
    oldest_first = (leg.c.effective_at, leg.c.seq)
    so_far = func.sum(leg.c.change).over(order_by=oldest_first)
    query = select_columns(leg.c.effective_at, so_far).order_by(*oldest_first)
    then = courses(session, at, [balance])[balance].then
    return next((when for when, sum_ in session.connection().execute(query) if then + int(sum_) + change < 0), None)


def stock_at(
    session: Session,
    at: datetime,
    *,
    known: datetime | None = None,
    after: int = 0,
    limit: int | None = 100,
    **narrow: Any,
) -> list[Standing]:
    """Balances as they stood at an instant, by what had been recorded at `known` (None: by all that is known now).

    By number, greater than `after`, zeros left out. Expiry and hold are the
    lot's of today. What a balance holds now, less all that took effect later or
    was not yet known: the cost is that of the later movements.
    """
    b, lot, p = table_of(Balance).c, table_of(Lot).c, table_of(Posting).c
    later = p.effective_at > at if known is None else or_(p.effective_at > at, p.recorded_at > known)
    leg = legs(later)
    undone = select_columns(leg.c.balance, func.sum(leg.c.change).label("change")).group_by(leg.c.balance).subquery()
    quantity = b.quantity - func.coalesce(undone.c.change, 0)
    columns = (b.id, lot.id, lot.item_code, lot.code, lot.expiry, lot.on_hold, b.site_code, b.owner, b.status)
    query = (
        select_columns(*columns, quantity, lot.recalled)
        .join_from(table_of(Balance), table_of(Lot), lot.id == b.lot_id)
        .outerjoin(undone, undone.c.balance == b.id)
        .where(b.id > after, quantity != 0)
        .order_by(b.id)
        .limit(limit)
    )
    query = query.where(*narrowed(narrow))
    found = session.connection().execute(query)
    return [Standing(*[*place, int(quantity), recalled]) for *place, quantity, recalled in map(tuple, found)]


def stock_digest(session: Session, ends_at: datetime) -> str:
    """SHA-256 over what stood where just before an instant, in hexadecimal."""
    there = stock_at(session, ends_at - JUST_BEFORE, limit=None)
    told = sorted([one.lot_id, one.site, one.owner, one.status, one.quantity] for one in there)
    return hashlib.sha256(journal.canonical(told).encode()).hexdigest()


def discrepancies(session: Session) -> Iterator[str]:
    """Every balance that lay below zero at any effective instant, and every closed period whose figures changed."""
    p = table_of(Posting).c
    leg = legs(p.id > 0)
    so_far = func.sum(leg.c.change).over(partition_by=leg.c.balance, order_by=(leg.c.effective_at, leg.c.seq))
    run = select_columns(leg.c.balance, leg.c.effective_at, so_far.label("stood")).subquery("run")
    below = select_columns(run.c.balance, run.c.effective_at, run.c.stood).where(run.c.stood < 0)
    for balance, at, stood in session.connection().execute(below.order_by(run.c.balance, run.c.effective_at)):
        told = f"balance {balance} stood at {stood} on {at:%Y-%m-%d %H:%M:%S} UTC by when things took effect"
        yield fault(told, balance=balance)
    yield from _wrong_last_instants(session, leg)
    for period in periods(session):
        if stock_digest(session, period.ends_at) != period.stock_digest:
            yield f"the period closed up to {period.ends_at:%Y-%m-%d %H:%M} UTC: its stock is not that of its closing"


def _wrong_last_instants(session: Session, leg: Subquery) -> Iterator[str]:
    b = table_of(Balance).c
    last: Any = select_columns(leg.c.balance, func.max(leg.c.effective_at).label("at")).group_by(leg.c.balance)
    last = last.subquery("last")
    query = select_columns(b.id, b.moved_at, last.c.at).outerjoin_from(table_of(Balance), last, last.c.balance == b.id)
    for number, stored, at in session.connection().execute(query.where(b.moved_at.is_distinct_from(last.c.at))):
        told = f"balance {number} stores {stored} as the instant of its last movement, its movements give {at}"
        yield fault(told, balance=number)
