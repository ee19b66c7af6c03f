"""Stepping back from a vote, and what waits for whose vote."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import operations, queries
from stockpile.governance.committee.gate import DecisionState, Effect
from stockpile.governance.committee.operations import NoVote
from stockpile.governance.rules import Missing
from tests.conftest import NOW, Cast, acting
from tests.governance.chamber import Chamber
from tests.inventory.desk import Desk
from tests.inventory.stockroom import do

LOWER = Effect("floor.set", "item:TAB", {"effective_from": "2020-03-31", "quantity": 40})


@pytest.fixture
def chamber(region: Engine, cast: Cast) -> Chamber:
    """A constituted committee."""
    return Chamber(region, cast)


def back(chamber: Chamber, number: int, *, seat: str, after_hours: float = 1, **more: object) -> None:
    """A seat steps back."""
    given = {"number": number, "reason": "its hospital sells the item", **more}
    do(chamber.engine, operations.recuse, acting(chamber.seats[f"seat-{seat}"], after_hours=after_hours), **given)


def test_who_steps_back_counts_neither_for_quorum_nor_for_majority(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    back(chamber, number, seat="be")
    with reading(chamber.engine) as session:
        count = queries.counted(session, queries.proposal(session, number), at=acting(chamber.cast["auditor"]).at)
    assert (count.members, count.quorum) == (3, 2)
    assert chamber.votes(number, nl="against").state == "open"
    assert chamber.votes(number, de="for").state == "adopted"
    with reading(chamber.engine) as session:
        assert queries.recount(session, number).differences == []


def test_the_last_to_step_back_may_settle_the_vote(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    assert chamber.votes(number, de="for").state == "open"
    back(chamber, number, seat="be")
    assert chamber.stands(number).state == "adopted"


def test_for_one_member_only_and_the_other_still_votes(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    back(chamber, number, seat="be", only=["BE-1"])
    chamber.votes(number, be="against")
    with reading(chamber.engine) as session:
        assert [one.member_code for one in queries.votes(session, number)] == ["BE-2"]


def test_a_vote_given_stands_and_nobody_steps_back_twice_or_without_naming_the_interest(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    with pytest.raises(Invalid, match="names the interest"):
        back(chamber, number, seat="nl", reason=" ")
    chamber.votes(number, nl="against")
    with pytest.raises(NoVote, match="no vote left"):
        back(chamber, number, seat="nl")
    back(chamber, number, seat="be")
    with pytest.raises(NoVote):
        back(chamber, number, seat="be")
    with pytest.raises(NoVote, match="does not speak"):
        back(chamber, number, seat="de", only=["BE-1"])


def test_not_after_the_end_and_not_by_who_has_no_vote(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    with pytest.raises(DecisionState, match="no vote on it now"):
        back(chamber, number, seat="be", after_hours=24 * 400)
    given = {"number": number, "reason": "r"}
    with pytest.raises(Missing):
        do(chamber.engine, operations.recuse, acting(chamber.cast["coordinator"], after_hours=1), **given)


def test_a_recusal_slipped_into_the_books_is_found_by_the_recount(chamber: Chamber) -> None:
    number = chamber.adopted(LOWER)
    with chamber.engine.begin() as connection:
        connection.execute(
            text("UPDATE committee_elector SET recused = :yes WHERE member_code = 'NL-1'"), {"yes": True}
        )
    with reading(chamber.engine) as session:
        assert "the electorate is not the one frozen in the journal" in queries.recount(session, number).differences


def test_what_waits_for_a_seat_is_what_it_may_still_vote_on_the_first_to_end_in_front(chamber: Chamber) -> None:
    first, second = chamber.opened(LOWER), chamber.opened(LOWER, interested=["NL-1"])
    at = acting(chamber.cast["auditor"], after_hours=1).at

    def inbox(seat: str) -> dict[int, list[str]]:
        with reading(chamber.engine) as session:
            return queries.waiting(session, chamber.seats[f"seat-{seat}"].id, at=at)

    assert inbox("be") == {first: ["BE-1", "BE-2"], second: ["BE-1", "BE-2"]}
    assert inbox("nl") == {first: ["NL-1"]}, "an interested member has no vote on the second"
    chamber.votes(first, nl="for")
    back(chamber, second, seat="be", only=["BE-2"])
    assert inbox("nl") == {}
    assert inbox("be") == {first: ["BE-1", "BE-2"], second: ["BE-1"]}
    with reading(chamber.engine) as session:
        late = acting(chamber.cast["auditor"], after_hours=24 * 400).at
        assert queries.waiting(session, chamber.seats["seat-be"].id, at=late) == {}


def test_over_http_a_seat_sees_its_inbox_and_steps_back_once(chamber: Chamber) -> None:
    number = chamber.opened(LOWER)
    transact(chamber.engine, lambda session: setattr(governance.region(session), "simulated_now", NOW))
    chamber.cast._known |= chamber.seats
    people = Desk(chamber.engine, chamber.cast)
    [waiting] = people.get("seat-nl", "/committee/inbox")
    assert (waiting["members"], waiting["decision"]["id"]) == (["NL-1"], number)
    path, body = f"/committee/proposals/{number}/recusals", {"reason": "its hospital sells the item"}
    made = people.post("seat-nl", path, body, key="once")
    assert (made.status_code, made.json()["recused"]) == (201, ["NL-1"])
    assert people.post("seat-nl", path, body, key="once").json() == made.json()
    assert people.post("seat-nl", path, body, key="another").status_code == 403
    assert people.get("seat-nl", "/committee/inbox") == []
    assert people.post("seat-nl", path, {"reason": ""}).status_code == 422
