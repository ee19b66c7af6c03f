"""Why a request got what it got, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stockpile import http
from stockpile.allocation.alternatives import planning
from stockpile.allocation.reasons import queries
from stockpile.allocation.reasons.queries import Reasons
from stockpile.allocation.reasons.rules import OtherRule
from stockpile.governance.caller import Caller, SignedIn

router = APIRouter(tags=["allocation"])


@router.get("/requests/{number}/why")
def why(caller: SignedIn, number: http.Number, others: bool = True) -> dict[str, Any]:
    """Why a request got what it got; `others`: under which other rules its municipality would have got more."""
    with caller.reading() as session:
        found = queries.of_request(session, number, at=caller.act(session).at)
    short = found.answer.got < found.answer.validated
    told = {**http.plain(found), "more_under": http.plain(_more_under(caller, found) if others and short else [])}
    return told


def _more_under(caller: Caller, found: Reasons) -> list[OtherRule]:
    """The rules under which the municipality would have got more of the item, best first."""
    answer = found.answer
    compared = planning.compare(caller.engine, plan=answer.plan, item=answer.item, limit_seconds=caller.limit_seconds)
    words = {one.rule: one.words for one in compared.rules}
    rows = [row for row in compared.members if row.member == answer.member]
    got = {rule: sum(row.got[rule] for row in rows) for rule in words}
    better = [
        OtherRule(rule, words[rule], units, units * 1000 // answer.validated, compared.without)
        for rule, units in got.items()
        if units > answer.got
    ]
    return sorted(better, key=lambda one: (-one.got, one.rule))
