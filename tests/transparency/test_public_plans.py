"""For every allocation a public problem and plan, in which no site shows and which anyone can check."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool, Problem, problem_from_json
from stockpile import journal
from stockpile.allocation import approval
from stockpile.allocation import queries as allocation
from stockpile.db import reading
from stockpile.governance.rules import Missing
from stockpile.transparency.publishing import operations, queries, rules
from stockpile.transparency.publishing.tables import Publication
from stockpile.transparency.redaction import rules as redaction
from tests.allocation.surge_room import everybody, lines, share_out
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do
from tests.transparency.public_room import LATER, control, decided, published

DAY = date(2021, 1, 31)


def newest(engine: Engine, plan: int) -> Publication:
    with reading(engine) as session:
        return queries.version(session, plan)


def test_anyone_checks_the_published_files_on_the_command_line(region: Engine, cast: Cast, tmp_path: Path) -> None:
    row = newest(region, published(region, cast).id or 0)
    (tmp_path / "problem.json").write_text(row.problem, encoding="utf-8")
    (tmp_path / "plan.json").write_text(row.answer, encoding="utf-8")
    command = [sys.executable, "-m", "optimizer", "check", "problem.json", "plan.json"]
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "feasible: yes\nfair: yes\n"), ran.stderr


def test_the_public_problem_gives_each_claim_what_the_full_plan_gives(region: Engine, cast: Cast) -> None:
    plan = published(region, cast)
    row = newest(region, plan.id or 0)
    told, full = json.loads(row.answer), json.loads(plan.answer)
    assert given(told) == given(full)
    assert {lot["id"] for pool in json.loads(row.problem)["pools"] for lot in pool["lots"]} == {"region"}


def given(plan: Any) -> dict[tuple[str, str], int]:
    """Packs by item and drop."""
    sums: dict[tuple[str, str], int] = {}
    for pool in plan["pools"]:
        for line in pool["lines"]:
            sums[pool["item"], line["drop"]] = sums.get((pool["item"], line["drop"]), 0) + line["packs"]
    return sums


def test_the_journal_keeps_the_hashes_of_the_public_and_of_the_full_files(region: Engine, cast: Cast) -> None:
    plan = published(region, cast)
    row = newest(region, plan.id or 0)
    with reading(region) as session:
        noted = [json.loads(entry.payload) for entry in journal.entries(session, action="plan.publish")]
    assert noted[0]["public"] == {"problem": row.problem_digest, "plan": row.answer_digest}
    assert noted[0]["full"] == {"problem": plan.problem_digest, "plan": plan.answer_digest}


def test_a_plan_is_not_published_before_its_delay_is_over_nor_twice_without_a_reason(
    region: Engine, cast: Cast
) -> None:
    plan = decided(region, cast)
    assert do(region, operations.publish_due, acting(cast["coordinator"], after_hours=71)) == []
    with pytest.raises(operations.NotYet, match="may be published from"):
        do(region, operations.publish, acting(cast["coordinator"], after_hours=71), plan_number=plan.id)
    act = acting(cast["coordinator"], after_hours=LATER)
    assert len(do(region, operations.publish_due, act)) == 1
    assert do(region, operations.publish_due, act) == []
    with pytest.raises(operations.NoCorrection, match="say what the new version corrects"):
        do(region, operations.publish, act, plan_number=plan.id)
    second = do(region, operations.publish, act, plan_number=plan.id, correction="a country was wrong")
    with reading(region) as session:
        assert [row.version for row in queries.versions(session, plan.id or 0)] == [1, 2]
    assert second.version == 2


def test_only_who_may_publishes(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(region, operations.publish_due, acting(cast["buyer"], after_hours=LATER))


def test_a_plan_that_only_waits_is_not_published(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    with pytest.raises(operations.NotYet, match="is computed: only approved plans"):
        do(region, operations.publish, acting(cast["coordinator"], after_hours=LATER), plan_number=plan.id)


def test_controlled_drugs_are_in_no_public_file_and_the_reason_is_told(region: Engine, cast: Cast) -> None:
    control(region, "TAB")
    row = newest(region, published(region, cast, items=("TAB", "PUMP")).id or 0)
    assert "TAB" not in row.problem + row.answer
    assert json.loads(row.withheld) == [{"item": "TAB", "reason": rules.CONTROLLED}]


def pool_of(lots: list[tuple[str, str, int]], needs: dict[str, int], lanes: list[tuple[str, str]]) -> Problem:
    """A problem over one item: lots (id, site, packs), needs by claim, lanes (lot, claim)."""
    pool = Pool(
        item="X",
        shareable_packs=sum(packs for _, _, packs in lots),
        lots=tuple(Lot(name, site, DAY, packs) for name, site, packs in lots),
        claims=tuple(Claim(name, name, 1, 0) for name in needs),
        drops=tuple(Drop(f"d{name}", name, need) for name, need in needs.items()),
        lanes=tuple(Lane(lot, f"d{claim}", 1) for lot, claim in lanes),
    )
    return Problem("leximin/1", (pool,))


COUNTRIES = {"n1": "NL", "n2": "NL", "b1": "BE", "b2": "BE"}


def public(problem: Problem, *, countries: dict[str, str], told: Any = None) -> rules.PublicPlan:
    return rules.public_plan(problem, share(problem), countries=countries, controlled=frozenset(), told=told or {})


def test_stock_is_told_by_country_where_each_country_has_two_depots_or_more() -> None:
    problem = pool_of(
        [("a", "n1", 4), ("b", "n2", 6), ("c", "b1", 5)], {"P": 10, "Q": 10}, [("a", "P"), ("b", "P"), ("c", "Q")]
    )
    found = public(problem, countries=COUNTRIES)
    assert [(lot.id, lot.packs, lot.expiry) for lot in found.problem.pools[0].lots] == [
        ("BE", 5, rules.NO_DATE),
        ("NL", 10, rules.NO_DATE),
    ]
    assert check(found.problem, found.plan).fair
    again = problem_from_json(found.problem.canonical())
    assert check(again, plan_from_json(found.plan.canonical(), again)).fair


def test_a_country_with_a_single_depot_is_told_with_the_whole_region() -> None:
    problem = pool_of([("a", "n1", 4), ("b", "n2", 6), ("c", "b1", 5)], {"P": 10}, [("a", "P"), ("b", "P"), ("c", "P")])
    found = public(problem, countries={"n1": "NL", "n2": "NL", "b1": "BE"})
    assert [lot.id for lot in found.problem.pools[0].lots] == ["region"]


def test_an_item_whose_fairness_hangs_on_single_sites_is_withheld_and_said_to_be() -> None:
    """P is reached by one depot alone: in the wider public problem the plan would look unfair."""
    problem = pool_of([("a", "n1", 1), ("b", "n2", 9)], {"P": 10, "Q": 10}, [("a", "P"), ("b", "Q")])
    found = public(problem, countries=COUNTRIES)
    assert found.problem.pools == ()
    assert found.withheld == (rules.Withheld("X", rules.NOT_PROVABLE),)
    assert found.blocks == {}


def test_an_unfair_plan_never_becomes_fair_by_pooling() -> None:
    problem = pool_of([("a", "n1", 5), ("b", "n2", 5)], {"P": 10, "Q": 10}, [(lot, c) for lot in "ab" for c in "PQ"])
    fair = share(problem)
    pools = fair.pools[0]
    lines = tuple(type(line)(line.lot, "dP", line.packs) for line in pools.lines)
    unfair = replace(fair, pools=(replace(pools, lines=lines),))
    found = rules.public_plan(problem, unfair, countries=COUNTRIES, controlled=frozenset(), told={})
    assert found.problem.pools == ()


def test_what_was_told_before_keeps_a_new_depot_from_showing_by_subtraction() -> None:
    """NL was told over n1 and n2; with n3 the difference of both publications would be n3 alone."""
    problem = pool_of([("a", "n1", 4), ("b", "n2", 6), ("c", "n3", 5)], {"P": 10}, [(lot, "P") for lot in "abc"])
    countries = {**COUNTRIES, "n3": "NL"}
    found = public(problem, countries=countries, told={"X": [["n1", "n2"], ["b1", "b2"]]})
    assert found.withheld == (rules.Withheld("X", rules.SITE_WOULD_SHOW),)
    assert redaction.smallest_atom([["n1", "n2"], ["n1", "n2", "n3"]]) == 1
    assert public(problem, countries=countries).withheld == ()


def test_what_lies_beyond_the_needs_is_not_told_in_the_plan() -> None:
    problem = pool_of([("a", "n1", 400), ("b", "n2", 600)], {"P": 10}, [("a", "P"), ("b", "P")])
    found = public(problem, countries=COUNTRIES)
    assert [bound.packs for bound in found.plan.pools[0].bottlenecks] == [10]  # type: ignore[union-attr]


def test_a_person_who_changed_a_line_is_told_with_the_plan(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    line = lines(region, plan)[0]
    changed = {"plan_number": plan.id, "line_id": line.id, "new_quantity": 0, "reason": "the ward is closed"}
    override = do(region, approval.propose_override, acting(cast["coordinator"]), **changed)
    do(region, approval.confirm_override, acting(cast["committee2"]), number=override.id)
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    row = do(region, operations.publish, acting(cast["coordinator"], after_hours=LATER), plan_number=plan.id)
    told = json.loads(row.withheld)
    assert told == [{"item": "TAB", "reason": rules.CHANGED}]

    def got(session: Session) -> list[int]:
        return [result.got for result in allocation.plan_results(session, plan.id or 0)]

    with reading(region) as session:
        assert sum(got(session)) < sum(line["packs"] * 10 for line in json.loads(plan.answer)["pools"][0]["lines"])


def test_a_problem_of_the_real_region_is_told_by_country_and_stays_fair() -> None:
    """Ten depots of three countries: everything but controlled drugs is told, and the check accepts it."""
    folder = Path(__file__).parents[2] / "fixtures"
    with (folder / "region" / "sites.csv").open(encoding="utf-8", newline="") as file:
        countries = {row["site"]: row["country"] for row in csv.DictReader(file) if row["kind"] == "depot"}
    with (folder / "region" / "items.csv").open(encoding="utf-8", newline="") as file:
        controlled = frozenset(row["item"] for row in csv.DictReader(file) if row["controlled"] == "1")
    problem = problem_from_json((folder / "instances" / "problem.json").read_bytes())
    plan = plan_from_json((folder / "instances" / "plan.json").read_bytes(), problem)
    assert check(problem, plan).fair
    found = rules.public_plan(problem, plan, countries=countries, controlled=controlled, told={})
    told = {pool.item for pool in found.problem.pools}
    assert told == {pool.item for pool in problem.pools} - controlled
    assert {lot.site for pool in found.problem.pools for lot in pool.lots} <= {"BE", "DE", "NL"}
    assert check(found.problem, found.plan).fair
    assert not any(site in (found.problem.canonical() + found.plan.canonical()).decode() for site in countries)
