"""Corrections over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.corrections import operations
from stockpile.plaintext import Text

router = APIRouter(tags=["corrections"])


class CorrectionBody(http.Body):
    """Which posting was wrong, and why."""

    posting: http.Number
    reason: Text


@router.post("/corrections", status_code=201)
def correct(caller: SignedIn, request: Request, body: CorrectionBody, key: Key = None) -> JSONResponse:
    """Undo a wrong entry by a new one of today that names it; enter what is right as a new record."""

    def work(session: Session, act: Act) -> Any:
        posting = operations.correct(session, act, number=body.posting, reason=body.reason)
        return {"posting": posting, "corrects": body.posting}

    return caller.effect(request, body, key, work, status=201)
