"""Orders under contracts at the command line, by the API's own routes, rights and words.

STOCKPILE_ACCOUNT=committee stockpile calloff approve 12
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Key, Number, Reason, at_the_counter, counter, fields_of

calloff = typer.Typer(no_args_is_help=True, help="Orders under contracts, from suggestion to payment.")
calloff.callback()(at_the_counter)
Code = Annotated[str, typer.Argument(help="Code of the contract.")]
CALLOFF = ("id", "contract_code", "kind", "origin", "state", "member_code", "cost_minor", "expected_at")


@calloff.command("list")
def orders(context: typer.Context, state: Annotated[str | None, typer.Option()] = None, limit: int = 100) -> None:
    """Orders, newest first, all or those in one state."""
    counter(context).tell(counter(context).ask("GET", "calloffs", state=state, limit=limit), CALLOFF)


@calloff.command("show")
def order(context: typer.Context, number: Number) -> None:
    """One order with its lines and why each was proposed."""
    found = counter(context).ask("GET", f"calloffs/{number}")
    if counter(context).raw:
        counter(context).tell(found)
        return
    lines = found.pop("lines")
    counter(context).tell(found)
    typer.echo("")
    counter(context).tell(lines, ("id", "item_code", "packs", "quantity", "received", "closed", "reason"))


@calloff.command()
def approve(context: typer.Context, number: Number, key: Key = None) -> None:
    """Approve another person's order: it stands, and its cost is taken from the contract."""
    counter(context).tell(counter(context).ask("POST", f"calloffs/{number}/approve", key=key))


@calloff.command()
def propose(
    context: typer.Context,
    code: Code,
    *,
    slot: Annotated[str, typer.Option(help="A name for the order, once per contract.")],
    deliver_to: Annotated[str, typer.Option(help="Code of the depot.")],
    line: Annotated[list[str], typer.Option(help="ITEM,PACKS,REASON; once per item.")],
    member: Annotated[str | None, typer.Option(help="Who orders; without: the pool.")] = None,
    suggest: Annotated[bool, typer.Option("--suggest", help="Only a suggestion, until somebody adopts it.")] = False,
    key: Key = None,
) -> None:
    """Propose an order by hand at today's prices; another person approves it."""
    lines = [fields_of(one, ("item", "packs", "reason"), ("packs",)) for one in line]
    body: dict[str, Any] = {"contract": code, "slot": slot, "deliver_to": deliver_to, "lines": lines}
    body |= {"member": member, "suggest": suggest}
    counter(context).tell(counter(context).ask("POST", "calloffs", body, key=key))


@calloff.command()
def adopt(context: typer.Context, number: Number, key: Key = None) -> None:
    """Make a suggested order your own proposal."""
    _step(context, number, "adopt", key=key)


@calloff.command()
def reject(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Turn down another person's order that waits."""
    _step(context, number, "reject", {"reason": reason}, key=key)


@calloff.command()
def cancel(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Cancel an order of which nothing was shipped or received."""
    _step(context, number, "cancel", {"reason": reason}, key=key)


@calloff.command()
def send(context: typer.Context, number: Number, key: Key = None) -> None:
    """Note that an approved order was sent to its supplier."""
    _step(context, number, "send", key=key)


@calloff.command()
def acknowledge(context: typer.Context, number: Number, key: Key = None) -> None:
    """The supplier has the order."""
    _step(context, number, "acknowledge", key=key)


@calloff.command()
def confirm(
    context: typer.Context,
    number: Number,
    *,
    comes_at: Annotated[str, typer.Option(help="An instant, like 2020-04-06T10:00:00Z.")],
    key: Key = None,
) -> None:
    """The supplier says when the goods come."""
    _step(context, number, "confirm", {"comes_at": comes_at}, key=key)


@calloff.command()
def ship(
    context: typer.Context,
    number: Number,
    *,
    reference: Annotated[str, typer.Option(help="The supplier's number of the shipment.")],
    shipped_at: Annotated[str, typer.Option(help="An instant, like 2020-04-06T10:00:00Z.")],
    pallet: Annotated[list[str] | None, typer.Option(help="Number of a pallet (SSCC); once each.")] = None,
    key: Key = None,
) -> None:
    """Goods of an order are on their way."""
    body = {"reference": reference, "shipped_at": shipped_at, "pallets": pallet or []}
    _step(context, number, "shipments", body, key=key)


@calloff.command("close-short")
def close_short(context: typer.Context, number: Number, *, reason: Reason, key: Key = None) -> None:
    """Close all that is still open of an order: it will not come."""
    _step(context, number, "close-short", {"reason": reason}, key=key)


@calloff.command()
def accept(
    context: typer.Context,
    number: Number,
    *,
    rejected: Annotated[list[str] | None, typer.Option(help="LINE,UNITS,REASON; once per line.")] = None,
    key: Key = None,
) -> None:
    """Accept what an order delivered, but for what is rejected."""
    names = ("line", "quantity", "reason")
    rows = [fields_of(one, names, names[:2]) for one in rejected or []]
    _step(context, number, "accept", {"rejected": rows}, key=key)


@calloff.command()
def invoice(
    context: typer.Context,
    number: Number,
    *,
    reference: Annotated[str, typer.Option(help="The supplier's number of the invoice.")],
    line: Annotated[list[str], typer.Option(help="LINE,UNITS,AMOUNT_MINOR; once per line.")],
    fee_minor: Annotated[int, typer.Option(min=0, help="An option's fee.")] = 0,
    key: Key = None,
) -> None:
    """Record an invoice; what does not match is said."""
    names = ("line", "quantity", "amount_minor")
    body = {"reference": reference, "lines": [fields_of(one, names, names) for one in line], "fee_minor": fee_minor}
    _step(context, number, "invoices", body, key=key)


@calloff.command("approve-invoice")
def approve_invoice(
    context: typer.Context, number: Number, *, reason: Annotated[str, typer.Option()] = "", key: Key = None
) -> None:
    """Approve another person's invoice; far over its order it needs two."""
    counter(context).tell(counter(context).ask("POST", f"invoices/{number}/approve", {"reason": reason}, key=key))


@calloff.command("pay-invoice")
def pay_invoice(
    context: typer.Context,
    number: Number,
    amount_minor: Annotated[int, typer.Argument(help="Minor units.", min=1)],
    *,
    key: Key = None,
) -> None:
    """Note the payment of an approved invoice, at most what is owed."""
    counter(context).tell(
        counter(context).ask("POST", f"invoices/{number}/pay", {"amount_minor": amount_minor}, key=key)
    )


@calloff.command()
def close(context: typer.Context, number: Number, key: Key = None) -> None:
    """Close an order that is paid."""
    _step(context, number, "close", key=key)


@calloff.command()
def damages(
    context: typer.Context,
    number: Number,
    *,
    claim: Annotated[bool, typer.Option("--claim", help="Claim them; without: only say what they are.")] = False,
    key: Key = None,
) -> None:
    """What an order's lateness costs by its contract."""
    found = counter(context).ask("POST" if claim else "GET", f"calloffs/{number}/damages", key=key)
    counter(context).tell(found)


@calloff.command()
def contest(context: typer.Context, claim: Number, *, reason: Reason, key: Key = None) -> None:
    """Dispute a claim of damages, as the supplier."""
    counter(context).tell(counter(context).ask("POST", f"damages/{claim}/contest", {"reason": reason}, key=key))


@calloff.command("decide-damages")
def decide_damages(
    context: typer.Context,
    claim: Number,
    amount_minor: Annotated[int, typer.Argument(help="What is deducted; 0 waives it.", min=0)],
    *,
    reason: Reason,
    key: Key = None,
) -> None:
    """Decide on another person's claim of damages."""
    body = {"amount_minor": amount_minor, "reason": reason}
    counter(context).tell(counter(context).ask("POST", f"damages/{claim}/decision", body, key=key))


def _step(context: typer.Context, number: int, step: str, body: Any = None, *, key: str | None) -> None:
    counter(context).tell(counter(context).ask("POST", f"calloffs/{number}/{step}", body, key=key))
