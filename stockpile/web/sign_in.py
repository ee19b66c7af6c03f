"""Signing in to the screens: a token of governance, kept on the server, asked again at every reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fastapi.responses import RedirectResponse
from nicegui import app, events, run, ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act, Actor
from stockpile.db import reading, transact
from stockpile.governance import operations, queries
from stockpile.governance.access.limits import TooManyCodes, guard
from stockpile.governance.attempts import TooManyAttempts
from stockpile.governance.caller import known_account
from stockpile.governance.keys import operations as keys
from stockpile.governance.keys.operations import CodeRefused, NoDevice
from stockpile.governance.keys.vault import vault
from stockpile.governance.operations import SignInRefused
from stockpile.governance.queries import NoRegion
from stockpile.governance.rules import SUPPLIER, holds
from stockpile.upkeep.logs import tell_answer
from stockpile.web.parts import button, text
from stockpile.web.places import SUPPLIER_DESK, first_of, led_to
from stockpile.web.refusals import worded
from stockpile.web.speech import N_, retold, say

Result = TypeVar("Result")
Given = TypeVar("Given")
Page = Callable[[], Awaitable[object]]
NOTHING_LOADED = N_(
    "Nothing is loaded into this installation yet. Sign in as its administrator to set a region up; on its command "
    "line, `stockpile account add NAME --role administrator` makes one."
)

ENDED_SHOWN, SHOWN_TO = "the end of the sign-in is shown", "whom the page was made for"
# What the form holds goes along with its submission: before a slow line is up, a field's own events can come after it.
AS_IT_STANDS = "(event) => emit(Object.fromEntries(new FormData(event.target)))"


@dataclass(slots=True, eq=False)
class SignedIn:
    """Who is signed in on this page with which roles, and where to read.

    A page that stands open longer than its sign-in goes on with the one that this browser has since, of the same
    account, so that what was typed on it can still be sent.
    """

    engine: Engine
    token: str
    name: str
    roles: frozenset[str] = field(default=frozenset())
    guest_of: str = ""
    """The code of the supplier that a guest acts for; empty for who belongs to the region."""

    async def read(self, query: Callable[[Session], Result]) -> Result:
        """What `query` reads on one snapshot, off the event loop; refuses once the sign-in has ended."""
        found = await self._while_signed_in(self._read, query)
        assert found is not None, "a query that returns something, in a process that is not stopping"
        return found

    def _read(self, query: Callable[[Session], Result]) -> Result:
        with reading(self.engine) as session:
            self._still(session)
            return query(session)

    async def work(self, task: Callable[[], Result]) -> Result:
        """What a longer task gives, off the event loop; refuses once the sign-in has ended."""
        done = await self._while_signed_in(self._work, task)
        assert done is not None, "a task that returns something, in a process that is not stopping"
        return done

    async def _while_signed_in(self, look: Callable[[Given], Result], given: Given) -> Result | None:
        """Off the event loop; again with the newer sign-in of this browser where the page's own has ended."""
        try:
            return await run.io_bound(look, given)
        except SignInRefused:
            if not await self._renewed():
                raise
        return await run.io_bound(look, given)

    async def _renewed(self) -> bool:
        """Whether this browser has signed in again as the same account since; then the page goes on with that."""
        token = kept_token() if self.name else ""
        if token in ("", self.token):
            return False
        try:
            found = await run.io_bound(_kept, self.engine, token)
        except SignInRefused:
            return False
        if found is None or found.name != self.name:
            return False
        self.token = token
        return True

    def _work(self, task: Callable[[], Result]) -> Result:
        with reading(self.engine) as session:
            self._still(session)
        return task()

    def _still(self, session: Session) -> None:
        (holder if self.guest_of or not self.name else reader)(session, self.token)

    def act(self, session: Session) -> Act:
        """An act of whoever is signed in now: at the region's clock, recorded at the real one."""
        real_now = datetime.now(UTC)
        actor = operations.actor_of_token(session, self.token, real_now=real_now)
        return Act(actor, at=queries.effective_now(session, real_now=real_now), recorded_at=real_now)

    async def end(self) -> None:
        """Sign out: the token ends at once, and this browser forgets it."""
        await run.io_bound(transact, self.engine, lambda session: operations.revoke_token(session, self.token))
        leave()


def kept_token() -> str:
    """The sign-in that this browser's cookie stands for; empty without one."""
    return str(app.storage.user.get("token", ""))


def _kept(engine: Engine, token: str) -> SignedIn:
    with reading(engine) as session:
        return _named(session, engine, token)


def leave() -> None:
    """Forget the sign-in of this browser and show the form."""
    app.storage.user.clear()
    ui.navigate.to("/login")


def ended(who: str) -> None:
    """Say on the page that its sign-in has ended; what was typed stays, and can be sent once `who` is back."""
    open_ = ui.context.client.storage
    if open_.get(ENDED_SHOWN):
        return
    open_[ENDED_SHOWN] = True
    with ui.context.client.content, ui.dialog(value=True) as dialog, ui.card().classes("sure"):
        text("h2", say("Your sign-in has ended"))
        text(
            "p",
            say("What you typed here stays. Sign in again as {who} in a new tab, then press again here.", who=who),
        )
        with ui.element("div").classes("asking"):
            ui.link(say("Sign in again"), "/login", new_tab=True).classes("to-sign-in")
            button(say("Back to what I typed"), dialog.close)
    dialog.on("hide", lambda: open_.update({ENDED_SHOWN: False}))


def shown_to() -> str:
    """The account that the page was made for."""
    return str(ui.context.client.storage.get(SHOWN_TO, ""))


def is_guest(actor: Actor) -> bool:
    """Whether an account is a supplier's: it sees its own page and nothing of the region."""
    return not holds(actor, "read")


async def signed_in(engine: Engine, *, guests: bool = False) -> SignedIn | None:
    """Who is signed in by this browser's cookie, or None when nobody is or the sign-in has ended.

    A supplier's account counts only where `guests` are let in; the form leads it to its own page.
    """
    token = kept_token()
    if not token:
        return None
    try:
        found = await SignedIn(engine, token, "").read(lambda session: _named(session, engine, token))
    except SignInRefused:
        app.storage.user.clear()
        return None
    return found if guests or not found.guest_of else None


def _named(session: Session, engine: Engine, token: str) -> SignedIn:
    actor = holder(session, token)
    own = next((grant.member for grant in actor.grants if grant.role == SUPPLIER and grant.member), "")
    guest_of = (own or actor.name) if is_guest(actor) else ""
    return SignedIn(engine, token, actor.name, frozenset(grant.role for grant in actor.grants), guest_of)


def reader(session: Session, token: str) -> Actor:
    """Who holds this token and may read the region; refuses as signed out a guest and who holds no role any more."""
    actor = operations.actor_of_token(session, token, real_now=datetime.now(UTC))
    if is_guest(actor):
        raise SignInRefused(operations.ENDED)
    return actor


def holder(session: Session, token: str) -> Actor:
    """Who holds this token, a guest too; refuses as signed out who holds no role, or none any more."""
    actor = operations.actor_of_token(session, token, real_now=datetime.now(UTC))
    if not actor.grants:
        raise SignInRefused(operations.ENDED)
    return actor


@dataclass(frozen=True, slots=True)
class Door:
    """Where one signs in: the installation, its data folder, and how many hours a sign-in lasts."""

    engine: Engine
    home: Path
    hours: int


async def login_page(door: Door, *, following: str, provider: str = "") -> RedirectResponse | None:
    """The sign-in form; who is signed in goes on to `following`, where that is a screen, or to their first one.

    `provider`: where one is sent to sign in with the region's identity provider; empty where there is none.
    """
    following = led_to(following)
    known = await signed_in(door.engine, guests=True)
    if known is not None:
        return RedirectResponse(SUPPLIER_DESK if known.guest_of else following or first_of(known.roles))
    title = await run.io_bound(_region_title, door.engine)
    with ui.element("div").classes("sign-in"):
        text("h1", "Stockpile")
        text("p", title or say(NOTHING_LOADED))
        _form(door, following=following)
        if provider:
            ui.link(say("Sign in with your organisation's account"), provider)
    return None


def _region_title(engine: Engine) -> str:
    with reading(engine) as session:
        try:
            found = queries.region(session)
        except NoRegion:
            return ""
        return f"{found.title}{' - SIMULATED' if found.simulated else ''}"


def _form(door: Door, *, following: str) -> None:
    with ui.element("form").classes("column-of-fields") as form:
        ui.input(say("Name")).props("autofocus outlined autocomplete=username name=name").classes("wide")
        password = ui.input(say("Password"), password=True, password_toggle_button=True)
        password.props("outlined autocomplete=current-password name=password").classes("wide")
        code = ui.input(say("Code of your device, if you have one"))
        code.props("outlined autocomplete=one-time-code inputmode=numeric maxlength=6 name=code").classes("wide")
        error = text("p", "").classes("error").props("role=alert")
        ui.button(say("Sign in"), color=None).props("type=submit no-caps unelevated size=lg").classes("wide action")

    async def submit(sent: events.GenericEventArguments) -> None:
        error.text = ""
        filled = sent.args
        try:
            shown = filled["code"].strip()
            issued = await run.io_bound(_issue, door, filled["name"].strip(), filled["password"], shown)
        except CodeRefused:
            _not_let_in(401)
            error.text, code.value = say("This is not the code of your device now. Wait for the next one."), ""
            return
        except SignInRefused:
            _not_let_in(401)
            error.text = say("Name and password do not match an account. Check both and try again.")
            password.value = ""
            password.run_method("focus")
            return
        except (TooManyAttempts, TooManyCodes, NoDevice) as refusal:
            _not_let_in(401 if isinstance(refusal, NoDevice) else 429)
            error.text, password.value = retold(worded(refusal.code, refusal.message)), ""
            return
        if issued is not None:
            app.storage.user["token"] = issued[0]
            ui.navigate.to(issued[1] if issued[1] == SUPPLIER_DESK else following or issued[1])

    form.on("submit.prevent", submit, js_handler=AS_IT_STANDS)


def _not_let_in(status: int) -> None:
    """A line in the log, as for a sign-in over HTTP: the form's submission comes by a socket that logs none."""
    tell_answer(method="POST", route="/login", status=status, seconds=0, address=ui.context.client.ip)


def _issue(door: Door, name: str, password: str, code: str) -> tuple[str, str]:
    """A fresh token and the page to begin with; the slow check of the password holds no lock.

    With a code of the account's device the sign-in may approve; a wrong one gives none.
    """
    with reading(door.engine) as session:
        account = known_account(door.engine, session, name, password, real_now=datetime.now(UTC))
        actor = queries.actor_of(session, account, real_now=datetime.now(UTC))
    real_now = datetime.now(UTC)

    def issue(session: Session) -> str:
        token, _ = operations.issue_token(session, account, real_now=real_now, hours=door.hours)
        if code:
            session.flush()
            act = Act(actor, at=queries.effective_now(session, real_now=real_now), recorded_at=real_now)
            digest = operations.token_digest(token)
            keys.prove_factor(session, act, vault(door.home), code=code, token=digest)
        return token

    counted = guard(door.engine, f"code:{actor.id}", real_now=real_now) if code else nullcontext()
    with counted:
        token = transact(door.engine, issue)
    return token, first_of(grant.role for grant in actor.grants)
