"""Goods in against orders: every unit that came is booked, set aside with its reason, or refused with the clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.rules import RANGES, storage_class
from stockpile.catalogue.tables import Item
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require, require_other
from stockpile.inventory import ledger, opening, operations, queries, room
from stockpile.inventory import rules as stock
from stockpile.inventory.keeping import ReceivingRule
from stockpile.inventory.receiving import queries as goods
from stockpile.inventory.receiving import rules
from stockpile.inventory.receiving.tables import GoodsIn, GoodsInLine
from stockpile.inventory.tables import Lot, Site


@dataclass(frozen=True, slots=True)
class Arrival:
    """All that came of one lot on an order's line, in base units; `damaged` of it with the reason."""

    calloff_line: int
    item: str
    lot: str
    expiry: date
    quantity: int
    damaged: int = 0
    damage_reason: str = ""
    temperature: rules.Temperature | None = None
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Goods that nobody ordered, in base units: set aside to be sent back, never booked on an order."""

    item: str
    lot: str
    expiry: date
    quantity: int
    reason: str
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Short:
    """A line of an order of which nothing more will come."""

    calloff_line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What to do with a surplus beyond tolerance, and with goods too short-dated: REFUSE or SET_ASIDE."""

    surplus: str = rules.REFUSE
    short_dated: str = rules.REFUSE


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery with its lines, as stored, and base units still open by line of the order."""

    goods_in: GoodsIn
    lines: list[GoodsInLine]
    still_open: dict[int, int]


class OverDelivered(Invalid):
    """More came than the order and its tolerance allow."""

    code = "over_delivered"


class ShortDated(Invalid):
    """Less shelf life is left than the contract asks on delivery."""

    code = "short_dated"


class PartPacks(Invalid):
    """The contract is by whole packs."""

    code = "part_packs"


class AbsurdQuantity(Invalid):
    """So much more than was ordered that it must be a slip of the finger."""

    code = "absurd_quantity"


class Decided(Conflict):
    """Nothing of the line waits for a decision any more."""

    code = "goods_in_decided"


def receive(
    session: Session,
    act: Act,
    *,
    site: str,
    delivery_note: str,
    arrivals: Sequence[Arrival],
    wrong: Sequence[Wrong] = (),
    short: Sequence[Short] = (),
    choices: Choices = Choices(),
    over_capacity: str = "",
    key: str,
) -> Received:
    """Take a delivery in at a depot, all or nothing: on its order's lines, or set aside in quarantine with the reason.

    Refuses, naming the row: what is expired or absurd, part packs under a
    contract by whole packs, and, unless `choices` set it aside, what is beyond
    order and tolerance or shorter-dated than the contract asks.
    """
    require(act.actor, "stock.receive", site=site)
    place = _depot(session, site)
    if not (arrivals or wrong or short):
        raise Invalid("a delivery without goods and without a line to close", field="arrivals")
    delivery = GoodsIn(site_code=site, delivery_note=delivery_note, received_by=act.actor.id, received_at=act.at)
    session.add(delivery)
    session.flush()
    coming = [(one.item, one.quantity) for one in arrivals] + [(one.item, one.quantity) for one in wrong]
    incoming = [(catalogue.item(session, item), quantity) for item, quantity in coming]
    room.check(session, act, site=site, incoming=incoming, override=over_capacity)
    today = stock.local_day(act.at, place.time_zone)
    dock = _Dock(session, act, place, today, delivery.id or 0, choices)
    lines = [_arrive(dock, one, row) for row, one in enumerate(arrivals, start=1)]
    lines += [_set_wrong_aside(dock, one, row) for row, one in enumerate(wrong, start=1)]
    for one in short:
        contracts.close_short(session, act, line_number=one.calloff_line, reason=one.reason)
    session.add_all(lines)
    session.flush()
    if lines:
        moves = [move for line in lines for move in _moves(line, site)]
        delivery.posting_id = ledger.post(session, act, kind="receipt", key=key, moves=moves, reason=delivery_note)
    payload = {"note": delivery_note, "lines": [[x.lot_id, x.available, x.quarantine, x.why] for x in lines]}
    journal.record(session, act, action="goods.receive", subject=f"goods_in:{delivery.id}", payload=payload)
    touched = {one.calloff_line for one in arrivals} | {one.calloff_line for one in short}
    still = {number: orders.still_open(orders.line(session, number)) for number in sorted(touched)}
    return Received(delivery, lines, still)


@dataclass(frozen=True, slots=True)
class _Dock:
    """Where and when a delivery is taken in, and by whose choices."""

    session: Session
    act: Act
    place: Site
    today: date
    goods_in: int
    choices: Choices


def _depot(session: Session, site: str) -> Site:
    place = queries.site(session, site)
    if place.kind != stock.DEPOT:
        raise Invalid(f"{site} is a point of use: goods of the pool are received at depots", field="site", value=site)
    return place


def _arrive(dock: _Dock, one: Arrival, row: int) -> GoodsInLine:
    session = dock.session
    item = catalogue.item(session, one.item)
    order = orders.line(session, one.calloff_line)
    terms = orders.terms(session, order)
    _check(dock, one, row)
    _check_packs(one, row, ordered=order.quantity, terms=terms)
    came: dict[str, Any] = {"item": one.item, "quantity": one.quantity, "expiry": one.expiry}
    booked = contracts.receive_arrival(session, dock.act, line_number=one.calloff_line, site=dock.place.code, **came)
    if booked.surplus and dock.choices.surplus == rules.REFUSE:
        raise _over(one, row, booked, terms)
    clause = _clause(dock, one, row, terms)
    lot = opening.lot_for(session, dock.act, item=one.item, code=one.lot, expiry=one.expiry, gtin=one.gtin)
    why = _whys(dock, one, item, lot, clause)
    parts = rules.shares(arrived=one.quantity, damaged=one.damaged, surplus=booked.surplus, all_aside=bool(why))
    why += [rules.DAMAGED] * bool(one.damaged) + [rules.SURPLUS] * bool(parts.waiting)
    shown = one.temperature
    return GoodsInLine(
        goods_in_id=dock.goods_in,
        calloff_line_id=one.calloff_line,
        item_code=one.item,
        lot_id=lot.id or 0,
        expiry=one.expiry,
        arrived=one.quantity,
        damaged=one.damaged,
        tolerated=booked.tolerated,
        waiting=parts.waiting,
        available=parts.available,
        quarantine=parts.quarantine,
        why=" ".join(why),
        clause=clause,
        note=one.damage_reason,
        lowest_milli=shown.lowest_milli if shown else None,
        highest_milli=shown.highest_milli if shown else None,
        minutes_outside=shown.minutes_outside if shown else None,
        logger=shown.logger if shown else "",
        state=rules.WAITING if parts.waiting else rules.SETTLED,
    )


def _check(dock: _Dock, one: Arrival, row: int) -> None:
    operations.check_goods(
        item=one.item, lot=one.lot, expiry=one.expiry, quantity=one.quantity, today=dock.today, row=row
    )
    if not 0 <= one.damaged <= one.quantity or one.quantity <= 0:
        raise Invalid(f"line {row}: {one.damaged} damaged of {one.quantity} is not possible", field="damaged", row=row)
    if one.damaged and not one.damage_reason.strip():
        raise Invalid(f"line {row}: say what is wrong with the damaged ones", field="damage_reason", row=row)
    if one.temperature and one.temperature.lowest_milli > one.temperature.highest_milli:
        raise Invalid(f"line {row}: the lowest temperature lies above the highest", field="temperature", row=row)


def _check_packs(one: Arrival, row: int, *, ordered: int, terms: orders.Terms) -> None:
    if one.quantity > ordered * rules.ABSURD_FACTOR:
        raise AbsurdQuantity(
            f"line {row}: {one.quantity} of {one.item} came and {ordered} were ordered: count again, in base units",
            field="quantity",
            row=row,
            ordered=ordered,
        )
    if terms.whole_packs and one.quantity % terms.pack_size:
        raise PartPacks(
            f"line {row}: {one.quantity} is not in whole packs of {terms.pack_size}; contract {terms.contract} is by "
            "whole packs. Give a part pack among the wrong goods",
            field="quantity",
            row=row,
            pack_size=terms.pack_size,
        )


def _over(one: Arrival, row: int, booked: contracts.Booked, terms: orders.Terms) -> OverDelivered:
    allowed = booked.ordered + booked.tolerated
    return OverDelivered(
        f"line {row}: {one.quantity} came, {allowed} may be taken on line {one.calloff_line} (tolerance "
        f"{terms.tolerance_percent} percent): leave {booked.surplus} with the carrier, or set the surplus aside",
        field="quantity",
        row=row,
        open=booked.ordered,
        tolerated=booked.tolerated,
        surplus=booked.surplus,
    )


def _clause(dock: _Dock, one: Arrival, row: int, terms: orders.Terms) -> str:
    """The clause on shelf life where it is not kept, or ''; refuses unless such goods are to be set aside."""
    if not rules.short_dated(one.expiry, dock.today, terms.shelf_life_days):
        return ""
    left = (one.expiry - dock.today).days
    clause = f"contract {terms.contract}, {one.item}: shelf life on delivery of at least {terms.shelf_life_days} days"
    if dock.choices.short_dated == rules.REFUSE:
        raise ShortDated(
            f"line {row}: lot {one.lot} has {left} days left; {clause}. Leave it with the carrier, or set it aside",
            field="expiry",
            row=row,
            clause=clause,
            days_left=left,
        )
    return f"{clause}; {left} left"


def _whys(dock: _Dock, one: Arrival, item: Item, lot: Lot, clause: str) -> list[str]:
    """The reasons for which all of a lot is set aside."""
    kept = storage_class(cold_chain=item.cold_chain, controlled=item.controlled, storage=item.storage)
    warm = one.temperature is not None and rules.excursion(one.temperature, RANGES[kept])
    reasons = (
        (rules.SHORT_DATED, bool(clause)),
        (rules.EXCURSION, warm),
        (rules.ON_HOLD, lot.on_hold),
        (rules.AWAITS_RELEASE, queries.needs_release(dock.session, dock.place.code, item)),
    )
    return [reason for reason, true in reasons if true]


def _set_wrong_aside(dock: _Dock, one: Wrong, row: int) -> GoodsInLine:
    catalogue.item(dock.session, one.item)
    if one.quantity <= 0 or not one.reason.strip():
        raise Invalid(f"wrong goods {row}: give how many there are and what is wrong", field="wrong", row=row)
    operations.check_goods(
        item=one.item, lot=one.lot, expiry=one.expiry, quantity=one.quantity, today=dock.today, row=row
    )
    lot = opening.lot_for(dock.session, dock.act, item=one.item, code=one.lot, expiry=one.expiry, gtin=one.gtin)
    return GoodsInLine(
        goods_in_id=dock.goods_in,
        item_code=one.item,
        lot_id=lot.id or 0,
        expiry=one.expiry,
        arrived=one.quantity,
        waiting=one.quantity,
        available=0,
        quarantine=one.quantity,
        why=rules.WRONG,
        note=one.reason,
        state=rules.WAITING,
    )


def _moves(line: GoodsInLine, site: str) -> list[ledger.Move]:
    document = f"calloff_line:{line.calloff_line_id}" if line.calloff_line_id else f"goods_in_line:{line.id}"
    ways = ((stock.AVAILABLE, line.available), (stock.QUARANTINE, line.quarantine))
    return [
        ledger.Move(line.lot_id, q, stock.SUPPLIER, ledger.Account(line.lot_id, site, stock.POOL, status), document)
        for status, q in ways
        if q
    ]


def accept_surplus(session: Session, act: Act, *, number: int, reason: str) -> GoodsInLine:
    """Buy a surplus that waits, as another person than who received it; the contract's ceiling must allow its cost.

    It becomes available unless the line was set aside for another reason too;
    then a pharmacist's release is still needed. Wrong goods cannot be accepted.
    """
    line, delivery = _claim(session, act, number=number, state=rules.ACCEPTED, reason=reason)
    if line.calloff_line_id is None:
        raise Invalid(
            "goods that nobody ordered are sent back, or released by a pharmacist; no contract covers them",
            field="line",
        )
    contracts.accept_surplus(session, act, line_number=line.calloff_line_id, quantity=line.waiting)
    queries.lock_lots(session, [line.lot_id])
    others = set(line.why.split()) - {rules.SURPLUS, rules.DAMAGED}
    if not others and not queries.lot(session, line.lot_id).on_hold:
        apart = ledger.Account(line.lot_id, delivery.site_code, stock.POOL, stock.QUARANTINE)
        shelf = ledger.Account(line.lot_id, delivery.site_code, stock.POOL, stock.AVAILABLE)
        move = ledger.Move(line.lot_id, line.waiting, apart, shelf, f"goods_in_line:{number}")
        ledger.post(session, act, kind="release", key=f"surplus:{number}", moves=[move], reason=reason)
    _note(session, act, "goods.accept", line, reason)
    return line


def send_back(session: Session, act: Act, *, number: int, reason: str) -> GoodsInLine:
    """Send what waits of a line back to the supplier, as another person than who received it."""
    line, delivery = _claim(session, act, number=number, state=rules.SENT_BACK, reason=reason)
    apart = ledger.Account(line.lot_id, delivery.site_code, stock.POOL, stock.QUARANTINE)
    move = ledger.Move(line.lot_id, line.waiting, apart, stock.SUPPLIER, f"goods_in_line:{number}")
    ledger.post(session, act, kind="send_back", key=f"send_back:{number}", moves=[move], reason=reason)
    _note(session, act, "goods.send_back", line, reason)
    return line


def _claim(session: Session, act: Act, *, number: int, state: str, reason: str) -> tuple[GoodsInLine, GoodsIn]:
    line = goods.line(session, number)
    delivery = goods.goods_in(session, line.goods_in_id)
    require(act.actor, "surplus.decide", site=delivery.site_code)
    require_other(act.actor, {delivery.received_by: f"received goods in {delivery.id}"})
    if not reason.strip():
        raise Invalid("a decision needs a reason", field="reason")
    claimed = update(GoodsInLine).where(col(GoodsInLine.id) == number, col(GoodsInLine.state) == rules.WAITING)
    if not rows_changed(session, claimed.values(state=state)):
        session.refresh(line)
        raise Decided(f"line {number} is {line.state}: nothing of it waits", state=line.state)
    session.refresh(line)
    line.decided_by, line.decided_at, line.decision_reason = act.actor.id, act.at, reason
    session.add(line)
    return line, delivery


def _note(session: Session, act: Act, action: str, line: GoodsInLine, reason: str) -> None:
    payload = {"lot": line.lot_id, "quantity": line.waiting}
    journal.record(session, act, action=action, subject=f"goods_in_line:{line.id}", payload=payload, reason=reason)


def set_release_of_item(session: Session, act: Act, *, item: str, needs_release: bool) -> Item:
    """Say whether what comes in of an item waits for a pharmacist's release."""
    require(act.actor, "release.rule")
    found = catalogue.item(session, item)
    found.needs_release = needs_release
    session.add(found)
    payload = {"needs_release": needs_release}
    journal.record(session, act, action="release.rule", subject=f"item:{item}", payload=payload)
    return found


def set_release_at_site(session: Session, act: Act, *, site: str, cold_chain: bool, controlled: bool) -> ReceivingRule:
    """Say whether cold-chain and controlled goods that come in at a site wait for a pharmacist's release."""
    require(act.actor, "release.rule", site=site)
    queries.site(session, site)
    rule = ReceivingRule(site_code=site, release_cold_chain=cold_chain, release_controlled=controlled)
    payload = {"cold_chain": cold_chain, "controlled": controlled}
    journal.record(session, act, action="release.rule", subject=f"site:{site}", payload=payload)
    return session.merge(rule)
