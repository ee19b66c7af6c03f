"""Scheduled runs: when each comes due, how each try went and its log, and a button to run one by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from nicegui import ui
from nicegui.events import TableSelectionEventArguments
from sqlmodel import Session

from stockpile.jobs import operations, rules
from stockpile.jobs import queries as jobs
from stockpile.jobs.operations import Ran
from stockpile.jobs.queries import Scheduled
from stockpile.jobs.tables import JobAttempt
from stockpile.web.acting import known_caller
from stockpile.web.buying_reading import Runs, runs
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.desk import Desk, facts
from stockpile.web.parts import button, text
from stockpile.web.speech import N_, say
from stockpile.web.working import Working

JOB_NAMES: Final = {
    "forecast": N_("forecasts of use"),
    "reorder": N_("reorder proposals"),
    "reservations": N_("reservations whose time is over"),
    "disparities": N_("disparities that the figures show"),
    "expiry": N_("lots that expire soon"),
    "dates": N_("contracts that end, orders overdue"),
    "figures": N_("key figures of the night"),
    "forgetting": N_("old replies and sign-ins"),
    "publications": N_("what the public may see now"),
    "committee": N_("votes and ratifications whose time is over"),
    "seal": N_("sealing of the journal"),
    "backup": N_("backup of the night, and its proof"),
}
STATES: Final = {
    rules.RUNNING: N_("running"),
    rules.DONE: N_("done"),
    rules.DONE_BEFORE: N_("done before"),
    rules.REFUSED: N_("refused"),
    rules.FAILED: N_("failed"),
    rules.LOST: N_("lost"),
}
MARKS: Final = {rules.RUNNING: "…", rules.DONE: "✓", rules.DONE_BEFORE: "✓", rules.LOST: "?"}
"""A mark beside each state, so that colour is not needed; the others have ✗."""
LOOK_EVERY_SECONDS: Final = 2.0


class RunsPart:
    """Jobs with their schedule, a form to run one now, and the tries with their log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tries: dict[int, JobAttempt] = {}
        self._names: dict[int, str] = {}
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Scheduled runs"))
            with ui.element("div").classes("asking"):
                self._job = ui.select({name: job_name(name) for name in JOB_NAMES}, label=say("Run"), value="reorder")
                self._job.props("outlined dense options-dense").classes("choose-item")
                button(say("Try it: nothing is changed"), lambda: self._run(dry=True))
                button(say("Run it now"), lambda: self._run(dry=False), main=True)
            self._working = Working(desk.signed, ends=False)
            self._progress = text("p", "").props("role=status").classes("quiet")
            self._done = text("p", "").props("role=status").classes("done")
            self._outcome = ui.element("div")
            self._schedules = ui.element("div")
        with ui.element("section").classes("panel desk-stack"):
            self._log = ui.element("div")
            self._detail = ui.element("div").classes("desk-stack")
        self._looking = ui.timer(LOOK_EVERY_SECONDS, self._look, active=False)

    async def show(self) -> None:
        """Read and show how everything stands now."""
        real_now = datetime.now(UTC)
        found = await self._desk.signed.read(lambda session: runs(session, real_now=real_now))
        self._tries, self._names = {one.id or 0: one for one in found.attempts}, found.names
        self._show_schedules(found)
        self._show_tries(found)

    def _show_schedules(self, found: Runs) -> None:
        columns = [("job", say("Run")), ("when", say("Comes due")), ("next", say("Next")), ("last", say("Last done"))]
        self._schedules.clear()
        with self._schedules:
            table = plain_table(columns, [self._schedule(one) for one in found.schedules], title=say("When they run"))
            table.props("hide-pagination :pagination='{rowsPerPage: 0}'")

    def _schedule(self, one: Scheduled) -> dict[str, Any]:
        due = self._desk.when(one.next_due) if one.enabled else say("stopped")
        return {
            "key": one.job,
            "job": job_name(one.job),
            "when": due_words(one),
            "next": due,
            "last": self._slot(one.last),
        }

    def _slot(self, slot: str | None) -> str:
        """What a run was for: its day, or its hour on the region's clocks."""
        hour = f"{slot.removesuffix('Z')}:00+00:00" if slot and slot.endswith("Z") else ""
        return self._desk.when(datetime.fromisoformat(hour)) if hour else slot or "-"

    def _show_tries(self, found: Runs) -> None:
        columns = [
            ("job", say("Run")),
            ("slot", say("For")),
            ("state", say("State")),
            ("started", say("Began")),
            ("seconds", say("Seconds")),
            ("progress", say("Progress")),
        ]
        self._log.clear()
        with self._log:
            table = plain_table(
                columns, [self._try(one) for one in found.attempts], title=say("Every try, newest first")
            )
            table.props["no-data-label"] = say("Nothing has run yet")
            one_to_choose(table, self._picked)

    def _try(self, one: JobAttempt) -> dict[str, Any]:
        ended = one.ended_at or one.heartbeat_at
        dry = f", {say('only tried')}" if one.dry else ""
        return {
            "key": one.id,
            "member": f"{job_name(one.job)} {one.slot}",
            "job": job_name(one.job),
            "slot": self._slot(one.slot),
            "state": f"{MARKS.get(one.state, '✗')} {say(STATES[one.state])}{dry}",
            "started": self._desk.when(one.started_at),
            "seconds": int((ended - one.started_at).total_seconds()),
            "progress": one.progress or "-",
        }

    def _picked(self, event: TableSelectionEventArguments) -> None:
        self._detail.clear()
        if not event.selection:
            return
        one = self._tries[int(event.selection[0]["key"])]
        with self._detail:
            text("h3", say("Log of {run}, {slot}", run=job_name(one.job), slot=self._slot(one.slot)))
            facts(
                [
                    (say("State"), say(STATES[one.state])),
                    (say("Began"), self._desk.when(one.started_at)),
                    (say("Ended"), self._desk.when(one.ended_at)),
                    (say("By"), f"{self._names.get(one.actor_id, '')}, {one.process}"),
                    (say("Progress"), f"en:{one.progress or '-'}"),
                ]
            )
            outcome_facts(json.loads(one.outcome))

    async def _run(self, *, dry: bool) -> None:
        """Run the chosen job by hand; the progress that it tells is shown meanwhile."""
        job, desk = str(self._job.value), self._desk
        self._done.text = ""
        self._outcome.clear()

        def task() -> Ran:
            caller = known_caller(desk.signed, desk.limit_seconds)
            act, limit = caller.act_now(), desk.limit_seconds
            return operations.run(desk.signed.engine, act, job=job, limit_seconds=limit, dry=dry, home=desk.home)

        self._looking.activate()
        try:
            ran = await self._working.run(lambda watch: task())
        finally:
            self._looking.deactivate()
            self._progress.text = ""
        if ran is not None:
            self._done.text = _said(ran)
            with self._outcome:
                outcome_facts(ran.outcome)
        await self.show()

    async def _look(self) -> None:
        """Say how far the newest try of the chosen job is."""
        job = str(self._job.value)

        def newest(session: Session) -> list[JobAttempt]:
            return jobs.attempts(session, job=job, state=rules.RUNNING, limit=1)

        found = await self._desk.signed.read(newest)
        self._progress.text = found[0].progress if found else ""


def job_name(job: str) -> str:
    """A job's name in the page's language."""
    return say(JOB_NAMES[job]) if job in JOB_NAMES else job


def due_words(one: Scheduled) -> str:
    """When a job comes due, in words."""
    if one.hour is None:
        return say("every hour at minute {minute}", minute=one.minute)
    at = f"{one.hour:02}:{one.minute:02}"
    if one.weekday is None:
        return say("every day at {time}, {zone}", time=at, zone=one.time_zone)
    return say("every {day} at {time}, {zone}", day=say(DAYS[one.weekday]), time=at, zone=one.time_zone)


DAYS: Final = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
}


def _said(ran: Ran) -> str:
    if ran.again:
        return say("{slot} was done before: nothing is changed. This came of it:", slot=ran.slot)
    if ran.dry:
        return say("Tried for {slot}: nothing is changed. This would come of it:", slot=ran.slot)
    return say("Done for {slot}. This came of it:", slot=ran.slot)


def outcome_facts(outcome: dict[str, Any]) -> None:
    """What came of a run, as the service keeps it: its own names and figures, long lists by their length."""
    if not outcome:
        text("p", say("It changed nothing and has nothing to tell."))
        return
    facts([(name.replace("_", " "), f"en:{_brief(value)}") for name, value in outcome.items()])


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_brief(one)}" for name, one in value.items()) or "-"
    if isinstance(value, list):
        return f"{len(value)}: {json.dumps(value, ensure_ascii=False)[:300]}" if value else "0"
    return "-" if value in ("", None) else str(value)
