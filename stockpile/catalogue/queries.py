"""Reading items and licences."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, select

from stockpile.catalogue.tables import Item, Licence, TradeItem
from stockpile.errors import NotFound


class UnknownItem(NotFound):
    """No item has this code."""

    code = "unknown_item"


class UnknownGtin(NotFound):
    """No item is sold under this GTIN."""

    code = "unknown_gtin"


def items(session: Session) -> dict[str, Item]:
    """All items by code, in the order of their codes."""
    return {item.code: item for item in session.exec(select(Item).order_by(col(Item.code)))}


def item(session: Session, code: str) -> Item:
    """One item; refuses an unknown code."""
    found = session.get(Item, code)
    if found is None:
        raise UnknownItem(f"no item has the code {code}", field="item", value=code)
    return found


def licences(session: Session) -> frozenset[tuple[str, str]]:
    """All pairs (item, country) that are licensed."""
    return frozenset((row.item_code, row.country) for row in session.exec(select(Licence)))


def trade_item(session: Session, gtin: str) -> TradeItem:
    """The packing level with this GTIN (14 digits); refuses an unknown one."""
    found = session.get(TradeItem, gtin)
    if found is None:
        raise UnknownGtin(f"no item is known by the GTIN {gtin}", field="gtin", value=gtin)
    return found


def trade_items(session: Session, item_code: str) -> list[TradeItem]:
    """The packing levels of an item, smallest first."""
    order = (col(TradeItem.units), col(TradeItem.gtin))
    return list(session.exec(select(TradeItem).where(TradeItem.item_code == item_code).order_by(*order)))


def lock(session: Session, codes: Iterable[str]) -> None:
    """Hold these items, in the order of their codes: who shares out or sets the floor of an item waits its turn.

    SQLite has one writer at a time and needs no such lock.
    """
    query = select(Item.code).where(col(Item.code).in_(sorted(codes))).order_by(col(Item.code))
    session.exec(query.with_for_update(key_share=True)).all()
