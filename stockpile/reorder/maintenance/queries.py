"""Reading maintenance windows."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.reorder.maintenance.rules import Window
from stockpile.reorder.maintenance.tables import MaintenanceWindow

PLANNED, CALLED_OFF = "planned", "called_off"


class UnknownWindow(NotFound):
    """No maintenance window has this number."""

    code = "unknown_window"


def window(session: Session, number: int) -> MaintenanceWindow:
    """One window, locked; refuses an unknown number."""
    found = session.get(MaintenanceWindow, number, with_for_update=True)
    if found is None:
        raise UnknownWindow(f"there is no maintenance window {number}", field="number", value=number)
    return found


def windows(session: Session, *, item: str | None = None) -> list[MaintenanceWindow]:
    """The windows by their first day, of all items or of one."""
    query = select(MaintenanceWindow).order_by(col(MaintenanceWindow.starts), col(MaintenanceWindow.id))
    return list(session.exec(query if item is None else query.where(MaintenanceWindow.item_code == item)))


def ahead(session: Session, today: date) -> list[Window]:
    """The planned windows that are not over."""
    query = select(MaintenanceWindow).where(MaintenanceWindow.state == PLANNED, MaintenanceWindow.ends >= today)
    rows = session.exec(query.order_by(col(MaintenanceWindow.id)))
    return [Window(row.item_code, row.starts, row.ends, row.units) for row in rows]
