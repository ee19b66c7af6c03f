"""The simulated region in one click, while the installation is empty: `stockpile demo` beside the server, followed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final

from nicegui import run, ui
from sqlmodel import Session

from stockpile import plaintext
from stockpile.errors import Conflict, Refusal
from stockpile.governance.operations import SignInRefused
from stockpile.governance.rules import require
from stockpile.governance.tables import Region
from stockpile.region.loading import RegionLoaded
from stockpile.settings import Settings
from stockpile.web.acting import refusal_words
from stockpile.web.parts import button, refused, text
from stockpile.web.places import FIRST_RUN
from stockpile.web.sign_in import SignedIn, ended
from stockpile.web.speech import N_, number, say

LOOK_EVERY_SECONDS: Final = 0.5
STEPS: Final = 135
"""About as many lines the demonstration prints; the bar never says more than this share is done."""
COMMAND: Final = (sys.executable, "-m", "stockpile", "demo", "--no-serve")


class DemoRuns(Conflict):
    """The demonstration is being told already."""

    code = "demo_runs"


class Demonstration:
    """One run of the demonstration beside this server, in a process of its own; it goes on when nobody looks."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self._process: subprocess.Popen[str] | None = None
        self._began = self._ended = 0.0
        self.lines: list[str] = []
        self.failed = False

    @property
    def running(self) -> bool:
        """Whether it is being told now."""
        return self._process is not None and self._process.poll() is None

    @property
    def seconds(self) -> int:
        """How long it has been told, or took."""
        return int((self._ended or time.monotonic()) - self._began)

    def begin(self) -> None:
        """Begin to tell it; refuses while it is told."""
        with self._lock:
            if self.running:
                raise DemoRuns("the demonstration is being loaded already")
            here = {"STOCKPILE_HOME": str(self._settings.home), "STOCKPILE_DATABASE_URL": self._settings.database_url}
            more = {"STOCKPILE_DEMO_PASSWORD": self._settings.demo_password, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
            self.lines, self.failed, self._began, self._ended = [], False, time.monotonic(), 0.0
            self._process = subprocess.Popen(
                COMMAND,
                env=os.environ | here | more,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def end(self) -> None:
        """Stop telling it; what was loaded before stays, and the whole region is loaded or nothing of it."""
        if self._process is not None and self.running:
            self._process.terminate()
            self._process.wait(timeout=20)

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None, "its output is read"
        for line in process.stdout:
            if line.strip():
                self.lines.append(line.strip()[:300])
        self.failed = process.wait() != 0
        self._ended = time.monotonic()


class DemoPart:
    """What the demonstration is, a button, and how far it is."""

    def __init__(self, signed: SignedIn, demonstration: Demonstration) -> None:
        self._signed, self._demonstration = signed, demonstration
        self._shown = demonstration.running
        with ui.element("section").classes("panel desk-stack"):
            text("h3", say("Look around first: the simulated region"))
            text(
                "p",
                say("203 municipalities of three countries answer the surge of April 2020. Stock is simulated."),
            )
            known = say(
                "It fills this installation and has accounts whose password everybody knows: not for real work."
            )
            text("p", known)
            self._begin = button(say("Load the demonstration"), self._ask)
            with ui.element("div").classes("working") as self._box:
                self._words = text("p", "").props("role=status")
                self._bar = ui.linear_progress(value=0, show_value=False).props(f'aria-label="{say("Progress")}"')
                button(say("Cancel"), self._cancel)
            self._refused = ui.element("div").props("role=alert")
        self._show()
        ui.timer(LOOK_EVERY_SECONDS, self._show)

    async def _ask(self) -> None:
        if await self._do(_refuse_unless_empty, self._demonstration.begin):
            self._shown = True
            self._show()

    async def _cancel(self) -> None:
        await self._do(_refuse_others, self._demonstration.end)

    async def _do(self, allowed: Callable[[Session, SignedIn], None], task: Callable[[], None]) -> bool:
        """Do what whoever is signed in may do now, off the event loop; says why it was refused."""

        def asked(session: Session) -> bool:
            allowed(session, self._signed)
            return True

        try:
            await self._signed.read(asked)
            await run.io_bound(task)
        except SignInRefused:
            ended(self._signed.name)
            return False
        except Refusal as refusal:
            self._refuse(refusal_words(refusal))
            return False
        self._refuse("")
        return True

    def _show(self) -> None:
        demo = self._demonstration
        self._box.set_visibility(demo.running)
        self._begin.set_visibility(not demo.running)
        if demo.running:
            last = demo.lines[-1] if demo.lines else say("starting")
            self._words.text = say("{seconds} s: {step}", seconds=number(demo.seconds), step=last)
            self._bar.set_value(min(0.97, len(demo.lines) / STEPS))
        elif self._shown:
            self._shown = False
            if demo.failed:
                last = demo.lines[-1] if demo.lines else "-"
                self._refuse(plaintext.say(N_("It ended before it was told whole: {last}"), last=last))
            else:
                ui.navigate.to(FIRST_RUN)

    def _refuse(self, sentence: str) -> None:
        self._refused.clear()
        if sentence:
            with self._refused:
                refused(sentence)


def _refuse_others(session: Session, signed: SignedIn) -> None:
    """Refuse who may not set up, or may no longer."""
    require(signed.act(session).actor, "region.import")


def _refuse_unless_empty(session: Session, signed: SignedIn) -> None:
    """Refuse who may not set up, and where a region is loaded."""
    _refuse_others(session, signed)
    if session.get(Region, 1) is not None:
        raise RegionLoaded("a region is loaded already; the demonstration needs an empty installation")
