"""Scheduled runs at the command line: run one now, dry or for real; see what ran and when each comes due."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import Engine

from stockpile.actor import Act
from stockpile.console import opened, out
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.jobs import operations as jobs
from stockpile.jobs import queries
from stockpile.jobs.nightly import JOBS
from stockpile.jobs.rules import WEEKDAYS, When
from stockpile.settings import Settings

runs = typer.Typer(no_args_is_help=True, help="Run a scheduled job now; a slot done before changes nothing.")
Account = Annotated[str, typer.Option(help="Account that runs it.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Work everything out and tell it; change nothing.")]


def _command(job: str) -> None:
    """Add `stockpile run JOB`."""

    @runs.command(job, help=f"Run the job: {JOBS[job].title}.")
    def command(account: Account = jobs.SCHEDULER_ACCOUNT, dry_run: Dry = False) -> None:
        settings = Settings()
        engine = opened(settings)
        ran = jobs.run(
            engine,
            _act(engine, account),
            job=job,
            limit_seconds=settings.plan_limit_seconds,
            dry=dry_run,
            home=settings.home,
        )
        if ran.again:
            out.print(f"{job} for {ran.slot} was done before: nothing was changed")
        if ran.dry:
            out.print(f"{job} for {ran.slot}, dry: nothing was changed")
        out.print_json(data=ran.outcome)


for name in JOBS:
    _command(name)


@runs.command("list")
def list_runs(limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20) -> None:
    """List the newest tries: when, which job and slot, what came of it."""
    with reading(opened(Settings())) as session:
        for one in queries.attempts(session, limit=limit):
            dry = " dry" if one.dry else ""
            said = one.outcome if one.state != "running" else f"{one.progress}, heard of {one.heartbeat_at:%H:%M:%S}"
            typer.echo(
                f"{one.started_at:%Y-%m-%d %H:%M:%S} {one.job:<14} {one.slot:<14} {one.state}{dry}  {said[:200]}"
            )


@runs.command("blocked")
def blocked() -> None:
    """What kept the newest reorder from serving every need: which clauses conflict, what each would have to give."""
    with reading(opened(Settings())) as session:
        done = queries.attempts(session, job="reorder", state="done", limit=1)
    if not done:
        raise Invalid("no reorder has run yet: stockpile run reorder --dry-run", field="job")
    [newest] = done
    told = json.loads(newest.outcome).get("blocked") or {"said": ["the plan serves every need that an order can reach"]}
    typer.echo(f"reorder for {newest.slot}{', dry' if newest.dry else ''}")
    for said in told["said"]:
        typer.echo(said)


@runs.command("schedule")
def schedule(
    job: Annotated[str | None, typer.Argument(help="The job to change; left out: list all.")] = None,
    at: Annotated[str | None, typer.Option(help="HH:MM, or :MM for every hour.")] = None,
    weekday: Annotated[str | None, typer.Option(help="mon to sun; left out: every day.")] = None,
    time_zone: Annotated[str, typer.Option(help="Like Europe/Brussels; empty: the region's own.")] = "",
    *,
    off: Annotated[bool, typer.Option("--off", help="Do not run it by itself any more.")] = False,
    account: Annotated[str, typer.Option(help="Account that changes it.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """List when each job comes due, or change one with a reason."""
    engine = opened(Settings())
    if job is not None:
        known = jobs.find(job).usual
        minute, hour = (known.minute, known.hour) if at is None else _time(at)
        when = When(minute, hour, _weekday(weekday), time_zone, enabled=not off)
        act = _act(engine, account)
        transact(engine, lambda session: jobs.set_schedule(session, act, job=job, when=when, reason=reason))
    now = datetime.now(UTC)
    with reading(engine) as session:
        for name, one in JOBS.items():
            found = queries.scheduled(session, job=name, title=one.title, usual=one.usual, now=now)
            due = f"next {found.next_due:%Y-%m-%d %H:%M} UTC" if found.next_due else "OFF"
            typer.echo(f"{name:<14} {found.when:<40} {due}  {found.set_by} {found.reason}".rstrip())


def _time(text: str) -> tuple[int, int | None]:
    hour, _, minute = text.partition(":")
    if not minute.isdecimal() or not (hour == "" or hour.isdecimal()):
        raise Invalid(f"{text[:20]} is no time: give HH:MM, or :MM for every hour", field="at")
    return int(minute), int(hour) if hour else None


def _weekday(text: str | None) -> int | None:
    if text is not None and text not in WEEKDAYS:
        raise Invalid(f"{text[:20]} is no weekday: give one of {', '.join(WEEKDAYS)}", field="weekday")
    return None if text is None else WEEKDAYS.index(text)


def _act(engine: Engine, account: str) -> Act:
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = governance.actor_of(session, governance.account_by_name(session, account))
        return Act(actor=actor, at=governance.effective_now(session, real_now=real_now), recorded_at=real_now)
