"""The journal for an auditor: its newest signed head, recomputing it whole, entries of a subject, and samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from stockpile.allocation.planning import Watch
from stockpile.db import reading
from stockpile.errors import Refusal
from stockpile.governance.rules import require
from stockpile.journal import JournalEntry
from stockpile.transparency.replay import queries as replaying
from stockpile.transparency.replay.queries import Drawn
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed
from stockpile.web.acting import given_text, wrong
from stockpile.web.audit_reading import RIGHT, Desk
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, instant, ngettext, number, say
from stockpile.web.working import Working

MOST_FAULTS = 50
LARGEST_SAMPLE = 500
SEED, SIZE, ACTION = N_("Seed"), N_("How many"), N_("Only this action (such as plan.approve)")


class Cancelled(Refusal):
    """Whoever waited for the verification ended it."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Verified:
    """What recomputing the journal gave: entries under heads, entries that wait for one, and all that is wrong."""

    sealed: int
    waiting: int
    faults: list[str]


class JournalPart:
    """The newest head as it is signed, who has taken a copy, and the button that recomputes everything."""

    def __init__(self, signed: SignedIn, found: Desk, home: Path) -> None:
        self._signed, self._home = signed, home
        with ui.element("section").classes("panel"):
            text("h2", say("The journal"))
            self._head(found)
            button(say("Verify the journal"), self._verify, main=True)
            self._working = Working(signed)
            self._verdict = ui.element("div").classes("found").props("role=status")

    def _head(self, found: Desk) -> None:
        if found.head is None:
            text("p", say("Nothing is sealed yet: a running server seals every second."))
            return
        zone, head = found.region.time_zone, found.head
        covers = say(
            "The newest signed head covers {n} entries and was signed on {when}.",
            n=number(head.size),
            when=instant(head.sealed_at, zone),
        )
        text("p", covers)
        waiting = ngettext("{n} entry waits for a seal.", "{n} entries wait for a seal.", found.unsealed)
        text("p", waiting)
        taken = ", ".join(found.taken_by) or say("nobody yet")
        text("p", say("Members that have taken a copy: {members}", members=taken))
        self._sent(found, zone)
        with ui.element("details"):
            text("summary", say("The signed head"))
            text("pre", head.checkpoint).classes("checkpoint").props("tabindex=0")
            ui.link(say("The program with which anybody checks it"), "/public/journal/verifier.py")

    def _sent(self, found: Desk, zone: str) -> None:
        """Who is sent signed heads, which one each took last, and where the last try failed."""
        if not found.sent_to:
            text("p", say("Signed heads are sent to nobody yet."))
            return
        text("p", say("Signed heads are sent to:"))
        with ui.element("ul").classes("sent-heads"):
            for one in found.sent_to:
                whom = f"{one['recipient']}, {one['host']}"
                told = say("{whom}: has taken no head yet.", whom=whom)
                if one["accepted_at"] is not None:
                    told = say(
                        "{whom}: took the head over {n} entries on {when}.",
                        whom=whom,
                        n=number(one["accepted_size"]),
                        when=instant(one["accepted_at"], zone),
                    )
                if one["failures"]:
                    again = instant(one["next_try_at"], zone)
                    told += " " + ngettext("{n} try failed.", "{n} tries failed.", one["failures"])
                    told += " " + say("It is tried again on {when}.", when=again)
                with ui.element("li"):
                    text("span", told).classes("wrong" if one["failures"] else "")
                    if one["failures"]:
                        text("p", one["fault"]).props("lang=en").classes("quiet")

    async def _verify(self) -> None:
        self._verdict.clear()
        found = await self._working.run(self._verified)
        if found is None:
            return
        with self._verdict:
            if found.faults:
                text("p", say("The journal is NOT what it was.")).classes("verdict wrong")
                for one in found.faults:
                    text("p", one).props("lang=en")
                return
            text("p", say("The journal is what it was.")).classes("verdict right")
            told = say(
                "{n} sealed entries are what they were, and every head is right; {waiting} wait for a seal.",
                n=number(found.sealed),
                waiting=number(found.waiting),
            )
            text("p", told)

    def _verified(self, watch: Watch) -> Verified:
        with reading(self._signed.engine) as session:
            require(self._signed.act(session).actor, RIGHT)
            key, size = sealing.signer_of(session, self._home).verifier_key, sealed.latest_size(session)

            def heard(done: int) -> None:
                if watch.cancel is not None and watch.cancel.is_set():
                    raise Cancelled("the verification was cancelled")
                if watch.progress is not None:
                    watch.progress(done, size)

            found = []
            for one in sealed.discrepancies(session, verifier_key=key, progress=heard):
                found.append(one)
                if len(found) == MOST_FAULTS:
                    break
            return Verified(size, sealed.unsealed(session), found)


class SamplePart:
    """A sample of the journal from a seed: whoever has the seed draws the same."""

    def __init__(self, signed: SignedIn, found: Desk) -> None:
        self._signed, self._zone = signed, found.region.time_zone
        with ui.element("section").classes("panel"):
            text("h2", say("Draw a sample"))
            explained = say(
                "Say the seed in public beforehand, such as a lottery's number: then nobody could keep an entry out."
            )
            text("p", explained).classes("quiet")
            with ui.element("div").classes("asking"):
                self._seed = ui.input(say(SEED))
                self._size = ui.number(say(SIZE), value=25, min=1, max=LARGEST_SAMPLE, precision=0)
                self._action = ui.input(say(ACTION))
                for field in (self._seed, self._size, self._action):
                    field.props("outlined dense").classes("sought")
                button(say("Draw"), self._draw, main=True)
            self._working = Working(signed)
            self._drawn = ui.element("div").classes("found").props("aria-live=polite")

    async def _draw(self) -> None:
        seed, size, action = self._seed.value, self._size.value, self._action.value
        self._drawn.clear()
        found = await self._working.run(lambda watch: self._sample(seed, size, action))
        if found is not None:
            with self._drawn:
                self._show(*found)

    def _sample(self, seed: str, size: float | None, action: str) -> tuple[dict[str, Any], list[Drawn]]:
        """The sample as over HTTP, and what was asked for."""
        if not size or not 1 <= size <= LARGEST_SAMPLE:
            raise wrong(N_("{field}: a sample has 1 to {n} entries"), field=SIZE, n=LARGEST_SAMPLE)
        asked: dict[str, Any] = {"seed": given_text(SEED, seed), "size": int(size)}
        asked |= {"action": given_text(ACTION, action)} if action.strip() else {}
        with reading(self._signed.engine) as session:
            require(self._signed.act(session).actor, RIGHT)
            return asked, replaying.sample(session, **asked)

    def _show(self, asked: dict[str, Any], found: list[Drawn]) -> None:
        text("p", say("Seed: {seed}", seed=asked["seed"])).classes("headline")
        text("p", say("Anybody draws the same: {call}", call=f"GET /api/v1/audit/sample?{urlencode(asked)}"))
        if not found:
            text("p", say("The journal has no such entry."))
            return
        columns = [
            ("entry", say("Entry")),
            ("when", say("When")),
            ("action", say("Action")),
            ("subject", say("Subject")),
            ("actor", say("Account")),
            ("draw", say("Drawn by")),
        ]
        rows = [
            {
                "key": one.entry,
                "entry": one.entry,
                "when": instant(one.effective_at, self._zone),
                "action": one.action,
                "subject": one.subject,
                "actor": one.actor,
                "draw": f"{one.draw[:16]}…",
            }
            for one in found
        ]
        framed_table(columns, rows, title=ngettext("{n} entry drawn", "{n} entries drawn", len(found)))


def entries_told(entries: Sequence[JournalEntry], zone: str) -> None:
    """Entries of the journal about one subject, in the order written."""
    if not entries:
        text("p", say("The journal has no entry of it.")).classes("quiet")
        return
    columns = [
        ("entry", say("Entry")),
        ("when", say("When")),
        ("action", say("Action")),
        ("actor", say("Account")),
        ("reason", say("Reason")),
        ("hash", say("Hash")),
    ]
    rows = [
        {
            "key": one.id,
            "entry": one.id,
            "when": instant(one.effective_at, zone),
            "action": one.action,
            "actor": one.actor_name,
            "reason": one.reason,
            "hash": f"{one.leaf_hash[:16]}…",
        }
        for one in entries
    ]
    framed_table(columns, rows, title=say("Journal entries"))
