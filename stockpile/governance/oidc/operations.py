"""From a sign-in at the identity provider to one here: no account without a grant, no grant that the provider took."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act, Grant
from stockpile.db import rows_changed
from stockpile.errors import NotAllowed
from stockpile.governance import operations, queries
from stockpile.governance.keys.rules import PROOF_HOURS
from stockpile.governance.keys.tables import Identity, SignInBegun
from stockpile.governance.oidc import rules
from stockpile.governance.tables import Account, AccountGrant, Token

BEGUN_MINUTES = 10


class NoGrant(NotAllowed):
    """The identity provider knows them, and gives them no role here."""

    code = "no_grant"


class NotBegun(NotAllowed):
    """The answer belongs to no sign-in that was begun here, or to one that is over."""

    code = "sign_in_not_begun"


def begin(session: Session, *, real_now: datetime) -> tuple[str, SignInBegun]:
    """A sign-in that is sent to the provider: its state, and what the answer must fit."""
    state = secrets.token_urlsafe(32)
    session.connection().execute(delete(SignInBegun).where(col(SignInBegun.expires_at) <= real_now))
    row = SignInBegun(
        digest=operations.token_digest(state),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        expires_at=real_now + timedelta(minutes=BEGUN_MINUTES),
    )
    session.add(row)
    return state, row


def take(session: Session, state: str, *, real_now: datetime) -> tuple[str, str]:
    """The nonce and verifier of a sign-in that was begun, once: it cannot be taken again."""
    row = session.get(SignInBegun, operations.token_digest(state))
    gone = delete(SignInBegun).where(col(SignInBegun.digest) == operations.token_digest(state))
    if row is None or row.expires_at <= real_now:
        raise NotBegun("this sign-in was not begun here or took too long: sign in again")
    found = row.nonce, row.verifier
    session.expunge(row)
    if not rows_changed(session, gone):
        raise NotBegun("this sign-in was used already: sign in again")
    return found


def sign_in(
    session: Session, claims: Mapping[str, Any], *, claim: str, roles: Mapping[str, str], real_now: datetime, hours: int
) -> tuple[str, datetime] | None:
    """A token for whom these believed claims are of, with exactly the roles that they give; None where they give none.

    Then the account, if there is one, has lost its roles and sign-ins: commit, and refuse (`NoGrant`).
    """
    grants = rules.grants_of(claims, claim=claim, roles=roles)
    account = _account(session, claims, real_now=real_now, create=bool(grants))
    if account is None:
        return None
    _set_grants(session, account, grants, real_now=real_now)
    if not grants or not account.active:
        return None
    token, ends = operations.issue_token(session, account, real_now=real_now, hours=hours)
    if rules.strong(claims):
        session.flush()
        held = session.get_one(Token, operations.token_digest(token))
        held.proven_until = min(ends, real_now + timedelta(hours=PROOF_HOURS))
    return token, ends


def _account(session: Session, claims: Mapping[str, Any], *, real_now: datetime, create: bool) -> Account | None:
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    known = session.get(Identity, (issuer, subject))
    if known is not None:
        return session.get_one(Account, known.account_id)
    if not create:
        return None
    name = f"{subject[:100]}@{urlsplit(issuer).hostname}"
    title = str(claims.get("name") or claims.get("preferred_username") or name)[:200]
    act = Act(operations.founder(), queries.effective_now(session, real_now=real_now), real_now)
    account = operations.add_account(session, act, name=name, title=title, password="", grants=[])
    assert account.id is not None
    session.add(Identity(issuer=issuer, subject=subject, account_id=account.id))
    return account


def _set_grants(session: Session, account: Account, grants: list[Grant], *, real_now: datetime) -> None:
    """The account holds these grants beside what was lent to it, and no others."""
    kept = select(AccountGrant).where(AccountGrant.account_id == account.id, col(AccountGrant.ends_at).is_(None))
    wanted = {(one.role, one.member or "", one.site or "") for one in grants}
    held = {(row.role, row.member_code, row.site_code): row for row in session.exec(kept)}
    if wanted == set(held):
        return
    for place, row in held.items():
        if place not in wanted:
            session.delete(row)
    for role, member, site in sorted(wanted - set(held)):
        session.add(AccountGrant(account_id=account.id or 0, role=role, member_code=member, site_code=site))
    if not wanted:
        session.connection().execute(delete(Token).where(col(Token.account_id) == account.id))
    at = queries.effective_now(session, real_now=real_now)
    payload = {"grants": [list(one) for one in sorted(wanted)]}
    act = Act(operations.founder(), at, real_now)
    journal.record(session, act, action="account.grants", subject=f"account:{account.name}", payload=payload)
