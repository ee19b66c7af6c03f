"""Contingency plans, drills, duty, risks, disputes and reviews at the command line, by the API's own routes.

STOCKPILE_ACCOUNT=coordinator stockpile contingency drill 1
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Counter, Key, Number, Reason, counter, counter_for, refused

contingency = typer.Typer(no_args_is_help=True, help="Contingency plans and drills, duty, risks, disputes, reviews.")
PLAN = ("id", "name", "version", "hazard", "trigger_level", "state", "owner")
RUN = ("id", "plan_id", "kind", "surge_id", "state", "started_at")
FINDING = ("id", "severity", "state", "past_due", "office", "response_due", "action_due", "title")
File = Annotated[Path, typer.Argument(help="JSON with what the route takes: see `stockpile call` and the API's pages.")]


@contingency.callback()
def at_the_desk(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option(envvar="STOCKPILE_ACCOUNT", help="Who asks.")] = None,
    password: Annotated[str | None, typer.Option(envvar="STOCKPILE_PASSWORD", help="Asked for when left out.")] = None,
    url: Annotated[str, typer.Option(envvar="STOCKPILE_URL", help="A server; else this process answers.")] = "",
    raw: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Contingency plans and drills, duty, risks, disputes, reviews, and auditors' findings."""
    if "--help" not in sys.argv:
        context.obj = counter_for(account, password, url, raw)


@contingency.command()
def plans(context: typer.Context) -> None:
    """Every plan and version."""
    counter(context).tell(counter(context).ask("GET", "contingency/plans"), PLAN)


@contingency.command()
def propose(context: typer.Context, file: File, key: Key = None) -> None:
    """Propose a plan from a JSON file; another person adopts it."""
    _short(counter(context), counter(context).ask("POST", "contingency/plans", _read(file), key=key), PLAN)


@contingency.command()
def adopt(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Adopt another person's plan."""
    body = {"agreed": True, "reason": reason}
    _short(counter(context), counter(context).ask("POST", f"contingency/plans/{number}/decision", body, key=key), PLAN)


@contingency.command()
def drill(context: typer.Context, number: Number, key: Key = None) -> None:
    """Drill a plan: its steps and clocks begin, nothing is posted."""
    _told(counter(context), counter(context).ask("POST", f"contingency/plans/{number}/start", {}, key=key))


@contingency.command()
def start(context: typer.Context, number: Number, surge: Number, key: Key = None) -> None:
    """Use a plan in a surge; its transfers wait for a named person."""
    body = {"surge": surge}
    _told(counter(context), counter(context).ask("POST", f"contingency/plans/{number}/start", body, key=key))


@contingency.command()
def runs(context: typer.Context) -> None:
    """Every use and drill, the newest first."""
    counter(context).tell(counter(context).ask("GET", "contingency/runs"), RUN)


@contingency.command()
def done(
    context: typer.Context,
    run: Number,
    step: Annotated[int, typer.Argument(min=1, help="Number of the step.")],
    text: Annotated[str, typer.Argument(help="What came of it.")],
    key: Key = None,
) -> None:
    """Note that a step of a run is done."""
    found = counter(context).ask("POST", f"contingency/runs/{run}/steps/{step}/done", {"text": text}, key=key)
    _short(counter(context), found, ("number", "office", "what", "done_at"))


@contingency.command()
def release(context: typer.Context, number: Number, *, reason: Reason, refuse: bool = False, key: Key = None) -> None:
    """Confirm (or --refuse) a transfer agreed beforehand, in one's own name."""
    body = {"agreed": not refuse, "reason": reason}
    found = counter(context).ask("POST", f"contingency/transfers/{number}/decision", body, key=key)
    _short(counter(context), found, ("id", "item_code", "origin", "member_code", "quantity", "state", "transfer_id"))


@contingency.command()
def end(context: typer.Context, run: Number, lesson: Annotated[str, typer.Argument()], key: Key = None) -> None:
    """End a run with what was learned."""
    found = counter(context).ask("POST", f"contingency/runs/{run}/end", {"text": lesson}, key=key)
    _short(counter(context), found, RUN)


@contingency.command()
def duty(context: typer.Context, *, now: bool = False) -> None:
    """The duty roster; --now: who is on duty."""
    rows = counter(context).ask("GET", "contingency/duty", now=str(now).lower())
    counter(context).tell(rows, ("office", "account", "starts_at", "ends_at"))


@contingency.command()
def risks(context: typer.Context) -> None:
    """The shared risk register, the gravest first."""
    rows = counter(context).ask("GET", "contingency/risks")
    counter(context).tell(rows, ("id", "score", "state", "owner", "review_by", "title", "response"))


@contingency.command()
def disputes(context: typer.Context) -> None:
    """Disputes with their stage and clock."""
    rows = counter(context).ask("GET", "contingency/disputes")
    counter(context).tell(rows, ("id", "claimant", "respondent", "stage", "due_at", "missed", "subject"))


@contingency.command()
def reviews(context: typer.Context) -> None:
    """Reviews after surges and by peers."""
    rows = counter(context).ask("GET", "contingency/reviews")
    counter(context).tell(rows, ("id", "kind", "surge_id", "reviewer", "member_code", "state", "summary"))


@contingency.command()
def findings(context: typer.Context) -> None:
    """What auditors found, and what is past due."""
    counter(context).tell(counter(context).ask("GET", "findings"), FINDING)


def _told(desk: Counter, run: Any) -> None:
    if desk.raw:
        return desk.tell(run)
    desk.tell({name: run[name] for name in RUN})
    desk.tell(run["steps"], ("number", "office", "on_duty", "due_at", "what"))
    return desk.tell(run["transfers"], ("id", "item_code", "origin", "member_code", "quantity", "available", "state"))


def _short(desk: Counter, found: Any, names: tuple[str, ...]) -> None:
    desk.tell(found if desk.raw else {name: found[name] for name in names})


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise refused(f"{file} cannot be read as JSON: {failure}") from failure
    if not isinstance(content, dict):
        raise refused(f"{file} must hold an object")
    return content
