"""Promises at the command line, by the API's own routes: what members are entitled to, and what stays at a depot.

STOCKPILE_ACCOUNT=committee stockpile promise entitle NL-GM0935 MED-001 500 --from 2020-03-30 --reason "paid for"
"""

from __future__ import annotations

from typing import Annotated

import typer

from stockpile.cli_storeroom import Key, Reason, SiteCode, Units, at_the_counter, counter

promise = typer.Typer(no_args_is_help=True, help="Promises: members' entitlements, and what stays at a depot.")
promise.callback()(at_the_counter)

ItemCode = Annotated[str, typer.Argument(help="Code of the item.")]
From = Annotated[str, typer.Option("--from", help="The day from which it counts: 2020-03-30.")]
MemberCode = Annotated[str, typer.Argument(help="Code of the member.")]
SHOWN = ("member_code", "site_code", "item_code", "effective_from", "quantity", "reason", "set_by", "set_at")


@promise.command("list")
def listed(context: typer.Context, item: Annotated[str | None, typer.Option(help="Only this item.")] = None) -> None:
    """Every entitlement and every buffer that was set."""
    asked = counter(context)
    rows = [*asked.ask("GET", "entitlements", item=item), *asked.ask("GET", "depot-buffers", item=item)]
    asked.tell([{name: row.get(name, "") for name in SHOWN} for row in rows], SHOWN)


@promise.command()
def entitle(
    context: typer.Context,
    member: MemberCode,
    item: ItemCode,
    units: Units,
    *,
    effective_from: From,
    reason: Reason,
    key: Key = None,
) -> None:
    """Guarantee a member so much of an item in each surge; 0 ends it."""
    body = {"member": member, "item": item, "quantity": units, "effective_from": effective_from, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "entitlements", body, key=key))


@promise.command()
def keep(
    context: typer.Context,
    site: SiteCode,
    item: ItemCode,
    units: Units,
    *,
    effective_from: From,
    reason: Reason,
    key: Key = None,
) -> None:
    """Keep so much of an item at a depot, whatever plans share; 0 ends it."""
    body = {"site": site, "item": item, "quantity": units, "effective_from": effective_from, "reason": reason}
    counter(context).tell(counter(context).ask("POST", "depot-buffers", body, key=key))
