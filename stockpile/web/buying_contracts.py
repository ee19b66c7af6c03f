"""Contracts with what their ceilings leave, and how their suppliers have delivered."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from sqlmodel import Session

from stockpile.governance import queries as governance
from stockpile.governance.rules import Missing, require
from stockpile.web.acting import refusal_words
from stockpile.web.buying_reading import Ceiling, cards, ceilings
from stockpile.web.crisis_tables import plain_table
from stockpile.web.desk import Desk
from stockpile.web.parts import refused, text
from stockpile.web.speech import day, money, number, percent, say


class ContractsPart:
    """Contracts under which may be ordered now; the one with the least left in front."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Contracts and their ceilings"))
            self._box = ui.element("div").classes("desk-stack")

    async def show(self) -> None:
        """Read and show them as they stand now."""
        desk = self._desk
        found = await desk.signed.read(lambda session: ceilings(session, on=governance.local_day(session, desk.now)))
        self._box.clear()
        with self._box:
            if not found:
                text("p", say("No contract is in force. Award one (stockpile tender), or load contracts.csv."))
            for one in found:
                _ceiling(one)


def _ceiling(one: Ceiling) -> None:
    contract = one.contract
    share = contract.remaining_minor * 1000 // max(1, contract.ceiling_minor)
    left = say(
        "{left} of {ceiling} are left ({share})",
        left=money(contract.remaining_minor, contract.currency),
        ceiling=money(contract.ceiling_minor, contract.currency),
        share=percent(share),
    )
    with ui.element("article").classes("desk-card"):
        text("h3", f"{contract.code}: {one.supplier}")
        bar = ui.element("progress").props(f"max=1000 value={share}").classes("wide")
        bar.props["aria-label"] = left
        text("p", left)
        told = [
            say("{n} items", n=number(one.items)),
            say("until {day}", day=day(contract.ends)),
            say("{days} days to deliver", days=number(contract.lead_time_days)),
            say("at least {money} an order", money=money(contract.minimum_order_minor, contract.currency)),
        ]
        if one.waiting_minor:
            told.append(say("{money} wait for approval", money=money(one.waiting_minor, contract.currency)))
        text("p", ", ".join(told)).classes("quiet")


class SuppliersPart:
    """The scorecard of the last year of every supplier, beside the record it came with."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("How suppliers have delivered"))
            self._box = ui.element("div")

    async def show(self) -> None:
        """Read and show them as they stand now, to who may see scorecards."""
        desk = self._desk

        def read(session: Session) -> list[dict[str, Any]]:
            require(desk.signed.act(session).actor, "scorecard.see")
            return cards(session, on=governance.local_day(session, desk.now))

        self._box.clear()
        try:
            found = await desk.signed.read(read)
        except Missing as refusal:
            with self._box:
                refused(refusal_words(refusal))
            return
        with self._box:
            _cards(found)


def _cards(found: list[dict[str, Any]]) -> None:
    columns = [
        ("name", say("Supplier")),
        ("due", say("Lines due in a year")),
        ("full", say("In full and on time")),
        ("on_time", say("On time")),
        ("late", say("Days late, mean")),
        ("shelf", say("Shelf life kept")),
        ("answered", say("Acknowledged within a day")),
        ("rejected", say("Rejected")),
        ("record", say("On time in its record")),
        ("lead", say("Days to deliver in its record")),
    ]
    table = plain_table(columns, [_card(one) for one in found], title=say("The last year; - where nothing was due"))
    table.props["no-data-label"] = say("No supplier has a contract in force")


def _card(one: dict[str, Any]) -> dict[str, Any]:
    mean, record = one["days_late_mean_milli"], one["record"]
    return {
        "key": one["supplier"],
        "name": f"{one['supplier']} {one['name']}",
        "due": one["lines_due"],
        "full": share(one["in_full_on_time"]),
        "on_time": share(one["on_time"]),
        "late": "-" if mean is None else number(round(mean / 1000)),
        "shelf": share(one["shelf_life_kept"]),
        "answered": share(one["acknowledged_in_one_business_day"]),
        "rejected": "-" if one["rejected_permille"] is None else percent(one["rejected_permille"]),
        "record": percent(record.on_time_permille),
        "lead": say("{median}, in 1 of 10 more than {late}", median=record.lead_p50_days, late=record.lead_p90_days),
    }


def share(told: dict[str, Any]) -> str:
    """A share as a scorecard tells it, with its parts; '-' where nothing counted."""
    if told["permille"] is None:
        return "-"
    return f"{percent(told['permille'])} ({number(told['kept'])}/{number(told['of'])})"
