"""The committee's room: what waits for a seat's vote, and one proposal with its evidence on one page."""

from __future__ import annotations

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine

from stockpile.governance.committee import rules
from stockpile.web import committee_reading as reading
from stockpile.web import frame
from stockpile.web.committee_evidence import evidence
from stockpile.web.committee_reading import Case, Head, Inbox
from stockpile.web.committee_result import result
from stockpile.web.committee_standing import standing
from stockpile.web.committee_vote import VotePart
from stockpile.web.committee_words import (
    CAPACITIES,
    EMERGENCIES,
    STATES,
    about,
    named,
    operation,
    pressing,
    time_left,
    titled,
)
from stockpile.web.entering import number_in, screen
from stockpile.web.parts import button, text
from stockpile.web.places import COMMITTEE_ROOM
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import instant, ngettext, number, say

FEW = 10
DECIDED = (rules.ADOPTED, rules.REJECTED, rules.LAPSED, rules.RATIFIED, rules.NOT_RATIFIED, rules.WITHDRAWN)


async def committee_page(engine: Engine) -> RedirectResponse | None:
    """The inbox of whoever is signed in; everyone else goes to the form."""
    return await screen(engine, COMMITTEE_ROOM, reading.inbox, _inbox)


async def _inbox(signed: SignedIn, found: Inbox) -> None:
    frame.header(signed, found.region, found.now)
    if found.version is None:
        _not_constituted()
    else:
        _InboxPage(found)


def _not_constituted() -> None:
    frame.empty(
        say("The committee is not constituted yet"),
        say("Until then roles alone decide: who may do something does it, with a second person where that is asked."),
        say("An administrator gives every municipality a seat: stockpile committee seat"),
        say("Then the administrator constitutes it: stockpile committee constitute"),
    )


class _InboxPage:
    """What waits in front; below it what is under way, what was decided, and what stands."""

    def __init__(self, found: Inbox) -> None:
        self._found = found
        self._shown = FEW
        with ui.element("main").classes("committee"):
            with ui.element("section").classes("panel") as panel:
                panel.props["aria-label"] = say("Waits for your vote")
                self._waiting()
            with ui.element("section").classes("panel"):
                text("h2", say("Under way"))
                self._listed(found.among(*rules.VOTED_ON, rules.TABLED, rules.DRAFT), say("Nothing else is under way."))
            with ui.element("section").classes("panel"):
                text("h2", say("Decided"))
                self._past = ui.element("div")
                self._decided()
            standing(found)

    def _waiting(self) -> None:
        found = self._found
        count = len(found.waiting)
        text("h2", ngettext("{n} proposal waits for your vote", "{n} proposals wait for your vote", count))
        text("p", speaks_for(found.speaks, [found.members[code].name for code in found.speaks])).classes("quiet")
        if not count:
            text("p", say("Nothing waits for you. What is under way and what was decided stands below."))
            return
        with ui.element("ul").classes("cards"):
            for one in found.waiting:
                self._card(found.heads[one], len(found.waiting[one]))

    def _card(self, head: Head, voices: int) -> None:
        deadline, zone = head["deadline"], self._found.region.time_zone
        with ui.element("li").classes("card"):
            ui.link(_titled(head), f"{COMMITTEE_ROOM}/{head['id']}").classes("card-title")
            if head["state"] == rules.PROVISIONAL:
                text("strong", say(EMERGENCIES[head["state"]])).classes("mark")
            text("span", f"{operation(head['operation'])} ({about(head['subject'])})")
            clock = text("span", f"{time_left(deadline, self._found.now)} ({instant(deadline, zone)})")
            clock.classes("clock pressing" if pressing(deadline, self._found.now) else "clock")
            text("span", ngettext("You vote for {n} municipality.", "You vote for {n} municipalities.", voices))

    def _decided(self) -> None:
        decided = self._found.among(*DECIDED)
        self._past.clear()
        with self._past:
            self._listed(decided[: self._shown], say("Nothing was decided yet."))
            if len(decided) > self._shown:
                left = ngettext("Show {n} more", "Show {n} more", min(FEW, len(decided) - self._shown))
                button(left, self._more)

    def _more(self) -> None:
        self._shown += FEW
        self._decided()

    def _listed(self, heads: list[Head], none: str) -> None:
        if not heads:
            text("p", none).classes("quiet")
            return
        with ui.element("ul").classes("rows"):
            for head in heads:
                with ui.element("li"):
                    ui.link(f"{head['id']} {_titled(head)}", f"{COMMITTEE_ROOM}/{head['id']}")
                    text("span", self._told(head)).classes("quiet")

    def _told(self, head: Head) -> str:
        zone = self._found.region.time_zone
        told = [operation(head["operation"]), named(STATES, head["state"])]
        if head["decided_at"]:
            told.append(instant(head["decided_at"], zone))
        elif head["deadline"]:
            told.append(time_left(head["deadline"], self._found.now))
        if head["state"] == rules.ADOPTED:
            told.append(say("carried out") if head["executed_at"] else say("not carried out yet"))
        return ", ".join(told)


def speaks_for(speaks: dict[str, str], names: list[str]) -> str:
    """For whom an account votes, in words; at most three by name."""
    if not speaks:
        return say("Your account has no seat: you can read everything here, and not vote.")
    by = ", ".join(sorted({named(CAPACITIES, one) for one in speaks.values()}))
    if len(names) <= 3:
        return say("You speak for {names} ({by}).", names=", ".join(sorted(names)), by=by)
    return say("You speak for {n} municipalities ({by}).", n=number(len(names)), by=by)


async def proposal_page(engine: Engine, asked: str) -> RedirectResponse | None:
    """One proposal for whoever is signed in."""

    async def show(signed: SignedIn, found: Case) -> None:
        frame.header(signed, found.region, found.now)
        _ProposalPage(signed, found)

    def unknown() -> tuple[str, str]:
        told = say("There is no proposal {number}", number=asked[:40])
        return told, say("Look in the list of proposals: /committee")

    path, number_ = f"{COMMITTEE_ROOM}/{asked}", number_in(asked)
    return await screen(engine, path, lambda session, act: reading.case(session, act, number_), show, unknown=unknown)


class _ProposalPage:
    """Evidence, vote and result of one proposal; read anew after every vote."""

    def __init__(self, signed: SignedIn, found: Case) -> None:
        self._signed = signed
        with ui.element("main").classes("committee proposal"):
            ui.link(say("All proposals"), COMMITTEE_ROOM).classes("back")
            self._evidence = ui.element("div").classes("evidence")
            with ui.element("div").classes("deciding"):
                self._vote = VotePart(signed, found, self._reload)
                self._result = ui.element("div")
        self._show(found)

    async def _reload(self) -> None:
        number_ = self._vote.found.number
        found = await self._signed.read(lambda session: reading.case(session, self._signed.act(session), number_))
        self._vote.show(found)
        self._show_result(found)

    def _show(self, found: Case) -> None:
        with self._evidence:
            evidence(self._signed, found)
        self._show_result(found)

    def _show_result(self, found: Case) -> None:
        self._result.clear()
        with self._result:
            result(self._signed, found)


def _titled(head: Head) -> str:
    return titled(head["title"], head["operation"], head["subject"], state=head["state"])
