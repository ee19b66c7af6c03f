"""The steps of an order beside its approval and receipt; each is refused in the wrong state, with what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnClause, column, table
from sqlalchemy import select as select_columns
from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import operations as orders
from stockpile.contracts import placing, queries, rules
from stockpile.contracts.calloffs import queries as history
from stockpile.contracts.calloffs import rules as steps
from stockpile.contracts.calloffs.tables import Shipment
from stockpile.contracts.operations import LineDraft, Manner, WrongState
from stockpile.contracts.tables import CallOff, CallOffLine, ContractLine
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as terms_rules
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many packs of an item, and why."""

    item: str
    packs: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Base units of a line that are not accepted, and why."""

    line: int
    quantity: int
    reason: str


class ClauseBroken(Conflict):
    """The order breaks a clause of the contract; the message names it."""

    code = "clause_broken"


class NothingAccepted(Conflict):
    """More would be rejected than came."""

    code = "rejected_beyond_delivery"


def draft(
    session: Session,
    act: Act,
    *,
    contract: str,
    slot: str,
    deliver_to: str,
    wanted: Sequence[Wanted],
    member: str | None = None,
    suggest: bool = False,
) -> CallOff:
    """An order by hand at the prices of today: proposed, or only suggested until somebody adopts it.

    Refuses, by the clause's name, what breaks minimum order, pack multiple,
    calendar, term (K4) or the list of members (K7).
    """
    require(act.actor, "calloff.propose", member=member)
    require_place(session, contract, slot, deliver_to)
    today = governance.local_day(session, act.at)
    limits.require_orderable(session, contract, today)
    drafts = _priced(session, contract, wanted, today)
    _require_clauses(session, contract, drafts, today)
    costs = {one.item: one.packs * one.pack_price_minor for one in drafts}
    limits.require_listed(session, limits.Order(contract, costs, member))
    manner = Manner(rules.HAND, member=member, state=rules.SUGGESTED if suggest else rules.PROPOSED)
    given: dict[str, Any] = {"contract": contract, "slot": slot, "deliver_to": deliver_to, "lines": drafts}
    return orders.propose(session, act, manner=manner, **given)


def require_place(session: Session, contract: str, slot: str, deliver_to: str) -> None:
    """Refuse a site that does not exist (the storeroom above owns them), and a slot used before."""
    agreed.contract(session, contract)
    code: ColumnClause[str] = column("code")
    known = select_columns(code).select_from(table("site")).where(code == deliver_to)
    if session.connection().scalar(known) is None:
        raise Invalid(f"there is no site {deliver_to}", field="deliver_to", value=deliver_to)
    used = select(CallOff.id).where(CallOff.contract_code == contract, CallOff.slot == slot)
    if session.exec(used).first() is not None:
        raise Conflict(f"contract {contract} has an order of the slot {slot}: choose another", field="slot", value=slot)


def _priced(session: Session, contract: str, wanted: Sequence[Wanted], today: date) -> list[LineDraft]:
    tiers = agreed.tiers_on(session, today, code=contract)
    if not wanted or len({one.item for one in wanted}) != len(wanted):
        raise Invalid("an order has at least one line, and each item once", field="lines")
    drafts = []
    for row, one in enumerate(wanted, start=1):
        known = tiers.get((contract, one.item))
        if not known or one.packs < known[0][0]:
            raise Invalid(f"line {row}: contract {contract} has no price for {one.packs} packs of {one.item}", row=row)
        size = catalogue.item(session, one.item).pack_size
        drafts.append(LineDraft(one.item, one.packs, size, rules.tier_price(known, one.packs), one.reason))
    return drafts


def _require_clauses(session: Session, contract: str, drafts: Sequence[LineDraft], today: date) -> None:
    _, terms = agreed.terms_on(session, contract, today)
    faults = [steps.day_fault(terms.order_weekdays, today)]
    for row, one in enumerate(drafts, start=1):
        line = session.get_one(ContractLine, (contract, one.item))
        fault = steps.pack_fault(one.packs, minimum=line.minimum_packs, multiple=line.pack_multiple)
        faults.append(f"line {row}, {one.item}: {fault}" if fault else "")
    cost = sum(one.packs * one.pack_price_minor for one in drafts)
    if cost < terms.minimum_order_minor:
        faults.append(f"clause minimum order: {cost} is less than {terms.minimum_order_minor}")
    if any(faults):
        raise ClauseBroken("; ".join(filter(None, faults)), contract=contract, faults=list(filter(None, faults)))


def change(session: Session, act: Act, *, number: int, packs: Mapping[str, int], reason: str) -> CallOff:
    """Put an order of other sizes in the place of one that waits; another person approves it.

    `packs`: of each item named, so many (0: none of it); the other lines stay.
    The order that waited is turned down, or cancelled by who proposed it, for
    the same reason. Refuses what `draft` refuses, an item that is not in the
    order, and orders by option or from immediate shares, whose terms are fixed.
    """
    require(act.actor, "calloff.propose", member=queries.calloff(session, number).member_code)
    calloff = _in(session, number, "reject")
    lines = queries.lines(session, number)
    unknown = sorted(set(packs) - {line.item_code for line in lines})
    if calloff.kind != terms_rules.NORMAL:
        raise Conflict(f"call-off {number} is of the kind {calloff.kind}: refuse it, or approve it as it is")
    if unknown:
        raise Invalid(f"call-off {number} has no line for {', '.join(unknown)}", field="packs", value=unknown)
    if not reason.strip():
        raise Invalid("an order is changed only with a reason", field="reason")
    wanted = [_changed(line, packs.get(line.item_code, line.packs), reason) for line in lines]
    made = draft(
        session,
        act,
        contract=calloff.contract_code,
        slot=f"instead of {number}",
        deliver_to=calloff.deliver_to,
        wanted=[one for one in wanted if one.packs],
        member=calloff.member_code,
    )
    end = cancel if calloff.proposed_by == act.actor.id else reject
    end(session, act, number=number, reason=reason)
    return made


def _changed(line: CallOffLine, packs: int, reason: str) -> Wanted:
    if packs == line.packs:
        return Wanted(line.item_code, packs, line.reason)
    return Wanted(line.item_code, packs, f"{reason}; {line.packs} packs were proposed: {line.reason}")


def adopt(session: Session, act: Act, *, number: int) -> CallOff:
    """Make a suggested order one's own proposal; another person approves it."""
    require(act.actor, "calloff.propose", member=queries.calloff(session, number).member_code)
    calloff = _in(session, number, "adopt")
    calloff.proposed_by, calloff.proposed_at = act.actor.id, act.at
    return _moved(session, act, calloff, rules.PROPOSED, "adopt")


def reject(session: Session, act: Act, *, number: int, reason: str) -> CallOff:
    """Turn another person's suggested or proposed order down, with the reason."""
    require(act.actor, "calloff.reject", member=queries.calloff(session, number).member_code)
    calloff = _in(session, number, "reject")
    require_other(act.actor, {calloff.proposed_by: f"proposed call-off {number}: cancel it"})
    return _ended(session, act, calloff, rules.REJECTED, reason)


def cancel(session: Session, act: Act, *, number: int, reason: str) -> CallOff:
    """Cancel an order of which nothing was shipped or received; its cost, and an option's units, are free again."""
    require(act.actor, "calloff.close", member=queries.calloff(session, number).member_code)
    calloff = _in(session, number, "cancel")
    if calloff.state in rules.UNTOUCHED_STATES:
        limits.give_back(session, placing.order_of(session, calloff))
        _free_options(session, calloff)
        session.refresh(calloff)
    return _ended(session, act, calloff, rules.CANCELLED, reason)


def _free_options(session: Session, calloff: CallOff) -> None:
    if calloff.kind == terms_rules.OPTION:
        for line in queries.lines(session, calloff.id or 0):
            limits.give_option_back(session, calloff.contract_code, line.item_code, line.quantity)


def send(session: Session, act: Act, *, number: int) -> CallOff:
    """Note that an approved order has been sent to its supplier."""
    require(act.actor, "calloff.send", member=queries.calloff(session, number).member_code)
    calloff = _in(session, number, "send")
    calloff.sent_at = act.at
    return _moved(session, act, calloff, rules.SENT, "send")


def acknowledge(session: Session, act: Act, *, number: int) -> CallOff:
    """The supplier has the order; the journal and the scorecard keep in how many business days of where it goes."""
    calloff = _answered(session, act, number, "acknowledge")
    calloff.acknowledged_at = act.at
    sent = governance.local_day(session, calloff.sent_at or act.at)
    country = queries.country_of(session, calloff)
    days = steps.business_days(sent, governance.local_day(session, act.at), country=country)
    return _moved(session, act, calloff, rules.ACKNOWLEDGED, "acknowledge", payload={"business_days": days})


def confirm(session: Session, act: Act, *, number: int, comes_at: datetime) -> CallOff:
    """The supplier says when the goods come; what the contract says of the day they are due is not changed by it."""
    calloff = _answered(session, act, number, "confirm")
    if comes_at <= act.at:
        raise Invalid("a delivery is confirmed for an instant that lies ahead", field="comes_at")
    calloff.confirmed_for = comes_at
    late = calloff.expected_at is not None and comes_at > calloff.expected_at
    payload = {"for": comes_at.isoformat(), "late": late}
    return _moved(session, act, calloff, rules.CONFIRMED, "confirm", payload=payload)


def ship(
    session: Session,
    act: Act,
    *,
    number: int,
    reference: str,
    shipped_at: datetime,
    pallets: Sequence[str] = (),
    expected_at: datetime | None = None,
) -> Shipment:
    """The supplier's notice that goods of an order are on their way; the same reference counts once."""
    calloff = _answered(session, act, number, "ship")
    if any(one.reference == reference for one in history.shipments(session, number)):
        raise Conflict(f"shipment {reference} of call-off {number} is noted already", field="reference")
    if shipped_at > act.at + timedelta(minutes=5) or (expected_at and expected_at < shipped_at):
        raise Invalid("goods are shipped before they are noted and before they come", field="shipped_at")
    row = Shipment(
        calloff_id=number,
        reference=reference,
        pallets=" ".join(pallets),
        shipped_at=shipped_at,
        expected_at=expected_at,
        noted_by=act.actor.id,
    )
    session.add(row)
    after = calloff.state if calloff.state == rules.PART_DELIVERED else rules.PART_SHIPPED
    _moved(session, act, calloff, after, "ship", payload={"reference": reference})
    return row


def close_short(session: Session, act: Act, *, number: int, reason: str) -> CallOff:
    """Close all that is still open of an order: it will not come, and its cost is free again."""
    require(act.actor, "calloff.close")
    _in(session, number, "close_short")
    for line in queries.lines(session, number):
        if queries.still_open(line):
            orders.close_short(session, act, line_number=line.id or 0, reason=reason)
    calloff = queries.calloff(session, number)
    if calloff.state == rules.SHORT_CLOSED:
        calloff.ended_at, calloff.ended_reason = act.at, reason
        session.add(calloff)
    return calloff


def accept(session: Session, act: Act, *, number: int, rejected: Sequence[Rejected] = ()) -> CallOff:
    """Accept what an order delivered, but for what is rejected of it with the reason; only that is ever paid."""
    require(act.actor, "calloff.accept", site=queries.calloff(session, number).deliver_to)
    calloff = _in(session, number, "accept")
    lines = {line.id: line for line in queries.lines(session, number)}
    for row, one in enumerate(rejected, start=1):
        if one.line not in lines or not one.reason.strip() or one.quantity <= 0:
            raise Invalid(f"row {row}: name a line of call-off {number}, how many and why", field="rejected", row=row)
        _reject_units(session, lines[one.line], one)
    refused = [[one.line, one.quantity, one.reason] for one in rejected]
    return _moved(session, act, calloff, rules.ACCEPTED, "accept", payload={"rejected": refused})


def _reject_units(session: Session, line: CallOffLine, one: Rejected) -> None:
    came = [row for row in queries.deliveries(session, line.calloff_id) if row.calloff_line_id == line.id]
    free = [row.quantity - row.rejected for row in came]
    if one.quantity > sum(free):
        raise NothingAccepted(
            f"line {line.id}: {one.quantity} are rejected and {sum(free)} came that are not rejected yet",
            line=line.id,
            delivered=sum(free),
        )
    for row, part in zip(came, steps.spread(one.quantity, free), strict=True):
        if part:
            row.rejected, row.reject_reason = row.rejected + part, one.reason
            session.add(row)
    session.flush()


def _answered(session: Session, act: Act, number: int, step: str) -> CallOff:
    """The order, for a step that the supplier takes itself or a buyer notes for it."""
    calloff = queries.calloff(session, number)
    require(act.actor, "calloff.answer", member=history.supplier_of(session, calloff))
    return _in(session, number, step)


def _in(session: Session, number: int, step: str) -> CallOff:
    calloff = queries.calloff(session, number, lock=True)
    if calloff.state not in steps.FROM[step]:
        known = ", ".join(steps.FROM[step])
        raise WrongState(
            f"call-off {number} is {calloff.state}: to {step.replace('_', ' ')} it must be {known}",
            state=calloff.state,
            states=list(steps.FROM[step]),
        )
    return calloff


def _ended(session: Session, act: Act, calloff: CallOff, state: str, reason: str) -> CallOff:
    if not reason.strip():
        raise Invalid(f"call-off {calloff.id} is {state} only with a reason", field="reason")
    calloff.ended_at, calloff.ended_reason = act.at, reason
    return _moved(session, act, calloff, state, "reject" if state == rules.REJECTED else "cancel", reason=reason)


def _moved(session: Session, act: Act, calloff: CallOff, state: str, step: str, **more: Any) -> CallOff:
    """Bring an order into its next state and journal the step; `payload` and `reason` as the journal takes them."""
    told = {"from": calloff.state, "to": state, **more.get("payload", {})}
    calloff.state = state
    session.add(calloff)
    session.flush()
    given: dict[str, Any] = {"subject": f"calloff:{calloff.id}", "payload": told, "reason": more.get("reason", "")}
    journal.record(session, act, action=f"calloff.{step}", **given)
    return calloff
