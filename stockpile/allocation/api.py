"""Surges, requests and plans over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation import approval, operations, planning, queries, rules
from stockpile.allocation.tables import Plan
from stockpile.governance import queries as governance
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.governance.rules import require
from stockpile.inventory.outlook import queries as outlook
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["allocation"])


class SurgeBody(http.Body):
    """A surge: level 1 (one member short) to 4 (external aid needed); requests are validated for `cover_days`."""

    hazard: Text
    level: Annotated[int, Field(ge=1, le=4)]
    evidence: Text
    cover_days: Annotated[int, Field(ge=1, le=60)] = 3
    review_by: http.Instant


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class RequestBody(http.Body):
    """What a municipality asks; quantities in base units, whole packs.

    `substitutes`: it takes what a pharmacist has approved instead, by the approved ratio.
    """

    member: Text
    item: Text
    quantity: http.Quantity
    need_by: http.Instant
    justification: Text
    own_stock: http.QuantityOrNone
    minimum_useful: http.QuantityOrNone = 0
    point_of_use: Text | None = None
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    substitutes: bool = False


class RequestsBody(http.Body):
    """Requests that are taken together or not at all."""

    surge: http.Number
    requests: Annotated[list[RequestBody], Field(min_length=1, max_length=5000)]


class ValidationBody(http.Body):
    """A validated need set by hand, in base units, with its reason."""

    validated: http.QuantityOrNone
    reason: Text


class OverrideBody(http.Body):
    """Another quantity for a plan line, in base units, with its reason."""

    line: http.Number
    new_quantity: http.QuantityOrNone
    reason: Text


@router.get("/surges")
def surges(
    caller: SignedIn, request: Request, response: Response, after: After = 0, limit: http.LargeLimit = http.LARGE_PAGE
) -> list[dict[str, Any]]:
    """Surges, newest first; `after`: those older than that one."""
    with caller.reading() as session:
        rows = queries.surges(session, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: row.id)


@router.post("/surges", status_code=201)
def declare(caller: SignedIn, request: Request, body: SurgeBody, key: Key = None) -> JSONResponse:
    """Declare a surge with its evidence."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.declare_surge(session, act, **fields), status=201
    )


@router.post("/surges/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """End a surge."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.close_surge(session, act, number=number, reason=body.reason),
    )


@router.get("/requests")
def list_requests(
    caller: SignedIn, after: After = 0, limit: http.Limit = 100, member: Note | None = None, state: Note | None = None
) -> dict[str, Any]:
    """Requests by number, narrowed by member or state."""
    with caller.reading() as session:
        rows = queries.requests(session, after=after, limit=limit + 1, member=member, state=state)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.post("/requests", status_code=201)
def submit(caller: SignedIn, request: Request, body: RequestsBody, key: Key = None) -> JSONResponse:
    """Submit requests; each comes back with its validated need and the reason."""
    drafts = [operations.RequestDraft(**one.model_dump()) for one in body.requests]
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.submit(session, act, surge_id=body.surge, drafts=drafts),
        status=201,
    )


@router.post("/requests/{number}/withdraw")
def withdraw(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Take back an open request."""
    return caller.effect(
        request, body, key, lambda session, act: operations.withdraw(session, act, number=number, reason=body.reason)
    )


@router.post("/requests/{number}/validation")
def validate(
    caller: SignedIn, request: Request, number: http.Number, body: ValidationBody, key: Key = None
) -> JSONResponse:
    """Set the validated need of an open request by hand; never of your own."""

    def work(session: Session, act: Act) -> Any:
        return operations.revise_validation(session, act, number=number, validated=body.validated, reason=body.reason)

    return caller.effect(request, body, key, work)


@router.post("/surges/{number}/plans", status_code=201)
def compute(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Compute a plan for the surge's open validated requests; it moves nothing before another person approves it."""
    known = caller.known_reply(request, None, key)
    if known is not None:
        return known
    made = planning.draft(caller.engine, caller.act_now(), surge_id=number, limit_seconds=caller.limit_seconds)

    def work(session: Session, act: Act) -> Any:
        operations.lapse(session, act)
        return shown(planning.store(session, act, made=made))

    return caller.effect(request, None, key, work, status=201)


@router.get("/plans")
def plans(
    caller: SignedIn,
    request: Request,
    response: Response,
    *,
    surge: http.Number | None = None,
    after: After = 0,
    limit: http.LargeLimit = http.LARGE_PAGE,
) -> list[dict[str, Any]]:
    """Plans without their long files, newest first; `after`: those older than that one."""
    with caller.reading() as session:
        rows = queries.plan_heads(session, surge, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: row["id"])


@router.get("/plans/{number}")
def plan(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One plan with its fills by item and by municipality (thousandths), and its overrides.

    `since`: of a plan that waits, the requests that came after it or are gone, and what to do.
    """
    with caller.reading() as session:
        found = queries.plan(session, number)
        return {
            **shown(found),
            "since": _since(session, found, at=caller.act(session).at),
            "by_item": http.plain(queries.fills(session, [number])),
            "by_member": http.plain(queries.fills(session, [number], by="member")),
            "overrides": http.plain(queries.overrides(session, number)),
        }


def _since(session: Session, plan: Plan, *, at: datetime) -> dict[str, Any] | None:
    if plan.state != rules.COMPUTED:
        return None
    asked, gone = queries.asked_since(session, plan, at=at), queries.gone_since(session, plan.id or 0)
    return {"asked": asked, "gone": gone, "sentence": rules.sentence_since(asked=len(asked), gone=len(gone))}


@router.get("/plans/{number}/lines")
def plan_lines(caller: SignedIn, number: http.Number, after: After = 0, limit: http.Limit = 100) -> dict[str, Any]:
    """The lines of a plan, each with its reason."""
    with caller.reading() as session:
        queries.plan(session, number)
        rows = [line for line in queries.plan_lines(session, number) if (line.id or 0) > after]
        return http.paged(rows[: limit + 1], limit=limit, key=lambda row: row.id)


@router.get("/plans/{number}/results")
def plan_results(
    caller: SignedIn, number: http.Number, after: After = 0, limit: http.Limit = 100, reachable: bool | None = None
) -> dict[str, Any]:
    """What the plan means for each request; `reachable=false`: those that no lawful stock can reach."""
    with caller.reading() as session:
        queries.plan(session, number)
        rows = [
            row
            for row in queries.plan_results(session, number)
            if (row.id or 0) > after and reachable in (None, row.reachable)
        ]
        return http.paged(rows[: limit + 1], limit=limit, key=lambda row: row.id)


@router.get("/plans/{number}/files")
def plan_files(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The optimizer's problem and plan as they were, for `python -m optimizer check`."""
    with caller.reading() as session:
        found = queries.plan(session, number)
        require(caller.actor, "verify")
        return {
            "simulated": governance.region(session).simulated,
            "problem": found.problem,
            "plan": found.answer,
        }


@router.get("/plans/{number}/picklist", response_class=PlainTextResponse)
def pick_list(caller: SignedIn, number: http.Number) -> str:
    """What each depot picks, as text for a printer."""
    with caller.reading() as session:
        found = queries.plan(session, number)
        mark = " - SIMULATED" if governance.region(session).simulated else ""
        warning = "" if found.state == "approved" else " - NOT APPROVED: do not pick"
        head = f"Plan {number} ({found.state}, {found.method}){mark}{warning}"
        return rules.pick_list_text(queries.pick_list(session, number), head=head)


@router.get("/plans/{number}/why")
def why(caller: SignedIn, number: http.Number, member: Text, item: Text) -> dict[str, Any]:
    """Why a municipality got what it got of an item."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.why(session, plan_number=number, member=member, item=item))
        return found


@router.post("/plans/{number}/overrides", status_code=201)
def override(
    caller: SignedIn, request: Request, number: http.Number, body: OverrideBody, key: Key = None
) -> JSONResponse:
    """Propose another quantity for a line; it counts once a second person confirms it."""

    def work(session: Session, act: Act) -> Any:
        return approval.propose_override(
            session, act, plan_number=number, line_id=body.line, new_quantity=body.new_quantity, reason=body.reason
        )

    return caller.effect(request, body, key, work, status=201)


@router.post("/overrides/{number}/confirm")
def confirm(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Confirm another person's override; the checker judges the plan as it then stands."""
    return caller.effect(
        request, None, key, lambda session, act: approval.confirm_override(session, act, number=number)
    )


@router.post("/plans/{number}/approve")
def approve(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Approve a plan; never your own.

    A plan whose stock, needs or lanes have changed is refused and computed
    again under the scheduler's account; the refusal names the new plan.
    """
    require(caller.actor, "plan.approve")
    approval.recompute_if_stale(
        caller.engine, caller.system_act(), plan_number=number, limit_seconds=caller.limit_seconds
    )

    def work(session: Session, act: Act) -> Any:
        made = approval.approve(session, act, plan_number=number)
        return {"plan": number, "state": "approved", "transfers": [transfer.id for transfer in made]}

    return caller.effect(request, None, key, work)


def shown(plan: Plan) -> dict[str, Any]:
    """A plan without its long files."""
    fields: dict[str, Any] = http.plain(plan)
    return {name: value for name, value in fields.items() if name not in ("problem", "answer", "chain")}


@router.get("/expiring")
def expiring(caller: SignedIn, within_days: Annotated[int, Field(ge=0, le=3650)] = 90) -> list[dict[str, Any]]:
    """The work list of what expires soon at the depots, most valuable first, with the best use of each lot."""
    with caller.reading() as session:
        at = caller.act(session).at
        needs = queries.unmet_needs(session, at=at)
        return [http.plain(one) for one in outlook.expiring(session, at=at, within_days=within_days, needs=needs)]
