"""Comparing a plan with other rules and circumstances, over HTTP; and its files for anyone's own check."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from stockpile import http
from stockpile.allocation import queries as allocation
from stockpile.allocation.alternatives import planning, queries
from stockpile.allocation.alternatives.rules import Pair
from stockpile.governance.caller import Caller, SignedIn
from stockpile.governance.rules import require
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["allocation"])


class LostBody(http.Body):
    """Nothing leaves this depot."""

    change: Literal["lose_depot"]
    depot: Text


class ClosedBody(http.Body):
    """Nothing goes from this depot to this municipality."""

    change: Literal["close_lane"]
    depot: Text
    member: Text


class MoreBody(http.Body):
    """So many base units more of an item at a depot, in whole packs."""

    change: Literal["more_stock"]
    item: Text
    depot: Text
    quantity: http.Quantity
    expiry: http.Day | None = None


class RoomBody(http.Body):
    """A municipality can take in so many millilitres of everything together."""

    change: Literal["receiver_storage"]
    member: Text
    volume_ml: http.QuantityOrNone


class RuledBody(http.Body):
    """Another sharing rule, for one item or for all."""

    change: Literal["rule"]
    rule: Text
    item: Text | None = None


ChangeBody = Annotated[LostBody | ClosedBody | MoreBody | RoomBody | RuledBody, Field(discriminator="change")]


class WhatIfBody(http.Body):
    """What would be otherwise, all at once; about a plan of the surge, its newest unless told."""

    plan: http.Number | None = None
    changes: Annotated[list[ChangeBody], Field(min_length=1, max_length=20)]


@router.get("/plans/{number}/compare")
def compare(
    caller: SignedIn, number: http.Number, rules: Note = "", member: Note | None = None, item: Note | None = None
) -> dict[str, Any]:
    """What every municipality would get under other rules (`rules`: ids with commas; without: all that are known).

    With `item` the measures are those of this item alone; `member` narrows the rows only.
    """
    chosen = [one.strip() for one in rules.split(",") if one.strip()]

    def wanted(pair: Pair) -> bool:
        return member in (None, pair[0])

    found = planning.compare(
        caller.engine, plan=number, chosen=chosen, item=item, wanted=wanted, limit_seconds=caller.limit_seconds
    )
    told: dict[str, Any] = http.plain(found)
    return told


@router.get("/plans/{number}/changes")
def changes(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """What a plan changed against the one that waited before it: requests, stock, ways, policy, and who gets what."""
    with caller.reading() as session:
        told: dict[str, Any] = http.plain(queries.rerun(session, number))
        return told


@router.post("/surges/{number}/what-if")
def what_if(caller: SignedIn, number: http.Number, body: WhatIfBody) -> dict[str, Any]:
    """What would change for whom if a depot were lost, a lane closed, stock came, room were short, the rule another."""
    found = planning.what_if(
        caller.engine,
        surge=number,
        plan=body.plan,
        circumstances=[_circumstance(one) for one in body.changes],
        limit_seconds=caller.limit_seconds,
    )
    told: dict[str, Any] = http.plain(found)
    return told


def _circumstance(one: LostBody | ClosedBody | MoreBody | RoomBody | RuledBody) -> planning.Circumstance:
    kinds: dict[str, type[Any]] = {
        "lose_depot": planning.Lost,
        "close_lane": planning.Closed,
        "more_stock": planning.More,
        "receiver_storage": planning.Room,
        "rule": planning.Ruled,
    }
    made: planning.Circumstance = kinds[one.change](**one.model_dump(exclude={"change"}))
    return made


@router.get("/plans/{number}/problem", response_class=Response)
def problem_file(caller: SignedIn, number: http.Number) -> Response:
    """The problem as the optimizer had it, for `python -m optimizer check`; for auditors and coordinators."""
    return _file(caller, number, "problem")


@router.get("/plans/{number}/plan-file", response_class=Response)
def plan_file(caller: SignedIn, number: http.Number) -> Response:
    """The plan as the optimizer made it, before any override, for `python -m optimizer check`."""
    return _file(caller, number, "answer")


def _file(caller: Caller, number: int, column: str) -> Response:
    require(caller.actor, "plan.files")
    with caller.reading() as session:
        text: str = getattr(allocation.plan(session, number), column)
    name = "problem" if column == "problem" else "plan"
    headers = {"Content-Disposition": f'attachment; filename="{name}-{number}.json"'}
    return Response(text, media_type="application/json", headers=headers)
