"""The command line: demo, serve, import, run, verify, and what an operator needs beside them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlmodel import Session

from stockpile import __version__, journal, migrations
from stockpile.actor import Act, Grant
from stockpile.allocation import queries as allocation
from stockpile.db import open_engine, reading, transact
from stockpile.demo import cast, show
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries as governance_queries
from stockpile.inventory import ledger
from stockpile.inventory.scanning import labels
from stockpile.inventory.scanning import operations as pallets
from stockpile.inventory.scanning import queries as scanning
from stockpile.jobs import operations as jobs
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed
from stockpile.transparency.sealing import verifier

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=f"Stockpile {__version__}"
)
imports = typer.Typer(no_args_is_help=True, help="Load data from files.")
runs = typer.Typer(no_args_is_help=True, help="Run a scheduled job now; a slot done before changes nothing.")
audit = typer.Typer(no_args_is_help=True, help="The sealed journal: seal, verify, hand out heads.")
accounts = typer.Typer(no_args_is_help=True, help="Accounts of this installation.")
app.add_typer(imports, name="import")
app.add_typer(runs, name="run")
app.add_typer(accounts, name="account")
app.add_typer(audit, name="audit")
out = Console()
err = Console(stderr=True)

EXIT_REFUSED, EXIT_DISCREPANCY = 2, 3


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
) -> None:
    """Answer the surge of week 14 of 2020 with a simulated stockpile, from request to refill, and prove the ledger."""
    settings = Settings()
    if serve_after:
        _refuse_taken_port(port)
    engine = _open(settings)
    if reset:
        _reset(engine)
    result = show.run(engine, out, password=settings.demo_password, limit_seconds=settings.plan_limit_seconds)
    if report is not None:
        report.write_text(json.dumps(show.as_json(result), indent=2) + "\n", encoding="utf-8")
        out.print(f"figures written to {report}")
    if not (result.ledger_verified and result.checker_accepted):
        _discrepancies(result.discrepancies or ["a plan is not accepted by the checker"])
    if serve_after:
        names = ", ".join(name for name, _, _ in (*cast.CAST, *cast.REQUESTERS))
        out.print(f"\nsign in as one of {names}; the password of all is [bold]{settings.demo_password}[/bold]")
        _serve(engine, settings, port=port)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1.", min=1, max=65535)] = 8000,
) -> None:
    """Serve the API and the screens on 127.0.0.1, with the nightly runs."""
    _refuse_taken_port(port)
    settings = Settings()
    engine = _open(settings)
    _serve(engine, settings, port=port)


@app.command()
def verify() -> None:
    """Recompute every balance and every hash; exits with 3 and the discrepancies if any is wrong."""
    engine = _open(Settings())
    with reading(engine) as session, Progress(console=err, transient=True) as progress:
        governance_queries.region(session)
        progress.add_task("recomputing balances and hashes", total=None)
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
    if found:
        _discrepancies(found)
    out.print("verified: every balance is the sum of its movements, every hash is right")


@audit.command("seal")
def seal() -> None:
    """Seal what is not sealed yet; a running server does this by itself every second."""
    settings, engine = Settings(), _open(Settings())
    with reading(engine) as session:
        signer = sealing.signer_of(session, settings.home)
    size = sealing.seal(engine, signer, at=datetime.now(UTC))
    out.print(f"sealed: the newest head covers {size:,} entries")


@audit.command("verify")
def verify_journal() -> None:
    """Recompute the sealed journal from its entries and check every head; exits with 3 and what is wrong."""
    settings, engine = Settings(), _open(Settings())
    with reading(engine) as session, Progress(console=err, transient=True) as progress:
        key = sealing.signer_of(session, settings.home).verifier_key
        size = sealed.latest_size(session)
        task = progress.add_task("recomputing the sealed journal", total=size)
        found = list(
            sealed.discrepancies(session, verifier_key=key, progress=lambda n: progress.update(task, completed=n))
        )
        waiting = sealed.unsealed(session)
    if found:
        _discrepancies(found)
    out.print(f"verified: {size:,} sealed entries are what they were, every head is right; {waiting:,} wait for a seal")


@audit.command("head")
def hand_out(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint, the key and the verifier.")],
) -> None:
    """Write the newest signed head, the key and the stand-alone verifier: what a member keeps out of our hands."""
    settings, engine = Settings(), _open(Settings())
    with reading(engine) as session:
        key, top = sealing.signer_of(session, settings.home).verifier_key, sealed.head(session, None)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"checkpoint-{top.size}.txt").write_text(top.checkpoint, encoding="utf-8")
    (folder / "key.txt").write_text(key + "\n", encoding="utf-8")
    (folder / "verifier.py").write_bytes(Path(verifier.__file__).read_bytes())
    out.print(f"in {folder}: python verifier.py key.txt checkpoint checkpoint-{top.size}.txt", soft_wrap=True)


@app.command("picklist")
def pick_list(plan: Annotated[int, typer.Argument(help="Number of the plan.")]) -> None:
    """Print what each depot picks for a plan."""
    engine = _open(Settings())
    with reading(engine) as session:
        simulated = governance_queries.region(session).simulated
        found = allocation.plan(session, plan)
        lines = allocation.pick_list(session, plan)
    warning = "" if found.state == "approved" else " - NOT APPROVED: do not pick"
    head = f"Plan {plan} ({found.state}, {found.method}){' - SIMULATED' if simulated else ''}{warning}"
    typer.echo(allocation.pick_list_text(lines, head=head))


@app.command("scan")
def scan(
    text: Annotated[str, typer.Argument(help="What the scanner sent, or (01)...(17)...(10)... as printed.")],
    site: Annotated[str | None, typer.Option(help="Where it was scanned.")] = None,
) -> None:
    """Print what a scan fills in: item, lot, order line, warnings, and what can be done next; nothing is stored."""
    with reading(_open(Settings())) as session:
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
    engine = _open(Settings())

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


@app.command("database")
def database() -> None:
    """Print where the data is kept and how to change it."""
    settings = Settings()
    typer.echo(make_url(settings.address()).render_as_string(hide_password=True))
    typer.echo(
        "to change it set STOCKPILE_HOME (folder of the embedded database) or STOCKPILE_DATABASE_URL (PostgreSQL)"
    )


@imports.command("region")
def import_region(folder: Annotated[Path, typer.Argument(help="Folder with the CSV templates.")]) -> None:
    """Load a region from CSV templates into an empty installation, all or nothing."""
    engine = _open(Settings())
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


@runs.command("reorder")
def run_reorder(
    account: Annotated[str, typer.Option(help="Account that runs it.")] = jobs.SCHEDULER_ACCOUNT,
) -> None:
    """Propose call-offs for what is missing; each waits for another person's approval."""
    settings = Settings()
    engine = _open(settings)
    ran = jobs.run(engine, _act(engine, account), job="reorder", limit_seconds=settings.plan_limit_seconds)
    if ran.again:
        out.print(f"reorder for {ran.slot} was done before: nothing was changed")
    out.print_json(data=ran.outcome)


@accounts.command("add")
def add_account(  # noqa: PLR0917  (the command line takes them by name)
    name: str,
    role: Annotated[str, typer.Option(help="Role of the account.")],
    title: Annotated[str, typer.Option(help="What the account stands for.")] = "",
    member: Annotated[str | None, typer.Option(help="Only for this member.")] = None,
    site: Annotated[str | None, typer.Option(help="Only at this site.")] = None,
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out.")
    ] = "",
) -> None:
    """Add a named account with one role."""
    engine = _open(Settings())
    real_now = datetime.now(UTC)
    act = Act(actor=governance.founder(), at=real_now, recorded_at=real_now)

    def add(session: Session) -> None:
        loading.installation_account(session)
        grants = [Grant(role, member, site)]
        governance.add_account(session, act, name=name, title=title or name, password=password, grants=grants)

    transact(engine, add)
    out.print(f"account {name} added with the role {role}")


@accounts.command("list")
def list_accounts() -> None:
    """List the accounts and their roles."""
    with reading(_open(Settings())) as session:
        for account in governance_queries.accounts(session):
            actor = governance_queries.actor_of(session, account)
            roles = ", ".join(sorted({grant.role for grant in actor.grants}))
            typer.echo(f"{account.name:<16} {roles:<14} {account.title}")


def _open(settings: Settings) -> Engine:
    err.print(f"[dim]data: {make_url(settings.address()).render_as_string(hide_password=True)}[/dim]", soft_wrap=True)
    engine = open_engine(settings.address())
    migrations.upgrade(engine)
    return engine


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


def _reset(engine: Engine) -> None:
    migrations.wipe_simulated(engine)
    out.print("the simulated region was deleted")


def _refuse_taken_port(port: int) -> None:
    from stockpile.serving import refuse_taken_port

    refuse_taken_port(port)


def _serve(engine: Engine, settings: Settings, *, port: int) -> None:
    from stockpile.serving import serve as run_server

    run_server(engine, settings, port=port)


def _discrepancies(found: list[str]) -> NoReturn:
    for one in found[:20]:
        err.print(f"[red]discrepancy:[/red] {one}", soft_wrap=True)
    err.print(f"{len(found)} discrepancies: stop posting and restore from a backup, nothing is mended by itself")
    sys.exit(EXIT_DISCREPANCY)
