"""A plan with limits on what is carried and with substitutes: replayed byte for byte, and told without the limits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from optimizer.allocation.problem import problem_from_json
from stockpile import app
from stockpile.allocation import approval, operations, replaying
from stockpile.allocation.carrying import queries as carrying
from stockpile.allocation.tables import Plan
from stockpile.cli import app as commands
from stockpile.db import reading
from stockpile.settings import Settings
from stockpile.transparency.publishing import operations as publishing
from stockpile.transparency.publishing import queries, rules
from stockpile.transparency.replay import queries as replay
from tests.allocation.surge_room import MEMBERS, ask, at_hand, planned, share_out, submitted
from tests.allocation.test_carrying import approved_stand_in, limited
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.transparency.public_room import LATER, set_clock, walk

VANS = {"D-BE": 1_237, "D-DE": 2_393}
"""Millilitres a day: numbers that nothing else in the small region has; both bind."""
ROOM = 379
"""What NL-1 can take in, in millilitres."""


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Plans are solved here and now, to be quick."""
    with mock.patch.object(replaying, "run_limited", at_hand):
        yield


def carried(engine: Engine, cast: Cast) -> Plan:
    """An approved plan in which vans and room bind and vials stand in for tablets."""
    approved_stand_in(engine, cast, item="TAB", substitute="VIAL", units=1, per_units=10)
    for site, volume in VANS.items():
        limited(engine, cast, volume, site=site)
    limited(engine, cast, ROOM, site=None, member="NL-1")
    drafts = [ask(member, "TAB", 1000, substitutes=True) for member in MEMBERS]
    _, plan = share_out(engine, cast, *drafts, *(ask(member, "PUMP", 4) for member in MEMBERS))
    do(engine, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    problem = problem_from_json(plan.problem)
    assert problem.dispatch
    assert problem.storage
    assert problem.substitutes
    return plan


def told(engine: Engine, cast: Cast, *, hours: float = LATER) -> None:
    """What is due is published."""
    do(engine, publishing.publish_due, acting(cast["coordinator"], after_hours=hours))
    set_clock(engine, hours=hours)


def everything(engine: Engine, home: Path) -> dict[str, str]:
    """Every public page and file by path."""
    with TestClient(app.build(engine, Settings(home=home), scheduled=False)) as client:
        return dict(walk(client))


def test_it_is_computed_again_byte_for_byte_and_under_masks(region: Engine, cast: Cast) -> None:
    plan = carried(region, cast)
    assert '"swaps"' in plan.answer
    for seed in ("", "one", "two"):
        found = replay.replay(region, plan.id or 0, limit_seconds=60, mask=True, seed=seed)
        assert found.differences == []
        assert found.recomputed == plan.answer_digest
        assert found.masked is not None
        assert found.masked.same_fills, found.masked.changed


def test_limits_and_substitutes_are_held_against_what_was_recorded_before_the_plan(region: Engine, cast: Cast) -> None:
    """A limit said afterwards is no fault of the plan; one that it passed over, or an approval that never was, is."""
    plan = carried(region, cast)
    limited(region, cast, 5, site="D-BE")
    assert replay.replay(region, plan.id or 0, limit_seconds=60).carried_then == []
    with mock.patch.object(carrying, "left", return_value=carrying.Left({})):
        submitted(region, cast, plan.surge_id, *(ask(member, "PUMP", 4) for member in MEMBERS))
        careless = planned(region, cast, plan.surge_id)
    found = replay.replay(region, careless.id or 0, limit_seconds=60)
    assert found.same
    assert any(
        one.startswith("D-BE: the plan counted no limit that day, the journal says 0.0") for one in found.carried_then
    )
    with region.begin() as connection:
        connection.execute(text("UPDATE substitution SET state = 'declined'"))
    told = replay.replay(region, plan.id or 0, limit_seconds=60).carried_then
    assert told == ["1 packs of VIAL for 1 of TAB: no approval of it counted then"]


@ON_SQLITE
def test_an_auditor_replays_it_at_the_command_line(
    region: Engine, address: str, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = carried(region, cast)
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    ran = CliRunner().invoke(commands, ["audit", "replay", str(plan.id), "--masked"])
    assert ran.exit_code == 0, ran.output
    assert f"computed again byte for byte, plan {plan.answer_digest}" in ran.stdout
    assert "the fills are the same" in ran.stdout


def test_anyone_checks_the_public_files_and_what_limits_touch_is_left_out(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    plan = carried(region, cast)
    told(region, cast)
    with reading(region) as session:
        row = queries.version(session, plan.id or 0)
    (tmp_path / "problem.json").write_text(row.problem, encoding="utf-8")
    (tmp_path / "plan.json").write_text(row.answer, encoding="utf-8")
    command = [sys.executable, "-m", "optimizer", "check", "problem.json", "plan.json"]
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "feasible: yes\nfair: yes\n"), ran.stderr
    left_out = {one["item"]: one["reason"] for one in json.loads(row.withheld)}
    assert left_out["TAB"] == rules.STOOD_IN
    problem = json.loads(row.problem)
    assert not {"dispatch", "vehicles", "storage", "substitutes"} & set(problem)
    assert all(not pool.get("unit_volume") for pool in problem["pools"])


def test_no_public_page_tells_a_limit_its_place_or_its_reason(region: Engine, cast: Cast, tmp_path: Path) -> None:
    """Neither the number in millilitres or litres, nor the depot, nor the words in which staff were told."""
    carried(region, cast)
    told(region, cast)
    pages = everything(region, tmp_path)
    with region.connect() as connection:
        reasons = [str(one) for (one,) in connection.execute(text("SELECT reason FROM plan_result"))]
    assert any("bound by" in one for one in reasons), "staff are told what binds"
    secrets = [*map(str, VANS.values()), *(f"{one:,}" for one in VANS.values()), str(ROOM), f"{ROOM:,}"]
    secrets += [f"{one / 1000:,.1f}" for one in (*VANS.values(), ROOM)]
    secrets += ["one van", "bound by dispatch", "bound by the vehicles", *VANS]
    found = [
        (path, one)
        for path, page in pages.items()
        for one in secrets
        if not path.endswith(".css")
        if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", page)
    ]
    assert found == []
    rows = json.loads(pages["/public/data/allocations.json"])["rows"]
    assert {row["reason_code"] for row in rows} & {"carrying_limits", "with_substitutes"}
    assert not [row for row in rows if "file for auditors" in row["reason"]], "every reason has words for the public"


def test_which_depot_the_limit_is_on_is_not_the_difference_of_two_publications(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    """The same limit goes from one depot to the other between two plans: no page that told of the first says so."""
    first = carried(region, cast)
    told(region, cast)
    before = everything(region, tmp_path)
    said = "UPDATE carrying_limit SET volume_ml = CASE site_code WHEN 'D-BE' THEN 2393 ELSE 1237 END"
    with region.begin() as connection:
        connection.execute(text(f"{said} WHERE site_code IS NOT NULL"))
    again = [ask(one, "PUMP", 6, need_by=NOW + timedelta(hours=LATER + 24)) for one in MEMBERS]
    act = acting(cast["requester"], after_hours=LATER)
    do(region, operations.submit, act, surge_id=first.surge_id, drafts=again)
    second = planned(region, cast, first.surge_id, after_hours=LATER + 1)
    do(region, approval.approve, acting(cast["committee"], after_hours=LATER + 2), plan_number=second.id)
    told(region, cast, hours=3 * LATER)
    after = everything(region, tmp_path)
    differences = {abs(one - two) for one in VANS.values() for two in VANS.values()} - {0}
    wanted = {*VANS.values(), *differences, *(one // 1000 for one in (*VANS.values(), *differences) if one > 99_999)}
    found = [path for path, page in after.items() if _subtracted(before.get(path, ""), page) & wanted]
    assert found == []


def _subtracted(before: str, after: str) -> set[int]:
    """Every whole number of the second text, less none or one of the first."""
    old, new = (
        {
            int(one.replace(",", ""))
            for one in re.findall(r"(?<![\w.-])[\d,]{3,9}(?![\w-])", text.strip(","))
            if one.strip(",")
        }
        for text in (before, after)
    )
    return {one - two for one in new for two in (*old, 0)}
