"""The second story: the floods of July 2021, told to a proven ledger as the first is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.journeys.demo_run import PATIENCE_SECONDS, demo, environment

EXPECTED = {
    "simulated": True,
    "municipalities": 203,
    "countries": 3,
    "depots": 10,
    "items": 12,
    "plans": 5,
    "calloffs_received": 1,
    "checker_accepted": True,
    "ledger_verified": True,
}


def stored(home: Path, query: str) -> list[tuple[object, ...]]:
    """What the story left in its database."""
    engine = create_engine(f"sqlite:///{home / 'stockpile.db'}")
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return rows


def test_the_floods_are_told_to_a_proven_ledger_and_nothing_leaves_the_depot_that_is_cut_off(tmp_path: Path) -> None:
    said, report = demo(tmp_path, scenario="floods-2021")
    assert report | EXPECTED == report
    assert "SIMULATED" in said
    assert "depot Verviers is cut off" in said
    assert "9 substitutes approved" in said
    left = stored(tmp_path, "SELECT DISTINCT origin FROM transfer")
    assert ("depot-verviers",) not in left
    assert len(left) > 3
    into_the_valley = "SELECT DISTINCT origin FROM transfer WHERE destination IN ('BE-3010', 'BE-2970', 'BE-2850')"
    assert {origin for (origin,) in stored(tmp_path, into_the_valley)} <= {
        *("depot-aachen", "depot-heerlen", "depot-liege", "depot-maastricht")
    }
    assert stored(tmp_path, "SELECT state, count(*) FROM substitution GROUP BY state") == [("approved", 9)]
    assert stored(tmp_path, "SELECT equipment_code FROM part_fit WHERE part_code = 'FLD-010'") == [("FLD-007",)]
    again, second = demo(tmp_path, scenario="floods-2021")
    assert "going on where the demo stopped" in again
    assert second["plan_lines"] == report["plan_lines"]


def test_a_story_that_nobody_wrote_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    unknown = ["stockpile", "demo", "--no-serve", "--scenario", "drought"]
    ran = subprocess.run(
        unknown, env=environment(tmp_path), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert ran.returncode == 2
    assert "drought" in ran.stderr
    assert "floods-2021" in ran.stderr
    assert list(tmp_path.glob("*.db")) == []
