"""Goods on the move, quality, counts, recalls and periods at the command line; and any other route by `call`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import (
    At,
    Key,
    LotName,
    Number,
    Owner,
    Reason,
    SiteCode,
    Units,
    counter,
    counter_for,
    counting,
    fields_of,
    recalling,
    refused,
    store,
)

Line = Annotated[int | None, typer.Option(help="Only this line.")]
TRANSFER = ("id", "source", "origin", "destination", "state", "expires_at", "picked_at", "due_at")


@store.command()
def transfers(context: typer.Context, state: Annotated[str | None, typer.Option()] = None) -> None:
    """Transfers, all or those in one state."""
    counter(context).tell(counter(context).ask("GET", "transfers", state=state), TRANSFER)


@store.command()
def transfer(context: typer.Context, number: Number) -> None:
    """One transfer with its lines."""
    found = counter(context).ask("GET", f"transfers/{number}")
    if not counter(context).raw:
        counter(context).tell({name: found[name] for name in TRANSFER})
        found = found["lines"]
    counter(context).tell(found, ("id", "lot_id", "member_code", "priority", "quantity", "cancelled", "received"))


@store.command()
def pick(context: typer.Context, number: Number, key: Key = None) -> None:
    """Confirm that a transfer has been picked."""
    counter(context).tell(counter(context).ask("POST", f"transfers/{number}/pick", key=key))


@store.command("put-back")
def put_back(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Put picked goods back on their shelves."""
    counter(context).tell(counter(context).ask("POST", f"transfers/{number}/putback", {"reason": reason}, key=key))


@store.command()
def cancel(context: typer.Context, number: Number, *, reason: Reason, line: Line = None, key: Key = None) -> None:
    """Cancel an approved transfer or one line of it."""
    body = {"reason": reason, "line": line}
    found = counter(context).ask("POST", f"transfers/{number}/cancel", body, key=key)
    counter(context).tell(found if counter(context).raw else found["released"])


@store.command()
def dispatch(
    context: typer.Context, numbers: Annotated[list[int], typer.Argument()], *, at: At = None, key: Key = None
) -> None:
    """Send approved transfers on their way."""
    body = {"transfers": numbers, "effective_at": at}
    counter(context).tell(counter(context).ask("POST", "dispatches", body, key=key))


@store.command()
def deliver(
    context: typer.Context,
    number: Number,
    *,
    line: Annotated[list[str] | None, typer.Option(help="LINE,GOOD[,DAMAGED[,OVER]]; without: all in order.")] = None,
    at: At = None,
    key: Key = None,
) -> None:
    """Receive a transfer at its point of use."""
    names = ("line", "received", "damaged", "over")
    body = {"lines": [fields_of(one, names, names) for one in line] if line else None, "effective_at": at}
    counter(context).tell(counter(context).ask("POST", f"transfers/{number}/receive", body, key=key))


@store.command()
def resolve(
    context: typer.Context,
    number: Number,
    *,
    reason: Reason,
    found: Annotated[list[str] | None, typer.Option(help="LINE,UNITS found; the rest is lost.")] = None,
    key: Key = None,
) -> None:
    """Settle what was missing; never who received it."""
    lines = [fields_of(one, ("line", "found"), ("line", "found")) for one in found or []]
    body = {"lines": lines, "reason": reason}
    counter(context).tell(counter(context).ask("POST", f"transfers/{number}/resolve", body, key=key))


@store.command()
def preempt(
    context: typer.Context,
    line: Annotated[int, typer.Argument(help="Transfer line that loses.")],
    request: Annotated[int, typer.Argument(help="Open request of higher priority.")],
    units: Units,
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """Propose to take reserved stock back for a graver request; a second person approves it."""
    body = {"line": line, "request": request, "quantity": units, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "preemptions", body, key=key))


@store.command("approve-preemption")
def approve_preemption(context: typer.Context, number: Number, key: Key = None) -> None:
    """Approve another person's pre-emption."""
    counter(context).tell(counter(context).ask("POST", f"preemptions/{number}/approve", key=key))


@store.command()
def release(
    context: typer.Context,
    lot: LotName,
    site: SiteCode,
    units: Units,
    *,
    reason: Reason,
    owner: Owner = "pool",
    key: Key = None,
) -> None:
    """Release stock from quarantine, as a responsible pharmacist."""
    body = {"lot_id": counter(context).lot(lot), "site": site, "quantity": units, "owner": owner, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "releases", body, key=key))


@store.command("return")
def take_back(
    context: typer.Context,
    lot: LotName,
    site: SiteCode,
    units: Units,
    *,
    owner: Owner,
    to_depot: Annotated[str, typer.Option(help="Depot that takes it back.")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Take a member's stock back to a depot, into quarantine."""
    body = {"lot_id": counter(context).lot(lot), "site": site, "quantity": units, "owner": owner, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "returns", body | {"to_depot": to_depot}, key=key))


@store.command()
def dispose(
    context: typer.Context,
    lot: LotName,
    site: SiteCode,
    units: Units,
    *,
    reason: Reason,
    owner: Owner = "pool",
    key: Key = None,
) -> None:
    """Propose to destroy stock in quarantine; a witness confirms it."""
    body = {"lot_id": counter(context).lot(lot), "site": site, "quantity": units, "owner": owner, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "disposals", body, key=key))


@store.command()
def witness(
    context: typer.Context, number: Number, *, certificate: Annotated[str, typer.Option()], key: Key = None
) -> None:
    """Confirm as a witness that stock was destroyed; never who proposed it."""
    counter(context).tell(
        counter(context).ask("POST", f"disposals/{number}/witness", {"certificate": certificate}, key=key)
    )


@store.command("extend")
def extend(
    context: typer.Context,
    lot: LotName,
    *,
    expiry: Annotated[str, typer.Option(help="The new day, 2021-06-30.")],
    authority: Annotated[str, typer.Option()],
    evidence: Annotated[str, typer.Option()],
    key: Key = None,
) -> None:
    """Extend a lot's expiry on an authority's word."""
    body = {"new_expiry": expiry, "authority": authority, "evidence": evidence}
    counter(context).tell(counter(context).ask("POST", f"lots/{counter(context).lot(lot)}/expiry", body, key=key))


@store.command()
def correct(context: typer.Context, posting: Number, *, reason: Reason, key: Key = None) -> None:
    """Undo a wrong posting by a new one of today that names it."""
    body = {"posting": posting, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "corrections", body, key=key))


@store.command()
def periods(context: typer.Context) -> None:
    """The closed periods."""
    counter(context).tell(counter(context).ask("GET", "periods"), ("id", "ends_at", "closed_at", "reason"))


@store.command("close-period")
def close_period(
    context: typer.Context,
    *,
    month: Annotated[str | None, typer.Option(help="Any day of the month, 2020-03-01.")] = None,
    before: Annotated[str | None, typer.Option(help="The instant before which all is closed.")] = None,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Close a period for ever."""
    body = {"month": month, "ends_at": before, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "periods/close", body, key=key))


@counting.command("next")
def next_counts(context: typer.Context, site: SiteCode) -> None:
    """What is to be counted at a site next, by class and by when it was counted last."""
    columns = ("item", "item_name", "grade", "why", "last_counted", "due_on", "overdue_days")
    counter(context).tell(counter(context).ask("GET", f"sites/{site}/to-count"), columns)


@counting.command("open")
def open_count(context: typer.Context, site: SiteCode, *, reason: Reason, key: Key = None) -> None:
    """Open a count of a site."""
    counter(context).tell(counter(context).ask("POST", "counts", {"site": site, "reason": reason}, key=key))


@counting.command()
def sheet(context: typer.Context, number: Number) -> None:
    """What to count, without the book's figures."""
    columns = ("lot_id", "item", "lot", "owner", "status", "attempts", "recount")
    counter(context).tell(counter(context).ask("GET", f"counts/{number}/sheet"), columns)


@counting.command()
def enter(
    context: typer.Context,
    number: Number,
    lot: LotName,
    counted: Units,
    *,
    owner: Owner = "pool",
    status: Annotated[str, typer.Option()] = "available",
    serial: Annotated[list[str] | None, typer.Option(help="A piece that was found, once for each.")] = None,
    key: Key = None,
) -> None:
    """Enter what was counted of a lot; of a serialised item, every piece by its serial."""
    body = {"lot_id": counter(context).lot(lot), "owner": owner, "status": status, "counted": counted}
    body |= {"serials": serial} if serial else {}
    counter(context).tell(counter(context).ask("POST", f"counts/{number}/lines", body, key=key))


@counting.command()
def differences(context: typer.Context, number: Number) -> None:
    """Every counted line against the book, for who approves."""
    columns = ("lot_id", "owner", "status", "counted", "book", "attempts", "open_recount", "missing", "extra")
    counter(context).tell(counter(context).ask("GET", f"counts/{number}/differences"), columns)


@counting.command("approve")
def approve_count(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Approve a count and adjust the book; never who counted."""
    counter(context).tell(counter(context).ask("POST", f"counts/{number}/approve", {"reason": reason}, key=key))


@recalling.command("open")
def open_recall(
    context: typer.Context,
    reference: str,
    item: str,
    batches: Annotated[list[str], typer.Argument()],
    *,
    grade: Annotated[int, typer.Option("--class", help="1 is the gravest.", min=1, max=3)],
    reason: Reason,
    deadline: Annotated[str, typer.Option(help="Until when members answer, 2020-04-05T08:00:00Z.")],
    key: Key = None,
) -> None:
    """Open a recall: its lots are frozen everywhere at once."""
    body = {"reference": reference, "item": item, "lots": batches, "recall_class": grade}
    body |= {"reason": reason, "deadline": deadline}
    counter(context).tell(counter(context).ask("POST", "recalls", body, key=key))


@recalling.command("list")
def list_recalls(context: typer.Context) -> None:
    """All recalls, newest first."""
    columns = ("id", "reference", "item_code", "recall_class", "state", "deadline", "reason")
    counter(context).tell(counter(context).ask("GET", "recalls"), columns)


@recalling.command()
def show(context: typer.Context, number: Number) -> None:
    """One recall with how far it has come."""
    counter(context).tell(counter(context).ask("GET", f"recalls/{number}"))


@recalling.command()
def answer(
    context: typer.Context,
    number: Number,
    member: str,
    set_apart: Annotated[int, typer.Argument(help="Base units set apart outside the ledger.")],
    *,
    note: Annotated[str, typer.Option()] = "",
    key: Key = None,
) -> None:
    """Acknowledge a recall for a member."""
    body = {"member": member, "set_apart": set_apart, "note": note}
    counter(context).tell(counter(context).ask("POST", f"recalls/{number}/answers", body, key=key))


@recalling.command("close")
def close_recall(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Close a recall once every member has answered."""
    counter(context).tell(counter(context).ask("POST", f"recalls/{number}/close", {"reason": reason}, key=key))


def call(
    method: str,
    path: Annotated[str, typer.Argument(help="Below /api/v1, such as items/MED-012/promise.")],
    fields: Annotated[list[str] | None, typer.Argument(help="name=text, or name:=JSON; a GET's narrow it.")] = None,
    *,
    account: Annotated[str | None, typer.Option(envvar="STOCKPILE_ACCOUNT")] = None,
    password: Annotated[str | None, typer.Option(envvar="STOCKPILE_PASSWORD")] = None,
    url: Annotated[str, typer.Option(envvar="STOCKPILE_URL", help="A server; else this process answers.")] = "",
    key: Key = None,
    decision: Annotated[int | None, typer.Option(help="The committee's decision that this carries out.")] = None,
) -> None:
    """Call any route of the API and print its answer as JSON."""
    given = dict(_field(text) for text in fields or [])
    desk = counter_for(account, password, url, raw=True)
    reads = method.upper() in ("GET", "HEAD")
    body = None if reads or not given else given
    found = desk.answered(method, path, body, key=key, decision=decision, **(given if reads else {}))
    if "json" in found.kind:
        desk.tell(found.content)
    else:
        typer.echo(found.content)


def _field(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    try:
        if mark and name.rstrip(":"):
            return (name[:-1], json.loads(value)) if name.endswith(":") else (name, value)
    except ValueError as failure:
        raise refused(f"{text}: what follows := is not JSON") from failure
    raise refused(f"{text} is no field: give name=text, or name:=JSON such as quantity:=5")
