"""Kits over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Caller, Key, SignedIn
from stockpile.inventory import rules
from stockpile.inventory.kits import operations, queries
from stockpile.inventory.ledger import Account
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["kits"])


class ComponentBody(http.Body):
    """Base units of an item in one base unit of the kit."""

    item: Text
    quantity: http.Quantity


class DefinitionBody(http.Body):
    """What belongs in one base unit of a kit."""

    components: Annotated[list[ComponentBody], Field(min_length=1, max_length=500)]


class PartBody(http.Body):
    """Base units of a component lot; of a serialised item, the pieces."""

    lot_id: http.Number
    quantity: http.Quantity
    serials: http.Serials = ()


Parts = Annotated[tuple[PartBody, ...], Field(max_length=1000, strict=False)]


class AssemblyBody(http.Body):
    """Kits to put together at a depot; no `parts`: first-expiring first."""

    site: Text
    kit: Text
    lot: Text
    quantity: http.Quantity
    owner: Text = rules.POOL
    parts: Parts = ()
    serials: http.Serials = ()
    reason: Note = ""


class DisassemblyBody(http.Body):
    """Kits to take apart; `parts` wherever a component came from several lots and not all kits are taken apart."""

    lot_id: http.Number
    site: Text
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    quantity: http.Quantity
    parts: Parts = ()
    serials: http.Serials = ()
    reason: Text


@router.get("/kits/{item}")
def definition(caller: SignedIn, item: Text) -> dict[str, int]:
    """Base units of each component in one base unit of the kit."""
    with caller.reading() as session:
        return queries.definition(session, item)


@router.put("/kits/{item}")
def define(caller: SignedIn, request: Request, item: Text, body: DefinitionBody, key: Key = None) -> JSONResponse:
    """Say what belongs in a kit."""
    components = {one.item: one.quantity for one in body.components}
    return caller.effect(
        request, body, key, lambda session, act: operations.define(session, act, kit=item, components=components)
    )


@router.get("/lots/{lot_id}/parts")
def parts(caller: SignedIn, lot_id: http.Number) -> list[dict[str, Any]]:
    """What went into the kits of a lot, and what was taken out again."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.parts(session, lot_id)]


@router.post("/assemblies", status_code=201)
def assemble(caller: SignedIn, request: Request, body: AssemblyBody, key: Key = None) -> JSONResponse:
    """Put kits together from component lots."""
    batch = operations.Batch(
        site=body.site,
        kit=body.kit,
        lot=body.lot,
        quantity=body.quantity,
        owner=body.owner,
        parts={one.lot_id: one.quantity for one in body.parts},
        serials={one.lot_id: one.serials for one in body.parts},
        kit_serials=body.serials,
    )

    def work(session: Session, act: Act) -> Any:
        return operations.assemble(session, act, batch=batch, key=_key(caller, key), reason=body.reason)

    return caller.effect(request, body, key, work, status=201)


@router.post("/disassemblies", status_code=201)
def disassemble(caller: SignedIn, request: Request, body: DisassemblyBody, key: Key = None) -> JSONResponse:
    """Take kits apart: their components go into quarantine."""

    def work(session: Session, act: Act) -> Any:
        posting = operations.disassemble(
            session,
            act,
            account=Account(body.lot_id, body.site, body.owner, body.status),
            quantity=body.quantity,
            key=_key(caller, key),
            reason=body.reason,
            parts={one.lot_id: one.quantity for one in body.parts},
            serials={**{one.lot_id: one.serials for one in body.parts}, body.lot_id: body.serials},
        )
        return {"posting": posting}

    return caller.effect(request, body, key, work, status=201)


def _key(caller: Caller, key: str | None) -> str:
    return f"api:{caller.actor.id}:{key or uuid4()}"
