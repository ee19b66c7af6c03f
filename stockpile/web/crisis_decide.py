"""From a plan to lorries: who computed it, computing it again, another person's approval, and the papers."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.allocation import approval, queries, rules
from stockpile.allocation.planning import Watch
from stockpile.allocation.tables import Override
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.web.acting import Done, fresh_key, known_caller, once
from stockpile.web.crisis_begin import computed
from stockpile.web.crisis_papers import DISPATCH, PICK
from stockpile.web.crisis_reading import PlanView
from stockpile.web.crisis_room import Room
from stockpile.web.crisis_rules import method_name, state_name
from stockpile.web.parts import button, text
from stockpile.web.speech import instant, ngettext, number, say
from stockpile.web.working import Working

TRANSFER_STATES = ("approved", "dispatched", "received", "discrepancy", "cancelled")


class DecidePart:
    """What the plan means, who may decide, and what comes of it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._key = fresh_key()
        with ui.element("section").classes("panel wide-panel"):
            text("h2", say("Decide and dispatch"))
            self._facts = ui.element("div")
            self._buttons = ui.element("div").classes("asking")
            self._working = Working(room.signed)
            self._done = text("p", "").props("role=status").classes("done")
            self._overrides = ui.element("div")
            text("h3", say("Papers"))
            self._papers = ui.element("p").classes("asking")
        with ui.dialog() as self._dialog, ui.card().classes("sure"):
            self._sure = text("p", "")
            with ui.element("div").classes("asking"):
                button(say("Approve now"), self._approve, main=True)
                button(say("Not yet"), self._dialog.close)

    async def show(self) -> None:
        """Show the plan that is looked at as it stands now."""
        number_ = self._room.plan
        found = await self._room.signed.read(
            lambda session: _standing(session, self._room.signed.act(session), number_)
        )
        self._tell(found)
        self._papers.clear()
        with self._papers:
            ui.link(say("Pick lists, one per depot"), f"{PICK}?plan={number_}")
            ui.link(say("Dispatch notes, one per depot and place"), f"{DISPATCH}?plan={number_}")

    def _tell(self, found: dict[str, Any]) -> None:
        view, zone, plan = self._room.view, self._room.zone, self._room.view.plan
        facts = ", ".join((state_name(found["state"]), method_name(plan.method)))
        made = say("Computed by {who} on {when}.", who=found["planned_by"], when=instant(plan.planned_at, zone))
        proven = say("An independent check proved that this plan keeps the rule.")
        lines = [
            made,
            proven if plan.fair or plan.kept else say("It is NOT proven that this plan keeps its rule."),
            _size(view),
        ]
        if view.approved_by and plan.approved_at:
            when = instant(plan.approved_at, zone)
            lines.append(say("It was approved by {who} on {when}.", who=view.approved_by, when=when))
        if found["transfers"]:
            lines.append(say("Transfers: {counts}", counts=_counts(found["transfers"])))
        self._facts.clear()
        with self._facts:
            text("p", say("Plan {number}: {facts}", number=str(plan.id), facts=facts)).classes("headline")
            for line in lines:
                text("p", line)
            if found["asked"] or found["gone"]:
                text("p", _since(found["asked"], found["gone"])).classes("refusal")
        self._offer(found)

    def _offer(self, found: dict[str, Any]) -> None:
        """The buttons that the plan's state leaves; who may press them is judged by the operation itself."""
        self._buttons.clear()
        with self._buttons:
            if found["state"] == rules.COMPUTED:
                button(say("Approve"), self._ask, main=True)
                note = say(
                    "A member of the committee who computed none of it and made none of its requests approves it."
                )
                text("span", note).classes("quiet")
            if self._room.view.plan.surge_id in self._room.opening.open_surges:
                button(say("Compute a plan of the open requests"), self._compute)
        self._overrides.clear()
        with self._overrides:
            for one in found["overrides"]:
                self._override(one)

    def _override(self, one: Override) -> None:
        with ui.element("div").classes("asking"):
            change = say(
                "Override {number}: line {line} from {old} to {new}, because: {why}",
                number=str(one.id),
                line=str(one.plan_line_id),
                old=number(one.old_quantity),
                new=number(one.new_quantity),
                why=one.reason,
            )
            text("span", change)
            if one.confirmed_by is None:
                button(say("Confirm"), lambda: self._confirm(one.id or 0))

    def _ask(self) -> None:
        view = self._room.view
        depots = len({line.site for line in view.lines})
        self._sure.text = say(
            "Approve plan {plan}? {packs} packs in {depots} depots are reserved at once for the municipalities of the "
            "plan, and the depots may pick them. Your name stands under it.",
            plan=str(self._room.plan),
            packs=number(sum(line.packs for line in view.lines)),
            depots=number(depots),
        )
        self._dialog.open()

    async def _approve(self) -> None:
        self._dialog.close()
        plan, key = self._room.plan, self._key
        await self._finish(await self._working.run(lambda watch: self._approved(plan, key)), plan)

    def _approved(self, plan: int, key: str) -> Done:
        """As over HTTP: a plan whose ground has changed is computed again first, and the refusal names the new one."""
        room = self._room
        caller = known_caller(room.signed, room.limit_seconds)
        require(caller.actor, "plan.approve")
        approval.recompute_if_stale(
            room.signed.engine, caller.system_act(), plan_number=plan, limit_seconds=room.limit_seconds
        )

        def work(session: Session, act: Act) -> Any:
            made = approval.approve(session, act, plan_number=plan)
            return {"plan": plan, "state": "approved", "transfers": [transfer.id for transfer in made]}

        return once(room.signed, f"/api/v1/plans/{plan}/approve", {}, work, key=key)

    async def _compute(self) -> None:
        surge, key = self._room.view.plan.surge_id, self._key
        room = self._room
        done = await self._working.run(
            lambda watch: computed(room.signed, surge, key, watch, limit_seconds=room.limit_seconds)
        )
        await self._finish(done, done.body.get("id", self._room.plan) if done else self._room.plan)

    async def _confirm(self, override: int) -> None:
        key = self._key

        def task(watch: Watch) -> Done:
            def work(session: Session, act: Act) -> Any:
                return approval.confirm_override(session, act, number=override)

            return once(self._room.signed, f"/api/v1/overrides/{override}/confirm", {}, work, key=key)

        await self._finish(await self._working.run(task), self._room.plan)

    async def _finish(self, done: Done | None, plan: int) -> None:
        """Say what became of it; the next press of a button is a new one."""
        self._done.text = ""
        if done is None:
            return
        self._key = fresh_key()
        await self._room.reload(plan if not done.refusal else self._room.plan)
        if done.refusal:
            self._working.refuse(done.refusal)
        else:
            self._done.text = say("Done.")


def _size(view: PlanView) -> str:
    """How large a plan is, in words."""
    lines = ngettext("{n} line", "{n} lines", len(view.lines))
    packs = ngettext("{n} pack", "{n} packs", sum(line.packs for line in view.lines))
    depots = ngettext("{n} depot", "{n} depots", len({line.site for line in view.lines}))
    return f"{lines}, {packs}, {depots}."


def _since(asked: int, gone: int) -> str:
    """What a waiting plan does not know of."""
    return say(
        "Since this plan was computed {asked} requests came and {gone} of its requests were closed. Compute it again.",
        asked=number(asked),
        gone=number(gone),
    )


def _standing(session: Session, act: Act, plan: int) -> dict[str, Any]:
    """The plan's state, what it does not know of, its overrides and its transfers."""
    found = queries.plan(session, plan)
    waits = found.state == rules.COMPUTED
    names = {account.id: account.name for account in governance.accounts(session)}
    return {
        "state": found.state,
        "planned_by": names[found.planned_by],
        "asked": len(queries.asked_since(session, found, at=act.at)) if waits else 0,
        "gone": len(queries.gone_since(session, plan)) if waits else 0,
        "overrides": queries.overrides(session, plan),
        "transfers": [one.state for one in inventory.transfers(session, source=f"plan:{plan}")],
    }


def _counts(states: list[str]) -> str:
    words = {
        "approved": say("reserved"),
        "dispatched": say("on the way"),
        "received": say("received"),
        "discrepancy": say("received with a difference"),
        "cancelled": say("cancelled"),
    }
    return ", ".join(f"{number(states.count(one))} {words[one]}" for one in TRANSFER_STATES if one in states)
