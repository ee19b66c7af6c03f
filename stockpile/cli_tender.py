"""Tenders at the command line, by the API's own routes, rights and words.

STOCKPILE_ACCOUNT=auditor stockpile tender recount 1
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Key, Number, Reason, at_the_counter, counter, fields_of, refused

tender = typer.Typer(no_args_is_help=True, help="Tenders: from a need to the signed contract, and the award recounted.")
tender.callback()(at_the_counter)

SHOWN = ("id", "code", "state", "title", "closes", "standstill_until")
Supplier = Annotated[str, typer.Argument(help="Code of the supplier.")]
Content = Annotated[Path, typer.Argument(help="The body of the API's route as JSON.", exists=True, dir_okay=False)]


@tender.command("list")
def listed(context: typer.Context) -> None:
    """All tenders, the newest first."""
    counter(context).show("GET", "tenders", columns=SHOWN)


@tender.command()
def show(context: typer.Context, number: Number) -> None:
    """A tender: specification, lots, members, rubric, results, objections, contracts."""
    found = counter(context).ask("GET", f"tenders/{number}")
    if counter(context).raw:
        counter(context).tell(found)
        return
    parts = {name: found.pop(name) for name in list(found) if isinstance(found[name], list)}
    counter(context).tell(found)
    for name, rows in parts.items():
        if rows:
            typer.echo(f"\n{name}")
            counter(context).tell(rows)


@tender.command()
def plan(context: typer.Context, file: Content, key: Key = None) -> None:
    """Plan a tender for a need."""
    counter(context).show("POST", "tenders", _read(file), key=key, columns=SHOWN)


@tender.command()
def specify(context: typer.Context, number: Number, file: Content, key: Key = None) -> None:
    """A new version of the specification, with annexes by country."""
    counter(context).show("POST", f"tenders/{number}/specification", _read(file), key=key)


@tender.command("add-lot")
def add_lot(context: typer.Context, number: Number, file: Content, key: Key = None) -> None:
    """A lot with its items."""
    counter(context).show("POST", f"tenders/{number}/lots", _read(file), key=key)


@tender.command()
def join(
    context: typer.Context,
    number: Number,
    lot: Annotated[str, typer.Argument(help="Lot of the tender.")],
    member: Annotated[str, typer.Argument(help="Code of the member.")],
    reserved_minor: Annotated[int, typer.Argument(help="What it reserves, in minor units; 0: it stays out.")],
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """A member takes part in a lot, or stays out."""
    body = {"reserved_minor": reserved_minor, "reason": reason}
    counter(context).show("PUT", f"tenders/{number}/lots/{lot}/members/{member}", body, key=key)


@tender.command()
def rubric(
    context: typer.Context,
    number: Number,
    criterion: Annotated[list[str], typer.Option(help="NAME,KIND,WEIGHT,TITLE; kind: price, emission or judged.")],
    *,
    key: Key = None,
) -> None:
    """Set the criteria; the weights add up to 100."""
    rows = [fields_of(one, ("criterion", "kind", "weight", "title"), ("weight",)) for one in criterion]
    counter(context).show("PUT", f"tenders/{number}/criteria", {"criteria": rows}, key=key)


@tender.command()
def publish(
    context: typer.Context,
    number: Number,
    *,
    closes: Annotated[str, typer.Option(help="Until when bids may come, like 2020-05-04T10:00:00Z.")],
    key: Key = None,
) -> None:
    """Publish the tender; from here on it stays as it is."""
    found = counter(context).ask("POST", f"tenders/{number}/publish", {"closes": closes}, key=key)
    counter(context).tell({name: found[name] for name in SHOWN})


@tender.command()
def bid(context: typer.Context, number: Number, file: Content, key: Key = None) -> None:
    """Hand in a bid; it stays sealed until the time is over."""
    counter(context).show("POST", f"tenders/{number}/bids", _read(file), key=key)


@tender.command()
def bids(context: typer.Context, number: Number) -> None:
    """The bids, once they are open."""
    found = counter(context).ask("GET", f"tenders/{number}/bids")
    counter(context).tell(found, ("id", "lot", "supplier_code", "state", "lines", "text"))


@tender.command()
def declare(
    context: typer.Context,
    number: Number,
    *,
    interested: Annotated[bool, typer.Option("--interested/--none", help="Whether there is an interest.")],
    text: Annotated[str, typer.Option(help="Which interest, or that there is none.")],
    key: Key = None,
) -> None:
    """Declare whether you have an interest in a tender; who has one does not judge it."""
    body = {"interested": interested, "text": text}
    counter(context).show("POST", f"tenders/{number}/interests", body, key=key)


@tender.command()
def score(
    context: typer.Context,
    number: Number,
    bid: Annotated[int, typer.Argument(help="Number of the bid.")],
    criterion: Annotated[str, typer.Argument(help="A judged criterion.")],
    mark: Annotated[int, typer.Argument(help="0 to 100.")],
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """Mark a bid in a judged criterion."""
    body = {"criterion": criterion, "mark": mark, "reason": reason}
    counter(context).show("POST", f"tenders/{number}/bids/{bid}/scores", body, key=key)


@tender.command()
def disqualify(
    context: typer.Context,
    number: Number,
    bid: Annotated[int, typer.Argument(help="Number of the bid.")],
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """Take a bid out of the comparison."""
    path = f"tenders/{number}/bids/{bid}/disqualify"
    counter(context).show("POST", path, {"reason": reason}, key=key)


@tender.command()
def evaluate(context: typer.Context, number: Number, key: Key = None) -> None:
    """Close the evaluation: points and ranks by the rubric."""
    _step(context, number, "evaluate", key)


@tender.command()
def notify(context: typer.Context, number: Number, key: Key = None) -> None:
    """Tell the bidders the result; the standstill begins."""
    _step(context, number, "notify", key)


@tender.command()
def award(context: typer.Context, number: Number, key: Key = None) -> None:
    """Award after the standstill."""
    _step(context, number, "award", key)


@tender.command("object")
def object_to(
    context: typer.Context,
    number: Number,
    supplier: Supplier,
    *,
    text: Annotated[str, typer.Option(help="What is objected to.")],
    key: Key = None,
) -> None:
    """Object within the standstill, as a bidder or for one."""
    body = {"supplier": supplier, "text": text}
    counter(context).show("POST", f"tenders/{number}/objections", body, key=key)


@tender.command()
def review(
    context: typer.Context,
    number: Number,
    objection: Annotated[int, typer.Argument(help="Number of the objection.")],
    *,
    uphold: Annotated[bool, typer.Option("--uphold/--dismiss")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Decide an objection."""
    path, body = f"tenders/{number}/objections/{objection}/decision", {"upheld": uphold, "reason": reason}
    counter(context).show("POST", path, body, key=key)


@tender.command()
def effect(context: typer.Context, number: Number, supplier: Supplier) -> None:
    """What the committee decides with a winner's contract, as `committee propose` takes it."""
    found = counter(context).ask("GET", f"tenders/{number}/contracts/{supplier}")
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@tender.command()
def sign(
    context: typer.Context,
    number: Number,
    supplier: Supplier,
    *,
    decision: Annotated[int | None, typer.Option(help="The committee's decision.")] = None,
    key: Key = None,
) -> None:
    """Sign a winner's contract, by the committee's decision."""
    path = f"tenders/{number}/contracts/{supplier}"
    counter(context).tell(counter(context).answered("POST", path, key=key, decision=decision).content)


@tender.command()
def cancel(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Cancel a tender of which nothing was signed."""
    found = counter(context).ask("POST", f"tenders/{number}/cancel", {"reason": reason}, key=key)
    counter(context).tell({name: found[name] for name in SHOWN})


@tender.command()
def recount(context: typer.Context, number: Number) -> None:
    """Count the award again from rubric, prices, declared emissions and marks; ends with 1 where it differs."""
    found = counter(context).ask("GET", f"tenders/{number}/recount")
    if counter(context).raw:
        counter(context).tell(found)
    else:
        typer.echo(found["rule"])
        counter(context).tell(found["again"], ("lot", "rank", "bid", "supplier", "points", "by_criterion"))
    if found["differences"]:
        raise refused("; ".join(found["differences"]))
    typer.echo("the award is right, by the results on record and by the journal", err=True)


@tender.command()
def emissions(context: typer.Context, contract: Annotated[str, typer.Argument(help="Code of the contract.")]) -> None:
    """What delivered units of a contract emit, by its supplier's declarations."""
    counter(context).show("GET", f"contracts/{contract}/emissions")


@tender.command()
def windows(context: typer.Context, item: Annotated[str | None, typer.Option(help="Only this part.")] = None) -> None:
    """Maintenance windows, and the spare parts that they need."""
    shown = ("id", "item_code", "site_code", "equipment", "starts", "ends", "units", "state", "reason")
    counter(context).show("GET", "maintenance-windows", item=item, columns=shown)


@tender.command("plan-window")
def plan_window(
    context: typer.Context,
    item: Annotated[str, typer.Argument(help="Code of the spare part.")],
    site: Annotated[str, typer.Argument(help="Where the equipment stands.")],
    *,
    equipment: Annotated[str, typer.Option(help="What is maintained.")],
    starts: Annotated[str, typer.Option(help="A day, like 2020-06-01.")],
    ends: Annotated[str, typer.Option(help="A day, like 2020-06-03.")],
    units: Annotated[int, typer.Option(min=1, help="Base units that it needs.")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Plan a maintenance window; the nightly reorder has its parts come by then."""
    body: dict[str, Any] = {"item": item, "site": site, "equipment": equipment, "starts": starts, "ends": ends}
    body |= {"units": units, "reason": reason}
    counter(context).show("POST", "maintenance-windows", body, key=key)


def _step(context: typer.Context, number: int, step: str, key: str | None) -> None:
    found = counter(context).ask("POST", f"tenders/{number}/{step}", key=key)
    counter(context).tell(found if counter(context).raw else {name: found[name] for name in SHOWN})


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise refused(f"{file} cannot be read as JSON: {failure}") from failure
