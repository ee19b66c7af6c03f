"""Grievances without an account: the form, the status by token, the appeal. JSON or a plain HTML form."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Invalid, Refusal
from stockpile.governance import queries as governance
from stockpile.governance.rules import SCHEDULER
from stockpile.plaintext import Note, Text
from stockpile.transparency.grievances import operations, queries
from stockpile.transparency.grievances.operations import Complaint
from stockpile.transparency.grievances.rules import CATEGORIES
from stockpile.transparency.privacy.rules import patient_field
from stockpile.transparency.publishing.pages import Look, page

complaints = APIRouter(prefix="/public/grievances", tags=["public"])
LARGEST: Final = 64 * 1024
EMPTY: Final[Mapping[str, str]] = dict.fromkeys(
    ("category", "country", "statement", "remedy", "contact", "plan", "member", "item"), ""
)


class BadComplaint(Invalid):
    """What was sent cannot be read as a grievance."""

    code = "bad_grievance"


class PatientField(Invalid):
    """A field for a patient is refused."""

    code = "patient_field"


class Written(http.Body):
    """A grievance as it is sent; a sender who chooses the `token` (20 characters or more) may send it again."""

    category: Text
    statement: Text
    country: Text
    channel: Text = "public"
    language: Text = "en"
    remedy: Note = ""
    contact: Note = ""
    plan: http.Number | None = None
    member: Text | None = None
    item: Text | None = None
    contract: Text | None = None
    urgent: bool = False
    retaliation: bool = False
    token: Text | None = None


@complaints.get("", include_in_schema=False)
def form(request: Request, member: str = "", lang: str = "") -> Response:
    """The form; `lang` chooses its language: en, nl, fr or de."""
    with reading(request.app.state.engine) as session:
        return _form(
            _look(session, request),
            given={**EMPTY, "member": member[:40]},
            token=secrets.token_urlsafe(24),
        )


def _form(view: Look, *, given: Mapping[str, Any], token: str, fault: str = "", status: int = 200) -> Response:
    countries = sorted({member.country for member in governance.members(view.session).values()})
    told = {"categories": CATEGORIES, "countries": countries, "given": {**EMPTY, **given}, "token": token}
    return page(view, "grievances.html", status=status, private=True, fault=fault, **told)


@complaints.post("")
async def receive(request: Request) -> Response:
    """Take a grievance in: a form gives a page, JSON gives JSON with the token. The token is shown this once."""
    fields, from_form = await _sent(request)
    return await run_in_threadpool(_receive, request, fields, from_form)


def _receive(request: Request, fields: dict[str, Any], from_form: bool) -> Response:
    def work(session: Session) -> dict[str, Any]:
        act = _act(session)
        row, _ = operations.receive(session, act, complaint=complaint, token=token)
        return queries.status(session, row, at=act.at)

    token = str(fields.get("token") or secrets.token_urlsafe(24))
    try:
        complaint, token = _read(_typed(fields) if from_form else fields, token)
        told = transact(request.app.state.engine, work)
    except Refusal as refusal:
        if not from_form:
            raise
        with reading(request.app.state.engine) as session:
            status = http.status_of(refusal)
            return _form(
                _look(session, request),
                given=fields,
                token=token,
                fault=refusal.message,
                status=status,
            )
    if not from_form:
        return JSONResponse({**told, "token": token}, status_code=201, headers={"Cache-Control": "no-store"})
    with reading(request.app.state.engine) as session:
        return page(
            _look(session, request),
            "status.html",
            status=201,
            private=True,
            posted=True,
            case=told,
            token=token,
            fresh=True,
            fault="",
        )


@complaints.post("/status")
async def status(request: Request) -> Response:
    """How far the grievance of a token is."""
    fields, from_form = await _sent(request)
    return await run_in_threadpool(_told, request, str(fields.get("token") or ""), from_form, None)


@complaints.post("/appeal")
async def appeal(request: Request) -> Response:
    """Appeal against the decision with the token and the reasons."""
    fields, from_form = await _sent(request)
    statement = str(fields.get("statement") or "")
    return await run_in_threadpool(_told, request, str(fields.get("token") or ""), from_form, statement)


def _told(request: Request, token: str, from_form: bool, statement: str | None) -> Response:
    """The status by token, after the appeal if there is one."""
    engine, fault, code = request.app.state.engine, "", 200
    token = token.strip()
    try:
        if statement is not None:
            transact(engine, lambda s: operations.appeal(s, _act(s), token=token, statement=statement).id)
    except Refusal as refusal:
        if not from_form or isinstance(refusal, queries.NoGrievance):
            raise
        fault, code = refusal.message, http.status_of(refusal)
    with reading(engine) as session:
        case = queries.status(session, queries.by_token(session, token), at=_act(session).at)
        if not from_form:
            return JSONResponse(case, headers={"Cache-Control": "no-store"})
        told = {"case": case, "token": token, "fresh": False, "fault": fault}
        return page(_look(session, request), "status.html", status=code, private=True, posted=True, **told)


def _look(session: Session, request: Request) -> Look:
    return Look(session, request, at=_act(session).at)


def _act(session: Session) -> Act:
    """An act of the service's own account, for whoever comes without one."""
    now = datetime.now(UTC)
    actor = governance.actor_of(session, governance.account_by_name(session, SCHEDULER))
    return Act(actor=actor, at=governance.effective_now(session, real_now=now), recorded_at=now)


async def _sent(request: Request) -> tuple[dict[str, Any], bool]:
    """What was sent, and whether by a form; refuses what is too large, unreadable, or for patients."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise BadComplaint(f"the whole is larger than {LARGEST} bytes: make it shorter", field="body")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    from_form = kind == "application/x-www-form-urlencoded"
    try:
        text = body.decode("utf-8")
        fields = dict(parse_qsl(text, keep_blank_values=True)) if from_form else json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise BadComplaint("the body is neither a form nor JSON in UTF-8", field="body") from failure
    if not isinstance(fields, dict):
        raise BadComplaint("the body must be an object with named fields", field="body")
    for name in fields:
        if patient_field(name):
            raise PatientField(f"{name[:100]}: nothing about patients is taken in here", field=name[:100])
    return fields, from_form


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form in the types of JSON; empty ones are left out. Line breaks become spaces."""
    typed: dict[str, Any] = {name: " ".join(text.split()) for name, text in fields.items() if text.strip()}
    for name in ("urgent", "retaliation"):
        if name in typed:
            typed[name] = typed[name] == "yes"
    if typed.get("plan", "").isdecimal():
        typed["plan"] = int(typed["plan"])
    return typed


def _read(fields: dict[str, Any], token: str) -> tuple[Complaint, str]:
    try:
        written = Written.model_validate(fields)
    except ValidationError as failure:
        first = failure.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadComplaint(f"{field}: {first['msg'].removeprefix('Value error, ')}", field=field) from failure
    if len(token) < 20:
        raise BadComplaint("token: 20 characters or more, so that nobody guesses it", field="token")
    return Complaint(**written.model_dump(exclude={"token"})), token
