"""Giving back what was reserved, so that the requests it was for say what they have left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation import rules, snapshot
from stockpile.allocation.reservations import queries
from stockpile.allocation.reservations.tables import Preemption
from stockpile.allocation.tables import Request
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.rules import require, require_other
from stockpile.inventory import eligibility, reserving
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.reserving import Released
from stockpile.inventory.tables import Lot, Transfer, TransferLine


class NotGraver(Conflict):
    """Reserved stock is taken back only for a request of higher priority."""

    code = "not_graver"


class CannotServe(Conflict):
    """The stock that would be taken back cannot serve the request it is wanted for."""

    code = "cannot_serve"


def cancel(session: Session, act: Act, *, number: int, line: int | None, reason: str) -> list[Released]:
    """Cancel an approved transfer or one line of it by hand; its requests say what they have left."""
    released = reserving.cancel(session, act, number=number, line=line, reason=reason)
    _settle(session, released)
    return released


def expire(session: Session, act: Act) -> list[Released]:
    """Give back every reservation that expired before it was picked; its requests say what they have left."""
    released = reserving.expire(session, act)
    _settle(session, released)
    return released


def _settle(session: Session, released: Sequence[Released]) -> None:
    back: dict[int, int] = defaultdict(int)
    for one in released:
        kind, _, number = one.reference.partition(":")
        if kind == "request" and number.isdigit():
            back[int(number)] += one.quantity
    for asked, request in allocation.requests_by_number(session, back, lock=True).items():
        request.allocated = max(0, request.allocated - back[asked])
        if request.state in (rules.ALLOCATED, rules.PART_ALLOCATED):
            request.state = rules.state_after(got=request.allocated, validated=request.validated)
        session.add(request)


def propose(session: Session, act: Act, *, line: int, request: int, quantity: int, reason: str) -> Preemption:
    """Propose to take reserved base units (whole packs) back for an open request of higher priority; nothing moves yet.

    Refuses what has been picked or has left, what is not of lower priority, and another item.
    """
    require(act.actor, "reservation.preempt")
    if not reason.strip():
        raise Invalid("taking back what was promised needs a reason", field="reason")
    loser, transfer, lot = _line(session, line)
    winner = allocation.request(session, request)
    _require_graver(loser, lot, winner)
    _require_there(session, loser, transfer, lot, quantity)
    made = Preemption(
        transfer_line_id=line,
        member_code=loser.member_code,
        request_id=request,
        quantity=quantity,
        reason=reason,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(made)
    session.flush()
    payload = {"line": line, "for": request, "quantity": quantity}
    journal.record(
        session, act, action="preemption.propose", subject=f"preemption:{made.id}", payload=payload, reason=reason
    )
    return made


def approve(session: Session, act: Act, *, number: int) -> Preemption:
    """Approve another person's pre-emption: the stock is available again, and who loses it is told why.

    The next plan serves the graver request first. Refuses who proposed it or
    made the request, and stock that cannot serve that request.
    """
    require(act.actor, "preemption.approve")
    found = queries.preemption(session, number, lock=True)
    if found.approved_by is not None:
        raise Conflict(f"pre-emption {number} was approved before")
    loser, transfer, lot = _line(session, found.transfer_line_id)
    winner = allocation.request(session, found.request_id, lock=True)
    authors = {winner.requested_by: f"made request {winner.id}"}
    require_other(act.actor, authors | {found.proposed_by: f"proposed pre-emption {number}"})
    _require_graver(loser, lot, winner)
    _require_there(session, loser, transfer, lot, found.quantity)
    found.statement = _statement(found, loser, transfer, lot, winner)
    wanted = {found.transfer_line_id: found.quantity}
    _settle(session, reserving.release(session, act, wanted, action="reservation.preempt", reason=found.statement))
    _require_served(session, act, transfer, lot, winner)
    found.approved_by, found.approved_at = act.actor.id, act.at
    session.add(found)
    payload = {"line": loser.id, "for": winner.id, "quantity": found.quantity, "told": found.statement}
    subject = f"member:{found.member_code}"
    journal.record(session, act, action="preemption.approve", subject=subject, payload=payload, reason=found.reason)
    return found


def _line(session: Session, number: int) -> tuple[TransferLine, Transfer, Lot]:
    line = session.get(TransferLine, number)
    if line is None:
        raise NotFound(f"there is no transfer line {number}", field="line", value=number)
    return line, inventory.transfer(session, line.transfer_id), inventory.lot(session, line.lot_id)


def _require_graver(loser: TransferLine, lot: Lot, winner: Request) -> None:
    if winner.state != rules.VALIDATED:
        raise NotGraver(f"request {winner.id} is {winner.state}: only an open request is served", state=winner.state)
    if winner.item_code != lot.item_code:
        raise NotGraver(f"request {winner.id} asks for {winner.item_code}, the line holds {lot.item_code}")
    if winner.priority >= loser.priority:
        raise NotGraver(
            f"request {winner.id} has priority {winner.priority}, the line {loser.priority}: only a graver need "
            "(a lower number) takes what was promised",
            wants=winner.priority,
            holds=loser.priority,
        )


def _require_there(session: Session, line: TransferLine, transfer: Transfer, lot: Lot, quantity: int) -> None:
    pack, left = catalogue.item(session, lot.item_code).pack_size, line.quantity - line.cancelled
    if transfer.state != stock.APPROVED or transfer.picked_at is not None:
        state = "picked" if transfer.state == stock.APPROVED else transfer.state
        raise reserving.NotReserved(f"transfer {transfer.id} is {state}: it is not touched", state=state)
    if not 0 < quantity <= left or quantity % pack:
        raise Invalid(f"give whole packs of {pack}, at most the {left} that are reserved", field="quantity")


def _require_served(session: Session, act: Act, transfer: Transfer, lot: Lot, winner: Request) -> None:
    """Refuse where the stock could not go to the request anyhow: the same predicate as planning decides."""
    session.flush()
    ground = snapshot.take(session, [winner], at=act.at)
    supply = f"{lot.id}@{transfer.origin}"
    if not any(lane.lot == supply for pool in ground.problem.pools for lane in pool.lanes):
        why = eligibility.OBSTACLES.get(ground.unreachable.get(winner.id or 0, ""), "the lot is not fit for it")
        raise CannotServe(f"lot {lot.code} at {transfer.origin} cannot serve request {winner.id}: {why}", lot=lot.code)


def _statement(found: Preemption, line: TransferLine, transfer: Transfer, lot: Lot, winner: Request) -> str:
    return (
        f"{found.quantity} of {lot.item_code} (lot {lot.code}), reserved for {line.member_code} at {transfer.origin} "
        f"with priority {line.priority} ({line.reference}, transfer {transfer.id}), were taken back for request "
        f"{winner.id} of {winner.member_code} with priority {winner.priority}: {found.reason}"
    )
