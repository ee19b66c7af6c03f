"""A plan that is computed again: what it disturbs (nothing that is promised), and what it says it changed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine

from stockpile.allocation import approval, operations
from stockpile.allocation.alternatives import queries
from stockpile.allocation.alternatives.queries import NoEarlierPlan
from stockpile.allocation.approval import PlanState
from stockpile.db import reading
from stockpile.inventory import operations as stock
from stockpile.inventory import reserving
from tests.allocation.surge_room import ask, everybody, planned, results, share_out, submitted
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do, shelves


def test_a_waiting_plan_says_that_requests_came_after_it(region: Engine, cast: Cast) -> None:
    people = Desk(region, cast)
    number, plan = share_out(region, cast, ask("NL-1"), ask("BE-1"))
    assert people.get("committee", f"/plans/{plan.id}")["since"] == {"asked": [], "gone": [], "sentence": ""}
    [late] = submitted(region, cast, number, ask("DE-1"))
    gone = results(region, plan)["BE-1", "TAB"].request_id
    do(region, operations.withdraw, acting(cast["requester"]), number=gone, reason="found some")
    since = people.get("committee", f"/plans/{plan.id}")["since"]
    assert (since["asked"], since["gone"]) == ([late.id], [gone])
    assert since["sentence"] == (
        "requests that came since this plan was computed and are not in it: 1; requests in it that are not open any "
        "more: 1. Compute the plan again"
    )
    again = planned(region, cast, number)
    assert people.get("committee", f"/plans/{again.id}")["since"]["sentence"] == ""
    assert people.get("committee", f"/plans/{plan.id}")["since"] is None, "it waits for nothing any more"


def test_a_plan_computed_again_says_what_it_changed_and_why(region: Engine, cast: Cast) -> None:
    number, first = share_out(region, cast, ask("NL-1"), ask("BE-2"), ask("DE-2", quantity=60))
    [late] = submitted(region, cast, number, ask("DE-1", quantity=360))
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 300}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    second = planned(region, cast, number)
    told = Desk(region, cast).get("committee", f"/plans/{second.id}/changes")
    assert (told["earlier"], told["came"], told["gone"], told["revised"]) == (first.id, [late.id], [], [])
    assert told["reasons"] == ["stock or reserve differs for TAB"]
    before, after = results(region, first), results(region, second)
    for row in told["shifts"]:
        pair = row["member"], row["item"]
        assert (row["before"], row["after"]) == (before[pair].got if pair in before else 0, after[pair].got)
    assert {row["member"] for row in told["shifts"]} == {"NL-1", "BE-2", "DE-2", "DE-1"}
    assert told["gains"] == 1


@ON_SQLITE
def test_the_first_plan_of_a_surge_changed_nothing(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, ask("NL-1"))
    with reading(region) as session, pytest.raises(NoEarlierPlan, match="no plan of surge 1 waited"):
        queries.rerun(session, plan.id or 0)


def test_new_requests_disturb_nothing_that_is_reserved_or_picked(region: Engine, cast: Cast) -> None:
    number, plan = share_out(region, cast, ask("NL-1"), ask("BE-2"))
    made = do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    do(region, reserving.pick, acting(cast["logistics"]), number=made[0].id)
    promised = {key: quantity for key, quantity in shelves(region).items() if key[3] == "reserved"}
    got = {pair: row.got for pair, row in results(region, plan).items()}
    submitted(region, cast, number, ask("DE-1", quantity=360), ask("DE-2", quantity=60))
    second = planned(region, cast, number)
    do(region, approval.approve, acting(cast["committee"]), plan_number=second.id)
    now = shelves(region)
    assert all(now[key] >= quantity for key, quantity in promised.items())
    assert {pair: row.got for pair, row in results(region, plan).items()} == got
    assert {member for member, _ in results(region, second)} == {"DE-1", "DE-2"}
    assert second.supersedes is None, "the first was approved, it did not wait"


@ON_SQLITE
def test_a_superseded_plan_says_rightly_whether_anything_changed(region: Engine, cast: Cast) -> None:
    number, first = share_out(region, cast, *everybody())
    planned(region, cast, number)
    with pytest.raises(PlanState, match="was computed again, with the same outcome: see plan 2, which is computed"):
        do(region, approval.approve, acting(cast["committee"]), plan_number=first.id)
    submitted(region, cast, number, ask("NL-1", "PUMP", 2))
    planned(region, cast, number)
    with pytest.raises(PlanState, match="because needs, stock, lanes or the policy changed: see plan 3"):
        do(region, approval.approve, acting(cast["committee"]), plan_number=first.id)
