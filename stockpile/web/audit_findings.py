"""Findings at the auditor's desk: filed with their evidence, put to an office, followed up, verified, closed."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui
from sqlmodel import Session

from stockpile.governance.rules import RIGHTS
from stockpile.transparency.findings import operations, queries
from stockpile.transparency.findings.tables import AuditFinding
from stockpile.web.acting import Done, fresh_key, given_text, once, wrong
from stockpile.web.audit_reading import Desk
from stockpile.web.findings_thread import API, FACTS, SEVERITIES, Known, Threads, known
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, ngettext, say
from stockpile.web.working import Working

FIELDS: Final = {
    "title": N_("What was found"),
    "criterion": FACTS["criterion"],
    "evidence": N_("Evidence: references, separated by semicolons"),
    "cause": FACTS["cause"],
    "recommendation": FACTS["recommendation"],
    "office": FACTS["office"],
}
MOST_SHOWN: Final = 20


class FindingsPart:
    """The findings, the newest first, each with its thread and the steps that are open, and a form to file another."""

    def __init__(self, signed: SignedIn, found: Desk) -> None:
        self._signed, self._now = signed, found.now
        self._key = fresh_key()
        self._threads = Threads(signed, found.region.time_zone, found.now)
        with ui.element("section").classes("panel"):
            text("h2", say("Findings"))
            self._listed = ui.element("div")
            self._working = Working(signed, ends=False)
            self._done = text("p", "").props("role=status").classes("done")
            if RIGHTS["finding.write"] & signed.roles:
                with ui.element("details"):
                    text("summary", say("File a finding"))
                    self._form()

    def _form(self) -> None:
        offices = sorted(RIGHTS["finding.answer"])
        with ui.element("div").classes("asking"):
            self._fields = {
                name: ui.input(say(label), autocomplete=offices if name == "office" else None).props("outlined dense")
                for name, label in FIELDS.items()
            }
            severities = {name: say(label) for name, label in SEVERITIES.items()}
            self._severity = ui.select(severities, value="medium", label=say("How grave")).props("outlined dense")
            button(say("File it as a draft"), self._file, main=True)

    async def show(self, *, opened: int = 0) -> None:
        """Read and show the findings as they stand now."""

        def read(session: Session) -> list[Known]:
            return [known(session, one, at=self._now) for one in queries.findings(session)[:MOST_SHOWN]]

        found = await self._signed.read(read)
        self._listed.clear()
        with self._listed:
            if not found:
                text("p", say("Nothing was found yet.")).classes("quiet")
                return
            text("p", ngettext("{n} finding", "{n} findings", len(found))).classes("quiet")
            self._threads.show(found, opened=opened)

    async def _file(self) -> None:
        typed = {name: str(field.value or "") for name, field in self._fields.items()}
        done = await self._working.run(lambda watch: self._filed(typed, str(self._severity.value)))
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        self._done.text = say("The finding is filed as a draft.")
        for field in self._fields.values():
            field.set_value("")
        await self.show(opened=int(done.body["id"]))

    def _filed(self, typed: dict[str, str], severity: str) -> Done:
        asked: dict[str, Any] = {
            name: given_text(FIELDS[name], value) for name, value in typed.items() if name != "evidence"
        }
        evidence = [given_text(FIELDS["evidence"], one) for one in typed["evidence"].split(";") if one.strip()]
        if not evidence:
            raise wrong(N_("{field}: name at least one that others can look up"), field=FIELDS["evidence"])
        asked |= {"evidence": evidence, "severity": severity}

        def filed(session: Session, act: Any) -> AuditFinding:
            return operations.write(session, act, **asked)

        return once(self._signed, API, asked, filed, key=self._key)
