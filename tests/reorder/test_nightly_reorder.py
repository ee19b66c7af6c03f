"""What is missing tonight, what is proposed for it, and why."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.reorder import check as checker
from stockpile import journal
from stockpile.contracts import operations as contracts
from stockpile.contracts.operations import CeilingReached
from stockpile.contracts.tables import Contract
from stockpile.db import reading, transact
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import operations as stock
from stockpile.reorder import operations, queries, rules
from stockpile.reorder.queries import NoPolicy
from stockpile.reorder.rules import Position
from stockpile.reorder.tables import BuyingPolicy
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, lot_id
from tests.reorder.buying import calloffs, drafted, ordered

PLAIN: dict[str, int] = {
    "use_milli_per_day": 2500,
    "days": 20,
    "unmet": 0,
    "floor": 0,
    "on_hand": 0,
    "inbound": 0,
}


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, 50),
        ({"unmet": 30}, 80),
        ({"floor": 10}, 60),
        ({"on_hand": 40}, 10),
        ({"inbound": 45}, 5),
        ({"on_hand": 30, "inbound": 30}, 0),
        ({"use_milli_per_day": 1}, 1),
        ({"use_milli_per_day": 0}, 0),
    ],
)
def test_what_is_missing_is_use_and_unmet_need_and_floor_less_what_there_is(changed: Any, missing: int) -> None:
    assert rules.missing(Position(**(PLAIN | changed))) == missing


@pytest.mark.parametrize(
    ("missing", "step", "use", "life", "most"),
    [(100, 10, 0, 365, 150), (100, 80, 0, 365, 180), (100, 10, 1000, 120, 120), (100, 10, 1000, 30, 110)],
)
def test_no_more_is_ordered_than_packs_need_and_shelf_life_allows(
    missing: int, step: int, use: int, life: int, most: int
) -> None:
    given = {"missing_units": missing, "largest_step": step, "use_milli_per_day": use, "shelf_life_days": life}
    assert rules.at_most(**given) == most


def shortages(engine: Engine, unmet: dict[str, int] | None = None) -> dict[str, tuple[int, int]]:
    """Missing units of each item, and the part that is unmet surge need."""
    with reading(engine) as session:
        problem = queries.problem(session, at=NOW, unmet=unmet or {})
    return {row.item: (row.units, row.surge_units) for row in problem.shortages}


def test_the_caseload_decides_what_is_missing(region: Engine) -> None:
    """12 admissions a day use 240 tablets, 24 vials and 6 seals (and 0.1 outside surges)."""
    assert shortages(region) == {
        "TAB": (240 * 14 + 100 - 600, 0),
        "VIAL": (24 * 14 - 50, 0),
        "PUMP": (116 - 10, 0),
    }


def test_need_that_a_surge_left_unmet_is_bought(region: Engine) -> None:
    assert shortages(region, {"TAB": 220})["TAB"] == (240 * 14 + 100 - 600 + 220, 220)


@ON_SQLITE
def test_stock_on_hold_is_bought_again(region: Engine, cast: Cast) -> None:
    do(region, stock.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="recall")
    assert shortages(region)["TAB"] == (240 * 14 + 100 - 200, 0)


def test_proposals_keep_to_the_budget_and_the_contracts_and_give_their_reasons(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    made = drafted(region, act)
    verdict = checker.check(made.problem, made.plan)
    assert (verdict.accepted, made.note) == (True, "")
    assert made.plan.spend_minor <= 500_000
    proposed = do(region, operations.propose, act, made=made, slot="2020-03-30")
    assert {one.state for one in proposed} == {"proposed"}
    assert {one.deliver_to for one in proposed} == {"D-BE"}
    assert sum(one.cost_minor for one in proposed) == made.plan.spend_minor
    lines = [line for one in proposed for line in ordered(region, one)]
    assert {line.item_code for line in lines} >= {"VIAL"}, "what saves lives comes first"
    assert all(line.reason for line in lines)
    assert all(line.quantity == line.packs * {"TAB": 10, "VIAL": 1, "PUMP": 2}[line.item_code] for line in lines)
    assert made.plan.left_out, "the budget does not cover everything, and that is said"
    assert all(row.reason for row in made.plan.left_out)
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="reorder.run"))
    assert entry.subject == "slot:2020-03-30"
    assert made.plan.digest() in entry.payload


def test_the_same_night_gives_the_same_proposals_to_the_last_byte(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    assert len({drafted(region, act).plan.canonical() for _ in range(2)}) == 1


@ON_SQLITE
def test_without_time_to_solve_the_order_up_to_rule_is_used_and_labelled(region: Engine, cast: Cast) -> None:
    made = operations.draft(region, acting(cast["buyer"]), unmet={}, limit_seconds=0.0001)
    assert made.note.startswith("order-up-to instead of the optimum: no answer within")
    assert checker.check(made.problem, made.plan).feasible
    assert made.plan.spend_minor <= 500_000


def test_what_is_on_order_is_not_ordered_again(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    before = shortages(region)
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="2020-03-30")
    assert shortages(region) == before, "a proposal is no order"
    for one in proposed:
        do(region, contracts.approve, acting(cast["committee"]), number=one.id)
    inbound = {line.item_code: line.quantity for one in proposed for line in ordered(region, one)}
    for item, (units, _) in before.items():
        left = shortages(region).get(item, (0, 0))[0]
        assert left == max(0, units - inbound.get(item, 0))


def test_a_proposal_is_approved_by_another_person_within_the_ceiling(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="2020-03-30")

    def nearly_spent(session: Session) -> None:
        session.get_one(Contract, proposed[0].contract_code).remaining_minor = proposed[0].cost_minor - 1

    transact(region, nearly_spent)
    with pytest.raises(OwnWork):
        do(region, contracts.approve, act, number=proposed[0].id)
    with pytest.raises(CeilingReached):
        do(region, contracts.approve, acting(cast["committee"]), number=proposed[0].id)
    assert {one.state for one in calloffs(region)} == {"proposed"}


@ON_SQLITE
def test_a_budget_of_nothing_proposes_nothing_and_says_so(region: Engine, cast: Cast) -> None:
    def cut(session: Session) -> None:
        session.get_one(BuyingPolicy, 1).budget_minor = 0

    transact(region, cut)
    made = drafted(region, acting(cast["buyer"]))
    assert made.plan.lines == ()
    assert {row.item for row in made.plan.left_out} == {"TAB", "VIAL", "PUMP"}


@ON_SQLITE
def test_only_those_with_the_right_run_a_reorder_and_only_with_a_policy(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        drafted(region, acting(cast["logistics"]))
    transact(region, lambda session: session.delete(session.get_one(BuyingPolicy, 1)))
    with pytest.raises(NoPolicy):
        drafted(region, acting(cast["buyer"]))
