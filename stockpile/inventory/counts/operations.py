"""Counting stock: blind, against the book at the instant of each figure, adjusted once another person approves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.inventory import binning, ledger, queries, serialised
from stockpile.inventory import rules as stock
from stockpile.inventory.counts import queries as counts
from stockpile.inventory.counts import rules
from stockpile.inventory.counts.tables import Count, CountLine
from stockpile.inventory.tables import Balance, Lot


class CountState(Conflict):
    """The count is not open, or lines still want a recount."""

    code = "count_state"


def open_count(session: Session, act: Act, *, site: str, reason: str, bin: str | None = None) -> Count:
    """Open a count of a site, or of one bin of it; stock goes on moving meanwhile."""
    require(act.actor, "stock.count", site=site)
    queries.site(session, site)
    bin_id = None if bin is None else counts.bin_of(session, site, bin).id
    count = Count(
        site_code=site, bin_id=bin_id, state=rules.OPEN, reason=reason, opened_by=act.actor.id, opened_at=act.at
    )
    session.add(count)
    session.flush()
    journal.record(
        session, act, action="count.open", subject=f"count:{count.id}", payload={"site": site}, reason=reason
    )
    return count


def enter(
    session: Session,
    act: Act,
    *,
    number: int,
    lot_id: int,
    owner: str,
    status: str,
    counted: int,
    serials: Sequence[str] = (),
) -> CountLine:
    """Enter what was counted of a lot, in base units; it is compared with the book at this instant.

    A large difference wants a recount by entering the line again. Of a serialised item the pieces found are named.
    """
    count = counts.count(session, number)
    require(act.actor, "stock.count", site=count.site_code)
    _require_open(count)
    lot = queries.lot(session, lot_id)
    if status not in (stock.AVAILABLE, stock.RESERVED, stock.QUARANTINE) or counted < 0:
        raise Invalid("count what is available, reserved or in quarantine, from zero up", field="status")
    book, version = _book(session, ledger.Account(lot_id, count.site_code, owner, status), count.bin_id)
    pieces = _pieces(session, count, lot, serials, counted=counted)
    there = (count.site_code, owner, status)
    attempts = counts.lines(session, number).get((lot_id, owner, status), [])
    line = CountLine(
        count_id=number,
        lot_id=lot_id,
        owner=owner,
        status=status,
        attempt=len(attempts) + 1,
        counted=counted,
        book=book,
        book_version=version,
        serials=json.dumps(pieces) if pieces is not None else "",
        book_serials="" if pieces is None else json.dumps(serialised.at(session, lot_id, there)),
        counted_by=act.actor.id,
        counted_at=act.at,
    )
    session.add(line)
    session.flush()
    told = {"lot": lot_id, "owner": owner, "status": status, "attempt": line.attempt, "counted": counted}
    journal.record(session, act, action="count.enter", subject=f"count:{number}", payload=told)
    return line


def _pieces(session: Session, count: Count, lot: Lot, serials: Sequence[str], *, counted: int) -> list[str] | None:
    """The pieces that were found, in order; None where the item has no serials."""
    if not catalogue.item(session, lot.item_code).serialised:
        if serials:
            raise serialised.NoSerials(f"{lot.item_code} has no serials: give the figure alone", field="serials")
        return None
    if count.bin_id is not None:
        raise Invalid(f"pieces of {lot.item_code} are known by site, not by bin: count the whole site", field="lot_id")
    if len(set(serials)) != counted or len(serials) != counted:
        raise serialised.SerialsNeeded(
            f"{lot.item_code} is counted by serials: {counted} counted, {len(set(serials))} different ones given",
            field="serials",
            item=lot.item_code,
            needed=counted,
        )
    return sorted(serials)


def approve(session: Session, act: Act, *, number: int, reason: str) -> list[int]:
    """Approve a count: every difference is adjusted with the reason; returns the postings' numbers.

    Refuses whoever counted or opened it, and while a line wants a recount.
    """
    count = counts.count(session, number)
    require(act.actor, "count.approve", site=count.site_code)
    _claim(session, count)
    found = counts.differences(session, number)
    counters = {counter: f"counted in count {number}" for one in found for counter in one.counters}
    require_other(act.actor, counters | {count.opened_by: f"opened count {number}"})
    waiting = [one for one in found if one.open_recount]
    if waiting:
        lots = [one.lot_id for one in waiting]
        raise CountState(f"count {number}: {len(waiting)} lines want a recount", lots=lots)
    count.approved_by, count.approved_at = act.actor.id, act.at
    session.add(count)
    both = replace(act, second=governance.actor_by_number(session, count.opened_by))
    postings = [_adjust(session, both, count, one, reason) for one in found if one.differs]
    payload = {"lines": len(found), "adjusted": len(postings)}
    journal.record(session, act, action="count.approve", subject=f"count:{number}", payload=payload, reason=reason)
    return postings


def _adjust(session: Session, act: Act, count: Count, one: counts.Difference, reason: str) -> int:
    account = ledger.Account(one.lot_id, count.site_code, one.owner, one.status)
    change = one.counted - one.book
    key = f"count:{count.id}:{one.lot_id}:{one.owner}:{one.status}"
    why = f"count {count.id}: {one.counted} counted, {one.book} by the book. {reason}"
    if count.bin_id is not None and change < 0:
        _shift(session, count.bin_id, account, change)
    moves = _moves(account, one, document=f"count:{count.id}")
    posting = ledger.post(session, act, kind="adjustment", key=key, moves=moves, reason=why)
    if count.bin_id is not None and change > 0:
        _shift(session, count.bin_id, account, change)
    return posting


def _moves(account: ledger.Account, one: counts.Difference, *, document: str) -> list[ledger.Move]:
    """What brings the book to what was counted: of pieces, those missing go and those found come, each by name."""
    if one.missing or one.extra:
        ways = ((account, stock.LOSS, one.missing), (stock.LOSS, account, one.extra))
        return [
            ledger.Move(one.lot_id, len(named), source, sink, document, serialised.Which(named))
            for source, sink, named in ways
            if named
        ]
    change = one.counted - one.book
    source, sink = (stock.LOSS, account) if change > 0 else (account, stock.LOSS)
    return [ledger.Move(one.lot_id, abs(change), source, sink, document)]


def _shift(session: Session, bin_id: int, account: ledger.Account, change: int) -> None:
    """What was found lies in the counted bin; what is gone, is gone from it."""
    balance = _balance(session, account)
    if balance is None:
        raise binning.NotInBin("nothing of this lot stands there any more: count it again", there=0)
    binning.shift(session, bin_id=bin_id, balance_id=binning.lock(session, balance).id or 0, change=change)


def _book(session: Session, account: ledger.Account, bin_id: int | None) -> tuple[int, int]:
    """What the book says stands there, or lies in that bin, and the number of the balance's last leg."""
    balance = _balance(session, account)
    if balance is None:
        return 0, 0
    lies = balance.quantity if bin_id is None else binning.lying(session, bin_id, balance.id or 0)
    return lies, balance.version


def _balance(session: Session, account: ledger.Account) -> Balance | None:
    return session.exec(
        select(Balance).where(
            Balance.lot_id == account.lot_id,
            Balance.site_code == account.site,
            Balance.owner == account.owner,
            Balance.status == account.status,
        )
    ).one_or_none()


def _require_open(count: Count) -> None:
    if count.state != rules.OPEN:
        raise CountState(f"count {count.id} is {count.state}", state=count.state)


def _claim(session: Session, count: Count) -> None:
    claimed = update(Count).where(col(Count.id) == count.id, col(Count.state) == rules.OPEN)
    if not rows_changed(session, claimed.values(state=rules.APPROVED)):
        session.refresh(count)
        _require_open(count)
    session.refresh(count)
