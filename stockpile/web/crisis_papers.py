"""Plain pages of the crisis room to read, print and send: one answer, and what leaves the depots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from nicegui import app as screens
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.allocation import queries as allocation
from stockpile.allocation.rules import PickLine
from stockpile.db import reading
from stockpile.errors import NotFound, Refusal
from stockpile.governance import queries as region
from stockpile.governance.operations import SignInRefused
from stockpile.inventory import queries as inventory
from stockpile.web import crisis_reading, sign_in, speech, words
from stockpile.web.acting import refusal_words
from stockpile.web.crisis_answer import headline, pieces
from stockpile.web.crisis_rules import state_name
from stockpile.web.storeroom import SAFE, environment
from stockpile.web.words import LANGUAGE_COOKIE

WHY, PICK, DISPATCH = "/crisis/why", "/crisis/pick-lists", "/crisis/dispatch-notes"
Number = Annotated[int, Query(ge=1, le=2**62)]
Fill = Callable[[Session, datetime], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes on one sheet of paper: from one depot, for a dispatch note to one place."""

    depot: str
    depot_name: str
    destination: str
    destination_name: str
    lines: list[PickLine]

    @property
    def packs(self) -> int:
        """Packs of all lines together."""
        return sum(line.packs for line in self.lines)


def add_papers(engine: Engine) -> None:
    """Add the plain pages to the screens, where the browser's sign-in is known."""
    for path in (WHY, PICK, DISPATCH):
        screens.remove_route(path)

    @screens.get(WHY, include_in_schema=False)
    def why(request: Request, plan: Number, member: str, item: str) -> Response:
        def fill(session: Session, now: datetime) -> dict[str, Any]:
            found = crisis_reading.answer(session, plan=plan, member=member, item=item, at=now)
            zone = region.region(session).time_zone
            return {"headline": headline(found.why), "pieces": pieces(found, zone)}

        return _page(engine, request, "why.html", fill)

    @screens.get(PICK, include_in_schema=False)
    def pick_lists(request: Request, plan: Number) -> Response:
        return _page(engine, request, "papers.html", _papers(plan, by_place=False))

    @screens.get(DISPATCH, include_in_schema=False)
    def dispatch_notes(request: Request, plan: Number) -> Response:
        return _page(engine, request, "papers.html", _papers(plan, by_place=True))


def _papers(plan: int, *, by_place: bool) -> Fill:
    def fill(session: Session, now: datetime) -> dict[str, Any]:
        found = allocation.plan(session, plan)
        names = {site.code: site.name for site in inventory.sites(session).values()}
        lines = allocation.pick_list(session, plan)
        sheets = sheets_of(lines, names, by_place=by_place)
        state = state_name(found.state)
        return {
            "plan": plan,
            "approved": found.approved_at is not None,
            "state": state,
            "sheets": sheets,
            "notes": by_place,
        }

    return fill


def sheets_of(lines: list[PickLine], names: dict[str, str], *, by_place: bool) -> list[Sheet]:
    """The lines (in the order of `pick_list`) on sheets: one per depot, or one per depot and place."""

    def key(line: PickLine) -> tuple[str, str]:
        return line.depot, line.destination if by_place else ""

    return [
        Sheet(depot, names[depot], place, names.get(place, ""), list(found))
        for (depot, place), found in groupby(lines, key=key)
    ]


def _page(engine: Engine, request: Request, template: str, fill: Fill) -> Response:
    """One plain page for whoever is signed in; everyone else goes to the form."""
    asked, kept = request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
    language = words.chosen(asked, kept, request.headers.get("accept-language", ""))
    token, real_now = sign_in.kept_token(), datetime.now(UTC)
    if not token:
        return RedirectResponse("/login")
    with reading(engine) as session, speech.speaking(language):
        try:
            sign_in.reader(session, token)
        except SignInRefused:
            return RedirectResponse("/login")
        found, now = region.region(session), region.effective_now(session, real_now=real_now)
        facts: dict[str, Any] = {
            "title": found.title,
            "simulated": found.simulated,
            "clock": speech.instant(now, found.time_zone),
            "language": language,
            "say": speech.say,
            "number": speech.number,
            "refusal": "",
        }
        status = 200
        try:
            facts |= fill(session, now)
        except Refusal as refusal:
            facts["refusal"], status = (
                speech.retold(refusal_words(refusal)),
                404 if isinstance(refusal, NotFound) else 409,
            )
        page = environment(language).get_template(template).render(**facts)
    return HTMLResponse(page, status_code=status, headers=SAFE)
