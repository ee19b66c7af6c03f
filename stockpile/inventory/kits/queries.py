"""Reading kits: what belongs in one, what went into a kit lot, and which kit lots hold a component."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.inventory.kits.tables import KitLotPart, KitPart
from stockpile.inventory.rules import ASSEMBLY
from stockpile.inventory.tables import Lot, Movement


class UnknownKit(NotFound):
    """The item is no kit."""

    code = "unknown_kit"


def definition(session: Session, kit: str) -> dict[str, int]:
    """Base units of each component in one base unit of the kit; refuses an item that is no kit."""
    query = select(KitPart).where(KitPart.kit_item == kit).order_by(col(KitPart.component_item))
    found = {row.component_item: row.quantity for row in session.exec(query)}
    if not found:
        raise UnknownKit(f"{kit} is no kit: nobody has said what belongs in one", field="kit", value=kit)
    return found


def parts(session: Session, kit_lot: int) -> list[KitLotPart]:
    """What went into the kits of a lot, by component lot; empty where the lot is none of kits."""
    query = select(KitLotPart).where(KitLotPart.kit_lot_id == kit_lot)
    return list(session.exec(query.order_by(col(KitLotPart.component_lot_id))))


def assembled(session: Session, kit_lot: int) -> int:
    """Base units of kits that were ever put together in this lot."""
    query = select(func.sum(Movement.quantity))
    return int(session.exec(query.where(Movement.lot_id == kit_lot, Movement.from_external == ASSEMBLY)).one() or 0)


def made_from(session: Session, lots: Iterable[int]) -> list[Lot]:
    """Every kit lot that holds some of these lots still, kits within kits too; in the order of their numbers."""
    reached: set[int] = set()
    fresh = set(lots)
    while fresh:
        query = select(KitLotPart.kit_lot_id).where(
            col(KitLotPart.component_lot_id).in_(sorted(fresh)), KitLotPart.quantity > KitLotPart.taken_out
        )
        fresh = set(session.exec(query)) - reached
        reached |= fresh
    return list(session.exec(select(Lot).where(col(Lot.id).in_(sorted(reached))).order_by(col(Lot.id))))
