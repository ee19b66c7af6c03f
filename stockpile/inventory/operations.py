"""What staff do with stock: receive, issue, adjust, hold. Each is one posting with an actor and a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import operations as goods
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import operations as contracts
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require
from stockpile.inventory import (
    eligibility,
    guarding,
    ledger,
    opening,
    queries,
    recording,
    restricting,
    room,
    rules,
    serialised,
)
from stockpile.inventory.restricting import Condition
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Lot, ReserveFloor, Serial


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One lot at the dock, in base units; `damaged` of them go to quarantine. `calloff_line` None: not ordered.

    `gtin`: that of the pack at hand, where it is not the item's usual one.

    `owner`: the pool, or the member whose own stock it is; `restrictions`: the
    conditions under which it came. `serials`: of a serialised item, all its
    pieces, and which of them are damaged.
    """

    item: str
    lot: str
    expiry: date
    quantity: int
    damaged: int = 0
    calloff_line: int | None = None
    owner: str = rules.POOL
    restrictions: tuple[Condition, ...] = ()
    serials: tuple[str, ...] = ()
    damaged_serials: tuple[str, ...] = ()
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Base units of an item that a member's patients used; `serials`: of a serialised item, the pieces."""

    member: str
    item: str
    quantity: int
    serials: tuple[str, ...] = ()


class ExpiredAtReceipt(Invalid):
    """A lot past its expiry is not taken into stock."""

    code = "expired"


def receive(
    session: Session,
    act: Act,
    *,
    site: str,
    lines: Sequence[ReceiptLine],
    key: str,
    reason: str = "",
    over_capacity: str = "",
) -> int:
    """Take goods from suppliers into the pool at a depot; returns the posting's number.

    Ordered goods are booked on their call-off line. Refuses, naming the line:
    an unknown item or site, an expired lot, a known lot with another expiry,
    more than is open on the order, more damaged than came.
    """
    require(act.actor, "stock.receive", site=site)
    place = queries.site(session, site)
    if place.kind != rules.DEPOT:
        raise Invalid(f"{site} is a point of use: goods of the pool are received at depots", field="site", value=site)
    incoming = [(catalogue.item(session, line.item), line.quantity) for line in lines]
    room.check(session, act, site=site, incoming=incoming, override=over_capacity)
    today = rules.local_day(act.at, place.time_zone)
    moves: list[ledger.Move] = []
    for number, line in enumerate(lines, start=1):
        item = _check_receipt_line(session, act, line, number=number, site=site, today=today)
        lot = opening.lot_for(session, act, item=line.item, code=line.lot, expiry=line.expiry, gtin=line.gtin)
        restricting.restrict_received(session, act, lot=lot, conditions=line.restrictions, reason=reason, row=number)
        release = queries.needs_release(session, place.code, item)
        moves += _receipt_moves(lot, place.code, line, apart=line.quantity if release else line.damaged)
    return ledger.post(session, act, kind="receipt", key=key, moves=moves, reason=reason)


def _check_receipt_line(session: Session, act: Act, line: ReceiptLine, *, number: int, site: str, today: date) -> Item:
    item = catalogue.item(session, line.item)
    if not 0 <= line.damaged <= line.quantity or line.quantity == 0:
        raise Invalid(
            f"line {number}: {line.damaged} damaged of {line.quantity} is not possible", field="damaged", row=number
        )
    check_goods(item=line.item, lot=line.lot, expiry=line.expiry, quantity=line.quantity, today=today, row=number)
    if line.owner != rules.POOL:
        governance.member(session, line.owner)
        if line.calloff_line is not None:
            raise Invalid(f"line {number}: what the pool ordered is the pool's", field="owner", row=number)
    if line.calloff_line is not None:
        given: dict[str, Any] = {"site": site, "item": line.item, "quantity": line.quantity, "expiry": line.expiry}
        contracts.receive_line(session, act, line_number=line.calloff_line, **given)
    return item


def check_goods(*, item: str, lot: str, expiry: date, quantity: int, today: date, row: int) -> None:
    """Refuse goods nobody can have: past their expiry, an expiry beyond twenty years, an absurd number of them."""
    if not eligibility.lasts(expiry, on=today):
        raise ExpiredAtReceipt(f"line {row}: lot {lot} of {item} expired on {expiry}", field="expiry", row=row)
    if expiry > today + rules.FURTHEST_EXPIRY:
        raise Invalid(
            f"line {row}: lot {lot} of {item} would expire on {expiry}, over 20 years from now: read it again",
            field="expiry",
            row=row,
        )
    if quantity > rules.MOST_UNITS:
        raise Invalid(
            f"line {row}: {quantity} base units of {item} at once cannot be; the most is {rules.MOST_UNITS}",
            field="quantity",
            row=row,
        )


def _serials_apart(line: ReceiptLine, apart: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The serials that are set apart, and the others: all wait where all are set apart, else the damaged ones do."""
    aside = line.serials if apart == line.quantity else line.damaged_serials
    return aside, tuple(serial for serial in line.serials if serial not in aside)


def _receipt_moves(lot: Lot, site: str, line: ReceiptLine, *, apart: int) -> list[ledger.Move]:
    assert lot.id is not None
    document = f"calloff_line:{line.calloff_line}" if line.calloff_line else "unordered"
    aside, good = _serials_apart(line, apart)
    shares = ((rules.AVAILABLE, line.quantity - apart, good), (rules.QUARANTINE, apart, aside))
    return [
        ledger.Move(
            lot_id=lot.id,
            quantity=quantity,
            source=rules.SUPPLIER,
            sink=ledger.Account(lot.id, site, line.owner, status),
            document=document,
            which=Which(named),
        )
        for status, quantity, named in shares
        if quantity
    ]


class IssueShort(Conflict):
    """A member has less at the point of use than is to be issued."""

    code = "issue_short"


def issue(
    session: Session,
    act: Act,
    *,
    site: str,
    uses: Sequence[Use],
    key: str,
    reason: str = "",
    allow_partial: bool = False,
) -> list[tuple[Use, int]]:
    """Issue to use what members own at a point of use, first-expiring first; lots on hold or expired are not.

    Returns each use with what was issued of it, in base units. Refuses, naming
    every use that is short, where a member has less there than asked; with
    `allow_partial` what is there is issued, and nothing is posted where nothing is.
    """
    require(act.actor, "stock.issue", site=site)
    queries.site(session, site)
    there = queries.member_lots(session, site, act.at)
    issued: list[tuple[Use, int]] = []
    moves: list[ledger.Move] = []
    for use in uses:
        lots = there.get((use.member, use.item), [])
        named = serialised.by_lot(_pieces(session, site, use)) if use.serials else {}
        taken = _of_pieces(lots, named) if use.serials else _first_expiring(lots, use.quantity)
        issued.append((use, sum(quantity for _, quantity in taken)))
        moves += [_to_use(site, use, lot_id, quantity, named.get(lot_id, [])) for lot_id, quantity in taken]
    short = [(row, use, given) for row, (use, given) in enumerate(issued, start=1) if given < use.quantity]
    if short and not allow_partial:
        raise _issue_short(site, short)
    if moves:
        ledger.post(session, act, kind="issue", key=key, moves=moves, reason=reason)
    return issued


def _issue_short(site: str, short: Sequence[tuple[int, Use, int]]) -> IssueShort:
    named = "; ".join(
        f"use {row}: {use.member} has {given} of {use.item} there, {use.quantity} asked" for row, use, given in short
    )
    facts = [
        {"row": row, "member": use.member, "item": use.item, "asked": use.quantity, "there": given}
        for row, use, given in short
    ]
    return IssueShort(
        f"nothing was issued at {site}: {named}. Ask for what is there, or allow a part of it",
        field="uses",
        short=facts,
    )


def _to_use(site: str, use: Use, lot_id: int, quantity: int, serials: Sequence[str]) -> ledger.Move:
    source = ledger.Account(lot_id, site, use.member, rules.AVAILABLE)
    return ledger.Move(lot_id, quantity, source, rules.CONSUMPTION, document="use", which=Which(tuple(serials)))


def _pieces(session: Session, site: str, use: Use) -> list[Serial]:
    """The pieces that are used; refuses one that does not stand there for that member, and a number that differs."""
    known = {row.serial: row for row in serialised.standing(session, item=use.item)}
    if len(set(use.serials)) != use.quantity or len(use.serials) != use.quantity:
        raise serialised.SerialsNeeded(
            f"{use.quantity} of {use.item} are used and {len(set(use.serials))} different serials are given",
            field="serials",
        )
    for serial in use.serials:
        row = known.get(serial)
        if row is None or serialised.place_of(row) != (site, use.member, rules.AVAILABLE):
            raise serialised.SerialElsewhere(
                f"{use.item} serial {serial} is not available at {site} for {use.member}", serial=serial
            )
    return [known[serial] for serial in use.serials]


def _of_pieces(lots: list[tuple[int, int]], named: Mapping[int, Sequence[str]]) -> list[tuple[int, int]]:
    """How many of each lot these pieces are; refuses a piece of a lot that may not be used here."""
    usable = {lot_id for lot_id, _ in lots}
    for lot_id, serials in named.items():
        if lot_id not in usable:
            raise recording.NotUsable(f"serial {serials[0]} is of lot {lot_id}, which may not be used here", lot=lot_id)
    return [(lot_id, len(serials)) for lot_id, serials in sorted(named.items())]


def _first_expiring(lots: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """Take from the front of `lots`, which shrinks by what is taken."""
    taken: list[tuple[int, int]] = []
    while lots and wanted:
        lot_id, quantity = lots[0]
        part = min(quantity, wanted)
        taken.append((lot_id, part))
        wanted -= part
        if part == quantity:
            lots.pop(0)
        else:
            lots[0] = (lot_id, quantity - part)
    return taken


def adjust(session: Session, act: Act, *, account: ledger.Account, change: int, key: str, reason: str) -> int:
    """Correct a balance by `change` base units (found > 0, lost < 0) with a reason; returns the posting's number."""
    line = recording.Line(account.lot_id, change, account.owner, account.status)
    return recording.record(session, recording.Record(act, recording.ADJUST, account.site, [line], key, reason))


def set_floor(session: Session, act: Act, *, item: str, effective_from: date, quantity: int) -> None:
    """Set what of an item may not leave the pool from a day on, in base units; beyond a limit of value two must."""
    require(act.actor, "floor.set")
    found = catalogue.item(session, item)
    if effective_from < governance.local_day(session, act.at):
        raise Invalid(f"a floor cannot be set for {effective_from}: that day has passed", field="effective_from")
    catalogue.lock(session, [item])
    before = queries.floors(session, effective_from).get(item, 0)
    guarding.check_floor(session, act, item=found, change=quantity - before)
    payload = {"effective_from": effective_from.isoformat(), "quantity": quantity}
    under = gate.decide(session, act, Effect("floor.set", f"item:{item}", payload))
    session.merge(ReserveFloor(item_code=item, effective_from=effective_from, quantity=quantity))
    journal.record(session, act, action="floor.set", subject=f"item:{item}", payload=payload | under.told)


def set_serialised(session: Session, act: Act, *, item: str, serialised_: bool) -> None:
    """Say whether an item is moved by serials; refuses while any of it stands in the books."""
    there = queries.balances(session, limit=1, item=item)
    goods.set_serialised(session, act, item=item, serialised=serialised_, in_stock=sum(one.quantity for one in there))
