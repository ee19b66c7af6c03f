"""Reading items and licences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_
from sqlmodel import Session, col, select

from stockpile.catalogue.gs1 import checked_gtin
from stockpile.catalogue.tables import Item, Licence, PartFit, Substitution, TradeItem
from stockpile.errors import Invalid, NotFound


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


def fits(session: Session, code: str) -> tuple[list[str], list[str]]:
    """The equipment that a part fits, and the parts that fit an equipment; refuses an unknown item."""
    item(session, code)
    fitted = select(PartFit.equipment_code).where(PartFit.part_code == code)
    parts = select(PartFit.part_code).where(PartFit.equipment_code == code)
    return sorted(session.exec(fitted)), sorted(session.exec(parts))


def trade_item(session: Session, gtin: str) -> TradeItem:
    """The packing level with this GTIN (14 digits); refuses an unknown one."""
    found = session.get(TradeItem, gtin)
    if found is None:
        raise UnknownGtin(f"no item is known by the GTIN {gtin}", field="gtin", value=gtin)
    return found


def product_of(session: Session, item: Item, gtin: str = "") -> str:
    """The GTIN under which batches of the item are known: of the pack `gtin` of it, or of its usual pack.

    Refuses a GTIN that is unknown, or of another item.
    """
    if not gtin:
        return item.gtin
    pack = trade_item(session, checked_gtin(gtin))
    if pack.item_code != item.code:
        raise Invalid(f"{gtin} is a GTIN of {pack.item_code}, not of {item.code}", field="gtin", value=gtin)
    return pack.product or item.gtin


def trade_items(session: Session, item_code: str) -> list[TradeItem]:
    """The packing levels of an item, smallest first."""
    order = (col(TradeItem.units), col(TradeItem.gtin))
    return list(session.exec(select(TradeItem).where(TradeItem.item_code == item_code).order_by(*order)))


@dataclass(frozen=True, slots=True)
class Substitute:
    """What may be given instead of an item: `units` base units of it for `per_units` of the item."""

    substitution: int
    item: str
    units: int
    per_units: int

    def needed(self, quantity: int) -> int:
        """Base units of the substitute that stand for so many of the item, rounded up."""
        return -(-quantity * self.units // self.per_units)


def approved_substitutes(session: Session, *, on: date, country: str) -> dict[str, list[Substitute]]:
    """What pharmacists have approved for a country and that day, by the item it stands for, in order of approval."""
    query = select(Substitution).where(
        Substitution.state == "approved",
        Substitution.country == country,
        Substitution.valid_from <= on,
        or_(col(Substitution.valid_through).is_(None), col(Substitution.valid_through) >= on),
    )
    found: dict[str, list[Substitute]] = defaultdict(list)
    for row in session.exec(query.order_by(col(Substitution.item_code), col(Substitution.decided_at))):
        one = Substitute(row.id or 0, row.substitute_code, row.units, row.per_units)
        found[row.item_code].append(one)
    return dict(found)


def substitutions(session: Session, *, item: str | None = None, state: str | None = None) -> list[Substitution]:
    """Substitutions, newest first, narrowed by the item they stand for or their state."""
    query = select(Substitution).order_by(col(Substitution.id).desc())
    query = query.where(Substitution.item_code == item) if item else query
    return list(session.exec(query.where(Substitution.state == state) if state else query))


def lock(session: Session, codes: Iterable[str]) -> None:
    """Hold these items, in the order of their codes: who shares out or sets the floor of an item waits its turn.

    SQLite has one writer at a time and needs no such lock.
    """
    query = select(Item.code).where(col(Item.code).in_(sorted(codes))).order_by(col(Item.code))
    session.exec(query.with_for_update(key_share=True)).all()
