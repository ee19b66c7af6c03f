"""The charts of the desks, drawn inside the page from its own data; each beside a table that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from nicegui import ui

from stockpile.web.crisis_charts import AXIS, LOOKS
from stockpile.web.speech import day, say

GRID: Final = {"left": 70, "right": 16, "top": 24, "bottom": 84}
STRIPES: Final[dict[str, Any]] = {"symbol": "rect", "dashArrayX": [1, 0], "dashArrayY": [3, 4], "rotation": -0.7}
BARS: Final[tuple[tuple[str, dict[str, Any] | None], ...]] = (
    ("#0571b0", None),
    ("#ca0020", {**STRIPES, "color": "#ffffff"}),
    ("#92a7b8", {**STRIPES, "rotation": 0.7, "color": "#17202b"}),
)
"""Colour and pattern of each kind of bar: never told apart by colour alone."""


def drawn(options: dict[str, Any], spoken: str) -> ui.echart:
    """A chart of these options; `spoken` says what it shows."""
    chart = ui.echart({"animation": False, "tooltip": {"trigger": "axis"}, **options}, renderer="svg").classes("chart")
    chart.props("role=img")
    chart.props["aria-label"] = spoken
    return chart


@dataclass(frozen=True, slots=True)
class Ahead:
    """Base units on hand on days to come: expected, lowest and highest (() where unknown), and by a scenario."""

    days: Sequence[date]
    expected: Sequence[int]
    lowest: Sequence[int]
    highest: Sequence[int]
    scenario: Sequence[int]
    scenario_name: str
    reserve: int
    band_name: str


def stock_ahead(ahead: Ahead, unit: str) -> ui.echart:
    """Where the stock of an item goes, with its band and the reserve that is to lie there."""
    lines: list[dict[str, Any]] = [_line(say("Expected stock"), list(ahead.expected), LOOKS[0])]
    if ahead.lowest:
        lines += _band(ahead)
    if ahead.scenario:
        lines.append(_line(ahead.scenario_name, list(ahead.scenario), LOOKS[2]))
    lines.append(_line(say("To be kept in reserve"), [ahead.reserve] * len(ahead.days), LOOKS[1]))
    shown = [one["name"] for one in lines if one["name"] != say("Stock with higher use")]
    options = {
        "grid": GRID,
        "legend": {"bottom": 0, "data": shown},
        "xAxis": {"type": "category", "data": [day(one) for one in ahead.days], **AXIS},
        "yAxis": {"type": "value", "name": unit, "min": 0, **AXIS},
        "series": lines,
    }
    return drawn(options, say("Stock of the item on the days to come, if nothing more is ordered"))


def _band(ahead: Ahead) -> list[dict[str, Any]]:
    hidden = {"type": "line", "symbol": "none", "stack": "band", "lineStyle": {"opacity": 0}, "silent": True}
    width = [high - low for low, high in zip(ahead.lowest, ahead.highest, strict=True)]
    return [
        {**hidden, "name": say("Stock with higher use"), "data": list(ahead.lowest)},
        {
            **hidden,
            "name": ahead.band_name,
            "data": width,
            "areaStyle": {"color": "#0571b0", "opacity": 0.18},
            "itemStyle": {"color": "#0571b0", "opacity": 0.4},
        },
    ]


def _line(name: str, data: Sequence[int], look: tuple[str, str, str]) -> dict[str, Any]:
    colour, dash, _ = look
    return {
        "name": name,
        "type": "line",
        "symbol": "none",
        "data": list(data),
        "lineStyle": {"color": colour, "type": dash, "width": 2.5},
        "itemStyle": {"color": colour},
    }


def bars(
    labels: Sequence[str], stacks: Mapping[str, Sequence[float]], *, unit: str, spoken: str, beside: bool = False
) -> ui.echart:
    """Bars over time, stacked or `beside` each other, at most three kinds, each by its name."""
    series = []
    for (name, values), (colour, pattern) in zip(stacks.items(), BARS, strict=False):
        style: dict[str, Any] = {"color": colour} | ({"decal": pattern} if pattern else {})
        series.append({"name": name, "type": "bar", "data": list(values), "itemStyle": style})
        series[-1] |= {} if beside else {"stack": "all"}
    options = {
        "grid": GRID,
        "aria": {"enabled": True, "decal": {"show": True}},
        "legend": {"bottom": 0},
        "xAxis": {"type": "category", "data": list(labels), **AXIS},
        "yAxis": {"type": "value", "name": unit, **AXIS},
        "series": series,
    }
    return drawn(options, spoken)


def outlook_bands(
    quarters: Sequence[str], bands: Sequence[tuple[int, int, int]], ordered: Sequence[int], unit: str
) -> ui.echart:
    """Low, expected and high of each quarter, and what was ordered."""
    base = {"type": "bar", "stack": "band", "silent": True, "itemStyle": {"opacity": 0}}
    low, high = say("Lowest"), say("Band: low to high")
    options = {
        "grid": GRID,
        "legend": {"bottom": 0, "data": [high, say("Expected"), say("Ordered")]},
        "xAxis": {"type": "category", "data": list(quarters), **AXIS},
        "yAxis": {"type": "value", "name": unit, "min": 0, **AXIS},
        "series": [
            {**base, "name": low, "data": [one[0] for one in bands]},
            {
                "name": high,
                "type": "bar",
                "stack": "band",
                "data": [one[2] - one[0] for one in bands],
                "itemStyle": {"color": "#92c5de"},
                "barWidth": "40%",
            },
            _mark(say("Expected"), [one[1] for one in bands], "#17202b", "rect", [44, 4]),
            _mark(say("Ordered"), list(ordered), "#ca0020", "triangle", [12, 12]),
        ],
    }
    return drawn(options, say("What to expect of each quarter, as a band from low to high, and what was ordered"))


def _mark(name: str, data: Sequence[int], colour: str, symbol: str, size: list[int]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "scatter",
        "data": list(data),
        "symbol": symbol,
        "symbolSize": size,
        "itemStyle": {"color": colour},
    }
