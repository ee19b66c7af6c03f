"""Grievances over HTTP, for those who handle them. Whoever makes one needs no account: see the public pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Caller, Key, SignedIn
from stockpile.governance.rules import require_any
from stockpile.plaintext import Text
from stockpile.transparency.grievances import buffer, operations, queries
from stockpile.transparency.grievances.tables import Grievance
from stockpile.transparency.privacy import queries as privacy

router = APIRouter(prefix="/grievances", tags=["grievances"])


class OfficeBody(http.Body):
    """The office that answers instead."""

    to: Text


class ReviewerBody(http.Body):
    """The account of the reviewer."""

    reviewer: Text


class VerdictBody(http.Body):
    """upheld, part or not_upheld, and what the complainant is told."""

    verdict: Text
    answer: Text


class BufferBody(http.Body):
    """Base units to serve from the buffer, in whole packs."""

    quantity: http.Quantity


@router.get("")
def all_of(caller: SignedIn) -> list[dict[str, Any]]:
    """Grievances, newest first, with their clocks; what people wrote is shown one by one."""
    require_any(caller.actor, "grievance.handle")
    with caller.reading() as session:
        at = caller.act(session).at
        return [queries.status(session, row, at=at) for row in queries.all_of(session)]


@router.get("/{number}")
def one(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One grievance with what the person wrote, while it is kept, and who may not judge it.

    `records`: under which numbers what was written is kept, for its erasure.
    """
    require_any(caller.actor, "grievance.handle")
    with caller.reading() as session:
        row = queries.grievance(session, number)
        told = queries.status(session, row, at=caller.act(session).at)
        about = {"plan": row.plan_id, "member": row.member_code, "item": row.item_code, "contract": row.contract_code}
        sender = {"channel": row.channel, "country": row.country, "language": row.language}
        return {
            **told,
            "about": about,
            **sender,
            "fears_retaliation": row.retaliation,
            **_written(session, row),
            "involved": sorted(queries.involved(session, row).values()),
        }


def _written(session: Session, row: Grievance) -> dict[str, Any]:
    """What the person wrote, and wrote in the appeal; empty where it is erased, None where there was no appeal."""
    appealed = row.appeal_statement_id
    return {
        "words": privacy.content(session, row.statement_id),
        "appeal_words": privacy.content(session, appealed) if appealed is not None else None,
        "records": [kept for kept in (row.statement_id, appealed) if kept is not None],
    }


def _step(
    caller: Caller,
    request: Request,
    body: http.Body | None,
    key: str | None,
    work: Callable[[Session, Act], Grievance],
) -> JSONResponse:
    def told(session: Session, act: Act) -> dict[str, Any]:
        return queries.status(session, work(session, act), at=act.at)

    return caller.effect(request, body, key, told)


@router.post("/{number}/acknowledgement")
def acknowledge(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Acknowledge a grievance."""
    return _step(caller, request, None, key, lambda s, act: operations.acknowledge(s, act, number=number))


@router.post("/{number}/redirection")
def redirect(
    caller: SignedIn, request: Request, number: http.Number, body: OfficeBody, key: Key = None
) -> JSONResponse:
    """Say which office answers instead."""
    return _step(caller, request, body, key, lambda s, act: operations.redirect(s, act, number=number, to=body.to))


@router.post("/{number}/reviewer")
def assign(
    caller: SignedIn, request: Request, number: http.Number, body: ReviewerBody, key: Key = None
) -> JSONResponse:
    """Give it to a reviewer who had no part in what it is about."""
    return _step(
        caller, request, body, key, lambda s, act: operations.assign(s, act, number=number, reviewer=body.reviewer)
    )


@router.post("/{number}/decision")
def decide(caller: SignedIn, request: Request, number: http.Number, body: VerdictBody, key: Key = None) -> JSONResponse:
    """The reviewer decides."""
    return _step(
        caller, request, body, key, lambda s, act: operations.decide(s, act, number=number, **body.model_dump())
    )


@router.post("/{number}/final-decision")
def decide_appeal(
    caller: SignedIn, request: Request, number: http.Number, body: VerdictBody, key: Key = None
) -> JSONResponse:
    """Another reviewer decides the appeal."""
    return _step(
        caller, request, body, key, lambda s, act: operations.decide_appeal(s, act, number=number, **body.model_dump())
    )


@router.post("/{number}/closure")
def close(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Close what is decided and can no longer be appealed."""
    return _step(caller, request, None, key, lambda s, act: operations.close(s, act, number=number))


@router.post("/{number}/buffer")
def serve(caller: SignedIn, request: Request, number: http.Number, body: BufferBody, key: Key = None) -> JSONResponse:
    """Serve an urgent appeal that was upheld from the buffer."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"transfers": buffer.serve(session, act, number=number, quantity=body.quantity)}

    return caller.effect(request, body, key, work)
