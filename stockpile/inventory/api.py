"""Stock over HTTP: what is where, and what staff record."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import After, Caller, Key, RecentlySignedIn, SignedIn, answered, refused
from stockpile.governance.quick import Endpoint
from stockpile.idempotency import Reply
from stockpile.inventory import grouping, operations, queries, recording, rules, transfers
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["inventory"])


class ReceiptLineBody(http.Body):
    """One lot at the dock, in base units. `damaged` of them go to quarantine."""

    item: Text
    lot: Text
    expiry: http.Day
    quantity: http.Quantity
    damaged: http.QuantityOrNone = 0
    calloff_line: http.Number | None = None


class ReceiptBody(http.Body):
    """Goods received at a depot."""

    site: Text
    lines: Annotated[list[ReceiptLineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""


class UseBody(http.Body):
    """Base units of an item that a member's patients used."""

    member: Text
    item: Text
    quantity: http.Quantity


class IssueBody(http.Body):
    """What was used at a point of use."""

    site: Text
    uses: Annotated[list[UseBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""


class AdjustmentBody(http.Body):
    """A correction of one balance by `change` base units, with its reason."""

    lot_id: http.Number
    site: Text
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    change: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    reason: Text


class LineBody(http.Body):
    """Base units of a lot; only where adjusted, less than nothing is what was lost. `owner`: pool, or a member."""

    lot_id: http.Number
    quantity: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE


class RecordBody(http.Body):
    """Lines recorded at one site as one posting: received, issued to use, adjusted, or set aside in quarantine."""

    kind: Annotated[str, Field(pattern="^(receive|issue|adjust|set_aside)$")]
    site: Text
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class FloorBody(http.Body):
    """What of an item may not leave the pool from a day on, in base units."""

    effective_from: http.Day
    quantity: http.QuantityOrNone


class DispatchBody(http.Body):
    """Transfers that leave together."""

    transfers: Annotated[list[http.Number], Field(min_length=1, max_length=500)]


class ArrivedBody(http.Body):
    """What came of one transfer line, in base units."""

    line: http.Number
    received: http.QuantityOrNone
    damaged: http.QuantityOrNone = 0
    over: http.QuantityOrNone = 0


class DeliveryBody(http.Body):
    """What came of a transfer; no `lines`: all of it, in good order."""

    lines: Annotated[list[ArrivedBody], Field(min_length=1, max_length=1000)] | None = None


class FoundBody(http.Body):
    """What was found of one transfer line, in base units."""

    line: http.Number
    found: http.QuantityOrNone


class SettlementBody(http.Body):
    """How a discrepancy ends: what was found; the rest is lost."""

    lines: Annotated[tuple[FoundBody, ...], Field(max_length=1000, strict=False)] = ()
    reason: Text


@router.get("/sites")
def sites(caller: SignedIn) -> list[dict[str, Any]]:
    """Depots and points of use."""
    with caller.reading() as session:
        return [http.plain(site) for site in queries.sites(session).values()]


@router.get("/stock")
def stock(caller: SignedIn, after: After = 0, limit: http.Limit = 100, item: Note | None = None) -> dict[str, Any]:
    """Balances by number: what stands at each (lot, site, owner, status), in base units, zeros left out."""
    with caller.reading() as session:
        rows = queries.balances(session, after=after, limit=limit + 1, item=item)
        return http.paged(rows, limit=limit, key=lambda row: row.balance)


@router.get("/movements")
def movements(caller: SignedIn, after: After = 0, limit: http.Limit = 100) -> dict[str, Any]:
    """The ledger's movements by number."""
    with caller.reading() as session:
        rows = queries.movements(session, after=after, limit=limit + 1)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.post("/receipts", status_code=201)
def receive(caller: SignedIn, request: Request, body: ReceiptBody, key: Key = None) -> JSONResponse:
    """Record goods received from a supplier at a depot."""
    lines = [operations.ReceiptLine(**line.model_dump()) for line in body.lines]

    def work(session: Session, act: Act) -> Any:
        posting = operations.receive(
            session, act, site=body.site, lines=lines, key=_posting_key(caller.actor.id, key), reason=body.reason
        )
        return {"posting": posting}

    return caller.effect(request, body, key, work, status=201)


@router.post("/issues", status_code=201)
def issue(caller: SignedIn, request: Request, body: IssueBody, key: Key = None) -> JSONResponse:
    """Record what was used at a point of use, taken first-expiring from what the member has there."""
    uses = [operations.Use(**use.model_dump()) for use in body.uses]

    def work(session: Session, act: Act) -> Any:
        issued = operations.issue(
            session, act, site=body.site, uses=uses, key=_posting_key(caller.actor.id, key), reason=body.reason
        )
        return {"issued": [{**http.plain(use), "issued": quantity} for use, quantity in issued]}

    return caller.effect(request, body, key, work, status=201)


@router.post("/adjustments", status_code=201)
async def adjust(caller: RecentlySignedIn, request: Request, body: AdjustmentBody, key: Key = None) -> JSONResponse:
    """Correct a balance, with the reason. Corrections that arrive together are committed together."""
    return answered(await _adjusted(caller, request.scope, body, key))


@router.post("/movements", status_code=201)
async def record(caller: RecentlySignedIn, request: Request, body: RecordBody, key: Key = None) -> JSONResponse:
    """Record up to 1,000 lines at scan speed, all or none. Records that arrive together are committed together."""
    return answered(await _recorded(caller, request.scope, body, key))


async def _adjusted(caller: Caller, scope: http.Scope, body: AdjustmentBody, key: str | None) -> Reply:
    line = recording.Line(body.lot_id, body.change, body.owner, body.status)
    return await _grouped(caller, scope, body, key, kind=recording.ADJUST, lines=[line])


async def _recorded(caller: Caller, scope: http.Scope, body: RecordBody, key: str | None) -> Reply:
    lines = [recording.Line(line.lot_id, line.quantity, line.owner, line.status) for line in body.lines]
    return await _grouped(caller, scope, body, key, kind=body.kind, lines=lines)


async def _grouped(
    caller: Caller,
    scope: http.Scope,
    body: AdjustmentBody | RecordBody,
    key: str | None,
    *,
    kind: str,
    lines: list[recording.Line],
) -> Reply:
    asked, state = caller.asked(scope["path"], body, key), scope["app"].state
    group: grouping.Group | None = getattr(state, "group", None)
    if group is None:
        group = state.group = grouping.Group(caller.engine, refused)
    posting = f"api:{caller.actor.id}:{asked.key}"
    return await group.post(
        grouping.Ask(asked, caller.actor, caller.token, kind, body.site, lines, posting, body.reason)
    )


QUICK = {"/adjustments": Endpoint(AdjustmentBody, _adjusted), "/movements": Endpoint(RecordBody, _recorded)}
"""What is recorded at scan speed, by path: the same as the routes above, on the quick way."""


@router.post("/lots/{lot_id}/hold")
def hold(caller: SignedIn, request: Request, lot_id: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Hold a lot everywhere."""
    return caller.effect(
        request, body, key, lambda session, act: operations.hold(session, act, lot_id=lot_id, reason=body.reason)
    )


@router.post("/lots/{lot_id}/release")
def release(caller: SignedIn, request: Request, lot_id: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """End the hold of a lot."""
    return caller.effect(
        request, body, key, lambda session, act: operations.release(session, act, lot_id=lot_id, reason=body.reason)
    )


@router.put("/items/{item}/floor")
def set_floor(caller: SignedIn, request: Request, item: Text, body: FloorBody, key: Key = None) -> JSONResponse:
    """Set the reserve floor of an item from a day on."""

    def work(session: Session, act: Act) -> Any:
        operations.set_floor(session, act, item=item, effective_from=body.effective_from, quantity=body.quantity)
        return {"item": item, "effective_from": body.effective_from, "quantity": body.quantity}

    return caller.effect(request, body, key, work)


@router.get("/transfers")
def list_transfers(caller: SignedIn, state: Note | None = None, source: Note | None = None) -> list[dict[str, Any]]:
    """Transfers, narrowed by state or by what ordered them (such as plan:3)."""
    with caller.reading() as session:
        return [http.plain(transfer) for transfer in queries.transfers(session, state=state, source=source)]


@router.get("/transfers/{number}")
def transfer(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One transfer with its lines."""
    with caller.reading() as session:
        found = queries.transfer(session, number)
        return {**http.plain(found), "lines": http.plain(queries.transfer_lines(session, [number]))}


@router.post("/dispatches")
def dispatch(caller: SignedIn, request: Request, body: DispatchBody, key: Key = None) -> JSONResponse:
    """Send approved transfers on their way."""

    def work(session: Session, act: Act) -> Any:
        return {"posting": transfers.dispatch(session, act, numbers=body.transfers)}

    return caller.effect(request, body, key, work)


@router.post("/transfers/{number}/receive")
def receive_transfer(
    caller: SignedIn, request: Request, number: http.Number, body: DeliveryBody, key: Key = None
) -> JSONResponse:
    """Receive a transfer at its point of use: good, damaged, over; what is missing opens a discrepancy."""
    arrived = None
    if body.lines is not None:
        arrived = {one.line: transfers.Arrived(one.received, one.damaged, one.over) for one in body.lines}
    return caller.effect(
        request, body, key, lambda session, act: transfers.receive(session, act, number=number, arrived=arrived)
    )


@router.post("/transfers/{number}/resolve")
def resolve(
    caller: SignedIn, request: Request, number: http.Number, body: SettlementBody, key: Key = None
) -> JSONResponse:
    """Settle a discrepancy; never whoever received the transfer."""
    found = {one.line: one.found for one in body.lines}
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: transfers.resolve(session, act, number=number, found=found, reason=body.reason),
    )


def _posting_key(account_id: int, key: str | None) -> str:
    return f"api:{account_id}:{key or uuid4()}"
