"""Contacts over HTTP: for who may."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.rules import require
from stockpile.plaintext import Note, Text
from stockpile.transparency.privacy import operations, queries

router = APIRouter(tags=["people"])


class ContactBody(http.Body):
    """Whom to call; `subject`: what for, like member:NL-GM0935."""

    subject: Text
    name: Text
    phone: Note = ""
    email: Note = ""


class ErasureBody(http.Body):
    """Why a record is erased."""

    why: Text


@router.get("/contacts")
def contacts(caller: SignedIn) -> list[dict[str, Any]]:
    """Contacts that are kept."""
    require(caller.actor, "contact.read")
    with caller.reading() as session:
        return queries.contacts(session)


@router.post("/contacts", status_code=201)
def keep(caller: SignedIn, request: Request, body: ContactBody, key: Key = None) -> JSONResponse:
    """Keep a contact for a year; the reply and the journal hold no name."""

    def work(session: Any, act: Any) -> dict[str, Any]:
        row = operations.keep_contact(session, act, **body.model_dump())
        return {"contact": row.id, "commitment": row.commitment, "keep_until": row.keep_until.isoformat()}

    return caller.effect(request, body, key, work, status=201)


@router.post("/contacts/{number}/erasure")
def erase(caller: SignedIn, request: Request, number: http.Number, body: ErasureBody, key: Key = None) -> JSONResponse:
    """Erase a contact, or what a complainant wrote, for good."""

    def work(session: Any, act: Any) -> dict[str, Any]:
        row = operations.erase(session, act, number=number, why=body.why)
        return {"contact": row.id, "erased_at": row.erased_at}

    return caller.effect(request, body, key, work)
