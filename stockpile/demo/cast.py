"""Who acts in the demonstration: accounts named after what they do, no persons."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act, Actor, Grant
from stockpile.db import reading
from stockpile.demo import offices
from stockpile.governance import operations, queries
from stockpile.governance.rules import (
    ADMINISTRATOR,
    AUDITOR,
    BUYER,
    COMMITTEE,
    COORDINATOR,
    LOGISTICS,
    PHARMACIST,
    REQUESTER,
    SCHEDULER,
)

CAST: tuple[tuple[str, str, str], ...] = (
    ("logistics", "Depots and points of use: receive, dispatch, count", LOGISTICS),
    ("coordinator", "Crisis coordination: declares surges, validates, plans", COORDINATOR),
    ("committee", "Joint committee on duty: approves plans and orders", COMMITTEE),
    ("buyer", "Purchasing: runs reorders and follows orders", BUYER),
    ("pharmacist", "Responsible pharmacist: releases, extends, recalls", PHARMACIST),
    ("auditor", "Audit: reads everything, verifies the ledger", AUDITOR),
    ("administrator", "Accounts of this installation", ADMINISTRATOR),
)
SEATS = offices.SEATS
REQUESTERS: tuple[tuple[str, str, str], ...] = (
    ("requests-nl", "Requests of the Dutch municipalities", "NL"),
    ("requests-be", "Requests of the Belgian municipalities", "BE"),
    ("requests-de", "Requests of the German municipalities", "DE"),
)


def engage(session: Session, act: Act, *, password: str) -> None:
    """Create every account of the demonstration, all with one password, and the scheduler's; seat the committee."""
    members = queries.members(session)
    held = {account.name: queries.actor_of(session, account) for account in queries.accounts(session)}
    for name, title, role in CAST:
        if name in held and Grant(role) in held[name].grants:
            continue  # whoever set the installation up under that name keeps the password that was chosen
        operations.add_account(session, act, name=name, title=title, password=password, grants=[Grant(role)])
    for name, title, country in REQUESTERS:
        grants = [Grant(REQUESTER, member=m.code) for m in members.values() if m.country == country]
        operations.add_account(session, act, name=name, title=title, password=password, grants=grants)
    for name, title, country in SEATS:
        grants = [Grant(COMMITTEE, member=m.code) for m in members.values() if m.country == country]
        operations.add_account(session, act, name=name, title=title, password=password, grants=grants)
    operations.add_scheduler(session, act)
    offices.constitute(session, act)


def actors(engine: Engine) -> dict[str, Actor]:
    """The actors of the demonstration by account name."""
    with reading(engine) as session:
        return {name: queries.actor_of(session, queries.account_by_name(session, name)) for name in names()}


def names() -> Iterable[str]:
    """All account names that act."""
    return [name for name, _, _ in (*CAST, *REQUESTERS, *SEATS)] + [SCHEDULER]
