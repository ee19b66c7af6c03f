"""The committee's room: what waits for a seat's vote, and one proposal with its evidence on one page."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine

from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import rules
from stockpile.governance.queries import NoRegion
from stockpile.governance.rules import Missing
from stockpile.web import committee_reading as reading
from stockpile.web import frame
from stockpile.web.acting import refusal_words
from stockpile.web.committee_evidence import evidence
from stockpile.web.committee_reading import Case, Head, Inbox
from stockpile.web.committee_result import result
from stockpile.web.committee_standing import standing
from stockpile.web.committee_vote import VotePart
from stockpile.web.committee_words import CAPACITIES, OPERATIONS, STATES, named, pressing, time_left
from stockpile.web.parts import button, text
from stockpile.web.places import COMMITTEE_ROOM
from stockpile.web.sign_in import SignedIn, signed_in
from stockpile.web.speech import instant, ngettext, number, say

FEW = 10
DECIDED = (rules.ADOPTED, rules.REJECTED, rules.LAPSED, rules.RATIFIED, rules.NOT_RATIFIED, rules.WITHDRAWN)


async def committee_page(engine: Engine) -> RedirectResponse | None:
    """The inbox of whoever is signed in; everyone else goes to the form."""
    signed, again = await entered(engine, COMMITTEE_ROOM)
    if signed is None:
        return again
    try:
        found = await signed.read(lambda session: reading.inbox(session, signed.act(session)))
    except NoRegion:
        no_region(signed)
        return None
    except Missing as refusal:
        await told_why_not(signed, refusal)
        return None
    frame.header(signed, found.region, found.now)
    if found.version is None:
        _not_constituted()
    else:
        _InboxPage(found)
    return None


async def entered(engine: Engine, path: str) -> tuple[SignedIn | None, RedirectResponse | None]:
    """Who is signed in, or where to send the browser instead: to its language, or to the form and then back here."""
    again = frame.chosen_language()
    if again is not None:
        return None, again
    signed = await signed_in(engine)
    return signed, None if signed else RedirectResponse(f"/login?next={path}")


def no_region(signed: SignedIn) -> None:
    """Where nothing is loaded yet."""
    frame.header(signed, None, datetime.now(UTC))
    frame.empty(
        say("No region is loaded yet"),
        say("To look around with simulated stock, run on this installation's command line: stockpile demo"),
        say("To load your own region from its CSV files: stockpile import region DIR"),
    )


async def told_why_not(signed: SignedIn, refusal: Missing) -> None:
    """Say whose screen this is, to an account whose it is not."""
    region, act = await signed.read(lambda session: (governance.region(session), signed.act(session)))
    frame.header(signed, region, act.at)
    frame.empty(say("This screen is not for your account"), refusal_words(refusal))


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
            ui.link(head["title"], f"{COMMITTEE_ROOM}/{head['id']}").classes("card-title")
            if head["state"] == rules.PROVISIONAL:
                text("strong", say("Emergency: done already, to be ratified")).classes("mark")
            text("span", f"{named(OPERATIONS, head['operation'])} ({head['subject']})")
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
                    ui.link(f"{head['id']} {head['title']}", f"{COMMITTEE_ROOM}/{head['id']}")
                    text("span", self._told(head)).classes("quiet")

    def _told(self, head: Head) -> str:
        zone = self._found.region.time_zone
        told = [named(OPERATIONS, head["operation"]), named(STATES, head["state"])]
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
    path = f"{COMMITTEE_ROOM}/{asked}"
    signed, again = await entered(engine, path)
    if signed is None:
        return again
    try:
        found = await signed.read(lambda session: reading.case(session, signed.act(session), number_in(asked)))
    except NoRegion:
        no_region(signed)
        return None
    except Missing as refusal:
        await told_why_not(signed, refusal)
        return None
    except NotFound:
        await _unknown(signed, asked)
        return None
    frame.header(signed, found.region, found.now)
    _ProposalPage(signed, found)
    return None


def number_in(asked: str) -> int:
    """The number in an address; what is none of ours is that of no proposal."""
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else 0


async def _unknown(signed: SignedIn, asked: str) -> None:
    region, act = await signed.read(lambda session: (governance.region(session), signed.act(session)))
    frame.header(signed, region, act.at)
    frame.empty(
        say("There is no proposal {number}", number=asked[:40]), say("Look in the list of proposals: /committee")
    )


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
