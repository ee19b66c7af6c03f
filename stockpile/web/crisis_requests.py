"""Open requests, what each municipality asked too much before, and setting a need by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nicegui import ui
from nicegui.events import TableSelectionEventArguments
from sqlmodel import Session

from stockpile.allocation import asked, operations, queries, rules
from stockpile.allocation.asked import Past
from stockpile.allocation.tables import Request
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import reading
from stockpile.web.acting import Done, fresh_key, once
from stockpile.web.crisis_room import Room
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.parts import button, text
from stockpile.web.speech import amount, instant, ngettext, number, percent, say
from stockpile.web.working import Working

MOST_SHOWN = 5000


@dataclass(frozen=True, slots=True)
class Waiting:
    """The requests that are open, the items that they ask for, and what was asked before, by member."""

    requests: list[Request]
    items: dict[str, Item]
    past: dict[str, Past]


def waiting(session: Session) -> Waiting:
    """What waits to be looked at."""
    found = queries.requests(session, state=rules.VALIDATED, limit=MOST_SHOWN)
    return Waiting(found, catalogue.items(session), asked.past(session))


class RequestsPart:
    """The open requests as a table, and below it the one that is chosen, to set its need."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._found: Waiting | None = None
        self._chosen: Request | None = None
        self._key = fresh_key()
        with ui.element("section").classes("panel wide-panel"):
            text("h2", say("Requests to validate"))
            explained = say(
                "Each was validated by reported admissions and own cover; a coordinator may set another need."
            )
            text("p", explained).classes("quiet")
            self._count = text("p", "")
            self._listed = ui.element("div")
            self._form = ui.element("div").classes("asking request-form")
            self._working = Working(room.signed)
            self._done = text("p", "").props("role=status").classes("done")

    async def show(self) -> None:
        """Read and show the open requests of what is chosen."""
        found = await self._working.run(lambda watch: self._read())
        if found is not None:
            self._found = found
            self._show(found)

    def _read(self) -> Waiting:
        with reading(self._room.signed.engine) as session:
            return waiting(session)

    def _show(self, found: Waiting) -> None:
        room = self._room
        shown = [
            row for row in found.requests if room.item in ("", row.item_code) and room.member in ("", row.member_code)
        ]
        count = ngettext("{n} open request for this choice.", "{n} open requests for this choice.", len(shown))
        self._count.text = count
        self._choose(None)
        self._listed.clear()
        if not shown:
            return
        with self._listed:
            columns = [
                ("member", say("Municipality")),
                ("item", say("Item")),
                ("asked", say("Asked")),
                ("validated", say("Validated")),
                ("past", say("Asked before")),
                ("need_by", say("Needed by")),
                ("reason", say("Why so much")),
            ]
            rows = [self._row(row, found) for row in shown]
            table = plain_table(columns, rows, numbers=("asked", "validated"), title=say("Open requests"))
            one_to_choose(table, self._selected)

    def _row(self, row: Request, found: Waiting) -> dict[str, Any]:
        return {
            "key": row.id,
            "member": self._room.name(row.member_code),
            "item": f"{row.item_code} {found.items[row.item_code].name}",
            "asked": row.quantity,
            "validated": row.validated,
            "past": past_words(found.past.get(row.member_code)),
            "need_by": instant(row.need_by, self._room.zone),
            "reason": row.validation_reason,
        }

    def _selected(self, event: TableSelectionEventArguments) -> None:
        number_ = event.selection[0]["key"] if event.selection else None
        rows = self._found.requests if self._found else []
        self._choose(next((row for row in rows if row.id == number_), None))

    def _choose(self, row: Request | None) -> None:
        """Ask for the need of that request; hides the form where none is chosen."""
        self._chosen, self._key = row, fresh_key()
        self._form.clear()
        self._form.set_visibility(row is not None)
        if row is None or self._found is None:
            return
        item = self._found.items[row.item_code]
        with self._form:
            title = say("Request {number} of {who}", number=str(row.id), who=self._room.name(row.member_code))
            text("h3", title).classes("wide")
            asked_words = say(
                "Asked {asked}, because: {why}", asked=amount(row.quantity, item.base_unit), why=row.justification
            )
            text("p", asked_words).classes("wide")
            label = say("Needed, in whole packs of {pack}", pack=number(item.pack_size))
            self._need = ui.number(
                label, value=row.validated, min=0, max=row.quantity, step=item.pack_size, precision=0
            )
            self._reason = ui.input(say("Reason"))
            for field in (self._need, self._reason):
                field.props("outlined dense")
            button(say("Set the need"), self._set, main=True)

    async def _set(self) -> None:
        row = self._chosen
        if row is None or row.id is None:
            return
        request, need, reason = row.id, int(self._need.value or 0), str(self._reason.value or "").strip()
        done = await self._working.run(lambda watch: self._revise(request, need, reason))
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        self._done.text = say("Request {number}: {need} are validated now.", number=str(request), need=number(need))
        await self.show()

    def _revise(self, request: int, need: int, reason: str) -> Done:
        return once(
            self._room.signed,
            f"/api/v1/requests/{request}/validation",
            {"validated": need, "reason": reason},
            lambda session, act: operations.revise_validation(
                session, act, number=request, validated=need, reason=reason
            ),
            key=self._key,
        )


def past_words(found: Past | None) -> str:
    """What a municipality asked too much before, in words."""
    if found is None:
        return say("nothing yet")
    over = say(
        "{over} of {requests} asked for more than was needed", over=number(found.over), requests=number(found.requests)
    )
    if found.median_permille is None:
        return over
    return say("{over}; in the middle {part} of the need", over=over, part=percent(found.median_permille))
