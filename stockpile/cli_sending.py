"""Where signed heads are sent, at the command line, by the API's own routes.

STOCKPILE_ACCOUNT=auditor stockpile audit addresses list
"""

from __future__ import annotations

from typing import Annotated

import typer

from stockpile.cli_storeroom import Key, Number, Reason, at_the_counter, counter

sending = typer.Typer(no_args_is_help=True, help="Addresses that signed heads are sent to, and what became of them.")
sending.callback()(at_the_counter)

ADDRESS = ("number", "recipient", "member", "host", "state", "accepted_size", "accepted_at", "failures", "fault")
DELIVERY = ("id", "at", "size", "since_size", "accepted", "status", "milliseconds", "answer")


@sending.command("list")
def listed(context: typer.Context) -> None:
    """Where heads are sent, which head each address took last, and which fail."""
    counter(context).show("GET", "audit/addresses", columns=ADDRESS)


@sending.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Takes heads by POST: https, on a public machine.")],
    recipient: Annotated[str, typer.Argument(help="Who is behind it: an office, no person.")],
    *,
    reason: Reason,
    member: Annotated[str | None, typer.Option(help="Whose it is; left out: another witness's.")] = None,
    key: Key = None,
) -> None:
    """From now on send every newer head to this address, with the proof that it continues the last one taken."""
    body = {"url": url, "recipient": recipient, "reason": reason, "member": member}
    counter(context).show("POST", "audit/addresses", body, key=key)


@sending.command()
def end(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Send nothing more to an address; what was sent stays on record."""
    counter(context).show("POST", f"audit/addresses/{number}/end", {"reason": reason}, key=key)


@sending.command()
def send(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Let a running server try an address at once, however long it was to be left alone."""
    counter(context).show("POST", f"audit/addresses/{number}/sending", {"reason": reason}, key=key)


@sending.command()
def deliveries(
    context: typer.Context,
    number: Number,
    *,
    before: Annotated[int | None, typer.Option(help="Only older ones than this delivery.")] = None,
) -> None:
    """What was sent to an address, and what it answered, newest first."""
    counter(context).show("GET", f"audit/addresses/{number}/deliveries", columns=DELIVERY, before=before)
