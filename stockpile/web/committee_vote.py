"""Voting on a proposal, abstaining, or stepping back: a reason, a second look, and it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from nicegui import ui
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.governance.committee import operations, rules
from stockpile.web.acting import Done, fresh_key, given_text, once
from stockpile.web.committee_reading import Case
from stockpile.web.committee_words import CAPACITIES, named, pressing, time_left, titled
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, instant, ngettext, number, say
from stockpile.web.working import Working

REASON: Final = N_("Reason, in public")
STEP_BACK: Final = "recuse"
CHOICES: Final = {
    rules.FOR: N_("Vote for it"),
    rules.AGAINST: N_("Vote against it"),
    rules.ABSTAIN: N_("Abstain"),
    STEP_BACK: N_("Step back: an interest of ours is touched"),
}
RATIFYING: Final = CHOICES | {rules.FOR: N_("Ratify it"), rules.AGAINST: N_("Do not ratify it")}
SURE: Final = {
    rules.FOR: N_("You vote FOR this:"),
    rules.AGAINST: N_("You vote AGAINST this:"),
    rules.ABSTAIN: N_("You ABSTAIN on this:"),
    STEP_BACK: N_("You STEP BACK from this vote:"),
}


class VotePart:
    """The vote of whoever looks: asked for while it is theirs to give, otherwise why it is not."""

    def __init__(self, signed: SignedIn, found: Case, changed: Callable[[], Awaitable[None]]) -> None:
        self.found = found
        self._signed, self._changed, self._key = signed, changed, fresh_key()
        with ui.element("section").classes("panel vote") as panel:
            panel.props("id=vote")
            text("h2", say("Your vote"))
            self._clock = text("p", "").classes("clock")
            self._asking = ui.element("div").classes("column-of-fields")
            self._working = Working(signed)
            self._done = text("p", "").props("role=status").classes("done")
        with ui.dialog() as self._dialog, ui.card().classes("sure"):
            self._sure = ui.element("div").classes("sure-words")
            with ui.element("div").classes("asking"):
                button(say("Yes, this is our vote"), self._cast, main=True)
                button(say("Not yet"), self._dialog.close)
        self.show(found)

    def show(self, found: Case) -> None:
        """Show what is left to vote, as the proposal stands now."""
        self.found = found
        deadline, state = found.proposal.deadline, found.proposal.state
        self._clock.set_visibility(deadline is not None and state in rules.VOTED_ON)
        if deadline is not None:
            zone = found.region.time_zone
            self._clock.text = f"{time_left(deadline, found.now)} ({instant(deadline, zone)})"
            self._clock.classes("pressing" if pressing(deadline, found.now) else "")
        self._asking.clear()
        with self._asking:
            if found.free:
                self._ask()
            else:
                text("p", why_not(found))

    def _ask(self) -> None:
        words = RATIFYING if self.found.emergency else CHOICES
        voices = [self.found.members[code].name for code in self.found.free]
        text("p", _for_whom(voices))
        self._choice = ui.radio({code: say(one) for code, one in words.items()}).classes("choice")
        self._choice.props["aria-label"] = say("Your vote")
        self._reason = ui.input(say(REASON)).props("outlined maxlength=2000").classes("wide")
        self._only = None
        if len(self.found.free) > 1:
            options = {code: self.found.members[code].name for code in self.found.free}
            self._only = ui.select(options, multiple=True, with_input=True, label=say("Only for (empty: for all)"))
            self._only.props("outlined dense options-dense use-chips").classes("wide")
        button(say("Look at it once more"), self._look_again, main=True)

    def _look_again(self) -> None:
        """The second look: what is about to be said, for whom; nothing is sent yet."""
        self._done.text = ""
        self._working.refuse("")
        if not self._choice.value:
            self._working.refuse(N_("Choose one of the four first."))
            return
        if not self._reason.value.strip():
            self._working.refuse(N_("Give the reason: it stands beside your vote for everybody."))
            return
        self._sure.clear()
        with self._sure:
            self._sure_words()
        self._dialog.open()

    def _sure_words(self) -> None:
        found, chosen = self.found, self._chosen()
        people = sum(one.weight for one in found.electors if one.member_code in chosen)
        text("h2", say(SURE[self._choice.value]))
        asked = found.proposal
        text("p", titled(asked.title, asked.operation, asked.subject, state=asked.state)).classes("headline")
        text("p", _for_whom([found.members[code].name for code in chosen]))
        text("p", say("They have {people} inhabitants.", people=number(people)))
        text("p", say("Reason: {reason}", reason=self._reason.value.strip()))
        text("p", say("This is final: nobody can take it back or change it.")).classes("refusal")

    def _chosen(self) -> list[str]:
        return sorted(self._only.value) if self._only is not None and self._only.value else self.found.free

    async def _cast(self) -> None:
        self._dialog.close()
        choice, only, typed = self._choice.value, self._chosen(), self._reason.value
        done = await self._working.run(lambda watch: self._given(choice, typed, only))
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        await self._changed()
        self._done.text = say("Done: it is written down, and counted below.")

    def _given(self, choice: str, typed: str, only: list[str]) -> Done:
        """The vote, or the stepping back, as over HTTP."""
        reason = given_text(REASON, typed)
        path = f"/api/v1/committee/proposals/{self.found.number}"
        if choice == STEP_BACK:
            return self._once(f"{path}/recusals", {"reason": reason, "members": only}, operations.recuse, reason, only)
        asked = {"choice": choice, "reason": reason, "members": only}
        return self._once(f"{path}/votes", asked, operations.vote, reason, only, choice=choice)

    def _once(
        self, path: str, asked: dict[str, Any], operation: Any, reason: str, only: list[str], **more: str
    ) -> Done:
        def work(session: Session, act: Act) -> Any:
            return operation(session, act, number=self.found.number, reason=reason, only=only, **more)

        return once(self._signed, path, asked, work, key=self._key)


def _for_whom(names: list[str]) -> str:
    if len(names) <= 3:
        return say("For {names}.", names=", ".join(sorted(names)))
    return ngettext("For {n} municipality.", "For {n} municipalities.", len(names))


def why_not(found: Case) -> str:
    """Why whoever looks has no vote to give here, in words."""
    state = found.proposal.state
    if state in (rules.DRAFT, rules.TABLED):
        return say("The vote is not open yet: a member of the committee opens it.")
    if not found.voted_on:
        return say("The vote is over.")
    if not found.own:
        return say("Your account has no seat: you can read everything here, and not vote.")
    if found.proposal.proposed_by == found.account:
        return say("You proposed this: others vote on it.")
    given = [one for one in found.votes if one.member_code in found.own]
    if given:
        by = ", ".join(sorted({named(CAPACITIES, one.capacity) for one in given}))
        return say("Your vote is given ({by}). It stands below with its reason.", by=by)
    return say("The municipalities that you speak for have stepped back, or had no vote when this was opened.")
