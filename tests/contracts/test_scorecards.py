"""Suppliers' scores as published, and what real deliveries teach of lead times, with an uncertainty that holds."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs.operations import Rejected
from stockpile.contracts.scorecards import operations, queries, rules
from stockpile.db import reading
from stockpile.errors import Invalid
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import DUE, accepted, approved, came, line_of
from tests.contracts.test_terms import amended
from tests.inventory.stockroom import ON_SQLITE, do

FIXTURES = Path(__file__).parents[2] / "fixtures"
UNTIL = (DUE + timedelta(days=10)).date()


@cache
def real() -> dict[str, dict[str, list[int]]]:
    """Days late and days from order to delivery of the 7,754 real deliveries, by vendor."""
    found: dict[str, dict[str, list[int]]] = {}
    with (FIXTURES / "facts" / "delivery_records.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            days = found.setdefault(row["code"], {"late": [], "lead": []})
            days["late"] += [int(row["late_days"])] * int(row["deliveries"])
            days["lead"] += [int(row["lead_days"])] * int(row["deliveries"]) if row["lead_days"] else []
    return found


def everything(kind: str) -> list[int]:
    """Days of one kind of all real deliveries."""
    return [day for vendor in real().values() for day in vendor[kind]]


def test_the_published_score_is_met() -> None:
    example = json.loads((FIXTURES / "instances" / "contract_examples.json").read_text())["sprs_delivery"]["example"]
    score = rules.delivery_score(lines=example["lines"], on_time=example["on_time"], days_late=example["days_late"])
    assert score is not None
    assert float(score) == example["score"]
    assert rules.delivery_score(lines=0, on_time=0, days_late=0) is None
    assert rules.delivery_score(lines=1, on_time=0, days_late=500) == 0


def test_all_real_deliveries_are_there_and_as_punctual_as_their_source_says() -> None:
    late = everything("late")
    assert len(late) == 7754
    assert sum(day <= 0 for day in late) == 6956
    found = rules.learned(late)
    assert found is not None
    assert {one.permille: one.days for one in found.quantiles}[950] == 12
    lead = rules.learned(everything("lead"))
    assert lead is not None
    assert [(one.permille, one.days) for one in lead.quantiles][:3] == [(100, 33), (500, 91), (900, 202)]


@pytest.mark.parametrize("kind", ["late", "lead"])
@pytest.mark.parametrize("permille", rules.LEARNED_PERMILLES)
def test_the_interval_of_a_learned_quantile_holds_on_samples_of_real_deliveries(kind: str, permille: int) -> None:
    """400 samples of 60 of the real days, seed 5: the true quantile lies within in at least the promised share."""
    days, chance = sorted(everything(kind)), Random(5)
    truth = days[-(-len(days) * permille // 1000) - 1]
    inside = 0
    for _ in range(400):
        found = rules.learned(chance.choices(days, k=60), permilles=[permille])
        assert found is not None
        [one] = found.quantiles
        inside += (one.least is None or one.least <= truth) and (one.most is None or truth <= one.most)
    assert inside >= 0.88 * 400, f"{inside} of 400"


def test_vendors_differ_by_more_than_their_uncertainty() -> None:
    medians = {}
    for vendor, days in real().items():
        found = rules.learned(days["lead"], permilles=[500])
        if found is not None and found.deliveries >= 100:
            medians[vendor] = found.quantiles[0]
    quickest, slowest = (pick(medians.values(), key=lambda one: one.days) for pick in (min, max))
    assert len(medians) >= 8
    assert quickest.most is not None
    assert slowest.least is not None
    assert quickest.most < slowest.least


@given(st.lists(st.integers(-50, 400), min_size=1, max_size=80))
def test_an_interval_contains_its_estimate_and_few_deliveries_bound_nothing(days: list[int]) -> None:
    found = rules.learned(days)
    assert found is not None
    for one in found.quantiles:
        assert one.least is None or one.least <= one.days
        assert one.most is None or one.days <= one.most
    highest = found.quantiles[-1]
    assert (highest.most is None) is (len(days) < 59), "0.95 ** 59 is the first below a twentieth"


def card(engine: Engine, supplier: str = "SUP-1") -> dict[str, Any]:
    """The scorecard of a supplier around the time of the test's orders."""
    with reading(engine) as session:
        return queries.scorecard(session, supplier, since=NOW.date(), until=UNTIL)


def test_a_scorecard_counts_what_was_due_with_numerator_and_denominator(region: Engine, cast: Cast) -> None:
    accepted(region, cast)
    accepted(region, cast, at=DUE + timedelta(days=4), slot="late")
    accepted(region, cast, slot="wet", rejected=[Rejected(_next_line(region), 20, "wet")])
    approved(region, cast, slot="never came")
    found = card(region)
    assert found["lines_due"] == 4
    assert found["in_full_on_time"] == {"kept": 1, "of": 4, "permille": 250}
    assert found["on_time"] == {"kept": 2, "of": 4, "permille": 500}
    assert found["days_late"] == 4 + 10
    assert found["delivery_score_milli"] == round((60 * 0.5 + 0.4 * (100 - 14 / 4)) * 1000)
    assert found["rejected_permille"] == 33
    assert card(region, "SUP-2")["in_full_on_time"] == {"kept": 0, "of": 0, "permille": None}


def _next_line(engine: Engine) -> int:
    """The number that the first line of the next order gets."""
    with reading(engine) as session:
        from sqlalchemy import func
        from sqlmodel import select

        from stockpile.contracts.tables import CallOffLine

        return (session.exec(select(func.max(CallOffLine.id))).one() or 0) + 1


def test_an_order_that_is_not_due_yet_or_was_cancelled_is_not_counted(region: Engine, cast: Cast) -> None:
    number = approved(region, cast)
    do(region, steps.cancel, acting(cast["buyer"]), number=number, reason="no need")
    approved(region, cast, slot="two")
    with reading(region) as session:
        found = queries.scorecard(session, "SUP-1", since=NOW.date(), until=DUE.date() - timedelta(days=1))
    assert found["lines_due"] == 0


def test_shelf_life_and_acknowledgement_are_kept_or_not(region: Engine, cast: Cast) -> None:
    fresh, old = approved(region, cast, slot="fresh"), approved(region, cast, slot="old")
    came(region, cast, fresh, 200, expiry=DUE.date() + timedelta(days=500))
    came(region, cast, old, 200, expiry=DUE.date() + timedelta(days=499))
    third, fourth = approved(region, cast, slot="three"), approved(region, cast, slot="four")
    for number, days in ((third, 1), (fourth, 2)):
        do(region, steps.send, acting(cast["buyer"]), number=number)
        do(region, steps.acknowledge, acting(cast["buyer"], NOW + timedelta(days=days)), number=number)
    found = card(region)
    assert found["shelf_life_kept"] == {"kept": 1, "of": 2, "permille": 500}
    assert found["acknowledged_in_one_business_day"] == {"kept": 1, "of": 2, "permille": 500}


@ON_SQLITE
def test_a_batch_is_rotated_in_time_or_too_late(region: Engine, cast: Cast) -> None:
    asked = {"contract": "UC-1", "item": "TAB", "expiry": NOW.date() + timedelta(days=95)}
    with pytest.raises(Invalid, match="asks no rotation"):
        do(region, operations.note_rotation, acting(cast["logistics"]), batch="B1", **asked)
    amended(region, cast, rotation_trigger_days=90)
    for batch, after in (("B1", 5), ("B2", 6)):
        do(region, operations.note_rotation, acting(cast["logistics"]), batch=batch, **asked)
        day = NOW + timedelta(days=after)
        given_ = {"batch": batch, "rotated_on": day.date(), **asked}
        do(region, operations.note_rotation, acting(cast["logistics"], day), **given_)
    assert card(region)["rotation_kept"] == {"kept": 1, "of": 2, "permille": 500}


def test_lead_times_are_learned_from_the_deliveries_of_the_house(region: Engine, cast: Cast) -> None:
    days = [5, 7, 7, 8, 9]
    for place, after in enumerate(days):
        number = approved(region, cast, slot=f"order {place}")
        came(region, cast, number, 200, at=NOW + timedelta(days=after))
    with reading(region) as session:
        found = queries.learned(session, "SUP-1", at=NOW + timedelta(days=30))
        before = queries.learned(session, "SUP-1", at=NOW + timedelta(days=6))
    assert found["lead_time"].quantiles[1].days == 7
    assert found["lateness"].deliveries == 5
    assert (found["enough"], found["record_it_came_with"]["lead_p50_days"]) == (False, 7)
    assert before["lead_time"].deliveries == 1, "only what was known then"
    assert line_of(region, 1)


def test_ranks_are_those_of_the_binomial() -> None:
    """By hand: of ten tries the median lies between the 2nd and the 9th value in 97.9 %, the 3rd and 8th in 89.1 %."""
    chances = Counter(bin(way).count("1") for way in range(2**10))
    assert sum(chances[hits] for hits in range(2, 9)) / 2**10 >= 0.9
    assert rules.ranks(10, 0.5) == (2, 9)
    assert rules.ranks(3, 0.5) == (None, None)
    assert date(2020, 3, 30) == NOW.date()
