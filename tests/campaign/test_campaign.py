"""A small campaign of faults, and planted bugs that it must find; `make campaign` runs the large ones."""

from __future__ import annotations

import os

import pytest

from tests.campaign import faults, planted
from tests.campaign.running import run

LARGE = pytest.mark.skipif(not os.environ.get("STOCKPILE_CAMPAIGN"), reason="a server of its own: STOCKPILE_CAMPAIGN=1")


def test_a_service_on_the_embedded_database_survives_what_happens_to_it() -> None:
    report = run(seed=1, operations=1500, seconds=15, postgresql=False)
    assert report.violations == []
    assert report.done > 20, report.told()
    assert sum(report.faults.values()) >= 3, report.told()


@LARGE
def test_a_service_on_a_server_survives_what_happens_to_either() -> None:
    report = run(seed=2, operations=2500, seconds=25, postgresql=True)
    assert report.violations == []
    assert report.done > 20, report.told()
    assert sum(report.faults.values()) >= 4, report.told()


KINDS = {"sync off": (faults.postmaster_kill,), "retry without key": (faults.reply_cut, faults.worker_kill)}


@LARGE
@pytest.mark.parametrize("bug", planted.BUGS)
def test_a_planted_bug_is_found_within_a_minute(bug: str) -> None:
    report = run(seed=3, operations=1200, seconds=20, postgresql=True, bug=bug, kinds=KINDS.get(bug, ()))
    assert report.violations, report.told()
    assert report.seconds < 60
