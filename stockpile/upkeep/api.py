"""Health, readiness and metrics: for those who watch the service, outside the API proper."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy import text
from starlette.datastructures import State

from stockpile import http
from stockpile.upkeep import metrics, telemetry
from stockpile.upkeep.probing import Prober
from stockpile.upkeep.telemetry import Telemetry

router = APIRouter(tags=["operations"])
LOOPBACK: Final = {"127.0.0.1", "::1", "testclient"}


@router.get("/health")
def health(request: Request) -> dict[str, str]:
    """Whether this process answers and its database does, on a session of its own."""
    with request.app.state.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "no posting can be made now"}})
def ready(request: Request) -> Any:
    """Whether postings can be made: a new session posts a probe and takes it back; 503 where it cannot."""
    prober: Prober = request.app.state.prober
    found = prober.probe(real_now=datetime.now(UTC))
    if found.ready:
        return JSONResponse({"status": "ready", "probe": found.what, "milliseconds": found.milliseconds})
    return http.problem_response(http.problem(503, code="not_ready", detail=found.what), {"Retry-After": "2"})


@router.get("/metrics", response_class=PlainTextResponse, responses={403: {"description": "not from there"}})
def figures(request: Request) -> Response:
    """Counts and standings in Prometheus' text: to this machine, or with STOCKPILE_METRICS_TOKEN as bearer."""
    settings = request.app.state.settings
    if not _may_read(request, settings.metrics_token):
        detail = "metrics are told to this machine, or to who brings the token of STOCKPILE_METRICS_TOKEN"
        return http.problem_response(http.problem(403, code="not_allowed", detail=detail))
    told = metrics.text(request.app.state.requests, _standing(request.app.state))
    return Response(told, headers={"Content-Type": metrics.CONTENT_TYPE})


def _standing(state: State) -> metrics.Figures:
    group = getattr(state, "group", None)
    waiting = group.waiting() if group is not None else 0
    now = datetime.now(UTC)
    return metrics.gauges(state.engine, state.settings.backup_dir, real_now=now, waiting_postings=waiting)


def begin_telemetry(state: State) -> Telemetry | None:
    """Send figures and traces from now on, where the settings say so; the caller ends it."""
    where = telemetry.endpoint(state.settings)
    return Telemetry(where, requests=state.requests.counts, standing=lambda: _standing(state)) if where else None


def _may_read(request: Request, token: str) -> bool:
    """By the token where there is one; else from this machine itself, not by way of a proxy on it."""
    if token:
        given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    passed_on = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip"))
    return request.client is not None and request.client.host in LOOPBACK and not passed_on
