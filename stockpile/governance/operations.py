"""Accounts, sign-ins and the region's clock."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from pwdlib import PasswordHash
from sqlalchemy import delete
from sqlmodel import Session, col, select, update

from stockpile import bulk, journal
from stockpile.actor import Act, Actor, Grant
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotAllowed
from stockpile.governance import passwords, queries, rules
from stockpile.governance.tables import Account, AccountGrant, Region, Token

SHORTEST_PASSWORD = passwords.SHORTEST
ENDED = "the token is unknown, ended or revoked: sign in again"
_hasher = PasswordHash.recommended()


@functools.cache
def _decoy() -> str:
    return _hasher.hash("no account has this password")


class SignInRefused(NotAllowed):
    """Name and password do not match an active account (which of the two is not said)."""

    code = "sign_in_refused"


class NameTaken(Conflict):
    """Another account has this name."""

    code = "name_taken"


def founder() -> Actor:
    """Who sets up an installation from the command line: loads the region, its opening stock and first accounts."""
    roles = (rules.ADMINISTRATOR, rules.LOGISTICS, rules.COORDINATOR)
    return Actor(id=0, name="installation", grants=tuple(Grant(role) for role in roles))


def add_account(
    session: Session, act: Act, *, name: str, title: str, password: str, grants: Iterable[Grant]
) -> Account:
    """A new account. An empty password makes a system account that cannot sign in."""
    rules.require(act.actor, "account.manage")
    if ":" in name or not name.isprintable() or not name.strip() or name != name.strip():
        raise Invalid("a name is printable, without a colon, and without spaces around it", field="name")
    if password:
        _refuse_weak(session, name, password)
    if session.exec(select(Account).where(Account.name == name)).one_or_none():
        raise NameTaken(f"an account named {name} exists already", field="name", value=name)
    account = Account(name=name, title=title, password_hash=_hasher.hash(password) if password else "")
    session.add(account)
    session.flush()
    granted = [_grant_row(session, account, grant) for grant in grants]
    session.add_all(granted)
    listed = [[row.role, row.member_code, row.site_code] for row in granted]
    journal.record(session, act, action="account.add", subject=f"account:{name}", payload={"grants": listed})
    return account


def add_scheduler(session: Session, act: Act) -> Account:
    """The system account under which scheduled runs act; it cannot sign in."""
    title = "Scheduled runs of this installation"
    return add_account(session, act, name=rules.SCHEDULER, title=title, password="", grants=[Grant(rules.SCHEDULER)])


def _refuse_weak(session: Session, name: str, password: str) -> None:
    region = session.get(Region, 1)
    passwords.refuse_weak(password, words=[name, *([region.name, region.title] if region else [])])


def require_grantable(session: Session, grant: Grant) -> None:
    """Refuse a grant of a role that there is not, to a member that is unknown, or to suppliers in general."""
    if grant.role not in rules.ROLES:
        raise Invalid(f"there is no role {grant.role}; roles are {', '.join(rules.ROLES)}", field="role")
    if grant.role == rules.SUPPLIER and not grant.member:
        raise Invalid("an account of a supplier is for one supplier: name its code as member", field="member")
    if grant.member and grant.role != rules.SUPPLIER:
        queries.member(session, grant.member)


def _grant_row(session: Session, account: Account, grant: Grant) -> AccountGrant:
    require_grantable(session, grant)
    assert account.id is not None
    return AccountGrant(
        account_id=account.id, role=grant.role, member_code=grant.member or "", site_code=grant.site or ""
    )


def check_password(session: Session, *, name: str, password: str) -> Account:
    """The account that matches; takes as long for an unknown name as for a wrong password."""
    printable = name.isprintable()
    account = session.exec(select(Account).where(Account.name == name)).one_or_none() if printable else None
    known = account is not None and account.active and account.password_hash != ""
    right = _hasher.verify(password, account.password_hash if account and known else _decoy())
    if account is None or not known or not right:
        raise SignInRefused("name and password do not match an account")
    return account


def change_password(session: Session, act: Act, *, new: str) -> None:
    """Give oneself another password, the old one checked before; every sign-in of the account ends."""
    _set_password(session, act, session.get_one(Account, act.actor.id), new)


def reset_password(session: Session, act: Act, *, name: str, new: str) -> None:
    """Give another account a password; every sign-in of it ends. A system account keeps none."""
    rules.require(act.actor, "account.manage")
    account = queries.account_by_name(session, name)
    if not account.password_hash:
        raise Invalid(f"{name} is a system account and cannot sign in", field="name", value=name)
    _set_password(session, act, account, new)


def _set_password(session: Session, act: Act, account: Account, new: str) -> None:
    _refuse_weak(session, account.name, new)
    account.password_hash = _hasher.hash(new)
    session.add(account)
    _end_sign_ins(session, account)
    journal.record(session, act, action="account.password", subject=f"account:{account.name}", payload={})


def _end_sign_ins(session: Session, account: Account) -> None:
    held = update(Token).where(col(Token.account_id) == account.id)
    session.connection().execute(held.values(revoked=True))


def set_active(session: Session, act: Act, *, name: str, active: bool, reason: str) -> Account:
    """Switch an account off, which ends its sign-ins at once, or on again; never one's own.

    What it did keeps its name; its seats and grants stay written down.
    """
    rules.require(act.actor, "account.manage")
    account = queries.account_by_name(session, name)
    if account.id == act.actor.id:
        raise Conflict(f"{name} cannot switch itself off: another administrator does", field="name")
    if account.active is active:
        raise Conflict(f"{name} is {'active' if active else 'switched off'} already", field="name")
    account.active = active
    session.add(account)
    if not active:
        _end_sign_ins(session, account)
    action = "account.activate" if active else "account.deactivate"
    journal.record(session, act, action=action, subject=f"account:{name}", payload={}, reason=reason)
    return account


def issue_token(session: Session, account: Account, *, real_now: datetime, hours: int) -> tuple[str, datetime]:
    """A fresh bearer token and when it ends; only its digest is stored."""
    assert account.id is not None
    secret = secrets.token_urlsafe(32)
    expires_at = real_now + timedelta(hours=hours)
    digest = token_digest(secret)
    session.add(Token(digest=digest, account_id=account.id, expires_at=expires_at, created_at=real_now))
    return secret, expires_at


def actor_of_token(session: Session, secret: str, *, real_now: datetime) -> Actor:
    """Who holds this token; refuses unknown, ended and revoked ones alike."""
    token = token_digest(secret)
    found = actors_of_tokens(session, [token], real_now=real_now).get(token)
    if found is None:
        raise SignInRefused(ENDED)
    return found


def forget_tokens(session: Session, *, before: datetime) -> int:
    """Delete the sign-ins that ended before that instant (real time); how many."""
    return rows_changed(session, delete(Token).where(col(Token.expires_at) < before))


def actors_of_tokens(session: Session, tokens: Iterable[str], *, real_now: datetime) -> dict[str, Actor]:
    """Who holds each of these tokens (digests); unknown, ended and revoked ones are left out. One query."""
    return holders(bulk.ask(session, [asking_holders(tokens, real_now=real_now)])[0])


def asking_holders(tokens: Iterable[str], *, real_now: datetime) -> bulk.Question:
    """The query of `actors_of_tokens`, to be asked with others; `holders` reads the answer."""
    rows = [{"digest": token, "real_now": real_now} for token in tokens]
    return bulk.Question(_HOLDERS, "digest text, real_now timestamp with time zone", rows)


def holders(found: bulk.Answer) -> dict[str, Actor]:
    """Who holds each token that was found."""
    grants: dict[str, list[Grant]] = {}
    who: dict[str, tuple[int, str, str, int]] = {}
    for digest, number, name, role, member, site, scopes, unproven in found:
        if digest not in who:
            who[digest], grants[digest] = (number, name, scopes, unproven), []
        if role:
            grants[digest].append(Grant(role, member or None, site or None))
    return {
        digest: Actor(number, name, tuple(grants[digest]), _narrowed(scopes) if scopes else None, bool(unproven))
        for digest, (number, name, scopes, unproven) in who.items()
    }


@functools.lru_cache(maxsize=256)
def _narrowed(scopes: str) -> frozenset[str]:
    return frozenset(scopes.split(","))


_HOLDERS: Final = (
    "SELECT t.digest, a.id, a.name, g.role, g.member_code, g.site_code, t.scopes,"
    " (f.account_id IS NOT NULL OR w.second_factor_demanded IS TRUE)"
    " AND (t.proven_until IS NULL OR t.proven_until <= r.real_now) FROM {rows}"
    " JOIN token t ON t.digest = r.digest JOIN account a ON a.id = t.account_id"
    " LEFT JOIN account_grant g ON g.account_id = a.id AND (g.ends_at IS NULL OR g.ends_at > r.real_now)"
    " LEFT JOIN second_factor f ON f.account_id = a.id AND f.confirmed_at IS NOT NULL"
    " LEFT JOIN region w ON w.id = 1"
    " WHERE NOT t.revoked AND t.expires_at > r.real_now AND a.active ORDER BY g.id"
)


def revoke_token(session: Session, secret: str) -> None:
    """End a sign-in at once."""
    token = session.get(Token, token_digest(secret))
    if token is not None:
        token.revoked = True
        session.add(token)


def set_clock(session: Session, act: Act) -> None:
    """Move a simulated region's clock to `act.at`, on record; refuses for a real region and for going back."""
    rules.require(act.actor, "clock.set")
    found = queries.region(session)
    if not found.simulated:
        raise Conflict("only a simulated region has a clock that can be set")
    if found.simulated_now and act.at < found.simulated_now:
        raise Conflict("the simulated clock only goes forward", now=found.simulated_now.isoformat())
    told = {"from": found.simulated_now.isoformat() if found.simulated_now else None, "to": act.at.isoformat()}
    found.simulated_now = act.at
    session.add(found)
    journal.record(session, act, action="clock.set", subject="region", payload=told)


def token_digest(secret: str) -> str:
    """What is stored of a token, and names it."""
    return hashlib.sha256(secret.encode()).hexdigest()
