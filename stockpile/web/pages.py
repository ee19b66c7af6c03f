"""The screens, mounted on the built application: one process, one key, nothing from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as screens
from nicegui import ui
from nicegui.storage import Storage
from sqlalchemy import Engine
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from stockpile.settings import Settings
from stockpile.web import audit, audit_reading, buying, committee, crisis, places, sign_in, supplier
from stockpile.web.crisis_papers import add_papers
from stockpile.web.key import secret_key
from stockpile.web.oidc import BEGIN, add_oidc
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
    add_storeroom(engine)
    add_oidc(engine, settings)
    add_papers(engine)
    _add_page("/login", "Stockpile: sign in", lambda: _login(engine, settings))
    _add_page("/", "Stockpile", lambda: crisis.crisis_page(engine, limit_seconds=settings.plan_limit_seconds))
    _add_page(places.BUYING, "Stockpile: buying", lambda: buying.buying_page(engine, settings))
    _add_page(places.SUPPLIER_DESK, "Stockpile: supplier", lambda: supplier.supplier_page(engine, settings))
    _add_page("/committee", "Stockpile: committee", lambda: committee.committee_page(engine))
    _add_numbered("/committee/{number}", "Stockpile: committee", lambda asked: committee.proposal_page(engine, asked))
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
    following = ui.context.client.request.query_params.get("next", "")
    provider = BEGIN if settings.oidc_issuer else ""
    door = sign_in.Door(engine, settings.home, settings.token_hours)
    return await sign_in.login_page(door, following=following, provider=provider)


def _looked_into(engine: Engine, kind: str, settings: Settings) -> Callable[[str], Awaitable[object]]:
    return lambda asked: audit.looked_into(engine, kind, asked, limit_seconds=settings.plan_limit_seconds)


def _add_page(path: str, title: str, build: sign_in.Page) -> None:
    async def shown() -> object:
        ui.add_css(ASSETS / "screens.css")
        return await build()

    ui.page(path, title=title, response_timeout=SLOWEST_FIRST_VIEW_SECONDS)(shown)


def _add_numbered(path: str, title: str, build: Callable[[str], Awaitable[object]]) -> None:
    """A page with a number in its address, which the page itself judges: what is none gets an answer in words."""

    async def shown(number: str) -> object:
        ui.add_css(ASSETS / "screens.css")
        return await build(number)

    ui.page(path, title=title, response_timeout=SLOWEST_FIRST_VIEW_SECONDS)(shown)


def _keep_sessions_in(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    Storage.path = folder


def _narrowed(mounted: BaseRoute) -> Mount:
    assert isinstance(mounted, Mount), "run_with mounts NiceGUI last"
    return _ScreensMount(mounted.path, app=mounted.app)
