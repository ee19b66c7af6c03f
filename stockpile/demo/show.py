"""Running the demonstration from nothing to a proven ledger, and its figures for people and machines."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, func
from sqlmodel import Session, select

from stockpile import journal, migrations
from stockpile.allocation import queries as allocation
from stockpile.allocation.rules import permille
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading, transact
from stockpile.demo import cast, story
from stockpile.demo.scenarios import WAVE, Scenario
from stockpile.errors import Conflict
from stockpile.governance.tables import Member, Region
from stockpile.inventory import ledger
from stockpile.inventory.rules import DEPOT
from stockpile.inventory.tables import Lot, Site
from stockpile.region import loading
from stockpile.region.reading import Rows, read
from stockpile.settings import Settings

TABLE_CAPTION = (
    "Base units: asked, validated (a shortfall asked again counts once), shared; lowest and median fill over the "
    "municipalities that stock can lawfully reach (0 %: fewer packs than municipalities that asked); x-border: share "
    "that crossed a border; no reach: municipalities that no lawful stock can reach"
)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a demonstration; units are base units, fills thousandths, times wall seconds."""

    simulated: bool
    database: str
    municipalities: int
    population: int
    countries: int
    depots: int
    items: int
    lots: int
    requests: int
    plans: int
    plan_lines: int
    min_fill: float
    median_fill: float
    cross_border_units: int
    unreachable_pairs: int
    calloffs_received: int
    plan_seconds: float
    total_seconds: float
    checker_accepted: bool
    ledger_verified: bool
    discrepancies: list[str]


class OtherRegion(Conflict):
    """The database holds a region that is not the demonstration's."""

    code = "other_region"


def region_folder(name: str = WAVE.folder) -> Path:
    """Where a scenario's CSV files are: inside the installed package, or in the repository."""
    packaged = Path(__file__).parent / name
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "fixtures" / name


def run(engine: Engine, console: Console, *, settings: Settings, scenario: Scenario = WAVE) -> Report:
    """Load the scenario's region, tell its days, verify the ledger, print the table; goes on where it was cut off."""
    started = time.monotonic()
    console.print(f"[bold]{scenario.label}[/bold]")
    rows = _load(engine, console, password=settings.demo_password, scenario=scenario)
    told = story.Story(
        engine=engine,
        actors=cast.actors(engine),
        rows=rows,
        say=lambda text: console.print(f"[dim]{seconds_since(started):6.1f} s[/dim]  {text}", soft_wrap=True),
        limit_seconds=settings.plan_limit_seconds,
        scenario=scenario,
    )
    story.tell(told)
    told.say("verifying every balance and every hash")
    with reading(engine) as session:
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
        report = _report(session, engine, told, found, seconds=seconds_since(started))
        console.print(_table(session, told.plans, title=scenario.title))
        console.print(_example(session, told.plans[-1]), soft_wrap=True)
    console.print(_summary(report))
    return report


def _load(engine: Engine, console: Console, *, password: str, scenario: Scenario) -> Rows:
    migrations.upgrade(engine)
    rows = read(region_folder(scenario.folder))
    with reading(engine) as session:
        loaded = session.get(Region, 1)
        if loaded is not None:
            known = rows["region"][0]
            if (loaded.name, loaded.title) != (known.name, known.title) or not loaded.simulated:
                raise OtherRegion(
                    f"this database holds the region {loaded.title}: the demo needs a database of its own "
                    "(STOCKPILE_HOME or STOCKPILE_DATABASE_URL)"
                )
            console.print("the region is loaded already: going on where the demo stopped (--reset starts anew)")
            return rows
    with console.status("loading the region") as status:

        def progress(what: str, count: int) -> None:
            status.update(f"loading the region: {what}")
            console.print(f"  loaded {count:>6,} {what.replace('_', ' ')}")

        transact(engine, lambda session: _fill(session, rows, password, progress, first=scenario.first))
    return rows


def _fill(session: Session, rows: Rows, password: str, progress: loading.Progress, *, first: date) -> None:
    act = loading.act_of_loading(rows, real_now=datetime.now(UTC))
    loading.installation_account(session)
    loading.load(session, act, rows, caseload=False, progress=progress)
    cast.engage(session, act, password=password)
    story.report_before(session, act, rows, first=first)


def _report(session: Session, engine: Engine, told: story.Story, found: list[str], *, seconds: float) -> Report:
    fills = allocation.fills(session, told.plans)
    pairs = _pair_fills(session, told.plans)
    plans = [allocation.plan(session, number) for number in told.plans]
    members = list(session.exec(select(Member)))
    return Report(
        simulated=True,
        database=engine.dialect.name,
        municipalities=len(members),
        population=sum(member.population for member in members),
        countries=len({member.country for member in members}),
        depots=session.exec(select(func.count()).select_from(Site).where(Site.kind == DEPOT)).one(),
        items=len(catalogue.items(session)),
        lots=session.exec(select(func.count()).select_from(Lot)).one(),
        requests=told.requests,
        plans=len(plans),
        plan_lines=sum(len(allocation.plan_lines(session, number)) for number in told.plans),
        min_fill=min(pairs) / 1000,
        median_fill=median(pairs) / 1000,
        cross_border_units=sum(fill.cross_border for fill in fills),
        unreachable_pairs=sum(fill.unreachable for fill in fills),
        calloffs_received=told.calloffs_received,
        plan_seconds=max(told.plan_ms) / 1000,
        total_seconds=seconds,
        checker_accepted=all(plan.feasible and plan.fair for plan in plans),
        ledger_verified=not found,
        discrepancies=found[:20],
    )


def _pair_fills(session: Session, plans: list[int]) -> list[int]:
    got: dict[tuple[str, str], int] = {}
    missed: dict[tuple[str, str], int] = {}
    for result in allocation.shares(session, plans):
        if result.reachable:
            pair = (result.member_code, result.item_code)
            got[pair] = got.get(pair, 0) + result.got
            missed[pair] = max(0, result.validated - result.got)
    return [permille(got[pair], got[pair] + missed[pair]) for pair in got]


def _table(session: Session, plans: list[int], *, title: str) -> Table:
    table = Table(title=title, title_style="bold", padding=(0, 0), caption=TABLE_CAPTION)
    table.add_column("item", overflow="fold")
    for heading in ("asked", "valid.", "shared", "lowest", "median", "x-border", "no reach"):
        table.add_column(heading, justify="right")
    items = catalogue.items(session)
    for fill in allocation.fills(session, plans):
        item = items[fill.key]
        table.add_row(
            f"{item.code} {item.name}",
            f"{fill.asked:,}",
            f"{fill.validated:,}",
            f"{fill.shared:,}",
            _percent(fill.lowest_permille),
            _percent(fill.median_permille),
            f"{permille(fill.cross_border, fill.shared) / 10 if fill.shared else 0:.1f} %",
            str(fill.unreachable or ""),
        )
    return table


def _example(session: Session, plan: int) -> str:
    """Why the municipality that the last plan leaves with the largest shortfall got less, as it would be told."""
    short = [r for r in allocation.plan_results(session, plan) if r.reachable and r.got < r.validated]
    if not short:
        return ""
    worst = max(short, key=lambda r: (r.validated - r.got, -(r.id or 0)))
    why = allocation.why(session, plan_number=plan, member=worst.member_code, item=worst.item_code)
    others = ", ".join(f"{n.name} {n.got:,} of {n.validated:,}" for n in why.tied_with[:3])
    return (
        f"Why did {why.member_name} get less {why.item_name}? Asked {why.asked:,}, validated {why.validated:,} "
        f"({why.validation}). Got {why.sentence}. Beside it: {others}. Plan {plan}, rule {why.rule}."
    )


def _percent(value: int | None) -> str:
    return "-" if value is None else f"{value / 10:.1f} %"


def _summary(report: Report) -> str:
    verdict = "every balance and every hash is right" if report.ledger_verified else "THE LEDGER IS NOT RIGHT"
    proof = "the independent checker accepts every plan" if report.checker_accepted else "a plan is not proven fair"
    return (
        f"{report.municipalities} municipalities of {report.countries} countries ({report.population:,} people), "
        f"{report.requests:,} requests, {report.plan_lines:,} plan lines; longest plan {report.plan_seconds:.1f} s; "
        f"{proof}; {verdict}; {report.total_seconds:.1f} s in all. SIMULATED."
    )


def as_json(report: Report) -> dict[str, object]:
    """The report as JSON values."""
    return asdict(report)


def seconds_since(started: float) -> float:
    """Wall seconds since a monotonic instant."""
    return round(time.monotonic() - started, 2)
