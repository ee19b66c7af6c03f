"""Planning maintenance windows, and calling them off."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.reorder.maintenance import queries
from stockpile.reorder.maintenance.tables import MaintenanceWindow


class NoPart(Invalid):
    """Only spare parts serve equipment."""

    code = "no_spare_part"


class WindowState(Conflict):
    """The window is over or called off already."""

    code = "window_state"


def plan(
    session: Session,
    act: Act,
    *,
    item: str,
    site: str,
    equipment: str,
    starts: date,
    ends: date,
    units: int,
    reason: str,
) -> MaintenanceWindow:
    """A window in which equipment at a site needs base units of a spare part; the nightly reorder brings them by then.

    Refuses medicines, days that have passed, and an end before the start.
    """
    require(act.actor, "maintenance.plan", site=site)
    inventory.site(session, site)
    if catalogue.item(session, item).kind != "part":
        raise NoPart(f"{item} is no spare part: maintenance windows are of equipment and its parts", field="item")
    today = governance.local_day(session, act.at)
    if starts < today or ends < starts or units < 1:
        raise Invalid(f"a window starts today ({today}) or later, ends after that and needs something", field="starts")
    row = MaintenanceWindow(
        item_code=item,
        site_code=site,
        equipment=equipment,
        starts=starts,
        ends=ends,
        units=units,
        reason=reason,
        planned_by=act.actor.id,
        planned_at=act.at,
    )
    session.add(row)
    session.flush()
    payload = {"item": item, "site": site, "equipment": equipment, "units": units}
    payload |= {"starts": starts.isoformat(), "ends": ends.isoformat()}
    journal.record(session, act, action="maintenance.plan", subject=f"window:{row.id}", payload=payload, reason=reason)
    return row


def call_off(session: Session, act: Act, *, number: int, reason: str) -> MaintenanceWindow:
    """Call a planned window off, with the reason; its parts are asked for no more."""
    row = queries.window(session, number)
    require(act.actor, "maintenance.plan", site=row.site_code)
    if row.state != queries.PLANNED or row.ends < governance.local_day(session, act.at) or not reason.strip():
        raise WindowState(
            f"window {number} is {row.state} and ends on {row.ends}: one ahead is called off, with a reason"
        )
    row.state = queries.CALLED_OFF
    session.add(row)
    journal.record(session, act, action="maintenance.call_off", subject=f"window:{number}", payload={}, reason=reason)
    return row
