"""Publications and open data at the command line: publish what is due, write the files out, take others' history in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stockpile.actor import Act
from stockpile.console import opened, out
from stockpile.db import reading, transact
from stockpile.governance import queries as governance
from stockpile.jobs import operations as jobs
from stockpile.settings import Settings
from stockpile.transparency import opendata
from stockpile.transparency.ocds import operations as contracting
from stockpile.transparency.ocds import releases
from stockpile.transparency.publishing import datasets
from stockpile.transparency.redaction import rules as redaction

public = typer.Typer(no_args_is_help=True, help="What the public gets: publish, write out, take others' history in.")


@public.command("publish")
def publish() -> None:
    """Publish every approved plan whose delay is over; a running server does this by itself every hour."""
    settings, engine = Settings(), opened(Settings())
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = governance.actor_of(session, governance.account_by_name(session, jobs.SCHEDULER_ACCOUNT))
        at = governance.effective_now(session, real_now=real_now)
    act = Act(actor=actor, at=at, recorded_at=real_now)
    ran = jobs.run(engine, act, job="publications", limit_seconds=settings.plan_limit_seconds)
    plans = ", ".join(str(number) for number in ran.outcome["plans"]) or "none"
    out.print(f"published in the hour {ran.slot}{' (done before)' if ran.again else ''}: {plans}")


@public.command("export")
def export(folder: Annotated[Path, typer.Argument(help="Folder for the files; made where it is missing.")]) -> None:
    """Write every public table as JSON, CSV and schema, and the OCDS packages, into a folder."""
    engine = opened(Settings())
    folder.mkdir(parents=True, exist_ok=True)
    with reading(engine) as session:
        region = governance.region(session)
        at = governance.effective_now(session, real_now=datetime.now(UTC))
        notes = {"region": region.title, "simulated": region.simulated, "policy": redaction.VERSION}
        for name, dataset in datasets.DATASETS.items():
            rows = datasets.rows(session, name, at=at)
            _write(folder / f"{name}.json", opendata.as_json(dataset, rows, notes=notes))
            _write(folder / f"{name}.schema.json", opendata.schema(dataset))
            (folder / f"{name}.csv").write_text(opendata.as_csv(dataset, rows), encoding="utf-8", newline="")
        _write(folder / "ocds-releases.json", releases.release_package(session, at=at))
        _write(folder / "ocds-records.json", releases.record_package(session, at=at))
    out.print(f"{len(datasets.DATASETS)} tables and 2 OCDS packages are in {folder}", soft_wrap=True)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@public.command("import-ocds")
def import_ocds(
    file: Annotated[Path, typer.Argument(help="An OCDS release or record package.", exists=True, dir_okay=False)],
    account: Annotated[str, typer.Option("--as", help="Account of a buyer or administrator.")],
    source: Annotated[str, typer.Option(help="Where it is from, in words.")],
) -> None:
    """Take others' OCDS releases in as contract history; what is there already is left as it is."""
    engine = opened(Settings())
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = governance.actor_of(session, governance.account_by_name(session, account))
        act = Act(actor, governance.effective_now(session, real_now=real_now), real_now)
    content = file.read_bytes()
    done = transact(engine, lambda s: contracting.import_releases(s, act, content=content, source=source))
    out.print(f"{done.added} awards and tenders added, {done.known} were known")
