"""A supplier's page: its own orders to acknowledge, what to expect, how it has delivered, damages it may dispute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.contracts import rules
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.damages import operations as damages
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.settings import Settings
from stockpile.web import frame
from stockpile.web.acting import fresh_key, once, refusal_words
from stockpile.web.buying_contracts import share
from stockpile.web.desk import Desk, Sides, facts, figures
from stockpile.web.desk_charts import outlook_bands
from stockpile.web.parts import button, refused, text
from stockpile.web.places import SUPPLIER_DESK
from stockpile.web.sign_in import signed_in
from stockpile.web.speech import N_, amount, day, money, ngettext, number, percent, say
from stockpile.web.supplier_reading import Own, OwnOrder, own, to_look_at
from stockpile.web.working import Working

ORDERS, OUTLOOK, CARD, DAMAGES = "orders", "outlook", "scorecard", "damages"
SIDES: Final[dict[str, str]] = {
    ORDERS: N_("Orders"),
    OUTLOOK: N_("What to expect"),
    CARD: N_("How you have delivered"),
    DAMAGES: N_("Damages"),
}
ORDER_STATES: Final = {
    rules.SENT: N_("sent to you"),
    rules.ACKNOWLEDGED: N_("acknowledged"),
    rules.CONFIRMED: N_("confirmed"),
    rules.PART_SHIPPED: N_("on its way"),
    rules.PART_DELIVERED: N_("delivered in part"),
    rules.DELIVERED: N_("delivered"),
    rules.ACCEPTED: N_("accepted"),
    rules.INVOICED: N_("invoiced"),
    rules.PAID: N_("paid"),
    rules.CLOSED: N_("closed"),
    rules.CANCELLED: N_("cancelled"),
    rules.SHORT_CLOSED: N_("closed short"),
}
CLAIM_STATES: Final = {
    damages.CLAIMED: N_("claimed"),
    damages.CONTESTED: N_("disputed"),
    damages.WAIVED: N_("waived"),
    damages.DEDUCTED: N_("deducted"),
}


async def supplier_page(engine: Engine, settings: Settings) -> RedirectResponse | None:
    """The page of the supplier whose account is signed in; who belongs to the region names one by ?supplier=."""
    again = frame.chosen_language()
    if again is not None:
        return again
    signed = await signed_in(engine, guests=True)
    if signed is None:
        return RedirectResponse(f"/login?next={SUPPLIER_DESK}")
    asked = ui.context.client.request.query_params.get("supplier", "")
    supplier, real_now = signed.guest_of or asked, datetime.now(UTC)

    def opened(session: Session) -> Any:
        return governance.region(session), governance.effective_now(session, real_now=real_now)

    region, now = await signed.read(opened)
    desk = Desk(signed, region, now, settings.plan_limit_seconds, settings.home)
    frame.header(signed, region, now)
    if not supplier:
        await _whose(desk)
        return None
    try:
        found = await signed.read(lambda session: own(session, signed.act(session).actor, supplier, at=now))
    except Refusal as refusal:
        with ui.element("main").classes("desk"):
            refused(refusal_words(refusal)).props("role=alert")
        return None
    page = SupplierPage(desk, supplier, found)
    with ui.element("main").classes("desk"):
        text("h2", f"{found.name} ({supplier})")
        page.working = Working(signed, ends=False)
        page.done = text("p", "").props("role=status").classes("done")
        sides = Sides(SIDES, page.makers(), label=say("Sides of your page"))
    await sides.front(ORDERS)
    return None


async def _whose(desk: Desk) -> None:
    """Whose page this is, said to who is no supplier, with the way to look at one as that supplier does."""
    found, why = dict[str, str](), ""
    try:
        found = await desk.signed.read(lambda session: to_look_at(session, desk.signed.act(session).actor, at=desk.now))
    except Refusal as refusal:
        why = refusal_words(refusal)
    with ui.element("main").classes("desk"), ui.element("section").classes("panel desk-stack"):
        text("h2", say("This is the page of suppliers"))
        text("p", say("A supplier who signs in comes here and sees its own orders. Your account is no supplier's."))
        if why:
            refused(why).props("role=alert")
        with ui.element("ul").classes("rows"):
            for code, name in found.items():
                with ui.element("li"):
                    ui.link(f"{code} {name}", f"{SUPPLIER_DESK}?{urlencode({'supplier': code})}")


class _Shown:
    """A side that is drawn anew each time it is looked at."""

    def __init__(self, draw: Callable[[], None]) -> None:
        self._draw, self.box = draw, ui.element("div").classes("desk-stack")

    async def show(self) -> None:
        """Draw it."""
        self.box.clear()
        with self.box:
            self._draw()


class SupplierPage:
    """One supplier's view of itself."""

    working: Working
    done: Any

    def __init__(self, desk: Desk, supplier: str, found: Own) -> None:
        self._desk, self._supplier, self._found, self._key = desk, supplier, found, fresh_key()
        self._sides: dict[str, _Shown] = {}

    def makers(self) -> dict[str, Callable[[], _Shown]]:
        """How each side is built."""
        drawn = {ORDERS: self._orders, OUTLOOK: self._outlook, CARD: self._card, DAMAGES: self._damages}
        return {side: lambda side=side, draw=draw: self._made(side, draw) for side, draw in drawn.items()}  # type: ignore[misc]

    def _made(self, side: str, draw: Callable[[], None]) -> _Shown:
        self._sides[side] = _Shown(draw)
        return self._sides[side]

    def _orders(self) -> None:
        waiting = sum(one.order.state == rules.SENT for one in self._found.orders)
        with ui.element("section").classes("panel desk-stack"):
            text("h3", ngettext("{n} order to acknowledge", "{n} orders to acknowledge", waiting))
            if not self._found.orders:
                text("p", say("No order has been sent to you yet."))
            for one in self._found.orders:
                self._order(one)

    def _order(self, one: OwnOrder) -> None:
        order, when = one.order, self._desk.on
        with ui.element("article").classes("desk-card"):
            state = say(ORDER_STATES.get(order.state, order.state))
            text("h4", say("Order {number}: {state}", number=str(order.id), state=state))
            told = [
                say("under {contract}", contract=order.contract_code),
                say("to {place}", place=one.place),
                say("due {day}", day=when(order.confirmed_for or order.expected_at)),
                money(order.cost_minor, one.currency),
            ]
            text("p", ", ".join(told))
            if order.state == rules.SENT:
                button(
                    say("Acknowledge order {number}", number=str(order.id)),
                    lambda: self._acknowledge(order.id or 0),
                    main=True,
                )
            figures(
                (say("Item"), say("Packs"), say("Quantity"), say("Price")),
                [
                    (item, number(packs), amount(units, unit), money(minor, one.currency))
                    for item, packs, units, unit, minor in one.lines
                ],
                title=say("Lines of order {number}", number=str(order.id)),
            )

    def _outlook(self) -> None:
        by_item: dict[str, list[Any]] = {}
        for one in self._found.outlook:
            by_item.setdefault(one.item, []).append(one)
        note = say("An outlook is no order: it tells what use is expected, and how right that was before.")
        with ui.element("section").classes("panel desk-stack"):
            text("p", note).classes("quiet")
            if not by_item:
                text("p", say("Nothing has been told yet: too little use of your items is known for a forecast."))
            for item, rows in by_item.items():
                self._outlook_of(item, rows)

    def _outlook_of(self, item: str, rows: list[Any]) -> None:
        unit, title = self._found.units[item], f"{item} {rows[0].item_name}"
        text("h3", title)
        bands = [(one.low, one.expected, one.high) for one in rows]
        outlook_bands([one.quarter for one in rows], bands, [one.ordered for one in rows], unit)
        heads = (say("Quarter"), say("Low"), say("Expected"), say("High"), say("Ordered"), say("How right it was"))
        figures(
            heads,
            [
                (
                    one.quarter,
                    *(amount(units, unit) for units in (one.low, one.expected, one.high, one.ordered)),
                    _right(one),
                )
                for one in rows
            ],
            title=title,
        )

    def _card(self) -> None:
        card = self._found.card
        mean, rejected = card["days_late_mean_milli"], card["rejected_permille"]
        with ui.element("section").classes("panel desk-stack"):
            period = {"since": day(card["since"]), "until": day(card["until"])}
            text("p", say("Lines due from {since} to {until}; - where nothing counted.", **period)).classes("quiet")
            facts(
                [
                    (say("Lines due"), number(card["lines_due"])),
                    (say("In full and on time"), share(card["in_full_on_time"])),
                    (say("On time"), share(card["on_time"])),
                    (say("Days late, mean"), "-" if mean is None else number(round(mean / 1000))),
                    (say("Shelf life kept"), share(card["shelf_life_kept"])),
                    (say("Batches rotated in time"), share(card["rotation_kept"])),
                    (say("Surge options answered in time"), share(card["options_answered"])),
                    (say("Acknowledged within a day"), share(card["acknowledged_in_one_business_day"])),
                    (say("Rejected"), "-" if rejected is None else percent(rejected)),
                ]
            )

    def _damages(self) -> None:
        with ui.element("section").classes("panel desk-stack"):
            if not self._found.claims:
                text("p", say("No damages have been claimed."))
            for one in self._found.claims:
                self._claim(one)

    def _claim(self, one: Any) -> None:
        currency = self._found.currencies.get(one.calloff_id, self._desk.region.currency)
        with ui.element("article").classes("desk-card"):
            state = say(CLAIM_STATES[one.state])
            text(
                "h3",
                say(
                    "Claim {number} on order {order}: {state}",
                    number=str(one.id),
                    order=str(one.calloff_id),
                    state=state,
                ),
            )
            rows = [
                (say("Claimed"), f"{money(one.amount_minor, currency)}, {self._desk.when(one.claimed_at)}"),
                (say("How it was worked out"), f"en:{one.worked_out}"),
            ]
            if one.contest_reason:
                rows.append((say("Your dispute"), f"{one.contest_reason}, {self._desk.when(one.contested_at)}"))
            if one.decided_minor is not None:
                rows.append((say("Decided"), f"{money(one.decided_minor, currency)}: {one.decision_reason}"))
            facts(rows)
            if one.state == damages.CLAIMED:
                self._dispute(one.id)

    def _dispute(self, claim: int) -> None:
        with ui.element("div").classes("asking"):
            reason = ui.input(label=say("Why the claim is wrong")).props("outlined dense").classes("desk-reason")
            button(say("Dispute claim {number}", number=str(claim)), lambda: self._contest(claim, reason.value or ""))

    async def _acknowledge(self, order: int) -> None:
        def work(session: Session, act: Act) -> Any:
            return steps.acknowledge(session, act, number=order)

        said = say("Order {number} is acknowledged.", number=str(order))
        await self._do(f"/api/v1/calloffs/{order}/acknowledge", {}, work, ORDERS, said)

    async def _contest(self, claim: int, reason: str) -> None:
        def work(session: Session, act: Act) -> Any:
            return damages.contest(session, act, number=claim, reason=reason)

        said = say("Claim {number} is disputed: another person decides.", number=str(claim))
        await self._do(f"/api/v1/damages/{claim}/contest", {"reason": reason}, work, DAMAGES, said)

    async def _do(self, path: str, asked: dict[str, Any], work: Any, side: str, said: str) -> None:
        """Take a step once however often its button is pressed, read everything anew, and say what came of it."""
        key, signed = self._key, self._desk.signed
        done = await self.working.run(lambda watch: once(signed, path, asked, work, key=key))
        self.done.text = ""
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self.working.refuse(done.refusal)
            return
        now, supplier = self._desk.now, self._supplier
        self._found = await signed.read(lambda session: own(session, signed.act(session).actor, supplier, at=now))
        await self._sides[side].show()
        self.done.text = said


def _told(one: Any) -> tuple[int, ...]:
    """Base units of a quarter, as in the columns of its table."""
    return one.low, one.expected, one.high, one.ordered


def _right(one: Any) -> str:
    """How right an outlook was, once its quarter is over."""
    return "-" if one.accuracy_permille is None else percent(one.accuracy_permille)
