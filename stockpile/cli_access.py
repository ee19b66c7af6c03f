"""Who is let in, at the command line: sign-ins and keys of an account, and the second factor at approvals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.console import opened, out
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance import queries as accounts
from stockpile.governance.keys import operations, queries
from stockpile.settings import Settings

access = typer.Typer(no_args_is_help=True, help="Sign-ins, keys, and the second factor at approvals.")


@access.command("list")
def list_sign_ins(account: Annotated[str, typer.Argument(help="Name of the account.")]) -> None:
    """List the running sign-ins and keys of an account; their secrets are kept nowhere."""
    now = datetime.now(UTC)
    with reading(opened(Settings())) as session:
        rows = queries.sign_ins(session, governance.founder(), name=account, real_now=now, current="")
    for row in rows:
        rights = ", ".join(row.rights) if row.rights else "all rights of the account"
        typer.echo(f"{row.id}  {row.kind:<8} until {row.expires_at:%Y-%m-%d %H:%M} UTC  {row.label or '-'}  {rights}")


@access.command("end")
def end(sign_in: Annotated[str, typer.Argument(help="What `stockpile access list` calls it.")]) -> None:
    """End a sign-in or key at once."""
    transact(opened(Settings()), lambda session: operations.end_sign_in(session, _act(session), shown=sign_in))
    out.print(f"{sign_in} has ended")


@access.command("second-factor")
def second_factor(
    demanded: Annotated[bool, typer.Option("--demand/--leave", help="Of everybody, or of who has a device.")],
) -> None:
    """Demand a second factor of everybody at approvals, or leave it to who has a device."""
    engine = opened(Settings())
    transact(engine, lambda session: operations.demand_factor(session, _act(session), demanded=demanded))
    out.print("approvals ask for a code of " + ("everybody" if demanded else "who has a device"))


def _act(session: Session) -> Act:
    now = datetime.now(UTC)
    return Act(governance.founder(), accounts.effective_now(session, real_now=now), now)
