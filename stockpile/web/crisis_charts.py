"""The charts of the crisis room, drawn inside the page from its own data; each beside a table that says the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

from stockpile.web.speech import day, say

LOOKS: Final = (("#0571b0", "solid", "circle"), ("#ca0020", "dashed", "rect"), ("#7b3294", "dotted", "triangle"))
"""Colour, dash and mark of each line: never told apart by colour alone."""
AXIS: Final[dict[str, Any]] = {
    "axisLine": {"lineStyle": {"color": "#6c7986"}},
    "splitLine": {"lineStyle": {"opacity": 0.3}},
}


def _drawn(options: dict[str, Any], spoken: str) -> ui.echart:
    chart = ui.echart({"animation": False, **options}, renderer="svg").classes("chart")
    chart.props("role=img")
    chart.props["aria-label"] = spoken
    return chart


def sorted_fills(by_rule: Mapping[str, Mapping[str, int]], member: str, name: Callable[[str], str]) -> ui.echart:
    """By rule the fills (thousandths) of all municipalities in rising order; `member` is marked on every line."""
    longest = max((len(by) for by in by_rule.values()), default=0)
    series = []
    for (rule, by), (colour, dash, mark) in zip(by_rule.items(), LOOKS, strict=False):
        ordered = sorted(by, key=lambda code: (by[code], code))
        one: dict[str, Any] = {
            "name": rule,
            "type": "line",
            "step": "end",
            "symbol": "none",
            "data": [by[code] / 10 for code in ordered],
            "lineStyle": {"color": colour, "type": dash, "width": 2.5},
            "itemStyle": {"color": colour},
        }
        if member in by:
            at = ordered.index(member)
            point = {"coord": [at, by[member] / 10], "value": name(member), "name": name(member)}
            label = {"show": True, "formatter": "{b}", "position": "top", "textBorderColor": "transparent"}
            one["markPoint"] = {"symbol": mark, "symbolSize": 11, "data": [point], "label": label}
        series.append(one)
    options = {
        "grid": {"left": 46, "right": 16, "top": 30, "bottom": 58},
        "legend": {"bottom": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": list(range(1, longest + 1)), "name": "", **AXIS},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}, **AXIS},
        "series": series,
    }
    return _drawn(options, say("Fill of every municipality under each rule, the least filled at the left"))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is reckoned with for the days to come: admissions a day, with the lowest and highest of the last days."""

    days: Sequence[Any]
    usual: float
    lowest: float
    highest: float


def surge_curve(days: Sequence[Any], reported: Sequence[int], accepted: Sequence[float], ahead: Outlook) -> ui.echart:
    """Admissions a day as reported and as accepted, and what is reckoned with for the days ahead, with its band."""
    labels = [day(one) for one in (*days, *ahead.days)]
    gap: list[float | None] = [None] * len(days)
    coming = len(ahead.days)
    band = {"type": "line", "symbol": "none", "stack": "band", "lineStyle": {"opacity": 0}, "silent": True}
    lines = [
        {"name": say("Reported"), "type": "bar", "data": list(reported), "itemStyle": {"color": "#92a7b8"}},
        _line(say("Accepted"), list(accepted), LOOKS[0]),
        _line(say("Reckoned with"), gap + [ahead.usual] * coming, LOOKS[1]),
        {**band, "name": say("Lowest of the last seven days"), "data": gap + [ahead.lowest] * coming},
        {
            **band,
            "name": say("Band: lowest to highest of the last seven days"),
            "data": gap + [ahead.highest - ahead.lowest] * coming,
            "areaStyle": {"color": "#ca0020", "opacity": 0.18},
            "itemStyle": {"color": "#ca0020", "opacity": 0.4},
        },
    ]
    shown = [one["name"] for one in lines if one.get("name") != say("Lowest of the last seven days")]
    options = {
        "grid": {"left": 46, "right": 16, "top": 16, "bottom": 84},
        "legend": {"bottom": 0, "data": shown},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": labels, **AXIS},
        "yAxis": {"type": "value", **AXIS},
        "series": lines,
    }
    return _drawn(options, say("Admissions a day of the region, and what planning reckons with for the days ahead"))


def _line(name: str, data: Sequence[float | None], look: tuple[str, str, str]) -> dict[str, Any]:
    colour, dash, _ = look
    return {
        "name": name,
        "type": "line",
        "symbol": "none",
        "data": list(data),
        "lineStyle": {"color": colour, "type": dash, "width": 2.5},
        "itemStyle": {"color": colour},
    }
