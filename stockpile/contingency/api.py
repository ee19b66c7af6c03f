"""Contingency over HTTP: plans, runs and drills, duty, shared risks, disputes, reviews."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.contingency import afterwards, operations, queries
from stockpile.contingency.tables import ContingencyPlan, ContingencyRun
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Text

router = APIRouter(prefix="/contingency", tags=["contingency"])
Level = Annotated[int, Field(ge=0, le=4)]
Grade = Annotated[int, Field(ge=1, le=5)]
Hours = Annotated[int, Field(ge=1, le=8784)]


class StepBody(http.Body):
    """What an office does, and within how many hours."""

    office: Text
    what: Text
    within_hours: Hours


class AgreedBody(http.Body):
    """A transfer agreed beforehand, in base units; it waits for a named person when the plan is used."""

    item: Text
    origin: Text
    member: Text
    quantity: http.Quantity


class PlanBody(http.Body):
    """A plan: for which hazard and from which level of surge on, in words too, and who owns it."""

    name: Text
    hazard: Text
    trigger_level: Level
    trigger: Text
    owner: Text
    steps: Annotated[tuple[StepBody, ...], Field(min_length=1, max_length=200, strict=False)]
    transfers: Annotated[tuple[AgreedBody, ...], Field(max_length=500, strict=False)] = ()


class DecideBody(http.Body):
    """Whether it is agreed to, and why."""

    agreed: bool
    reason: Text


class StartBody(http.Body):
    """The surge that it is used in; none: a drill, which posts nothing."""

    surge: http.Number | None = None


class SaidBody(http.Body):
    """What is said about it."""

    text: Text


class WatchBody(http.Body):
    """Who is on duty for an office, from when to when."""

    office: Text
    account: Text
    starts_at: http.Instant
    ends_at: http.Instant


class RiskBody(http.Body):
    """A shared risk; `number`: the one that is judged anew."""

    title: Text
    owner: Text
    likelihood: Grade
    impact: Grade
    response: Text
    review_by: http.Day
    number: http.Number | None = None
    closed: bool = False


class DisputeBody(http.Body):
    """Who claims what of whom; the respondent is a member, the pool or a supplier."""

    claimant: Text
    respondent: Text
    subject: Text
    claim: Text


class SurgeReviewBody(http.Body):
    """The review of a surge that is over, by which office."""

    surge: http.Number
    office: Text
    summary: Text


class PeerReviewBody(http.Body):
    """A member's review of another."""

    reviewer: Text
    member: Text
    summary: Text


class ActionBody(http.Body):
    """What is to be done, by which office, until when."""

    what: Text
    owner: Text
    due: http.Day


@router.get("/plans")
def plans(caller: SignedIn) -> list[dict[str, Any]]:
    """Every plan and version, with its steps and the transfers agreed beforehand."""
    with caller.reading() as session:
        return [_plan(one) for one in queries.plans(session)]


@router.post("/plans", status_code=201)
def propose(caller: SignedIn, request: Request, body: PlanBody, key: Key = None) -> JSONResponse:
    """Propose a plan, or the next version of one; another person adopts it."""
    fields = body.model_dump()
    fields["agreed"] = fields.pop("transfers")
    return caller.effect(request, body, key, lambda s, act: _plan(operations.propose(s, act, **fields)), status=201)


@router.post("/plans/{number}/decision")
def decide(caller: SignedIn, request: Request, number: http.Number, body: DecideBody, key: Key = None) -> JSONResponse:
    """Adopt or decline another person's plan."""
    given: dict[str, Any] = {"number": number, "adopt": body.agreed, "reason": body.reason}
    return caller.effect(request, body, key, lambda s, act: _plan(operations.decide(s, act, **given)))


@router.post("/plans/{number}/start", status_code=201)
def start(caller: SignedIn, request: Request, number: http.Number, body: StartBody, key: Key = None) -> JSONResponse:
    """Use a plan in a surge, or drill it: nothing moves before a named person confirms it, in a drill never."""

    def work(session: Any, act: Any) -> dict[str, Any]:
        return _run(session, operations.start(session, act, number=number, surge=body.surge))

    return caller.effect(request, body, key, work, status=201)


@router.get("/runs")
def runs(caller: SignedIn) -> list[dict[str, Any]]:
    """Every use and drill, with its steps and transfers, the newest first."""
    with caller.reading() as session:
        return [_run(session, one) for one in queries.runs(session)]


@router.post("/runs/{number}/steps/{step}/done")
def step_done(
    caller: SignedIn, request: Request, *, number: http.Number, step: http.Number, body: SaidBody, key: Key = None
) -> JSONResponse:
    """Note that a step is done."""
    given: dict[str, Any] = {"run": number, "number": step, "remark": body.text}
    return caller.effect(request, body, key, lambda s, act: operations.finish_step(s, act, **given))


@router.post("/runs/{number}/end")
def end(caller: SignedIn, request: Request, number: http.Number, body: SaidBody, key: Key = None) -> JSONResponse:
    """End a run with what was learned."""
    return caller.effect(request, body, key, lambda s, act: operations.finish(s, act, run=number, lesson=body.text))


@router.post("/transfers/{number}/decision")
def release(caller: SignedIn, request: Request, number: http.Number, body: DecideBody, key: Key = None) -> JSONResponse:
    """Confirm or refuse a transfer agreed beforehand, in one's own name."""
    given: dict[str, Any] = {"number": number, "confirmed": body.agreed, "reason": body.reason}
    return caller.effect(request, body, key, lambda s, act: operations.confirm(s, act, **given))


@router.get("/duty")
def duty(caller: SignedIn, *, now: bool = False) -> list[dict[str, Any]]:
    """The duty roster; `now`: who is on duty at this instant."""
    with caller.reading() as session:
        names = queries.names(session)
        rows = queries.watches(session, at=caller.act(session).at if now else None)
        return [{**http.plain(one), "account": names[one.account_id]} for one in rows]


@router.post("/duty", status_code=201)
def set_watch(caller: SignedIn, request: Request, body: WatchBody, key: Key = None) -> JSONResponse:
    """Put somebody on duty for an office."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: operations.set_watch(s, act, **fields), status=201)


@router.get("/risks")
def risks(caller: SignedIn) -> list[dict[str, Any]]:
    """The shared risk register, the gravest open one first."""
    with caller.reading() as session:
        return [{**http.plain(one), "score": one.likelihood * one.impact} for one in queries.risks(session)]


@router.post("/risks", status_code=201)
def note_risk(caller: SignedIn, request: Request, body: RiskBody, key: Key = None) -> JSONResponse:
    """Enter a risk, or judge it anew."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: afterwards.note_risk(s, act, **fields), status=201)


@router.get("/disputes")
def disputes(caller: SignedIn) -> list[dict[str, Any]]:
    """Disputes with their stage, clock and missed days, the newest first."""
    with caller.reading() as session:
        found: list[dict[str, Any]] = http.plain(queries.disputes(session))
        return found


@router.post("/disputes", status_code=201)
def open_dispute(caller: SignedIn, request: Request, body: DisputeBody, key: Key = None) -> JSONResponse:
    """Open a dispute: ten days to negotiate."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: afterwards.open_dispute(s, act, **fields), status=201)


@router.post("/disputes/{number}/next")
def next_stage(
    caller: SignedIn, request: Request, number: http.Number, body: SaidBody, key: Key = None
) -> JSONResponse:
    """To the next stage: the committee mediates, then an expert."""
    given: dict[str, Any] = {"number": number, "reason": body.text}
    return caller.effect(request, body, key, lambda s, act: afterwards.next_stage(s, act, **given))


@router.post("/disputes/{number}/settle")
def settle(caller: SignedIn, request: Request, number: http.Number, body: SaidBody, key: Key = None) -> JSONResponse:
    """Note what was agreed or found."""
    given: dict[str, Any] = {"number": number, "outcome": body.text}
    return caller.effect(request, body, key, lambda s, act: afterwards.settle(s, act, **given))


@router.get("/reviews")
def reviews(caller: SignedIn) -> list[dict[str, Any]]:
    """Reviews with their actions, the newest first."""
    with caller.reading() as session:
        rows = queries.reviews(session)
        return [{**http.plain(one["review"]), "actions": http.plain(one["actions"])} for one in rows]


@router.post("/reviews/surge", status_code=201)
def review_surge(caller: SignedIn, request: Request, body: SurgeReviewBody, key: Key = None) -> JSONResponse:
    """Open the review of a surge that is over."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: afterwards.review_surge(s, act, **fields), status=201)


@router.post("/reviews/peer", status_code=201)
def review_peer(caller: SignedIn, request: Request, body: PeerReviewBody, key: Key = None) -> JSONResponse:
    """Open a member's review of another."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: afterwards.review_peer(s, act, **fields), status=201)


@router.post("/reviews/{number}/actions", status_code=201)
def add_action(
    caller: SignedIn, request: Request, number: http.Number, body: ActionBody, key: Key = None
) -> JSONResponse:
    """Add an action with its owner and day."""
    fields = {"review": number, **body.model_dump()}
    return caller.effect(request, body, key, lambda s, act: afterwards.add_action(s, act, **fields), status=201)


@router.post("/actions/{number}/done")
def action_done(
    caller: SignedIn, request: Request, number: http.Number, body: SaidBody, key: Key = None
) -> JSONResponse:
    """Note what came of an action."""
    given: dict[str, Any] = {"number": number, "outcome": body.text}
    return caller.effect(request, body, key, lambda s, act: afterwards.finish_action(s, act, **given))


@router.post("/reviews/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, body: SaidBody, key: Key = None) -> JSONResponse:
    """Close a review whose actions are done."""
    given: dict[str, Any] = {"number": number, "reason": body.text}
    return caller.effect(request, body, key, lambda s, act: afterwards.close_review(s, act, **given))


def _plan(found: ContingencyPlan) -> dict[str, Any]:
    fields: dict[str, Any] = http.plain(found)
    content: dict[str, Any] = json.loads(fields.pop("content"))
    return fields | content


def _run(session: Any, found: ContingencyRun) -> dict[str, Any]:
    number, names = found.id or 0, queries.names(session)
    steps = [{**http.plain(one), "on_duty": names.get(one.on_duty)} for one in queries.steps(session, number)]
    fields: dict[str, Any] = http.plain(found)
    return {**fields, "steps": steps, "transfers": http.plain(queries.transfers(session, number))}
