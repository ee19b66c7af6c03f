"""The files of a region that is being set up: templates to take, files to send, what is wrong by row and column."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from nicegui import ui
from nicegui.events import MultiUploadEventArguments
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.governance.operations import SignInRefused
from stockpile.region import drafting, sheets
from stockpile.region.drafting import STEPS, Draft
from stockpile.region.templates import NEEDED, TEMPLATES
from stockpile.web.acting import fresh_key, given_text, once
from stockpile.web.desk import figures
from stockpile.web.parts import button, text, told
from stockpile.web.sign_in import SignedIn, ended
from stockpile.web.speech import N_, ngettext, number, say
from stockpile.web.working import Working, show_refusal

STEP_NAMES: Final = {
    "region": N_("The region"),
    "members": N_("Members, sites and lanes"),
    "items": N_("Items"),
    "stock": N_("Stock"),
    "contracts": N_("Contracts"),
    "load": N_("Check and load"),
    "people": N_("People"),
}
FILE_NAMES: Final = {
    "region": N_("what the region is called, its money and its clock"),
    "members": N_("one row for each municipality: code, name, country, people, place, and where its goods arrive"),
    "sites": N_("one row for each depot and each point of use"),
    "lanes": N_("one row for each way from a depot to a site: minutes, cost, and whether it is kept cold"),
    "items": N_("one row for each medicine or part: code, name, GTIN, pack size, shelf life, priority"),
    "licences": N_("in which country which item may be used"),
    "trade_items": N_("other packings of an item, by GTIN"),
    "fits": N_("which part fits which equipment"),
    "lots": N_("one row for each batch in a depot: item, lot, expiry, quantity"),
    "floors": N_("what of an item is never shared out"),
    "own_stock": N_("what each municipality keeps itself"),
    "suppliers": N_("who delivers, and how reliably"),
    "contracts": N_("supplier, term, currency and ceiling of each contract"),
    "contract_lines": N_("which items a contract covers"),
    "price_tiers": N_("price of a pack from so many packs on"),
    "policy": N_("what a nightly run may propose to spend, and where goods go"),
}
MOST_FAULTS: Final = 50
Again = Callable[[], Awaitable[None]]


class RegionPart:
    """What the region is, typed instead of sent."""

    def __init__(self, signed: SignedIn, standing: Draft, again: Again) -> None:
        kept = standing.files.get("region")
        if kept is not None:
            text("p", say("It is described. Say it again to change it."))
        with ui.element("div").classes("asking"):
            self._title = ui.input(say("Name of the region")).props("outlined dense maxlength=100")
            self._currency = ui.input(say("Currency, such as EUR"), value="EUR").props("outlined dense maxlength=3")
            self._zone = ui.input(say("Time zone"), value="Europe/Brussels").props("outlined dense maxlength=60")
            button(say("Keep"), self._keep, main=kept is None)
        self._doing = _Doing(signed, again)

    async def _keep(self) -> None:
        asked = {"currency": self._currency.value.strip().upper(), "time_zone": self._zone.value.strip()}

        def work(session: Session, act: Act) -> dict[str, str]:
            given = asked | {"title": given_text(say("Name of the region"), self._title.value)}
            drafting.describe(session, act, **given)
            return given

        await self._doing.do("/first-run/region", asked | {"title": self._title.value}, work)


class FilesPart:
    """One step's files: templates to fill in, a button to send them, and what was found in each."""

    def __init__(self, signed: SignedIn, step: str, standing: Draft, again: Again) -> None:
        _templates(step)
        sender = ui.upload(
            multiple=True, auto_upload=True, max_file_size=sheets.LARGEST_FILE, on_multi_upload=self._sent
        )
        sender.props('accept=".csv,.xlsx"').classes("sender").mark(step)
        sender.on_rejected(self._too_large)
        send = button(say("Send files (CSV or XLSX)"), lambda: None, main=not standing.done(step))
        send.on("click", js_handler=f"() => getElement({sender.id}).$refs.qRef.pickFiles()")
        self._doing = _Doing(signed, again)
        for name in STEPS[step]:
            if name in standing.files:
                self._file(standing, name)

    def _too_large(self) -> None:
        self._doing.refuse(N_("Only CSV and XLSX files of at most 10 MB are taken."))

    async def _sent(self, event: MultiUploadEventArguments) -> None:
        sent = [(await file.read(), file.name) for file in event.files]
        asked = {name: hashlib.sha256(content).hexdigest() for content, name in sent}

        def work(session: Session, act: Act) -> dict[str, Any]:
            return {name: drafting.put(session, act, content=content, file_name=name) for content, name in sent}

        await self._doing.do("/first-run/files", asked, work)

    def _file(self, standing: Draft, name: str) -> None:
        found = standing.files[name]
        mark = "✗" if found.faults else "✓"
        with ui.element("div").classes("asking"):
            rows = ngettext("{n} row", "{n} rows", found.rows)
            sent = say("{file}: {rows}, sent as {name}", file=f"{name}.csv", rows=rows, name=found.file_name)
            text("p", f"{mark} {sent}")
            drop = button(say("Remove"), lambda: self._drop(name))
            drop.props["aria-label"] = say("Remove {file}", file=f"{name}.csv")
        if found.faults:
            _show_faults(name, [(fault.row, fault.column, fault.reason) for fault in found.faults])

    async def _drop(self, name: str) -> None:
        def work(session: Session, act: Act) -> dict[str, str]:
            drafting.drop(session, act, template=name)
            return {"template": name}

        await self._doing.do(f"/first-run/files/{name}/drop", {}, work)


class LoadPart:
    """What is still missing or wrong, and the button that loads everything or nothing."""

    def __init__(self, signed: SignedIn, standing: Draft, again: Again) -> None:
        self._signed, self._again = signed, again
        wrong = [one.template for one in standing.files.values() if one.faults]
        for fault in standing.missing:
            told("p", say("{file}.csv {reason}", file=fault.file, reason=fault.reason))
        for name in wrong:
            text("p", say("{file}.csv is not right yet: see above.", file=name)).classes("mark")
        if standing.ready:
            text("p", say("Every file is right. Loading takes some seconds; it is done whole or not at all."))
        load = button(say("Load the region"), self._load, main=True)
        load.set_enabled(standing.ready)
        self._working = Working(signed, ends=False)

    async def _load(self) -> None:
        def work(session: Session, act: Act) -> dict[str, str]:
            return {"region": drafting.load(session, act).title}

        done = await self._working.run(lambda _watch: once(self._signed, "/first-run/load", {}, work, key=fresh_key()))
        if done is None:
            return
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        await self._again()


def _templates(step: str) -> None:
    """The templates of a step with what each holds, and a link to each."""
    with ui.element("ul").classes("rows"):
        for name in STEPS[step]:
            with ui.element("li"):
                text("strong", f"{name}.csv")
                text("span", say(FILE_NAMES[name]))
                text("span", say("needed") if name in NEEDED else say("may be left out")).classes("quiet")
                take = button(say("Template"), lambda name=name: _give((name,), "csv", f"{name}.csv"))
                take.props("dense")
                take.props["aria-label"] = say("Template of {file}", file=f"{name}.csv")
    button(say("All of this step as one workbook (XLSX)"), lambda: _give(STEPS[step], "xlsx", f"{step}.xlsx"))


def _give(names: tuple[str, ...], form: str, file_name: str) -> None:
    ui.download.content(sheets.blank(names, form=form), file_name)


def _show_faults(name: str, faults: list[tuple[int, str, str]]) -> None:
    rows = [
        (number(row) if row else "-", column or "-", f"en:{reason}") for row, column, reason in faults[:MOST_FAULTS]
    ]
    figures(
        (say("Row (the header is row 1)"), say("Column"), say("What is wrong")),
        rows,
        title=ngettext("{n} fault in {file}.csv", "{n} faults in {file}.csv", len(faults), file=name),
        words=(1, 2),
    )
    if len(faults) > MOST_FAULTS:
        text("p", say("The first {n} are shown.", n=number(MOST_FAULTS)))


class _Doing:
    """Where a part of the set-up does something once, and says why it was refused."""

    def __init__(self, signed: SignedIn, again: Again) -> None:
        self._signed, self._again = signed, again
        self._box = ui.element("div").props("role=alert")

    def refuse(self, sentence: str) -> None:
        """Say there why something was not done, line by line."""
        self._box.clear()
        with self._box:
            for line in sentence.split("\n")[:MOST_FAULTS]:
                show_refusal(line)

    async def do(self, path: str, asked: dict[str, Any], work: Callable[[Session, Act], Any]) -> None:
        """Do it once; say why it was refused, or show the steps anew."""
        key = fresh_key()
        try:
            done = await self._signed.work(lambda: once(self._signed, path, asked, work, key=key))
        except SignInRefused:
            ended(self._signed.name)
            return
        assert done is not None, "a process that is not stopping"
        if done.refusal:
            self.refuse(done.refusal)
        else:
            await self._again()


assert set(FILE_NAMES) <= set(TEMPLATES), "a file that no template has"
