"""A small campaign of faults, and planted bugs that it must find; `make campaign` runs the large ones."""

from __future__ import annotations

import os

import pytest

from tests.campaign import faults, planted
from tests.campaign.cluster import may_mount
from tests.campaign.running import run

LARGE = pytest.mark.skipif(not os.environ.get("STOCKPILE_CAMPAIGN"), reason="a server of its own: STOCKPILE_CAMPAIGN=1")


def test_a_service_on_the_embedded_database_survives_what_happens_to_it() -> None:
    report = run(seed=1, operations=100_000, seconds=60, most_faults=8, postgresql=False)
    assert report.violations == []
    assert report.done > 20, report.told()
    assert sum(report.faults.values()) >= 3, report.told()


@LARGE
def test_a_service_on_a_server_survives_what_happens_to_either() -> None:
    report = run(seed=2, operations=100_000, seconds=60, most_faults=12, postgresql=True)
    assert report.violations == []
    assert report.done > 20, report.told()
    assert sum(report.faults.values()) >= 4, report.told()


@LARGE
def test_a_server_whose_disk_is_full_loses_nothing_and_goes_on_by_itself() -> None:
    if not may_mount():
        pytest.skip("only root may make the small disk that fills up")
    kinds = (faults.server_disk_full, faults.worker_kill)
    given = {"seconds": 60, "most_faults": 6, "kinds": kinds, "disk_megabytes": 120}
    report = run(seed=5, operations=100_000, postgresql=True, **given)
    assert report.violations == []
    assert report.done > 100, report.told()
    assert report.faults["server_disk_full"] >= 2, report.told()


@LARGE
@pytest.mark.parametrize("bug", planted.BUGS)
def test_a_planted_bug_is_found_within_a_minute(bug: str) -> None:
    report = run(seed=3, operations=100_000, seconds=20, postgresql=True, bug=bug, kinds=faults.of(bug))
    assert report.violations, report.told()
    assert report.seconds < 60
