"""Restrictions of lots over HTTP, and the answer to "why not this lot?"."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.lots import operations, queries
from stockpile.plaintext import Text

router = APIRouter(tags=["lots"])


class RestrictionBody(http.Body):
    """What a lot is restricted to: a country, a member, or who is admitted to a donor's or contract's goods."""

    kind: Annotated[str, Field(pattern="^(country|member|donor|contract)$")]
    value: Text
    reason: Text


class LiftBody(http.Body):
    """Why a restriction ends."""

    reason: Text


class BeneficiaryBody(http.Body):
    """Whether a member is admitted to a donor's or contract's goods, and why."""

    kind: Annotated[str, Field(pattern="^(donor|contract)$")]
    value: Text
    member: Text
    admitted: bool
    reason: Text


@router.get("/lots/{lot_id}/restrictions")
def restrictions(caller: SignedIn, lot_id: http.Number) -> list[dict[str, Any]]:
    """Every restriction a lot has or had; `lifted_at` null where it holds."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.restrictions(session, lot_id)]


@router.post("/lots/{lot_id}/restrictions", status_code=201)
def restrict(
    caller: SignedIn, request: Request, lot_id: http.Number, body: RestrictionBody, key: Key = None
) -> JSONResponse:
    """Restrict a lot, from now on and everywhere."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.restrict(session, act, lot_id=lot_id, **fields), status=201
    )


@router.post("/restrictions/{number}/lift")
def lift(caller: SignedIn, request: Request, number: http.Number, body: LiftBody, key: Key = None) -> JSONResponse:
    """Lift a restriction, as the committee; never who set it."""
    return caller.effect(
        request, body, key, lambda session, act: operations.lift(session, act, number=number, reason=body.reason)
    )


@router.get("/beneficiaries")
def beneficiaries(caller: SignedIn) -> list[dict[str, Any]]:
    """Who is admitted to the goods of which donor or contract."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.beneficiaries(session)]


@router.post("/beneficiaries")
def admit(caller: SignedIn, request: Request, body: BeneficiaryBody, key: Key = None) -> JSONResponse:
    """Admit a member to a donor's or contract's goods, or end that."""
    fields = body.model_dump()

    def work(session: Any, act: Any) -> Any:
        return {**fields, "admitted": operations.admit(session, act, **fields)}

    return caller.effect(request, body, key, work)


@router.get("/lots/{lot_id}/fitness")
def fitness(
    caller: SignedIn, lot_id: http.Number, member: Text, site: Text, need_by: http.Instant | None = None
) -> list[dict[str, Any]]:
    """For each shelf that holds the lot: may it serve this member at this site now, and if not, why not."""
    with caller.reading() as session:
        at = caller.act(session).at
        found = queries.fitness(session, lot_id=lot_id, member=member, place=site, at=at, need_by=need_by)
        return [http.plain(one) for one in found]
