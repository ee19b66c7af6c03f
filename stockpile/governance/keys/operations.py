"""Giving out and ending keys, second factors, lent roles and roles taken in an emergency.

Instants here are real, not the region's: a simulated clock that stands still must not keep a door open.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select, update

from stockpile import journal
from stockpile.actor import Act, Grant
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotAllowed
from stockpile.governance import queries as accounts
from stockpile.governance.keys import queries, rules
from stockpile.governance.keys.tables import BrokenGlass, SecondFactor
from stockpile.governance.keys.vault import Vault
from stockpile.governance.operations import require_grantable, token_digest
from stockpile.governance.rules import RIGHTS, allowed, holds, require, require_any, require_other
from stockpile.governance.tables import Account, AccountGrant, Token

SECRET_BYTES = 20


class CodeRefused(NotAllowed):
    """The one-time code is not the device's, or was used before."""

    code = "code_refused"


class NoDevice(Conflict):
    """The account has no device to show a code of, or has one already."""

    code = "second_factor_state"


class KeysMakeNoKeys(NotAllowed):
    """A key was used where a person must have signed in."""

    code = "key_used"


class NotYours(NotAllowed):
    """Nobody lends what they do not hold for good."""

    code = "not_yours_to_lend"


def add_key(session: Session, act: Act, *, label: str, rights: Sequence[str], days: int) -> tuple[str, Token]:
    """A key for a machine, narrowed to these rights beside reading what its owner may; the secret is given this once.

    Refuses rights that approve, that do not exist, or that the account itself has not.
    """
    _require_person(act)
    unknown = [right for right in rights if right not in rules.KEY_RIGHTS]
    if unknown:
        raise Invalid(f"a key cannot carry {', '.join(unknown)}", field="rights", known=list(rules.KEY_RIGHTS))
    for right in rights:
        require_any(act.actor, right)
    seen = "read" if holds(act.actor, "read") else "scorecard.see"
    secret, scopes = secrets.token_urlsafe(32), sorted({seen, *rights})
    ends = act.recorded_at + timedelta(days=days)
    key = Token(
        digest=token_digest(secret),
        account_id=act.actor.id,
        expires_at=ends,
        created_at=act.recorded_at,
        label=label,
        scopes=",".join(scopes),
    )
    session.add(key)
    payload = {"id": key.digest[: queries.SHOWN_OF_DIGEST], "label": label, "rights": scopes, "ends": ends.isoformat()}
    journal.record(session, act, action="key.add", subject=f"account:{act.actor.name}", payload=payload)
    return secret, key


def end_sign_in(session: Session, act: Act, *, shown: str) -> None:
    """End a sign-in or key at once: one's own, or as administrator anybody's. Ending it again changes nothing."""
    found = queries.sign_in(session, act.actor, shown)
    claimed = update(Token).where(col(Token.digest) == found.digest, col(Token.revoked).is_(False))
    if rows_changed(session, claimed.values(revoked=True)):
        account = session.get_one(Account, found.account_id)
        payload = {"id": shown, "label": found.label}
        journal.record(session, act, action="sign_in.end", subject=f"account:{account.name}", payload=payload)


def begin_factor(session: Session, act: Act, vault: Vault) -> bytes:
    """A new device for the actor's account: its secret, shown this once; it counts once a code of it was sent back."""
    _require_person(act)
    found = queries.factor(session, act.actor.id)
    if found is not None and found.confirmed_at is not None:
        raise NoDevice("this account has a device already: give it up first (DELETE /api/v1/me/second-factor)")
    secret = secrets.token_bytes(SECRET_BYTES)
    row = found or SecondFactor(account_id=act.actor.id, sealed_secret="")
    row.sealed_secret, row.last_step = vault.encrypt(base64.b64encode(secret)).decode(), 0
    session.add(row)
    return secret


def prove_factor(session: Session, act: Act, vault: Vault, *, code: str, token: str) -> datetime:
    """Show a code: this sign-in may approve until the instant given back. The first code confirms a new device."""
    found = _shown(session, act, vault, code)
    if found.confirmed_at is None:
        found.confirmed_at = act.recorded_at
        journal.record(session, act, action="factor.add", subject=f"account:{act.actor.name}", payload={})
    until = act.recorded_at + timedelta(hours=rules.PROOF_HOURS)
    held = update(Token).where(col(Token.digest) == token, col(Token.label) == "")
    if not rows_changed(session, held.values(proven_until=until)):
        raise KeysMakeNoKeys("a code is shown with a sign-in (POST /api/v1/tokens), not with a key or a password")
    session.add(found)
    return until


def give_up_factor(session: Session, act: Act, vault: Vault, *, code: str) -> None:
    """Give up one's own device, with a last code of it."""
    session.delete(_shown(session, act, vault, code))
    journal.record(session, act, action="factor.end", subject=f"account:{act.actor.name}", payload={})


def take_factor(session: Session, act: Act, *, name: str, reason: str) -> None:
    """Take a lost device off another person's account, as administrator; all its sign-ins end."""
    require(act.actor, "account.manage")
    account = accounts.account_by_name(session, name)
    require_other(act.actor, {account.id or 0: "holds this device: it is given up with a code, or"})
    found = queries.factor(session, account.id or 0)
    if found is None:
        raise NoDevice(f"{name} has no device", field="name", value=name)
    session.delete(found)
    session.connection().execute(update(Token).where(col(Token.account_id) == account.id).values(revoked=True))
    journal.record(session, act, action="factor.take", subject=f"account:{name}", payload={}, reason=reason)


def demand_factor(session: Session, act: Act, *, demanded: bool) -> None:
    """Whether this installation asks everybody for a second factor at approvals."""
    require(act.actor, "account.manage")
    found = accounts.region(session)
    found.second_factor_demanded = demanded
    session.add(found)
    journal.record(session, act, action="factor.demand", subject="region:1", payload={"demanded": demanded})


def _shown(session: Session, act: Act, vault: Vault, code: str) -> SecondFactor:
    asked = select(SecondFactor).where(col(SecondFactor.account_id) == act.actor.id).with_for_update()
    found = session.exec(asked).one_or_none()
    if found is None:
        raise NoDevice("this account has no device yet: set one up (POST /api/v1/me/second-factor)")
    secret = base64.b64decode(vault.decrypt(found.sealed_secret))
    step = rules.step_of(secret, code, seconds=int(act.recorded_at.timestamp()), after=found.last_step)
    if step is None:
        raise CodeRefused("this is not the code of your device now, or it was used before: wait for the next one")
    found.last_step = step
    return found


def _require_person(act: Act) -> None:
    if act.actor.scopes is not None:
        raise KeysMakeNoKeys("this needs a person who has signed in: a key cannot do it")


def lend(session: Session, act: Act, *, name: str, grant: Grant, until: datetime, reason: str) -> AccountGrant:
    """Give another account a role for a while, at a member and a site of one's own (a federated grant).

    Nobody gives more than they have for good: the giver holds the same role
    there without an end. Refuses an end that has passed or is too far.
    """
    require(act.actor, "grant.share", member=grant.member, site=grant.site)
    _require_person(act)
    if not _has_for_good(session, act, grant):
        raise NotYours(f"{act.actor.name} cannot lend what is not theirs for good: {_said(grant)}", role=grant.role)
    require_grantable(session, grant)
    account = accounts.account_by_name(session, name)
    require_other(act.actor, {account.id or 0: "is to hold this role"})
    row = _held_until(session, act, account, grant, until=until, most=timedelta(days=rules.LONGEST_LENT_DAYS))
    payload = {"role": grant.role, "member": grant.member, "site": grant.site, "until": until.isoformat()}
    journal.record(session, act, action="grant.lend", subject=f"account:{name}", payload=payload, reason=reason)
    return row


def end_lent(session: Session, act: Act, *, number: int, reason: str) -> AccountGrant:
    """End a lent or taken role at once: by who gave or holds it, or an administrator; ending twice changes nothing."""
    found = next((row for row, _ in queries.lent(session, act.actor) if row.id == number), None)
    if found is None:
        raise queries.UnknownGrant("you have no lent role of this number", field="number", value=number)
    if found.ends_at is not None and found.ends_at > act.recorded_at:
        found.ends_at = act.recorded_at
        session.add(found)
        _end_emergency(session, act, found)
        account = session.get_one(Account, found.account_id)
        payload = {"role": found.role, "member": found.member_code, "site": found.site_code}
        subject = f"account:{account.name}"
        journal.record(session, act, action="grant.end", subject=subject, payload=payload, reason=reason)
    return found


def _end_emergency(session: Session, act: Act, row: AccountGrant) -> None:
    """An emergency in which this role was taken is over with it."""
    same = {"account_id": row.account_id, "role": row.role, "member_code": row.member_code, "site_code": row.site_code}
    running = (col(BrokenGlass.ends_at) > act.recorded_at, col(BrokenGlass.begins_at) < act.recorded_at)
    ended = update(BrokenGlass).filter_by(**same).where(*running).values(ends_at=act.recorded_at)
    session.connection().execute(ended)


def break_glass(session: Session, act: Act, *, grant: Grant, hours: int, reason: str) -> BrokenGlass:
    """Take a role oneself in an emergency, for hours, with a reason; it ends by itself and is reviewed by another."""
    _require_person(act)
    require_any(act.actor, "glass.break")
    if grant.role not in rules.BREAKABLE:
        known = sorted(rules.BREAKABLE)
        raise Invalid(f"role: {grant.role} cannot be taken; {', '.join(known)} can", field="role", known=known)
    if grant.member:
        accounts.member(session, grant.member)
    account, until = session.get_one(Account, act.actor.id), act.recorded_at + timedelta(hours=hours)
    _held_until(session, act, account, grant, until=until, most=timedelta(hours=rules.LONGEST_BROKEN_HOURS))
    found = BrokenGlass(
        account_id=act.actor.id,
        role=grant.role,
        member_code=grant.member or "",
        site_code=grant.site or "",
        reason=reason,
        begins_at=act.recorded_at,
        ends_at=until,
    )
    session.add(found)
    session.flush()
    payload = {"role": grant.role, "member": grant.member, "site": grant.site, "until": until.isoformat()}
    journal.record(session, act, action="glass.break", subject=f"emergency:{found.id}", payload=payload, reason=reason)
    return found


def review_glass(session: Session, act: Act, *, number: int, justified: bool, note: str) -> BrokenGlass:
    """Judge an emergency that is over; by another person than who took the role, and once."""
    require(act.actor, "glass.review")
    found = queries.emergency(session, number)
    require_other(act.actor, {found.account_id: "took this role in an emergency"})
    if found.ends_at > act.recorded_at:
        raise Conflict(f"the emergency lasts until {found.ends_at.isoformat()}: review it afterwards")
    verdict = "justified" if justified else "not_justified"
    claimed = update(BrokenGlass).where(col(BrokenGlass.id) == number, col(BrokenGlass.verdict) == "")
    given = {"verdict": verdict, "note": note, "reviewed_by": act.actor.id, "reviewed_at": act.recorded_at}
    if not rows_changed(session, claimed.values(**given)):
        raise Conflict(f"emergency {number} has been reviewed already", verdict=found.verdict)
    session.refresh(found)
    payload = {"verdict": verdict}
    journal.record(session, act, action="glass.review", subject=f"emergency:{number}", payload=payload, reason=note)
    return found


def _has_for_good(session: Session, act: Act, grant: Grant) -> bool:
    if allowed(act.actor, "account.manage"):
        return True
    own = session.exec(
        select(AccountGrant).where(AccountGrant.account_id == act.actor.id, col(AccountGrant.ends_at).is_(None))
    )
    return any(
        row.role == grant.role
        and row.role in RIGHTS["grant.share"]
        and row.member_code in ("", grant.member)
        and row.site_code in ("", grant.site)
        for row in own
    )


def _held_until(
    session: Session, act: Act, account: Account, grant: Grant, *, until: datetime, most: timedelta
) -> AccountGrant:
    """The account holds the role until then; refuses what it holds for good or longer anyway."""
    if not act.recorded_at < until <= act.recorded_at + most:
        raise Invalid(f"until: must lie ahead, and at most {most} from now", field="until", value=until.isoformat())
    given: dict[str, Any] = {"account_id": account.id, "role": grant.role}
    given |= {"member_code": grant.member or "", "site_code": grant.site or ""}
    row = session.exec(select(AccountGrant).filter_by(**given)).one_or_none()
    if row is not None and (row.ends_at is None or row.ends_at >= until):
        raise Conflict(f"{account.name} holds {_said(grant)} already", role=grant.role)
    row = row or AccountGrant(**given)
    row.ends_at, row.given_by = until, act.actor.id
    session.add(row)
    session.flush()
    return row


def _said(grant: Grant) -> str:
    return " at ".join(part for part in (grant.role, grant.member, grant.site) if part)
