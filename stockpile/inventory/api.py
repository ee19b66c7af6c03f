"""Stock over HTTP: what is where, and what staff record."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import After, Caller, Key, RecentlySignedIn, SignedIn, answered, refused
from stockpile.governance.quick import Endpoint
from stockpile.idempotency import Reply
from stockpile.inventory import grouping, holding, operations, queries, recording, transfers
from stockpile.inventory.bodies import (
    AdjustmentBody,
    DeliveryBody,
    DispatchBody,
    FloorBody,
    IssueBody,
    ReasonBody,
    ReceiptBody,
    RecordBody,
    SettlementBody,
)
from stockpile.inventory.periods import late
from stockpile.inventory.periods import queries as periods
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["inventory"])

Status = Annotated[str, Field(pattern="^(available|reserved|quarantine|in_transit)$")]


@router.get("/sites")
def sites(
    caller: SignedIn, request: Request, response: Response, after: Note = "", limit: http.LargeLimit = http.LARGE_PAGE
) -> list[dict[str, Any]]:
    """Depots and points of use in the order of their codes."""
    with caller.reading() as session:
        rows = [site for code, site in queries.sites(session).items() if code > after]
        return http.listed(request, response, rows[: limit + 1], limit=limit, key=lambda row: row.code)


@router.get("/stock")
def stock(
    caller: SignedIn,
    *,
    after: After = 0,
    limit: http.Limit = 100,
    item: Note | None = None,
    lot: Note | None = None,
    lot_id: http.Number | None = None,
    site: Note | None = None,
    owner: Note | None = None,
    status: Status | None = None,
    at: http.Instant | None = None,
    known: http.Instant | None = None,
) -> dict[str, Any]:
    """Balances by number: what stands at each (lot, site, owner, status), in base units, zeros left out.

    `at`: as they stood at that instant, by when things took effect; `known`: by
    what had been recorded then (real time), for what was said at the time.
    """
    narrow = {"item": item, "lot": lot, "lot_id": lot_id, "site": site, "owner": owner, "status": status}
    with caller.reading() as session:
        if at is None and known is None:
            rows = queries.balances(session, after=after, limit=limit + 1, **narrow)
        else:
            when = at or caller.act(session).at
            rows = periods.stock_at(session, when, known=known, after=after, limit=limit + 1, **narrow)
        return http.paged(rows, limit=limit, key=lambda row: row.balance)


@router.get("/lots")
def lots(
    caller: SignedIn,
    *,
    after: After = 0,
    limit: http.Limit = 100,
    item: Note | None = None,
    batch: Note | None = None,
    held: bool | None = None,
    expires_by: http.Day | None = None,
) -> dict[str, Any]:
    """Lots by number, narrowed by item, batch code, hold, or the last day of expiry."""
    narrowed = {"item": item, "batch": batch, "held": held, "expires_by": expires_by}
    with caller.reading() as session:
        rows = queries.lots(session, after=after, limit=limit + 1, **narrowed)  # type: ignore[arg-type]
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.get("/movements")
def movements(caller: SignedIn, after: After = 0, limit: http.Limit = 100) -> dict[str, Any]:
    """The ledger's movements by number."""
    with caller.reading() as session:
        rows = queries.movements(session, after=after, limit=limit + 1)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.post("/receipts", status_code=201)
def receive(caller: SignedIn, request: Request, body: ReceiptBody, key: Key = None) -> JSONResponse:
    """Record goods received from a supplier at a depot."""
    lines = [line.line() for line in body.lines]

    def work(session: Session, act: Act) -> Any:
        given = {"site": body.site, "reason": body.reason, "over_capacity": body.over_capacity}
        dated = late.dated(act, body.effective_at)
        posting = operations.receive(session, dated, lines=lines, key=_posting_key(caller.actor.id, key), **given)
        return {"posting": posting}

    return caller.effect(request, body, key, work, status=201)


@router.post("/issues", status_code=201)
def issue(caller: SignedIn, request: Request, body: IssueBody, key: Key = None) -> JSONResponse:
    """Record what was used at a point of use, first-expiring first: all of it, unless a part is allowed."""
    uses = [operations.Use(**use.model_dump()) for use in body.uses]
    given: dict[str, Any] = {"site": body.site, "reason": body.reason, "allow_partial": body.allow_partial}

    def work(session: Session, act: Act) -> Any:
        dated = late.dated(act, body.effective_at)
        issued = operations.issue(session, dated, uses=uses, key=_posting_key(caller.actor.id, key), **given)
        rows = [{**http.plain(use), "issued": q, "short": use.quantity - q} for use, q in issued]
        return {"issued": rows, "complete": all(row["short"] == 0 for row in rows)}

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
    line = recording.Line(body.lot_id, body.change, body.owner, body.status, serials=body.serials)
    return await _grouped(caller, scope, body, key, kind=recording.ADJUST, lines=[line])


async def _recorded(caller: Caller, scope: http.Scope, body: RecordBody, key: str | None) -> Reply:
    lines = [
        recording.Line(line.lot_id, line.quantity, line.owner, line.status, serials=line.serials) for line in body.lines
    ]
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
    who = (asked, caller.actor, caller.token)
    return await group.post(grouping.Ask(*who, kind, body.site, lines, posting, body.reason, body.effective_at))


QUICK = {"/adjustments": Endpoint(AdjustmentBody, _adjusted), "/movements": Endpoint(RecordBody, _recorded)}
"""What is recorded at scan speed, by path: the same as the routes above, on the quick way."""


@router.post("/lots/{lot_id}/hold")
def hold(caller: SignedIn, request: Request, lot_id: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Hold a lot everywhere; `waiting_transfers` are those that cannot leave now, or have it on the road."""

    def work(session: Session, act: Act) -> Any:
        lot = holding.hold(session, act, lot_id=lot_id, reason=body.reason)
        return {**http.plain(lot), "waiting_transfers": queries.waiting_for(session, lot_id)}

    return caller.effect(request, body, key, work)


@router.post("/lots/{lot_id}/release")
def release(caller: SignedIn, request: Request, lot_id: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """End the hold of a lot."""
    return caller.effect(
        request, body, key, lambda session, act: holding.release(session, act, lot_id=lot_id, reason=body.reason)
    )


@router.put("/items/{item}/floor")
def set_floor(caller: SignedIn, request: Request, item: Text, body: FloorBody, key: Key = None) -> JSONResponse:
    """Set the reserve floor of an item from a day on."""

    def work(session: Session, act: Act) -> Any:
        operations.set_floor(session, act, item=item, effective_from=body.effective_from, quantity=body.quantity)
        return {"item": item, "effective_from": body.effective_from, "quantity": body.quantity}

    return caller.effect(request, body, key, work)


@router.get("/transfers")
def list_transfers(
    caller: SignedIn,
    request: Request,
    response: Response,
    *,
    state: Note | None = None,
    source: Note | None = None,
    after: After = 0,
    limit: http.LargeLimit = http.LARGE_PAGE,
) -> list[dict[str, Any]]:
    """Transfers by number, narrowed by state or by what ordered them (such as plan:3)."""
    with caller.reading() as session:
        rows = queries.transfers(session, state=state, source=source, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: row.id)


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
        dated, over = late.dated(act, body.effective_at), body.over_capacity
        return {"posting": transfers.dispatch(session, dated, numbers=body.transfers, over_capacity=over)}

    return caller.effect(request, body, key, work)


@router.post("/transfers/{number}/receive")
def receive_transfer(
    caller: SignedIn, request: Request, number: http.Number, body: DeliveryBody, key: Key = None
) -> JSONResponse:
    """Receive a transfer at its point of use: good, damaged, over; what is missing opens a discrepancy."""
    arrived = None
    if body.lines is not None:
        arrived = {one.line: transfers.Arrived(**one.model_dump(exclude={"line"})) for one in body.lines}

    def work(session: Session, act: Act) -> Any:
        return transfers.receive(session, late.dated(act, body.effective_at), number=number, arrived=arrived)

    return caller.effect(request, body, key, work)


@router.post("/transfers/{number}/resolve")
def resolve(
    caller: SignedIn, request: Request, number: http.Number, body: SettlementBody, key: Key = None
) -> JSONResponse:
    """Settle a discrepancy; never whoever received the transfer."""
    found = {one.line: one.found for one in body.lines}
    serials = {one.line: one.serials for one in body.lines}
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: transfers.resolve(
            session, act, number=number, found=found, reason=body.reason, serials=serials
        ),
    )


def _posting_key(account_id: int, key: str | None) -> str:
    return f"api:{account_id}:{key or uuid4()}"
