"""The accounts of this installation: who there is, and a form for one more."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui
from sqlmodel import Session

from stockpile.actor import Act, Grant
from stockpile.errors import Invalid
from stockpile.governance import operations, queries
from stockpile.governance.operations import SignInRefused
from stockpile.governance.rules import ROLES, SCHEDULER
from stockpile.web.acting import fresh_key, given_text, once, role_names
from stockpile.web.desk import figures
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn, ended
from stockpile.web.speech import N_, retold, say
from stockpile.web.working import show_refusal

ROLE_NAMES: Final = {
    "logistics": N_("logistics: receives, picks, counts"),
    "coordinator": N_("coordinator: declares a surge, validates, plans"),
    "committee": N_("committee: votes, approves"),
    "buyer": N_("buyer: orders under contracts"),
    "requester": N_("requester: asks for municipalities"),
    "pharmacist": N_("pharmacist: releases, recalls"),
    "auditor": N_("auditor: looks into everything"),
    "administrator": N_("administrator: accounts and set-up"),
    "supplier": N_("supplier: sees own orders"),
}
FIRST_ROLE: Final = "logistics"
MOST_LISTED: Final = 60


class PeoplePart:
    """Accounts with their roles, and a form to add one; closed until there is a region."""

    def __init__(self, signed: SignedIn, *, open_: bool) -> None:
        self._signed = signed
        if not open_:
            text("p", say("Once the region is loaded, accounts are made here.")).classes("quiet")
            return
        text("p", say("With an account for logistics, the storeroom records the first receipt."))
        self._listed = ui.element("div")
        self._form()
        self._refused = ui.element("div").props("role=alert")
        self._made = text("p", "").classes("done").props("role=status")
        ui.timer(0, self._show, once=True)

    def _form(self) -> None:
        with ui.element("div").classes("asking"):
            self._name = ui.input(say("Name to sign in with")).props("outlined dense maxlength=60 autocomplete=off")
            self._title = ui.input(say("What it stands for")).props("outlined dense maxlength=100")
            roles = {role: say(ROLE_NAMES[role]) for role in ROLE_NAMES}
            self._role = ui.select(roles, value=FIRST_ROLE, label=say("Role")).props("outlined dense")
            self._member = ui.input(say("Only for (code of a municipality or supplier)")).props("outlined dense")
            self._password = ui.input(say("First password"), password=True)
            self._password.props("outlined dense autocomplete=new-password")
            button(say("Add the account"), self._add, main=True)

    async def _show(self) -> None:
        found = await self._signed.read(_accounts)
        rows = [(name, retold(role_names(roles)), title) for name, roles, title in found]
        self._listed.clear()
        with self._listed:
            figures(
                (say("Account"), say("Roles"), say("What it stands for")), rows, title=say("Accounts"), words=(1, 2)
            )

    async def _add(self) -> None:
        member = self._member.value.strip() or None
        asked = {"name": self._name.value.strip(), "role": self._role.value, "member": member or ""}
        title, password = self._title.value, self._password.value

        def work(session: Session, act: Act) -> dict[str, Any]:
            title_ = given_text(say("What it stands for"), title) if title.strip() else asked["name"]
            grants = [Grant(str(asked["role"]), member)]
            _refuse_no_password(password)
            made = operations.add_account(
                session, act, name=str(asked["name"]), title=title_, password=password, grants=grants
            )
            return {"name": made.name}

        key = fresh_key()
        try:
            done = await self._signed.work(lambda: once(self._signed, "/first-run/accounts", asked, work, key=key))
        except SignInRefused:
            ended(self._signed.name)
            return
        assert done is not None, "a process that is not stopping"
        self._refused.clear()
        self._made.text = "" if done.refusal else say("The account {name} is there.", name=str(asked["name"]))
        if done.refusal:
            with self._refused:
                show_refusal(done.refusal)
            return
        self._name.value = self._title.value = self._password.value = self._member.value = ""
        await self._show()


def _refuse_no_password(password: str) -> None:
    """Without a password an account could not sign in; the shortest length is the operation's to judge."""
    if not password:
        raise Invalid("a password needs at least 8 characters", field="password")


def _accounts(session: Session) -> list[tuple[str, list[str], str]]:
    found = []
    for account in queries.accounts(session)[:MOST_LISTED]:
        roles = sorted({grant.role for grant in queries.actor_of(session, account).grants})
        if roles and roles != [SCHEDULER]:
            found.append((account.name, roles, account.title))
    return found


assert set(ROLE_NAMES) | {SCHEDULER} == set(ROLES), "a role that has no words"
