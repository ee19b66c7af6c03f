"""Where everything comes together: routers, refusals as problem details, documentation, scheduler, screens."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import fastapi_offline
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from stockpile import __version__, db, http, shielding, solving
from stockpile.allocation import api as allocation
from stockpile.allocation.alternatives import api as alternatives
from stockpile.allocation.carrying import api as carrying
from stockpile.allocation.computing import api as computing
from stockpile.allocation.policies import api as policies
from stockpile.allocation.promises import api as promises
from stockpile.allocation.reasons import api as reasons
from stockpile.allocation.reservations import api as reservations
from stockpile.backup import nightly as backups
from stockpile.catalogue import api as catalogue
from stockpile.contingency import api as contingency
from stockpile.contracts import api as contracts
from stockpile.contracts.calloffs import api as calloffs
from stockpile.contracts.damages import api as damages
from stockpile.contracts.invoices import api as invoices
from stockpile.contracts.procurement import api as procurement
from stockpile.contracts.scorecards import api as scorecards
from stockpile.contracts.shortages import api as shortages
from stockpile.contracts.terms import api as terms
from stockpile.db import reading
from stockpile.demand import api as demand
from stockpile.demand.forecasting import api as forecasting
from stockpile.demand.outlooks import api as outlooks
from stockpile.demand.scenarios import api as scenarios
from stockpile.errors import Refusal
from stockpile.governance import api as governance
from stockpile.governance.access import api as access
from stockpile.governance.caller import SignedIn
from stockpile.governance.committee import api as committee
from stockpile.governance.members import api as membership
from stockpile.governance.operations import SignInRefused
from stockpile.governance.quick import QuickWay
from stockpile.governance.tables import Region
from stockpile.inventory import api as inventory
from stockpile.inventory.controlled import api as controlled
from stockpile.inventory.corrections import api as corrections
from stockpile.inventory.counts import api as counts
from stockpile.inventory.handover import api as handover
from stockpile.inventory.importing import api as importing
from stockpile.inventory.kits import api as kits
from stockpile.inventory.lots import api as lots
from stockpile.inventory.outlook import api as outlook
from stockpile.inventory.ownership import api as ownership
from stockpile.inventory.periods import api as periods
from stockpile.inventory.proposals import api as proposals
from stockpile.inventory.quality import api as quality
from stockpile.inventory.recalls import api as recalls
from stockpile.inventory.receiving import api as receiving
from stockpile.inventory.scanning import api as scanning
from stockpile.inventory.shelving import api as shelving
from stockpile.inventory.stops import api as stops
from stockpile.inventory.temperatures import api as temperatures
from stockpile.inventory.worklist import api as worklist
from stockpile.jobs import api as jobs
from stockpile.jobs import schedule
from stockpile.reorder import api as reorder
from stockpile.reorder.maintenance import api as maintenance
from stockpile.settings import Settings
from stockpile.settlement import api as settlement
from stockpile.transparency.findings import api as findings
from stockpile.transparency.grievances import api as grievances
from stockpile.transparency.kpis import api as kpis
from stockpile.transparency.ocds import api as ocds
from stockpile.transparency.privacy import api as privacy
from stockpile.transparency.publishing import api as publishing
from stockpile.transparency.publishing.complaints import complaints
from stockpile.transparency.replay import api as replay
from stockpile.transparency.sealing import api as sealing
from stockpile.transparency.sending import api as sending
from stockpile.upkeep import api as upkeep
from stockpile.upkeep.logs import NOT_LET_IN, Observed, tell_answer
from stockpile.upkeep.metrics import Requests
from stockpile.upkeep.probing import Prober

log = logging.getLogger(__name__)
GOODS_IN = (receiving, proposals, controlled, temperatures, shelving, handover, importing)
LOCAL = ("127.0.0.1", "localhost", "testserver")
BOOKS = (periods, corrections, stops)
STOREROOM = (inventory, *GOODS_IN, *BOOKS, recalls, quality, counts, outlook, worklist, scanning, lots, ownership, kits)
BUYING = (procurement, contracts, terms, calloffs, damages, invoices, scorecards, shortages)
NEEDS = (demand, forecasting, outlooks, scenarios, reorder, maintenance)
SHARING = (allocation, computing, carrying, policies, promises, alternatives, reasons, reservations)
OPEN_BOOKS = (sealing, sending, grievances, kpis, ocds, privacy, replay, findings)
COMMITTEE = (governance, access, committee, membership, settlement, contingency)
ROUTERS = (*COMMITTEE, catalogue, *BUYING, *STOREROOM, *NEEDS, *SHARING, jobs, *OPEN_BOOKS)
KNOWN = [Depends(http.known_parameters)]
SIMULATED = (b"stockpile-simulated", b"true")
DESCRIPTION = (
    "One shared emergency stockpile for municipalities of several countries. Quantities are integers in base units, "
    "money in minor units, instants in UTC. Sign in with POST /api/v1/tokens (HTTP Basic) and send the token as bearer."
)


def build(engine: Engine, settings: Settings, *, scheduled: bool = True) -> FastAPI:
    """The application on a migrated database, with the runner of imports; `scheduled` starts the nightly runs too."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        telemetry = upkeep.begin_telemetry(app.state)
        scheduler = schedule.start(engine, settings) if scheduled else None
        app.state.imports.start()
        yield
        app.state.imports.stop()
        if scheduler is not None:
            scheduler.shutdown(wait=False)
        if telemetry is not None:
            telemetry.end()

    app = _Api(
        title="Stockpile",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        routes=[*_routes()],
    )
    solving.choose(settings)
    backups.choose(settings)
    app.state.engine, app.state.settings = engine, settings
    app.state.requests, app.state.prober = Requests(), Prober(engine)
    app.state.imports = importing.runner_of(engine)
    app.add_middleware(http.StrictJson)
    app.add_middleware(shielding.Bounded)
    app.add_middleware(http.SameOrigin)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL, *settings.host_names()])
    app.add_middleware(_MarkSimulated, state=app.state)
    app.add_middleware(
        shielding.Limits,
        sign_in=shielding.Bucket(settings.wrong_sign_ins_per_minute),
        public=shielding.Bucket(settings.public_per_minute),
    )
    app.add_middleware(shielding.Shield)
    app.add_middleware(Observed, requests=app.state.requests)
    _add_refusals(app)
    _add_documents(app)
    app.open_quick_way([*LOCAL, *settings.host_names()])
    return app


class _Api(FastAPI):
    """The API, with a quick way in before everything else."""

    def open_quick_way(self, hosts: Sequence[str]) -> None:
        """From now on, answer ordinary requests of `inventory.QUICK` before any middleware; faults are told alike."""
        self._quick = {f"/api/v1{path}": endpoint for path, endpoint in inventory.QUICK.items()}
        way = QuickWay(
            super().__call__,
            self.state,
            endpoints=self._quick,
            hosts=hosts,
            refused=_told,
            marks=_marks,
            counted=self._counted,
        )
        self._way = ServerErrorMiddleware(way, handler=_faulted)

    def _counted(self, path: str, status: int, seconds: float) -> None:
        self.state.requests.count(method="POST", route=path, status=status, seconds=seconds)
        if status in NOT_LET_IN:
            tell_answer(method="POST", route=path, status=status, seconds=seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; only what may be ordinary is looked at by the quick way."""
        if scope["type"] == "http" and scope["path"] in self._quick:
            scope["app"] = self
            await self._way(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _marks(state: State) -> list[tuple[bytes, bytes]] | None:
    """The headers that every answer of the API carries; None while that is not known."""
    known: bool | None = getattr(state, "simulated", None)
    return None if known is None else [*shielding.OF_DATA, *[SIMULATED] * known]


@cache
def _routes() -> Sequence[BaseRoute]:
    """What the API answers to: analysed once per process, for that takes as long as a hundred requests."""
    v1, whole = APIRouter(dependencies=KNOWN, responses=http.PROBLEMS), APIRouter()
    for domain in ROUTERS:
        v1.include_router(domain.router)
    whole.include_router(v1, prefix="/api/v1")
    for anyones in (sealing.public, complaints, publishing.public, upkeep.router):
        whole.include_router(anyones, responses=http.PROBLEMS)
    return tuple(whole.routes)


def _add_documents(app: FastAPI) -> None:
    app.get("/api/v1/openapi.json", include_in_schema=False, dependencies=KNOWN)(_openapi)
    app.get("/docs", include_in_schema=False)(_docs)
    assets = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/docs-assets", StaticFiles(directory=assets), name="docs-assets")


def _openapi(request: Request, _caller: SignedIn) -> JSONResponse:
    """The OpenAPI document (HTTP Basic)."""
    mark = " - SIMULATED" if _simulated(request.app.state) else ""
    found = request.app.openapi()
    return JSONResponse({**found, "info": {**found["info"], "title": f"{found['info']['title']}{mark}"}})


def _docs(request: Request, _caller: SignedIn) -> HTMLResponse:
    """The API's documentation page, with nothing from outside (HTTP Basic)."""
    mark = " - SIMULATED" if _simulated(request.app.state) else ""
    return get_swagger_ui_html(
        openapi_url="/api/v1/openapi.json",
        title=f"Stockpile API{mark}",
        swagger_js_url="/docs-assets/swagger-ui-bundle.js",
        swagger_css_url="/docs-assets/swagger-ui.css",
        swagger_favicon_url="/docs-assets/favicon.png",
    )


class _MarkSimulated:
    """Middleware: every answer of the API says when the region is simulated."""

    def __init__(self, app: http.App, state: State) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: MutableMapping[str, Any], receive: http.Receive, send: http.Send) -> None:
        """Pass on; add the header as the answer starts, for the region may have been loaded by then."""

        async def marked(message: http.Message) -> None:
            if message["type"] == "http.response.start" and _simulated(self._state):
                message["headers"] = [*message["headers"], SIMULATED]
            await send(message)

        api = scope["type"] == "http" and scope["path"].startswith("/api/")
        await self._app(scope, receive, marked if api else send)


def _simulated(state: State) -> bool:
    """Whether the region is simulated; read once it is there, for it never changes. Not known: not said."""
    known: bool | None = getattr(state, "simulated", None)
    if known is None:
        try:
            with reading(state.engine) as session:
                found = session.get(Region, 1)
        except (DBAPIError, PoolExhausted):
            return False
        if found is None:
            return False
        known = state.simulated = found.simulated
    return known


def _add_refusals(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain_http)
    app.add_exception_handler(DBAPIError, _database_failed)
    app.add_exception_handler(PoolExhausted, _database_failed)
    app.add_exception_handler(Exception, _faulted)


def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return _told(refusal)


def _told(refusal: Refusal) -> JSONResponse:
    body = http.problem_of(refusal)
    if isinstance(refusal, SignInRefused):
        body["status"] = 401
        return http.problem_response(body, {"WWW-Authenticate": 'Basic realm="Stockpile", charset="UTF-8"'})
    return http.problem_response(body)


def _invalid(_request: Request, failure: Exception) -> JSONResponse:
    """Which fields are wrong and why; what was sent is not echoed."""
    assert isinstance(failure, RequestValidationError)
    faults = [
        {"field": ".".join(str(part) for part in one["loc"]), "reason": str(one["msg"]).removeprefix("Value error, ")}
        for one in failure.errors()[:20]
    ]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults)
    return http.problem_response(http.problem(422, code="invalid", detail=detail, facts={"fields": faults}))


def _plain_http(_request: Request, failure: Exception) -> JSONResponse:
    assert isinstance(failure, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(failure.status_code, "http_error")
    return http.problem_response(
        http.problem(failure.status_code, code=code, detail=str(failure.detail)), dict(failure.headers or {})
    )


def _database_failed(request: Request, failure: Exception) -> JSONResponse:
    """The database away, too busy or full: no fault of the request, which may be repeated under its key."""
    full, away = db.is_full(failure), db.is_away(failure)
    if not (full or away):
        return _failed(request, failure)
    log.error("the database failed at %s %s: %s", request.method, request.url.path, getattr(failure, "orig", failure))
    again = "whether a write was done is not known: repeat it with the same Idempotency-Key"
    if full:
        detail = f"the database has no room left: reading goes on, nothing is written; {again} once there is room"
        return http.problem_response(http.problem(507, code="storage_full", detail=detail), {"Retry-After": "30"})
    detail = f"the database does not answer; {again}"
    return http.problem_response(http.problem(503, code="database_away", detail=detail), {"Retry-After": "2"})


def _faulted(request: Request, failure: Exception) -> JSONResponse:
    """What is caught outside all layers (a fault of ours, and what the quick way could not do): with their headers."""
    database = isinstance(failure, DBAPIError | PoolExhausted)
    response = _database_failed(request, failure) if database else _failed(request, failure)
    for name, value in shielding.headers_for(request.url.path, secure=request.url.scheme == "https"):
        response.headers.setdefault(name.decode(), value.decode())
    return response


def _failed(request: Request, failure: Exception) -> JSONResponse:
    """A fault of ours: logged with a number under which it can be found, told without its inside."""
    number = uuid4().hex[:12]
    log.error("fault %s at %s %s", number, request.method, request.url.path, exc_info=failure)
    detail = f"something failed on our side; it is logged as {number}. Nothing was changed by this request."
    return http.problem_response(http.problem(500, code="fault", detail=detail))
