"""Reading controlled stock: the register derived from the ledger, authorisations, losses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, case, func, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from stockpile.catalogue import queries as catalogue
from stockpile.db import table_of
from stockpile.errors import Invalid, NotFound
from stockpile.governance.tables import Account
from stockpile.inventory import queries, rules
from stockpile.inventory.keeping import BorderAuthorisation, ControlledLoss
from stockpile.inventory.tables import Balance, Lot, Movement, Posting


class NotControlled(Invalid):
    """A register is kept of controlled items only."""

    code = "not_controlled"


class UnknownLoss(NotFound):
    """No loss report has this number."""

    code = "unknown_loss"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a register: base units in (more than 0) or out (less), what was there after it, and both names."""

    movement: int
    at: datetime
    recorded_at: datetime
    kind: str
    lot: str
    change: int
    balance: int
    person: str
    second: str | None
    document: str
    reason: str


def register(session: Session, *, site: str, item: str, after: int = 0, limit: int = 100) -> list[Entry]:
    """The running register of a controlled item at a site, in the order recorded, from the ledger's movements.

    Goods on the road to the site are not there yet; what only changes its
    status or owner there is no entry. Refuses an item that is not controlled.
    """
    queries.site(session, site)
    if not catalogue.item(session, item).controlled:
        raise NotControlled(f"{item} is not controlled: its movements are under /movements", field="item", value=item)
    first, second = table_of(Account).alias("first"), table_of(Account).alias("second")
    legs, posting, lot = _changes(site, item), table_of(Posting).c, table_of(Lot).c
    running = func.sum(legs.c.change).over(order_by=legs.c.movement)
    query = (
        select(
            legs.c.movement,
            posting.effective_at.label("at"),
            posting.recorded_at,
            posting.kind,
            lot.code.label("lot"),
            legs.c.change,
            running.label("balance"),
            first.c.name.label("person"),
            second.c.name.label("second"),
            legs.c.document,
            posting.reason,
        )
        .join_from(legs, table_of(Posting), posting.id == legs.c.posting_id)
        .join(table_of(Lot), lot.id == legs.c.lot_id)
        .join(first, first.c.id == posting.actor_id)
        .join(second, second.c.id == posting.second_id, isouter=True)
        .subquery()
    )
    page = select(query).where(query.c.movement > after).order_by(query.c.movement).limit(limit)
    return [_entry(row) for row in session.connection().execute(page)]


def _entry(row: Any) -> Entry:
    """A row as an entry; PostgreSQL sums to decimals."""
    return Entry(**dict(row._mapping) | {"change": int(row.change), "balance": int(row.balance)})


def _changes(site: str, item: str) -> Subquery:
    """Every movement of the item that changed what really is at the site, with the change in base units."""
    m, source, sink = table_of(Movement).c, table_of(Balance).alias("source"), table_of(Balance).alias("sink")
    lot = table_of(Lot).c
    into, out_of = _here(sink, site), _here(source, site)
    change = (into - out_of) * m.quantity
    return (
        select(m.id.label("movement"), m.posting_id, m.lot_id, m.document, change.label("change"))
        .join_from(table_of(Movement), table_of(Lot), lot.id == m.lot_id)
        .join(source, source.c.id == m.from_balance_id, isouter=True)
        .join(sink, sink.c.id == m.to_balance_id, isouter=True)
        .where(lot.item_code == item, into != out_of)
        .subquery()
    )


def _here(end: FromClause, site: str) -> ColumnElement[int]:
    """1 where this end of a movement is at the site and off the road, else 0."""
    return case(((end.c.site_code == site) & (end.c.status != rules.IN_TRANSIT), 1), else_=0)


def authorisations(session: Session, *, item: str | None = None) -> list[BorderAuthorisation]:
    """Authorisations to cross a border, the first to end first, of one item or all."""
    query = select_rows(BorderAuthorisation).order_by(col(BorderAuthorisation.valid_to), col(BorderAuthorisation.id))
    return list(session.exec(query.where(BorderAuthorisation.item_code == item) if item else query))


def losses(session: Session, *, state: str | None = None) -> list[ControlledLoss]:
    """Loss reports, the first due first, or those in one state."""
    query = select_rows(ControlledLoss).order_by(col(ControlledLoss.due_at), col(ControlledLoss.id))
    return list(session.exec(query.where(ControlledLoss.state == state) if state else query))


def loss(session: Session, number: int) -> ControlledLoss:
    """One loss report; refuses an unknown number."""
    found = session.get(ControlledLoss, number)
    if found is None:
        raise UnknownLoss(f"there is no loss report {number}", field="loss", value=number)
    return found
