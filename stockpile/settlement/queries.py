"""Reading the settlement: keys of a period, statements with every charge behind them, loans, who helped whom."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select as select_columns
from sqlmodel import Session, and_, col, func, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts import rules as buying
from stockpile.contracts.tables import CallOff, CallOffLine, Delivery, PriceTier
from stockpile.contracts.terms import queries as agreed
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import queries as committee
from stockpile.governance.standing import queries as standing
from stockpile.inventory.tables import Lane, Lot, Transfer, TransferLine
from stockpile.journal import JournalEntry
from stockpile.settlement import rules, storing
from stockpile.settlement.tables import CostEvent, Loan, MemberReservation, SettlementCharge, SettlementPeriod

LISTED, PASSED_ON = "contract.reserve", "contract.transfer"
"""How the journal tells that members were listed with their shares, and that one passed a part of its own on."""
ENDED_WITHOUT = (buying.REJECTED, buying.CANCELLED, buying.SHORT_CLOSED)
"""The states of an order of which nothing came and nothing will."""


class UnknownPeriod(NotFound):
    """No settlement period has this number."""

    code = "unknown_settlement_period"


class UnknownLoan(NotFound):
    """No loan has this number."""

    code = "unknown_loan"


def period(session: Session, number: int, *, lock: bool = False) -> SettlementPeriod:
    """One period; `lock` holds it until the transaction ends."""
    found = session.get(SettlementPeriod, number, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise UnknownPeriod(f"there is no settlement period {number}", field="period", value=number)
    return found


def periods(session: Session) -> list[SettlementPeriod]:
    """All periods, the newest first."""
    return list(session.exec(select(SettlementPeriod).order_by(col(SettlementPeriod.starts_at).desc())))


def events(session: Session, number: int) -> list[CostEvent]:
    """The costs of a period in the order booked."""
    return list(session.exec(select(CostEvent).where(CostEvent.period_id == number).order_by(col(CostEvent.id))))


def charges(session: Session, number: int) -> list[SettlementCharge]:
    """The charges of a period, by cost and member."""
    query = select(SettlementCharge).where(SettlementCharge.period_id == number)
    return list(session.exec(query.order_by(col(SettlementCharge.event_id), col(SettlementCharge.member_code))))


def weights(session: Session, found: SettlementPeriod) -> dict[str, Fraction]:
    """What each member weighs in a period, with the facts of its last instant."""
    keys = {
        rules.POPULATION: standing.voters(session, at=found.ends_at),
        rules.RESERVATION: reserved(session, at=found.ends_at),
        rules.USE: used(session, found.starts_at, found.ends_at),
    }
    if found.cost_key == rules.MIXED:
        mix = rules.Mix(found.mix_population, found.mix_reservation, found.mix_use)
        return rules.mixed(mix, keys)
    return {member: Fraction(one) for member, one in keys[found.cost_key].items()}


def reserved(session: Session, *, at: datetime) -> dict[str, int]:
    """The value that each member had reserved at that instant, minor units: its shares of the contracts in force.

    Shares passed on later are counted back by the journal. What was noted by hand stands only for members that no
    contract in force names.
    """
    return dict(sorted((_noted(session, at=at) | _shares(session, at=at)).items()))


def _shares(session: Session, *, at: datetime) -> dict[str, int]:
    """What members have reserved in contracts in force then, as the shares stood then."""
    in_force = contracts.contracts_valid(session, governance.local_day(session, at))
    found: dict[str, int] = defaultdict(int)
    for code in in_force:
        for row in agreed.members(session, code):
            found[row.member_code] += row.reserved_minor
    for action, passed in _later(session, [f"contract:{code}" for code in in_force], at=at):
        if action == PASSED_ON:
            found[passed["from"]] += passed["amount_minor"]
            found[passed["to"]] -= passed["amount_minor"]
        else:
            for member, share in passed["shares"].items():
                found[member] -= share
    return {member: share for member, share in found.items() if share}


def _later(session: Session, subjects: list[str], *, at: datetime) -> list[tuple[str, dict[str, Any]]]:
    """What became of shares after that instant, by the journal."""
    query = select(JournalEntry).where(col(JournalEntry.action).in_((PASSED_ON, LISTED)))
    query = query.where(col(JournalEntry.subject).in_(subjects), JournalEntry.effective_at > at)
    return [(entry.action, json.loads(entry.payload)) for entry in session.exec(query)]


def _noted(session: Session, *, at: datetime) -> dict[str, int]:
    query = select(MemberReservation).where(col(MemberReservation.since) <= at)
    ordered = session.exec(query.order_by(col(MemberReservation.since), col(MemberReservation.id)))
    return {one.member_code: one.value_minor for one in ordered}


def used(session: Session, starts: datetime, ends: datetime) -> dict[str, int]:
    """The value of what each member received from the pool in that time, minor units, at the dearest tier's price.

    What no contract gives a price for counts nothing.
    """
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    dearest = select(PriceTier.item_code, func.max(PriceTier.pack_price_minor)).group_by(col(PriceTier.item_code))
    prices = dict(session.exec(dearest).all())
    got = (
        select(TransferLine.member_code, Lot.item_code, func.sum(TransferLine.received))
        .join(Transfer, col(Transfer.id) == TransferLine.transfer_id)
        .join(Lot, col(Lot.id) == TransferLine.lot_id)
        .where(col(Transfer.received_at) >= starts, col(Transfer.received_at) < ends, TransferLine.owner == rules.POOL)
        .group_by(col(TransferLine.member_code), col(Lot.item_code))
    )
    value: dict[str, int] = defaultdict(int)
    for member, item, quantity in session.exec(got):
        price = prices.get(item, 0)
        value[member] += rules.sale_minor(int(quantity), pack_size=sizes[item], pack_price_minor=price)
    return {member: one for member, one in sorted(value.items()) if one}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A cost that recorded events give: what it is of, when, how much (minor units), who bears it (empty: all)."""

    kind: str
    reference: str
    at: datetime
    amount_minor: int
    borne_by: str


def recorded(session: Session, *, until: datetime) -> list[Recorded]:
    """The costs of what came, went, was kept and was agreed before that instant.

    A delivery costs its contract's price for what was not rejected, and is borne by the member that ordered, else by
    all; a transfer costs its way's price for every pack that was sent, and is borne by the member it went to. A surge
    option costs its fee once an order exercises it; what is called under it costs its own price on delivery. What was
    kept through a period that is over costs the rate of its place, borne by its owner, the pool's by all.
    """
    return [*_purchases(session, until), *_carried(session, until), *_options(session, until), *_kept(session, until)]


def _purchases(session: Session, until: datetime) -> list[Recorded]:
    query = (
        select(Delivery, CallOffLine, CallOff)
        .join(CallOffLine, col(CallOffLine.id) == col(Delivery.calloff_line_id))
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(col(Delivery.arrived_at) < until)
        .order_by(col(Delivery.id))
    )
    found = []
    for came, line, order in session.exec(query):
        price = {"pack_size": line.quantity // line.packs, "pack_price_minor": line.pack_price_minor}
        amount = rules.sale_minor(came.quantity - came.rejected, **price)
        bearer = order.member_code or ""
        found.append(Recorded(rules.PURCHASE, f"delivery:{came.id}", came.arrived_at, amount, bearer))
    return found


def _carried(session: Session, until: datetime) -> list[Recorded]:
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    transfer, line = table_of(Transfer).c, table_of(TransferLine).c
    query = (
        select_columns(
            transfer.id,
            transfer.received_at,
            line.member_code,
            (line.quantity - line.cancelled).label("sent"),
            col(Lot.item_code),
            col(Lane.cost_minor),
        )
        .select_from(table_of(Transfer))
        .join(TransferLine, col(TransferLine.transfer_id) == col(Transfer.id))
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .join(Lane, and_(col(Lane.origin) == Transfer.origin, col(Lane.destination) == Transfer.destination))
        .where(col(Transfer.received_at) < until)
        .order_by(col(TransferLine.id))
    )
    sums: dict[tuple[int, str], int] = defaultdict(int)
    came: dict[int, datetime] = {}
    for number, at, member, sent, item, cost in session.connection().execute(query):
        sums[number, member] += -(-sent // sizes[item]) * cost
        came[number] = at
    return [
        Recorded(rules.TRANSPORT, f"transfer:{number}/{member}", came[number], amount, member)
        for (number, member), amount in sorted(sums.items())
    ]


def _options(session: Session, until: datetime) -> list[Recorded]:
    """The fee of every option that an order exercised; nothing where the order ended and nothing of it came."""
    query = select(CallOff).where(col(CallOff.approved_at) < until, CallOff.fee_minor > 0)
    found = []
    for order in session.exec(query.order_by(col(CallOff.id))):
        assert order.approved_at is not None
        amount = 0 if order.state in ENDED_WITHOUT else order.fee_minor
        found.append(Recorded(rules.OPTION, f"option:{order.id}", order.approved_at, amount, order.member_code or ""))
    return found


def _kept(session: Session, until: datetime) -> list[Recorded]:
    """What was kept through every period that is over by then."""
    over = [one for one in periods(session) if one.ends_at <= until]
    return [
        Recorded(
            rules.STORAGE,
            f"storage:{period.id}/{one.site}/{one.storage_class}/{one.owner}",
            one.at,
            one.amount_minor,
            "" if one.owner == rules.POOL else one.owner,
        )
        for period in over
        for one in storing.stored(session, starts=period.starts_at, ends=period.ends_at)
    ]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a party bears, what it paid, and the difference: above zero it owes, below zero it is owed."""

    party: str
    borne_minor: int
    paid_minor: int
    net_minor: int
    charges: list[dict[str, Any]]
    paid: list[dict[str, Any]]


def statement(session: Session, number: int, party: str) -> Statement:
    """One party's statement of a period, with every charge and every cost behind it. `party`: a member, or the pool."""
    period(session, number)
    mine = (
        select(CostEvent, SettlementCharge.amount_minor)
        .join(SettlementCharge, col(SettlementCharge.event_id) == col(CostEvent.id))
        .where(SettlementCharge.period_id == number, SettlementCharge.member_code == party)
        .order_by(col(CostEvent.id))
    )
    told = [{**_event(one), "share_minor": share} for one, share in session.exec(mine)]
    theirs = select(CostEvent).where(CostEvent.period_id == number, CostEvent.paid_by == party)
    paid = [_event(one) for one in session.exec(theirs.order_by(col(CostEvent.id)))]
    borne, spent = sum(one["share_minor"] for one in told), sum(one["amount_minor"] for one in paid)
    return Statement(party, borne, spent, borne - spent, told, paid)


def _event(one: CostEvent) -> dict[str, Any]:
    names = ("id", "kind", "incurred_at", "amount_minor", "paid_by", "borne_by", "reference", "reason", "corrects")
    return {name: getattr(one, name) for name in names}


def nets(session: Session, number: int) -> dict[str, int]:
    """What each party owes (above zero) or is owed in a period; together they are zero."""
    charge, event = table_of(SettlementCharge).c, table_of(CostEvent).c
    of = charge.period_id == number
    borne = select_columns(charge.member_code, func.sum(charge.amount_minor)).where(of).group_by(charge.member_code)
    counted = event.id.in_(select_columns(charge.event_id).where(of))
    paid = select_columns(event.paid_by, func.sum(event.amount_minor)).where(event.period_id == number, counted)
    found: dict[str, int] = defaultdict(int)
    for member, minor in session.connection().execute(borne):
        found[member] += int(minor)
    for payer, minor in session.connection().execute(paid.group_by(event.paid_by)):
        found[payer] -= int(minor)
    return dict(sorted(found.items()))


def by_kind(session: Session, number: int) -> dict[str, tuple[int, int]]:
    """Entries of a period and their minor units by kind, in the order of the kinds."""
    event = table_of(CostEvent).c
    query = select_columns(event.kind, func.count(), func.sum(event.amount_minor)).where(event.period_id == number)
    found = {kind: (int(n), int(minor)) for kind, n, minor in session.connection().execute(query.group_by(event.kind))}
    return {kind: found[kind] for kind in rules.KINDS if kind in found}


def loan(session: Session, number: int, *, lock: bool = False) -> Loan:
    """One loan; `lock` holds it until the transaction ends."""
    found = session.get(Loan, number, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise UnknownLoan(f"there is no loan {number}", field="loan", value=number)
    return found


def loans(session: Session, *, party: str | None = None) -> list[Loan]:
    """Loans, the newest first; of one party as lender or borrower."""
    query = select(Loan).order_by(col(Loan.id).desc())
    if party is not None:
        query = query.where((Loan.lender == party) | (Loan.borrower == party))
    return list(session.exec(query))


def open_with(session: Session, party: str) -> list[int]:
    """The loans of a party that are neither back nor sold: nobody leaves with one."""
    over = (rules.RETURNED, rules.CONVERTED)
    return [one.id for one in loans(session, party=party) if one.state not in over and one.id is not None]


def open_orders(session: Session, party: str) -> list[int]:
    """The orders for a member of which something is still to be decided, delivered, accepted or paid."""
    query = select(CallOff.id).where(CallOff.member_code == party, col(CallOff.state).not_in(buying.ENDED_STATES))
    return [number for number in session.exec(query.order_by(col(CallOff.id))) if number is not None]


def pending(session: Session, *, at: datetime) -> list[str]:
    """The periods that have begun, or have costs, and are not closed: what each party owes for them is not certain."""
    waiting = [one for one in periods(session) if one.state != rules.CLOSED]
    return [one.name for one in waiting if one.starts_at <= at or events(session, one.id or 0)]


def help_given(session: Session) -> list[dict[str, Any]]:
    """Who helped whom by lending: base units of each item lent, back, and sold instead, by pair."""
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for one in loans(session):
        row = found.setdefault((one.lender, one.borrower, one.item_code), {"lent": 0, "back": 0, "sold": 0})
        row["lent"] += one.quantity
        row["back"] += one.returned
        row["sold"] += one.quantity - one.returned if one.state == rules.CONVERTED else 0
    return [
        {"lender": lender, "borrower": borrower, "item": item, **row}
        for (lender, borrower, item), row in sorted(found.items())
    ]


def cases(session: Session) -> list[dict[str, Any]]:
    """What was shipped under an emergency that was not ratified: to be settled, line by line."""
    found = []
    for one in committee.not_ratified(session):
        query = (
            select(TransferLine, Transfer, Lot.item_code)
            .join(Transfer, col(Transfer.id) == TransferLine.transfer_id)
            .join(Lot, col(Lot.id) == TransferLine.lot_id)
            .where(Transfer.source == one.subject, col(Transfer.dispatched_at).is_not(None))
            .order_by(col(TransferLine.id))
        )
        for line, transfer, item in session.exec(query):
            found.append(
                {
                    "decision": one.id,
                    "subject": one.subject,
                    "transfer": transfer.id,
                    "member": line.member_code,
                    "item": item,
                    "quantity": line.quantity,
                    "dispatched_at": transfer.dispatched_at,
                }
            )
    return found
