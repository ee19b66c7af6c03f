"""Reading contracts and call-offs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnClause, column, func, table
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.contracts import rules
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, ContractLine, Delivery
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as stands
from stockpile.errors import NotFound


class UnknownCallOff(NotFound):
    """No call-off has this number."""

    code = "unknown_calloff"


def contracts_valid(session: Session, on: date) -> dict[str, Contract]:
    """Contracts under which may be ordered on that day, by code."""
    query = select(Contract).where(Contract.starts <= on, Contract.state == stands.ACTIVE).order_by(col(Contract.code))
    found = agreed.as_amended(session, list(session.exec(query)), on)
    return {contract.code: contract for contract in found if contract.ends >= on}


def contract_lines(session: Session) -> list[ContractLine]:
    """All items under contract, in one order."""
    order = (col(ContractLine.contract_code), col(ContractLine.item_code))
    return list(session.exec(select(ContractLine).order_by(*order)))


def tiers(session: Session, on: date | None = None) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """(from_packs, pack price in minor units) by (contract, item), as they hold on that day (None: as signed)."""
    return agreed.tiers_on(session, on)


def calloff(session: Session, number: int, *, lock: bool = False) -> CallOff:
    """One call-off; refuses an unknown number. `lock` holds it against other writers."""
    found = session.get(CallOff, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise UnknownCallOff(f"there is no call-off {number}", field="calloff", value=number)
    return found


def calloffs(session: Session, *, state: str | None = None, after: int = 0, limit: int | None = None) -> list[CallOff]:
    """Call-offs, newest first, all or those in one state; `after`: only those older than that one."""
    query = select(CallOff).order_by(col(CallOff.id).desc()).limit(limit)
    query = query.where(col(CallOff.id) < after) if after else query
    return list(session.exec(query.where(CallOff.state == state) if state else query))


def lines(session: Session, number: int) -> list[CallOffLine]:
    """The lines of a call-off."""
    return list(session.exec(select(CallOffLine).where(CallOffLine.calloff_id == number).order_by(col(CallOffLine.id))))


def line(session: Session, number: int) -> CallOffLine:
    """One line of a call-off by its own number; refuses an unknown one."""
    found = session.get(CallOffLine, number)
    if found is None:
        raise UnknownCallOff(f"there is no call-off line {number}", field="calloff_line", value=number)
    return found


_OPEN: Final = col(CallOffLine.quantity) - col(CallOffLine.received) - col(CallOffLine.closed)


def still_open(line: CallOffLine) -> int:
    """Base units still to come on a line: neither received nor closed short."""
    return line.quantity - line.received - line.closed


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contract asks of a delivery on a line: the contract, days of shelf life, tolerance, whole packs."""

    contract: str
    shelf_life_days: int
    tolerance_percent: int
    whole_packs: bool
    pack_size: int


def terms(session: Session, line: CallOffLine) -> Terms:
    """The terms of delivery that hold for a line of a call-off; none asked where the item left the contract."""
    order = calloff(session, line.calloff_id)
    contract = order.contract_code
    found = session.get(ContractLine, (contract, line.item_code))
    said = agreed.line_terms(session, contract, line.item_code, version=order.contract_version)
    pack_size = line.quantity // line.packs
    if found is None or said is None:
        return Terms(contract, 0, 0, True, pack_size)
    return Terms(contract, said.shelf_life_on_delivery_days, found.tolerance_percent, found.whole_packs, pack_size)


def country_of(session: Session, calloff: CallOff) -> str:
    """The country that an order goes to: its public holidays count (the storeroom above owns the sites)."""
    code: ColumnClause[str] = column("code")
    country: ColumnClause[str] = column("country")
    found = select_columns(country).select_from(table("site")).where(code == calloff.deliver_to)
    return str(session.connection().execute(found).scalar_one())


def deliveries(session: Session, number: int) -> list[Delivery]:
    """What came on the lines of a call-off, in the order in which it came."""
    of_order = select(CallOffLine.id).where(CallOffLine.calloff_id == number)
    query = select(Delivery).where(col(Delivery.calloff_line_id).in_(of_order))
    return list(session.exec(query.order_by(col(Delivery.arrived_at), col(Delivery.id))))


def coming(session: Session) -> list[tuple[str, int, datetime | None]]:
    """(item, base units still to come, when: as confirmed, else as due) of every line of approved call-offs."""
    query = (
        select(CallOffLine.item_code, _OPEN, CallOff.confirmed_for, CallOff.expected_at)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(_OPEN > 0, col(CallOff.state).in_(rules.OPEN_STATES))
        .order_by(col(CallOffLine.id))
    )
    return [(item, int(units), confirmed or due) for item, units, confirmed, due in session.exec(query)]


def ordered_for_pool(session: Session, *, since: datetime) -> int:
    """Minor units of the pool's call-offs that were approved since an instant and not called back."""
    query = select(func.coalesce(func.sum(CallOff.cost_minor), 0)).where(
        col(CallOff.member_code).is_(None),
        col(CallOff.approved_at) >= since,
        col(CallOff.state).not_in((rules.REJECTED, rules.CANCELLED)),
    )
    return int(session.exec(query).one())


def inbound(session: Session) -> dict[str, int]:
    """Base units ordered and not yet received, by item, of approved call-offs."""
    found: dict[str, int] = defaultdict(int)
    for item, units, _ in coming(session):
        found[item] += units
    return dict(found)


def asked_for_shortages(session: Session, states: Sequence[str]) -> dict[str, int]:
    """Base units still to come by item of call-offs in these states that were proposed for shortages."""
    query = (
        select(CallOffLine.item_code, func.sum(_OPEN))
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(CallOff.origin == rules.SHORTAGE, col(CallOff.state).in_(states))
        .group_by(col(CallOffLine.item_code))
    )
    return {item: int(units) for item, units in session.exec(query)}


def next_deliveries(session: Session) -> dict[str, tuple[datetime, int]]:
    """Earliest firm delivery by item: when it comes (as confirmed, else as due) and how many base units."""
    query = (
        select(CallOffLine.item_code, CallOff.expected_at, CallOff.confirmed_for, _OPEN)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(col(CallOff.state).in_(rules.OPEN_STATES), col(CallOff.expected_at).is_not(None), _OPEN > 0)
    )
    coming = [(confirmed or due, item, int(open_)) for item, due, confirmed, open_ in session.exec(query)]
    return {item: (at, quantity) for at, item, quantity in sorted(coming, reverse=True) if at is not None}


@dataclass(frozen=True, slots=True)
class OpenLine:
    """What is still to come on a line of an approved call-off, in base units."""

    line: int
    calloff: int
    deliver_to: str
    open: int
    expected_at: datetime | None


def open_lines(session: Session, *, item: str, site: str | None = None) -> list[OpenLine]:
    """The open lines of approved call-offs for an item, at one site or all, the earliest expected first."""
    query = (
        select(CallOffLine, CallOff)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(CallOffLine.item_code == item, _OPEN > 0, col(CallOff.state).in_(rules.OPEN_STATES))
        .order_by(col(CallOff.expected_at), col(CallOffLine.id))
    )
    rows = session.exec(query.where(CallOff.deliver_to == site) if site else query)
    return [
        OpenLine(line.id or 0, line.calloff_id, order.deliver_to, still_open(line), order.expected_at)
        for line, order in rows
    ]


def open_lines_by_site(session: Session) -> dict[str, int]:
    """How many lines of approved call-offs are open for each site; sites without any are left out."""
    query = (
        select(CallOff.deliver_to, func.count())
        .join(CallOffLine, col(CallOffLine.calloff_id) == col(CallOff.id))
        .where(_OPEN > 0, col(CallOff.state).in_(rules.OPEN_STATES))
        .group_by(col(CallOff.deliver_to))
    )
    return dict(session.exec(query).all())


def open_lines_at(session: Session, site: str) -> list[tuple[str, OpenLine]]:
    """The open lines of approved call-offs for a site with their items, the earliest expected first."""
    query = (
        select(CallOffLine, CallOff)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(CallOff.deliver_to == site, _OPEN > 0, col(CallOff.state).in_(rules.OPEN_STATES))
        .order_by(col(CallOff.expected_at), col(CallOffLine.id))
    )
    return [
        (line.item_code, OpenLine(line.id or 0, line.calloff_id, site, still_open(line), order.expected_at))
        for line, order in session.exec(query)
    ]
