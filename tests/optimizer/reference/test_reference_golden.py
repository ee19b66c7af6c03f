"""The two published instances reach the published values, proved, through the command line.

Source of the values: the reference file that comes with the format (three stages, each tolerance as it states).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.__main__ import main

INSTANCES = Path(__file__).parents[3] / "fixtures" / "instances" / "allocation"
PUBLISHED = {
    "10x50x20-s1": (0.546022, 88853.534813, 4438.689464),
    "20x200x100-s1": (0.546774, 1891080.327431, 71624.011704),
}
WHOLE_PACKS_BOUND = (0.526836, 87805.6066)
"""The linear bound once lots and demands are rounded down to whole packs: no plan in whole packs passes it."""


def values_of(printed: str) -> dict[str, float]:
    content: dict[str, float] = json.loads(printed)
    return content


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_instance_reaches_its_published_values(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, weighted, cost = PUBLISHED[name]
    problem, plan = str(INSTANCES / f"{name}.json"), str(tmp_path / "plan.json")
    assert main(["allocate", problem, "-o", plan]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "gap" in said.err
    assert main(["check", problem, plan]) == 0
    found = values_of(capsys.readouterr().out)
    assert found["feasible"] is True
    assert found["min_service"] == pytest.approx(service, rel=2e-6)
    assert found["weighted_served"] == pytest.approx(weighted, rel=2e-6)
    assert found["cost"] <= cost * (1 + 5e-4)
    written = json.loads(Path(plan).read_bytes())
    assert written["status"] == "optimal"
    assert [stage["status"] for stage in written["stages"]] == ["optimal"] * 3


def test_whole_packs_come_within_a_thousandth_of_their_linear_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problem, plan = str(INSTANCES / "10x50x20-s1.json"), str(tmp_path / "plan.json")
    assert main(["allocate", problem, "-o", plan, "--whole-packs"]) == 0
    capsys.readouterr()
    assert main(["check", "--bounds", problem, plan]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lines_not_whole_packs"] == 0
    assert found["bounds"]["min_service"]["bound"] == pytest.approx(WHOLE_PACKS_BOUND[0], rel=2e-6)
    assert found["min_service"] >= WHOLE_PACKS_BOUND[0] * (1 - 1e-3)
    assert found["weighted_served"] >= WHOLE_PACKS_BOUND[1] * (1 - 1e-3)
    assert found["bounds"]["cost"]["gap"] <= 1e-2
