"""Recalls: batches chosen by a scan or a word, where they are, what came back of them, and the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine

from stockpile.db import reading as stored
from stockpile.governance.rules import RIGHTS
from stockpile.inventory.recalls import operations
from stockpile.web import frame
from stockpile.web import recall_reading as reading
from stockpile.web.acting import Done, fresh_key, given_text, once, wrong
from stockpile.web.entering import screen
from stockpile.web.parts import button, text
from stockpile.web.places import RECALLS
from stockpile.web.recall_cases import API, Cases, day_in, reached
from stockpile.web.recall_reading import Batch, Desk
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, day, ngettext, say
from stockpile.web.working import Working

CLASSES: Final = {1: N_("1, the gravest"), 2: N_("2, in between"), 3: N_("3, the least grave")}
REFERENCE, REASON, UNTIL = N_("The authority's or supplier's reference"), N_("Why it is recalled"), N_("Answer until")


async def recalls_page(engine: Engine) -> RedirectResponse | None:
    """The recalls for whoever is signed in; everyone else goes to the form."""
    return await screen(engine, RECALLS, reading.desk, _page)


async def _page(signed: SignedIn, found: Desk) -> None:
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit recalls"):
        cases: Cases
        if RIGHTS["recall.open"] & signed.roles:

            async def opened(recall: int) -> None:
                await cases.show(opened=recall)

            OpenPart(signed, found, opened)
        cases = Cases(signed, found)
        await cases.show()


class OpenPart:
    """One field for a scan or a search, the batches found, where they are, and the recall."""

    def __init__(self, signed: SignedIn, found: Desk, opened: Any) -> None:
        self._signed, self._zone, self._opened, self._key = signed, found.region.time_zone, opened, fresh_key()
        self._found: list[Batch] = []
        self._chosen: set[int] = set()
        with ui.element("section").classes("panel"):
            text("h2", say("Recall a lot"))
            with ui.element("div").classes("asking"):
                self._search = ui.input(say("Scan a label, or type a lot or an item"))
                self._search.props("outlined dense clearable autofocus").classes("choose-rules")
                self._search.on("keydown.enter", self._look)
                button(say("Find it"), self._look)
            self._count = text("p", "").classes("quiet").props("role=status")
            self._listed = ui.element("div")
            self._reach = ui.element("div")
            self._asking = ui.element("div").classes("asking saying")
            with self._asking:
                self._form()
            self._asking.set_visibility(False)
            self._working = Working(signed, ends=False)
            self._done = text("p", "").props("role=status").classes("done")

    def _form(self) -> None:
        self._reference = ui.input(say(REFERENCE)).props("outlined dense")
        classes = {one: say(name) for one, name in CLASSES.items()}
        self._class = ui.select(classes, value=1, label=say("Class")).props("outlined dense")
        self._until = ui.input(say(UNTIL)).props("outlined dense type=date stack-label")
        self._reason = ui.input(say(REASON)).props("outlined dense").classes("wide")
        button(say("Recall everywhere, at once"), self._recall, main=True)

    async def _look(self) -> None:
        typed = str(self._search.value or "").strip()
        if not typed:
            return
        self._done.text = ""
        found = await self._working.run(lambda watch: self._sought(typed))
        if found is None:
            return
        self._found = found
        self._chosen = {one.lot_id for one in found} if len(found) == 1 else set()
        told = ngettext("{n} lot found", "{n} lots found", len(found))
        self._count.text = told if found else say("Nothing of ours is called {what}: no lot, no item.", what=typed)
        self._list()
        self._show_reach()

    def _sought(self, typed: str) -> list[Batch]:
        with stored(self._signed.engine) as session:
            return reading.sought(session, self._signed.act(session), typed)

    def _list(self) -> None:
        self._listed.clear()
        with self._listed, ui.element("ul").classes("rows"):
            for one in self._found:
                with ui.element("li"):
                    told = {"item": one.item.name, "lot": one.code, "day": day(one.expiry)}
                    name = say("{item}, lot {lot}, expires {day}", **told)
                    box = ui.checkbox(name, value=one.lot_id in self._chosen)
                    box.on_value_change(lambda event, lot=one.lot_id: self._choose(lot, chosen=bool(event.value)))
                    if one.recalled:
                        text("strong", say("Recalled already")).classes("mark")

    def _choose(self, lot: int, *, chosen: bool) -> None:
        (self._chosen.add if chosen else self._chosen.discard)(lot)
        self._show_reach()

    def _show_reach(self) -> None:
        chosen = self._batches()
        self._asking.set_visibility(bool(chosen))
        self._reach.clear()
        with self._reach:
            if chosen:
                both = reading.Reach(
                    [one for batch in chosen for one in batch.reach.shelves],
                    [one for batch in chosen for one in batch.reach.shipments],
                )
                reached(both, chosen[0].item.base_unit)

    def _batches(self) -> list[Batch]:
        return [one for one in self._found if one.lot_id in self._chosen]

    async def _recall(self) -> None:
        typed = [str(one.value or "") for one in (self._reference, self._reason, self._until)]
        chosen, grade = self._batches(), int(self._class.value or 1)
        done = await self._working.run(lambda watch: self._recalled(chosen, grade, *typed))
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        self._found, self._chosen = [], set()
        self._list()
        self._show_reach()
        self._search.value = self._count.text = ""
        recall = int(done.body["id"])
        self._done.text = say("Recall {number} is open: its lots stand still everywhere.", number=str(recall))
        await self._opened(recall)

    def _recalled(self, chosen: Sequence[Batch], grade: int, reference: str, reason: str, until: str) -> Done:
        if len({one.item.code for one in chosen}) != 1:
            raise wrong(N_("{field}: choose lots of one item"), field=N_("Recall a lot"))
        given: dict[str, Any] = {
            "reference": given_text(REFERENCE, reference),
            "item": chosen[0].item.code,
            "lots": [one.code for one in chosen],
            "recall_class": grade,
            "reason": given_text(REASON, reason),
            "deadline": day_in(UNTIL, until, self._zone),
        }
        asked = {**given, "deadline": given["deadline"].isoformat()}
        return once(
            self._signed, API, asked, lambda session, act: operations.open_recall(session, act, **given), key=self._key
        )
