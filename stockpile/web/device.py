"""One's own device for one-time codes: set up with a square to scan, shown a code of, and given up."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi.responses import RedirectResponse
from nicegui import run, ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.catalogue import symbols
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.governance.access.limits import guard
from stockpile.governance.keys import operations, queries, rules
from stockpile.governance.keys.vault import vault
from stockpile.governance.operations import SignInRefused, token_digest
from stockpile.governance.tables import Region
from stockpile.web import frame
from stockpile.web.acting import refusal_words
from stockpile.web.parts import button, refused, text
from stockpile.web.sign_in import SignedIn, ended, signed_in
from stockpile.web.speech import N_, instant, say

QUIET_ZONE: Final = 4
NO_DEVICE, BEGUN, CONFIRMED = "none", "begun", "confirmed"
Work = Callable[[Session], Any]


async def device_page(engine: Engine, home: Path) -> RedirectResponse | None:
    """The page for whoever is signed in, suppliers too; everyone else goes to the form."""
    again = frame.chosen_language()
    if again is not None:
        return again
    signed = await signed_in(engine, guests=True)
    if signed is None:
        return RedirectResponse("/login?next=/device")
    region, now = await signed.read(_where)
    frame.header(signed, region, now)
    await DevicePage(signed, home, region).show()
    return None


def _where(session: Session) -> tuple[Region | None, datetime]:
    now = governance.effective_now(session, real_now=datetime.now(UTC))
    return session.get(Region, 1), now


class DevicePage:
    """How the device stands, and what can be done with it next."""

    def __init__(self, signed: SignedIn, home: Path, region: Region | None) -> None:
        self._signed, self._home, self._region = signed, home, region
        self._secret = b""
        with ui.element("main").classes("desk device"), ui.element("section").classes("panel desk-stack"):
            text("h2", say("Your device for codes"))
            text("p", say("Who approves shows six digits of an app on a phone, beside the password."))
            self._box = ui.element("div").classes("desk-stack")
            self._refused = ui.element("div").props("role=alert")
            self._done = text("p", "").classes("done").props("role=status")

    async def show(self) -> None:
        """Show it as it stands now."""
        state = await self._signed.read(self._state)
        self._box.clear()
        with self._box:
            if state == CONFIRMED:
                self._held()
            elif self._secret:
                self._to_confirm()
            else:
                text("p", say("You have no device yet."))
                if state == BEGUN:
                    text("p", say("One was begun and never confirmed; beginning anew replaces it.")).classes("quiet")
                button(say("Set up a device"), self._begin, main=True)

    def _state(self, session: Session) -> str:
        found = queries.factor(session, self._signed.act(session).actor.id)
        return NO_DEVICE if found is None else CONFIRMED if found.confirmed_at else BEGUN

    def _to_confirm(self) -> None:
        """The square, the same as text, and the field for the first code."""
        title = self._region.title if self._region else "Stockpile"
        address = rules.device_address(self._secret, name=self._signed.name, issuer=title)
        with ui.element("ol"):
            text("li", say("Open an app for one-time codes on your phone and let it scan this square."))
            text("li", say("Type the six digits that it shows."))
        ui.html(_drawn(address), sanitize=False).classes("square").props("role=img").props["aria-label"] = say(
            "Square to scan with the app"
        )
        secret = re.search("secret=([A-Z2-7]+)", address)
        text("p", say("It cannot scan? Type this key into the app:"))
        text("p", secret.group(1) if secret else "").classes("digest")
        self._field(say("Confirm the device"), self._prove)

    def _held(self) -> None:
        text("p", say("Your device is set up."))
        self._field(say("Show a code: approve for some hours"), self._prove)
        with ui.element("details"):
            text("summary", say("Give the device up"))
            text("p", say("It takes a last code of it. Lost it? An administrator takes it off your account."))
            self._field(say("Give up with this code"), self._give_up, main=False)

    def _field(self, name: str, do: Callable[[str], Any], *, main: bool = True) -> None:
        with ui.element("form").classes("asking") as form:
            code = ui.input(say("Six digits")).props("outlined dense inputmode=numeric maxlength=6 autocomplete=off")
            made = button(name, None, main=main)
            made.props("type=submit")
        form.on("submit.prevent", lambda: do(code.value.strip()))

    async def _begin(self) -> None:
        def begin(session: Session) -> bytes:
            return operations.begin_factor(session, self._signed.act(session), vault(self._home))

        found = await self._do(begin)
        if found is not None:
            self._secret = found
            await self.show()

    async def _prove(self, code: str) -> None:
        def prove(session: Session) -> datetime:
            given = {"code": code, "token": token_digest(self._signed.token)}
            return operations.prove_factor(session, self._signed.act(session), vault(self._home), **given)

        until = await self._do(prove, counted=True)
        if until is not None:
            self._secret = b""
            zone = self._region.time_zone if self._region else "UTC"
            self._done.text = say("This sign-in may approve until {when}.", when=instant(until, zone))
            await self.show()

    async def _give_up(self, code: str) -> None:
        def give_up(session: Session) -> bool:
            operations.give_up_factor(session, self._signed.act(session), vault(self._home), code=code)
            return True

        if await self._do(give_up, counted=True):
            self._done.text = say("The device is given up.")
            await self.show()

    async def _do(self, work: Work, *, counted: bool = False) -> Any:
        """What it gives; None where it was refused, which is then said. Wrong codes are counted."""
        self._refused.clear()
        self._done.text = ""
        try:
            return await run.io_bound(self._counted if counted else self._plain, work)
        except SignInRefused:
            ended(self._signed.name)
        except Refusal as refusal:
            words = N_("This is not the code of your device now. Wait for the next one.")
            with self._refused:
                sentence = words if isinstance(refusal, operations.CodeRefused) else refusal_words(refusal)
                refused(sentence)
        return None

    def _plain(self, work: Work) -> Any:
        return transact(self._signed.engine, work)

    def _counted(self, work: Work) -> Any:
        with reading(self._signed.engine) as session:
            account = self._signed.act(session).actor.id
        with guard(self._signed.engine, f"code:{account}", real_now=datetime.now(UTC)):
            return self._plain(work)


def _drawn(address: str) -> str:
    """The square as SVG, dark on light in every scheme, with its quiet zone."""
    symbol = symbols.qr_code(address)
    side = symbol.width + 2 * QUIET_ZONE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="240" height="240" '
        f'shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/>'
        f'<path transform="translate({QUIET_ZONE} {QUIET_ZONE})" fill="#000" d="{symbols.path(symbol)}"/></svg>'
    )
