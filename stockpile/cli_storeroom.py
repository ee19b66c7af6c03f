"""The storeroom at the command line: what staff do over the API, by the same routes, rights and words.

    STOCKPILE_ACCOUNT=logistics stockpile store stock --item MED-012

A lot is given by its number or as ITEM/BATCH. A refusal is told in the
service's words and ends with 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stockpile.errors import Refusal
from stockpile.wire import Answer, Desk, Request

EXIT_REFUSED = 1
store = typer.Typer(no_args_is_help=True, help="The storeroom: what staff do, by the API's own routes.")
counting = typer.Typer(no_args_is_help=True, help="Counts: blind, recounted, approved by another person.")
recalling = typer.Typer(no_args_is_help=True, help="Recalls, and where a lot came from and went.")
store.add_typer(counting, name="count")
store.add_typer(recalling, name="recall")

LotName = Annotated[str, typer.Argument(help="Number of the lot, or ITEM/BATCH.")]
SiteCode = Annotated[str, typer.Argument(help="Code of the site.")]
Units = Annotated[int, typer.Argument(help="Base units.")]
Number = Annotated[int, typer.Argument()]
Reason = Annotated[str, typer.Option(help="Why.")]
Owner = Annotated[str, typer.Option(help="The pool, or a member's code.")]
At = Annotated[str | None, typer.Option("--at", help="The instant it took effect, if earlier: 2020-03-30T08:00:00Z.")]
Key = Annotated[str | None, typer.Option("--key", help="Sent twice under one key, it has its effect once.")]
Item = Annotated[str | None, typer.Option(help="Only this item.")]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where the commands of one call ask, and how they tell the answer."""

    desk: Desk
    raw: bool

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Any:
        """The content of the answer; a refusal ends the command."""
        return self.answered(method, path, body, key=key, **query).content

    def answered(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        decision: int | None = None,
        **query: Any,
    ) -> Answer:
        """As `ask`, with all of the answer; `decision`: the committee's decision that it carries out."""
        try:
            answer = self.desk.ask(Request(method.upper(), path, query, body, key, decision))
        except Refusal as refusal:
            raise refused(refusal.message) from refusal
        if answer.refusal:
            raise refused(answer.refusal)
        return answer

    def tell(self, found: Any, columns: Sequence[str] = ()) -> None:
        """Print what was answered: rows as a table of these columns, the rest line by line; as JSON if so wished."""
        if self.raw:
            typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            typer.echo(told(found, columns))

    def show(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        columns: Sequence[str] = (),
        **query: Any,
    ) -> None:
        """Ask, and print what was answered."""
        self.tell(self.ask(method, path, body, key=key, **query), columns)

    def lot(self, name: str) -> int:
        """The number of a lot given by its number or as ITEM/BATCH."""
        if name.isascii() and name.isdigit():
            return int(name)
        item, _, batch = name.partition("/")
        rows = self.ask("GET", "lots", item=item, batch=batch)["rows"] if batch else []
        if not rows:
            raise refused(f"there is no lot {name}: give its number, or ITEM/BATCH")
        if len(rows) > 1:
            numbers = ", ".join(f"{row['id']} ({row['gtin']})" for row in rows)
            raise refused(f"several makers use the batch code {batch}: give the lot's number, one of {numbers}")
        return int(rows[0]["id"])


def refused(why: str) -> typer.Exit:
    """The end of a command that is refused, once why has been told."""
    typer.echo(f"refused: {why}", err=True)
    return typer.Exit(EXIT_REFUSED)


def told(found: Any, columns: Sequence[str] = ()) -> str:
    """The answer as plain text: a table of rows, or one line for each field.

    >>> print(told([{"lot": "A", "quantity": 5}, {"lot": "BB", "quantity": 12}], ("lot", "quantity")))
    lot  quantity
    A           5
    BB         12
    """
    if isinstance(found, dict) and isinstance(found.get("rows"), list):
        more = f"\nmore: --after {found['next']}" if found.get("next") else ""
        return told(found["rows"], columns) + more
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return _table(found, columns or list(found[0])) if found else "nothing"
    if isinstance(found, dict):
        return "\n".join(f"{name}: {_cell(value)}" for name, value in found.items() if value not in (None, "", []))
    return str(found)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(name), *(len(row[at]) for row in cells)) for at, name in enumerate(columns)]
    right = [all(isinstance(row.get(name), int | None) for row in rows) for name in columns]
    lines = [list(columns), *cells]
    padded = [
        [
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, right, strict=True)
        ]
        for line in lines
    ]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def counter_for(account: str | None, password: str | None, url: str, raw: bool) -> Counter:
    """Where to ask; account and password are asked for where they are not given."""
    name = account or typer.prompt("account", err=True)
    secret = password if password is not None else typer.prompt("password", hide_input=True, err=True)
    return Counter(Desk(name, secret, url), raw)


@store.callback()
def at_the_counter(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option(envvar="STOCKPILE_ACCOUNT", help="Who asks.")] = None,
    password: Annotated[str | None, typer.Option(envvar="STOCKPILE_PASSWORD", help="Asked for when left out.")] = None,
    url: Annotated[str, typer.Option(envvar="STOCKPILE_URL", help="A server; else this process answers.")] = "",
    raw: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """The storeroom: what staff do, by the API's own routes."""
    if "--help" not in sys.argv:
        context.obj = counter_for(account, password, url, raw)


def counter(context: typer.Context) -> Counter:
    """Where the commands of this call ask."""
    found = context.obj
    assert isinstance(found, Counter)
    return found


def fields_of(text: str, names: Sequence[str], numbers: Sequence[str]) -> dict[str, Any]:
    """A line given as A,B,C by the names of its fields; those left out at the end are left out."""
    values = [part.strip() for part in text.split(",")]
    if len(values) > len(names):
        raise refused(f"{text}: give {','.join(names)}")
    fields = dict(zip(names, values, strict=False))
    return {name: int(value) if name in numbers and _whole(value) else value for name, value in fields.items()}


def _whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


@store.command()
def scan(context: typer.Context, text: str, site: Annotated[str | None, typer.Option()] = None) -> None:
    """What a scan means here and what can be done next; nothing is stored."""
    counter(context).tell(counter(context).ask("POST", "scans", {"text": text, "site": site}))


@store.command()
def receive(
    context: typer.Context,
    site: SiteCode,
    line: Annotated[list[str], typer.Option(help="ITEM,BATCH,EXPIRY,UNITS[,DAMAGED[,CALLOFF_LINE]]; once per lot.")],
    *,
    at: At = None,
    key: Key = None,
    reason: Reason = "",
) -> None:
    """Receive goods from a supplier at a depot."""
    names = ("item", "lot", "expiry", "quantity", "damaged", "calloff_line")
    lines = [fields_of(one, names, names[3:]) for one in line]
    body = {"site": site, "lines": lines, "reason": reason, "effective_at": at}
    counter(context).tell(counter(context).ask("POST", "receipts", body, key=key))


@store.command()
def issue(
    context: typer.Context,
    site: SiteCode,
    use: Annotated[list[str], typer.Option(help="MEMBER,ITEM,UNITS; once per item.")],
    *,
    at: At = None,
    key: Key = None,
    reason: Reason = "",
) -> None:
    """Issue to use what members own at a point of use, first-expiring first."""
    uses = [fields_of(one, ("member", "item", "quantity"), ("quantity",)) for one in use]
    body = {"site": site, "uses": uses, "reason": reason, "effective_at": at}
    found = counter(context).ask("POST", "issues", body, key=key)
    counter(context).tell(found if counter(context).raw else found["issued"], ("member", "item", "quantity", "issued"))


@store.command(context_settings={"ignore_unknown_options": True})
def adjust(
    context: typer.Context,
    lot: LotName,
    site: SiteCode,
    change: Annotated[int, typer.Argument(help="Base units found (5) or lost (-5).")],
    *,
    reason: Reason,
    owner: Owner = "pool",
    status: Annotated[str, typer.Option(help="available or quarantine")] = "available",
    at: At = None,
    key: Key = None,
) -> None:
    """Correct a balance, with the reason."""
    body = {"lot_id": counter(context).lot(lot), "site": site, "owner": owner, "status": status, "change": change}
    body |= {"reason": reason, "effective_at": at}
    counter(context).tell(counter(context).ask("POST", "adjustments", body, key=key))


@store.command()
def aside(
    context: typer.Context,
    lot: LotName,
    site: SiteCode,
    units: Units,
    *,
    reason: Reason,
    owner: Owner = "pool",
    key: Key = None,
) -> None:
    """Set stock aside in quarantine."""
    line = {"lot_id": counter(context).lot(lot), "quantity": units, "owner": owner}
    body = {"kind": "set_aside", "site": site, "lines": [line], "reason": reason}
    counter(context).tell(counter(context).ask("POST", "movements", body, key=key))


@store.command()
def stock(
    context: typer.Context,
    *,
    item: Item = None,
    at: Annotated[str | None, typer.Option(help="As it stood at this instant.")] = None,
    known: Annotated[str | None, typer.Option(help="As it was known then.")] = None,
    after: int = 0,
    limit: int = 100,
) -> None:
    """What stands where, now or at any instant."""
    found = counter(context).ask("GET", "stock", item=item, at=at, known=known, after=after, limit=limit)
    counter(context).tell(found, ("lot_id", "item", "lot", "expiry", "site", "owner", "status", "quantity"))


@store.command()
def lots(
    context: typer.Context,
    *,
    item: Item = None,
    batch: Annotated[str | None, typer.Option(help="Only this batch code.")] = None,
    held: Annotated[bool | None, typer.Option("--held/--not-held", help="On hold or not.")] = None,
    expires_by: Annotated[str | None, typer.Option(help="Expiring on this day or before.")] = None,
    after: int = 0,
    limit: int = 100,
) -> None:
    """Lots by number."""
    narrowed: dict[str, Any] = {"item": item, "batch": batch, "held": held, "expires_by": expires_by}
    found = counter(context).ask("GET", "lots", after=after, limit=limit, **narrowed)
    counter(context).tell(found, ("id", "item_code", "code", "expiry", "on_hold"))


@store.command()
def hold(context: typer.Context, lot: LotName, *, reason: Reason, key: Key = None) -> None:
    """Hold a lot everywhere; tells which transfers wait for it."""
    path = f"lots/{counter(context).lot(lot)}/hold"
    counter(context).tell(counter(context).ask("POST", path, {"reason": reason}, key=key))


@store.command()
def unhold(context: typer.Context, lot: LotName, *, reason: Reason, key: Key = None) -> None:
    """End a hold."""
    path = f"lots/{counter(context).lot(lot)}/release"
    counter(context).tell(counter(context).ask("POST", path, {"reason": reason}, key=key))


@store.command()
def trace(context: typer.Context, lot: LotName) -> None:
    """Where a lot came from, where it went and where it is."""
    found = counter(context).ask("GET", f"lots/{counter(context).lot(lot)}/trace")
    if counter(context).raw:
        counter(context).tell(found)
        return
    tables = {name: found.pop(name) for name in ("origins", "deliveries", "holdings")}
    typer.echo("\n\n".join([told(found), *(f"{name}\n{told(rows)}" for name, rows in tables.items())]))


@store.command()
def expiring(context: typer.Context, within_days: Annotated[int, typer.Option()] = 90) -> None:
    """What expires soon, most valuable first, and what to do about it."""
    found = counter(context).ask("GET", "expiring", within_days=within_days)
    rows = found if counter(context).raw else [{**one, "use": one["use"]["sentence"]} for one in found]
    counter(context).tell(rows, ("lot_id", "item", "lot", "site", "expiry", "days_left", "quantity", "use"))


@store.command()
def promise(context: typer.Context, item: str, by: Annotated[str | None, typer.Option()] = None) -> None:
    """What can be promised of an item by a day, with its parts."""
    counter(context).tell(counter(context).ask("GET", f"items/{item}/promise", by=by))


@store.command()
def label(
    context: typer.Context,
    lot: LotName,
    *,
    kind: Annotated[Literal["shelf", "pallet"], typer.Option()] = "shelf",
    quantity: Annotated[int | None, typer.Option(min=1, help="Base units.")] = None,
    sscc: Annotated[str | None, typer.Option(help="Of a numbered pallet.")] = None,
    to: Annotated[Path, typer.Option("--out")] = Path("label.svg"),
) -> None:
    """Write a label as SVG; a pallet without a number is numbered first."""
    number = counter(context).lot(lot)
    if kind == "pallet" and sscc is None:
        sscc = counter(context).ask("POST", f"lots/{number}/pallets", {"quantity": quantity or 0})["sscc"]
    answer = counter(context).answered("GET", f"lots/{number}/label", kind=kind, quantity=quantity, sscc=sscc)
    to.write_bytes(answer.body)
    typer.echo(f"the {kind} label is in {to}")
