"""From need to contract: what is published stays, bids stay sealed, the award is counted again, objections stay it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import Engine, text

from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs.operations import Wanted
from stockpile.contracts.procurement import awarding, operations, queries, rules
from stockpile.contracts.procurement.awarding import Interested, MarksMissing, ObjectionLate, StandsStill
from stockpile.contracts.procurement.operations import BidLate, NotReady, Priced, TenderState
from stockpile.contracts.procurement.queries import Sealed
from stockpile.contracts.procurement.rules import Criterion, Offer
from stockpile.contracts.tables import Contract
from stockpile.contracts.terms import queries as terms
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance.committee.gate import DecisionRequired
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import Cast, acting
from tests.contracts.tendering import CLOSES, NEED, OPEN, RUBRIC, at, marked, notified, offered, planned, published
from tests.governance.chamber import Chamber
from tests.inventory.stockroom import do

AFTER = OPEN + timedelta(days=30)


def tender(engine: Engine, number: int) -> Any:
    with reading(engine) as session:
        return queries.tender(session, number)


def test_weights_that_do_not_add_up_to_a_hundred_are_refused(region: Engine, cast: Cast) -> None:
    number = planned(region, cast)
    with pytest.raises(Invalid, match="add up to 90, not to 100"):
        do(region, operations.set_rubric, acting(cast["buyer"]), number=number, rubric=RUBRIC[:3])


def test_what_is_missing_keeps_a_tender_from_being_published(region: Engine, cast: Cast) -> None:
    number = do(region, operations.plan, acting(cast["buyer"]), need=NEED).id
    with pytest.raises(NotReady, match="no specification; it has no rubric; it has no lot"):
        do(region, operations.publish, acting(cast["buyer"]), number=number, closes=CLOSES)


def test_a_lot_in_which_nobody_takes_part_is_not_published(region: Engine, cast: Cast) -> None:
    number = planned(region, cast)
    for member in ("BE-1", "DE-1"):
        out = {"lot": "B", "member": member, "reserved_minor": 0, "reason": "own seals"}
        do(region, operations.choose, acting(cast["committee"]), number=number, **out)
    with pytest.raises(NotReady, match="no member takes part in lot B"):
        do(region, operations.publish, acting(cast["buyer"]), number=number, closes=CLOSES)


def test_members_reserve_no_more_of_a_lot_than_its_maximum(region: Engine, cast: Cast) -> None:
    number = planned(region, cast)
    more = {"lot": "B", "member": "NL-1", "reserved_minor": 100_001, "reason": "x"}
    with pytest.raises(Conflict, match="clause K1"):
        do(region, operations.choose, acting(cast["committee"]), number=number, **more)


def test_what_was_published_stays_as_it_is(region: Engine, cast: Cast) -> None:
    number = published(region, cast)
    with pytest.raises(TenderState, match="what was published stays"):
        do(region, operations.set_rubric, acting(cast["buyer"]), number=number, rubric=RUBRIC)
    late = {"lot": "A", "member": "NL-1", "reserved_minor": 1, "reason": "late"}
    with pytest.raises(TenderState, match="what was published stays"):
        do(region, operations.choose, acting(cast["committee"]), number=number, **late)


def test_bidders_have_fifteen_days_at_least(region: Engine, cast: Cast) -> None:
    number = planned(region, cast)
    soon = CLOSES - timedelta(days=6)
    with pytest.raises(Invalid, match="at least 15 days"):
        do(region, operations.publish, acting(cast["buyer"]), number=number, closes=soon)


def test_bids_are_sealed_until_the_time_is_over_and_late_ones_refused(region: Engine, cast: Cast) -> None:
    number = published(region, cast)
    given = {"number": number, "lot": "A", "supplier": "SUP-1", "text": "x", "prices": [Priced("TAB", 1)]}
    with pytest.raises(BidLate, match="bids came until"):
        do(region, operations.bid, at(cast["buyer"], CLOSES), **given)
    with reading(region) as session, pytest.raises(Sealed, match="sealed until"):
        queries.bid_rows(session, number, at=CLOSES - timedelta(seconds=1))


def test_a_bid_prices_every_item_of_its_lot_and_says_what_an_emission_rests_on(region: Engine, cast: Cast) -> None:
    number = published(region, cast)
    given: dict[str, Any] = {"number": number, "lot": "A", "supplier": "SUP-1", "text": "x"}
    with pytest.raises(Invalid, match="missing: TAB; not asked for: PUMP"):
        do(region, operations.bid, acting(cast["buyer"]), **given, prices=[Priced("PUMP", 1)])
    with pytest.raises(Invalid, match="names what it rests on"):
        do(region, operations.bid, acting(cast["buyer"]), **given, prices=[Priced("TAB", 1, 5)])


def test_a_supplier_bids_for_itself_alone(region: Engine, cast: Cast) -> None:
    from stockpile.actor import Grant

    number = published(region, cast)
    other = cast.engage("other", Grant("supplier", member="SUP-2"))
    given = {"number": number, "lot": "A", "supplier": "SUP-1", "text": "x", "prices": [Priced("TAB", 1)]}
    with pytest.raises(Missing):
        do(region, operations.bid, acting(other), **given)


def test_who_declared_an_interest_or_nothing_does_not_score(region: Engine, cast: Cast) -> None:
    number = offered(region, cast)
    mark = {"number": number, "bid": 1, "criterion": "quality", "mark": 50, "reason": "x"}
    with pytest.raises(Interested, match="has not declared"):
        do(region, awarding.score, at(cast["coordinator"], OPEN), **mark)
    said = {"number": number, "interested": True, "text": "owns shares of SUP-1"}
    do(region, awarding.score, at(cast["logistics"], OPEN), **mark)
    do(region, awarding.declare, at(cast["logistics"], OPEN), **said)
    with pytest.raises(Interested, match="has an interest"):
        do(region, awarding.score, at(cast["logistics"], OPEN), **mark)
    with reading(region) as session:
        assert queries.scores(session, number) == []
    with pytest.raises(Interested, match="not taken back"):
        do(region, awarding.declare, at(cast["logistics"], OPEN), number=number, interested=False, text="sold")


def test_bids_are_not_compared_before_the_same_office_has_marked_them_all(region: Engine, cast: Cast) -> None:
    number = offered(region, cast)
    mark = {"number": number, "bid": 1, "criterion": "quality", "mark": 50, "reason": "x"}
    do(region, awarding.score, at(cast["pharmacist"], OPEN), **mark)
    with pytest.raises(MarksMissing) as refused:
        do(region, awarding.evaluate, at(cast["buyer"], OPEN), number=number)
    missing = refused.value.facts["missing"]
    assert "lot A, quality: pharmacist gave bid 2 no mark" in missing
    assert "lot B, supply: nobody has given marks" in missing


def test_the_award_is_the_rubric_s_and_anyone_counts_it_again(region: Engine, cast: Cast) -> None:
    """Lot A: 50*1 + 20*.6 + 20*.4 + 10*300/900 against 50*400/450 + 20*.9 + 20*.8 + 10."""
    number = notified(region, cast)
    with reading(region) as session:
        found = queries.recount(session, number)
    first, second = (row for row in found["again"] if row["lot"] == "A")
    assert (first["supplier"], first["points"]) == ("SUP-2", str(Fraction(50 * 400, 450) + 18 + 16 + 10))
    assert (second["supplier"], second["points"]) == ("SUP-1", str(50 + 12 + 8 + Fraction(10, 3)))
    assert found["differences"] == []


def test_a_mark_changed_behind_the_ledger_s_back_is_seen_and_nothing_is_awarded(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    with region.begin() as connection:
        connection.execute(text("UPDATE tender_score SET mark = 0 WHERE bid_id = 2"))
    with reading(region) as session:
        assert any("lot A, bid 1: counted rank 1" in one for one in queries.recount(session, number)["differences"])
    with pytest.raises(Conflict, match="counted again, the result differs"):
        do(region, awarding.award, at(cast["committee"], AFTER), number=number)


def test_the_standstill_lasts_ten_days_by_electronic_notice_and_fifteen_by_letter(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    assert tender(region, number).standstill_until == date(2020, 4, 30)
    with pytest.raises(StandsStill, match="up to and with 2020-04-30"):
        do(region, awarding.award, at(cast["committee"], OPEN + timedelta(days=10)), number=number)
    do(region, awarding.award, at(cast["committee"], OPEN + timedelta(days=11)), number=number)
    assert tender(region, number).state == "awarded"
    letter = rules.standstill_until(date(2020, 4, 20), electronic=False, country="BE")
    assert letter == date(2020, 5, 5)


def test_a_standstill_that_ends_on_a_holiday_ends_with_the_next_working_day() -> None:
    assert rules.standstill_until(date(2020, 4, 21), electronic=True, country="BE") == date(2020, 5, 4)
    assert rules.standstill_until(date(2020, 4, 17), electronic=True, country="NL") == date(2020, 4, 28)


def test_an_objection_stays_the_award_until_somebody_else_decides_it(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    given = {"number": number, "supplier": "SUP-1", "text": "our sample was not weighed"}
    lodged = do(region, awarding.object_to, at(cast["buyer"], OPEN + timedelta(days=9)), **given)
    with pytest.raises(StandsStill, match="is not decided"):
        do(region, awarding.award, at(cast["committee"], AFTER), number=number)
    said = {"number": number, "objection": lodged.id, "upheld": False, "reason": "it was: see the mark"}
    with pytest.raises(Missing):
        do(region, awarding.decide_objection, at(cast["pharmacist"], AFTER), **said)
    do(region, awarding.decide_objection, at(cast["committee"], AFTER), **said)
    do(region, awarding.award, at(cast["committee"], AFTER), number=number)
    with pytest.raises(TenderState):
        do(region, awarding.object_to, at(cast["buyer"], AFTER), **given)


def test_an_objection_upheld_opens_the_evaluation_again(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    given = {"number": number, "supplier": "SUP-1", "text": "our sample was not weighed"}
    lodged = do(region, awarding.object_to, at(cast["buyer"], OPEN), **given)
    said = {"number": number, "objection": lodged.id, "upheld": True, "reason": "mark the sample"}
    do(region, awarding.decide_objection, at(cast["committee"], OPEN), **said)
    for criterion in ("quality", "supply"):
        mark = {"bid": 1, "criterion": criterion, "mark": 100, "reason": "sample weighed"}
        do(region, awarding.score, at(cast["pharmacist"], OPEN), number=number, **mark)
    do(region, awarding.evaluate, at(cast["buyer"], OPEN), number=number)
    with reading(region) as session:
        assert sorted(queries.winners(session, number)) == ["SUP-1", "SUP-2"]


def test_an_objection_comes_within_the_standstill_and_from_a_bidder(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    given: dict[str, Any] = {"number": number, "text": "x"}
    with pytest.raises(ObjectionLate, match="ended on 2020-04-30"):
        do(region, awarding.object_to, at(cast["buyer"], AFTER), **given, supplier="SUP-1")
    with pytest.raises(ObjectionLate, match="made no bid"):
        do(region, awarding.object_to, at(cast["buyer"], OPEN), **given, supplier="SUP-9")


def test_who_evaluated_does_not_tell_the_result_or_award(region: Engine, cast: Cast) -> None:
    from stockpile.actor import Grant

    number = marked(region, cast)
    both = cast.engage("both", Grant("buyer"), Grant("committee"))
    do(region, awarding.declare, at(both, OPEN), number=number, interested=False, text="none")
    do(region, awarding.evaluate, at(both, OPEN), number=number)
    with pytest.raises(OwnWork):
        do(region, awarding.notify, at(both, OPEN), number=number)


def test_the_committee_s_decision_makes_the_contract_with_lots_prices_and_members(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    do(region, awarding.award, at(cast["committee"], AFTER), number=number)
    chamber = Chamber(region, cast)
    with reading(region) as session:
        effect = awarding.contract_effect(session, number=number, supplier="SUP-2")
    with pytest.raises(DecisionRequired, match="decided by the committee"):
        do(region, awarding.sign, at(cast["committee"], AFTER), number=number, supplier="SUP-2")
    decision = chamber.adopted(effect)
    act = replace(acting(cast["committee"], after_hours=2), decision=decision)
    do(region, awarding.sign, act, number=number, supplier="SUP-2")
    code = "JP-20-SUP-2"
    with reading(region) as session:
        assert queries.tender(session, number).state == "signed"
        assert queries.signed(session, number)[0].decision_id == decision
        assert session.get_one(Contract, code).ceiling_minor == 1_400_000
        assert [(lot.lot, lot.maximum_minor) for lot in terms.lots(session, code)] == [("A", 900_000), ("B", 500_000)]
        assert {(row.member_code, row.reserved_minor) for row in terms.members(session, code)} == {
            ("BE-1", 200_000),
            ("DE-1", 200_000),
        }
        assert terms.tiers_on(session, code=code)[code, "TAB"] == [(1, 450)]
        assert queries.emissions(session, code)["declared"][0]["emission_mg"] == 300
    order = {"contract": code, "slot": "s", "deliver_to": "D-BE", "wanted": [Wanted("TAB", 10, "first")]}
    july = CLOSES.replace(month=7, day=3)
    with pytest.raises(Conflict, match="clause K7: NL-1 does not take part"):
        do(region, steps.draft, at(cast["buyer"], july), **order, member="NL-1")
    assert do(region, steps.draft, at(cast["buyer"], july), **order, member="BE-1").cost_minor == 4500


def test_equal_points_go_to_the_lower_price_and_a_bid_without_declared_emission_gets_none() -> None:
    rubric = (Criterion("price", "Price", 50, "price"), Criterion("climate", "Emission", 50, "emission"))
    offers = [Offer(1, "X", "A", 100, None), Offer(2, "Y", "A", 200, 300), Offer(3, "Z", "A", 100, None)]
    ranked = rules.standings(rubric, offers, {})
    assert [(one.bid, one.points) for one in ranked] == [(2, 75), (1, 50), (3, 50)]
    assert [one.rank for one in ranked] == [1, 2, 3]


def test_a_tender_without_a_valid_bid_is_unsuccessful(region: Engine, cast: Cast) -> None:
    number = offered(region, cast)
    for bid in (1, 2, 3):
        given = {"number": number, "bid": bid, "reason": "no licence"}
        do(region, awarding.disqualify, at(cast["buyer"], OPEN), **given)
    assert do(region, awarding.evaluate, at(cast["buyer"], OPEN), number=number).state == "unsuccessful"
