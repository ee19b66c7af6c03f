"""Contracts and suppliers at the command line, by the API's own routes, rights and words.

STOCKPILE_ACCOUNT=buyer stockpile contract show UC-2019-01
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Key, Number, Reason, at_the_counter, counter, fields_of, refused

contract = typer.Typer(no_args_is_help=True, help="Contracts: what they say on a day, and changing them in two names.")
contract.callback()(at_the_counter)

Code = Annotated[str, typer.Argument(help="Code of the contract.")]
Lot = Annotated[str, typer.Argument(help="Lot of the contract.")]
Day = Annotated[str, typer.Option(help="A day, like 2020-03-30.")]
PRICES = ("item", "from_packs", "pack_price_minor")
LINES = ("item", "shelf_life_on_delivery_days", "buy_back_percent", "buy_back_days")


@contract.command("list")
def listed(context: typer.Context) -> None:
    """The contracts under which may be ordered now."""
    shown = ("code", "supplier_code", "starts", "ends", "lead_time_days", "ceiling_minor", "remaining_minor")
    counter(context).show("GET", "contracts", columns=shown)


@contract.command()
def show(
    context: typer.Context, code: Code, on: Annotated[str | None, typer.Option(help="As of this day.")] = None
) -> None:
    """What a contract says on a day: version, terms, lots, reservations, options and prices."""
    found = counter(context).ask("GET", f"contracts/{code}/terms", on=on)
    if counter(context).raw:
        counter(context).tell(found)
        return
    counter(context).tell({name: found[name] for name in ("contract", "on", "version", "state")} | found["terms"])
    for name in ("lots", "members", "conditions", "options", "prices"):
        if found[name]:
            typer.echo(f"\n{name}")
            counter(context).tell(found[name])


@contract.command()
def versions(context: typer.Context, code: Code) -> None:
    """The versions of a contract, with why each was made."""
    shown = ("version", "state", "effective_from", "ends", "ceiling_minor", "rationale")
    counter(context).show("GET", f"contracts/{code}/versions", columns=shown)


@contract.command()
def amend(
    context: typer.Context,
    code: Code,
    *,
    rationale: Annotated[str, typer.Option(help="Why.")],
    effective_from: Day,
    term: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; once per term that changes.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="ITEM,FROM_PACKS,PACK_PRICE_MINOR; once per tier.")] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="ITEM,SHELF_LIFE_DAYS[,BUY_BACK_PERCENT,BUY_BACK_DAYS]; once per item.")
    ] = None,
    key: Key = None,
) -> None:
    """Propose an amendment; another person adopts it."""
    prices = [fields_of(one, PRICES, PRICES[1:]) for one in price or []]
    body: dict[str, Any] = {"effective_from": effective_from, "rationale": rationale, "prices": prices}
    body["terms"] = dict(_named(one) for one in term or [])
    body["lines"] = [fields_of(one, LINES, LINES[1:]) for one in line or []]
    counter(context).show("POST", f"contracts/{code}/amendments", body, key=key)


@contract.command()
def decide(
    context: typer.Context,
    code: Code,
    version: Number,
    *,
    adopt: Annotated[bool, typer.Option("--adopt/--refuse")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Adopt or refuse another person's amendment."""
    path, body = f"contracts/{code}/amendments/{version}/decision", {"adopt": adopt, "reason": reason}
    counter(context).show("POST", path, body, key=key)


@contract.command("add-lot")
def add_lot(
    context: typer.Context,
    code: Code,
    lot: Lot,
    *,
    title: Annotated[str, typer.Option()],
    maximum_minor: Annotated[int, typer.Option(min=1)],
    item: Annotated[list[str], typer.Option(help="Once per item.")],
    key: Key = None,
) -> None:
    """Add a lot with its items and the most that may be ordered of it."""
    body = {"lot": lot, "title": title, "maximum_minor": maximum_minor, "items": item}
    counter(context).show("POST", f"contracts/{code}/lots", body, key=key)


@contract.command()
def reserve(
    context: typer.Context,
    code: Code,
    lot: Lot,
    share: Annotated[list[str], typer.Option(help="MEMBER,AMOUNT_MINOR; once per member.")],
    *,
    key: Key = None,
) -> None:
    """List members with what each reserves of a lot."""
    rows = [fields_of(one, ("member", "amount"), ("amount",)) for one in share]
    body = {"shares": {str(row["member"]): row.get("amount") for row in rows}}
    counter(context).show("POST", f"contracts/{code}/lots/{lot}/members", body, key=key)


@contract.command()
def transfer(
    context: typer.Context,
    code: Code,
    lot: Lot,
    *,
    giver: Annotated[str, typer.Option()],
    taker: Annotated[str, typer.Option()],
    amount_minor: Annotated[int, typer.Option()],
    reason: Reason,
    key: Key = None,
) -> None:
    """Pass a part of a member's reservation to another."""
    body = {"giver": giver, "taker": taker, "amount_minor": amount_minor, "reason": reason}
    counter(context).show("POST", f"contracts/{code}/lots/{lot}/transfers", body, key=key)


@contract.command()
def step(
    context: typer.Context,
    code: Code,
    to: Annotated[str, typer.Argument(help="Its next state.")],
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """Bring a contract into its next state, such as suspended."""
    body = {"to": to, "reason": reason}
    counter(context).show("POST", f"contracts/{code}/step", body, key=key)


def _named(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise refused(f"{text}: give NAME=VALUE")
    try:
        return name, json.loads(value) if name != "order_weekdays" else value
    except ValueError:
        return name, value


@contract.command()
def scorecard(
    context: typer.Context,
    supplier: Annotated[str, typer.Argument(help="Code of the supplier.")],
    *,
    since: Annotated[str | None, typer.Option(help="First day.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
) -> None:
    """How a supplier kept its word; a supplier sees its own."""
    found = counter(context).ask("GET", f"suppliers/{supplier}/scorecard", since=since, until=until)
    counter(context).tell(found)


@contract.command("lead-times")
def lead_times(context: typer.Context, supplier: Annotated[str, typer.Argument(help="Code of the supplier.")]) -> None:
    """What a supplier's deliveries teach about its lead time and lateness, with the uncertainty."""
    counter(context).show("GET", f"suppliers/{supplier}/lead-times")


@contract.command()
def shortage(
    context: typer.Context,
    item: Annotated[str, typer.Argument(help="Code of the item.")],
    units: Annotated[int, typer.Argument(help="Base units that are missing.", min=1)],
    *,
    deliver_to: Annotated[str, typer.Option(help="Code of the depot.")],
    slot: Annotated[str, typer.Option(help="A name for the proposal, once per item.")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Propose the quickest orders for what is missing: immediate availability, surge options, then ordinary ones."""
    body = {"item": item, "units": units, "deliver_to": deliver_to, "slot": slot, "reason": reason}
    counter(context).show("POST", "shortages", body, key=key)


@contract.command()
def condition(
    context: typer.Context,
    code: Code,
    lot: Lot,
    country: Annotated[str, typer.Argument(help="A country, like BE.")],
    *,
    text: Annotated[str, typer.Option(help="What must be met.")],
    met: Annotated[bool, typer.Option("--met/--unmet")],
    reason: Reason,
    key: Key = None,
) -> None:
    """Say under which condition a lot applies in a country, and whether it is met."""
    path, body = f"contracts/{code}/lots/{lot}/conditions/{country}", {"condition": text, "met": met, "reason": reason}
    counter(context).show("PUT", path, body, key=key)


@contract.command()
def option(
    context: typer.Context,
    code: Code,
    item: Annotated[str, typer.Argument(help="Code of the item.")],
    *,
    quantity: Annotated[int, typer.Option(min=1, help="Base units.")],
    days: Annotated[int, typer.Option(min=0, help="From the call to the delivery.")],
    price_permille: Annotated[int, typer.Option(min=1, help="Of the tier's price, in thousandths.")],
    opens: Day,
    closes: Day,
    fee_minor: Annotated[int, typer.Option(min=0)] = 0,
    key: Key = None,
) -> None:
    """Add a surge option on an item."""
    body: dict[str, Any] = {
        "quantity": quantity,
        "days": days,
        "price_permille": price_permille,
        "fee_minor": fee_minor,
    }
    body |= {"opens": opens, "closes": closes}
    counter(context).show("POST", f"contracts/{code}/items/{item}/option", body, key=key)


@contract.command()
def index(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Code of the index.")],
    value_milli: Annotated[int, typer.Argument(min=1, help="Its value in thousandths.")],
    *,
    published_on: Day,
    source: Annotated[str, typer.Option(help="Who published it, and where.")],
    key: Key = None,
) -> None:
    """Note the published value of a price index."""
    body = {"published_on": published_on, "value_milli": value_milli, "source": source}
    counter(context).show("POST", f"indices/{name}/values", body, key=key)


@contract.command()
def rotation(
    context: typer.Context,
    code: Code,
    item: Annotated[str, typer.Argument(help="Code of the item.")],
    batch: Annotated[str, typer.Argument(help="The batch that its supplier rotates.")],
    *,
    expiry: Day,
    rotated_on: Annotated[str | None, typer.Option(help="The day on which it was rotated.")] = None,
    key: Key = None,
) -> None:
    """Note that a batch is to be rotated, or that it has been."""
    body = {"item": item, "batch": batch, "expiry": expiry, "rotated_on": rotated_on}
    counter(context).show("POST", f"contracts/{code}/rotations", body, key=key)


@contract.command("force-majeure")
def force_majeure(
    context: typer.Context, code: Code, *, starts: Day, ends: Day, reason: Reason, key: Key = None
) -> None:
    """Declare days on which lateness is excused."""
    body = {"starts": starts, "ends": ends, "reason": reason}
    counter(context).show("POST", f"contracts/{code}/force-majeure", body, key=key)
