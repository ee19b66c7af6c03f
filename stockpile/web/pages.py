"""The screens, mounted on the built application: one process, one key, nothing from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from nicegui import Client, ui
from nicegui import app as screens
from nicegui.storage import Storage
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from stockpile.governance.operations import SignInRefused
from stockpile.settings import Settings
from stockpile.web import (
    audit,
    audit_reading,
    buying,
    committee,
    crisis,
    device,
    findings,
    first_run,
    frame,
    places,
    recalls,
    sign_in,
    supplier,
)
from stockpile.web.crisis_papers import add_papers
from stockpile.web.first_run_demo import Demonstration
from stockpile.web.key import secret_key
from stockpile.web.oidc import BEGIN, add_oidc
from stockpile.web.parts import text
from stockpile.web.speech import say
from stockpile.web.storeroom import add_storeroom

ASSETS = Path(__file__).parent / "assets"
SLOWEST_FIRST_VIEW_SECONDS = 30.0
NOT_SCREENS = ("/api", "/docs", "/docs-assets", "/health", "/public")


class _ScreensMount(Mount):
    """NiceGUI below "/", except for what belongs to the API: an unknown path there stays a problem body."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = str(scope.get("path", ""))
        if any(path == one or path.startswith(f"{one}/") for one in NOT_SCREENS):
            return Match.NONE, {}
        return super().matches(scope)


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Add the signed-in screens to an application that has its engine in `app.state.engine`.

    Sign-ins are kept in files below `settings.home` that only this user may
    read; the key that signs the cookies is made once and kept beside them.
    """
    engine: Engine = app.state.engine
    key = secret_key(settings.home)
    _keep_sessions_in(settings.home / "sessions")
    screens.add_static_files("/screens", ASSETS)
    # Quasar's bar of loading has no name for a screen reader; long work here says its own progress.
    screens.config.quasar_config["loadingBar"] = {"skipHijack": True}
    screens.on_page_exception(_failed)
    screens.add_exception_handler(404, _nowhere)
    add_storeroom(engine)
    add_oidc(engine, settings)
    add_papers(engine)
    _add_page("/login", "Stockpile: sign in", lambda: _login(engine, settings))
    _add_page("/", "Stockpile", lambda: crisis.crisis_page(engine, limit_seconds=settings.plan_limit_seconds))
    _add_page(places.BUYING, "Stockpile: buying", lambda: buying.buying_page(engine, settings))
    _add_page(places.SUPPLIER_DESK, "Stockpile: supplier", lambda: supplier.supplier_page(engine, settings))
    _add_page("/committee", "Stockpile: committee", lambda: committee.committee_page(engine))
    _add_numbered("/committee/{number}", "Stockpile: committee", lambda asked: committee.proposal_page(engine, asked))
    demonstration = Demonstration(settings)
    screens.on_shutdown(demonstration.end)
    _add_page(places.FIRST_RUN, "Stockpile: set-up", lambda: first_run.first_run_page(engine, demonstration))
    _add_page(places.DEVICE, "Stockpile: device", lambda: device.device_page(engine, settings.home))
    _add_page(places.FINDINGS, "Stockpile: findings", lambda: findings.findings_page(engine))
    _add_page(places.RECALLS, "Stockpile: recalls", lambda: recalls.recalls_page(engine))
    _add_page("/audit", "Stockpile: audit", lambda: audit.audit_page(engine, settings.home))
    for kind in audit_reading.KINDS:
        _add_numbered(f"/audit/{kind}/{{number}}", "Stockpile: audit", _looked_into(engine, kind, settings))
    ui.run_with(
        app,
        title="Stockpile",
        dark=None,
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
        storage_secret=key,
        session_middleware_kwargs={"max_age": settings.token_hours * 3600, "same_site": "lax"},
    )
    app.router.routes[-1] = _narrowed(app.router.routes[-1])


async def _login(engine: Engine, settings: Settings) -> object:
    again = frame.chosen_language()
    if again is not None:
        return again
    following = ui.context.client.request.query_params.get("next", "")
    provider = BEGIN if settings.oidc_issuer else ""
    door = sign_in.Door(engine, settings.home, settings.token_hours)
    sent_on = await sign_in.login_page(door, following=following, provider=provider)
    if sent_on is None:
        _in_other_languages()
    return sent_on


def _in_other_languages() -> None:
    """The choice of language on a page that has no frame."""
    with ui.element("nav").classes("languages") as ways:
        ways.props["aria-label"] = say("Language")
        frame.languages()


def _failed() -> None:
    """Where a screen could not be made: said in plain words; what went wrong stands in the log, not on the page."""
    ui.add_css(ASSETS / "screens.css")
    frame.empty(
        say("This screen could not be shown"),
        say("The fault is ours and is written down. Nothing that you did was lost."),
        say("Look again in a moment; if it stays, tell the administrator what you opened and when."),
    )


async def _nowhere(request: Request, failure: Exception) -> Response:
    """What an address that no screen has is answered: the way to the first screen, in the reader's language."""
    of_a_page = request.scope.get("endpoint") in (None, screens) or request.scope.get("nicegui_page_path")
    if not of_a_page and isinstance(failure, HTTPException):
        return await http_exception_handler(request, failure)
    with Client(ui.page("", title="Stockpile"), request=request) as client:
        ui.add_css(ASSETS / "screens.css")
        frame.chosen_language()
        with ui.element("main").classes("empty"):
            text("h2", say("There is no screen at this address"))
            ui.link(say("To the first screen"), "/")
            ui.link(say("What the public may see"), "/public")
            _in_other_languages()
    return client.build_response(request, 404)


def _slipped(fault: Exception) -> None:
    """Where what was pressed met a fault of ours, or the end of the sign-in: said in plain words; the log has it."""
    if isinstance(fault, SignInRefused):
        sign_in.ended(sign_in.shown_to())
        return
    sentence = say(
        "This met a fault of ours, which is written down. Look whether it was done before you repeat it; if it stays, "
        "tell the administrator what you pressed and when."
    )
    ui.notify(sentence, type="negative", timeout=0, close_button=say("Close"), multi_line=True)


def _looked_into(engine: Engine, kind: str, settings: Settings) -> Callable[[str], Awaitable[object]]:
    return lambda asked: audit.looked_into(engine, kind, asked, limit_seconds=settings.plan_limit_seconds)


def _furnish() -> None:
    """What every screen has: its looks, the order of events, a word before typed text is lost, words for a fault."""
    ui.add_css(ASSETS / "screens.css")
    ui.add_head_html('<script src="/screens/in_order.js"></script>')
    ui.add_head_html('<script src="/screens/unsent.js" defer></script>')
    ui.on_exception(_slipped)


def _add_page(path: str, title: str, build: sign_in.Page) -> None:
    async def shown() -> object:
        _furnish()
        return await build()

    ui.page(path, title=title, response_timeout=SLOWEST_FIRST_VIEW_SECONDS)(shown)


def _add_numbered(path: str, title: str, build: Callable[[str], Awaitable[object]]) -> None:
    """A page with a number in its address, which the page itself judges: what is none gets an answer in words."""

    async def shown(number: str) -> object:
        _furnish()
        return await build(number)

    ui.page(path, title=title, response_timeout=SLOWEST_FIRST_VIEW_SECONDS)(shown)


def _keep_sessions_in(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    Storage.path = folder


def _narrowed(mounted: BaseRoute) -> Mount:
    assert isinstance(mounted, Mount), "run_with mounts NiceGUI last"
    return _ScreensMount(mounted.path, app=mounted.app)
