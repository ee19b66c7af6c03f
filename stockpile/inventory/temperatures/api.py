"""Loggers' files over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.temperatures import operations
from stockpile.plaintext import Text

router = APIRouter(tags=["quality"])


class LogBody(http.Body):
    """A logger's CSV: instant,degrees and, if wanted, sensor,site. With `dry_run` nothing is stored."""

    site: Text
    name: Text
    csv: Annotated[str, Field(min_length=1, max_length=5_000_000)]
    storage_class: Annotated[str, Field(pattern="^(ambient|cold|frozen|controlled)$")] = "cold"
    dry_run: bool = False


@router.post("/temperature-logs", status_code=201)
def import_log(caller: SignedIn, request: Request, body: LogBody, key: Key = None) -> JSONResponse:
    """Take in a logger's file; the same file again changes nothing."""

    def work(session: Session, act: Act) -> Any:
        given = body.model_dump(exclude={"csv"})
        posting = f"api:{caller.actor.id}:{key or uuid4()}"
        return operations.import_log(session, act, text=body.csv, key=posting, **given)

    return caller.effect(request, body, key, work, status=201)
