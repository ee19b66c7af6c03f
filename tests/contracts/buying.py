"""What the tests of buying share: an order under UC-1, brought as far as a test needs it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from stockpile.contracts import operations as orders
from stockpile.contracts import queries
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs.operations import Wanted
from stockpile.contracts.invoices import operations as invoices
from stockpile.contracts.tables import CallOff
from stockpile.db import reading, transact
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

DUE = NOW + timedelta(days=7)


def drafted(engine: Engine, cast: Cast, *, packs: int = 20, slot: str = "one", **more: Any) -> int:
    """An order by hand of packs of ten tablets at five euros."""
    wanted = [Wanted("TAB", packs, "the shelf is empty")]
    given = {"contract": "UC-1", "slot": slot, "deliver_to": "D-BE", "wanted": wanted, **more}
    return do(engine, steps.draft, acting(cast["buyer"]), **given).id or 0


def approved(engine: Engine, cast: Cast, **more: Any) -> int:
    """Such an order, approved: due in seven days."""
    number = drafted(engine, cast, **more)
    do(engine, orders.approve, acting(cast["committee"]), number=number)
    return number


def line_of(engine: Engine, number: int) -> int:
    """The first line of an order."""
    with reading(engine) as session:
        return queries.lines(session, number)[0].id or 0


def came(
    engine: Engine, cast: Cast, number: int, quantity: int, *, at: datetime = DUE, expiry: date | None = None
) -> None:
    """Base units arrive on the first line of an order."""
    act = acting(cast["logistics"], at)
    given: dict[str, Any] = {"line_number": line_of(engine, number), "site": "D-BE", "item": "TAB"}
    transact(engine, lambda session: orders.receive_line(session, act, quantity=quantity, expiry=expiry, **given))


def accepted(engine: Engine, cast: Cast, *, at: datetime = DUE, rejected: Any = (), **more: Any) -> int:
    """An order of 200 tablets (100 euros) that came at an instant and was accepted."""
    number = approved(engine, cast, **more)
    came(engine, cast, number, 200, at=at)
    do(engine, steps.accept, acting(cast["logistics"], at), number=number, rejected=rejected)
    return number


def invoiced(engine: Engine, cast: Cast, number: int, *, quantity: int = 200, amount: int = 10_000) -> int:
    """An invoice of an order, recorded by the buyer."""
    lines = [invoices.Asked(line_of(engine, number), quantity, amount)]
    given = {"number": number, "reference": f"I-{number}-{amount}", "lines": lines}
    return do(engine, invoices.record, acting(cast["buyer"], DUE), **given).id or 0


def order(engine: Engine, number: int) -> CallOff:
    """An order as it stands."""
    with reading(engine) as session:
        return queries.calloff(session, number)
