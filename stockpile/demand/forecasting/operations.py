"""The nightly forecast, worked out in a child process and stored whole; and history from before the ledger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Engine, delete
from sqlmodel import Session, col

from optimizer.solver import run_limited
from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.db import insert_missing, reading
from stockpile.demand.forecasting import child, queries, rules
from stockpile.demand.forecasting.queries import Known
from stockpile.demand.forecasting.rules import QUANTILES, Asked, Expected, Series
from stockpile.demand.forecasting.tables import DemandHistory, Forecast
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory

HORIZON: Final = 12
KEPT_NIGHTS: Final = 8
LARGEST_MILLI: Final = 10**15


class NoForecast(Conflict):
    """The forecast did not come to an end."""

    code = "no_forecast"


@dataclass(frozen=True, slots=True)
class Draft:
    """A night's forecasts, worked out and not stored yet."""

    known: tuple[Known, ...]
    expected: tuple[Expected, ...]
    solve_ms: int


def draft(engine: Engine, act: Act, *, limit_seconds: float, tell: Callable[[str], None] = lambda _text: None) -> Draft:
    """Forecast every item at every site where use is known, and all sites together; no lock is held.

    Refuses where the child process gives no answer within `limit_seconds`.
    """
    require(act.actor, "forecast.run")
    with reading(engine) as session:
        known = queries.known_use(session, today=queries.local_today(session, act.at))
    if not known:
        return Draft((), (), 0)
    tell(f"{len(known)} series are known")
    asked = Asked(tuple(Series(one.pair, one.use.values, one.season) for one in known), HORIZON)
    outcome = run_limited(
        child.forecast,
        asked,
        limit_seconds=limit_seconds,
        progress=lambda done, of: tell(f"{done} of {of} series forecast"),
    )
    if outcome.value is None:
        raise NoForecast(f"the forecast gave no answer: {outcome.detail}", series=len(known))
    return Draft(tuple(known), outcome.value, int(outcome.seconds * 1000))


def store(session: Session, act: Act, *, made: Draft, slot: str) -> dict[str, Any]:
    """Keep a night's forecasts; those of older nights go, but for the first of each month. Returns what is told."""
    require(act.actor, "forecast.run")
    session.connection().execute(delete(Forecast).where(col(Forecast.slot) == slot))
    bulk.insert(
        session, Forecast, [_row(one, known, slot) for one, known in zip(made.expected, made.known, strict=True)]
    )
    dropped = _drop_old(session, slot)
    kinds = Counter(one.kind for one in made.expected)
    told = [one for one in made.expected if one.kind in (rules.SMOOTH, rules.INTERMITTENT)]
    outcome = {
        "series": len(made.expected),
        "kinds": dict(sorted(kinds.items())),
        "methods": dict(Counter(one.method for one in told).most_common(8)),
        "better_than_simple": sum(one.error <= one.simple_error for one in told),
        "periods_corrected": sum(one.use.corrected for one in made.known),
        "periods_unknown": sum(one.use.unknown for one in made.known),
        "seconds_ms": made.solve_ms,
        "dropped": dropped,
    }
    recorded = {name: value for name, value in outcome.items() if name != "seconds_ms"}
    journal.record(session, act, action="forecast.run", subject=f"slot:{slot}", payload=recorded)
    return outcome


def _row(one: Expected, known: Known, slot: str) -> dict[str, Any]:
    named = {str(quantile): _milli(values) for quantile, values in zip(QUANTILES, one.quantiles, strict=True)}
    return {
        "slot": slot,
        "item_code": one.key[0],
        "site_code": one.key[1],
        "period": known.period,
        "starts": known.starts,
        "kind": one.kind,
        "method": one.method,
        "means": json.dumps(_milli(one.means)),
        "quantiles": json.dumps(named),
        "error_milli": _milli([one.error])[0],
        "simple_error_milli": _milli([one.simple_error])[0],
        "bias_milli": _milli([one.bias])[0],
        "periods_seen": len(known.use.values) - known.use.unknown,
        "periods_corrected": known.use.corrected,
        "periods_unknown": known.use.unknown,
    }


def _milli(values: Sequence[float]) -> list[int]:
    return [max(-LARGEST_MILLI, min(LARGEST_MILLI, round(value * 1000))) for value in values]


def _drop_old(session: Session, slot: str) -> int:
    """Forecasts of nights long past go; the first of each month stays, to see how right it was."""
    oldest = (date.fromisoformat(slot) - timedelta(days=KEPT_NIGHTS)).isoformat()
    f = col(Forecast.slot)
    slots = sorted(session.connection().scalars(queries.slots_before(oldest)))
    first: dict[str, str] = {}
    for one in slots:
        first.setdefault(one[:7], one)
    gone = [one for one in slots if first[one[:7]] != one]
    if gone:
        session.connection().execute(delete(Forecast).where(f.in_(gone)))
    return len(gone)


@dataclass(frozen=True, slots=True)
class Past:
    """Use of an item in a month before the ledger began, base units; None: not known. `site` '': the whole pool."""

    item: str
    month: date
    quantity: int | None
    site: str = ""


def load_history(session: Session, act: Act, *, rows: Sequence[Past], source: str) -> int:
    """Take in use from before the ledger began; returns how many rows were new. A month is taken in once.

    Refuses unknown items and sites, months that do not begin on the first,
    negative figures, and a source that is not named.
    """
    require(act.actor, "history.load")
    if not source.strip():
        raise Invalid("name where the figures are from", field="source")
    items, sites = catalogue.items(session), inventory.sites(session)
    for number, row in enumerate(rows, start=1):
        _check(row, number, known_item=row.item in items, known_site=not row.site or row.site in sites)
    before = queries.history_rows(session)
    insert_missing(
        session,
        DemandHistory,
        [
            {
                "item_code": row.item,
                "site_code": row.site,
                "month": row.month,
                "quantity": row.quantity,
                "source": source,
            }
            for row in rows
        ],
    )
    added = queries.history_rows(session) - before
    payload = {"rows": len(rows), "new": added, "source": source}
    journal.record(session, act, action="history.load", subject="demand_history", payload=payload)
    return added


def _check(row: Past, number: int, *, known_item: bool, known_site: bool) -> None:
    if not known_item:
        raise Invalid(f"row {number}: there is no item {row.item}", field="item", row=number)
    if not known_site:
        raise Invalid(f"row {number}: there is no site {row.site}", field="site", row=number)
    if row.month.day != 1:
        raise Invalid(f"row {number}: {row.month} is not the first day of a month", field="month", row=number)
    if row.quantity is not None and row.quantity < 0:
        raise Invalid(f"row {number}: a use of {row.quantity} is below zero", field="quantity", row=number)
