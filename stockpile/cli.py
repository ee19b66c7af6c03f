"""The command line: demo, serve, import, run, verify, and what an operator needs beside them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import Progress
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlmodel import Session

from stockpile import __version__, journal, migrations
from stockpile.actor import Act, Grant
from stockpile.allocation import queries as allocation
from stockpile.allocation import rules as picking
from stockpile.cli_access import access
from stockpile.cli_audit import audit
from stockpile.cli_backup import backup, restore, watch_books
from stockpile.cli_buying import contract
from stockpile.cli_calloffs import calloff
from stockpile.cli_carrying import carry
from stockpile.cli_committee import committee
from stockpile.cli_contingency import contingency
from stockpile.cli_figures import figures
from stockpile.cli_handling import call
from stockpile.cli_plan import plan
from stockpile.cli_promises import promise
from stockpile.cli_public import public
from stockpile.cli_runs import runs
from stockpile.cli_settle import settle
from stockpile.cli_storeroom import store
from stockpile.cli_tender import tender
from stockpile.console import Part, end_with, err, opened, out
from stockpile.db import reading, transact
from stockpile.demo import cast, show
from stockpile.demo.scenarios import SCENARIOS
from stockpile.errors import Invalid, Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries as governance_queries
from stockpile.http import plain
from stockpile.inventory import ledger
from stockpile.inventory import queries as stock
from stockpile.inventory.importing import running as stock_files
from stockpile.inventory.importing import template as stock_template
from stockpile.inventory.scanning import labels
from stockpile.inventory.scanning import operations as pallets
from stockpile.inventory.scanning import queries as scanning
from stockpile.inventory.temperatures import operations as temperatures
from stockpile.migrations import hardening
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=f"Stockpile {__version__}"
)
imports = typer.Typer(no_args_is_help=True, help="Load data from files.")
accounts = typer.Typer(no_args_is_help=True, help="Accounts of this installation.")
databases = typer.Typer(help="Where the data is kept; a second wall in PostgreSQL.")
app.add_typer(databases, name="database")
app.add_typer(imports, name="import")
app.add_typer(runs, name="run")
app.add_typer(accounts, name="account")
app.add_typer(store, name="store")
app.add_typer(access, name="access")
app.add_typer(audit, name="audit")
app.add_typer(plan, name="plan")
app.add_typer(promise, name="promise")
app.add_typer(carry, name="carry")
app.add_typer(public, name="public")
app.add_typer(calloff, name="calloff")
app.add_typer(contract, name="contract")
app.add_typer(committee, name="committee")
app.add_typer(contingency, name="contingency")
app.add_typer(settle, name="settle")
app.add_typer(figures, name="figures")
app.add_typer(backup, name="backup")
app.add_typer(tender, name="tender")
app.command("call")(call)
app.command("restore")(restore)
EXIT_NOT_POSTED, EXIT_REFUSED = 1, 2
NewPassword = Annotated[
    str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="STOCKPILE_PASSWORD")
]


def main() -> None:
    """Run the command; a refusal is told in plain words and exits with 2."""
    try:
        app()
    except Refusal as refusal:
        err.print(f"[red]refused:[/red] {refusal.message}", soft_wrap=True, highlight=False)
        sys.exit(EXIT_REFUSED)


@app.command()
def demo(
    serve_after: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the result afterwards.")] = True,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 to serve on.", min=1, max=65535)] = 8000,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo's data first and start anew.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the figures as JSON to this file.")] = None,
    scenario: Annotated[Literal["wave-2020", "floods-2021"], typer.Option(help="Which story.")] = "wave-2020",
) -> None:
    """Answer the surge of week 14 of 2020 with a simulated stockpile, from request to refill, and prove the ledger."""
    settings = Settings()
    if serve_after:
        _refuse_taken_port(port)
    engine = opened(settings)
    if reset:
        _reset(engine, settings)
    result = show.run(engine, out, settings=settings, scenario=SCENARIOS[scenario])
    if report is not None:
        report.write_text(json.dumps(show.as_json(result), indent=2) + "\n", encoding="utf-8")
        out.print(f"figures written to {report}")
    if not (result.ledger_verified and result.checker_accepted):
        end_with(result.discrepancies or ["a plan is not accepted by the checker"])
    if serve_after:
        names = ", ".join(name for name, _, _ in (*cast.CAST, *cast.REQUESTERS, *cast.SEATS))
        out.print(f"\nsign in at [bold]http://127.0.0.1:{port}[/bold] as one of {names}")
        known = f"the password of all is [bold]{settings.demo_password}[/bold]; Ctrl-C stops the server"
        out.print(known, highlight=False)
        _serve(engine, settings, port=port)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1.", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; behind a proxy with TLS only.")] = "127.0.0.1",
    part: Annotated[Part, typer.Option(help="What of it; behind a load balancer.")] = "all",
) -> None:
    """Serve the API and the screens on 127.0.0.1, with the nightly runs."""
    _refuse_taken_port(port)
    settings = Settings()
    engine = opened(settings)
    _serve(engine, settings, port=port, host=host, part=part)


@app.command()
def verify(
    watch: Annotated[
        int, typer.Option("--watch", help="Go on every so many seconds, and stop what is wrong.", min=0)
    ] = 0,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what is wrong until a person decides.")] = False,
) -> None:
    """Recompute every balance and every hash; exits with 3 and the discrepancies if any is wrong."""
    if watch or stop:
        watch_books(every=watch)
        return
    engine = opened(Settings())
    with reading(engine) as session, Progress(console=err, transient=True) as progress:
        governance_queries.region(session)
        progress.add_task("recomputing balances and hashes", total=None)
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
    if found:
        end_with(found)
    out.print("verified: every balance is the sum of its movements, every hash is right")


@app.command("picklist")
def pick_list(plan: Annotated[int, typer.Argument(help="Number of the plan.")]) -> None:
    """Print what each depot picks for a plan."""
    engine = opened(Settings())
    with reading(engine) as session:
        simulated = governance_queries.region(session).simulated
        found = allocation.plan(session, plan)
        lines = allocation.pick_list(session, plan)
    warning = "" if found.state == "approved" else " - NOT APPROVED: do not pick"
    head = f"Plan {plan} ({found.state}, {found.method}){' - SIMULATED' if simulated else ''}{warning}"
    typer.echo(picking.pick_list_text(lines, head=head))


@app.command("scan")
def scan(
    text: Annotated[str, typer.Argument(help="What the scanner sent, or (01)...(17)...(10)... as printed.")],
    site: Annotated[str | None, typer.Option(help="Where it was scanned.")] = None,
) -> None:
    """Print what a scan fills in: item, lot, order line, warnings, and what can be done next; nothing is stored."""
    with reading(opened(Settings())) as session:
        typer.echo(scanning.prefill_text(scanning.prefill(session, _installation(session), text=text, site=site)))


@app.command("label")
def label(
    lot_id: Annotated[int, typer.Argument(help="Number of the lot.")],
    kind: Annotated[Literal["shelf", "pallet"], typer.Option(help="What it is for.")] = "shelf",
    quantity: Annotated[int | None, typer.Option(help="Base units, in whole packs on a pallet.", min=1)] = None,
    sscc: Annotated[str | None, typer.Option(help="Print a numbered pallet's label again.")] = None,
    to: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("label.svg"),
) -> None:
    """Write the label of a lot as SVG; a new pallet gets a number (SSCC) of its own."""
    engine = opened(Settings())

    def draw(session: Session) -> labels.Label:
        if kind == "shelf":
            return labels.shelf_label(session, lot_id=lot_id, quantity=quantity)
        number = sscc
        if number is None:
            loading.installation_account(session)
            act = _installation(session)
            number = pallets.number_pallet(session, act, lot_id=lot_id, quantity=quantity or 0).sscc or ""
        return labels.pallet_label(session, lot_id=lot_id, sscc=number)

    to.write_text(transact(engine, draw).svg, encoding="utf-8")
    out.print(f"the {kind} label is in {to}", soft_wrap=True)


@databases.callback(invoke_without_command=True)
def database(context: typer.Context) -> None:
    """Print where the data is kept and how to change it."""
    if context.invoked_subcommand is not None:
        return
    settings = Settings()
    typer.echo(make_url(settings.address()).render_as_string(hide_password=True))
    typer.echo(
        "to change it set STOCKPILE_HOME (folder of the embedded database) or STOCKPILE_DATABASE_URL (PostgreSQL)"
    )


@databases.command("harden")
def harden(
    role: Annotated[str, typer.Option(help="The database role that the servers log in as.")] = "stockpile_app",
) -> None:
    """Give the servers a database role that cannot change or delete what was posted (PostgreSQL, as the owner)."""
    for line in hardening.harden(opened(Settings()), role=role):
        out.print(line, soft_wrap=True, highlight=False)


@imports.command("region")
def import_region(folder: Annotated[Path, typer.Argument(help="Folder with the CSV templates.")]) -> None:
    """Load a region from CSV templates into an empty installation, all or nothing."""
    engine = opened(Settings())
    rows = read(folder)
    real_now = datetime.now(UTC)

    def load(session: Session) -> str:
        act = loading.act_of_loading(rows, real_now=real_now)
        loading.installation_account(session)
        region = loading.load(session, act, rows, progress=lambda what, count: out.print(f"  loaded {count:,} {what}"))
        governance.add_scheduler(session, act)
        return region.title

    title = transact(engine, load)
    out.print(f"{title} is loaded. Next: stockpile account add NAME --role coordinator, then stockpile serve")


@imports.command("temperatures")
def import_temperatures(
    file: Annotated[Path, typer.Argument(help="CSV of a logger: instant,degrees and, if wanted, sensor,site.")],
    site: Annotated[str, typer.Option(help="Where the logger stands.")],
    account: Annotated[str, typer.Option(help="Account that takes it in.")],
    storage_class: Annotated[str, typer.Option(help="ambient, cold, frozen or controlled.")] = "cold",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it; store nothing.")] = False,
) -> None:
    """Take in a temperature logger's file: excursions set lots apart, gaps are named; the same file counts once."""
    engine = opened(Settings())
    act = _act(engine, account)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        raise Invalid(f"{file} cannot be read as UTF-8 text: {failure}", field="file") from failure
    given = {"site": site, "text": text, "name": file.name, "storage_class": storage_class, "dry_run": dry_run}
    key = f"import:{account}:{act.recorded_at.isoformat()}"
    found = transact(engine, lambda session: temperatures.import_log(session, act, key=key, **given))  # type: ignore[arg-type]
    out.print_json(data=plain(found))


@imports.command("stock")
def import_stock(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX as in `stockpile import template`.")],
    account: Annotated[str, typer.Option("--as", help="Account in whose name, and with whose rights, it is done.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Find everything that is wrong; post nothing.")] = False,
) -> None:
    """Post a file of stock movements, all rows or none; exits with 1 and names row, column and reason where refused."""
    from stockpile.serving import settle_memory

    settle_memory()
    engine = opened(Settings())
    act = _act(engine, account)
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("reading", total=100)
        end = stock_files.import_file(
            engine,
            act,
            file,
            dry_run=dry_run,
            clock=lambda: datetime.now(UTC),
            tell=lambda step: progress.update(
                task, completed=step.percent, description=f"{step.stage} ({step.rows_read:,} rows)"
            ),
        )
    for one in end.findings:
        typer.echo("\t".join((f"row {one.row}" if one.row else "file", one.column, one.value, one.reason)))
    out.print(f"import {end.number} is {end.state}: {end.outcome}", soft_wrap=True, highlight=False)
    if end.state != "done":
        sys.exit(EXIT_NOT_POSTED)


@imports.command("template")
def import_template(
    to: Annotated[Path, typer.Option("--out", help="File to write: .csv or .xlsx.")] = Path("stock.csv"),
) -> None:
    """Write the template of `stockpile import stock`, and say what its columns mean."""
    to.write_bytes(stock_template.as_xlsx() if to.suffix.lower() == ".xlsx" else stock_template.as_csv().encode())
    typer.echo(stock_template.explained())
    err.print(f"the template is in {to}", soft_wrap=True)


@accounts.command("add")
def add_account(  # noqa: PLR0917  (the command line takes them by name)
    name: str,
    role: Annotated[str, typer.Option(help="Role of the account.")],
    title: Annotated[str, typer.Option(help="What the account stands for.")] = "",
    member: Annotated[str | None, typer.Option(help="Only for this member.")] = None,
    site: Annotated[str | None, typer.Option(help="Only at this site.")] = None,
    password: NewPassword = "",
) -> None:
    """Add a named account with one role."""
    engine = opened(Settings())
    real_now = datetime.now(UTC)
    act = Act(actor=governance.founder(), at=real_now, recorded_at=real_now)

    def add(session: Session) -> None:
        loading.installation_account(session)
        if site is not None:
            stock.site(session, site)
        grants = [Grant(role, member, site)]
        governance.add_account(session, act, name=name, title=title or name, password=password, grants=grants)

    transact(engine, add)
    out.print(f"account {name} added with the role {role}")


@accounts.command("deactivate")
def deactivate(name: str, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Switch an account off: its sign-ins end at once, and what it did keeps its name."""
    engine = opened(Settings())
    transact(engine, lambda s: governance.set_active(s, _installation(s), name=name, active=False, reason=reason))
    out.print(f"account {name} is switched off and its sign-ins have ended")


@accounts.command("password")
def set_password(
    name: str,
    password: NewPassword = "",
) -> None:
    """Give an account another password: its sign-ins end at once."""
    engine = opened(Settings())
    transact(engine, lambda s: governance.reset_password(s, _installation(s), name=name, new=password))
    out.print(f"account {name} has another password and its sign-ins have ended")


@accounts.command("list")
def list_accounts() -> None:
    """List the accounts and their roles."""
    with reading(opened(Settings())) as session:
        for account in governance_queries.accounts(session):
            actor = governance_queries.actor_of(session, account)
            roles = ", ".join(sorted({grant.role for grant in actor.grants}))
            typer.echo(f"{account.name:<16} {roles:<14} {account.title}")


def _act(engine: Engine, account: str) -> Act:
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = governance_queries.actor_of(session, governance_queries.account_by_name(session, account))
        return Act(actor=actor, at=governance_queries.effective_now(session, real_now=real_now), recorded_at=real_now)


def _installation(session: Session) -> Act:
    """An act of whoever sits at the command line, at the region's clock."""
    real_now = datetime.now(UTC)
    at = governance_queries.effective_now(session, real_now=real_now)
    return Act(actor=governance.founder(), at=at, recorded_at=real_now)


def _reset(engine: Engine, settings: Settings) -> None:
    from stockpile.serving import refuse_served

    refuse_served(settings.home)
    migrations.wipe_simulated(engine)
    out.print("the simulated region was deleted")


def _refuse_taken_port(port: int) -> None:
    from stockpile.serving import refuse_taken_port

    refuse_taken_port(port)


def _serve(engine: Engine, settings: Settings, *, port: int, host: str = "127.0.0.1", part: Part = "all") -> None:
    from stockpile.serving import serve as run_server

    run_server(engine, settings, port=port, host=host, part=part)
