"""A finding as the auditor and the office see it: what was found, what each side said, and what this account may do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from nicegui import ui
from sqlmodel import Session

from stockpile.governance.rules import RIGHTS
from stockpile.transparency.findings import operations, queries, rules
from stockpile.transparency.findings.queries import Said
from stockpile.transparency.findings.tables import AuditFinding
from stockpile.web.acting import Done, fresh_key, given_text, once, wrong
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, day, instant, number, say
from stockpile.web.working import Working

API: Final = "/api/v1/findings"
SEVERITIES: Final = {"low": N_("low"), "medium": N_("medium"), "high": N_("high"), "critical": N_("critical")}
STATES: Final = {
    rules.DRAFT: N_("draft"),
    rules.RESPONSE: N_("waits for the office's answer"),
    rules.AGREED: N_("answer agreed"),
    rules.IN_PROGRESS: N_("being put right"),
    rules.VERIFIED: N_("verified"),
    rules.CLOSED: N_("closed"),
    rules.RISK_ACCEPTED: N_("risk accepted by the committee"),
}
ANSWERED: Final = N_("answered; the auditor looks at it")
STEPS: Final = {
    "issue": N_("Put it to the office"),
    "answer": N_("Answer it"),
    "ask_again": N_("Ask again"),
    "agree": N_("Agree with the answer"),
    "begin": N_("Begin to put it right"),
    "verify": N_("Verify that it is put right"),
    "close": N_("Close it"),
    "accept": N_("Accept the risk, under a decision of the committee"),
}
SAID: Final = {
    "write": N_("{when}, {who} filed it"),
    "issue": N_("{when}, {who} put it to the office"),
    "answer": N_("{when}, {who} answered"),
    "ask_again": N_("{when}, {who} asked again"),
    "agree": N_("{when}, {who} agreed with the answer"),
    "begin": N_("{when}, {who} began to put it right"),
    "verify": N_("{when}, {who} verified that it is put right"),
    "close": N_("{when}, {who} closed it"),
    "accept": N_("{when}, {who} accepted the risk for the committee"),
}
FACTS: Final = {
    "criterion": N_("Against which rule or promise"),
    "cause": N_("Cause"),
    "recommendation": N_("Recommendation"),
    "office": N_("Which office answers"),
}
WHAT_YOU_SAY, DONE_BY = N_("What you say to it"), N_("Done by")
FIRST_WORDS: Final = ("answer", "issue", "agree", "begin", "verify", "close")
"""The steps of which one is what to do next; the others are ways around it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A finding, whether it is past due, and what was said to it."""

    finding: AuditFinding
    late: bool
    thread: list[Said]

    @property
    def number(self) -> int:
        """The finding's number."""
        assert self.finding.id is not None, "a finding that was read has its number"
        return self.finding.id


def known(session: Session, one: AuditFinding, *, at: datetime) -> Known:
    """A finding with its thread."""
    return Known(one, queries.past_due(session, one, at=at), queries.thread(session, one.id or 0))


class Threads:
    """Findings below each other, each with its thread and steps; only the one that changed is drawn anew.

    What somebody is typing to another one stays where it is.
    """

    def __init__(self, signed: SignedIn, zone: str, now: datetime) -> None:
        self._signed, self._zone, self._now = signed, zone, now
        self._rights = {name for name in {one.right for one in rules.STEPS.values()} if RIGHTS[name] & signed.roles}
        self._boxes: dict[int, ui.element] = {}
        self._key = fresh_key()

    def show(self, found: Iterable[Known], *, opened: int = 0) -> None:
        """Draw these into the element that is open now; the one of the number `opened` is unfolded."""
        for one in found:
            self._boxes[one.number] = ui.element("div").classes("finding")
            self._draw(one, unfolded=one.number == opened)

    def _draw(self, one: Known, *, unfolded: bool, done: str = "") -> None:
        box = self._boxes[one.number]
        box.clear()
        with box, ui.element("details") as details:
            if unfolded:
                details.props("open")
            text("summary", self._summary(one))
            self._facts(one.finding)
            self._thread(one.thread)
            working = Working(self._signed, ends=False)
            text("p", done).props("role=status").classes("done")
            self._steps(one, working)

    def _summary(self, one: Known) -> str:
        found = one.finding
        answered = found.state == rules.RESPONSE and found.answered_at is not None
        state = say(ANSWERED if answered else STATES[found.state]) + (f" ({say('past due')})" if one.late else "")
        words = {"number": number(one.number), "title": found.title, "grave": say(SEVERITIES[found.severity])}
        return say("Finding {number}, {grave}: {title}. {state}", state=state, **words)

    def _facts(self, found: AuditFinding) -> None:
        with ui.element("dl").classes("answer"):
            for name, label in FACTS.items():
                text("dt", say(label))
                text("dd", str(getattr(found, name)))
            text("dt", say("Evidence"))
            text("dd", "; ".join(json.loads(found.evidence)))
            if found.state == rules.RESPONSE and found.answered_at is None and found.response_due:
                text("dt", say("To be answered by"))
                text("dd", day(found.response_due.astimezone(ZoneInfo(self._zone)).date()))
            if found.action_due:
                text("dt", say("To be done by"))
                text("dd", day(found.action_due))

    def _thread(self, thread: list[Said]) -> None:
        with ui.element("ol").classes("thread") as listed:
            listed.props["aria-label"] = say("What was said to it")
            for one in thread:
                with ui.element("li"):
                    text("strong", say(SAID[one.step], when=instant(one.at, self._zone), who=one.by))
                    if one.step != "write":
                        text("p", one.text)
                    if one.due:
                        text("p", say("To be done by {day}", day=day(one.due))).classes("quiet")

    def _steps(self, one: Known, working: Working) -> None:
        """What this account may do with it next, if anything."""
        found = one.finding
        steps = rules.open_steps(found.state, answered=found.answered_at is not None, rights=self._rights)
        if not steps:
            return
        with ui.element("div").classes("asking saying"):
            said = ui.textarea(say(WHAT_YOU_SAY)).props("outlined dense autogrow").classes("wide")
            due = None
            if "answer" in steps:
                due = ui.input(say(DONE_BY)).props("outlined dense type=date stack-label")
            main = next((name for name in FIRST_WORDS if name in steps), "")
            for name in sorted(steps, key=lambda step: step != main):
                self._button(one, name, said, due, working, main=name == main)

    def _button(
        self, one: Known, name: str, said: ui.textarea, due: ui.input | None, working: Working, *, main: bool
    ) -> None:
        async def press() -> None:
            until = str(due.value or "") if due is not None and name == "answer" else ""
            await self._step(one.number, name, str(said.value or ""), until, working)

        button(say(STEPS[name]), press, main=main)

    async def _step(self, finding: int, name: str, said: str, due: str, working: Working) -> None:
        done = await working.run(lambda watch: self._stepped(finding, name, said, due))
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            working.refuse(done.refusal)
            return
        now = await self._signed.read(lambda s: known(s, queries.finding(s, finding), at=self._now))
        self._draw(now, unfolded=True, done=say("Done: it is kept in the journal."))

    def _stepped(self, finding: int, name: str, said: str, due: str) -> Done:
        text_, day_ = given_text(WHAT_YOU_SAY, said), _day(due)
        if name == "answer" and day_ is None:
            raise wrong(N_("{field}: say until which day it is done"), field=DONE_BY)
        given: dict[str, Any] = {"number": finding, "name": name, "text": text_, "due": day_}
        asked = {"step": name, "text": text_, "due": due.strip() or None}
        path = f"{API}/{finding}/steps"
        return once(
            self._signed, path, asked, lambda session, act: operations.step(session, act, **given), key=self._key
        )


def _day(typed: str) -> date | None:
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError as fault:
        raise wrong(N_("{field}: a day is written year-month-day, such as 2020-06-30"), field=DONE_BY) from fault
