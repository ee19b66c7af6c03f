"""The way into the membership and out of it, and what each state permits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from stockpile.allocation import operations as asking
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.committee.gate import DecisionRequired, Effect
from stockpile.governance.members import operations
from stockpile.governance.members.operations import EvidenceMissing, MemberKnown, NoSuchStep
from stockpile.governance.standing import queries, rules
from stockpile.governance.standing.queries import NotActive
from stockpile.governance.tables import Member
from stockpile.settlement import operations as settlement
from tests.allocation.surge_room import ask, submitted, surge
from tests.conftest import NOW, Cast, acting
from tests.governance.chamber import Chamber, under
from tests.inventory.stockroom import do

PLACE = {"country": "NL", "parent": "Limburg", "latitude": 50.8, "longitude": 6.0}


@pytest.fixture
def chamber(region: Engine, cast: Cast) -> Chamber:
    """A constituted committee."""
    return Chamber(region, cast)


def candidate(region: Engine, cast: Cast, code: str = "NL-2") -> None:
    """A municipality that wants to take part."""
    row = Member(code=code, name="Gulpen", population=14000, population_year=2020, **PLACE)
    do(region, operations.nominate, acting(cast["administrator"]), member=row, reason="letter of 3 March")


def stepped(region: Engine, chamber: Chamber, to: str, *, member: str = "NL-2", decision: int | None = None) -> None:
    """Take a membership a step on, as whoever may."""
    by = {"observer": "administrator", "signed": "administrator"}.get(to, "committee")
    do(region, operations.step, under(chamber.cast[by], decision), member=member, to=to, reason="as agreed")


def test_a_municipality_joins_with_its_evidence_and_a_vote_of_the_committee(region: Engine, chamber: Chamber) -> None:
    candidate(region, chamber.cast)
    office = acting(chamber.cast["administrator"])
    with pytest.raises(EvidenceMissing, match="signed by somebody"):
        stepped(region, chamber, "signed")
    for kind in ("signature", "council", "buy_in"):
        do(region, operations.file_evidence, office, member="NL-2", kind=kind, reference=f"file {kind}")
    stepped(region, chamber, "signed")
    with pytest.raises(EvidenceMissing, match="data feed"):
        stepped(region, chamber, "active")
    do(region, operations.file_evidence, office, member="NL-2", kind="data_feed", reference="run 1")
    with pytest.raises(DecisionRequired):
        stepped(region, chamber, "active")
    admit = Effect("member.admit", "member:NL-2", {"member": "NL-2", "to": "active"})
    stepped(region, chamber, "active", decision=chamber.adopted(admit))
    with reading(region) as session:
        assert [one.state for one in queries.history(session, "NL-2")] == ["candidate", "signed", "active"]
        assert "NL-2" not in queries.voters(session, at=NOW + timedelta(hours=1))
        assert queries.voters(session, at=NOW + timedelta(hours=3))["NL-2"] == 14000


def test_who_is_no_active_member_gets_no_stock_and_has_no_vote(region: Engine, chamber: Chamber) -> None:
    candidate(region, chamber.cast)
    number = surge(region, chamber.cast)
    with pytest.raises(NotActive, match="NL-2 is candidate"):
        submitted(region, chamber.cast, number, ask("NL-2", point_of_use="H-NL"))
    with reading(region) as session:
        assert "NL-2" not in queries.voters(session, at=NOW)


def test_who_is_suspended_keeps_what_saves_lives_and_loses_the_vote(region: Engine, chamber: Chamber) -> None:
    effect = Effect("member.suspend", "member:NL-1", {"member": "NL-1", "to": "suspended"})
    number = chamber.opened(effect)
    chamber.votes(number, be="for", de="for")
    assert chamber.stands(number).state == "adopted", "the member concerned is recused"
    stepped(region, chamber, "suspended", member="NL-1", decision=number)
    later = acting(chamber.cast["coordinator"], after_hours=3)
    with reading(region) as session:
        assert "NL-1" not in queries.voters(session, at=later.at)
    number = surge(region, chamber.cast)
    for priority, served in ((1, True), (2, False)):
        drafts = [ask("NL-1", "TAB" if served else "PUMP", 100, priority=priority, need_by=NOW + timedelta(days=3))]
        if served:
            assert do(region, asking.submit, later, surge_id=number, drafts=drafts)
        else:
            with pytest.raises(NotActive):
                do(region, asking.submit, later, surge_id=number, drafts=drafts)


def test_the_way_out_needs_notice_a_statement_and_a_decision(region: Engine, chamber: Chamber) -> None:
    with pytest.raises(NoSuchStep, match="from there it goes to suspended, notice_of_exit"):
        stepped(region, chamber, "exited", member="NL-1")
    do(region, settlement.exit_statement, acting(chamber.cast["committee"]), member="NL-1")
    stepped(region, chamber, "notice_of_exit", member="NL-1")
    with pytest.raises(EvidenceMissing, match="settlement statement"):
        stepped(region, chamber, "exited", member="NL-1")  # what was stated before the notice is none of this exit
    office = acting(chamber.cast["administrator"])
    with pytest.raises(Invalid, match="the statement is the settlement's"):
        do(region, operations.file_evidence, office, member="NL-1", kind="statement", reference="statement 9")
    do(region, settlement.exit_statement, acting(chamber.cast["committee"], after_hours=2), member="NL-1")
    effect = Effect("member.release", "member:NL-1", {"member": "NL-1", "to": "exited"})
    stepped(region, chamber, "exited", member="NL-1", decision=chamber.adopted(effect))
    with reading(region) as session:
        assert queries.state(session, "NL-1", at=NOW + timedelta(hours=3)) == rules.EXITED
        assert queries.state(session, "NL-1", at=NOW) == rules.ACTIVE


def test_nobody_leaves_before_the_notice_of_the_agreement_is_over(region: Engine, chamber: Chamber) -> None:
    terms = {
        "text_sha256": "a" * 64,
        "effective_from": NOW.date().isoformat(),
        "governing_law": "Belgian law",
        "languages": "nl, fr, de",
        "cost_key": "population",
        "notice_days": 30,
    }
    number = chamber.opened(Effect("agreement.adopt", "agreement", terms))
    chamber.votes(number, be="for", de="for", nl="for")
    agreed = under(chamber.cast["committee"], number)
    do(region, operations.adopt_agreement, agreed, **(terms | {"effective_from": NOW.date()}))
    stepped(region, chamber, "notice_of_exit", member="NL-1")
    do(region, settlement.exit_statement, acting(chamber.cast["committee"], after_hours=2), member="NL-1")
    effect = Effect("member.release", "member:NL-1", {"member": "NL-1", "to": "exited"})
    decision = chamber.adopted(effect)
    with pytest.raises(NoSuchStep, match="it stays a member until 2020-04-29"):
        stepped(region, chamber, "exited", member="NL-1", decision=decision)
    last = under(chamber.cast["committee"], decision, after_hours=2 + 30 * 24)
    assert do(region, operations.step, last, member="NL-1", to="exited", reason="as agreed").state == rules.EXITED


def test_a_member_leaving_changes_no_vote_that_was_taken_before(region: Engine, chamber: Chamber) -> None:
    from stockpile.governance.committee import queries as decisions

    effect = Effect("floor.set", "item:TAB", {"quantity": 1})
    number = chamber.adopted(effect)
    test_the_way_out_needs_notice_a_statement_and_a_decision(region, chamber)
    with reading(region) as session:
        assert decisions.recount(session, number).differences == []
        assert len(decisions.electors(session, number)) == 5


def test_an_agreement_comes_into_force_as_it_was_adopted(region: Engine, chamber: Chamber) -> None:
    day = NOW.date() + timedelta(days=10)
    terms = {
        "text_sha256": "a" * 64,
        "effective_from": day,
        "governing_law": "Belgian law",
        "languages": "nl, fr, de",
        "cost_key": "population",
        "notice_days": 180,
    }
    effect = Effect("agreement.adopt", "agreement", {**terms, "effective_from": day.isoformat()})
    number = chamber.opened(effect)
    chamber.votes(number, be="for", de="for", nl="for")
    committee_act = under(chamber.cast["committee"], number)
    with pytest.raises(DecisionRequired):
        do(region, operations.adopt_agreement, committee_act, **(terms | {"notice_days": 90}))
    do(region, operations.adopt_agreement, committee_act, **terms)
    with reading(region) as session:
        assert queries.agreement(session, on=day - timedelta(days=1)) is None
        found = queries.agreement(session, on=day)
        assert found is not None
        assert (found.version, found.decision_id) == (1, number)


def test_nonsense_about_members_is_refused(region: Engine, cast: Cast) -> None:
    office = acting(cast["administrator"])
    candidate(region, cast)
    with pytest.raises(MemberKnown):
        candidate(region, cast)
    with pytest.raises(Invalid, match="colon"):
        candidate(region, cast, "NL:2")
    with pytest.raises(Invalid):
        do(region, operations.file_evidence, office, member="NL-2", kind="gossip", reference="heard")
    with pytest.raises(Invalid):
        do(region, operations.note_population, office, member="NL-2", year=2020, population=0, source="x")
