"""Reading promises: what counts on a day, and all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.allocation.promises import rules
from stockpile.allocation.promises.tables import DepotBuffer, Entitlement
from stockpile.allocation.tables import Request


def entitlements(session: Session, on: date) -> dict[tuple[str, str], int]:
    """What each member is entitled to of an item in a surge, in base units, by (member, item)."""
    query = select(Entitlement).where(Entitlement.effective_from <= on).order_by(col(Entitlement.effective_from))
    found = {(row.member_code, row.item_code): row.quantity for row in session.exec(query)}
    return {pair: quantity for pair, quantity in found.items() if quantity}


def owed(session: Session, surge: int, on: date) -> dict[tuple[str, str], int]:
    """What of the entitlements approved plans of this surge have not given yet, by (member, item)."""
    promised = entitlements(session, on)
    if not promised:
        return {}
    query = select(Request.member_code, Request.item_code, func.sum(Request.allocated))
    query = query.where(Request.surge_id == surge).group_by(Request.member_code, Request.item_code)
    given = {(member, item): int(quantity) for member, item, quantity in session.exec(query)}
    return rules.still_owed(promised, given)


def buffers(session: Session, on: date) -> dict[tuple[str, str], int]:
    """What of an item stays at a depot, in base units, by (site, item)."""
    query = select(DepotBuffer).where(DepotBuffer.effective_from <= on).order_by(col(DepotBuffer.effective_from))
    found = {(row.site_code, row.item_code): row.quantity for row in session.exec(query)}
    return {pair: quantity for pair, quantity in found.items() if quantity}


def listed_entitlements(
    session: Session, *, member: str | None = None, item: str | None = None
) -> Sequence[Entitlement]:
    """Every entitlement ever set, narrowed by member and item, in the order of member, item and day."""
    query = select(Entitlement)
    query = query.where(Entitlement.member_code == member) if member else query
    query = query.where(Entitlement.item_code == item) if item else query
    order = (col(Entitlement.member_code), col(Entitlement.item_code), col(Entitlement.effective_from))
    return session.exec(query.order_by(*order)).all()


def listed_buffers(session: Session, *, site: str | None = None, item: str | None = None) -> Sequence[DepotBuffer]:
    """Every buffer ever set, narrowed by depot and item, in the order of depot, item and day."""
    query = select(DepotBuffer)
    query = query.where(DepotBuffer.site_code == site) if site else query
    query = query.where(DepotBuffer.item_code == item) if item else query
    order = (col(DepotBuffer.site_code), col(DepotBuffer.item_code), col(DepotBuffer.effective_from))
    return session.exec(query.order_by(*order)).all()
