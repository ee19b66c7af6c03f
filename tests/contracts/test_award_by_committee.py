"""Once there is a committee, it is the committee that awards: what it adopted, and nothing else, and once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.contracts.procurement import awarding, queries
from stockpile.contracts.procurement.queries import NotEvaluated
from stockpile.db import reading
from stockpile.governance.committee.gate import DecisionRequired, DecisionState, Effect
from stockpile.journal import JournalEntry
from tests.conftest import NOW, Cast
from tests.contracts.tendering import OPEN, marked, notified
from tests.governance.chamber import Chamber, under
from tests.inventory.stockroom import do

AFTER = (OPEN - NOW + timedelta(days=12)).total_seconds() / 3600
"""Hours after NOW at which the standstill is over."""


def effect(engine: Engine, number: int) -> Effect:
    """What is put to the vote."""
    with reading(engine) as session:
        return awarding.award_effect(session, number)


def test_the_committee_awards_what_it_adopted_and_the_journal_names_the_decision(region: Engine, cast: Cast) -> None:
    number, chamber = notified(region, cast), Chamber(region, cast)
    told = effect(region, number)
    assert told.value_minor == 1_400_000
    assert [row[:2] for row in told.payload["won"]] == [["A", "SUP-2"], ["B", "SUP-2"]]
    alone = under(cast["committee"], None, after_hours=AFTER)
    with pytest.raises(DecisionRequired, match=r"tender\.award on tender:JP-20 is decided by the committee") as refused:
        do(region, awarding.award, alone, number=number)
    assert refused.value.facts["payload_hash"] == told.hash
    decision = chamber.adopted(told)
    awarded = do(region, awarding.award, under(cast["committee"], decision, after_hours=AFTER), number=number)
    assert awarded.state == "awarded"
    assert chamber.stands(decision).executed_by == cast["committee"].id
    with reading(region) as session:
        entry = session.exec(select(JournalEntry).where(JournalEntry.action == "tender.award")).one()
    assert (json.loads(entry.payload)["decision"], json.loads(entry.payload)["hash"]) == (decision, told.hash)


def test_another_award_than_the_adopted_one_is_refused_and_a_vote_that_is_open_permits_nothing(
    region: Engine, cast: Cast
) -> None:
    number, chamber = notified(region, cast), Chamber(region, cast)
    told = effect(region, number)
    won = [[lot, "SUP-1", *rest] for lot, _, *rest in told.payload["won"]]
    other = Effect(told.operation, told.subject, {**told.payload, "won": won}, value_minor=told.value_minor)
    decision = chamber.adopted(other)
    with pytest.raises(DecisionRequired, match="another effect"):
        do(region, awarding.award, under(cast["committee"], decision, after_hours=AFTER), number=number)
    pending = chamber.opened(told)
    with pytest.raises(DecisionState, match="is open"):
        do(region, awarding.award, under(cast["committee"], pending, after_hours=AFTER), number=number)
    with reading(region) as session:
        assert queries.tender(session, number).state == "standstill"


def test_there_is_nothing_to_vote_on_before_the_evaluation_is_closed(region: Engine, cast: Cast) -> None:
    number = marked(region, cast)
    with pytest.raises(NotEvaluated, match="nothing to award"):
        effect(region, number)
