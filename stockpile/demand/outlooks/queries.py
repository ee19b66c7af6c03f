"""What suppliers were told, and what was then ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, Supplier
from stockpile.demand.outlooks import rules
from stockpile.demand.outlooks.tables import SupplierOutlook
from stockpile.errors import NotFound
from stockpile.governance import queries as governance

YEAR = timedelta(days=365)


class UnknownSupplier(NotFound):
    """No supplier has this code."""

    code = "unknown_supplier"


@dataclass(frozen=True, slots=True)
class Told:
    """What a supplier was told of an item and a quarter, base units; of a past quarter, what came of it.

    `ordered` so far; `accuracy_permille` once the quarter is over.
    """

    item: str
    item_name: str
    quarter: str
    issued: date
    low: int
    expected: int
    high: int
    ordered: int
    accuracy_permille: int | None


def told(session: Session, *, supplier: str, today: date) -> list[Told]:
    """What a supplier was told, by item and quarter: the last word before it began; refuses an unknown supplier."""
    if session.get(Supplier, supplier) is None:
        raise UnknownSupplier(f"there is no supplier {supplier}", field="supplier", value=supplier)
    query = select(SupplierOutlook).where(SupplierOutlook.supplier_code == supplier)
    last: dict[tuple[str, str], SupplierOutlook] = {}
    for row in session.exec(query.order_by(col(SupplierOutlook.issued))):
        last[row.item_code, row.quarter] = row
    items, bought = catalogue.items(session), ordered(session, supplier=supplier)
    return [_told(row, items[row.item_code].name, bought.get(place, 0), today) for place, row in sorted(last.items())]


def _told(row: SupplierOutlook, name: str, quantity: int, today: date) -> Told:
    over = rules.first_day(rules.following(row.quarter)) <= today
    return Told(
        item=row.item_code,
        item_name=name,
        quarter=row.quarter,
        issued=row.issued,
        low=row.low,
        expected=row.expected,
        high=row.high,
        ordered=quantity,
        accuracy_permille=rules.accuracy_permille(ordered=quantity, expected=row.expected) if over else None,
    )


def ordered(session: Session, *, supplier: str) -> dict[tuple[str, str], int]:
    """Base units ordered of a supplier, by item and the quarter of the order's approval."""
    zone = ZoneInfo(governance.region(session).time_zone)
    found: dict[tuple[str, str], int] = defaultdict(int)
    query = select(CallOffLine.item_code, CallOff.approved_at, CallOffLine.quantity)
    query = query.join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
    query = query.join(Contract, col(Contract.code) == col(CallOff.contract_code))
    for item, at, quantity in session.exec(query.where(Contract.supplier_code == supplier)):
        if at is not None:
            found[item, rules.quarter_of(at.astimezone(zone).date())] += quantity
    return dict(found)


def bought_since(session: Session, since: datetime) -> dict[tuple[str, str], int]:
    """Base units ordered since an instant, by item and supplier."""
    query = select(CallOffLine.item_code, Contract.supplier_code, CallOffLine.quantity)
    query = query.join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
    query = query.join(Contract, col(Contract.code) == col(CallOff.contract_code))
    found: dict[tuple[str, str], int] = defaultdict(int)
    for item, supplier, quantity in session.exec(query.where(col(CallOff.approved_at) >= since)):
        found[item, supplier] += quantity
    return dict(found)


def issued_in(session: Session, month: date) -> bool:
    """Whether outlooks were issued in the month of a day."""
    first = month.replace(day=1)
    query = select(SupplierOutlook.id).where(SupplierOutlook.issued >= first, SupplierOutlook.issued <= month)
    return session.exec(query.limit(1)).first() is not None


def suppliers_of(contracts: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The suppliers of each item, of (item, supplier) pairs, each once and in order."""
    found: dict[str, set[str]] = defaultdict(set)
    for item, supplier in contracts:
        found[item].add(supplier)
    return {item: sorted(those) for item, those in found.items()}
