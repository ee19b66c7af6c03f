"""Closed ways in words, and the journeys' times gathered from a report."""

from __future__ import annotations

from typing import Any

import pytest

from stockpile.governance.tables import Member
from stockpile.inventory.tables import Site
from stockpile.web import crisis_lanes
from tests.journeys.times import Time, gathered, table

LANES = frozenset({("D-BE", "BE-1"), ("D-BE", "NL-1"), ("D-NL", "NL-1")})


def depot(code: str, country: str) -> Site:
    """A depot somewhere."""
    given: dict[str, Any] = {"kind": "depot", "latitude": 50.0, "longitude": 6.0, "time_zone": "Europe/Brussels"}
    return Site(code=code, name=f"Depot {code}", country=country, **given)


def member(code: str, country: str) -> Member:
    """A municipality elsewhere."""
    given: dict[str, Any] = {"population": 1, "population_year": 2020, "latitude": 51.0, "longitude": 5.0}
    return Member(code=code, name=f"Town {code}", name_alt="", country=country, parent="", **given)


DEPOTS = [depot("D-BE", "BE"), depot("D-NL", "NL"), depot("D-DE", "DE")]
MEMBERS = [member("BE-1", "BE"), member("NL-1", "NL")]


def test_a_depot_that_no_lane_leaves_is_cut_off() -> None:
    assert [one.code for one in crisis_lanes.cut_off(DEPOTS, LANES)] == ["D-DE"]


def test_a_border_is_closed_where_no_lane_crosses_it() -> None:
    found = crisis_lanes.closed_borders(DEPOTS, MEMBERS, LANES)
    assert found == [("DE", "BE"), ("DE", "NL"), ("NL", "BE")]


def test_the_closed_ways_to_a_municipality_are_named() -> None:
    found = crisis_lanes.to_member(MEMBERS[0], DEPOTS, LANES)
    assert [one.label for one in found] == [
        "no open lane: Depot D-NL → Town BE-1",
        "no open lane: Depot D-DE → Town BE-1",
    ]


def test_times_are_gathered_and_what_took_too_long_stands_out() -> None:
    report = '<r><property name="scan" value="1.20 s of 15 s"/><property name="vote" value="200.00 s of 180 s"/></r>'
    found = gathered(report)
    assert found == [Time("scan", 1.2, 15), Time("vote", 200.0, 180)]
    assert [one.kept for one in found] == [True, False]
    assert "| vote | 200.0 s | 180 s | NO |" in table(found)


@pytest.mark.parametrize("value", ["", "fast", "1.0 s of many"])
def test_what_is_no_time_is_left_out(value: str) -> None:
    assert gathered(f'<r><property name="x" value="{value}"/></r>') == []
