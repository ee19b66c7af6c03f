"""Scenarios by name, past waves as reported, and what a scenario would use of each item."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.demand.scenarios import rules
from stockpile.demand.scenarios.rules import Year
from stockpile.demand.scenarios.tables import DemandScenario
from stockpile.demand.tables import CaseloadReport
from stockpile.errors import Invalid, NotFound
from stockpile.inventory import queries as inventory


class UnknownScenario(NotFound):
    """No scenario has this name."""

    code = "unknown_scenario"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scenario would use of an item up to its end, and what the pool has now; base units.

    `runs_out_day`: the first day (0 is the first of the scenario) on which
    usable stock of today would be used up, None where it lasts.
    """

    item: str
    item_name: str
    use: int
    usable: int
    missing: int
    runs_out_day: int | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The days of a surge scenario: admissions (or machines that fail) a day in thousandths, and use by item."""

    daily_milli: tuple[int, ...]
    per_item_milli: Mapping[str, int]

    def used(self, item: str, per_admission_milli: int, *, days: int) -> list[int]:
        """Base units of an item used up to each of so many days; after its end the scenario uses nothing more."""
        per_unit = self.per_item_milli.get(item, 0) if self.per_item_milli else per_admission_milli
        daily = [*self.daily_milli[:days], *[0] * (days - len(self.daily_milli))]
        return rules.units(admissions_milli=daily, use_per_admission_milli=per_unit)


def curve(session: Session, name: str) -> Curve:
    """The days of a surge scenario; refuses an unknown name and a run of years."""
    found = scenario(session, name)
    if found.kind == rules.YEARS:
        raise Invalid(f"{name} is a run of years: it has no days", field="scenario")
    told = json.loads(found.curve)
    return Curve(tuple(told["daily_milli"]), told["per_item_milli"])


def scenario(session: Session, name: str) -> DemandScenario:
    """One scenario; refuses an unknown name."""
    found = session.exec(select(DemandScenario).where(DemandScenario.name == name)).one_or_none()
    if found is None:
        raise UnknownScenario(f"there is no scenario {name}", field="scenario", value=name)
    return found


def scenarios(session: Session) -> list[DemandScenario]:
    """All scenarios by name."""
    return list(session.exec(select(DemandScenario).order_by(col(DemandScenario.name))))


def years(kept: DemandScenario) -> list[Year]:
    """The years of a run of years, as they were worked out when it was kept."""
    assert kept.kind == rules.YEARS, "a surge scenario has days"
    return [Year(**{one.name: told[one.name] for one in fields(Year)}) for told in json.loads(kept.curve)["years"]]


def past_wave(session: Session, *, first: date, last: date) -> list[int | None]:
    """Admissions reported per day over all members, as they were given; None on a day that nobody reported."""
    query = select(CaseloadReport).where(CaseloadReport.day >= first, CaseloadReport.day <= last)
    totals: dict[date, int] = defaultdict(int)
    for row in session.exec(query.where(CaseloadReport.basis != "reported_cumulative_start")):
        if row.admissions is not None:
            totals[row.day] += row.admissions
    days = [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    return [totals.get(day) for day in days]


def asked(session: Session, name: str, *, at: Any) -> list[Asked]:
    """What a surge scenario would use of every item that its patients or machines need, the scarcest first."""
    found = curve(session, name)
    usable: dict[str, int] = defaultdict(int)
    for stock in inventory.usable_pool_stock(session, at):
        usable[stock.item] += stock.quantity
    rows = []
    for code, item in catalogue.items(session).items():
        use = found.used(code, item.use_per_admission_milli, days=len(found.daily_milli))
        if use and use[-1]:
            rows.append(_asked(code, item.name, use, usable[code]))
    return sorted(rows, key=lambda one: (one.runs_out_day is None, one.runs_out_day or 0, one.item))


def _asked(code: str, name: str, use: list[int], usable: int) -> Asked:
    out = next((day for day, total in enumerate(use) if total > usable), None)
    return Asked(code, name, use[-1], usable, max(0, use[-1] - usable), out)
