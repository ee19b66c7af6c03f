"""What the buyer's screen shows, read through the queries of the domains."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as orders
from stockpile.contracts import rules
from stockpile.contracts.scorecards import queries as scorecards
from stockpile.contracts.tables import CallOff, Contract
from stockpile.contracts.terms import queries as agreed
from stockpile.demand.scenarios import queries as scenarios
from stockpile.demand.scenarios.rules import YEARS, Year
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.jobs import queries as jobs
from stockpile.jobs.nightly import JOBS
from stockpile.jobs.queries import Scheduled
from stockpile.jobs.tables import JobAttempt
from stockpile.reorder import queries as reorder
from stockpile.reorder.queries import NoPolicy

ATTEMPTS_SHOWN: Final = 60
YEAR: Final = timedelta(days=365)
WEEKS_BACK: Final = 12


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An item of an order: packs and base units, minor money units, and why."""

    item: str
    name: str
    packs: int
    quantity: int
    unit: str
    price_minor: int
    reason: str

    @property
    def cost_minor(self) -> int:
        """What the line costs."""
        return self.packs * self.price_minor


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order that waits, with what its contract's ceiling leaves; minor money units."""

    order: CallOff
    contract: Contract
    supplier: str
    proposed_by: str
    place: str
    lines: tuple[OrderLine, ...]


def waiting(session: Session) -> list[Waiting]:
    """Every order that waits for somebody's word, the dearest first."""
    found = [one for state in rules.WAITING_STATES for one in orders.calloffs(session, state=state)]
    names = {account.id: account.name for account in governance.accounts(session)}
    items, sites = catalogue.items(session), inventory.sites(session)
    rows = []
    for order in found:
        contract = agreed.contract(session, order.contract_code)
        lines = tuple(
            OrderLine(
                item=line.item_code,
                name=items[line.item_code].name,
                packs=line.packs,
                quantity=line.quantity,
                unit=items[line.item_code].base_unit,
                price_minor=line.pack_price_minor,
                reason=line.reason,
            )
            for line in orders.lines(session, order.id or 0)
        )
        supplier = scorecards.supplier(session, contract.supplier_code).name
        rows.append(Waiting(order, contract, supplier, names[order.proposed_by], sites[order.deliver_to].name, lines))
    return sorted(rows, key=lambda one: (-one.order.cost_minor, one.order.id or 0))


@dataclass(frozen=True, slots=True)
class Spend:
    """Minor money units by week (its Monday): ordered, waiting, and what the newest run plans for later weeks.

    `after`: what the newest run spends, from its own week on; `before`: what it would if no budget spread it.
    `budget_minor` is what a run may propose in `review_days`; None without a buying policy.
    """

    ordered: dict[date, int]
    waiting: dict[date, int]
    planned: dict[date, int]
    before: dict[date, int]
    after: dict[date, int]
    planned_on: str
    budget_minor: int | None
    review_days: int | None


def spend(session: Session, *, at: datetime, zone: str) -> Spend:
    """What was ordered in the last weeks, what waits, and what the newest run plans to order in which week."""
    today = at.astimezone(ZoneInfo(zone)).date()
    since = _monday(today - timedelta(weeks=WEEKS_BACK))
    ordered, waits = defaultdict[date, int](int), defaultdict[date, int](int)
    for one in orders.calloffs(session):
        if one.state in rules.WAITING_STATES:
            waits[_monday(today)] += one.cost_minor
        elif one.approved_at is not None and one.state not in (rules.REJECTED, rules.CANCELLED):
            week = _monday(one.approved_at.astimezone(ZoneInfo(zone)).date())
            ordered[week] += one.cost_minor if week >= since else 0
    slot, after, before = _newest(session)
    later = {week: minor for week, minor in list(after.items())[1:] if minor and week >= _monday(today)}
    try:
        policy = reorder.policy(session)
    except NoPolicy:
        return Spend({**ordered}, {**waits}, later, before, after, slot, None, None)
    return Spend({**ordered}, {**waits}, later, before, after, slot, policy.budget_minor, policy.review_days)


@dataclass(frozen=True, slots=True)
class RunOfYears:
    """A kept run of years: its assumptions, and year by year use, prices and budget in thousandths of the first's."""

    assumptions: str
    years: list[Year]

    @property
    def costs(self) -> list[int]:
        """What each year's use costs at its prices, in thousandths of the first's."""
        return [one.cost_permille for one in self.years]

    @property
    def budgets(self) -> list[int]:
        """Each year's money, in thousandths of the first's."""
        return [one.budget_permille for one in self.years]


@dataclass(frozen=True, slots=True)
class YearsAhead:
    """Runs of years by name, the newest first; `year_minor`: what a year's budget is now, None without a policy."""

    runs: dict[str, RunOfYears]
    year_minor: int | None


def years_ahead(session: Session) -> YearsAhead:
    """Every run of years that is kept, and the money of a year as the buying policy gives it out."""
    kept = sorted(scenarios.scenarios(session), key=lambda one: -(one.id or 0))
    runs = {one.name: RunOfYears(one.assumptions, scenarios.years(one)) for one in kept if one.kind == YEARS}
    try:
        policy = reorder.policy(session)
    except NoPolicy:
        return YearsAhead(runs, None)
    return YearsAhead(runs, policy.budget_minor * YEAR.days // policy.review_days)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _newest(session: Session) -> tuple[str, dict[date, int], dict[date, int]]:
    """Day of the newest run of reorders, what it spends by week from its own on, and what it would without a budget."""
    newest = next((run for run in jobs.runs(session) if run.job == "reorder"), None)
    told = json.loads(newest.outcome) if newest else {}
    if newest is None or not told.get("spend_by_week"):
        return "", {}, {}
    first = _monday(date.fromisoformat(newest.slot))
    after, before = (
        {first + timedelta(weeks=n): minor for n, minor in enumerate(told.get(name, []))}
        for name in ("spend_by_week", "spend_before_by_week")
    )
    return newest.slot, after, before


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A contract that may be ordered under, and how much of its ceiling is left; `waiting_minor` waits for approval."""

    contract: Contract
    supplier: str
    items: int
    waiting_minor: int


def ceilings(session: Session, *, on: date) -> list[Ceiling]:
    """The contracts of a day, the one with the least left of its ceiling first."""
    items, waits = defaultdict[str, int](int), defaultdict[str, int](int)
    for line in orders.contract_lines(session):
        items[line.contract_code] += 1
    for state in rules.WAITING_STATES:
        for one in orders.calloffs(session, state=state):
            waits[one.contract_code] += one.cost_minor
    found = [
        Ceiling(one, scorecards.supplier(session, one.supplier_code).name, items[code], waits[code])
        for code, one in orders.contracts_valid(session, on).items()
    ]
    return sorted(found, key=lambda one: one.contract.remaining_minor * 1000 // max(1, one.contract.ceiling_minor))


def cards(session: Session, *, on: date) -> list[dict[str, Any]]:
    """The scorecard of the last year of every supplier with a contract, and the record it came with."""
    codes = sorted({one.supplier_code for one in orders.contracts_valid(session, on).values()})
    found = []
    for code in codes:
        known = scorecards.supplier(session, code)
        card = scorecards.scorecard(session, code, since=on - YEAR, until=on)
        found.append({**card, "name": known.name, "record": known})
    return found


@dataclass(frozen=True, slots=True)
class Runs:
    """Every job with its schedule, and the newest attempts."""

    schedules: Sequence[Scheduled]
    attempts: Sequence[JobAttempt]
    names: dict[int, str]


def runs(session: Session, *, real_now: datetime) -> Runs:
    """The scheduled runs as they stand."""
    schedules = [
        jobs.scheduled(session, job=name, title=job.title, usual=job.usual, now=real_now) for name, job in JOBS.items()
    ]
    names = {account.id or 0: account.name for account in governance.accounts(session)}
    return Runs(schedules, jobs.attempts(session, limit=ATTEMPTS_SHOWN), names)
