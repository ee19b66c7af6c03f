"""Orders that wait: each with its reasons, and the buttons to accept it, change it or refuse it."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui
from nicegui.events import TableSelectionEventArguments
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.contracts import operations as orders
from stockpile.contracts import rules
from stockpile.contracts.calloffs import operations as steps
from stockpile.web.acting import Done, fresh_key, once
from stockpile.web.buying_reading import Waiting, waiting
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.desk import Desk, facts, figures
from stockpile.web.parts import button, text
from stockpile.web.speech import N_, amount, money, ngettext, number, percent, say
from stockpile.web.working import Working

KINDS: Final = {"normal": N_("ordinary"), "option": N_("surge option"), "immediate": N_("immediate share")}
ORIGINS: Final = {rules.RUN: N_("nightly run"), rules.HAND: N_("by hand"), rules.SHORTAGE: N_("for a shortage")}


class ProposalsPart:
    """The list of orders that wait, and the one that is looked at."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._key, self._chosen = desk, fresh_key(), 0
        self._found: dict[int, Waiting] = {}
        with ui.element("section").classes("panel"):
            text("h2", say("Orders that wait for a decision"))
            self._told = text("p", "")
            self._list = ui.element("div")
        with ui.element("section").classes("panel desk-stack"):
            self._working = Working(desk.signed, ends=False)
            self._done = text("p", "").props("role=status").classes("done")
            self._detail = ui.element("div").classes("desk-stack")

    async def show(self) -> None:
        """Read what waits now, and show it."""
        found = await self._desk.signed.read(waiting)
        self._found = {one.order.id or 0: one for one in found}
        if self._chosen not in self._found:
            self._chosen = next(iter(self._found), 0)
        self._show_list()
        self._show_detail()

    def _show_list(self) -> None:
        self._list.clear()
        by_currency: dict[str, int] = {}
        for one in self._found.values():
            currency = one.contract.currency
            by_currency[currency] = by_currency.get(currency, 0) + one.order.cost_minor
        total = ", ".join(money(minor, currency) for currency, minor in by_currency.items())
        count = ngettext("{n} order waits", "{n} orders wait", len(self._found))
        self._told.text = f"{count}: {total}" if self._found else say("Nothing waits. The next run proposes anew.")
        if not self._found:
            return
        columns = [
            ("number", say("Order")),
            ("supplier", say("Supplier")),
            ("contract", say("Contract")),
            ("lines", say("Lines")),
            ("cost", say("Cost")),
            ("left", say("Left of the ceiling after it")),
            ("origin", say("Came by")),
        ]
        with self._list:
            table = plain_table(columns, [self._row(one) for one in self._found.values()], title="")
            one_to_choose(table, self._picked)
            table.selected = [row for row in table.rows if row["key"] == self._chosen]

    def _row(self, one: Waiting) -> dict[str, Any]:
        order, contract = one.order, one.contract
        left = contract.remaining_minor - order.cost_minor
        return {
            "key": order.id,
            "number": order.id,
            "member": f"{order.id} {one.supplier}",
            "supplier": one.supplier,
            "contract": contract.code,
            "lines": len(one.lines),
            "cost": money(order.cost_minor, contract.currency),
            "left": money(left, contract.currency),
            "origin": f"{say(ORIGINS[order.origin])}, {say(KINDS[order.kind])}",
        }

    def _picked(self, event: TableSelectionEventArguments) -> None:
        if event.selection:
            self._chosen = int(event.selection[0]["key"])
            self._done.text = ""
            self._working.refuse("")
            self._show_detail()

    def _show_detail(self) -> None:
        self._detail.clear()
        one = self._found.get(self._chosen)
        if one is None:
            return
        with self._detail:
            text("h2", say("Order {number} at {supplier}", number=str(one.order.id), supplier=one.supplier))
            facts(self._facts(one))
            self._buttons(one)
            figures(
                (say("Item"), say("Packs"), say("Quantity"), say("Price of a pack"), say("Cost"), say("Why")),
                [_line(row, one.contract.currency) for row in one.lines],
                title=say("What is ordered, and why"),
                words=(5,),
            )

    def _facts(self, one: Waiting) -> list[tuple[str, str]]:
        contract = one.contract
        left = contract.remaining_minor * 1000 // max(1, contract.ceiling_minor)
        return [
            (say("Cost"), money(one.order.cost_minor, contract.currency)),
            (say("Proposed"), f"{one.proposed_by}, {self._desk.when(one.order.proposed_at)}"),
            (say("Delivered to"), one.place),
            (
                say("Ceiling of {contract}", contract=contract.code),
                say(
                    "{left} of {ceiling} are left ({share})",
                    left=money(contract.remaining_minor, contract.currency),
                    ceiling=money(contract.ceiling_minor, contract.currency),
                    share=percent(left),
                ),
            ),
        ]

    def _buttons(self, one: Waiting) -> None:
        """The form that changes or refuses, and the button that accepts; who may is judged by the operations."""
        number_ = one.order.id or 0
        with ui.element("div").classes("asking"):
            if one.order.state == rules.SUGGESTED:
                button(say("Make it my proposal"), lambda: self._do(number_, "adopt", {}), main=True)
            else:
                button(say("Accept"), lambda: self._do(number_, "approve", {}), main=True)
            reason = (
                ui.input(label=say("Reason for a change or refusal")).props("outlined dense").classes("desk-reason")
            )
            button(say("Refuse"), lambda: self._do(number_, "reject", {"reason": reason.value or ""}))
        items = {line.item: f"{line.item} {line.name}" for line in one.lines}
        with ui.element("div").classes("asking"):
            item = ui.select(items, label=say("Item to change"), value=one.lines[0].item if one.lines else None)
            item.props("outlined dense options-dense").classes("choose-item")
            packs = ui.number(label=say("Packs instead (0: none)"), min=0, precision=0).props("outlined dense")
            button(
                say("Change"),
                lambda: self._change(number_, str(item.value), packs.value, reason.value or ""),
            )

    async def _change(self, order: int, item: str, packs: float | None, reason: str) -> None:
        if packs is None:
            self._working.refuse(N_("Say how many packs it shall be instead."))
            return
        await self._do(order, "change", {"packs": {item: int(packs)}, "reason": reason})

    async def _do(self, order: int, step: str, asked: dict[str, Any]) -> None:
        """Take a step with an order, once however often the button is pressed; say what came of it."""
        key, signed = self._key, self._desk.signed

        def work(session: Session, act: Act) -> Any:
            return _STEPS[step](session, act, number=order, **asked)

        path = f"/api/v1/calloffs/{order}/{step}"
        done: Done | None = await self._working.run(lambda watch: once(signed, path, asked, work, key=key))
        self._done.text = ""
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        if step in ("change", "adopt"):
            self._chosen = int(done.body["id"])
        said = say(_SAID[step], number=str(order), new=str(done.body["id"]))
        await self.show()  # the button that was pressed is gone then, and with it the language of its page
        self._done.text = said


_STEPS: Final[dict[str, Any]] = {
    "approve": orders.approve,
    "adopt": steps.adopt,
    "reject": steps.reject,
    "change": steps.change,
}
_SAID: Final = {
    "approve": N_("Order {number} is approved: it takes its cost from the ceiling."),
    "adopt": N_("Order {number} is your proposal now: another person approves it."),
    "reject": N_("Order {number} is refused."),
    "change": N_("Order {new} stands in the place of {number}; another person approves it."),
}


def _line(line: Any, currency: str) -> tuple[str, ...]:
    return (
        f"{line.item} {line.name}",
        number(line.packs),
        amount(line.quantity, line.unit),
        money(line.price_minor, currency),
        money(line.cost_minor, currency),
        f"en:{line.reason}",
    )
