"""The committee decides: who must, how votes count, and that only what was adopted is carried out, once."""

from __future__ import annotations

import ast
import json
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

import stockpile
from stockpile.allocation import approval
from stockpile.allocation import operations as asking
from stockpile.contracts import operations as contracts
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.committee import gate, operations, queries, rules, seating, standard
from stockpile.governance.committee.gate import DecisionRequired, DecisionState, Effect, Stopped
from stockpile.governance.committee.operations import NoVote
from stockpile.governance.committee.rules import Elector, Right
from stockpile.governance.rules import RIGHTS, OwnWork
from stockpile.governance.standing import queries as standing
from stockpile.inventory import operations as stock
from stockpile.inventory import transfers
from tests.allocation.surge_room import ask, planned, submitted
from tests.conftest import NOW, Cast, acting
from tests.governance.chamber import Chamber, under
from tests.inventory.stockroom import do

DAY = NOW.date() + timedelta(days=1)
FLOOR: dict[str, Any] = {"item": "TAB", "effective_from": DAY, "quantity": 40}
LOWER = Effect("floor.set", "item:TAB", {"effective_from": DAY.isoformat(), "quantity": 40})


@pytest.fixture
def chamber(region: Engine, cast: Cast) -> Chamber:
    """A constituted committee."""
    return Chamber(region, cast)


# Who must decide


def test_every_effect_has_a_decision_right_and_no_right_is_for_nothing() -> None:
    assert rules.gaps(standard.rights(), standard.operations()) == []
    assert set(standard.operations()) == set(RIGHTS) - {"read", "verify"}


def test_no_effect_of_the_source_escapes_the_table_of_rights() -> None:
    """Every right that some function asks for is a row; every operation that a body decides passes the gate there."""
    asked, gated = _asked_and_gated()
    assert set(asked) <= set(RIGHTS), "a right nobody wrote down"
    decided = {one.operation for one in standard.rights() if one.body in (rules.COMMITTEE, rules.EMERGENCY)}
    assert decided == standard.GATED
    assert decided == set(gated) | {"member.admit", "member.suspend", "member.release"} - {"*"}
    for operation in decided - {"member.admit", "member.suspend", "member.release"}:
        assert asked[operation] <= gated[operation] | READ_ONLY, operation


READ_ONLY = {"allocation/api.py", "inventory/proposals/steps.py", "reorder/preapproval.py", "web/crisis_decide.py"}
"""Files that ask for the right at the door, or hand on to the operation that passes the gate."""


def _asked_and_gated() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    root = Path(stockpile.__file__).parent
    asked: dict[str, set[str]] = {}
    gated: dict[str, set[str]] = {}
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if name in ("require", "require_any") and words:
                asked.setdefault(words[0], set()).add(file.relative_to(root).as_posix())
            if name == "Effect" and words:
                gated.setdefault(words[0], set()).add(file.relative_to(root).as_posix())
    return asked, gated


def test_before_the_committee_is_constituted_roles_alone_count(region: Engine, cast: Cast) -> None:
    Chamber(region, cast, constituted=False)
    do(region, stock.set_floor, acting(cast["committee"]), **FLOOR)


def test_the_committee_is_constituted_once_and_only_with_every_member_seated(region: Engine, cast: Cast) -> None:
    with pytest.raises(DecisionState, match="5 of 5 members have no seat yet"):
        do(region, operations.constitute, acting(cast["administrator"]))
    Chamber(region, cast)
    with pytest.raises(DecisionState, match="constituted already"):
        do(region, operations.constitute, acting(cast["administrator"]))


def test_a_floor_without_a_decision_is_refused_with_what_to_propose(region: Engine, chamber: Chamber) -> None:
    with pytest.raises(DecisionRequired) as refused:
        do(region, stock.set_floor, acting(chamber.cast["committee"]), **FLOOR)
    assert "55 % of the members with 65 % of the population; quorum 2/3" in refused.value.message
    assert refused.value.facts["payload_hash"] == LOWER.hash


def test_the_adopted_decision_is_carried_out_once_and_no_other_effect_under_it(
    region: Engine, chamber: Chamber
) -> None:
    number = chamber.adopted(LOWER)
    committee = chamber.cast["committee"]
    with pytest.raises(DecisionRequired, match="another effect"):
        do(region, stock.set_floor, under(committee, number), **(FLOOR | {"quantity": 41}))
    do(region, stock.set_floor, under(committee, number), **FLOOR)
    assert chamber.stands(number).executed_by == committee.id
    with pytest.raises(DecisionState, match="carried out already"):
        do(region, stock.set_floor, under(committee, number), **FLOOR)


def test_a_decision_permits_nothing_after_its_validity(region: Engine, chamber: Chamber) -> None:
    number = chamber.adopted(LOWER)
    far = FLOOR | {"effective_from": DAY}
    with pytest.raises((DecisionState, Invalid)):
        do(region, stock.set_floor, under(chamber.cast["committee"], number, after_hours=24 * 91), **far)


def test_what_is_not_adopted_is_not_carried_out(region: Engine, chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    assert chamber.votes(number, be="for").state == "open"
    with pytest.raises(DecisionState, match="is open"):
        do(region, stock.set_floor, under(chamber.cast["committee"], number), **FLOOR)
    with pytest.raises(queries.NoProposal):
        do(region, stock.set_floor, under(chamber.cast["committee"], 99), **FLOOR)


# How votes count


def test_the_double_majority_needs_members_and_people(region: Engine, chamber: Chamber) -> None:
    small = chamber.opened(LOWER)
    after = chamber.votes(small, be="for", nl="for", de="against")
    assert after.state == "rejected", "3 of 5 members, but 33,000 of 296,000 people"
    large = chamber.opened(LOWER)
    assert chamber.votes(large, de="for").state == "open", "263,000 people, but 2 of 5 members"
    assert chamber.votes(large, nl="for").state == "open", "3 of 5 is no quorum of two thirds"
    assert chamber.votes(large, be="abstain").state == "adopted"


def test_the_count_equals_a_count_by_hand_for_every_way_to_vote() -> None:
    weights = {"A": 50, "B": 30, "C": 15, "D": 5}
    right = Right("x", rules.COMMITTEE)
    for choices in product(("for", "against", "abstain", None), repeat=4):
        cast = {member: one for member, one in zip(weights, choices, strict=True) if one}
        count = rules.tally(right, [Elector(m, w) for m, w in weights.items()], cast, over=True, silence=False)
        pro = [member for member, one in cast.items() if one == "for"]
        quorate = 3 * len(cast) >= 2 * 4
        won = 100 * len(pro) >= 55 * 4 and 100 * sum(weights[m] for m in pro) >= 65 * 100
        expected = "lapsed" if not quorate else "adopted" if won else "rejected"
        assert count.state == expected, cast


def test_a_result_before_the_end_is_one_that_no_later_vote_can_change() -> None:
    weights = {"A": 50, "B": 30, "C": 15, "D": 5}
    right, electors = Right("x", rules.COMMITTEE), [Elector(m, w) for m, w in weights.items()]
    for choices in product(("for", "against", "abstain", None), repeat=4):
        cast = {member: one for member, one in zip(weights, choices, strict=True) if one}
        early = rules.tally(right, electors, cast, over=False, silence=False).state
        ends = {
            rules.tally(right, electors, dict(zip(weights, rest, strict=True)), over=True, silence=False).state
            for rest in product(*[(one,) if one else ("for", "against", "abstain") for one in choices])
        }
        if early in ("adopted", "rejected"):
            assert ends == {early}, cast


def test_silence_agrees_only_where_it_was_so_agreed_and_unanimity_bears_no_vote_against() -> None:
    electors = [Elector("A", 1), Elector("B", 1), Elector("C", 1, recused=True)]
    right = Right("x", rules.COMMITTEE, majority=rules.UNANIMITY)
    said = {"A": "for"}
    assert rules.tally(right, electors, said, over=True, silence=True).state == "adopted"
    assert rules.tally(right, electors, said, over=True, silence=False).state == "lapsed"
    assert rules.tally(right, electors, said | {"B": "against"}, over=True, silence=True).state == "rejected"
    assert rules.tally(right, electors, said | {"B": "abstain"}, over=False, silence=False).state == "adopted"


def test_nobody_votes_on_their_own_proposal_nor_twice_nor_for_who_is_recused(region: Engine, chamber: Chamber) -> None:
    own = chamber.cast.engage("author", *chamber.seats["seat-nl"].grants, *chamber.cast["coordinator"].grants)
    given = {"account": "author", "members": ["NL-1"], "kind": "alternate", "reference": "council"}
    do(region, seating.appoint, acting(chamber.cast["administrator"]), **given)
    chamber.cast._known["author"] = own
    number = chamber.opened(LOWER, by="author", interested=["BE-1"])
    with pytest.raises(OwnWork):
        do(region, operations.vote, acting(own), number=number, choice="for", reason="mine")
    chamber.votes(number, be="against")
    with reading(region) as session:
        assert [one.member_code for one in queries.votes(session, number)] == ["BE-2"]
    act = acting(chamber.seats["seat-be"])
    with pytest.raises(NoVote, match="recused"):
        do(region, operations.vote, act, number=number, choice="for", reason="again", only=["BE-1"])
    with pytest.raises(NoVote, match="no vote left"):
        chamber.votes(number, be="for")


def test_a_vote_without_a_quorum_lapses_when_its_time_is_over(region: Engine, chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    chamber.votes(number, de="for")
    late = acting(chamber.cast["committee"], after_hours=337)
    assert [one.state for one in do(region, operations.close_due, late)] == ["lapsed"]
    with pytest.raises(DecisionState):
        chamber.votes(number, after_hours=338, be="for")


# Continuity


def test_a_delegated_vote_stands_after_its_giver_has_left_office(region: Engine, chamber: Chamber) -> None:
    until = NOW + timedelta(days=9)
    given = {"member": "NL-1", "to": "seat-be", "ends_at": until, "reason": "on leave"}
    do(region, seating.delegate, acting(chamber.seats["seat-nl"]), **given)
    number = chamber.opened(LOWER)
    chamber.votes(number, be="for")
    with reading(region) as session:
        seat = next(one.id for one in queries.seats(session, at=NOW) if one.member_code == "NL-1")
    do(
        region,
        seating.end_term,
        acting(chamber.cast["administrator"], after_hours=1.5),
        number=seat,
        reason="elections",
    )
    assert chamber.votes(number, after_hours=2, de="for").state == "adopted"
    with reading(region) as session:
        capacities = {one.member_code: one.capacity for one in queries.votes(session, number)}
        assert capacities["NL-1"] == "delegation"
        assert queries.recount(session, number).differences == []


def test_an_empty_seat_is_kept_by_a_caretaker_whose_role_ends_by_itself(region: Engine, chamber: Chamber) -> None:
    office = chamber.cast["administrator"]
    helper = {"account": "seat-be", "members": ["NL-1"], "kind": "caretaker", "reference": "the chair"}
    with pytest.raises(seating.SeatTaken):
        do(region, seating.appoint, acting(office), **helper, ends_at=NOW + timedelta(days=9))
    with reading(region) as session:
        seat = next(one.id for one in queries.seats(session, at=NOW) if one.member_code == "NL-1")
    do(region, seating.end_term, acting(office), number=seat, reason="left")
    with pytest.raises(Invalid, match="ends by itself"):
        do(region, seating.appoint, acting(office), **helper, ends_at=NOW + timedelta(days=31))
    do(region, seating.appoint, acting(office, after_hours=1), **helper, ends_at=NOW + timedelta(days=9))
    with reading(region) as session:
        account = chamber.seats["seat-be"].id
        assert queries.speaks_for(session, account, "floor.set", at=NOW + timedelta(days=8))["NL-1"] == "caretaker"
        assert "NL-1" not in queries.speaks_for(session, account, "floor.set", at=NOW + timedelta(days=9))


# Emergencies


def provisional(region: Engine, chamber: Chamber) -> tuple[int, list[Any]]:
    """A plan of a level 3 surge, approved at once: the ratification's number, and the transfers."""
    cast = chamber.cast
    given = {"hazard": "epidemic", "level": 3, "evidence": "admissions tripled", "cover_days": 3}
    surge = do(region, asking.declare_surge, acting(cast["coordinator3"]), review_by=NOW + timedelta(days=9), **given)
    submitted(region, cast, surge.id, ask("NL-1", "TAB", 100, need_by=NOW + timedelta(days=7)))
    plan = planned(region, cast, surge.id)
    made = do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    with reading(region) as session:
        (found,) = queries.proposals(session, state="executed_provisional")
    assert found.subject == f"plan:{plan.id}"
    return found.id or 0, made


def test_a_plan_of_level_three_is_carried_out_at_once_and_ratified(region: Engine, chamber: Chamber) -> None:
    number, made = provisional(region, chamber)
    assert chamber.stands(number).deadline == NOW + timedelta(hours=72)
    with pytest.raises(NoVote):
        do(region, operations.vote, acting(chamber.cast["committee2"]), number=number, choice="for", reason="no seat")
    assert chamber.votes(number, be="for", de="for").state == "ratified"
    late = acting(chamber.cast["logistics"], after_hours=80)
    do(region, transfers.dispatch, late, numbers=[made[0].id])


def test_what_is_not_ratified_in_72_hours_is_dispatched_no_more(region: Engine, chamber: Chamber) -> None:
    number, made = provisional(region, chamber)
    late = acting(chamber.cast["logistics"], after_hours=72)
    with pytest.raises(Stopped, match="goes to settlement"):
        do(region, transfers.dispatch, late, numbers=[made[0].id])
    do(region, operations.close_due, acting(chamber.cast["committee"], after_hours=72))
    assert chamber.stands(number).state == "not_ratified"
    with pytest.raises(Stopped):
        do(region, transfers.dispatch, late, numbers=[made[0].id])


def test_before_the_clock_runs_out_provisional_goods_leave(region: Engine, chamber: Chamber) -> None:
    _, made = provisional(region, chamber)
    do(region, transfers.dispatch, acting(chamber.cast["logistics"], after_hours=71), numbers=[made[0].id])


# Rights are data


def test_rights_are_changed_by_a_decision_alone_and_count_from_then_on(region: Engine, chamber: Chamber) -> None:
    rows = rules.table(standard.rights())
    looser = [row | ({"body": "standing"} if row["operation"] == "floor.set" else {}) for row in rows]
    with pytest.raises(DecisionRequired):
        do(region, operations.change_rights, acting(chamber.cast["committee"]), rows=looser)
    number = chamber.adopted(Effect("rights.change", "rights", {"rows": operations.sound(looser)}))
    do(region, operations.change_rights, under(chamber.cast["committee"], number), rows=looser)
    do(region, stock.set_floor, acting(chamber.cast["committee"], after_hours=3), **FLOOR)
    with pytest.raises(DecisionRequired):
        do(region, stock.set_floor, acting(chamber.cast["committee"], after_hours=1), **FLOOR)
    with reading(region) as session:
        assert [one.version for one in queries.versions(session)] == [2, 1]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"operation": "floor.burn", "body": "committee"}, "floor.burn"),
        ({"operation": "floor.set", "body": "the mayor"}, "no body"),
        ({"operation": "floor.set", "body": "committee", "members_percent": 40}, "more than half"),
        ({"operation": "floor.set", "body": "committee", "quorum": "1/0"}, "rows"),
        ({"operation": "floor.set", "body": "committee", "quorum": "1/3"}, "at least 1/2"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(row: dict[str, Any], why: str) -> None:
    others = [one for one in rules.table(standard.rights()) if one["operation"] != "floor.set"]
    with pytest.raises(Invalid, match=why):
        operations.sound([*others, row])


# Anyone can recompute


def test_a_changed_vote_or_weight_is_found_by_the_recount(region: Engine, chamber: Chamber) -> None:
    number = chamber.adopted(LOWER)
    with reading(region) as session:
        assert queries.recount(session, number).differences == []
    for change in (
        "UPDATE committee_vote SET choice = 'against' WHERE member_code = 'DE-1'",
        "UPDATE committee_elector SET weight = 1 WHERE member_code = 'DE-1'",
    ):
        with region.begin() as connection:
            connection.execute(text(change))
        with reading(region) as session:
            assert queries.recount(session, number).differences, change


def test_the_journal_keeps_every_vote_with_its_weight_and_reason(region: Engine, chamber: Chamber) -> None:
    number = chamber.adopted(LOWER)
    with region.connect() as connection:
        told = connection.execute(
            text("SELECT payload, reason FROM journal_entry WHERE action = 'decision.vote' AND subject = :which"),
            {"which": f"decision:{number}"},
        ).all()
    assert [(json.loads(payload)["votes"], reason) for payload, reason in told] == [
        ([["BE-1", "for", 4000], ["BE-2", "for", 19000]], "as instructed"),
        ([["DE-1", "for", 248000], ["DE-2", "for", 15000]], "as instructed"),
    ]


def test_the_gate_stands_before_every_operation_that_names_an_effect(region: Engine, chamber: Chamber) -> None:
    terms = {"contract": "C-1", "item": "TAB", "tolerance_percent": 5, "whole_packs": True}
    with reading(region) as session:
        contract = session.connection().execute(text("SELECT contract_code, item_code FROM contract_line")).first()
    assert contract is not None
    given = terms | {"contract": contract[0], "item": contract[1]}
    with pytest.raises(DecisionRequired):
        do(region, contracts.set_delivery_terms, acting(chamber.cast["buyer"]), **given)
    with reading(region) as session:
        assert gate.right_of(_version(session), Effect("calloff.approve", "x", {}, 5_000_000)).body == "four_eyes"
        assert gate.right_of(_version(session), Effect("calloff.approve", "x", {}, 5_000_001)).body == "committee"


def _version(session: Any) -> Any:
    found = queries.in_force(session, at=NOW)
    assert found is not None
    return found


def test_weights_are_those_of_the_date_whatever_becomes_known_later(region: Engine, chamber: Chamber) -> None:
    from stockpile.governance.members import operations as members

    number = chamber.adopted(LOWER)
    later = acting(chamber.cast["administrator"], after_hours=5)
    given = {"member": "DE-1", "year": 2020, "population": 100, "source": "census"}
    do(region, members.note_population, later, **given)
    with reading(region) as session:
        assert queries.recount(session, number).differences == []
        assert standing.voters(session, at=NOW)["DE-1"] == 248000
        assert standing.voters(session, at=later.at)["DE-1"] == 100
