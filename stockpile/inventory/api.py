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
from stockpile.governance.caller import After, Caller, Key, QuickRoute, RecentlySignedIn, SignedIn, answered, refused
from stockpile.idempotency import Asked
from stockpile.inventory import grouping, operations, queries, recording, restricting, rules, transfers
from stockpile.inventory.periods import late
from stockpile.inventory.periods import queries as periods
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["inventory"])
quick = APIRouter(tags=["inventory"], route_class=QuickRoute)
"""What is recorded at scan speed: `app` asks these routes first, for a search through all of them takes longer."""


class ConditionBody(http.Body):
    """What a lot is restricted to: a country, a member, or those admitted to a donor's or contract's goods."""

    kind: Annotated[str, Field(pattern="^(country|member|donor|contract)$")]
    value: Text


class ReceiptLineBody(http.Body):
    """One lot at the dock, in base units. `damaged` of them go to quarantine.

    `owner`: the pool, or the member whose own stock it is. `restrictions`: the conditions under which it came.
    """

    item: Text
    lot: Text
    expiry: http.Day
    quantity: http.Quantity
    damaged: http.QuantityOrNone = 0
    calloff_line: http.Number | None = None
    owner: Text = rules.POOL
    restrictions: Annotated[tuple[ConditionBody, ...], Field(max_length=100, strict=False)] = ()
    serials: http.Serials = ()
    damaged_serials: http.Serials = ()

    def line(self) -> operations.ReceiptLine:
        """What the operation wants to know of it."""
        conditions = tuple(restricting.Condition(one.kind, one.value) for one in self.restrictions)
        return operations.ReceiptLine(**{**self.model_dump(), "restrictions": conditions})


class ReceiptBody(http.Body):
    """Goods received at a depot."""

    site: Text
    lines: Annotated[list[ReceiptLineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""
    over_capacity: Note = ""
    effective_at: http.Instant | None = None


class UseBody(http.Body):
    """Base units of an item that a member's patients used."""

    member: Text
    item: Text
    quantity: http.Quantity
    serials: http.Serials = ()


class IssueBody(http.Body):
    """What was used at a point of use."""

    site: Text
    uses: Annotated[list[UseBody], Field(min_length=1, max_length=1000)]
    allow_partial: bool = False
    reason: Note = ""
    effective_at: http.Instant | None = None


class AdjustmentBody(http.Body):
    """A correction of one balance by `change` base units, with its reason."""

    lot_id: http.Number
    site: Text
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    change: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    reason: Text
    serials: http.Serials = ()
    effective_at: http.Instant | None = None


class LineBody(http.Body):
    """Base units of a lot; only where adjusted, less than nothing is what was lost. `owner`: pool, or a member."""

    lot_id: http.Number
    quantity: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    serials: http.Serials = ()


class RecordBody(http.Body):
    """Lines recorded at one site as one posting: received, issued to use, adjusted, or set aside in quarantine."""

    kind: Annotated[str, Field(pattern="^(receive|issue|adjust|set_aside)$")]
    site: Text
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""
    effective_at: http.Instant | None = None


Status = Annotated[str, Field(pattern="^(available|reserved|quarantine|in_transit)$")]


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
    over_capacity: Note = ""
    effective_at: http.Instant | None = None


class ArrivedBody(http.Body):
    """What came of one transfer line, in base units."""

    line: http.Number
    received: http.QuantityOrNone
    damaged: http.QuantityOrNone = 0
    over: http.QuantityOrNone = 0
    serials: http.Serials = ()
    damaged_serials: http.Serials = ()
    over_serials: http.Serials = ()


class DeliveryBody(http.Body):
    """What came of a transfer; no `lines`: all of it, in good order."""

    lines: Annotated[list[ArrivedBody], Field(min_length=1, max_length=1000)] | None = None
    effective_at: http.Instant | None = None


class FoundBody(http.Body):
    """What was found of one transfer line, in base units."""

    line: http.Number
    found: http.QuantityOrNone
    serials: http.Serials = ()


class SettlementBody(http.Body):
    """How a discrepancy ends: what was found; the rest is lost."""

    lines: Annotated[tuple[FoundBody, ...], Field(max_length=1000, strict=False)] = ()
    reason: Text


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


@quick.post("/adjustments", status_code=201)
async def adjust(caller: RecentlySignedIn, request: Request, body: AdjustmentBody, key: Key = None) -> JSONResponse:
    """Correct a balance, with the reason. Corrections that arrive together are committed together."""
    line = recording.Line(body.lot_id, body.change, body.owner, body.status, serials=body.serials)
    ask = _ask(caller, caller.asked(request, body, key), body, kind=recording.ADJUST, lines=[line])
    return answered(await _group(request, caller).post(ask))


@quick.post("/movements", status_code=201)
async def record(caller: RecentlySignedIn, request: Request, body: RecordBody, key: Key = None) -> JSONResponse:
    """Record up to 1,000 lines at scan speed, all or none. Records that arrive together are committed together."""
    lines = [
        recording.Line(line.lot_id, line.quantity, line.owner, line.status, serials=line.serials) for line in body.lines
    ]
    ask = _ask(caller, caller.asked(request, body, key), body, kind=body.kind, lines=lines)
    return answered(await _group(request, caller).post(ask))


def _group(request: Request, caller: Caller) -> grouping.Group:
    state = request.app.state
    group: grouping.Group | None = getattr(state, "group", None)
    if group is None:
        group = state.group = grouping.Group(caller.engine, refused)
    return group


def _ask(
    caller: Caller, asked: Asked, body: AdjustmentBody | RecordBody, *, kind: str, lines: list[recording.Line]
) -> grouping.Ask:
    key = f"api:{caller.actor.id}:{asked.key}"
    return grouping.Ask(asked, caller.actor, caller.token, kind, body.site, lines, key, body.reason, body.effective_at)


@router.post("/lots/{lot_id}/hold")
def hold(caller: SignedIn, request: Request, lot_id: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Hold a lot everywhere; `waiting_transfers` are those that cannot leave now, or have it on the road."""

    def work(session: Session, act: Act) -> Any:
        lot = operations.hold(session, act, lot_id=lot_id, reason=body.reason)
        return {**http.plain(lot), "waiting_transfers": queries.waiting_for(session, lot_id)}

    return caller.effect(request, body, key, work)


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
