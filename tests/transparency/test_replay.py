"""A past plan, rebuilt and computed again: the same bytes, the same journal, whoever is behind a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from stockpile.allocation import approval, replaying
from stockpile.allocation.tables import Plan
from stockpile.cli import app
from stockpile.db import reading
from stockpile.inventory.operations import ReceiptLine, receive
from stockpile.inventory.tables import Lot
from stockpile.transparency.replay import queries
from tests.allocation.surge_room import at_hand, everybody, share_out
from tests.allocation.test_policies import PER_HEAD, adopted
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.stockroom import ON_SQLITE, do


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Plans are solved here and now, to be quick."""
    with mock.patch.object(replaying, "run_limited", at_hand):
        yield


@pytest.fixture
def plan(region: Engine, cast: Cast) -> Plan:
    """An approved plan in which not everybody gets what they need."""
    found = share_out(region, cast, *everybody(), *everybody("PUMP", 100))[1]
    do(region, approval.approve, acting(cast["committee"], after_hours=1), plan_number=found.id)
    return found


def replayed(region: Engine, plan: Plan, **more: Any) -> queries.Replay:
    """The plan replayed."""
    return queries.replay(region, plan.id or 0, limit_seconds=30, **more)


def test_a_plan_is_computed_again_byte_for_byte(region: Engine, plan: Plan) -> None:
    found = replayed(region, plan)
    assert found.same
    assert (found.recomputed, found.stock_since) == (plan.answer_digest, [])
    assert found.approved is not None
    assert found.approved["by"] == "committee"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE plan SET answer = replace(answer, '\"packs\":', '\"packs\": ')", "not byte for byte"),
        ("UPDATE plan SET problem_digest = 'x'", "not that of its digest"),
        ("UPDATE plan SET answer_digest = 'x'", "the journal's plan of this plan is another one"),
        ("UPDATE journal_entry SET reason = 'another' WHERE action = 'plan.compute'", "not what its hash says"),
        ("DELETE FROM journal_entry WHERE action = 'plan.compute'", "tells 0 computations"),
    ],
)
def test_whatever_was_changed_afterwards_is_named(region: Engine, plan: Plan, change: str, why: str) -> None:
    with region.begin() as connection:
        unguard(connection)
        connection.execute(text(change))
    assert any(why in one for one in replayed(region, plan).differences)


def test_what_a_claim_gets_does_not_hang_on_whose_it_is(region: Engine, plan: Plan) -> None:
    for seed in ("", "one", "two", "three"):
        hidden = replayed(region, plan, mask=True, seed=seed).masked
        assert hidden is not None
        assert hidden.same_fills
        assert hidden.most_packs <= 1


def test_whom_a_useful_minimum_sets_aside_hangs_on_the_order_and_is_named(plan: Plan) -> None:
    data = json.loads(plan.problem)
    [pool] = [one for one in data["pools"] if one["item"] == "TAB"]
    needs = {drop["claim"]: drop["packs"] for drop in pool["drops"]}
    for claim in pool["claims"]:
        claim["minimum_packs"] = needs[claim["id"]]
    hidden = replaying.masked(json.dumps(data), method=plan.method, limit_seconds=30, seed="one")
    assert hidden.set_aside == ["TAB"]
    assert hidden.same_fills, "every other item is compared"


def test_a_plan_by_a_policy_is_computed_again_and_hides_names_too(region: Engine, cast: Cast) -> None:
    adopted(region, cast, PER_HEAD)
    found = share_out(region, cast, *everybody(), *everybody("PUMP", 100))[1]
    assert (found.method, found.kept) == ("policy", True)
    again = replayed(region, found, mask=True, seed="one")
    assert again.same
    assert again.masked is not None
    assert again.masked.most_packs <= 1


def test_a_favour_to_a_name_is_seen_under_the_mask(region: Engine, plan: Plan) -> None:
    """A solver that gives DE-1 of all members a share twice as large is found out."""

    def favouring(function: Any, timed: Any, *, limit_seconds: float, cancel: Any = None) -> Any:
        outcome = at_hand(function, timed, limit_seconds=limit_seconds, cancel=cancel)
        problem = timed.problem
        data = json.loads(outcome.value.canonical())
        claims = {one.id for pool in problem.pools for one in pool.claims if one.municipality == "DE-1"}
        mine = {one.id for pool in problem.pools for one in pool.drops if one.claim in claims}
        for pool in data["pools"]:
            for line in pool["lines"]:
                line["packs"] *= 2 if line["drop"] in mine else 1
        from optimizer.allocation.plan import plan_from_json

        return mock.Mock(value=plan_from_json(json.dumps(data), problem))

    with mock.patch.object(replaying, "run_limited", favouring):
        hidden = replaying.masked(plan.problem, method=plan.method, limit_seconds=30)
    assert not hidden.same_fills
    assert {claim.split(": ")[1].split("/")[0] for claim, _, _ in hidden.changed} >= {"DE-1"}


def test_what_was_entered_late_is_told_and_is_no_fault_of_the_plan(region: Engine, cast: Cast, plan: Plan) -> None:
    item, where, _ = replaying.lots(plan.problem)[0]
    number, _, site = where.partition("@")
    with reading(region) as session:
        lot = session.get_one(Lot, int(number))
    earlier = replace(acting(cast["logistics"], after_hours=2), at=NOW - timedelta(hours=1))
    late = replace(earlier, clock=earlier.recorded_at)
    do(region, receive, late, site=site, lines=[ReceiptLine(item, lot.code, lot.expiry, 1000)], key="late")
    found = replayed(region, plan)
    assert (found.same, found.stock_then) == (True, [])
    assert [one.split(":")[0] for one in found.stock_since] == [f"{item}, lot {where}"]


def test_a_sample_is_drawn_alike_by_anybody_and_otherwise_from_another_seed(region: Engine, plan: Plan) -> None:
    with reading(region) as session:
        first = queries.sample(session, seed="lottery 12", size=5)
        assert first == queries.sample(session, seed="lottery 12", size=5)
        assert first == queries.sample(session, seed="lottery 12", size=9)[:5]
        assert first != queries.sample(session, seed="lottery 13", size=5)
        computed = queries.sample(session, seed="x", size=9, action="plan.compute")
        assert {one.action for one in computed} == {"plan.compute"}


@ON_SQLITE
def test_an_auditor_replays_and_samples_at_the_command_line(
    region: Engine, address: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    ran = CliRunner().invoke(app, ["audit", "replay", str(plan.id), "--masked"])
    assert ran.exit_code == 0, ran.output
    assert f"computed again byte for byte, plan {plan.answer_digest}" in ran.stdout
    assert "the fills are the same" in ran.stdout
    assert "plan.approve" in CliRunner().invoke(app, ["audit", "sample", "lottery 12", "--size", "500"]).stdout
    with region.begin() as connection:
        connection.execute(text("UPDATE plan SET answer_digest = 'x'"))
    assert CliRunner().invoke(app, ["audit", "replay", str(plan.id)]).exit_code == 3
