"""The settlement at the command line, by the API's own routes: periods, recorded costs, statements, loans.

STOCKPILE_ACCOUNT=coordinator stockpile settle book-recorded 1
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Key, Number, Reason, SiteCode, at_the_counter, counter

settle = typer.Typer(no_args_is_help=True, help="Settlement: periods, costs, statements, storage rates, loans.")
settle.callback()(at_the_counter)

PERIOD = ("id", "name", "starts_at", "ends_at", "cost_key", "state")
COST = ("id", "kind", "incurred_at", "amount_minor", "paid_by", "borne_by", "reference", "corrects")
CHARGE = ("id", "kind", "reference", "amount_minor", "share_minor", "reason")
RATE = ("site_code", "storage_class", "effective_from", "milli_per_m3_day", "source")
LOAN = ("id", "lender", "borrower", "item_code", "quantity", "returned", "due_at", "state", "overdue")
Instant = Annotated[str, typer.Option(help="An instant: 2020-04-01T00:00:00Z.")]
Percent = Annotated[int, typer.Option(help="Percent of a mixed key.", min=0, max=100)]
PartyCode = Annotated[str, typer.Argument(help="Code of a member, or pool.")]
MemberCode = Annotated[str, typer.Argument(help="Code of the member.")]
Minor = Annotated[int, typer.Argument(help="Minor units of the region's currency (cents).")]
Change = Annotated[int, typer.Argument(help="Number of the confirmed change of owner.")]


@settle.command()
def periods(context: typer.Context) -> None:
    """Settlement periods, the newest first."""
    counter(context).show("GET", "settlements", columns=PERIOD)


@settle.command("open")
def open_period(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    starts: Instant,
    ends: Instant,
    by: Annotated[str, typer.Option(help="population, reservation, use or mixed.")] = "population",
    population: Percent = 0,
    reservation: Percent = 0,
    use: Percent = 0,
    key: Key = None,
) -> None:
    """Open a period to book costs in; it overlaps no other."""
    body: dict[str, Any] = {"name": name, "starts_at": starts, "ends_at": ends, "cost_key": by}
    body |= {"by_population": population, "by_reservation": reservation, "by_use": use}
    _short(context, counter(context).ask("POST", "settlements", body, key=key), PERIOD)


@settle.command()
def show(context: typer.Context, period: Number) -> None:
    """A period: its costs, what each party owes (above zero) or is owed, and the payments that make all even."""
    desk, found = counter(context), counter(context).ask("GET", f"settlements/{period}")
    if desk.raw:
        return desk.tell(found)
    desk.tell({name: found[name] for name in PERIOD})
    for title, rows, columns in (
        ("costs", found["costs"], COST),
        ("nets", [{"party": party, "amount_minor": net} for party, net in found["nets"].items()], ()),
        ("payments", found["payments"], ("from", "to", "amount_minor")),
    ):
        typer.echo(f"\n{title}")
        desk.tell(rows, columns)
    return None


@settle.command(context_settings={"ignore_unknown_options": True})
def book(
    context: typer.Context,
    period: Number,
    amount_minor: Minor,
    *,
    kind: Annotated[str, typer.Option(help="purchase, transport, storage, expiry, option, loan or other.")],
    at: Annotated[str, typer.Option("--at", help="When it was incurred: 2020-04-01T00:00:00Z.")],
    paid_by: Annotated[str, typer.Option(help="Who paid it: a member, or pool.")],
    reference: Annotated[str, typer.Option(help="The document: invoice, posting, transfer.")],
    reason: Reason,
    borne_by: Annotated[str, typer.Option(help="Who bears it alone; left out: all, by the period's key.")] = "",
    corrects: Annotated[int | None, typer.Option(help="The entry that this one puts right.")] = None,
    key: Key = None,
) -> None:
    """Book a cost; below zero only as a correction of an entry."""
    body = {"kind": kind, "incurred_at": at, "amount_minor": amount_minor, "paid_by": paid_by, "borne_by": borne_by}
    body |= {"reference": reference, "reason": reason, "corrects": corrects}
    _short(context, counter(context).ask("POST", f"settlements/{period}/costs", body, key=key), COST)


@settle.command("book-recorded")
def book_recorded(context: typer.Context, period: Number, key: Key = None) -> None:
    """Book what the records of the period cost: deliveries, transfers, options, storage; each once."""
    counter(context).show("POST", f"settlements/{period}/recorded", key=key)


@settle.command()
def calculate(context: typer.Context, period: Number, key: Key = None) -> None:
    """Divide every cost of the period to the cent."""
    _short(context, counter(context).ask("POST", f"settlements/{period}/calculate", key=key), PERIOD)


@settle.command()
def close(context: typer.Context, period: Number, *, reason: Reason, key: Key = None) -> None:
    """Close a calculated period for ever; never who calculated it."""
    _short(context, counter(context).ask("POST", f"settlements/{period}/close", {"reason": reason}, key=key), PERIOD)


@settle.command()
def statement(context: typer.Context, period: Number, party: PartyCode) -> None:
    """One party's statement, with every charge and the cost behind it."""
    desk, found = counter(context), counter(context).ask("GET", f"settlements/{period}/statements/{party}")
    if desk.raw:
        return desk.tell(found)
    desk.tell({name: found[name] for name in ("party", "borne_minor", "paid_minor", "net_minor")})
    typer.echo("\nbears")
    desk.tell(found["charges"], CHARGE)
    typer.echo("\npaid")
    return desk.tell(found["paid"], COST)


@settle.command()
def rates(context: typer.Context) -> None:
    """What storing costs, by site, storage class and day, each with its source."""
    counter(context).show("GET", "storage-rates", columns=RATE)


@settle.command()
def rate(
    context: typer.Context,
    site: SiteCode,
    storage_class: Annotated[str, typer.Argument(help="ambient, cold, frozen or controlled.")],
    milli: Annotated[int, typer.Argument(help="Thousandths of a minor unit for a cubic metre and day.")],
    *,
    since: Annotated[str, typer.Option("--from", help="The day from which it counts: 2020-03-30.")],
    source: Annotated[str, typer.Option(help="Where it is written, or that it is assumed.")],
    key: Key = None,
) -> None:
    """Note what storing a cubic metre costs at a site a day, from a day on."""
    body = {"site": site, "storage_class": storage_class, "effective_from": since, "milli_per_m3_day": milli}
    _short(context, counter(context).ask("POST", "storage-rates", body | {"source": source}, key=key), RATE)


@settle.command()
def reserve(context: typer.Context, member: MemberCode, value_minor: Minor, *, reason: Reason, key: Key = None) -> None:
    """Note what a member has reserved in the pool from now on, as a value."""
    body = {"value_minor": value_minor, "reason": reason}
    counter(context).show("POST", f"members/{member}/reservations", body, key=key)


@settle.command("exit-statement")
def exit_statement(context: typer.Context, member: MemberCode, key: Key = None) -> None:
    """Put the statement of a member's exit on file: what it owes or is owed, with nothing left open."""
    counter(context).show("POST", f"members/{member}/exit-statement", key=key)


@settle.command()
def loans(
    context: typer.Context, party: Annotated[str | None, typer.Option(help="Only with this party.")] = None
) -> None:
    """Loans in kind, the newest first."""
    counter(context).show("GET", "loans", columns=LOAN, party=party)


@settle.command()
def lend(
    context: typer.Context,
    change: Change,
    *,
    due: Instant,
    price: Annotated[int, typer.Option(help="Minor units for a pack that never comes back.")],
    key: Key = None,
) -> None:
    """Note that a change of owner was a loan."""
    body = {"change": change, "due_at": due, "pack_price_minor": price}
    _short(context, counter(context).ask("POST", "loans", body, key=key), LOAN[:-1])


@settle.command("return")
def give_back(context: typer.Context, loan: Number, change: Change, key: Key = None) -> None:
    """Count a change of owner back to the lender as a return, like for like."""
    _short(context, counter(context).ask("POST", f"loans/{loan}/returns", {"change": change}, key=key), LOAN[:-1])


@settle.command()
def convert(context: typer.Context, loan: Number, period: Number, *, reason: Reason, key: Key = None) -> None:
    """Sell what is still out on an overdue loan, booked in an open period."""
    body = {"period": period, "reason": reason}
    _short(context, counter(context).ask("POST", f"loans/{loan}/convert", body, key=key), LOAN[:-1])


@settle.command()
def helped(context: typer.Context) -> None:
    """Who helped whom by lending, and what was shipped under emergencies that were not ratified."""
    desk, found = counter(context), counter(context).ask("GET", "reciprocity")
    if desk.raw:
        return desk.tell(found)
    desk.tell(found["lent"])
    typer.echo("\nshipped under emergencies that were not ratified")
    return desk.tell(found["cases"])


def _short(context: typer.Context, found: Any, names: tuple[str, ...]) -> None:
    desk = counter(context)
    desk.tell(found if desk.raw else {name: found[name] for name in names})
