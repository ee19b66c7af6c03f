"""Contract history over HTTP: others' OCDS packages taken in as files."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Text
from stockpile.transparency.ocds import operations, queries

router = APIRouter(prefix="/contract-history", tags=["figures"])


class _Sent(http.Body):
    """What was sent, for the idempotency key."""

    source: str
    sha256: str


@router.get("")
def history(caller: SignedIn) -> list[dict[str, Any]]:
    """Awards of others that were taken in."""
    with caller.reading() as session:
        return queries.history(session)


@router.post("", status_code=201)
def take_in(
    caller: SignedIn,
    request: Request,
    file: Annotated[bytes, File()],
    source: Annotated[Text, Form()],
    key: Key = None,
) -> JSONResponse:
    """Take in an OCDS release or record package (multipart: file, and source in words)."""
    body = _Sent(source=source, sha256=hashlib.sha256(file).hexdigest())

    def work(session: Session, act: Act) -> dict[str, Any]:
        return dict(http.plain(operations.import_releases(session, act, content=file, source=source)))

    return caller.effect(request, body, key, work, status=201)
