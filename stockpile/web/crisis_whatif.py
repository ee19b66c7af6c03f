"""What if a depot were lost, a lane closed, stock came, another rule: who gains and who loses, on map and in table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from statistics import median
from typing import Final

from nicegui import ui

from stockpile.allocation.alternatives import planning
from stockpile.allocation.alternatives.planning import Circumstance
from stockpile.allocation.alternatives.rules import Shifted, Supposed
from stockpile.allocation.planning import Watch
from stockpile.web.crisis_map import NOTHING, Closure, CrisisMap, Dot, legend_closed, legend_entry
from stockpile.web.crisis_room import Room
from stockpile.web.crisis_rules import choices
from stockpile.web.crisis_tables import plain_table
from stockpile.web.parts import button, text
from stockpile.web.speech import N_, ngettext, number, percent, say
from stockpile.web.working import Working

LOST, CLOSED, MORE, RULED = "lost", "closed", "more", "ruled"
KINDS: Final = {
    LOST: N_("A depot is lost"),
    CLOSED: N_("A lane is closed"),
    MORE: N_("More stock arrives"),
    RULED: N_("Another rule counts"),
}
GAIN, LOSE, SAME = "gain", "lose", "same"
MORE_UNITS = 500
RADIUS, SMALL = 9.0, 4.0


class WhatIfPart:
    """The supposition beside the map, and below what it would change."""

    def __init__(self, room: Room, map_: CrisisMap, legend: ui.element) -> None:
        self._room, self._map, self._legend = room, map_, legend
        self._found: Supposed | None = None
        self._shut: list[Closure] = []
        with ui.element("section").classes("panel why-panel"):
            text("h2", say("What if?"))
            text("p", say("Suppose something and see who gains and who loses. Nothing is stored.")).classes("quiet")
            self._add_form()
            self._working = Working(room.signed)
            self._told = ui.element("div").props("aria-live=polite")
        self._below = ui.element("section").classes("panel tables-panel")

    def _add_form(self) -> None:
        room = self._room
        depots = {depot.code: depot.name for depot in room.opening.depots}
        with ui.element("div").classes("column-of-fields"):
            kinds = {kind: say(words) for kind, words in KINDS.items()}
            self._kind = ui.select(kinds, value=LOST, label=say("What happens"), on_change=self._ask_for)
            self._depot = ui.select(depots, label=say("Depot"), value=next(iter(depots), None))
            self._member = ui.select(
                {code: member.name for code, member in room.opening.members.items()},
                label=say("Municipality"),
                with_input=True,
            )
            self._item = ui.select({}, label=say("Item"), with_input=True)
            self._quantity = ui.number(say("Base units more"), value=MORE_UNITS, min=1, precision=0)
            self._rule = ui.select(choices(), label=say("Rule"), value="pro_rata_need")
            for field in (self._kind, self._depot, self._member, self._item, self._quantity, self._rule):
                field.props("outlined dense")
            button(say("Try it"), self._try, main=True)
        self._ask_for()

    def _ask_for(self) -> None:
        """Show the fields that this kind of supposition needs."""
        kind = self._kind.value
        self._depot.set_visibility(kind != RULED)
        self._member.set_visibility(kind == CLOSED)
        self._item.set_visibility(kind == MORE)
        self._quantity.set_visibility(kind == MORE)
        self._rule.set_visibility(kind == RULED)

    async def show(self) -> None:
        """Offer what is chosen in the room; an answer about another plan is forgotten."""
        room = self._room
        self._item.set_options({code: f"{code} {one.name}" for code, one in room.view.items.items()})
        self._item.value = room.item or self._item.value or next(iter(room.view.items), None)
        self._member.value = room.member or self._member.value
        if self._found is not None and self._found.plan != room.plan:
            self._found = None
            self._told.clear()
        self._draw()

    def _circumstance(self) -> Circumstance | None:
        """What is supposed; None where a field is empty, which is then said."""
        kind, depot = self._kind.value, self._depot.value
        missing = N_("Fill in every field first.")
        if kind == RULED:
            return planning.Ruled(self._rule.value)
        if kind == LOST and depot:
            return planning.Lost(depot)
        if kind == CLOSED and depot and self._member.value:
            return planning.Closed(depot, self._member.value)
        if kind == MORE and depot and self._item.value and self._quantity.value:
            return planning.More(self._item.value, depot, int(self._quantity.value))
        self._working.refuse(missing)
        return None

    async def _try(self) -> None:
        supposed = self._circumstance()
        if supposed is None:
            return
        room, plan, surge = self._room, self._room.plan, self._room.view.plan.surge_id

        def task(watch: Watch) -> Supposed:
            return planning.what_if(
                room.signed.engine,
                surge=surge,
                plan=plan,
                circumstances=[supposed],
                limit_seconds=room.limit_seconds,
                watch=watch,
            )

        found = await self._working.run(task)
        if found is not None and plan == room.plan:
            self._found, self._shut = found, shut(room, supposed)
            self._draw()

    def _draw(self) -> None:
        self._legend.clear()
        with self._legend:
            text("div", say("What the supposition changes")).classes("legend-title")
            for look, words in (
                (GAIN, say("gains")),
                (LOSE, say("loses")),
                (SAME, say("gains and loses")),
                (NOTHING, say("unchanged")),
            ):
                legend_entry(look, words)
            legend_entry("depot", say("depot"))
            legend_closed()
        shifts = self._shifts()
        shut = self._shut if self._found is not None else []
        self._map.show(shift_dots(self._room, shifts), [], self._room.member, closed=shut)
        self._below.clear()
        self._below.set_visibility(self._found is not None)
        if self._found is not None:
            self._tell(self._found)
            with self._below:
                _table(self._room, shifts)

    def _shifts(self) -> list[Shifted]:
        room, found = self._room, self._found
        if found is None:
            return []
        return [one for one in found.shifts if room.item in ("", one.item) and room.member in ("", one.member)]

    def _tell(self, found: Supposed) -> None:
        self._told.clear()
        with self._told:
            lines = [
                ngettext("{n} share grows", "{n} shares grow", found.gains),
                ngettext("{n} share shrinks", "{n} shares shrink", found.loses),
            ]
            text("p", ", ".join(lines) + ".").classes("headline")
            text("p", say("A share is what one municipality gets of one item.")).classes("quiet")
            before, after = percent(found.lowest_permille_before), percent(found.lowest_permille_after)
            text("p", say("Lowest fill: {before} now, {after} then.", before=before, after=after))
            proven = say("The independent check proved the supposed plan fair.")
            text("p", proven if found.proven else say("The supposed plan is not proven fair."))
            for note in found.notes:
                text("p", note).props("lang=en")
            seconds = number(Decimal(str(round(found.seconds, 1))))
            text("p", say("Computed in {seconds} s.", seconds=seconds)).classes("quiet computed")


def shut(room: Room, supposed: Circumstance) -> list[Closure]:
    """The ways that a supposition closes, as the map draws them."""
    depots, members = {one.code: one for one in room.opening.depots}, room.opening.members
    if isinstance(supposed, planning.Closed):
        ways = [(supposed.depot, supposed.member)]
    elif isinstance(supposed, planning.Lost):
        got = {line.member for line in room.view.lines if line.site == supposed.depot}
        ways = [(supposed.depot, member) for member in sorted(got)]
    else:
        ways = []
    return [
        Closure(
            (depots[depot].latitude, depots[depot].longitude),
            (members[member].latitude, members[member].longitude),
            say("closed: {way}", way=f"{depots[depot].name} → {members[member].name}"),
        )
        for depot, member in ways
    ]


def shift_dots(room: Room, shifts: list[Shifted]) -> list[Dot]:
    """Every municipality by what the supposition changes for it."""
    by_member: dict[str, list[Shifted]] = defaultdict(list)
    for one in shifts:
        by_member[one.member].append(one)
    found = []
    for code, member in room.opening.members.items():
        look, words = _look(by_member.get(code, []))
        radius = SMALL if look == NOTHING else RADIUS
        found.append(
            Dot(code, member.latitude, member.longitude, look, radius, member.name, f"{member.name}: {words}", None)
        )
    return sorted(found, key=lambda dot: -dot.radius)


def _look(shifts: list[Shifted]) -> tuple[str, str]:
    gains, loses = sum(1 for s in shifts if s.after > s.before), sum(1 for s in shifts if s.after < s.before)
    words = []
    if gains:
        words.append(ngettext("gains of {n} item", "gains of {n} items", gains))
    if loses:
        words.append(ngettext("loses of {n} item", "loses of {n} items", loses))
    if not words:
        return NOTHING, say("unchanged")
    middle = median(one.after_permille - one.before_permille for one in shifts)
    look = SAME if gains and loses and middle == 0 else GAIN if middle > 0 else LOSE
    return look, ", ".join(words)


def _table(room: Room, shifts: list[Shifted]) -> None:
    if not shifts:
        text("p", say("Nothing changes for the item and municipality that are chosen above.")).classes("quiet")
        return
    columns: list[tuple[str, Callable[[], str]]] = [
        ("name", lambda: say("Municipality")),
        ("item", lambda: say("Item")),
        ("before", lambda: say("Gets now")),
        ("after", lambda: say("Would get")),
        ("change", lambda: say("Change")),
        ("fill_before", lambda: say("Fill now")),
        ("fill_after", lambda: say("Fill then")),
    ]
    rows = [
        {
            "key": f"{one.member}/{one.item}",
            "name": one.name,
            "item": f"{one.item} {room.view.items[one.item].name}" if one.item in room.view.items else one.item,
            "before": one.before,
            "after": one.after,
            "change": one.after - one.before,
            "fill_before": one.before_permille,
            "fill_after": one.after_permille,
        }
        for one in shifts
    ]
    plain_table(
        [(name, label()) for name, label in columns],
        rows,
        numbers=("before", "after", "change"),
        percents=("fill_before", "fill_after"),
        title=say("What would change"),
    )
