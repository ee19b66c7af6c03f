"""The sealed journal at the command line: seal, verify, hand out and send heads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from stockpile.cli_sending import sending
from stockpile.console import end_with, err, opened, out
from stockpile.db import reading
from stockpile.settings import Settings
from stockpile.transparency.replay import queries as replaying
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed
from stockpile.transparency.sealing import verifier
from stockpile.transparency.sending import operations as sending_of

audit = typer.Typer(no_args_is_help=True, help="The sealed journal: seal, verify, hand out heads.")
audit.add_typer(sending, name="addresses")


@audit.command("seal")
def seal() -> None:
    """Seal what is not sealed yet; a running server does this by itself every second."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session:
        signer = sealing.signer_of(session, settings.home)
    size = sealing.seal(engine, signer, at=datetime.now(UTC))
    out.print(f"sealed: the newest head covers {size:,} entries")


@audit.command("send")
def send_heads() -> None:
    """Send the newest signed head wherever it is due; a running server does this by itself every few seconds."""
    settings, engine = Settings(), opened(Settings())
    made = sending_of.send_due(engine, at=datetime.now(UTC), this_machine=settings.heads_to_this_machine)
    failed = [one for one in made if not one.accepted]
    for one in failed:
        err.print(f"address {one.address_id} did not take the head: {one.answer}", soft_wrap=True, markup=False)
    out.print(f"sent: {len(made) - len(failed)} of {len(made)} heads were taken")
    if failed:
        raise typer.Exit(1)


@audit.command("verify")
def verify_journal() -> None:
    """Recompute the sealed journal from its entries and check every head; exits with 3 and what is wrong."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session, Progress(console=err, transient=True) as progress:
        key = sealing.signer_of(session, settings.home).verifier_key
        size = sealed.latest_size(session)
        task = progress.add_task("recomputing the sealed journal", total=size)
        found = list(
            sealed.discrepancies(session, verifier_key=key, progress=lambda n: progress.update(task, completed=n))
        )
        waiting = sealed.unsealed(session)
    if found:
        end_with(found)
    out.print(f"verified: {size:,} sealed entries are what they were, every head is right; {waiting:,} wait for a seal")


@audit.command("head")
def hand_out(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint, the key and the verifier.")],
) -> None:
    """Write the newest signed head, the key and the stand-alone verifier: what a member keeps out of our hands."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session:
        key, top = sealing.signer_of(session, settings.home).verifier_key, sealed.head(session, None)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"checkpoint-{top.size}.txt").write_text(top.checkpoint, encoding="utf-8")
    (folder / "key.txt").write_text(key + "\n", encoding="utf-8")
    (folder / "verifier.py").write_bytes(Path(verifier.__file__).read_bytes())
    out.print(f"in {folder}: python verifier.py key.txt checkpoint checkpoint-{top.size}.txt", soft_wrap=True)


@audit.command("replay")
def replay_plan(
    plan: Annotated[int, typer.Argument(help="Number of the plan.")],
    masked: Annotated[bool, typer.Option("--masked", help="Compute it once more with all names hidden.")] = False,
    seed: Annotated[str, typer.Option(help="Another seed hides the names in another order.")] = "",
) -> None:
    """Rebuild a plan from what is stored, compute it again byte for byte, and hold it against journal and votes."""
    settings, engine = Settings(), opened(Settings())
    found = replaying.replay(engine, plan, limit_seconds=settings.plan_limit_seconds, mask=masked, seed=seed)
    out.print(
        f"plan {plan} of {found.planned_at:%Y-%m-%d %H:%M} UTC ({found.state}), rule {found.rule}, "
        f"decision rights version {found.rights_version}, problem {found.problem_digest[:16]}",
        soft_wrap=True,
    )
    for one in found.votes:
        out.print(f"decision {one['decision']} is {one['state']}, {len(one['votes'])} votes", soft_wrap=True)
    for line in found.stock_then:
        out.print(f"stood otherwise: {line}", soft_wrap=True)
    for line in found.carried_then:
        out.print(f"was otherwise: {line}", soft_wrap=True)
    for line in found.stock_since:
        out.print(f"entered since: {line}", soft_wrap=True)
    if found.masked is not None:
        told = "the same" if found.masked.same_fills else "NOT the same"
        changed, most = len(found.masked.changed), found.masked.most_packs
        out.print(f"with names hidden: the fills are {told}; {changed} claims differ, by {most} packs at most")
        if found.masked.set_aside:
            items = ", ".join(found.masked.set_aside)
            out.print(f"not compared, for useful minima set somebody aside there: {items}", soft_wrap=True)
    wrong = [*found.differences, *(text for one in found.votes for text in one["differences"])]
    if wrong:
        end_with(wrong)
    out.print(f"replayed: computed again byte for byte, plan {found.recomputed}", soft_wrap=True)


@audit.command("sample")
def draw_sample(
    seed: Annotated[str, typer.Argument(help="Said in public beforehand, such as a lottery's number.")],
    size: Annotated[int, typer.Option(help="How many entries.", min=1, max=500)] = 25,
    action: Annotated[str | None, typer.Option(help="Only entries of this action, such as plan.approve.")] = None,
) -> None:
    """Draw entries of the journal that anybody draws alike from the same seed."""
    with reading(opened(Settings())) as session:
        for one in replaying.sample(session, seed=seed, size=size, action=action):
            when = f"{one.effective_at:%Y-%m-%d %H:%M}"
            typer.echo(f"{one.entry:>9}  {when}  {one.action:<20} {one.subject:<24} {one.actor}")
