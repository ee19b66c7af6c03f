"""A surge in the small region that is decided, carried out and published, and a way to walk all that is public."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.allocation import approval
from stockpile.allocation.tables import Plan
from stockpile.catalogue.tables import Item
from stockpile.db import transact
from stockpile.governance.tables import Region
from stockpile.transparency.publishing import operations as publishing
from tests.allocation.surge_room import everybody, share_out
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

LATER = 80
"""Hours after NOW at which a plan of NOW may be published."""


def decided(engine: Engine, cast: Cast, *, items: tuple[str, ...] = ("TAB", "PUMP")) -> Plan:
    """A plan over these items that the committee approved."""
    drafts = [draft for item in items for draft in everybody(item)]
    _, plan = share_out(engine, cast, *drafts)
    do(engine, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    return plan


def published(engine: Engine, cast: Cast, *, items: tuple[str, ...] = ("TAB", "PUMP")) -> Plan:
    """The same, published after its delay; the region's clock shows that instant."""
    plan = decided(engine, cast, items=items)
    do(engine, publishing.publish_due, acting(cast["coordinator"], after_hours=LATER))
    set_clock(engine, hours=LATER)
    return plan


def set_clock(engine: Engine, *, hours: float) -> None:
    """Let the region's simulated clock show NOW and so many hours."""

    def work(session: Session) -> None:
        region = session.get_one(Region, 1)
        region.simulated, region.simulated_now = True, acting_at(hours)
        session.add(region)

    transact(engine, work)


def acting_at(hours: float) -> datetime:
    """NOW and so many hours."""
    return NOW + timedelta(hours=hours)


def control(engine: Engine, item: str) -> None:
    """Make an item a controlled drug."""

    def work(session: Session) -> None:
        row = session.get_one(Item, item)
        row.controlled = True
        session.add(row)

    transact(engine, work)


def walk(client: TestClient, start: str = "/public") -> Iterator[tuple[str, str]]:
    """Every public page and file that links lead to, with its text, from `start` on."""
    waiting, seen = [start], {start}
    while waiting:
        path = waiting.pop()
        response = client.get(path, follow_redirects=False)
        assert response.status_code in (200, 303), f"{path}: {response.status_code} {response.text[:300]}"
        yield path, response.text
        if "text/html" in response.headers.get("content-type", ""):
            for link in re.findall(r'(?:href|action)="(/public[^"#]*)"', response.text):
                target = link.replace("&amp;", "&")
                if target not in seen and target not in POSTED:
                    seen.add(target)
                    waiting.append(target)


POSTED = ("/public/grievances/status", "/public/grievances/appeal", "/public/municipalities")
