"""Booking costs, dividing a period to the cent, closing it for ever; lending, returning, selling what stays away."""

from __future__ import annotations

import hashlib
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session, col, delete, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.contingency import queries as contingency
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.members import operations as membership
from stockpile.governance.rules import require, require_other
from stockpile.governance.standing import queries as standing
from stockpile.governance.tables import Region
from stockpile.inventory import queries as inventory
from stockpile.inventory.ownership.tables import OwnershipChange
from stockpile.settlement import queries, rules
from stockpile.settlement.tables import (
    CostEvent,
    Loan,
    LoanReturn,
    MemberReservation,
    SettlementCharge,
    SettlementPeriod,
)

DONE = "done"


class PeriodState(Conflict):
    """The settlement period is not in the state that this needs."""

    code = "settlement_state"


class LoanState(Conflict):
    """The loan is not in the state that this needs."""

    code = "loan_state"


class ExitOpen(Conflict):
    """Something of a member that wants to leave is not settled."""

    code = "exit_open"


class NotLikeForLike(Conflict):
    """What comes back is not what was lent: another item, or it does not last as long."""

    code = "not_like_for_like"


def open_period(
    session: Session, act: Act, *, name: str, starts_at: datetime, ends_at: datetime, cost_key: str, mix: rules.Mix
) -> SettlementPeriod:
    """A period to book costs in, with the key they are divided by; it overlaps no other."""
    require(act.actor, "settlement.book")
    session.exec(select(Region.id).with_for_update()).all()
    if starts_at >= ends_at:
        raise Invalid("a period ends after it begins", field="ends_at")
    if cost_key not in rules.KEYS or (cost_key == rules.MIXED and not mix.whole):
        raise Invalid(f"the key is one of {', '.join(rules.KEYS)}; the parts of a mixed one make 100", field="cost_key")
    for other in queries.periods(session):
        if other.name == name or (starts_at < other.ends_at and other.starts_at < ends_at):
            raise Invalid(f"period {other.name} has this name, or overlaps it", field="name", period=other.id)
    made = SettlementPeriod(
        name=name,
        starts_at=starts_at,
        ends_at=ends_at,
        cost_key=cost_key,
        mix_population=mix.population,
        mix_reservation=mix.reservation,
        mix_use=mix.use,
        state=rules.OPEN,
        opened_by=act.actor.id,
    )
    session.add(made)
    session.flush()
    payload = {"name": name, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "key": cost_key}
    journal.record(session, act, action="settlement.open", subject=f"settlement:{made.id}", payload=payload)
    return made


def reserve(session: Session, act: Act, *, member: str, value_minor: int, reason: str) -> MemberReservation:
    """Note what a member has reserved in the pool from now on, as a value."""
    require(act.actor, "settlement.book")
    governance.member(session, member)
    made = MemberReservation(
        member_code=member,
        value_minor=value_minor,
        since=act.at,
        reason=reason,
        set_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"value_minor": value_minor}
    journal.record(
        session, act, action="settlement.reserve", subject=f"member:{member}", payload=payload, reason=reason
    )
    return made


def book(
    session: Session,
    act: Act,
    *,
    period: int,
    kind: str,
    incurred_at: datetime,
    amount_minor: int,
    paid_by: str,
    borne_by: str = "",
    reference: str,
    reason: str,
    corrects: int | None = None,
) -> CostEvent:
    """Book a cost that somebody paid, to be borne by one member or (empty) by all by the period's key.

    A closed period takes none: what was wrong in it is put right by an entry
    of an open one that names it, and only such an entry may be below zero.
    """
    require(act.actor, "settlement.book")
    found = queries.period(session, period, lock=True)
    if found.state == rules.CLOSED:
        raise PeriodState(
            f"period {found.name} is closed: book a correction in an open one that names the entry", state=found.state
        )
    _check_event(session, found, incurred_at, amount_minor=amount_minor, corrects=corrects)
    if kind not in rules.KINDS:
        raise Invalid(f"a cost is one of {', '.join(rules.KINDS)}", field="kind", value=kind)
    _check_parties(session, paid_by, borne_by)
    made = CostEvent(
        period_id=period,
        kind=kind,
        incurred_at=incurred_at,
        amount_minor=amount_minor,
        paid_by=paid_by,
        borne_by=borne_by,
        reference=reference,
        reason=reason,
        corrects=corrects,
        booked_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    found.state = rules.OPEN
    session.add(found)
    _note_booked(session, act, made)
    return made


def _check_parties(session: Session, paid_by: str, borne_by: str) -> None:
    for party in {paid_by, borne_by} - {rules.POOL, ""}:
        governance.member(session, party)
    if borne_by == rules.POOL:
        raise Invalid("the pool is everybody: leave borne_by empty to divide by the key", field="borne_by")


def _note_booked(session: Session, act: Act, made: CostEvent) -> None:
    names = ("kind", "amount_minor", "paid_by", "borne_by", "reference", "corrects")
    payload = {"event": made.id} | {name: getattr(made, name) for name in names}
    subject = f"settlement:{made.period_id}"
    journal.record(session, act, action="settlement.book", subject=subject, payload=payload, reason=made.reason)


def _check_event(
    session: Session, period: SettlementPeriod, incurred_at: datetime, *, amount_minor: int, corrects: int | None
) -> None:
    old = session.get(CostEvent, corrects) if corrects is not None else None
    if corrects is not None and old is None:
        raise Invalid(f"there is no entry {corrects} to correct", field="corrects", value=corrects)
    if amount_minor == 0 or (amount_minor < 0 and old is None):
        raise Invalid("an amount is above zero; below it only where it corrects an entry", field="amount_minor")
    if old is None and not period.starts_at <= incurred_at < period.ends_at:
        raise Invalid(f"that day is not of period {period.name}", field="incurred_at")


def calculate(session: Session, act: Act, *, number: int) -> SettlementPeriod:
    """Divide every cost of a period to the cent, with the facts of its last instant; may be done anew until closed."""
    require(act.actor, "settlement.book")
    found = queries.period(session, number, lock=True)
    if found.state == rules.CLOSED:
        raise PeriodState(f"period {found.name} is closed: its charges stand", state=found.state)
    session.exec(delete(SettlementCharge).where(col(SettlementCharge.period_id) == number))
    shared = [one for one in queries.events(session, number) if not one.borne_by]
    weights = _weights(session, found) if shared else {}
    if shared and not sum(weights.values()):
        raise Invalid(
            f"nobody weighs anything by the key {found.cost_key} in {found.name}: note it first, or name who bears it",
            field="cost_key",
        )
    for event in queries.events(session, number):
        parts = {event.borne_by: event.amount_minor} if event.borne_by else rules.divide(event.amount_minor, weights)
        assert event.id is not None
        assert sum(parts.values()) == event.amount_minor
        session.add_all(
            SettlementCharge(event_id=event.id, member_code=member, period_id=number, amount_minor=amount)
            for member, amount in parts.items()
            if amount
        )
    found.state, found.calculated_by, found.calculated_at = rules.CALCULATED, act.actor.id, act.at
    session.add(found)
    session.flush()
    found.charges_digest = _digest(session, number)
    session.add(found)
    payload = {"charges": found.charges_digest}
    journal.record(session, act, action="settlement.calculate", subject=f"settlement:{number}", payload=payload)
    return found


def _weights(session: Session, found: SettlementPeriod) -> dict[str, Fraction]:
    """The period's weights; none where a part of its key is empty."""
    try:
        return queries.weights(session, found)
    except ZeroDivisionError:
        return {}


def _digest(session: Session, number: int) -> str:
    told = [[one.event_id, one.member_code, one.amount_minor] for one in queries.charges(session, number)]
    return hashlib.sha256(journal.canonical(told).encode()).hexdigest()


def close(session: Session, act: Act, *, number: int, reason: str) -> SettlementPeriod:
    """Close a calculated period for ever, by another person than who calculated it, once it is over."""
    require(act.actor, "settlement.close")
    found = queries.period(session, number, lock=True)
    if found.state != rules.CALCULATED or found.calculated_by is None:
        raise PeriodState(f"period {found.name} is {found.state}: calculate it first", state=found.state)
    require_other(act.actor, {found.calculated_by: f"calculated period {found.name}"})
    if act.at < found.ends_at:
        raise PeriodState(f"period {found.name} is not over before {found.ends_at:%Y-%m-%d %H:%M} UTC")
    found.state, found.closed_by, found.closed_at = rules.CLOSED, act.actor.id, act.at
    session.add(found)
    payload = {"charges": found.charges_digest, "nets": queries.nets(session, number)}
    journal.record(
        session, act, action="settlement.close", subject=f"settlement:{number}", payload=payload, reason=reason
    )
    return found


def lend(session: Session, act: Act, *, change: int, due_at: datetime, pack_price_minor: int) -> Loan:
    """Note that a change of owner was a loan: due back like for like, or sold at that price a pack."""
    require(act.actor, "settlement.book")
    moved = _moved(session, change)
    if moved.price_minor:
        raise Invalid("that change of owner was a sale: it has a price", field="change")
    if due_at <= act.at:
        raise Invalid("a loan falls due after it was given", field="due_at")
    if session.exec(select(Loan.id).where(Loan.lent_by_change == change)).first() is not None:
        raise LoanState(f"change of owner {change} is noted as a loan already")
    lot = inventory.lot(session, moved.lot_id)
    assert moved.decided_at is not None
    made = Loan(
        lender=moved.from_owner,
        borrower=moved.to_owner,
        item_code=lot.item_code,
        quantity=moved.quantity,
        lent_by_change=change,
        lent_at=moved.decided_at,
        lent_expiry=lot.expiry,
        due_at=due_at,
        pack_price_minor=pack_price_minor,
        state=rules.LENT,
        noted_by=act.actor.id,
    )
    session.add(made)
    session.flush()
    payload = {"change": change, "lender": made.lender, "borrower": made.borrower, "due_at": due_at.isoformat()}
    journal.record(session, act, action="loan.lend", subject=f"loan:{made.id}", payload=payload)
    return made


def give_back(session: Session, act: Act, *, number: int, change: int) -> Loan:
    """Count a change of owner back to the lender as a return: the same item, lasting as long as what was lent did."""
    require(act.actor, "settlement.book")
    loan = _running(session, number)
    moved = _moved(session, change)
    lot = inventory.lot(session, moved.lot_id)
    assert moved.decided_at is not None
    if (moved.from_owner, moved.to_owner) != (loan.borrower, loan.lender) or lot.item_code != loan.item_code:
        raise NotLikeForLike(
            f"loan {number} is {loan.item_code} from {loan.borrower} to {loan.lender}; this is "
            f"{lot.item_code} from {moved.from_owner} to {moved.to_owner}"
        )
    short = rules.shorter_by(
        lent_on=loan.lent_at.date(),
        lent_expiry=loan.lent_expiry,
        back_on=moved.decided_at.date(),
        back_expiry=lot.expiry,
    )
    if short:
        raise NotLikeForLike(f"lot {lot.code} lasts {short} days shorter than what was lent did then", days=short)
    if moved.quantity > loan.quantity - loan.returned:
        raise NotLikeForLike(f"{loan.quantity - loan.returned} are out on loan {number}, {moved.quantity} came back")
    if session.exec(select(LoanReturn.id).where(LoanReturn.change_id == change)).first() is not None:
        raise LoanState(f"change of owner {change} is counted as a return already")
    session.add(
        LoanReturn(
            loan_id=number,
            change_id=change,
            quantity=moved.quantity,
            expiry=lot.expiry,
            returned_at=moved.decided_at,
        )
    )
    loan.returned += moved.quantity
    loan.state = rules.RETURNED if loan.returned == loan.quantity else rules.PART_RETURNED
    session.add(loan)
    session.flush()
    payload = {"change": change, "quantity": moved.quantity, "state": loan.state}
    journal.record(session, act, action="loan.return", subject=f"loan:{number}", payload=payload)
    return loan


def convert(session: Session, act: Act, *, number: int, period: int, reason: str) -> Loan:
    """Sell what is still out on an overdue loan at its price: the borrower bears it, the lender is owed it."""
    require(act.actor, "settlement.book")
    loan = _running(session, number)
    if act.at < loan.due_at:
        raise LoanState(f"loan {number} may come back until {loan.due_at:%Y-%m-%d %H:%M} UTC", state=loan.state)
    if loan.borrower == rules.POOL:
        raise LoanState("what the pool borrowed is bought by an order, not by conversion")
    size = catalogue.item(session, loan.item_code).pack_size
    out = loan.quantity - loan.returned
    event = book(
        session,
        act,
        period=period,
        kind=rules.LOAN,
        incurred_at=act.at,
        amount_minor=rules.sale_minor(out, pack_size=size, pack_price_minor=loan.pack_price_minor),
        paid_by=loan.lender,
        borne_by=loan.borrower,
        reference=f"loan:{number}",
        reason=reason,
    )
    loan.state, loan.sold_by_event = rules.CONVERTED, event.id
    session.add(loan)
    payload = {"event": event.id, "quantity": out, "amount_minor": event.amount_minor}
    journal.record(session, act, action="loan.convert", subject=f"loan:{number}", payload=payload, reason=reason)
    return loan


def exit_statement(session: Session, act: Act, *, member: str) -> dict[str, Any]:
    """Put the statement of a member's exit on file: its nets by period. Refuses while anything of it is unsettled.

    That is a loan, an order, a dispute, stock of its own, and a period that has begun, or has costs, and is not closed.
    One statement for one notice: what was stated before the member gave notice is no statement of this exit.
    """
    require(act.actor, "settlement.close")
    governance.member(session, member)
    loans, orders = queries.open_with(session, member), queries.open_orders(session, member)
    stock = inventory.balances(session, owner=member, limit=1)
    pending = queries.pending(session, at=act.at)
    told = [f"loan {one} is open" for one in loans] + [f"period {one} is not closed" for one in pending]
    told += [f"order {one} is not accepted, paid or ended" for one in orders]
    told += [f"dispute {one} is not settled" for one in contingency.open_disputes(session, member)]
    told += [f"{member} still owns stock in the pool's depots"] if stock else []
    if told:
        facts = {"loans": loans, "periods": pending, "orders": orders}
        raise ExitOpen(f"{member} cannot leave yet: {'; '.join(told)}", **facts)
    nets = {one.name: queries.nets(session, one.id or 0).get(member, 0) for one in queries.periods(session)}
    notice = standing.since(session, member, at=act.at)
    stated = {"member": member, "nets": nets, "since": notice.isoformat() if notice else None}
    digest = hashlib.sha256(journal.canonical(stated).encode()).hexdigest()
    membership.keep_on_file(session, act, member=member, kind="statement", reference=f"settlement:{digest}")
    return {"member": member, "nets": nets, "digest": digest}


def _running(session: Session, number: int) -> Loan:
    loan = queries.loan(session, number, lock=True)
    if loan.state not in (rules.LENT, rules.PART_RETURNED):
        raise LoanState(f"loan {number} is {loan.state}", state=loan.state)
    return loan


def _moved(session: Session, number: int) -> OwnershipChange:
    found = session.get(OwnershipChange, number)
    if found is None or found.state != DONE:
        raise Invalid(f"there is no change of owner {number} that was confirmed", field="change", value=number)
    return found
