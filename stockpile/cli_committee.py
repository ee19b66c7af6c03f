"""The joint committee at the command line, by the API's own routes, rights and words.

STOCKPILE_ACCOUNT=committee stockpile committee recount 7
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Counter, Key, Number, Reason, counter, counter_for, refused

committee = typer.Typer(no_args_is_help=True, help="The joint committee: rights, seats, proposals, votes, recounts.")
SHORT = ("id", "operation", "subject", "state", "deadline", "title")
Members = Annotated[list[str] | None, typer.Option("--member", help="Only this member; may be given many times.")]
Effect = Annotated[
    Path, typer.Argument(help="JSON with operation, subject and payload: the facts of the refused effect.")
]


@committee.callback()
def at_the_table(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option(envvar="STOCKPILE_ACCOUNT", help="Who asks.")] = None,
    password: Annotated[str | None, typer.Option(envvar="STOCKPILE_PASSWORD", help="Asked for when left out.")] = None,
    url: Annotated[str, typer.Option(envvar="STOCKPILE_URL", help="A server; else this process answers.")] = "",
    raw: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """The joint committee: rights, seats, proposals, votes, recounts."""
    if "--help" not in sys.argv:
        context.obj = counter_for(account, password, url, raw)


@committee.command()
def rights(context: typer.Context) -> None:
    """Who decides what, from which value and level on."""
    desk, found = counter(context), counter(context).ask("GET", "committee/rights")
    if desk.raw:
        return desk.tell(found)
    typer.echo(f"decision rights, version {found['version']}" + ("" if found["version"] else " (not constituted yet)"))
    return desk.tell(found["rows"], ("operation", "from_minor", "from_level", "body", "majority", "quorum"))


@committee.command()
def seats(context: typer.Context) -> None:
    """Who speaks for whom."""
    desk, found = counter(context), counter(context).ask("GET", "committee/seats")
    desk.tell(found if desk.raw else found["seats"], ("id", "member_code", "kind", "account", "ends_at", "reference"))


@committee.command()
def seat(
    context: typer.Context,
    holder: Annotated[str, typer.Argument(help="The account that sits.")],
    member: Annotated[list[str], typer.Argument(help="The members it sits for.")],
    *,
    reference: Annotated[str, typer.Option(help="Who sent it: the council's decision.")],
    kind: Annotated[str, typer.Option(help="seat, alternate or caretaker.")] = "seat",
    until: Annotated[str | None, typer.Option(help="When the term ends.")] = None,
    key: Key = None,
) -> None:
    """Seat an account for members."""
    body = {"account": holder, "members": member, "kind": kind, "reference": reference, "ends_at": until}
    counter(context).tell(counter(context).ask("POST", "committee/seats", body, key=key), ("id", "member_code", "kind"))


@committee.command()
def constitute(context: typer.Context, key: Key = None) -> None:
    """Put the standard decision rights in force, once every member has a seat."""
    found = counter(context).ask("POST", "committee/constitution", key=key)
    told = {name: found[name] for name in ("version", "effective_from", "digest")}
    counter(context).tell(found if counter(context).raw else told)


@committee.command()
def proposals(context: typer.Context, state: Annotated[str | None, typer.Option()] = None) -> None:
    """Proposals, the newest first."""
    counter(context).tell(counter(context).ask("GET", "committee/proposals", state=state), SHORT)


@committee.command()
def show(context: typer.Context, number: Number) -> None:
    """One proposal: what it does, its evidence, the votes with their reasons, how it stands."""
    desk, found = counter(context), counter(context).ask("GET", f"committee/proposals/{number}")
    if desk.raw:
        return desk.tell(found)
    desk.tell({name: found[name] for name in (*SHORT, "payload", "payload_hash", "evidence", "count")})
    return desk.tell(found["votes"], ("member_code", "choice", "weight", "capacity", "account", "reason"))


@committee.command()
def propose(
    context: typer.Context,
    effect: Effect,
    *,
    title: Annotated[str, typer.Option(help="What it is about.")],
    evidence: Annotated[list[str], typer.Option(help="A reference others can look up; may be given many times.")],
    interested: Annotated[list[str] | None, typer.Option(help="A member that is party to it.")] = None,
    key: Key = None,
) -> None:
    """Draft a decision and put it on the table; `open` begins the vote."""
    desk, content = counter(context), _effect(effect)
    body = {name: content.get(name) for name in ("operation", "subject", "payload")}
    body |= {name: content[name] for name in ("value_minor", "level") if name in content}
    body |= {"title": title, "evidence": evidence, "interested": interested or []}
    made = desk.ask("POST", "committee/proposals", body, key=key)
    found = desk.ask("POST", f"committee/proposals/{made['id']}/table", key=_after(key, "table"))
    _short(desk, found)


@committee.command("open")
def open_vote(
    context: typer.Context,
    number: Number,
    *,
    key: Key = None,
) -> None:
    """Open the vote on a proposal that is on the table, under the right of its own value and level."""
    _short(counter(context), counter(context).ask("POST", f"committee/proposals/{number}/open", key=key))


@committee.command()
def vote(
    context: typer.Context,
    number: Number,
    choice: Annotated[str, typer.Argument(help="for, against or abstain.")],
    *,
    reason: Reason,
    member: Members = None,
    key: Key = None,
) -> None:
    """Vote for every member this account speaks for; once and for good."""
    body = {"choice": choice, "reason": reason, "members": member}
    found = counter(context).ask("POST", f"committee/proposals/{number}/votes", body, key=key)
    _short(counter(context), found["decision"])


@committee.command()
def recuse(context: typer.Context, number: Number, *, reason: Reason, member: Members = None, key: Key = None) -> None:
    """Step back from a vote for every member this account speaks for, naming the interest."""
    body = {"reason": reason, "members": member}
    found = counter(context).ask("POST", f"committee/proposals/{number}/recusals", body, key=key)
    _short(counter(context), found["decision"])


@committee.command()
def recount(context: typer.Context, number: Number) -> None:
    """Count a decision again from its rule, weights and votes, and compare it with the journal; 1 where it differs."""
    desk, found = counter(context), counter(context).ask("GET", f"committee/proposals/{number}/recount")
    if desk.raw:
        desk.tell(found)
    else:
        again = found["again"]
        typer.echo(
            f"decision {number} is {found['state']}: {again['members_for']} of {again['members']} members for "
            f"({again['members_needed']} needed), {again['population_for']:,} of {again['population']:,} people "
            f"({again['population_needed']:,} needed), {again['voted']} voted (quorum {again['quorum']})"
        )
    if found["differences"]:
        raise refused("; ".join(found["differences"]))
    typer.echo("the count is right, and the votes and weights are those of the journal", err=True)


def _short(desk: Counter, found: Any) -> None:
    desk.tell(found if desk.raw else {name: found[name] for name in SHORT})


def _after(key: str | None, step: str) -> str | None:
    return f"{key}/{step}" if key else None


def _effect(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise refused(f"{file} cannot be read as JSON: {failure}") from failure
    if not isinstance(content, dict):
        raise refused(f"{file} must hold an object with operation, subject and payload")
    facts = content.get("facts", content)
    return facts if isinstance(facts, dict) else {}
