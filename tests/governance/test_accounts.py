"""Accounts, sign-ins and the region's clock."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act, Actor, Grant
from stockpile.db import reading, transact
from stockpile.errors import Conflict, Invalid
from stockpile.governance import operations, passwords, queries
from stockpile.governance.attempts import Attempts, TooManyAttempts
from stockpile.governance.operations import NameTaken, SignInRefused
from stockpile.governance.passwords import CommonPassword
from stockpile.governance.rules import Missing
from stockpile.governance.tables import Account, Member, Token
from stockpile.journal import JournalEntry
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

FOUNDER = acting(operations.founder())
PASSWORD = "eight or more"
ANNA = [Grant("requester", member="NL-7"), Grant("logistics", site="H-NL")]


@pytest.fixture(autouse=True)
def members(engine: Engine) -> None:
    """A member to have a role for; no region is loaded."""
    place = {"country": "NL", "parent": "Limburg", "latitude": 50.8, "longitude": 6.0}
    row = Member(code="NL-7", name="Vaals", population=10000, population_year=2020, **place)
    transact(engine, lambda session: session.add(row))


def added(engine: Engine, name: str = "anna", *, password: str = PASSWORD, act: Act = FOUNDER) -> Account:
    """A new account."""
    given = {"name": name, "title": name, "password": password, "grants": ANNA}
    return transact(engine, lambda session: operations.add_account(session, act, **given))


def checked(engine: Engine, name: str, password: str) -> Account:
    """Sign in."""
    return transact(engine, lambda session: operations.check_password(session, name=name, password=password))


def test_an_account_signs_in_with_its_password_and_acts_with_its_grants(engine: Engine) -> None:
    added(engine)
    account = checked(engine, "anna", PASSWORD)
    with reading(engine) as session:
        assert queries.actor_of(session, account) == Actor(account.id or 0, "anna", tuple(ANNA))
        assert account.password_hash.startswith("$argon2id$")


def test_a_wrong_password_and_an_unknown_name_get_the_same_refusal(engine: Engine) -> None:
    added(engine)
    added(engine, "robot", password="")
    gone = added(engine, "gone")

    def leave(session: Session) -> None:
        session.get_one(Account, gone.id).active = False

    transact(engine, leave)
    said = set()
    for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("robot", ""), ("gone", PASSWORD), ("anna", "")):
        with pytest.raises(SignInRefused) as refused:
            checked(engine, name, password)
        said.add((refused.value.code, refused.value.message, tuple(refused.value.facts)))
    assert len(said) == 1


@pytest.mark.parametrize("password", ["x", "seven77"])
def test_a_password_shorter_than_eight_characters_is_refused(engine: Engine, password: str) -> None:
    with pytest.raises(Invalid, match="at least 8 characters"):
        added(engine, password=password)


@pytest.mark.parametrize("password", ["password1", "PassWord1", "1q2w3e4r5t", "liverpool1"])
def test_a_password_that_everybody_tries_first_is_refused(engine: Engine, password: str) -> None:
    with pytest.raises(CommonPassword, match="tried first"):
        added(engine, password=password)
    account = added(engine)
    with pytest.raises(CommonPassword):
        do(engine, operations.reset_password, FOUNDER, name=account.name, new=password)


@pytest.mark.parametrize("password", ["Stockpile2020", "annabella-1", "1-AnnaBella-2", "stockpile annabella"])
def test_a_password_of_hardly_more_than_the_names_of_this_place_is_refused(engine: Engine, password: str) -> None:
    with pytest.raises(Invalid, match="beside names and words"):
        added(engine, "annabella", password=password)
    added(engine, "annabella", password=f"{password}, and eight more")


def test_the_passwords_that_are_tried_first_are_many_and_the_commonest_is_among_them() -> None:
    assert len(passwords.common()) > 3000
    assert {"12345678", "password", "qwertyuiop"} <= passwords.common()
    assert min(map(len, passwords.common())) >= passwords.SHORTEST


def test_a_name_is_taken_once(engine: Engine) -> None:
    added(engine)
    with pytest.raises(NameTaken):
        added(engine)


def test_a_role_that_does_not_exist_is_refused(engine: Engine) -> None:
    given = {"name": "anna", "title": "Anna", "password": "", "grants": [Grant("mayor")]}
    with pytest.raises(Invalid, match="there is no role mayor"):
        transact(engine, lambda session: operations.add_account(session, FOUNDER, **given))


def test_only_an_administrator_adds_accounts(engine: Engine) -> None:
    with pytest.raises(Missing):
        added(engine, act=acting(Actor(1, "ben", (Grant("coordinator"),))))


def test_a_new_account_is_in_the_journal_and_its_password_is_not(engine: Engine) -> None:
    added(engine)
    with reading(engine) as session:
        [entry] = list(journal.entries(session, action="account.add"))
    assert (entry.subject, entry.actor_name) == ("account:anna", "installation")
    assert entry.payload == '{"grants":[["requester","NL-7",""],["logistics","","H-NL"]]}'


def token(engine: Engine, account: Account) -> str:
    """A sign-in of two hours."""
    return transact(engine, lambda session: operations.issue_token(session, account, real_now=NOW, hours=2))[0]


def holder(engine: Engine, secret: str, *, after_hours: float = 0) -> str:
    """Whose token it is."""
    at = NOW + timedelta(hours=after_hours)
    with reading(engine) as session:
        return operations.actor_of_token(session, secret, real_now=at).name


def test_a_token_ends_at_its_hour(engine: Engine) -> None:
    secret = token(engine, added(engine))
    assert holder(engine, secret, after_hours=1.99) == "anna"
    with pytest.raises(SignInRefused):
        holder(engine, secret, after_hours=2)


def test_a_token_that_was_revoked_or_never_given_is_refused_alike(engine: Engine) -> None:
    secret = token(engine, added(engine))
    other = token(engine, added(engine, "ben"))
    transact(engine, lambda session: operations.revoke_token(session, secret))
    transact(engine, lambda session: operations.revoke_token(session, "never given"))
    for bad in (secret, "never given", ""):
        with pytest.raises(SignInRefused, match="unknown, ended or revoked"):
            holder(engine, bad)
    assert holder(engine, other) == "ben"


def test_a_token_dies_with_its_account(engine: Engine) -> None:
    account = added(engine)
    secret = token(engine, account)

    def leave(session: Session) -> None:
        session.get_one(Account, account.id).active = False

    transact(engine, leave)
    with pytest.raises(SignInRefused):
        holder(engine, secret)


def test_the_secret_of_a_token_is_not_kept(engine: Engine) -> None:
    secret = token(engine, added(engine))
    with reading(engine) as session:
        [row] = session.exec(select(Token)).all()
    assert secret not in row.model_dump_json()


def test_the_clock_of_a_simulated_region_only_goes_forward(region: Engine) -> None:
    def turn(hours: float) -> None:
        transact(region, lambda session: operations.set_clock(session, acting(operations.founder(), after_hours=hours)))

    turn(24)
    with pytest.raises(Conflict, match="only goes forward"):
        turn(23)
    with reading(region) as session:
        assert queries.effective_now(session, real_now=NOW) == NOW + timedelta(hours=24)


def test_the_clock_is_moved_by_who_may_and_the_journal_tells_who_and_from_when(region: Engine, cast: Cast) -> None:
    for name in ("logistics", "committee", "auditor"):
        with pytest.raises(Missing, match=r"may not clock\.set"):
            do(region, operations.set_clock, acting(cast[name], after_hours=1))
    for hours in (1, 3):
        do(region, operations.set_clock, acting(cast["coordinator"], after_hours=hours))
    with reading(region) as session:
        rows = session.exec(select(JournalEntry).where(JournalEntry.action == "clock.set")).all()
    assert [one.actor_id for one in rows] == [cast["coordinator"].id] * 2
    told = json.loads(rows[1].payload)
    assert told == {"from": (NOW + timedelta(hours=1)).isoformat(), "to": (NOW + timedelta(hours=3)).isoformat()}


def test_a_real_region_follows_the_real_clock(region: Engine) -> None:
    def make_real(session: Session) -> None:
        found = queries.region(session)
        found.simulated, found.simulated_now = False, None

    transact(region, make_real)
    with pytest.raises(Conflict, match="only a simulated region"):
        transact(region, lambda session: operations.set_clock(session, FOUNDER))
    with reading(region) as session:
        assert queries.effective_now(session, real_now=NOW + timedelta(days=9)) == NOW + timedelta(days=9)


def test_the_day_of_the_region_begins_at_its_own_midnight(region: Engine) -> None:
    with reading(region) as session:
        assert queries.local_day(session, datetime(2020, 3, 29, 21, 59, tzinfo=UTC)) == date(2020, 3, 29)
        assert queries.local_day(session, datetime(2020, 3, 29, 22, 0, tzinfo=UTC)) == date(2020, 3, 30)


def test_an_installation_without_a_region_says_so(engine: Engine) -> None:
    with reading(engine) as session, pytest.raises(queries.NoRegion, match="no region is loaded yet"):
        queries.region(session)


@pytest.mark.parametrize("name", ["an:na", " anna", "anna ", "", "   ", "an\nna"])
def test_a_name_that_no_sign_in_can_send_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(Invalid, match="without a colon"):
        added(engine, name)


def test_a_role_for_a_member_that_does_not_exist_is_refused(engine: Engine) -> None:
    given = {"name": "anna", "title": "anna", "password": PASSWORD, "grants": [Grant("requester", member="NL-99")]}
    with pytest.raises(queries.UnknownMember, match="NL-99"):
        transact(engine, lambda session: operations.add_account(session, FOUNDER, **given))


def signed_in(engine: Engine, account: Account) -> str:
    """A token of this account."""
    return transact(engine, lambda session: operations.issue_token(session, account, real_now=NOW, hours=1))[0]


def test_another_password_ends_every_sign_in_and_the_old_one_is_worth_nothing(engine: Engine) -> None:
    account = added(engine)
    token = signed_in(engine, account)
    given = {"name": "anna", "new": "something longer"}
    with pytest.raises(Invalid, match="at least 8"):
        transact(engine, lambda session: operations.reset_password(session, FOUNDER, name="anna", new="short"))
    transact(engine, lambda session: operations.reset_password(session, FOUNDER, **given))
    with pytest.raises(SignInRefused), reading(engine) as session:
        operations.actor_of_token(session, token, real_now=NOW)
    with pytest.raises(SignInRefused):
        checked(engine, "anna", PASSWORD)
    assert checked(engine, "anna", "something longer").id == account.id


def test_an_account_is_switched_off_by_another_and_on_again(engine: Engine) -> None:
    account = added(engine)
    token = signed_in(engine, account)

    def switch(active: bool, act: Act = FOUNDER) -> None:
        transact(engine, lambda s: operations.set_active(s, act, name="anna", active=active, reason="left"))

    with pytest.raises(Missing):
        switch(False, acting(Actor(99, "somebody", (Grant("committee"),))))
    with pytest.raises(Conflict, match="cannot switch itself off"):
        switch(False, acting(Actor(account.id or 0, "anna", (Grant("administrator"),))))
    switch(False)
    with pytest.raises(SignInRefused), reading(engine) as session:
        operations.actor_of_token(session, token, real_now=NOW)
    with pytest.raises(SignInRefused):
        checked(engine, "anna", PASSWORD)
    with pytest.raises(Conflict, match="switched off already"):
        switch(False)
    switch(True)
    checked(engine, "anna", PASSWORD)


def test_a_name_waits_after_ten_wrong_passwords_and_no_longer_than_a_quarter_of_an_hour() -> None:
    door = Attempts()
    for minute in range(10):
        door.refuse_often("anna", real_now=NOW + timedelta(minutes=minute))
        door.wrong("anna", real_now=NOW + timedelta(minutes=minute))
    with pytest.raises(TooManyAttempts, match="try again in 5 min"):
        door.refuse_often("anna", real_now=NOW + timedelta(minutes=10))
    door.refuse_often("berta", real_now=NOW + timedelta(minutes=10))
    door.refuse_often("anna", real_now=NOW + timedelta(minutes=15))
    door.right("anna")
    door.refuse_often("anna", real_now=NOW + timedelta(minutes=10))
