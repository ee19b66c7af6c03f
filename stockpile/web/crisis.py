"""The crisis room: one plan, item and municipality at a time, looked at from several sides beside one map."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from fastapi.responses import RedirectResponse
from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from sqlalchemy import Engine

from stockpile.allocation.tables import Plan
from stockpile.governance.operations import SignInRefused
from stockpile.governance.queries import NoRegion
from stockpile.governance.rules import RIGHTS
from stockpile.web import crisis_reading as reading
from stockpile.web import frame
from stockpile.web.crisis_begin import BeginPart
from stockpile.web.crisis_compare import ComparePart
from stockpile.web.crisis_decide import DecidePart
from stockpile.web.crisis_map import CrisisMap, dots, flows, legend
from stockpile.web.crisis_reading import Opening, PlanView
from stockpile.web.crisis_requests import RequestsPart
from stockpile.web.crisis_room import ALL, Part, Room
from stockpile.web.crisis_rules import method_name, state_name
from stockpile.web.crisis_shares import SharesPart
from stockpile.web.crisis_surge import SurgePart
from stockpile.web.crisis_whatif import WhatIfPart
from stockpile.web.parts import text
from stockpile.web.places import CRISIS_ROOM, FIRST_RUN
from stockpile.web.sign_in import SignedIn, leave, signed_in
from stockpile.web.speech import N_, instant, ngettext, say

SHARES, COMPARE, WHAT_IF, REQUESTS, SURGE, DECIDE = "shares", "compare", "what-if", "requests", "surge", "decide"
BEGIN: Final = "begin"
PARTS: Final[dict[str, str]] = {
    BEGIN: N_("Declare and ask"),
    SURGE: N_("Surge and stock"),
    REQUESTS: N_("Requests"),
    SHARES: N_("Who gets what"),
    COMPARE: N_("Compare rules"),
    WHAT_IF: N_("What if"),
    DECIDE: N_("Decide and dispatch"),
}
"""The sides of the room, in the order of a decision, with their names."""
WITH_MAP: Final = (SHARES, WHAT_IF, SURGE)


async def crisis_page(engine: Engine, *, limit_seconds: float) -> RedirectResponse | None:
    """The page for whoever is signed in; everyone else goes to the form."""
    again = frame.chosen_language()
    if again is not None:
        return again
    signed = await signed_in(engine)
    if signed is None:
        return RedirectResponse("/login")
    real_now = datetime.now(UTC)
    try:
        opening = await signed.read(lambda session: reading.opening(session, real_now=real_now))
    except NoRegion:
        if RIGHTS["region.import"] & signed.roles:
            return RedirectResponse(FIRST_RUN)
        frame.nothing_loaded(signed, real_now)
        return None
    frame.header(signed, opening.region, opening.now)
    if not opening.plans:
        await _no_plan(signed, limit_seconds)
        return None
    number = next(iter(opening.plans))
    view = await signed.read(lambda session: reading.plan_view(session, number))
    await CrisisPage(signed, opening, view, limit_seconds).begin()
    return None


async def _no_plan(signed: SignedIn, limit_seconds: float) -> None:
    """The room before the first plan: the surge, what is asked in it, and the plan to compute."""

    async def planned(_number: int) -> None:
        ui.navigate.to(CRISIS_ROOM)

    with ui.element("main").classes("desk"):
        with ui.element("section").classes("panel"):
            text("h2", say("There is no plan yet"))
            text(
                "p",
                say("A surge is declared, municipalities ask in it, and a plan shares the stock: here, in this order."),
            )
        part = BeginPart(signed, limit_seconds, planned)
    await part.show()


def plan_label(plan: Plan, zone: str) -> str:
    """A plan in the list of plans."""
    by_policy = say("proven to be as the policy says") if plan.kept else say("NOT proven fair")
    proven = say("proven fair") if plan.fair else by_policy
    facts = (instant(plan.planned_at, zone), state_name(plan.state), method_name(plan.method), proven)
    return say("Plan {number}: {facts}", number=plan.id, facts=", ".join(facts))


class CrisisPage:
    """One reader's view of the room: the choices above, the map, and the side that is in front."""

    def __init__(self, signed: SignedIn, opening: Opening, view: PlanView, limit_seconds: float) -> None:
        self._room = Room(signed, opening, view, limit_seconds, self._pick_member, self._pick_item, self._reload)
        self._parts: dict[str, Part] = {}
        self._holders: dict[str, ui.element] = {}
        self._front = SHARES
        with ui.element("main").classes("crisis") as self._main:
            self._add_choices()
            self._add_sides()
            self._add_map()
            for side in PARTS:
                self._holders[side] = ui.element("div").classes("side")
        self._offer_items()

    async def begin(self) -> None:
        """Show the first side."""
        await self._come_to_front(SHARES)

    def _add_choices(self) -> None:
        opening = self._room.opening
        plans = {number: plan_label(plan, self._room.zone) for number, plan in opening.plans.items()}
        with ui.element("section").classes("choices") as choices:
            choices.props["aria-label"] = say("Choices")
            self._plan_choice = ui.select(plans, label=say("Plan"), value=self._room.plan, on_change=self._plan_chosen)
            self._plan_choice.props("outlined dense options-dense").classes("choose-plan")
            self._item_choice = ui.select({}, label=say("Item"), with_input=True, on_change=self._item_chosen)
            self._item_choice.props("outlined dense options-dense").classes("choose-item")
            members = {ALL: say("No municipality chosen")} | {
                code: f"{member.name} ({member.country})"
                for code, member in sorted(opening.members.items(), key=lambda pair: pair[1].name)
            }
            self._member_choice = ui.select(
                members, label=say("Municipality"), value=ALL, with_input=True, on_change=self._member_chosen
            )
            self._member_choice.props("outlined dense options-dense").classes("choose-member")

    def _add_sides(self) -> None:
        with ui.element("nav").classes("sides") as sides:
            sides.props["aria-label"] = say("Sides of the room")
            tabs = ui.tabs().props("no-caps dense align=left outside-arrows mobile-arrows")
            with tabs:
                made = {side: ui.tab(side, label=say(label)) for side, label in PARTS.items()}
            tabs.set_value(made[SHARES])
            tabs.on_value_change(lambda event: self._come_to_front(str(event.value)))

    def _add_map(self) -> None:
        with ui.element("section").classes("panel map-panel") as panel:
            panel.props["aria-label"] = say("Map")
            self._map = CrisisMap(self._room.opening, self._pick_member)
            self._legend = ui.element("div").classes("legend")

    async def _come_to_front(self, side: str) -> None:
        """Bring a side to the front; it is built when it is first looked at."""
        self._front = side
        for name, holder in self._holders.items():
            holder.set_visibility(name == side)
        self._main.classes(remove="no-map") if side in WITH_MAP else self._main.classes("no-map")
        if side not in self._parts:
            with self._holders[side]:
                self._parts[side] = self._made(side)
        await self._show()

    def _made(self, side: str) -> Part:
        room = self._room
        makers: dict[str, Callable[[], Part]] = {
            BEGIN: lambda: BeginPart(room.signed, room.limit_seconds, room.reload),
            SHARES: lambda: SharesPart(room),
            COMPARE: lambda: ComparePart(room),
            WHAT_IF: lambda: WhatIfPart(room, self._map, self._legend),
            REQUESTS: lambda: RequestsPart(room),
            SURGE: lambda: SurgePart(room, self._map, self._legend),
            DECIDE: lambda: DecidePart(room),
        }
        return makers[side]()

    async def _show(self) -> None:
        """Show what is chosen, on the map and on the side that is in front."""
        part = self._parts[self._front]
        if isinstance(part, SharesPart):
            self._show_map(part)
        await part.show()

    def _show_map(self, part: SharesPart) -> None:
        room = self._room
        self._legend.clear()
        with self._legend:
            legend(all_items=room.item == ALL)
        shown = dots(room.opening, room.view, room.item)
        part.give(shown)
        ways = flows(room.opening, room.view, room.item, room.member) if room.item or room.member else []
        self._map.show(shown, ways, room.member)

    def _offer_items(self) -> None:
        """Offer the items of the plan; keeps the chosen one where the plan has it."""
        room = self._room
        room.item = room.item if room.item in room.view.items else ALL
        items = {ALL: ngettext("All items ({n})", "All items ({n})", len(room.view.items))}
        items |= {code: f"{code} {item.name}" for code, item in room.view.items.items()}
        self._item_choice.set_options(items, value=room.item)

    async def _reload(self, number: int) -> None:
        """Read the room anew after something was done, and look at that plan."""
        room, real_now = self._room, datetime.now(UTC)
        room.opening = await room.signed.read(lambda session: reading.opening(session, real_now=real_now))
        room.view = await room.signed.read(lambda session: reading.plan_view(session, number))
        plans = {one: plan_label(plan, room.zone) for one, plan in room.opening.plans.items()}
        self._plan_choice.set_options(plans, value=number)
        self._offer_items()
        await self._show()

    async def _plan_chosen(self, event: ValueChangeEventArguments[int]) -> None:
        """Read another plan; what is shown meanwhile is faint, and a later choice wins."""
        if event.value == self._room.plan:
            return
        self._main.classes("busy")
        try:
            view = await self._room.signed.read(lambda session: reading.plan_view(session, event.value))
        except SignInRefused:
            leave()
            return
        if self._plan_choice.value != event.value:
            return
        self._room.view = view
        self._main.classes(remove="busy")
        self._offer_items()
        await self._show()

    async def _item_chosen(self, event: ValueChangeEventArguments[str | None]) -> None:
        chosen = event.value or ALL
        if chosen != self._room.item:
            self._room.item = chosen
            await self._show()

    async def _member_chosen(self, event: ValueChangeEventArguments[str | None]) -> None:
        self._room.member = event.value or ALL
        await self._show()

    def _pick_member(self, code: str) -> None:
        if code in self._room.opening.members:
            self._member_choice.value = code

    def _pick_item(self, code: str) -> None:
        self._item_choice.value = code
