"""Tenders as OCDS: planning, tender and award are valid by the standard's schema, and nothing is told too early."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from stockpile.contracts.procurement import awarding
from stockpile.db import reading
from stockpile.transparency.kpis import queries as kpis
from stockpile.transparency.kpis.flags import bid_flags
from stockpile.transparency.ocds import releases
from stockpile.transparency.ocds.tendering import tender_ocid
from tests.conftest import Cast
from tests.contracts.tendering import OPEN, at, notified, offered, planned
from tests.inventory.stockroom import do
from tests.transparency.test_ocds import faults

AFTER = OPEN + timedelta(days=90)


def told(engine: Engine) -> dict[str, Any]:
    with reading(engine) as session:
        return releases.release_package(session, at=AFTER)


def tags(package: dict[str, Any]) -> list[str]:
    ocid = tender_ocid("JP-20")
    return [release["tag"][0] for release in package["releases"] if release["ocid"] == ocid]


def test_a_tender_that_is_only_planned_is_told_to_nobody(region: Engine, cast: Cast) -> None:
    planned(region, cast)
    assert tags(told(region)) == []


def test_while_bids_are_open_no_bidder_is_named(region: Engine, cast: Cast) -> None:
    offered(region, cast)
    package = told(region)
    assert tags(package) == ["planning", "tender"]
    tender = [release for release in package["releases"] if release["ocid"] == tender_ocid("JP-20")]
    assert "SUP-1" not in json.dumps(tender)
    assert "Price (price): 50 of 100" in tender[-1]["tender"]["awardCriteriaDetails"]
    assert faults("release-package-schema.json", package) == []


def test_from_planning_to_the_signed_contract_every_release_is_valid(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    assert tags(told(region)) == ["planning", "tender", "award"]
    do(region, awarding.award, at(cast["committee"], AFTER), number=number)
    do(region, awarding.sign, at(cast["committee"], AFTER), number=number, supplier="SUP-2")
    package = told(region)
    assert tags(package) == ["planning", "tender", "award", "awardUpdate"]
    last = [release for release in package["releases"] if release["ocid"] == tender_ocid("JP-20")][-1]
    assert [(one["status"], one["suppliers"][0]["id"]) for one in last["awards"]] == [("active", "supplier:SUP-2")] * 2
    assert faults("release-package-schema.json", package) == []
    (framework,) = (r for r in package["releases"] if r["ocid"] == releases.framework_ocid("JP-20-SUP-2"))
    assert framework["relatedProcesses"][0]["identifier"] == tender_ocid("JP-20")
    with reading(region) as session:
        assert faults("record-package-schema.json", releases.record_package(session, at=AFTER)) == []


def test_a_single_bid_for_a_lot_of_ours_is_flagged(region: Engine, cast: Cast) -> None:
    notified(region, cast)
    with reading(region) as session:
        found = kpis.red_flags(session)
    assert [(row["ocid"], row["flag"], row["value"]) for row in found] == [
        (tender_ocid("JP-20"), "R018", "lot B: 1 bid")
    ]


def test_disqualified_rivals_and_equal_prices_are_flagged() -> None:
    assert [flag for flag, _, _ in bid_flags([(100, True), (90, False)])] == ["R035", "R036"]
    assert [flag for flag, _, _ in bid_flags([(100, True), (100, True), (130, True)])] == ["R028"]
    assert bid_flags([(100, True), (110, True)]) == []
