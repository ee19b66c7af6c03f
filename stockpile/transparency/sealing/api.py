"""Heads and proofs over HTTP: for auditors and members, and the part that everyone may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.db import reading
from stockpile.governance.caller import SignedIn
from stockpile.governance.rules import require, require_any
from stockpile.plaintext import Text
from stockpile.transparency.sealing import operations, queries, verifier
from stockpile.transparency.sealing.tables import TreeHead

router = APIRouter(prefix="/audit", tags=["audit"])
public = APIRouter(prefix="/public/journal", tags=["public"])
Size = Annotated[int | None, Query(ge=1, le=2**62, description="Head of so many entries; the newest when left out.")]


class TakenHead(http.Body):
    """A member has taken a copy of the head."""

    member: Text


@router.get("/heads")
def heads(
    caller: SignedIn, below: Size = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[dict[str, Any]]:
    """Signed heads, newest first; go on with `below` set to the smallest size seen."""
    require_any(caller.actor, "read")
    with caller.reading() as session:
        return [_told(session, top) for top in queries.heads(session, below=below, limit=limit)]


def _told(session: Session, top: TreeHead) -> dict[str, Any]:
    taken = [row.member_code for row in queries.witnesses(session, top.size)]
    return {
        "size": top.size,
        "root": top.root,
        "sealed_at": http.plain(top.sealed_at),
        "checkpoint": top.checkpoint,
        "taken_by": taken,
    }


@router.post("/heads/{size}/witnesses")
def witness(
    caller: SignedIn,
    request: Request,
    size: http.Number,
    body: TakenHead,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> JSONResponse:
    """Note that a member has taken a copy of this head."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        fresh = operations.witness(session, act, size=size, member=body.member)
        return {"size": size, "member": body.member, "again": not fresh}

    return caller.effect(request, body, idempotency_key, work)


@router.get("/entries/{entry}/proof")
def inclusion(caller: SignedIn, entry: http.Number, size: Size = None) -> dict[str, Any]:
    """One journal entry with the proof that it is under the head."""
    require(caller.actor, "verify")
    with caller.reading() as session:
        return queries.inclusion(session, entry_id=entry, size=size)


@public.get("/key", response_class=PlainTextResponse)
def key(request: Request) -> str:
    """The key that heads are signed with, as verifiers want it: NAME+HASH+KEY."""
    with reading(request.app.state.engine) as session:
        signer = operations.signer_of(session, request.app.state.settings.home)
    return signer.verifier_key + "\n"


@public.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(request: Request, size: Size = None) -> str:
    """The newest signed head, or the one of that size."""
    with reading(request.app.state.engine) as session:
        return queries.head(session, size).checkpoint


@public.get("/consistency")
def consistency(request: Request, old: Annotated[int, Query(ge=1, le=2**62)], size: Size = None) -> dict[str, Any]:
    """That the head of `old` entries is the beginning of a later one."""
    with reading(request.app.state.engine) as session:
        return queries.consistency(session, old=old, size=size)


@public.get("/leaves", response_class=StreamingResponse)
def leaves(request: Request, size: Size = None) -> StreamingResponse:
    """All leaf hashes under a head, one a line: they say nothing of the entries, and give the root."""
    engine = request.app.state.engine
    with reading(engine) as session:
        covered = queries.head(session, size).size

    def lines() -> Iterator[str]:
        with reading(engine) as session:
            yield from (f"{one}\n" for one in queries.leaves(session, size=covered))

    return StreamingResponse(lines(), media_type="text/plain")


class Program(PlainTextResponse):
    """A program's text."""

    media_type = "text/x-python"


@public.get("/verifier.py", response_class=Program)
def the_verifier() -> Program:
    """The program with which anyone checks heads and proofs: one file, nothing to install."""
    return Program(Path(verifier.__file__).read_text(encoding="utf-8"))
