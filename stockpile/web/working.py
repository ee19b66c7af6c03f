"""A longer task of a page: progress shown, cancelled by a button or by leaving, refusals in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from nicegui import ui

from stockpile.allocation.planning import Watch
from stockpile.errors import Refusal
from stockpile.governance.operations import SignInRefused
from stockpile.web.acting import refusal_words, without_code
from stockpile.web.parts import button, refused, text
from stockpile.web.places import DEVICE
from stockpile.web.sign_in import SignedIn, ended
from stockpile.web.speech import N_, number, say

Result = TypeVar("Result")
TICK_SECONDS = 0.2


def show_refusal(sentence: str) -> None:
    """Say why something was not done; where a code is missing, with the way to it."""
    refused(sentence)
    if sentence == without_code():
        ui.link(say("Show a code, or set a device up"), DEVICE).classes("to-device")


class Working:
    """Where a page shows that it works, and what came in the way."""

    def __init__(self, signed: SignedIn, *, ends: bool = True) -> None:
        """`ends`: whether its tasks can be ended before they are done, so that a button offers it."""
        self._signed = signed
        self._cancelled = Event()
        self._began = 0.0
        self._parts = (0, 0)
        with ui.element("div").classes("working") as self._box:
            self._words = text("p", "").props("role=status")
            self._bar = ui.linear_progress(value=0, show_value=False).props(f'aria-label="{say("Progress")}"')
            if ends:
                button(say("Cancel"), self.cancel)
        self._box.set_visibility(False)
        self._refused = ui.element("div").props("role=alert")
        self._timer = ui.timer(TICK_SECONDS, self._tick, active=False)
        ui.context.client.on_disconnect(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return bool(self._timer.active)

    def cancel(self) -> None:
        """End the task that is under way, if it can be ended."""
        self._cancelled.set()

    async def run(self, task: Callable[[Watch], Result]) -> Result | None:
        """What the task gives, off the event loop; None where it was refused or cancelled, which is then said."""
        if self.busy:
            return None
        self._begin()
        try:
            return await self._signed.work(lambda: task(Watch(self._told, self._cancelled)))
        except SignInRefused:
            ended(self._signed.name)
        except Refusal as refusal:
            self.refuse(N_("Cancelled; nothing has changed.") if self._cancelled.is_set() else refusal_words(refusal))
        finally:
            self._timer.deactivate()
            self._box.set_visibility(False)
        return None

    def refuse(self, sentence: str) -> None:
        """Say why something was not done; an empty sentence takes back what was said."""
        self._refused.clear()
        with self._refused:
            if sentence:
                show_refusal(sentence)

    def _begin(self) -> None:
        self._cancelled = Event()
        self._began, self._parts = time.monotonic(), (0, 0)
        self.refuse("")
        self._tick()
        self._box.set_visibility(True)
        self._timer.activate()

    def _told(self, done: int, of: int) -> None:
        self._parts = (done, of)

    def _tick(self) -> None:
        done, of = self._parts
        seconds = number(int(time.monotonic() - self._began))
        if of:
            self._words.text = say("{done} of {of} items, {seconds} s", done=done, of=of, seconds=seconds)
        else:
            self._words.text = say("Computing, {seconds} s", seconds=seconds)
        self._bar.props["indeterminate"] = not of
        self._bar.set_value(done / of if of else 0)
