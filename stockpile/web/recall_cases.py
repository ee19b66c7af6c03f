"""Recalls below each other: where their batches are, how much is recovered, who has answered, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from nicegui import ui

from stockpile.governance.rules import RIGHTS
from stockpile.inventory import rules as stock
from stockpile.inventory.recalls import operations
from stockpile.inventory.recalls.queries import Progress
from stockpile.inventory.tables import Site
from stockpile.web import recall_reading as reading
from stockpile.web.acting import Done, fresh_key, given_text, once, wrong
from stockpile.web.desk import facts, figures
from stockpile.web.parts import button, text
from stockpile.web.recall_reading import Case, Desk, Reach
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, amount, instant, ngettext, number, percent, say
from stockpile.web.working import Working

API: Final = "/api/v1/recalls"
END_OF_DAY: Final = time(23, 59)
SET_APART, CLOSING, NOTE = N_("Came back or was set apart"), N_("Why it may be closed"), N_("Note")
STATUSES: Final = {
    stock.AVAILABLE: N_("available"),
    stock.RESERVED: N_("reserved"),
    stock.QUARANTINE: N_("quarantine"),
    stock.IN_TRANSIT: N_("in transit"),
}
SHIPMENTS: Final = {
    stock.APPROVED: N_("reserved for transfer {number}"),
    stock.DISPATCHED: N_("on the way, transfer {number}"),
    stock.RECEIVED: N_("delivered by transfer {number}"),
    stock.DISCREPANCY: N_("delivered with a difference by transfer {number}"),
    stock.CANCELLED: N_("cancelled, transfer {number}"),
    reading.STOPPED: N_("taken off transfer {number}"),
}


def day_in(field: str, typed: str, zone: str) -> datetime:
    """The end of a day that somebody typed, on the clocks of that zone; refuses naming the field by its label."""
    try:
        return datetime.combine(date.fromisoformat(typed.strip()), END_OF_DAY, ZoneInfo(zone)).astimezone(UTC)
    except ValueError as fault:
        raise wrong(N_("{field}: a day is written year-month-day, such as 2020-06-30"), field=field) from fault


def place(site: Site) -> str:
    """A site by its name, with its code beside it."""
    return f"{site.name} ({site.code})"


def reached(found: Reach, unit: str) -> None:
    """Every site, reservation and shipment that batches reach, as tables; says so where there is none."""
    text("p", ngettext("It reaches {n} site.", "It reaches {n} sites.", found.sites))
    if found.shelves:
        rows = [
            (
                one.batch,
                place(one.site),
                one.whose or say("pool"),
                say(STATUSES[one.status]),
                amount(one.quantity, unit),
            )
            for one in found.shelves
        ]
        heads = (say("Lot"), say("Site"), say("Whose"), say("Status"), say("Quantity"))
        figures(heads, rows, title=say("Where it stands"), words=(1, 2, 3))
    if found.shipments:
        shipped = [
            (one.batch, place(one.site), one.member, _moved(one), amount(one.quantity, unit)) for one in found.shipments
        ]
        heads = (say("Lot"), say("Site"), say("For"), say("Transfer"), say("Quantity"))
        figures(heads, shipped, title=say("Reservations and shipments"), words=(1, 2, 3))


def _moved(one: reading.Shipment) -> str:
    return say(SHIPMENTS[one.state], number=str(one.transfer))


class Cases:
    """The recalls that are open, and below them those that are closed; each is drawn anew only when it changed."""

    def __init__(self, signed: SignedIn, found: Desk) -> None:
        self._signed, self._found, self._key = signed, found, fresh_key()
        self._boxes: dict[int, ui.element] = {}
        with ui.element("section").classes("panel"):
            self._count = text("h2", "")
            self._open = ui.element("div")
        with ui.element("section").classes("panel"):
            text("h2", say("Closed recalls"))
            self._none = text("p", say("None is closed yet.")).classes("quiet")
            self._closed = ui.element("div")

    async def show(self, *, opened: int = 0) -> None:
        """Show the recalls as they stand now; the one of the number `opened` is unfolded."""
        self._found = await self._signed.read(lambda session: reading.desk(session, self._signed.act(session)))
        cases = self._found.cases
        waiting = [one for one in cases if one.recall.state == operations.OPEN]
        self._count.text = ngettext("{n} recall is open", "{n} recalls are open", len(waiting))
        self._none.set_visibility(len(waiting) == len(cases))
        for one in cases:
            if one.number not in self._boxes:
                with self._open if one in waiting else self._closed:
                    self._boxes[one.number] = ui.element("div").classes("finding")
                    self._boxes[one.number].move(target_index=0)
                self._draw(one, unfolded=one.number == opened or (len(waiting) == 1 and one in waiting))

    def _draw(self, one: Case, *, unfolded: bool, done: str = "") -> None:
        box = self._boxes[one.number]
        box.clear()
        with box, ui.element("details") as details:
            if unfolded:
                details.props("open")
            text("summary", self._summary(one))
            self._facts(one)
            reached(one.reach, one.item.base_unit)
            self._answers(one)
            working = Working(self._signed, ends=False)
            text("p", done).props("role=status").classes("done")
            if one.recall.state == operations.OPEN:
                self._steps(one, working)

    def _summary(self, one: Case) -> str:
        share = percent(one.progress.recovered_permille)
        told = {"number": number(one.number), "reference": one.recall.reference, "item": one.item.name, "share": share}
        return say("Recall {number} ({reference}): {item}, {share} recovered", **told)

    def _facts(self, one: Case) -> None:
        found, far, unit = one.recall, one.progress, one.item.base_unit
        late = f" ({say('past due')})" if far.overdue else ""
        facts(
            [
                (say("Item"), f"{one.item.name} ({one.item.code})"),
                (say("Lots"), ", ".join(one.batches)),
                (say("Class"), str(found.recall_class)),
                (say("Why it is recalled"), found.reason),
                (say("Answer until"), instant(found.deadline, self._found.region.time_zone) + late),
                (say("Recovered"), _recovered(far, unit)),
                (say("Used before"), amount(far.used, unit)),
            ]
        )

    def _answers(self, one: Case) -> None:
        members, unit = self._found.members, one.item.base_unit
        answered = {row.member_code: row for row in one.answers}
        rows = []
        for code in sorted({*one.progress.members_holding, *answered}):
            told = answered.get(code)
            said = amount(told.set_apart, unit) if told else "-"
            rows.append((members[code].name, say("yes") if told else say("not yet"), said, told.note if told else ""))
        if rows:
            heads = (say("Municipality"), say("Answered"), say("Came back or was set apart"), say("Note"))
            figures(heads, rows, title=say("Who got some of it"), words=(1, 3))

    def _steps(self, one: Case, working: Working) -> None:
        if RIGHTS["recall.acknowledge"] & self._signed.roles and self._found.speaks:
            self._answering(one, working)
        if RIGHTS["recall.close"] & self._signed.roles:
            with ui.element("div").classes("asking saying"):
                reason = ui.input(say(CLOSING)).props("outlined dense").classes("wide")
                button(say("Close the recall"), lambda: self._close(one, str(reason.value or ""), working), main=True)

    def _answering(self, one: Case, working: Working) -> None:
        speaks = self._found.speaks
        silent = sorted(set(one.progress.members_holding) - set(one.progress.members_answered))
        first = next((code for code in silent if code in speaks), next(iter(speaks)))
        with ui.element("div").classes("asking saying"):
            member = ui.select(dict(speaks), value=first, label=say("Municipality"), with_input=True)
            member.props("outlined dense")
            label = f"{say(SET_APART)} ({one.item.base_unit})"
            apart = ui.input(label).props("outlined dense type=number min=0 inputmode=numeric")
            note = ui.input(say(NOTE)).props("outlined dense").classes("wide")

            async def press() -> None:
                given = {"member": str(member.value or ""), "note": " ".join(str(note.value or "").split())}
                await self._answer(one, given, str(apart.value or ""), working)

            button(say("Record what came back"), press, main=True)

    async def _answer(self, one: Case, given: Mapping[str, Any], typed: str, working: Working) -> None:
        def answered() -> Done:
            if not typed.isascii() or not typed.isdigit():
                raise wrong(N_("{field}: give a whole number, 0 or more"), field=SET_APART)
            asked = {**given, "set_apart": int(typed)}
            path = f"{API}/{one.number}/answers"
            return self._once(path, asked, lambda s, act: operations.answer(s, act, number=one.number, **asked))

        await self._step(one, working, answered)

    async def _close(self, one: Case, typed: str, working: Working) -> None:
        def closed() -> Done:
            asked = {"reason": given_text(CLOSING, typed)}
            path = f"{API}/{one.number}/close"
            return self._once(path, asked, lambda s, act: operations.close_recall(s, act, number=one.number, **asked))

        await self._step(one, working, closed)

    def _once(self, path: str, asked: dict[str, Any], work: Any) -> Done:
        return once(self._signed, path, asked, work, key=self._key)

    async def _step(self, one: Case, working: Working, task: Any) -> None:
        done = await working.run(lambda watch: task())
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            working.refuse(done.refusal)
            return
        now = self._found.now
        found = await self._signed.read(lambda session: reading.case(session, one.number, at=now))
        if found.recall.state != operations.OPEN:
            with self._closed:
                self._boxes.pop(one.number).delete()
                await self.show(opened=one.number)
            return
        self._draw(found, unfolded=True, done=say("Done: it is kept in the journal."))


def _recovered(far: Progress, unit: str) -> str:
    back = far.frozen + far.disposed + far.set_apart
    told = {"share": percent(far.recovered_permille), "back": number(back), "received": amount(far.received, unit)}
    return say("{share}: {back} of {received} received", **told)
