"""The right comes from the effect itself, an emergency has its limits, and the journal tells under what it was."""

from __future__ import annotations

import ast
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import col, select

import stockpile
from stockpile.allocation import approval
from stockpile.allocation import operations as asking
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.committee import gate, operations, queries, rules, standard
from stockpile.governance.committee.gate import DecisionRequired, Effect, Urgency
from stockpile.governance.committee.rules import Right
from stockpile.inventory import operations as stock
from stockpile.journal import JournalEntry
from tests.allocation.surge_room import ask, planned, submitted
from tests.conftest import NOW, Cast, acting
from tests.governance.chamber import Chamber, under
from tests.inventory.stockroom import do

DAY = NOW.date() + timedelta(days=1)
FLOOR: dict[str, Any] = {"item": "TAB", "effective_from": DAY, "quantity": 40}
LOWER = Effect("floor.set", "item:TAB", {"effective_from": DAY.isoformat(), "quantity": 40})
DEAR = Effect("calloff.approve", "calloff:1", {"cost_minor": 6_000_000}, value_minor=6_000_000)


@pytest.fixture
def chamber(region: Engine, cast: Cast) -> Chamber:
    """A constituted committee."""
    return Chamber(region, cast)


def approved(region: Engine, cast: Cast, *, level: int, hours: float, after_days: int = 0) -> int:
    """Approve a plan of a surge of that level, needed within so many hours, so many days after it began."""
    given = {"hazard": "epidemic", "level": level, "evidence": "admissions tripled", "cover_days": 3}
    begun = acting(cast["coordinator3"], after_hours=-24 * after_days)
    surge = do(region, asking.declare_surge, begun, review_by=NOW + timedelta(days=14), **given)
    submitted(region, cast, surge.id, ask("NL-1", "TAB", 100, need_by=NOW + timedelta(hours=hours)))
    plan = planned(region, cast, surge.id)
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    return int(plan.id or 0)


def told(region: Engine, action: str) -> dict[str, Any]:
    """What the newest journal entry of an action says."""
    with reading(region) as session:
        query = select(JournalEntry.payload).where(JournalEntry.action == action).order_by(col(JournalEntry.id).desc())
        payload = session.exec(query).first()
    assert payload is not None
    found: dict[str, Any] = json.loads(payload)
    return found


# The effect says what it is worth


def test_a_proposal_that_says_less_than_the_effect_is_worth_permits_nothing(region: Engine, chamber: Chamber) -> None:
    cheap = Effect(DEAR.operation, DEAR.subject, DEAR.payload, value_minor=1)
    assert cheap.hash != DEAR.hash
    with pytest.raises(operations.DecisionState, match="needs no vote at this value: it is decided by four_eyes"):
        chamber.opened(cheap)
    loud = Effect(LOWER.operation, LOWER.subject, LOWER.payload, level=4)
    number = chamber.adopted(loud)
    with pytest.raises(DecisionRequired, match="another effect"):
        do(region, stock.set_floor, under(chamber.cast["committee"], number), **FLOOR)


def test_the_right_that_is_voted_under_is_that_of_the_effects_own_value(chamber: Chamber) -> None:
    number = chamber.opened(DEAR)
    rule = json.loads(chamber.stands(number).rule)
    assert (rule["body"], rule["from_minor"]) == ("committee", standard.FOUR_EYES_MINOR + 1)


def test_a_value_that_was_changed_after_the_vote_is_found_by_the_recount(region: Engine, chamber: Chamber) -> None:
    number = chamber.adopted(DEAR)
    with reading(region) as session:
        assert queries.recount(session, number).differences == []
    with region.begin() as connection:
        connection.execute(text("UPDATE committee_proposal SET value_minor = 5"))
    with reading(region) as session:
        assert queries.recount(session, number).differences == ["the payload is not that of its hash"]


# An emergency and its limits


def test_what_is_needed_within_a_day_is_an_emergency_below_level_three_too(
    region: Engine, cast: Cast, chamber: Chamber
) -> None:
    plan = approved(region, cast, level=2, hours=20)
    with reading(region) as session:
        (found,) = queries.proposals(session, state="executed_provisional")
    assert found.subject == f"plan:{plan}"
    assert found.pool_permille > 0


def test_what_is_needed_later_stays_with_two_people_below_level_three(
    region: Engine, cast: Cast, chamber: Chamber
) -> None:
    approved(region, cast, level=2, hours=30)
    with reading(region) as session:
        assert queries.proposals(session) == []
    assert told(region, "plan.approve") | {"decided_by": "four_eyes", "decision": None} == told(region, "plan.approve")


def test_the_emergency_power_ends_thirty_days_after_the_surge_began(
    region: Engine, cast: Cast, chamber: Chamber
) -> None:
    with pytest.raises(DecisionRequired, match=r"the emergency power ended on .*, 30 days after it began"):
        approved(region, cast, level=3, hours=48, after_days=30)


def emergency(region: Engine, cast: Cast, permille: int, *, number: int) -> gate.Authority:
    """Pass the gate with an emergency that takes so much of the pool."""
    effect = Effect("plan.approve", f"plan:{number}", {}, level=3, urgency=Urgency(NOW, pool_permille=permille))
    found: gate.Authority = do(region, gate.decide, acting(cast["committee"]), effect=effect)
    return found


def test_emergencies_take_half_of_the_pool_at_most_until_they_are_ratified(
    region: Engine, cast: Cast, chamber: Chamber
) -> None:
    with pytest.raises(DecisionRequired, match=r"would take 50.1 % of the pool, and may take 50 %: plan.approve on"):
        emergency(region, cast, 501, number=7)
    first = emergency(region, cast, 300, number=8).decision
    assert first is not None
    with pytest.raises(DecisionRequired, match=r"would take 60.0 % of the pool"):
        emergency(region, cast, 300, number=9)
    assert chamber.votes(first, be="for", de="for").state == "ratified"
    assert emergency(region, cast, 300, number=9).decision == first + 1


def test_beyond_its_limits_a_decision_of_the_committee_is_enough(region: Engine, cast: Cast, chamber: Chamber) -> None:
    effect = Effect("plan.approve", "plan:7", {}, level=3, urgency=Urgency(NOW, pool_permille=900))
    number = chamber.adopted(Effect("plan.approve", "plan:7", {}, level=3))
    found = do(region, gate.decide, under(cast["committee"], number), effect=effect)
    assert found == gate.Authority(1, "emergency", number)


def test_hours_of_urgency_open_a_right_and_silence_about_them_does_not() -> None:
    rows = (Right("x", "four_eyes"), Right("x", "emergency", from_level=3, within_hours=24))
    bodies = [rules.right_for(rows, "x", hours_left=hours).body for hours in (None, 23.9, 24, -1)]
    assert bodies == ["four_eyes", "emergency", "four_eyes", "emergency"]


def test_limits_that_make_no_sense_are_refused() -> None:
    others = [one for one in rules.table(standard.rights()) if one["operation"] != "floor.set"]
    for row in ({"limit_percent": 101}, {"limit_days": 0}, {"within_hours": -1}):
        with pytest.raises(Invalid, match=r"floor\.set"):
            operations.sound([*others, {"operation": "floor.set", "body": "committee", **row}])


# G1: the journal tells under what it was done


def test_the_entry_of_an_effect_names_the_version_of_the_rights_and_the_decision(
    region: Engine, cast: Cast, chamber: Chamber
) -> None:
    number = chamber.adopted(LOWER)
    do(region, stock.set_floor, under(cast["committee"], number), **FLOOR)
    effect = told(region, "floor.set")
    assert (effect["rights_version"], effect["decided_by"], effect["decision"]) == (1, "committee", number)
    approved(region, cast, level=3, hours=48)
    plan = told(region, "plan.approve")
    assert (plan["rights_version"], plan["decided_by"], plan["decision"]) == (1, "emergency", number + 1)


def test_no_function_passes_the_gate_and_leaves_untold_under_what() -> None:
    """In the whole source: what the gate answers is used, and the function's entry, or its caller's, tells it."""
    root = Path(stockpile.__file__).parent
    passes = 0
    for file in sorted(root.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        thrown = [
            node.lineno
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Expr) and "gate.decide(" in (ast.get_source_segment(source, node) or "")
        ]
        assert not thrown, (file, thrown)
        found = source.count("gate.decide(")
        passes += found
        assert source.count(".told") + source.count("under=under") >= found, file
    assert passes >= 10
