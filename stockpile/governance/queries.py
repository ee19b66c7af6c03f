"""Reading the region, its members and accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from stockpile import bulk
from stockpile.actor import Actor, Grant
from stockpile.errors import NotFound
from stockpile.governance.tables import Account, AccountGrant, Member, Region


class NoRegion(NotFound):
    """Nothing has been loaded into this installation yet."""

    code = "no_region"


class UnknownMember(NotFound):
    """No member has this code."""

    code = "unknown_member"


class UnknownAccount(NotFound):
    """No account has this name."""

    code = "unknown_account"


def region(session: Session) -> Region:
    """The region of this installation; refuses when none is loaded."""
    found = session.get(Region, 1)
    if found is None:
        raise NoRegion("no region is loaded yet: run `stockpile demo` or `stockpile import region DIR`")
    return found


def lock_region(session: Session) -> None:
    """Hold the region against other writers until the transaction ends: what is judged together waits in line."""
    session.exec(select(Region).where(Region.id == 1).with_for_update()).one_or_none()


def effective_now(session: Session, *, real_now: datetime) -> datetime:
    """The region's clock, UTC: the simulated instant where the region is simulated, else `real_now`."""
    return simulated_now(session) or real_now


def simulated_now(session: Session) -> datetime | None:
    """The clock of a simulated region, UTC; None where time is real."""
    session.flush()
    return clock(bulk.ask(session, [CLOCK])[0])


CLOCK: Final = bulk.Question("SELECT simulated_now FROM region WHERE id = 1")
"""The query of `simulated_now`, to be asked with others; `clock` reads the answer."""


def clock(found: bulk.Answer) -> datetime | None:
    """The clock of a simulated region, UTC; None where time is real."""
    return bulk.instant(found.rows[0][0]) if found.rows else None


def local_day(session: Session, at: datetime) -> date:
    """The day that this instant falls on in the region's time zone."""
    return at.astimezone(ZoneInfo(region(session).time_zone)).date()


def members(session: Session) -> dict[str, Member]:
    """All members by code, in the order of their codes."""
    return {m.code: m for m in session.exec(select(Member).order_by(col(Member.code)))}


def member(session: Session, code: str) -> Member:
    """One member; refuses an unknown code."""
    found = session.get(Member, code)
    if found is None:
        raise UnknownMember(f"no member has the code {code}", field="member", value=code)
    return found


def account_by_name(session: Session, name: str) -> Account:
    """One account; refuses an unknown name."""
    found = session.exec(select(Account).where(Account.name == name)).one_or_none()
    if found is None:
        raise UnknownAccount(f"no account is named {name}", field="account", value=name)
    return found


def accounts(session: Session) -> list[Account]:
    """All accounts by name."""
    return list(session.exec(select(Account).order_by(col(Account.name))))


def actor_of(session: Session, account: Account, *, real_now: datetime | None = None) -> Actor:
    """The actor that an account stands for, with its grants; those that end by themselves only with `real_now`."""
    assert account.id is not None, "an account that is not stored yet"
    lasting = col(AccountGrant.ends_at).is_(None)
    running = lasting if real_now is None else or_(lasting, col(AccountGrant.ends_at) > real_now)
    rows = session.exec(
        select(AccountGrant).where(AccountGrant.account_id == account.id, running).order_by(col(AccountGrant.id))
    )
    grants = tuple(Grant(row.role, row.member_code or None, row.site_code or None) for row in rows)
    return Actor(id=account.id, name=account.name, grants=grants)


def actor_by_number(session: Session, number: int) -> Actor:
    """The actor behind an account's number."""
    return actor_of(session, session.get_one(Account, number))
