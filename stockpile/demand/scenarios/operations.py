"""Keeping a supposed course of things under a name, with its assumptions, so that plans can be held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.demand.scenarios import queries, rules
from stockpile.demand.scenarios.rules import Course
from stockpile.demand.scenarios.tables import DemandScenario
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require


class NameTaken(Conflict):
    """Another scenario has this name."""

    code = "scenario_exists"


def keep_daily(
    session: Session,
    act: Act,
    *,
    name: str,
    kind: str,
    assumptions: str,
    daily_milli: Sequence[int],
    per_item_milli: Mapping[str, int],
    noted: Mapping[str, Any],
) -> DemandScenario:
    """Keep a curve of so many patients (or failures) a day, in thousandths.

    `per_item_milli`: thousandths of a base unit that each one uses; empty: what
    the catalogue says of an admission. `noted` is kept beside the curve.
    """
    if not 1 <= len(daily_milli) <= rules.LONGEST_DAYS:
        raise Invalid(f"a scenario lasts 1 to {rules.LONGEST_DAYS} days, not {len(daily_milli)}", field="days")
    for item in per_item_milli:
        catalogue.item(session, item)
    curve = {"daily_milli": list(daily_milli), "per_item_milli": dict(per_item_milli), **noted}
    return _keep(session, act, name=name, kind=kind, assumptions=assumptions, curve=curve)


def keep_past_wave(
    session: Session, act: Act, *, name: str, assumptions: str, first: date, last: date, scale_permille: int
) -> DemandScenario:
    """Keep a wave that was reported, put right for catch-ups and gaps, so many thousandths of it."""
    if not 0 <= (last - first).days < rules.LONGEST_DAYS:
        raise Invalid(f"a wave lasts 1 to {rules.LONGEST_DAYS} days", field="last")
    reported = queries.past_wave(session, first=first, last=last)
    if all(value is None for value in reported):
        raise Invalid(f"nobody reported from {first} to {last}", field="first")
    clean = rules.cleaned(reported)
    noted = {"catch_up_days": list(clean.catch_ups), "bridged_days": list(clean.bridged)}
    return keep_daily(
        session,
        act,
        name=name,
        kind=rules.PAST_WAVE,
        assumptions=assumptions,
        daily_milli=[value * scale_permille for value in clean.values],
        per_item_milli={},
        noted=noted,
    )


def keep_years(session: Session, act: Act, *, name: str, assumptions: str, course: Course) -> DemandScenario:
    """Keep a run of years: people, their age, prices, and shocks to the budget."""
    curve = {"course": asdict(course), "years": [_year(one) for one in rules.years(course)]}
    return _keep(session, act, name=name, kind=rules.YEARS, assumptions=assumptions, curve=curve)


def _year(one: rules.Year) -> dict[str, int]:
    return {**asdict(one), "affordable_permille": one.affordable_permille}


def _keep(
    session: Session, act: Act, *, name: str, kind: str, assumptions: str, curve: Mapping[str, Any]
) -> DemandScenario:
    require(act.actor, "scenario.keep")
    if not assumptions.strip():
        raise Invalid("a scenario states its assumptions", field="assumptions")
    if session.exec(select(DemandScenario.id).where(DemandScenario.name == name)).first() is not None:
        raise NameTaken(f"a scenario is named {name} already: scenarios are not changed", field="name", value=name)
    row = DemandScenario(
        name=name,
        kind=kind,
        assumptions=assumptions,
        curve=json.dumps(curve),
        made_by=act.actor.id,
        made_at=act.at,
    )
    session.add(row)
    session.flush()
    journal.record(session, act, action="scenario.keep", subject=f"scenario:{name}", payload={"kind": kind})
    return row
