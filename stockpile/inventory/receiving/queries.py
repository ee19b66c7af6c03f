"""Reading goods in: what came, and what waits for a decision."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.inventory.receiving import rules
from stockpile.inventory.receiving.tables import GoodsIn, GoodsInLine


class UnknownGoodsIn(NotFound):
    """No delivery, or no line of one, has this number."""

    code = "unknown_goods_in"


def goods_in(session: Session, number: int) -> GoodsIn:
    """One delivery; refuses an unknown number."""
    found = session.get(GoodsIn, number)
    if found is None:
        raise UnknownGoodsIn(f"there are no goods in under the number {number}", field="goods_in", value=number)
    return found


def line(session: Session, number: int) -> GoodsInLine:
    """One line of a delivery by its own number; refuses an unknown one."""
    found = session.get(GoodsInLine, number)
    if found is None:
        raise UnknownGoodsIn(f"no line of goods in has the number {number}", field="line", value=number)
    return found


def lines(session: Session, number: int) -> list[GoodsInLine]:
    """The lines of a delivery in the order received."""
    query = select(GoodsInLine).where(GoodsInLine.goods_in_id == number).order_by(col(GoodsInLine.id))
    return list(session.exec(query))


def waiting(session: Session, *, site: str | None = None) -> list[tuple[GoodsIn, GoodsInLine]]:
    """Lines that wait for another person's decision, oldest first, at one site or all."""
    query = (
        select(GoodsIn, GoodsInLine)
        .join(GoodsInLine, col(GoodsInLine.goods_in_id) == col(GoodsIn.id))
        .where(GoodsInLine.state == rules.WAITING)
        .order_by(col(GoodsInLine.id))
    )
    return list(session.exec(query.where(GoodsIn.site_code == site) if site else query))
