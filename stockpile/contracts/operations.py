"""Call-offs: proposed with reasons, approved by another person, received line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import placing, queries, rules
from stockpile.contracts.tables import CallOff, CallOffLine, ContractLine, Delivery
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as terms_rules
from stockpile.contracts.terms.drafting import UnknownLine
from stockpile.contracts.terms.limits import CeilingReached, ContractEnded
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other

__all__ = ["CeilingReached", "ContractEnded"]


class WrongState(Conflict):
    """The call-off is not in the state that this needs."""

    code = "calloff_state"


class OverDelivery(Invalid):
    """More than was ordered."""

    code = "over_delivery"


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One item of an order to propose; price per pack in minor units."""

    item: str
    packs: int
    pack_size: int
    pack_price_minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How an order came about: by a run, by hand or for a shortage; of which kind, for whom, and with which fee."""

    origin: str = rules.RUN
    kind: str = terms_rules.NORMAL
    member: str | None = None
    fee_minor: int = 0
    state: str = rules.PROPOSED


def propose(
    session: Session,
    act: Act,
    *,
    contract: str,
    slot: str,
    deliver_to: str,
    lines: Sequence[LineDraft],
    manner: Manner = Manner(),
) -> CallOff:
    """A proposed call-off with a reason per line; it orders nothing before another person approves it."""
    by_run = manner.origin == rules.RUN
    require(act.actor, "reorder.run" if by_run else "calloff.propose", member=manner.member)
    calloff = CallOff(
        contract_code=contract,
        slot=slot,
        state=manner.state,
        deliver_to=deliver_to,
        proposed_by=act.actor.id,
        proposed_at=act.at,
        cost_minor=sum(line.packs * line.pack_price_minor for line in lines) + manner.fee_minor,
        fee_minor=manner.fee_minor,
        member_code=manner.member,
        kind=manner.kind,
        origin=manner.origin,
    )
    session.add(calloff)
    session.flush()
    assert calloff.id is not None
    session.add_all(_line(calloff.id, draft) for draft in lines)
    payload = {"contract": contract, "slot": slot, "cost_minor": calloff.cost_minor, "lines": _listed(lines)}
    journal.record(session, act, action="calloff.propose", subject=f"calloff:{calloff.id}", payload=payload)
    return calloff


def drop_earlier_proposals(session: Session, act: Act, *, slot: str) -> int:
    """Cancel what earlier runs proposed and nobody approved: tonight's run answers the same shortage anew."""
    require(act.actor, "reorder.run")
    of_runs = (col(CallOff.origin) == rules.RUN, col(CallOff.state).in_(rules.WAITING_STATES))
    earlier = update(CallOff).where(*of_runs, col(CallOff.slot) != slot)
    dropped = rows_changed(session, earlier.values(state=rules.CANCELLED))
    if dropped:
        journal.record(session, act, action="calloff.cancel", subject=f"slot:{slot}", payload={"cancelled": dropped})
    return dropped


def approve(session: Session, act: Act, *, number: int) -> CallOff:
    """Approve a proposed call-off: the order stands, and its cost is taken from the contract's ceiling."""
    require(act.actor, "calloff.approve")
    calloff = queries.calloff(session, number)
    _require_state(calloff, rules.PROPOSED)
    require_other(act.actor, {calloff.proposed_by: f"proposed call-off {number}"})
    under = gate.decide(session, act, approval_of(session, number))
    today = governance.local_day(session, act.at)
    limits.require_orderable(session, calloff.contract_code, today)
    order = placing.order_of(session, calloff)
    limits.require_listed(session, order)
    placing.require_price(session, calloff, today)
    placing.exercise(session, calloff, today)
    limits.take(session, order)
    _claim_state(session, calloff, rules.PROPOSED, rules.APPROVED)
    version, terms = agreed.terms_on(session, calloff.contract_code, today)
    calloff.approved_by, calloff.approved_at, calloff.contract_version = act.actor.id, act.at, version
    calloff.expected_at = act.at + timedelta(days=placing.lead_days(session, calloff, terms))
    session.add(calloff)
    payload = {"cost_minor": calloff.cost_minor, "expected_at": calloff.expected_at.isoformat(), **under.told}
    journal.record(session, act, action="calloff.approve", subject=f"calloff:{number}", payload=payload)
    return calloff


def approval_of(session: Session, number: int) -> Effect:
    """What approving a call-off is, as the committee decides it: its contract, its lines, and what it costs."""
    calloff = queries.calloff(session, number)
    lines = [[line.item_code, line.packs, line.pack_price_minor] for line in queries.lines(session, number)]
    payload = {"contract": calloff.contract_code, "cost_minor": calloff.cost_minor, "lines": lines}
    return Effect("calloff.approve", f"calloff:{number}", payload, value_minor=calloff.cost_minor)


def receive_line(
    session: Session, act: Act, *, line_number: int, site: str, item: str, quantity: int, expiry: date | None = None
) -> CallOffLine:
    """Book base units as received on a line of an approved call-off; refuses more than was ordered, or elsewhere.

    Called by the receipt that posts the stock, in the same transaction.
    """
    line, calloff = _expected(session, act, line_number=line_number, site=site, item=item)
    open_quantity = queries.still_open(line)
    if quantity > open_quantity:
        raise OverDelivery(
            f"clause O1: line {line_number} has {open_quantity} open, {quantity} were given",
            field="quantity",
            open=open_quantity,
        )
    _book(session, calloff, line, received=quantity)
    session.add(_arrived(act, calloff, line, quantity, expiry))
    return line


@dataclass(frozen=True, slots=True)
class Booked:
    """How what came divides, in base units: on the order, beyond it within tolerance, and beyond that."""

    ordered: int
    tolerated: int
    surplus: int


def receive_arrival(
    session: Session, act: Act, *, line_number: int, site: str, item: str, quantity: int, expiry: date | None = None
) -> Booked:
    """Book what came on a line of an approved call-off; what is beyond the order is told and refused by nobody here.

    The tolerated part counts against the contract's ceiling; where the ceiling
    leaves no room for it, it is surplus like the rest.
    """
    line, calloff = _expected(session, act, line_number=line_number, site=site, item=item)
    terms = queries.terms(session, line)
    ordered = min(quantity, queries.still_open(line))
    beyond = quantity - ordered
    tolerated = min(beyond, max(0, line.quantity * terms.tolerance_percent // 100 - line.over))
    if tolerated and not limits.took(session, _beyond(calloff, line, tolerated)):
        tolerated = 0
    _book(session, calloff, line, received=ordered, over=tolerated)
    if ordered + tolerated:
        session.add(_arrived(act, calloff, line, ordered + tolerated, expiry))
    return Booked(ordered, tolerated, beyond - tolerated)


def accept_surplus(session: Session, act: Act, *, line_number: int, quantity: int) -> CallOffLine:
    """Buy base units that came beyond order and tolerance: their cost is taken from the contract's ceiling."""
    require(act.actor, "surplus.decide")
    line = queries.line(session, line_number)
    calloff = queries.calloff(session, line.calloff_id, lock=True)
    session.refresh(line)
    limits.take(session, _beyond(calloff, line, quantity))
    line.over += quantity
    session.add(line)
    session.add(_arrived(act, calloff, line, quantity, None))
    payload = {"line": line_number, "over": quantity, "cost_minor": _cost(line, quantity)}
    journal.record(session, act, action="calloff.surplus", subject=f"calloff:{calloff.id}", payload=payload)
    return line


def set_delivery_terms(
    session: Session, act: Act, *, contract: str, item: str, tolerance_percent: int, whole_packs: bool
) -> ContractLine:
    """Set how much more than ordered a delivery may bring (percent), and whether only whole packs are taken in."""
    require(act.actor, "contract.terms")
    line = session.get(ContractLine, (contract, item))
    if line is None:
        raise NotFound(f"contract {contract} has no line for {item}", field="item", value=item)
    payload = {"item": item, "tolerance_percent": tolerance_percent, "whole_packs": whole_packs}
    under = gate.decide(session, act, Effect("contract.terms", f"contract:{contract}", payload))
    line.tolerance_percent, line.whole_packs = tolerance_percent, whole_packs
    session.add(line)
    payload |= under.told
    journal.record(session, act, action="contract.terms", subject=f"contract:{contract}", payload=payload)
    return line


def close_short(session: Session, act: Act, *, line_number: int, reason: str) -> CallOffLine:
    """Close a line of an open call-off short: what has not come will not come; its cost frees the ceiling again.

    A surge option gets back what was not delivered of it; its fee is free again where nothing came of the order.
    """
    require(act.actor, "calloff.close")
    line = queries.line(session, line_number)
    calloff = queries.calloff(session, line.calloff_id, lock=True)
    session.refresh(line)
    missing = queries.still_open(line)
    if calloff.state not in rules.OPEN_STATES or not missing:
        raise WrongState(f"line {line_number} of call-off {calloff.id} has nothing open: it cannot be closed short")
    if not reason.strip():
        raise Invalid(f"line {line_number} is closed short only with a reason", field="reason")
    line.closed, line.closed_reason = line.closed + missing, reason
    _book(session, calloff, line)
    fee = placing.release_option(session, calloff, line, missing)
    freed = missing * line.packs // line.quantity * line.pack_price_minor
    limits.give_back(session, limits.Order(calloff.contract_code, {line.item_code: freed}, calloff.member_code))
    payload = {"line": line_number, "closed": missing, "freed_minor": freed, "fee_minor": fee}
    subject = f"calloff:{calloff.id}"
    journal.record(session, act, action="calloff.close_short", subject=subject, payload=payload, reason=reason)
    return line


def _arrived(act: Act, calloff: CallOff, line: CallOffLine, quantity: int, expiry: date | None) -> Delivery:
    return Delivery(
        calloff_line_id=line.id or 0, quantity=quantity, arrived_at=act.at, due_at=calloff.expected_at, expiry=expiry
    )


def _expected(session: Session, act: Act, *, line_number: int, site: str, item: str) -> tuple[CallOffLine, CallOff]:
    """The line and its call-off, locked; refuses what is not expected of this item at this site."""
    line = queries.line(session, line_number)
    calloff = queries.calloff(session, line.calloff_id, lock=True)
    session.refresh(line)
    if calloff.state not in rules.OPEN_STATES:
        raise WrongState(f"call-off {calloff.id} is {calloff.state}: nothing to receive on it", state=calloff.state)
    stands = agreed.standing(session, calloff.contract_code, governance.local_day(session, act.at))
    if not terms_rules.may_deliver(stands):
        raise limits.ContractEnded(
            f"clause K4: contract {calloff.contract_code} is {stands}: nothing is delivered on call-off {calloff.id}",
            clause="K4",
            state=stands,
        )
    if calloff.deliver_to != site:
        raise Invalid(f"call-off {calloff.id} is to be delivered to {calloff.deliver_to}, not {site}", field="site")
    if line.item_code != item:
        raise Invalid(f"line {line_number} orders {line.item_code}, not {item}", field="item", value=item)
    return line, calloff


def _book(session: Session, calloff: CallOff, line: CallOffLine, *, received: int = 0, over: int = 0) -> None:
    """Add to what came on a line whose call-off is locked, and say how far the whole call-off is."""
    line.received, line.over = line.received + received, line.over + over
    session.add(line)
    session.flush()
    lines = queries.lines(session, line.calloff_id)
    everything = all(queries.still_open(one) == 0 for one in lines)
    anything = any(one.received or one.over for one in lines)
    ended = rules.DELIVERED if anything else rules.SHORT_CLOSED
    calloff.state = ended if everything else rules.PART_DELIVERED
    session.add(calloff)


def _beyond(calloff: CallOff, line: CallOffLine, quantity: int) -> limits.Order:
    """What base units beyond an order take from its contract."""
    return limits.Order(calloff.contract_code, {line.item_code: _cost(line, quantity)}, calloff.member_code)


def _cost(line: CallOffLine, quantity: int) -> int:
    """Minor units for so many base units of a line, whole packs."""
    return -(-quantity * line.packs // line.quantity) * line.pack_price_minor


def _claim_state(session: Session, calloff: CallOff, old: str, new: str) -> None:
    moved = update(CallOff).where(col(CallOff.id) == calloff.id, col(CallOff.state) == old).values(state=new)
    if not rows_changed(session, moved):
        raise WrongState(f"call-off {calloff.id} was changed by someone else just now")
    session.refresh(calloff)


def _require_state(calloff: CallOff, state: str) -> None:
    if calloff.state != state:
        raise WrongState(f"call-off {calloff.id} is {calloff.state}, not {state}", state=calloff.state)


def _line(calloff_id: int, draft: LineDraft) -> CallOffLine:
    return CallOffLine(
        calloff_id=calloff_id,
        item_code=draft.item,
        packs=draft.packs,
        quantity=draft.packs * draft.pack_size,
        pack_price_minor=draft.pack_price_minor,
        reason=draft.reason,
    )


def _listed(lines: Sequence[LineDraft]) -> list[list[object]]:
    return [[line.item, line.packs, line.pack_price_minor, line.reason] for line in lines]


def set_buy_back(
    session: Session, act: Act, *, contract: str, item: str, percent: int | None, days: int | None, reason: str
) -> ContractLine:
    """Note at what percent of the price a supplier buys back what still lasts so many days; None: it does not."""
    require(act.actor, "contract.terms")
    line = session.get(ContractLine, (contract, item))
    if line is None:
        raise UnknownLine(f"contract {contract} has no item {item}", field="item", value=item)
    if agreed.amended_line(session, contract, item):
        raise Conflict(
            f"an amendment of contract {contract} says what is bought back of {item}: change it by another amendment",
            field="item",
        )
    if not _whole_terms(percent, days) or not reason.strip():
        raise Invalid(
            "buying back needs 1 to 100 percent, days from zero up, and the clause as reason", field="percent"
        )
    payload = {"item": item, "percent": percent, "days": days}
    under = gate.decide(session, act, Effect("contract.terms", f"contract:{contract}", payload))
    line.buy_back_percent, line.buy_back_days = percent, days
    session.add(line)
    session.flush()
    payload |= under.told
    journal.record(
        session, act, action="contract.buy_back", subject=f"contract:{contract}", payload=payload, reason=reason
    )
    return line


def _whole_terms(percent: int | None, days: int | None) -> bool:
    if percent is None or days is None:
        return percent is days
    return 1 <= percent <= 100 and days >= 0
