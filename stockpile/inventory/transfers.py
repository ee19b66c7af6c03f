"""Transfers from depots to points of use: reserved, dispatched, received, and what went missing settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.rules import require, require_other
from stockpile.inventory import eligibility, guarding, ledger, queries, room, rules
from stockpile.inventory.periods import late
from stockpile.inventory.periods import queries as periods
from stockpile.inventory.periods.rules import RESERVATION_HOURS
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Lot, Transfer, TransferLine


@dataclass(frozen=True, slots=True)
class Part:
    """What is to go from a depot to a point of use for one member, in base units; `priority` 1 is the gravest.

    `serials`: of a serialised item, the pieces to reserve; none: whichever come first.
    """

    origin: str
    destination: str
    lot_id: int
    member: str
    reference: str
    quantity: int
    priority: int = rules.LOWEST_PRIORITY
    owner: str = rules.POOL
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of one transfer line, in base units: good, damaged, and beyond what was sent.

    Of a serialised item the pieces are named wherever not all that was sent came good.
    `apart`: what came is set apart whole, as after a temperature excursion on the way.
    """

    received: int
    damaged: int = 0
    over: int = 0
    serials: tuple[str, ...] = ()
    damaged_serials: tuple[str, ...] = ()
    over_serials: tuple[str, ...] = ()
    apart: bool = False


class TransferState(Conflict):
    """The transfer is not in the state that this needs."""

    code = "transfer_state"


class NotFit(Conflict):
    """A lot on the transfer may not leave any more: on hold, or too short-dated."""

    code = "lot_not_fit"


def arrange(session: Session, act: Act, *, source: str, parts: Sequence[Part]) -> list[Transfer]:
    """Reserve the parts and open one transfer per depot and point of use; `source` names what ordered it.

    The right to do so is the caller's: this moves stock only from available to reserved.
    The reservation ends by itself after the region's hours unless it is picked.
    """
    expires_at = act.at + timedelta(hours=periods.figure(session, RESERVATION_HOURS))
    grouped: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in parts:
        grouped[part.origin, part.destination].append(part)
    transfers = [
        Transfer(
            source=source,
            origin=o,
            destination=d,
            state=rules.APPROVED,
            approved_by=act.actor.id,
            expires_at=expires_at,
        )
        for o, d in sorted(grouped)
    ]
    session.add_all(transfers)
    session.flush()
    for transfer in transfers:
        session.add_all(_line(transfer, part) for part in grouped[transfer.origin, transfer.destination])
    moves = [_reserve(part) for part in parts]
    ledger.post(session, act, kind="reservation", key=f"reserve:{source}", moves=moves, reason=source)
    return transfers


def dispatch(session: Session, act: Act, *, numbers: Sequence[int], over_capacity: str = "") -> int:
    """Send approved transfers of one depot on their way; returns the posting's number.

    Refuses a lot that has been put on hold or would expire before use since
    the plan was made, and what the point of use has no room for unless
    somebody who may gives a reason for `over_capacity`.
    """
    transfers = [queries.transfer(session, number) for number in sorted(set(numbers))]
    for transfer in transfers:
        require(act.actor, "transfer.dispatch", site=transfer.origin)
        gate.refuse_stopped(session, transfer.source, at=act.at)
        _claim(session, transfer, rules.APPROVED, rules.DISPATCHED)
    lines = [line for line in queries.transfer_lines(session, list(numbers)) if _sent(line)]
    by_number = {t.id: t for t in transfers}
    _refuse_empty(transfers, lines)
    lots = queries.lock_lots(session, {line.lot_id for line in lines})
    routes = queries.routes(session)
    _check_fitness(session, act, by_number, lines, lots)
    _check_room(session, act, by_number, lines, lots, override=over_capacity)
    for transfer in transfers:
        route = routes.get((transfer.origin, transfer.destination))
        transfer.dispatched_at, transfer.dispatched_by = act.at, act.actor.id
        transfer.due_at = act.at + timedelta(minutes=route.minutes) if route else None
        session.add(transfer)
    moves = [_send(by_number[line.transfer_id], line) for line in lines]
    return ledger.post(session, act, kind="dispatch", key=_key("dispatch", numbers), moves=moves)


def receive(session: Session, act: Act, *, number: int, arrived: Mapping[int, Arrived] | None = None) -> Transfer:
    """Receive a transfer at its point of use: good stock becomes the member's, damaged goes to quarantine.

    `arrived` by line number; None: all came in good order. What is missing
    stays in transit and leaves the transfer open as a discrepancy until
    another person settles it; what is over stands in quarantine.
    """
    transfer = queries.transfer(session, number)
    require(act.actor, "transfer.receive", site=transfer.destination)
    late.require_after(act, transfer.dispatched_at, f"transfer {number} left")
    _claim(session, transfer, rules.DISPATCHED, rules.RECEIVED)
    lines = queries.transfer_lines(session, [number])
    came = arrived if arrived is not None else {line.id or 0: Arrived(_sent(line)) for line in lines}
    if set(came) != {line.id for line in lines}:
        raise Invalid("every line of the transfer must be given once", field="lines")
    lots = queries.lots_by_number(session, {line.lot_id for line in lines})
    moves = [move for line in lines for move in _take_in(transfer, line, lots[line.lot_id], came[line.id or 0])]
    whole = all(line.received + line.damaged == _sent(line) for line in lines)
    transfer.state = rules.RECEIVED if whole else rules.DISCREPANCY
    transfer.received_at, transfer.received_by = act.at, act.actor.id
    session.add_all([transfer, *lines])
    if moves:
        ledger.post(session, act, kind="delivery", key=f"receive:transfer:{number}", moves=moves)
    guarding.report_missing(session, act, transfer.destination, [(x.lot_id, _open(x), _document(x)) for x in lines])
    counted = {str(line.id): [line.received, line.damaged, line.over] for line in lines}
    journal.record(session, act, action="transfer.receive", subject=f"transfer:{number}", payload=counted)
    return transfer


def receive_whole(session: Session, act: Act, *, numbers: Sequence[int]) -> int:
    """Receive transfers that came whole and in good order at one point of use; returns the posting's number."""
    transfers = [queries.transfer(session, number) for number in sorted(set(numbers))]
    for transfer in transfers:
        require(act.actor, "transfer.receive", site=transfer.destination)
        _claim(session, transfer, rules.DISPATCHED, rules.RECEIVED)
        transfer.received_at, transfer.received_by = act.at, act.actor.id
    lines = queries.transfer_lines(session, list(numbers))
    by_number = {transfer.id: transfer for transfer in transfers}
    lots = queries.lots_by_number(session, {line.lot_id for line in lines})
    moves = [
        move
        for line in lines
        for move in _take_in(by_number[line.transfer_id], line, lots[line.lot_id], Arrived(_sent(line)))
    ]
    session.add_all([*transfers, *lines])
    journal.record(
        session,
        act,
        action="transfer.receive",
        subject=f"site:{transfers[0].destination}",
        payload={"transfers": sorted(numbers)},
    )
    return ledger.post(session, act, kind="delivery", key=_key("receive", numbers), moves=moves)


def resolve(
    session: Session,
    act: Act,
    *,
    number: int,
    found: Mapping[int, int],
    reason: str,
    serials: Mapping[int, tuple[str, ...]] | None = None,
) -> Transfer:
    """Settle a discrepancy: `found` base units by line become the member's, the rest is written off as lost.

    `serials` by line: of a serialised item, the pieces found. Whoever received
    the transfer cannot settle it.
    """
    transfer = queries.transfer(session, number)
    require(act.actor, "transfer.resolve", site=transfer.destination)
    _claim(session, transfer, rules.DISCREPANCY, rules.RECEIVED)
    require_other(act.actor, {transfer.received_by or 0: f"received transfer {number}"})
    if not reason.strip():
        raise Invalid("settling a discrepancy needs a reason", field="reason")
    lines = queries.transfer_lines(session, [number])
    if not set(found) <= {line.id for line in lines}:
        raise Invalid("a line that is not on the transfer was given", field="found")
    named, lots = serials or {}, queries.lots_by_number(session, {line.lot_id for line in lines})
    moves = [
        move
        for line in lines
        for move in _settle(transfer, line, lots[line.lot_id], found.get(line.id or 0, 0), named.get(line.id or 0, ()))
    ]
    session.add_all(lines)
    if transfer.received_by is not None:
        act = replace(act, second=governance.actor_by_number(session, transfer.received_by))
    ledger.post(session, act, kind="settlement", key=f"resolve:transfer:{number}", moves=moves, reason=reason)
    return transfer


def _key(what: str, numbers: Iterable[int]) -> str:
    return f"{what}:transfer:{','.join(str(number) for number in sorted(numbers))}"


def _claim(session: Session, transfer: Transfer, old: str, new: str) -> None:
    """Move the transfer from one state to the next; of two who try at once, one is refused."""
    claimed = update(Transfer).where(col(Transfer.id) == transfer.id, col(Transfer.state) == old).values(state=new)
    if not rows_changed(session, claimed):
        session.refresh(transfer)
        raise TransferState(f"transfer {transfer.id} is {transfer.state}, not {old}", state=transfer.state)
    session.refresh(transfer)


def _line(transfer: Transfer, part: Part) -> TransferLine:
    assert transfer.id is not None
    return TransferLine(
        transfer_id=transfer.id,
        lot_id=part.lot_id,
        member_code=part.member,
        owner=part.owner,
        reference=part.reference,
        quantity=part.quantity,
        priority=part.priority,
    )


def _reserve(part: Part) -> ledger.Move:
    available = ledger.Account(part.lot_id, part.origin, part.owner, rules.AVAILABLE)
    reserved = ledger.Account(part.lot_id, part.origin, part.owner, rules.RESERVED)
    which = Which(named=part.serials, whichever=not part.serials)
    return ledger.Move(part.lot_id, part.quantity, available, reserved, document=part.reference, which=which)


def _send(transfer: Transfer, line: TransferLine) -> ledger.Move:
    reserved = ledger.Account(line.lot_id, transfer.origin, line.owner, rules.RESERVED)
    which = Which(document=line.reference, whichever=True)
    return ledger.Move(line.lot_id, _sent(line), reserved, _in_transit(transfer, line), _document(line), which)


def _sent(line: TransferLine) -> int:
    """What leaves or left of a line: all but what was cancelled because its lot was recalled."""
    return line.quantity - line.cancelled


def _refuse_empty(transfers: Sequence[Transfer], lines: Sequence[TransferLine]) -> None:
    empty = {transfer.id for transfer in transfers} - {line.transfer_id for line in lines}
    if empty:
        numbers = sorted(number or 0 for number in empty)
        raise NotFit(f"transfer {numbers[0]}: everything on it was cancelled", transfers=numbers)


def _shelf(transfer: Transfer, line: TransferLine, lot: Lot) -> ledger.Account:
    """Where good stock goes at its point of use: to the member, or into quarantine where the lot is on hold by now."""
    status = rules.QUARANTINE if lot.held else rules.AVAILABLE
    return ledger.Account(line.lot_id, transfer.destination, line.member_code, status)


def _in_transit(transfer: Transfer, line: TransferLine) -> ledger.Account:
    return ledger.Account(line.lot_id, transfer.destination, line.owner, rules.IN_TRANSIT)


def _document(line: TransferLine) -> str:
    return f"transfer_line:{line.id}"


def _take_in(transfer: Transfer, line: TransferLine, lot: Lot, came: Arrived) -> list[ledger.Move]:
    if min(came.received, came.damaged, came.over) < 0 or came.received + came.damaged > _sent(line):
        raise Invalid(
            f"line {line.id}: {came.received} good and {came.damaged} damaged of {_sent(line)} sent; "
            "give what came beyond that as over",
            field="lines",
            row=line.id,
        )
    line.received, line.damaged, line.over = came.received, came.damaged, came.over
    transit, site = _in_transit(transfer, line), transfer.destination
    good = _shelf(transfer, line, lot)
    if came.apart:
        good = good._replace(status=rules.QUARANTINE)
    set_apart = ledger.Account(line.lot_id, site, line.owner, rules.QUARANTINE)
    ways: list[tuple[int, ledger.Account | str, ledger.Account, tuple[str, ...]]] = [
        (came.received, transit, good, came.serials),
        (came.damaged, transit, set_apart, came.damaged_serials),
        (came.over, rules.LOSS, set_apart, came.over_serials),
    ]
    return [
        ledger.Move(line.lot_id, q, source, sink, _document(line), Which(named, _document(line)))
        for q, source, sink, named in ways
        if q
    ]


def _open(line: TransferLine) -> int:
    """What neither arrived nor was written off."""
    return _sent(line) - line.received - line.damaged - line.missing


def _settle(
    transfer: Transfer, line: TransferLine, lot: Lot, found: int, serials: tuple[str, ...]
) -> list[ledger.Move]:
    still_open = _open(line)
    if not 0 <= found <= still_open:
        raise Invalid(f"line {line.id}: {found} found of {still_open} missing", field="found", row=line.id)
    lost = still_open - found
    line.received, line.missing = line.received + found, line.missing + lost
    transit = _in_transit(transfer, line)
    good = _shelf(transfer, line, lot)
    ways: list[tuple[int, ledger.Account | str, tuple[str, ...]]] = [(found, good, serials), (lost, rules.LOSS, ())]
    return [
        ledger.Move(line.lot_id, q, transit, sink, _document(line), Which(named, _document(line)))
        for q, sink, named in ways
        if q
    ]


def _check_fitness(
    session: Session,
    act: Act,
    transfers: Mapping[int | None, Transfer],
    lines: Sequence[TransferLine],
    lots: Mapping[int, Lot],
) -> None:
    routes, sites = queries.routes(session), queries.sites(session)
    licences, items = catalogue.licences(session), catalogue.items(session)
    restricted = queries.restrictions(session, {line.lot_id for line in lines})
    for line in lines:
        transfer, lot = transfers[line.transfer_id], lots[line.lot_id]
        item, place = items[lot.item_code], sites[transfer.destination]
        wish = eligibility.Wish(
            licensed=(item.code, place.country) in licences,
            use_days=item.use_days,
            cold_chain=item.cold_chain,
            cold_store=place.cold_store,
            member=line.member_code,
            country=place.country,
            status=rules.RESERVED,
        )
        route = routes.get((transfer.origin, transfer.destination))
        goods = queries.goods(lot, restricted, owner=line.owner, status=rules.RESERVED)
        why = eligibility.obstacle(goods, wish, leaves=act.at, route=route)
        if why is not None:
            raise _not_fit(transfer, lot, why, eligibility.in_words(why, goods.restrictions))


def _check_room(
    session: Session,
    act: Act,
    transfers: Mapping[int | None, Transfer],
    lines: Sequence[TransferLine],
    lots: Mapping[int, Lot],
    *,
    override: str,
) -> None:
    items = catalogue.items(session)
    coming: dict[str, list[tuple[Item, int]]] = defaultdict(list)
    for line in lines:
        item = items[lots[line.lot_id].item_code]
        coming[transfers[line.transfer_id].destination].append((item, _sent(line)))
    for site, incoming in sorted(coming.items()):
        room.check(session, act, site=site, incoming=incoming, override=override)


def _not_fit(transfer: Transfer, lot: Lot, why: str, words: str) -> NotFit:
    return NotFit(
        f"transfer {transfer.id}: lot {lot.code} of {lot.item_code} may not leave: {words}",
        transfer=transfer.id,
        lot=lot.code,
        reason=why,
    )
