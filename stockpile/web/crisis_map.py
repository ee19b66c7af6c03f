"""The map of the crisis page: every municipality as a point, its fill as a colour and an outline, no tiles."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean
from typing import Final

from babel import Locale
from nicegui import ui

from stockpile.allocation.queries import Fill
from stockpile.governance.tables import Member
from stockpile.inventory.tables import Site
from stockpile.web.crisis_reading import Opening, PlanView, Share
from stockpile.web.parts import text
from stockpile.web.speech import N_, amount, language, ngettext, number, percent, say

BANDS: Final[tuple[tuple[int, str, str], ...]] = (
    (250, N_("under 25 %"), "low0"),
    (500, N_("25 to under 50 %"), "low1"),
    (750, N_("50 to under 75 %"), "mid"),
    (1000, N_("75 to under 100 %"), "high"),
    (1001, N_("100 %"), "full"),
)
"""Fills below so many thousandths, in words, and the class of their colour and outline (screens.css)."""
SPOKEN: Final = N_("Map of the municipalities; with a keyboard, choose one in the field Municipality")
NOTHING: Final = "nothing"
OUT_OF_REACH: Final = "out"
MOST_NAMED: Final = 40
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
        return NOTHING, say("nothing asked"), None
    of = amount(share.validated, view.items[item].base_unit)
    got = say("{got} of {validated}", got=number(share.got), validated=of)
    if not share.reachable:
        return OUT_OF_REACH, f"{got} ({say('out of reach')})", None
    return band(share.permille), f"{got} ({percent(share.permille)})", share.permille


def _all_items(view: PlanView, member: Member) -> tuple[str, str, int | None]:
    fill: Fill | None = view.by_member.get(member.code)
    if fill is None:
        return NOTHING, say("nothing asked"), None
    if fill.median_permille is None or fill.lowest_permille is None:
        return OUT_OF_REACH, say("out of reach for everything asked"), None
    middle, lowest = percent(fill.median_permille), percent(fill.lowest_permille)
    words = say("median fill {median}, lowest {lowest}", median=middle, lowest=lowest)
    if fill.unreachable:
        words += ngettext(", {n} item out of reach", ", {n} items out of reach", fill.unreachable)
    return band(fill.median_permille), words, fill.median_permille


def band(permille: int) -> str:
    """The class of a fill.

    >>> band(0), band(499), band(999), band(1000)
    ('low0', 'low1', 'high', 'full')
    """
    return next(name for below, _, name in BANDS if permille < below)


@dataclass(frozen=True, slots=True)
class Way:
    """Goods that go from one place to another, drawn as a line; `weight` in pixels."""

    start: tuple[float, float]
    end: tuple[float, float]
    weight: float
    label: str


@dataclass(frozen=True, slots=True)
class Closure:
    """A way on which nothing goes, drawn dashed with a cross in its middle."""

    start: tuple[float, float]
    end: tuple[float, float]
    label: str


def flows(opening: Opening, view: PlanView, item: str, member: str) -> list[Way]:
    """What a plan sends from each depot to each municipality, of one item or all, to one municipality or all."""
    packs: dict[tuple[str, str], int] = defaultdict(int)
    for line in view.lines:
        if item in ("", line.item) and member in ("", line.member):
            packs[line.site, line.member] += line.packs
    largest = max(packs.values(), default=1)
    sites = {depot.code: depot for depot in opening.depots}
    return [_flow(sites[site], opening.members[to], count, largest) for (site, to), count in packs.items()]


def _flow(depot: Site, member: Member, packs: int, largest: int) -> Way:
    label = ngettext("{n} pack", "{n} packs", packs)
    start, end = (depot.latitude, depot.longitude), (member.latitude, member.longitude)
    return Way(start, end, round(1 + 6 * sqrt(packs / largest), 1), f"{depot.name} → {member.name}: {label}")


class CrisisMap:
    """The map element: drawn in one message, redrawn in one message."""

    def __init__(self, opening: Opening, on_pick: Callable[[str], object]) -> None:
        with ui.element("div").classes("map-frame").props("role=region") as frame:
            frame.props["aria-label"] = say(SPOKEN)
            options = {"attributionControl": False, "scrollWheelZoom": False, "zoomSnap": 0.25, "keyboard": False}
            resources = ["/screens/crisis_map.js"]
            self._map = ui.leaflet(options=options, additional_resources=resources).classes("map")
        self._map.clear_layers()
        self._names = names(opening.members.values())
        leaving = {origin for origin, _ in opening.lanes}
        self._depots = [_depot(one, cut_off=one.code not in leaving) for one in opening.depots]
        self._dots: list[Dot] = []
        self._ways: list[Way] = []
        self._closed: list[Closure] = []
        self._chosen = ""
        self._map.on("init", self._draw)
        ui.on("pick_municipality", lambda event: on_pick(event.args["code"]))

    def show(self, found: list[Dot], ways: list[Way], chosen: str, *, closed: Sequence[Closure] = ()) -> None:
        """Show these dots, ways and closed ways, one dot chosen ('' for none)."""
        self._dots, self._ways, self._chosen, self._closed = found, ways, chosen, list(closed)
        if self._map.is_initialized:
            self._draw()

    def _draw(self) -> None:
        ways = [asdict(way) for way in self._ways]
        dots = [asdict(dot) for dot in self._dots]
        closed = [asdict(way) for way in self._closed]
        shown = {"depots": self._depots, "dots": dots, "ways": ways, "closed": closed, "names": self._names}
        self._run("drawCrisis", shown)
        self._run("chooseMunicipality", self._chosen)

    def _run(self, function: str, given: object) -> None:
        ui.run_javascript(f"{function}(getElement({self._map.id}).map, {json.dumps(given)})")


def names(members: Iterable[Member]) -> list[dict[str, object]]:
    """What the map writes beside its points: each country beside its own points, then towns by population.

    The map shows as many as find room, so that one knows at first sight where one looks. Borders are not among
    the region's facts and are not drawn.
    """
    towns = sorted(members, key=lambda member: (-member.population, member.code))
    lands: dict[str, list[Member]] = defaultdict(list)
    for town in towns:
        lands[town.country].append(town)
    territories = Locale.parse(language()).territories
    found = [_named(territories.get(code, code), own, land=True) for code, own in sorted(lands.items())]
    return found + [_named(town.name, [town], land=False) for town in towns[:MOST_NAMED]]


def _named(name: str, towns: list[Member], *, land: bool) -> dict[str, object]:
    """A name for these municipalities, at their middle; a country with where each of them is."""
    at = [fmean(one.latitude for one in towns), fmean(one.longitude for one in towns)]
    own = [[one.latitude, one.longitude] for one in towns] if land else []
    return {"name": name, "at": at, "land": land, "own": own}


def _depot(depot: Site, *, cut_off: bool) -> dict[str, object]:
    """A depot as the map draws it; one that no open lane leaves carries a cross and says so."""
    name = say("{depot}: cut off, nothing leaves", depot=depot.name) if cut_off else depot.name
    return {"name": name, "at": [depot.latitude, depot.longitude], "closed": cut_off}


def legend_closed() -> None:
    """What a cross on a depot or a dashed line means."""
    with ui.element("div").classes("legend-entry"):
        text("span", "✗").classes("swatch-cross").props("aria-hidden=true")
        text("span", say("cut off, or a closed way (dashed)"))


def legend(*, all_items: bool) -> None:
    """What the colours, outlines and sizes mean, in words and numbers."""
    text("div", say("Median fill over the items asked") if all_items else say("Fill: got of validated")).classes(
        "legend-title"
    )
    for _, words, name in BANDS:
        legend_entry(name, say(words))
    legend_entry(OUT_OF_REACH, say("out of reach"))
    legend_entry(NOTHING, say("nothing asked"))
    legend_entry("depot", say("depot"))
    text("div", say("Dashed: under 50 %. Size: validated need.")).classes("legend-note")


def legend_entry(name: str, words: str) -> None:
    """One colour with what it stands for."""
    with ui.element("div").classes("legend-entry"):
        ui.element("span").classes(f"swatch swatch-{name}").props("aria-hidden=true")
        text("span", words)
