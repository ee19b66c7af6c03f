"""Forecasts on real series are at least as good as the simple ones, and their intervals hold what they say."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

import pytest

from optimizer.solver import run_limited
from stockpile.demand.forecasting import child, rules
from stockpile.demand.forecasting.rules import QUANTILES, Asked, Expected, Series

SERIES = Path(__file__).parents[2] / "fixtures" / "series"
HELD_OUT = 12
TOLERANCE = 1.02


def rows(name: str) -> list[list[float]]:
    """Monthly series, one row each."""
    with (SERIES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]]


def foreseen(past: list[list[float]], *, season: int) -> tuple[Expected, ...]:
    """What the job's child process expects of the series."""
    series = tuple(Series((str(number), ""), tuple(row), season) for number, row in enumerate(past))
    outcome = run_limited(child.forecast, Asked(series, HELD_OUT), limit_seconds=120)
    assert outcome.value is not None, outcome.detail
    return outcome.value


@pytest.mark.parametrize(("name", "season"), [("hospital_monthly", 12), ("part_monthly", 1)])
def test_the_method_chosen_is_in_all_at_least_as_good_as_the_best_simple_one(name: str, season: int) -> None:
    every = rows(name)
    past, actual = [row[:-HELD_OUT] for row in every], [row[-HELD_OUT:] for row in every]
    found = foreseen(past, season=season)
    ours = rules.accuracy(past, actual, [one.means for one in found])
    simple = [
        rules.accuracy(past, actual, [[fmean(row[-periods:])] * HELD_OUT for row in past]) for periods in (1, 3, 6, 12)
    ]
    assert ours.mase <= TOLERANCE * min(one.mase for one in simple)
    assert ours.wape <= TOLERANCE * min(one.wape for one in simple)
    assert abs(ours.bias) <= 0.06
    if name == "hospital_monthly":
        assert 0.85 <= coverage(found, actual) <= 0.95
    for at, quantile in enumerate(QUANTILES):
        mine = loss(quantile, actual, [one.quantiles[at] for one in found])
        known = loss(quantile, actual, [[empirical(row, quantile)] * HELD_OUT for row in past])
        assert mine <= TOLERANCE * known, f"quantile {quantile}"


def coverage(found: tuple[Expected, ...], actual: list[list[float]]) -> float:
    """How much of what came lay within the 90 % interval."""
    low, high = QUANTILES.index(0.05), QUANTILES.index(0.95)
    return fmean(
        bottom <= real <= top
        for one, row in zip(found, actual, strict=True)
        for real, bottom, top in zip(row, one.quantiles[low], one.quantiles[high], strict=True)
    )


def loss(quantile: float, actual: list[list[float]], said: list[list[float]] | list[tuple[float, ...]]) -> float:
    """The mean pinball loss over all series."""
    return fmean(rules.pinball(quantile, actual=row, foreseen=one) for row, one in zip(actual, said, strict=True))


def empirical(row: list[float], quantile: float) -> float:
    """The quantile of what was seen, between neighbours by their distance."""
    ordered = sorted(row)
    place = quantile * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def test_short_series_and_those_without_use_are_forecast_without_pretence() -> None:
    found = foreseen([[3.0, 5.0], [0.0] * 24, [4.0] * 24], season=1)
    assert [one.kind for one in found] == [rules.SHORT, rules.NO_USE, rules.SMOOTH]
    assert found[0].means == (4.0,) * HELD_OUT
    assert set(found[1].means) == {0.0}
    assert found[2].means == pytest.approx([4.0] * HELD_OUT)


def test_unknown_periods_are_not_taken_for_no_use() -> None:
    known: list[float | None] = [70.0] * 30
    known[10:14] = [None] * 4
    outcome = run_limited(child.forecast, Asked((Series(("A", ""), tuple(known)),), 4), limit_seconds=120)
    assert outcome.value is not None
    assert outcome.value[0].means == pytest.approx([70.0] * 4)


def test_a_site_that_usually_reports_and_falls_silent_is_not_taken_for_one_that_needs_nothing() -> None:
    daily = [date(2020, 1, 1) + timedelta(days=number) for number in range(40)]
    back = date(2020, 4, 1)
    gap = rules.silences([*daily, back], first=daily[0], last=back)
    assert min(gap) == daily[-1] + timedelta(days=1)
    assert max(gap) == back - timedelta(days=1)
    rare = [date(2020, 1, 1) + timedelta(days=20 * number) for number in range(14)]
    assert rules.silences(rare, first=rare[0], last=rare[-1]) == set()


def test_the_api_and_the_command_line_start_without_the_heavy_libraries() -> None:
    asked = (
        "import sys, stockpile.app, stockpile.cli; print([m for m in ('statsforecast','scipy') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
