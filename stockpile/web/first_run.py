"""Setting up: members, items, stock and contracts by file, the simulated region in one click, the first accounts."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.governance import queries as governance
from stockpile.governance.rules import RIGHTS
from stockpile.governance.tables import Region
from stockpile.region import drafting
from stockpile.region.drafting import Draft
from stockpile.web import frame
from stockpile.web.acting import without_right
from stockpile.web.entering import entered
from stockpile.web.first_run_demo import Demonstration, DemoPart
from stockpile.web.first_run_files import STEP_NAMES, FilesPart, LoadPart, RegionPart
from stockpile.web.first_run_people import PeoplePart
from stockpile.web.parts import text
from stockpile.web.places import FIRST_RUN
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import say

DONE, NEXT, LATER = "done", "next", "later"
PEOPLE = "people"


async def first_run_page(engine: Engine, demonstration: Demonstration) -> RedirectResponse | None:
    """The set-up for an administrator; everyone else goes to the form, or is told whose it is."""
    signed, again = await entered(engine, FIRST_RUN)
    if signed is None:
        return again
    region, standing = await signed.read(_standing)
    frame.header(signed, region, region.simulated_now or datetime.now(UTC) if region else datetime.now(UTC))
    if not RIGHTS["region.import"] & signed.roles:
        frame.empty(say("This screen is not for your account"), without_right("region.import"))
        return None
    page = SetUp(signed, standing, demonstration)
    await page.begin()
    return None


def _standing(session: Session) -> tuple[Region | None, Draft]:
    try:
        region: Region | None = governance.region(session)
    except governance.NoRegion:
        region = None
    return region, drafting.draft(session)


class SetUp:
    """The steps one below the other, each told done, next or later, and what is done at each."""

    def __init__(self, signed: SignedIn, standing: Draft, demonstration: Demonstration) -> None:
        self._signed, self._standing, self._demonstration = signed, standing, demonstration
        with ui.element("main").classes("desk first-run"):
            text("h2", say("Set up this installation"))
            self._lead = text("p", "").props("role=status")
            if not standing.loaded or demonstration.running:
                DemoPart(signed, demonstration)
            self._box = ui.element("div").classes("desk-stack")

    async def begin(self) -> None:
        """Show the steps as they stand now."""
        standing = await self._signed.read(drafting.draft)
        if standing.loaded and not self._standing.loaded:
            ui.navigate.to(FIRST_RUN)
            return
        self._standing = standing
        steps = self._states(standing)
        self._lead.text = _lead(standing, next((step for step, state in steps.items() if state == NEXT), ""))
        self._box.clear()
        with self._box:
            for place, (step, state) in enumerate(steps.items(), start=1):
                self._step(place, step, state)

    def _states(self, standing: Draft) -> dict[str, str]:
        """Each step's state; the first that is not done is next, and only what is needed holds others up."""
        states: dict[str, str] = {}
        for step in (*drafting.STEPS, "load", PEOPLE):
            done = standing.loaded if step == "load" else step != PEOPLE and standing.done(step)
            following = NEXT not in states.values() or (step == "load" and standing.ready)
            states[step] = DONE if done else NEXT if following else LATER
        return states

    def _step(self, place: int, step: str, state: str) -> None:
        names = {DONE: say("✓ done"), NEXT: say("→ next"), LATER: say("later")}
        with ui.element("section").classes(f"panel desk-stack step step-{state}"):
            with ui.element("div").classes("step-head"):
                text("h3", f"{place}. {say(STEP_NAMES[step])}")
                text("span", names[state]).classes("step-state")
            if step == PEOPLE:
                PeoplePart(self._signed, open_=self._standing.loaded)
            elif self._standing.loaded:
                return
            elif step == "load":
                LoadPart(self._signed, self._standing, self.begin)
            elif step == "region":
                RegionPart(self._signed, self._standing, self.begin)
            else:
                FilesPart(self._signed, step, self._standing, self.begin)


def _lead(standing: Draft, following: str) -> str:
    if standing.loaded:
        return say("The region is loaded. Make the accounts of the people who work here, then they sign in.")
    name = say(STEP_NAMES.get(following, ""))
    return say("Nothing is stored in the books before the last file is right. Next: {step}.", step=name)
