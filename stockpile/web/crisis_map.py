"""The map of the crisis page: every municipality as a point, its fill as a colour and an outline, no tiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Final

from nicegui import ui

from stockpile.allocation.queries import Fill
from stockpile.governance.tables import Member
from stockpile.web.crisis_reading import Opening, PlanView, Share
from stockpile.web.parts import amount, counted, percent, text

BANDS: Final[tuple[tuple[int, str, str], ...]] = (
    (250, "under 25 %", "low0"),
    (500, "25 to under 50 %", "low1"),
    (750, "50 to under 75 %", "mid"),
    (1000, "75 to under 100 %", "high"),
    (1001, "100 %", "full"),
)
"""Fills below so many thousandths, in words, and the class of their colour and outline (screens.css)."""
SPOKEN: Final = "Map of fills by municipality; with a keyboard, choose one in the field Municipality"
NOTHING: Final = "nothing"
OUT_OF_REACH: Final = "out"
SMALLEST_RADIUS, LARGEST_RADIUS, NOTHING_RADIUS = 4.0, 17.0, 3.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One municipality on the map."""

    code: str
    latitude: float
    longitude: float
    band: str
    radius: float
    name: str
    label: str
    permille: int | None


def dots(opening: Opening, view: PlanView, item: str) -> list[Dot]:
    """All municipalities for one item, or for all items ('') by the median of their fills."""
    need = {code: _need(view, code, item) for code in opening.members}
    largest = max(need.values(), default=0)
    found = [_dot(view, member, item, need[code], largest) for code, member in opening.members.items()]
    return sorted(found, key=lambda dot: -dot.radius)


def _dot(view: PlanView, member: Member, item: str, need: float, largest: float) -> Dot:
    look, words, permille = _one_item(view, member, item) if item else _all_items(view, member)
    radius = NOTHING_RADIUS if look == NOTHING else _radius(need, largest)
    place = (member.latitude, member.longitude)
    return Dot(member.code, *place, look, round(radius, 1), member.name, f"{member.name}: {words}", permille)


def _need(view: PlanView, member: str, item: str) -> float:
    """Validated need in packs, which add up over items as base units do not."""
    codes = [item] if item else list(view.items)
    shares = [view.shares[member, code] for code in codes if (member, code) in view.shares]
    return sum(share.validated / view.items[share.item].pack_size for share in shares)


def _radius(need: float, largest: float) -> float:
    return SMALLEST_RADIUS + (LARGEST_RADIUS - SMALLEST_RADIUS) * sqrt(need / largest if largest else 0)


def _one_item(view: PlanView, member: Member, item: str) -> tuple[str, str, int | None]:
    share: Share | None = view.shares.get((member.code, item))
    if share is None:
        return NOTHING, "nothing asked", None
    got = f"{share.got:,} of {amount(share.validated, view.items[item].base_unit)}"
    if not share.reachable:
        return OUT_OF_REACH, f"{got} (out of reach)", None
    return band(share.permille), f"{got} ({percent(share.permille)})", share.permille


def _all_items(view: PlanView, member: Member) -> tuple[str, str, int | None]:
    fill: Fill | None = view.by_member.get(member.code)
    if fill is None:
        return NOTHING, "nothing asked", None
    if fill.median_permille is None or fill.lowest_permille is None:
        return OUT_OF_REACH, "out of reach for everything asked", None
    fills = f"median fill {percent(fill.median_permille)}, lowest {percent(fill.lowest_permille)}"
    out = f", {counted(fill.unreachable, 'item', 'items')} out of reach" if fill.unreachable else ""
    return band(fill.median_permille), f"{fills}{out}", fill.median_permille


def band(permille: int) -> str:
    """The class of a fill.

    >>> band(0), band(499), band(999), band(1000)
    ('low0', 'low1', 'high', 'full')
    """
    return next(name for below, _, name in BANDS if permille < below)


class CrisisMap:
    """The map element: drawn in one message, redrawn in one message."""

    def __init__(self, opening: Opening, on_pick: Callable[[str], object]) -> None:
        with ui.element("div").classes("map-frame").props(f'role=img aria-label="{SPOKEN}"'):
            options = {"attributionControl": False, "scrollWheelZoom": False, "zoomSnap": 0.25, "keyboard": False}
            resources = ["/screens/crisis_map.js"]
            self._map = ui.leaflet(options=options, additional_resources=resources).classes("map")
        self._map.clear_layers()
        self._depots = [{"name": d.name, "at": [d.latitude, d.longitude]} for d in opening.depots]
        self._dots: list[Dot] = []
        self._chosen = ""
        self._map.on("init", self._draw)
        ui.on("pick_municipality", lambda event: on_pick(event.args["code"]))

    def show(self, found: list[Dot], chosen: str) -> None:
        """Show these dots, one of them chosen ('' for none)."""
        self._dots, self._chosen = found, chosen
        if self._map.is_initialized:
            self._draw()

    def choose(self, chosen: str) -> None:
        """Mark another dot."""
        self._chosen = chosen
        if self._map.is_initialized:
            self._run("chooseMunicipality", chosen)

    def _draw(self) -> None:
        self._run("drawCrisis", {"depots": self._depots, "dots": [asdict(dot) for dot in self._dots]})
        self._run("chooseMunicipality", self._chosen)

    def _run(self, function: str, given: object) -> None:
        ui.run_javascript(f"{function}(getElement({self._map.id}).map, {json.dumps(given)})")


def legend(*, all_items: bool) -> None:
    """What the colours, outlines and sizes mean, in words and numbers."""
    what = "Median fill over the items asked" if all_items else "Fill: got of validated"
    text("div", what).classes("legend-title")
    for _, words, name in BANDS:
        _legend_entry(name, words)
    _legend_entry(OUT_OF_REACH, "out of reach")
    _legend_entry(NOTHING, "nothing asked")
    _legend_entry("depot", "depot")
    text("div", "Dashed: under 50 %. Size: validated need.").classes("legend-note")


def _legend_entry(name: str, words: str) -> None:
    with ui.element("div").classes("legend-entry"):
        ui.element("span").classes(f"swatch swatch-{name}").props("aria-hidden=true")
        text("span", words)
