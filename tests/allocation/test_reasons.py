"""Why did we get this? The rule, who got more, what bound it, what would change it, and how to contest it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.allocation import approval
from stockpile.allocation.queries import UnknownRequest
from stockpile.allocation.reasons import queries, rules
from stockpile.allocation.reasons.queries import NotPlannedYet, Reasons
from stockpile.allocation.tables import Plan
from stockpile.catalogue import operations as catalogue
from stockpile.db import reading
from stockpile.inventory import holding, transfers
from stockpile.inventory import operations as stock
from stockpile.inventory.tables import TransferLine
from tests.allocation.surge_room import ask, everybody, planned, results, share_out, submitted, surge
from tests.allocation.test_policies import PER_HEAD, adopted
from tests.conftest import NOW, Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do, lot_id


def reasons(engine: Engine, plan: Plan, member: str = "NL-1", item: str = "TAB") -> Reasons:
    """The reasons for a municipality's request in a plan."""
    number = results(engine, plan)[member, item].request_id
    with reading(engine) as session:
        return queries.of_request(session, number, at=NOW)


def test_the_answer_names_rule_decision_stock_and_reserve(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    found = reasons(region, plan)
    assert (found.answer.asked, found.answer.validated) == (1000, 120)
    assert found.policy == "leximin in tiers/1"
    assert found.policy_words.startswith("The town that is worst supplied")
    assert "computed by coordinator at 2020-03-30 08:00 UTC (proven fair by the independent checker)" in found.decision
    assert "nobody has approved it" in found.decision
    within, reserve = found.binding
    assert within.startswith(
        "500 tablet may and can reach you and 4 others in time, for a need of 720 tablet together: lot T-"
    )
    assert reserve == "100 tablet stay in the depots as the reserve that the committee has set"
    assert "ask a coordinator to review the validated need" in found.appeal
    assert found.changes[-1] == "evidence for more than the 120 validated of the 1,000 asked"


def test_one_more_pack_does_what_the_answer_says(region: Engine, cast: Cast) -> None:
    """A floor lowered by ten is one pack more: it goes to the one who was named, and lifts it as was said."""
    number, plan = share_out(region, cast, *everybody())
    [said] = {line for line in reasons(region, plan).changes if line.startswith("one more pack (10 tablet) at D-BE")}
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 90}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    after = planned(region, cast, number)
    before = {pair: row.got for pair, row in results(region, plan).items()}
    [(pair, row)] = [(pair, row) for pair, row in results(region, after).items() if row.got != before[pair]]
    names = {"BE-1": "Aubel", "BE-2": "Eupen", "DE-1": "Aachen", "DE-2": "Simmerath", "NL-1": "Vaals"}
    assert f" lifts {names[pair[0]]}, who comes before you, from " in said
    assert row.got - before[pair] == 10


@ON_SQLITE
def test_who_got_more_is_told_with_the_reason(region: Engine, cast: Cast) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 500}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    _, plan = share_out(region, cast, ask("NL-1", quantity=100), ask("BE-2", quantity=120, priority=3))
    assert reasons(region, plan, "BE-2").better_count == 1
    [better] = reasons(region, plan, "BE-2").better_filled
    assert (better.member, better.got, better.permille) == ("NL-1", 100, 1000)
    assert better.because.startswith("its request has priority 2, and yours 3")
    assert reasons(region, plan).better_filled == []
    assert reasons(region, plan).changes == [], "it got all that it asked for"


@ON_SQLITE
def test_stock_that_may_not_serve_a_request_is_listed_by_reason(region: Engine, cast: Cast) -> None:
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="recall")
    _, plan = share_out(region, cast, *everybody(), ask("NL-1", "VIAL", 4))
    assert [(one.reason, one.quantity) for one in reasons(region, plan).barred] == [("on_hold", 400)]
    vials = reasons(region, plan, item="VIAL")
    assert [(one.reason, one.quantity) for one in vials.barred] == [("not_licensed", 50)]
    assert vials.barred[0].words == "the item is not licensed in this country"
    assert vials.binding == []


@ON_SQLITE
def test_an_approved_substitute_is_offered_with_what_there_is_of_it(region: Engine, cast: Cast) -> None:
    given = {
        "item": "TAB",
        "substitute": "PUMP",
        "country": "NL",
        "units": 2,
        "per_units": 10,
        "reason": "the same use",
    }
    valid = {"valid_from": date(2020, 1, 1), "valid_through": None}
    made = do(region, catalogue.propose_substitute, acting(cast["logistics"]), **given, **valid)
    do(region, catalogue.decide_substitute, acting(cast["pharmacist"]), number=made.id, approve=True, reason="yes")
    _, plan = share_out(region, cast, *everybody())
    offer = "ask for PUMP instead: 2 of it stand for 10, and 10 of it are in the pool's depots"
    assert offer in reasons(region, plan).changes
    assert offer not in reasons(region, plan, "BE-1").changes, "it is approved for the Netherlands alone"


@ON_SQLITE
def test_an_approved_plan_says_who_decided_and_how_to_ask_again(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    found = reasons(region, plan)
    assert "approved by committee at 2020-03-30 08:00 UTC" in found.decision
    assert found.appeal.startswith("the plan is approved. Ask again with new evidence")
    assert found.arriving == ["80 tablet of yours are reserved at the depots and wait to be sent"]
    for number in {row.transfer_id for row in sent(region) if row.reference == f"request:{found.request}"}:
        do(region, transfers.dispatch, acting(cast["logistics"]), numbers=[number])
    assert reasons(region, plan).arriving == ["80 tablet of yours are under way"]


def sent(engine: Engine) -> list[TransferLine]:
    """Every line on the road or about to be."""
    with reading(engine) as session:
        return list(session.exec(select(TransferLine)).all())


@ON_SQLITE
def test_a_plan_by_another_policy_names_it(region: Engine, cast: Cast) -> None:
    adopted(region, cast, PER_HEAD)
    _, plan = share_out(region, cast, *everybody())
    found = reasons(region, plan)
    assert found.policy == "per head/1"
    assert found.policy_words == "Everyone gets the same number per inhabitant, but nobody more than they need."
    assert found.binding == []


@ON_SQLITE
def test_a_request_that_no_plan_has_seen_says_so(region: Engine, cast: Cast) -> None:
    [request] = submitted(region, cast, surge(region, cast), ask())
    with reading(region) as session:
        with pytest.raises(NotPlannedYet, match="is validated and no plan has looked at it"):
            queries.of_request(session, request.id or 0, at=NOW)
        with pytest.raises(UnknownRequest):
            queries.of_request(session, 99, at=NOW)


def test_the_place_in_the_queue_is_that_of_the_fair_rule() -> None:
    """Packs come one by one to the emptiest; of equal fills to the smaller need, then by name."""
    tied = [
        rules.Standing(name, name, 1, got, need, "t") for name, got, need in (("A", 1, 4), ("B", 2, 4), ("C", 0, 9))
    ]
    for mine in tied:
        assert rules.turn(mine, tied) == simulated(mine, tied)


def simulated(mine: rules.Standing, tied: list[rules.Standing]) -> int:
    """Give pack after pack by the rule until one is mine."""
    got = {one.member: one.got for one in tied}
    for count in range(1, 100):
        waiting = [one for one in tied if got[one.member] < one.need]
        first = min(waiting, key=lambda one: (Fraction(got[one.member], one.need), one.need, one.member))
        if first is mine:
            return count
        got[first.member] += 1
    raise AssertionError("never")


def test_the_reasons_over_http_name_the_rules_under_which_they_would_have_got_more(region: Engine, cast: Cast) -> None:
    people = Desk(region, cast)
    _, plan = share_out(region, cast, *everybody())
    number = results(region, plan)["DE-1", "TAB"].request_id
    told: dict[str, Any] = people.get("requester", f"/requests/{number}/why")
    assert told["answer"]["member"] == "DE-1"
    assert told["more_under"], "most people live there"
    assert all(one["got"] > told["answer"]["got"] for one in told["more_under"])
    assert people.get("requester", f"/requests/{number}/why?others=false")["more_under"] == []
    assert people.call("requester", "GET", "/requests/99/why").status_code == 404
