"""The surge over time: admissions and what is reckoned with, flagged reports, and on the map need, stock and cover."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from nicegui import ui
from nicegui.events import TableSelectionEventArguments

from stockpile.allocation.rules import DECLARED
from stockpile.demand import operations as demand
from stockpile.web import crisis_charts as charts
from stockpile.web import crisis_lanes
from stockpile.web.acting import Done, fresh_key, once
from stockpile.web.crisis_map import NOTHING, CrisisMap, Dot, Way, legend_closed, legend_entry
from stockpile.web.crisis_room import Room
from stockpile.web.crisis_surge_reading import Course, Moment, course, moment
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.parts import button, text
from stockpile.web.speech import N_, amount, day, instant, ngettext, number, say
from stockpile.web.working import Working

STEP = timedelta(hours=3)
DAYS_BACK: Final = 21
COVERS: Final = (
    (10, N_("under 1 day"), "low0"),
    (20, N_("1 to under 2 days"), "low1"),
    (30, N_("2 to under 3 days"), "mid"),
    (70, N_("3 to under 7 days"), "high"),
    (10**12, N_("7 days and more"), "full"),
)
"""Cover below so many tenths of a day, in words, and its look on the map."""
SMALLEST, LARGEST, NONE = 4.0, 15.0, 3.0


class SurgePart:
    """The map at an instant that a slider chooses, the curve beside it, and flagged reports below."""

    def __init__(self, room: Room, map_: CrisisMap, legend: ui.element) -> None:
        self._room, self._map, self._legend = room, map_, legend
        self._course: Course | None = None
        self._flagged: dict[str, Any] | None = None
        self._key = fresh_key()
        self._times = _times(room)
        with ui.element("section").classes("panel why-panel"):
            text("h2", say("The surge"))
            self._curve = ui.element("div")
            text("h3", say("The map through time"))
            label = say("Instant shown on the map")
            self._slider = ui.slider(min=0, max=len(self._times) - 1, value=len(self._times) - 1)
            self._slider.props["aria-label"] = label
            self._slider.on("change", self._moved)
            self._when = text("p", "").classes("clock").props("role=status")
            self._there = ui.element("div")
        with ui.element("section").classes("panel tables-panel"):
            self._working = Working(room.signed)
            self._done = text("p", "").props("role=status").classes("done")
            self._below = ui.element("div")

    async def show(self) -> None:
        """Read and show the curve, and the map at the chosen instant."""
        if self._course is None:
            self._course = await self._room.signed.read(lambda session: course(session, self._room.now))
            self._show_course(self._course)
        await self._moved()

    def _show_course(self, found: Course) -> None:
        last = found.days[-1] if found.days else self._room.now.date()
        cover = next((one.cover_days for one in self._room.opening.surges if one.state == DECLARED), 3)
        ahead = charts.Outlook(
            [last + timedelta(days=count) for count in range(1, cover + 1)],
            found.usual_milli / 1000,
            found.lowest_milli / 1000,
            found.highest_milli / 1000,
        )
        self._curve.clear()
        with self._curve:
            accepted = [milli / 1000 for milli in found.accepted_milli]
            charts.surge_curve(found.days, found.reported, accepted, ahead)
            usual = number(round(found.usual_milli / 1000))
            text("p", say("Validation reckons with {n} admissions a day in the region.", n=usual))
        self._below.clear()
        with self._below:
            self._show_flagged(found)

    def _show_flagged(self, found: Course) -> None:
        if not found.flagged:
            text("p", say("No report is flagged.")).classes("quiet")
            return
        rows = [
            {
                "key": f"{one.day}/{one.member_code}",
                "member": self._room.name(one.member_code),
                "day": one.day.isoformat(),
                "reported": one.admissions if one.admissions is not None else say("none"),
                "accepted": (one.accepted_milli or 0) // 1000,
                "why": say(FLAGS.get(one.flag, one.flag)),
                "code": one.member_code,
            }
            for one in found.flagged
        ]
        columns = [
            ("day", say("Day")),
            ("member", say("Municipality")),
            ("reported", say("Reported")),
            ("accepted", say("Accepted")),
            ("why", say("Why flagged")),
        ]
        table = plain_table(columns, rows, numbers=("reported", "accepted"), title=say("Flagged reports"))
        one_to_choose(table, self._select)
        with ui.element("div").classes("asking"):
            self._reason = ui.input(say("Reason")).props("outlined dense")
            button(say("Accept the chosen report as reported"), self._release, main=True)

    def _select(self, event: TableSelectionEventArguments) -> None:
        self._flagged, self._key = (event.selection[0] if event.selection else None), fresh_key()

    async def _release(self) -> None:
        chosen = self._flagged
        if chosen is None:
            self._working.refuse(N_("Choose a report first."))
            return
        reason, member, on = (
            str(self._reason.value or "").strip(),
            str(chosen["code"]),
            date.fromisoformat(chosen["day"]),
        )
        done = await self._working.run(lambda watch: self._released(on, member, reason))
        if done is None:
            return
        self._key, self._flagged = fresh_key(), None
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        self._done.text = say(
            "The report of {who} for {day} counts as reported.", who=self._room.name(member), day=day(on)
        )
        self._course = None
        await self.show()

    def _released(self, on: date, member: str, reason: str) -> Done:
        return once(
            self._room.signed,
            "/api/v1/caseload/release",
            {"day": on.isoformat(), "member": member, "reason": reason},
            lambda session, act: demand.release_flag(session, act, day=on, member=member, reason=reason),
            key=self._key,
        )

    async def _moved(self) -> None:
        """Show the map at the instant of the slider; a later move wins."""
        position = int(self._slider.value)
        at, item = self._times[position], self._room.item
        self._when.text = instant(at, self._room.zone)
        found = await self._room.signed.read(lambda session: moment(session, at, item))
        if (position, item) == (int(self._slider.value), self._room.item):
            self._draw(found)

    def _draw(self, found: Moment) -> None:
        room = self._room
        self._legend.clear()
        with self._legend:
            title = (
                say("Cover in days at the point of use")
                if room.item
                else say("Expected admissions; choose an item to see cover")
            )
            text("div", title).classes("legend-title")
            for _, words, name in COVERS if room.item else ():
                legend_entry(name, say(words))
            legend_entry(NOTHING, say("nothing needed"))
            legend_entry("depot", say("depot"))
            legend_closed()
            text("div", say("Size: need a day. Lines: shipments under way.")).classes("legend-note")
            text("div", say("Cover counts what the ledger holds for a municipality.")).classes("legend-note")
        member = room.opening.members.get(room.member)
        shut = crisis_lanes.to_member(member, room.opening.depots, room.opening.lanes) if member else []
        self._map.show(cover_dots(room, found), ways(room, found), room.member, closed=shut)
        self._there.clear()
        with self._there:
            under_way = ngettext("{n} shipment under way", "{n} shipments under way", len(found.ways))
            text("p", f"{under_way}.")
            if room.item:
                goods = room.view.items[room.item]
                text("p", say("In the depots: {stock}.", stock=amount(sum(found.depots.values()), goods.base_unit)))
                text("p", say("Needed a day: {need}.", need=amount(sum(found.need.values()), goods.base_unit)))
            crisis_lanes.carried(found.carried)
            crisis_lanes.told(room.opening.depots, room.opening.members, room.opening.lanes, room.member)


FLAGS: Final = {
    "catch_up": N_("looks like several days reported at once"),
    "cumulative_start": N_("the first figure holds all days before"),
}


def _times(room: Room) -> list[datetime]:
    """The instants that the slider offers, the region's clock last."""
    steps = int(timedelta(days=DAYS_BACK) / STEP)
    return [room.now - STEP * count for count in range(steps, -1, -1)]


def cover_dots(room: Room, found: Moment) -> list[Dot]:
    """Every municipality by its cover of the chosen item, or by its expected admissions alone."""
    largest = max(found.need.values(), default=0)
    return sorted((_dot(room, found, code, largest) for code in room.opening.members), key=lambda dot: -dot.radius)


def _dot(room: Room, found: Moment, code: str, largest: int) -> Dot:
    member, need = room.opening.members[code], found.need.get(code, 0)
    look, words = _look(room, found, code, need)
    radius = NONE if look == NOTHING else SMALLEST + (LARGEST - SMALLEST) * (need / largest) ** 0.5
    label = f"{member.name}: {words}"
    return Dot(code, member.latitude, member.longitude, look, round(radius, 1), member.name, label, None)


def _look(room: Room, found: Moment, code: str, need: int) -> tuple[str, str]:
    if not need:
        return NOTHING, say("nothing needed")
    if not room.item:
        return "same", say("{n} admissions a day expected", n=number(round(need / 1000)))
    stock, unit = found.stock.get(code, 0), room.view.items[room.item].base_unit
    tenths = stock * 10 // need
    look = next(name for below, _, name in COVERS if tenths < below)
    facts = {"stock": amount(stock, unit), "need": amount(need, unit), "days": number(tenths // 10)}
    return look, say("{stock} there, {need} needed a day: {days} days of cover", **facts)


def ways(room: Room, found: Moment) -> list[Way]:
    """The shipments under way as lines."""
    depots = {depot.code: (depot.latitude, depot.longitude) for depot in room.opening.depots}
    made = []
    for one in found.ways:
        if one.origin in depots:
            made.append(Way(depots[one.origin], one.end, 2.5, f"{one.origin_name} → {one.end_name}"))
    return made
