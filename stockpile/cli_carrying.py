"""What can be carried in a day at the command line, by the API's own routes.

STOCKPILE_ACCOUNT=logistics stockpile carry limit --site depot-genk --ml 10000000 --from 2020-03-30 --reason "one van"
"""

from __future__ import annotations

from typing import Annotated

import typer

from stockpile.cli_storeroom import Key, Reason, at_the_counter, counter

carry = typer.Typer(no_args_is_help=True, help="What depots dispatch, vehicles carry and members take in within a day.")
carry.callback()(at_the_counter)

Depot = Annotated[str | None, typer.Option(help="Out of this depot.")]
Member = Annotated[str | None, typer.Option(help="To this member (with --site: from that depot only).")]
From = Annotated[str, typer.Option("--from", help="The day from which it counts: 2020-03-30.")]
Volume = Annotated[int | None, typer.Option("--ml", min=0, help="Millilitres a day; left out: no limit from then on.")]
SHOWN = ("kind", "site_code", "member_code", "effective_from", "volume_ml", "reason", "set_by", "set_at")


@carry.command("list")
def listed(context: typer.Context, site: Depot = None, member: Member = None) -> None:
    """Every limit that was set; of a kind and place the latest that has begun counts."""
    asked = counter(context)
    rows = asked.ask("GET", "carrying-limits", site=site, member=member)
    asked.tell([{name: row.get(name) for name in SHOWN} for row in rows], SHOWN)


@carry.command()
def limit(
    context: typer.Context,
    *,
    effective_from: From,
    reason: Reason,
    site: Depot = None,
    member: Member = None,
    volume: Volume = None,
    key: Key = None,
) -> None:
    """Say what a depot can dispatch, a lane's vehicles carry or a member take in within a day."""
    body = {
        "site": site,
        "member": member,
        "volume_ml": volume,
        "effective_from": effective_from,
        "reason": reason,
    }
    counter(context).tell(counter(context).ask("POST", "carrying-limits", body, key=key))
