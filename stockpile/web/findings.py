"""What auditors found and put to an office: to whom it is addressed answers here, and sees what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.governance import queries as governance
from stockpile.governance.rules import RIGHTS, require_any
from stockpile.governance.tables import Region
from stockpile.transparency.findings import queries, rules
from stockpile.transparency.findings.tables import AuditFinding
from stockpile.web import frame
from stockpile.web.acting import role_names
from stockpile.web.entering import screen
from stockpile.web.findings_thread import Known, Threads, known
from stockpile.web.parts import text
from stockpile.web.places import FINDINGS
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import ngettext, retold, say

RIGHT: Final = "finding.answer"
MOST_OVER: Final = 20
OVER: Final = (rules.VERIFIED, rules.CLOSED, rules.RISK_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Addressed:
    """The findings that an office sees: those that name it, those of other offices, and those that are over."""

    region: Region
    now: datetime
    own: list[Known]
    others: list[Known]
    over: list[Known]


def addressed(session: Session, act: Act) -> Addressed:
    """The findings that were put to an office, as this account sees them; refuses who may answer none."""
    require_any(act.actor, RIGHT)
    account = governance.account_by_name(session, act.actor.name)
    names = [account.name, account.title, *(grant.role for grant in act.actor.grants)]
    own, others, over = list[AuditFinding](), list[AuditFinding](), list[AuditFinding]()
    for one in queries.findings(session):
        if one.state in OVER:
            over.append(one)
        elif one.state != rules.DRAFT:
            (own if rules.addressed(one.office, names) else others).append(one)
    parts = ([known(session, one, at=act.at) for one in part] for part in (own, others, over[:MOST_OVER]))
    return Addressed(governance.region(session), act.at, *parts)


async def findings_page(engine: Engine) -> RedirectResponse | None:
    """The findings for whoever is signed in and may answer some; everyone else is told whose screen it is."""
    return await screen(engine, FINDINGS, addressed, _page)


async def _page(signed: SignedIn, found: Addressed) -> None:
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit"):
        _shown(signed, found)


def _shown(signed: SignedIn, found: Addressed) -> None:
    threads = Threads(signed, found.region.time_zone, found.now)
    with ui.element("section").classes("panel"):
        count = len(found.own)
        text("h2", ngettext("{n} finding is addressed to you", "{n} findings are addressed to you", count))
        offices = retold(role_names(signed.roles & RIGHTS[RIGHT]))
        text("p", say("That is: its office names your account or your role ({roles}).", roles=offices)).classes("quiet")
        if not count:
            text("p", say("Nothing waits for you. What auditors put to other offices stands below."))
        threads.show(found.own, opened=found.own[0].number if found.own else 0)
    with ui.element("section").classes("panel"):
        text("h2", say("Addressed to other offices"))
        if not found.others:
            text("p", say("Nothing is open there.")).classes("quiet")
        threads.show(found.others)
    with ui.element("section").classes("panel"):
        text("h2", say("Closed findings"))
        if not found.over:
            text("p", say("None is closed yet.")).classes("quiet")
        threads.show(found.over)
