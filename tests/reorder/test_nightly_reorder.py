"""What is missing tonight, what is proposed for it, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.reorder.horizon.check import check
from stockpile import journal
from stockpile.contracts import operations as contracts
from stockpile.contracts.operations import CeilingReached
from stockpile.contracts.tables import Contract
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms.tables import SurgeOption
from stockpile.db import reading, transact
from stockpile.demand.tables import CaseloadReport
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding
from stockpile.reorder import operations
from stockpile.reorder.queries import NoPolicy
from stockpile.reorder.tables import BuyingPolicy
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, lot_id
from tests.reorder.buying import calloffs, drafted, ordered, standing


def demand(engine: Engine, item: str, unmet: dict[str, int] | None = None) -> tuple[int, ...]:
    """What the planner is asked to serve of an item, week by week, in base units."""
    case = standing(engine, unmet=unmet)
    [line] = [one for one in case.night.problem.lines if one.id == item]
    step = case.packs[item] * case.articles[item].pack_size
    return tuple(units * step for units in line.demand)


def test_the_caseload_is_counted_until_the_quickest_order_can_come_and_no_longer(region: Engine) -> None:
    """12 admissions a day use 240 tablets, 24 vials and 6 seals, and 0.1 seals are used outside surges."""
    case = standing(region)
    uses = {code: (one.position.use.now, one.position.use.days) for code, one in case.articles.items()}
    assert uses == {"TAB": (240_000, 14), "VIAL": (24_000, 14), "PUMP": (6_100, 19)}
    assert {code: one.position.use.later for code, one in case.articles.items()} == {"TAB": 0, "VIAL": 0, "PUMP": 100}
    assert demand(region, "TAB")[1:3] == (1680 + 20, 0), "an order now must not assume that the surge lasts"


def test_what_no_order_can_serve_in_time_is_told_and_not_bought(region: Engine) -> None:
    """600 tablets lie there and 100 of them are the floor: 1,680 are wanted in the first week."""
    assert standing(region).too_early["TAB"] == pytest.approx(1680 - 500, abs=50)
    assert demand(region, "TAB")[0] == 500


def test_need_that_a_surge_left_unmet_is_bought_as_soon_as_something_can_come(region: Engine) -> None:
    before = demand(region, "TAB")
    after = demand(region, "TAB", {"TAB": 220})
    assert [b - a for a, b in zip(before, after, strict=True)][:3] == [0, 200, 0], "in steps of a contract's multiple"


@ON_SQLITE
def test_stock_on_hold_is_bought_again(region: Engine, cast: Cast) -> None:
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="recall")
    assert demand(region, "TAB")[0] == 100


@ON_SQLITE
def test_a_slow_supplier_is_met_with_safety_stock(region: Engine) -> None:
    """Supplier two delivers in twelve days, one order in ten in thirty: eighteen days at 6 and at 0.1 seals a day."""
    assert standing(region).articles["PUMP"].position.safety == 18 * 6 + 2


@ON_SQLITE
def test_a_surge_that_grows_is_met_with_a_reserve_for_the_course_that_grows_on(region: Engine) -> None:
    """Ten days are reported, too few to tell a growth; a second week that is known to have been quieter tells one."""
    before = standing(region).articles["VIAL"].position

    def reported_before(session: Session) -> None:
        for back in range(7, 14):
            day = NOW.date() - timedelta(days=back)
            row = session.get(CaseloadReport, (day, "NL-1"))
            if row is None:
                row = CaseloadReport(day=day, member_code="NL-1", cases=0, cases_suppressed=False, basis="reported")
            row.admissions, row.accepted_milli = 1, 1000
            session.add(row)

    transact(region, reported_before)
    after = standing(region).articles["VIAL"].position
    assert after.safety > 2 * before.safety
    assert after.use.now > before.use.now
    assert after.use.later == before.use.later, "an order now must not assume that the surge lasts"


@ON_SQLITE
def test_on_a_day_on_which_a_contract_takes_no_orders_nothing_is_ordered_of_it(region: Engine, cast: Cast) -> None:
    with reading(region) as session:
        _, terms = agreed.terms_on(session, "UC-1", NOW.date())
    with mock.patch.object(agreed, "terms_on", return_value=(1, replace(terms, order_weekdays="3"))):
        made = drafted(region, acting(cast["buyer"]))
    assert made.orders == ()
    assert made.made.plan.orders, "the plan orders later"


def test_proposals_keep_to_the_budget_and_the_contracts_and_give_their_reasons(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    made = drafted(region, act)
    told = made.told()
    assert (check(made.made.problem, made.made.plan).accepted, made.note) == (True, "")
    assert told["spend_minor"] <= 500_000
    proposed = do(region, operations.propose, act, made=made, slot="2020-03-30")
    assert {one.state for one in proposed} == {"proposed"}
    assert {one.deliver_to for one in proposed} == {"D-BE"}
    assert sum(one.cost_minor for one in proposed) == told["spend_minor"]
    lines = [line for one in proposed for line in ordered(region, one)]
    assert {line.item_code for line in lines} >= {"VIAL"}, "what saves lives comes first"
    assert all("without it" in line.reason and "arrives in week" in line.reason for line in lines)
    assert all(line.quantity == line.packs * {"TAB": 10, "VIAL": 1, "PUMP": 2}[line.item_code] for line in lines)
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="reorder.run"))
    assert entry.subject == "slot:2020-03-30"
    assert made.made.plan.digest() in entry.payload
    for name in ("spend_by_week", "spend_before_by_week"):
        assert json.loads(entry.payload)[name] == told[name], "what the figures of smoothing are made of"


def test_the_run_tells_the_service_it_buys_the_price_of_the_next_point_and_how_far_it_is_proven(
    region: Engine, cast: Cast
) -> None:
    def halved(session: Session) -> None:
        session.get_one(BuyingPolicy, 1).budget_minor = 90_000

    transact(region, halved)
    told = drafted(region, acting(cast["buyer"])).told()
    assert told["bound_minor"] <= told["cost_minor"]
    assert 0 <= told["gap_ppm"] < 100_000
    served = {one["item"]: one for one in told["services"]}
    assert set(served) == {"TAB", "VIAL", "PUMP"}
    for one in served.values():
        assert one["wanted"] - one["too_early"] - one["unmet"] >= 0
    assert served["TAB"]["too_early"] > 0
    assert any(item == "TAB" and "before the first order can arrive" in why for item, why in told["left_out"])
    cut = [one for one in served.values() if one["unmet"]]
    assert cut, "the budget does not cover everything"
    assert all(one["next_point_minor"] is None or one["next_point_minor"] > 0 for one in cut)
    assert any("budget of all" in why for _, why in told["left_out"])
    assert any(name.startswith("budget of all") for name, _ in told["scarce"]), "what a budget cut loses is told"


def test_the_run_tells_what_would_be_spent_each_week_if_no_budget_spread_it(region: Engine, cast: Cast) -> None:
    def halved(session: Session) -> None:
        session.get_one(BuyingPolicy, 1).budget_minor = 90_000

    free = drafted(region, acting(cast["buyer"])).told()
    transact(region, halved)
    told = drafted(region, acting(cast["buyer"])).told()
    before, after = told["spend_before_by_week"], told["spend_by_week"]
    assert before == free["spend_before_by_week"], "the budget changes nothing of it"
    assert max(before) > 90_000 >= max(after), "the budget cuts the dearest week"
    assert all(minor >= 0 for minor in before)


def test_orders_below_a_contracts_minimum_wait_or_are_filled_up(region: Engine, cast: Cast) -> None:
    def dear(session: Session) -> None:
        session.get_one(Contract, "UC-2").minimum_order_minor = 10_000_000

    transact(region, dear)
    made = drafted(region, acting(cast["buyer"]))
    assert {made.source(order).contract for order in made.orders} == {"UC-1"}
    assert any("UC-2 waits" in note for note in made.told()["minimum_orders"])


def test_surge_options_are_asked_first_for_need_that_no_plan_serves(region: Engine, cast: Cast) -> None:
    def offered(session: Session) -> None:
        session.add(
            SurgeOption(
                contract_code="UC-1",
                item_code="TAB",
                quantity=150,
                remaining=150,
                days=2,
                price_permille=1200,
                opens=NOW.date(),
                closes=NOW.date() + timedelta(days=90),
            )
        )

    transact(region, offered)
    act = acting(cast["buyer"])
    made = drafted(region, act, unmet={"TAB": 220})
    assert (made.first.units, made.first.left["TAB"]) == ({"TAB": 150}, 70)
    [asked] = do(region, operations.propose_urgent, act, made=made, slot="2020-03-30")
    assert [(one.kind, one.units) for one in asked.arrivals] == [("option", 150)]
    again = drafted(region, act, unmet={"TAB": 220})
    assert (again.first.units, again.first.left["TAB"]) == ({}, 70), "what waits for approval is not asked twice"


def test_the_same_night_gives_the_same_proposals_to_the_last_byte(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    assert len({drafted(region, act).made.plan.canonical() for _ in range(2)}) == 1


@ON_SQLITE
def test_without_time_to_solve_the_order_up_to_rule_is_used_and_labelled(region: Engine, cast: Cast) -> None:
    made = operations.draft(region, acting(cast["buyer"]), unmet={}, limit_seconds=0.0001)
    assert made.note.startswith("order-up-to instead of the optimum: no answer within")
    assert check(made.made.problem, made.made.plan).feasible
    assert made.orders
    assert made.told()["spend_minor"] <= 500_000


def test_what_is_on_order_is_not_ordered_again(region: Engine, cast: Cast) -> None:
    def enough(session: Session) -> None:
        session.get_one(BuyingPolicy, 1).budget_minor = 50_000_000

    transact(region, enough)
    act = acting(cast["buyer"])
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="2020-03-30")
    assert not standing(region).articles["VIAL"].position.inbound, "a proposal is no order"
    for one in proposed:
        do(region, contracts.approve, acting(cast["committee"]), number=one.id)
    vials = sum(line.quantity for one in proposed for line in ordered(region, one) if line.item_code == "VIAL")
    assert standing(region).articles["VIAL"].position.inbound == ((7, vials),)
    assert not [order for order in drafted(region, act).orders if order.line == "VIAL"]


def test_nights_of_one_period_share_its_budget_and_the_next_period_has_its_own(region: Engine, cast: Cast) -> None:
    act = acting(cast["buyer"])
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="2020-03-30")
    for one in proposed:
        do(region, contracts.approve, acting(cast["committee"]), number=one.id)
    spent = sum(one.cost_minor for one in proposed)
    left = {
        days: [one.minor for one in standing(region, at=NOW + timedelta(days=days)).night.problem.budgets][:2]
        for days in (0, 6, 7)
    }
    assert left == {0: [500_000 - spent, 500_000], 6: [500_000 - spent, 500_000], 7: [500_000, 500_000]}


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
    assert made.orders == ()
    assert {item for item, _ in made.told()["left_out"]} == {"TAB", "VIAL", "PUMP"}


@ON_SQLITE
def test_only_those_with_the_right_run_a_reorder_and_only_with_a_policy(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        drafted(region, acting(cast["logistics"]))
    transact(region, lambda session: session.delete(session.get_one(BuyingPolicy, 1)))
    with pytest.raises(NoPolicy):
        drafted(region, acting(cast["buyer"]))
