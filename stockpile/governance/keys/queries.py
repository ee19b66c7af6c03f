"""Reading sign-ins and keys, lent roles, second factors and emergencies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from stockpile.actor import Actor
from stockpile.errors import NotFound
from stockpile.governance.keys.tables import BrokenGlass, SecondFactor
from stockpile.governance.queries import account_by_name
from stockpile.governance.rules import allowed, require
from stockpile.governance.tables import Account, AccountGrant, Region, Token

SHOWN_OF_DIGEST = 16
"""So much of a sign-in's digest names it: the digest is no secret, and nobody can guess one that fits it."""


class UnknownSignIn(NotFound):
    """The caller has no sign-in or key of this name, or it is another person's."""

    code = "unknown_sign_in"


class UnknownGlass(NotFound):
    """No emergency has this number."""

    code = "unknown_emergency"


class UnknownGrant(NotFound):
    """No lent role has this number, or it is not the caller's to end."""

    code = "unknown_grant"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in or API key as its owner sees it; the secret is not kept and cannot be shown."""

    id: str
    kind: str
    label: str
    rights: tuple[str, ...] | None
    created_at: datetime | None
    expires_at: datetime
    current: bool


def sign_ins(session: Session, actor: Actor, *, name: str | None, real_now: datetime, current: str) -> list[SignIn]:
    """The running sign-ins and keys of the actor, or of the account of that name for an administrator."""
    number = actor.id
    if name is not None and name != actor.name:
        require(actor, "account.manage")
        number = account_by_name(session, name).id or 0
    running = (col(Token.account_id) == number, col(Token.revoked).is_(False), col(Token.expires_at) > real_now)
    rows = session.exec(select(Token).where(*running).order_by(col(Token.expires_at), col(Token.digest)))
    return [_shown(row, current=current) for row in rows]


def _shown(row: Token, *, current: str) -> SignIn:
    rights = tuple(row.scopes.split(",")) if row.scopes else None
    kind = "key" if row.label else "sign-in"
    shown = row.digest[:SHOWN_OF_DIGEST]
    return SignIn(shown, kind, row.label, rights, row.created_at, row.expires_at, row.digest == current)


def sign_in(session: Session, actor: Actor, shown: str) -> Token:
    """The sign-in or key of that name; of another person only for an administrator, and else unknown."""
    rows = session.exec(select(Token).where(col(Token.digest).startswith(shown, autoescape=True))).all()
    held = [row for row in rows if row.account_id == actor.id or allowed(actor, "account.manage")]
    if len(shown) != SHOWN_OF_DIGEST or len(held) != 1:
        raise UnknownSignIn("you have no sign-in or key of this name", field="id")
    return held[0]


def factor(session: Session, account: int) -> SecondFactor | None:
    """The device of an account, set up or confirmed."""
    return session.get(SecondFactor, account)


def asks_factor(session: Session, account: int) -> bool:
    """Whether approvals of this account ask for a code: it has a device, or the installation demands one."""
    found, region = factor(session, account), session.get(Region, 1)
    return (found is not None and found.confirmed_at is not None) or (
        region is not None and region.second_factor_demanded
    )


def emergencies(session: Session, *, after: int, limit: int, waiting: bool) -> list[BrokenGlass]:
    """Emergencies in the order they began; `waiting`: only those that nobody has reviewed."""
    asked = select(BrokenGlass).where(col(BrokenGlass.id) > after)
    asked = asked.where(col(BrokenGlass.verdict) == "") if waiting else asked
    return list(session.exec(asked.order_by(col(BrokenGlass.id)).limit(limit)))


def emergency(session: Session, number: int) -> BrokenGlass:
    """An emergency by its number."""
    found = session.get(BrokenGlass, number)
    if found is None:
        raise UnknownGlass(f"no emergency has the number {number}", field="number", value=number)
    return found


def lent(session: Session, actor: Actor) -> list[tuple[AccountGrant, str]]:
    """Roles that end by themselves, with the account's name: the actor's own, those it gave; all for administrators."""
    asked = select(AccountGrant, Account.name).where(
        col(AccountGrant.account_id) == col(Account.id), col(AccountGrant.ends_at).is_not(None)
    )
    rows = session.exec(asked.order_by(col(AccountGrant.id)))
    every = allowed(actor, "account.manage")
    return [(row, name) for row, name in rows if every or actor.id in (row.account_id, row.given_by)]
