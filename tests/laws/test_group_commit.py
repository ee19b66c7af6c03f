"""Records that arrive together are posted together, and nobody can tell: shelves and replies are those of a queue."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance.caller import refused
from stockpile.governance.tables import Account
from stockpile.idempotency import Asked, KeyReused, Reply, StoredReply
from stockpile.inventory import ledger, recording, rules
from stockpile.inventory.grouping import Ask, Group, settle
from stockpile.inventory.recording import ADJUST, SET_ASIDE, Line
from stockpile.inventory.tables import Movement, Posting
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import account, faults, lot_id, shelves, take_in
from tests.laws.parallel import at_once, kinds

ROOT = Path(__file__).parents[2]
GONE = psycopg.OperationalError("connection refused")


class Clerk:
    """Somebody who asks for records at lot GROUP, of which 20 stand at D-DE and 30 at D-BE."""

    def __init__(self, engine: Engine, cast: Cast) -> None:
        self.engine, self.actor = engine, cast["logistics"]
        for site, quantity in (("D-DE", 20), ("D-BE", 30)):
            take_in(engine, acting(self.actor), lot="GROUP", quantity=quantity, site=site)
        self.lot = lot_id(engine, "GROUP")

    def ask(self, key: str, *changes: int, site: str = "D-DE", kind: str = ADJUST, **given: object) -> Ask:
        """Adjust by these changes, as one posting."""
        lines = [Line(self.lot, change) for change in changes]
        asked = Asked(self.actor.id, key, f"{kind} {site} {changes}", NOW)
        posting_key = str(given.get("posting_key", f"api:{key}"))
        token = given.get("token")
        reason = str(given.get("reason", "counted"))
        return Ask(asked, self.actor, str(token) if token else None, kind, site, lines, posting_key, reason)

    def send(self, asks: Sequence[Ask]) -> list[Reply | BaseException]:
        """Send all at the same time through one group; replies and refusals in the order of the asks."""

        async def run() -> list[Reply | BaseException]:
            group = Group(self.engine, refused)
            return await asyncio.gather(*(group.post(ask) for ask in asks), return_exceptions=True)

        return asyncio.run(run())

    def shelves(self) -> dict[str, int]:
        """What is left, by site and status."""
        return {f"{shelf[1]} {shelf[3]}": quantity for shelf, quantity in shelves(self.engine, "GROUP").items()}


@pytest.fixture
def clerk(region: Engine, cast: Cast) -> Clerk:
    """A clerk before the shelves."""
    return Clerk(region, cast)


def work_of_a_day(clerk: Clerk) -> list[Ask]:
    """200 asks: takings of one and two lines, findings, goods set aside, faults, and keys that come again."""
    random, asks = Random(3), []
    for number in range(200):
        site = random.choice(("D-DE", "D-BE", "D-BE", "NOWHERE"))
        changes = [random.choice((-3, -2, -1, 2)) for _ in range(random.choice((1, 1, 2)))]
        aside = number % 17 == 0
        if aside:
            changes = [abs(change) for change in changes]
        reason = "" if number % 23 == 0 else "counted"
        again = number % 10 == 9
        key = f"day {number - 3 if again else number}"
        ask = clerk.ask(key, *changes, site=site, kind=SET_ASIDE if aside else ADJUST, reason=reason)
        asks.append(asks[-3] if again and number % 20 == 9 else ask)
    return asks


def one_by_one(clerk: Clerk, asks: Sequence[Ask]) -> tuple[list[tuple[object, ...]], Counter[str]]:
    """What a plain model of the shelves answers, and what it leaves on them."""
    shelf = Counter({"D-DE available": 20, "D-BE available": 30})
    known: dict[str, tuple[str, tuple[object, ...]]] = {}
    answers: list[tuple[object, ...]] = []
    for ask in asks:
        name, what = ask.asked.key, ask.asked.request_digest
        if name in known and known[name][0] != what:
            answers.append(("another request",))
            continue
        if name not in known:
            known[name] = (what, _modelled(ask, shelf))
        answers.append(known[name][1])
    return answers, +shelf


def _modelled(ask: Ask, shelf: Counter[str]) -> tuple[object, ...]:
    if ask.site == "NOWHERE":
        return (404, "unknown_site")
    if not ask.reason:
        return (422, "invalid")
    trial, place = Counter(shelf), f"{ask.site} available"
    for line in ask.lines:
        change = -line.quantity if ask.kind == SET_ASIDE else line.quantity
        trial[place] += change
        if trial[place] < 0:
            return (409, "not_enough_stock")
        trial[f"{ask.site} quarantine"] += line.quantity if ask.kind == SET_ASIDE else 0
    shelf.clear()
    shelf.update(trial)
    return (201, "posted")


def told(answer: Reply | BaseException) -> tuple[object, ...]:
    """An answer as the model says it."""
    if isinstance(answer, Reply):
        kind = "posted" if answer.status == 201 else answer.body["type"].rpartition(":")[2]
        return (answer.status, kind)
    assert isinstance(answer, KeyReused), answer
    return ("another request",)


def test_two_hundred_records_at_once_end_as_if_done_one_by_one(clerk: Clerk) -> None:
    asks = work_of_a_day(clerk)
    expected, left = one_by_one(clerk, asks)
    answers = clerk.send(asks)
    assert [told(answer) for answer in answers] == expected
    assert clerk.shelves() == dict(left)
    assert {kind for _, *kind in expected for kind in kind} >= {"posted", "not_enough_stock", "unknown_site", "invalid"}
    assert faults(clerk.engine) == []


def test_sent_again_they_all_get_the_same_replies_and_nothing_moves(clerk: Clerk) -> None:
    asks = [ask for ask in work_of_a_day(clerk) if ask.asked.key]
    before = clerk.send(asks)
    left = clerk.shelves()
    again = clerk.send(asks)
    bodies = [(one.status, one.body) if isinstance(one, Reply) else told(one) for one in before]
    assert [(one.status, one.body) if isinstance(one, Reply) else told(one) for one in again] == bodies
    assert all(one.repeated for one in again if isinstance(one, Reply))
    assert clerk.shelves() == left


def test_of_fifty_who_take_one_of_twenty_exactly_twenty_get_one(clerk: Clerk) -> None:
    answers = clerk.send([clerk.ask(f"take {number}", -1) for number in range(50)])
    assert Counter(told(answer) for answer in answers) == {(201, "posted"): 20, (409, "not_enough_stock"): 30}
    assert "D-DE available" not in clerk.shelves()
    assert faults(clerk.engine) == []


def test_five_processes_that_group_for_themselves_never_take_more_than_there_is(clerk: Clerk) -> None:
    batches = [[clerk.ask(f"take {hand} {number}", -1) for number in range(10)] for hand in range(5)]
    outcomes = at_once([lambda batch=batch: clerk.send(batch) for batch in batches])  # type: ignore[misc]
    answers = [answer for outcome in outcomes if isinstance(outcome, list) for answer in outcome]
    assert Counter(told(answer) for answer in answers) == {(201, "posted"): 20, (409, "not_enough_stock"): 30}
    assert faults(clerk.engine) == []


def test_a_key_twice_in_one_batch_posts_once_and_both_get_its_reply(clerk: Clerk) -> None:
    first, again, other = clerk.send([clerk.ask("a", -5), clerk.ask("a", -5), clerk.ask("a", -6)])
    assert isinstance(first, Reply)
    assert isinstance(again, Reply)
    assert (first.status, first.repeated, again.repeated, again.body) == (201, False, True, first.body)
    assert isinstance(other, KeyReused)
    assert clerk.shelves() == {"D-DE available": 15, "D-BE available": 30}


def test_one_key_brought_to_five_groups_at_once_posts_once(clerk: Clerk) -> None:
    asks = [clerk.ask(f"key {number}", -1) for number in range(4)]
    outcomes = at_once([lambda turn=turn: clerk.send(asks[turn:] + asks[:turn]) for turn in (0, 1, 2, 3, 0)])  # type: ignore[misc]
    answers = [answer for outcome in outcomes if isinstance(outcome, list) for answer in outcome]
    assert [told(answer) for answer in answers] == [(201, "posted")] * 20, outcomes
    assert len({answer.body["posting"] for answer in answers if isinstance(answer, Reply)}) == 4
    assert clerk.shelves()["D-DE available"] == 16
    assert faults(clerk.engine) == []


def test_a_posting_key_whose_first_bearer_was_refused_is_free_for_the_next(clerk: Clerk) -> None:
    """The head that is kept is that of the posting that was done."""
    asks = [clerk.ask(str(n), change, posting_key="same") for n, change in enumerate((-50, -5, -5))]
    answers = clerk.send(asks)
    assert [told(answer) for answer in answers] == [
        (409, "not_enough_stock"),
        (201, "posted"),
        (409, "posted_before"),
    ]
    assert clerk.shelves()["D-DE available"] == 15
    assert faults(clerk.engine) == []


def test_in_one_transaction_a_key_is_free_until_a_posting_is_done_under_it(clerk: Clerk) -> None:
    shelf, act = account(clerk.engine, "GROUP", "D-DE"), acting(clerk.actor)
    intents = [
        ledger.Intent(act, "adjustment", "same", [ledger.Move(clerk.lot, quantity, shelf, rules.LOSS, "lost")], reason)
        for quantity, reason in ((50, "first"), (5, "second"), (5, "third"))
    ]
    first, second, third = transact(clerk.engine, lambda session: ledger.post_each(session, intents))
    assert isinstance(first, ledger.NotEnough)
    assert isinstance(second, int)
    assert isinstance(third, ledger.PostedBefore)
    with reading(clerk.engine) as session:
        assert [row.reason for row in session.exec(select(Posting).where(Posting.key == "same"))] == ["second"]
    assert faults(clerk.engine) == []


def test_what_breaks_one_record_leaves_the_others_alone(clerk: Clerk) -> None:
    """An unknown kind is our bug: it fails its own ask, the others are posted one at a time."""
    good, bad, also = clerk.send([clerk.ask("a", -1), clerk.ask("b", -1, kind="unheard of"), clerk.ask("c", -1)])
    assert [told(one) for one in (good, also)] == [(201, "posted")] * 2
    assert isinstance(bad, KeyError)
    assert clerk.shelves()["D-DE available"] == 18
    assert faults(clerk.engine) == []


@pytest.mark.parametrize(
    ("first", "tried"),
    [(psycopg.errors.DeadlockDetected(), [5, 1]), (psycopg.errors.AdminShutdown(), [5]), (GONE, [5])],
    ids=["a deadlock, then the database goes", "the server ends the session", "the database is away"],
)
def test_where_the_database_goes_away_nobody_waits_for_it_after_another(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch, first: psycopg.Error, tried: list[int]
) -> None:
    sizes: list[int] = []

    def commit(_engine: Engine, asks: Sequence[Ask], _refuse: object) -> None:
        sizes.append(len(asks))
        raise OperationalError("COMMIT", {}, first if len(sizes) == 1 else GONE)

    monkeypatch.setattr("stockpile.inventory.grouping.commit", commit)
    answers = clerk.send([clerk.ask(f"away {n}", -1) for n in range(5)])
    assert [isinstance(one, OperationalError) for one in answers] == [True] * 5
    assert sizes == tried
    assert clerk.shelves()["D-DE available"] == 20


def test_a_sign_in_that_ended_a_moment_ago_posts_nothing_and_keeps_no_reply(clerk: Clerk) -> None:
    def sign_in(session: object) -> str:
        holder = session.get_one(Account, clerk.actor.id)  # type: ignore[attr-defined]
        return governance.issue_token(session, holder, real_now=NOW, hours=1)[0]  # type: ignore[arg-type]

    good, ended = (transact(clerk.engine, sign_in) for _ in range(2))
    transact(clerk.engine, lambda session: governance.revoke_token(session, ended))
    tokens = [governance.token_digest(secret) for secret in (good, ended)]
    granted, denied = clerk.send([clerk.ask(token, -1, token=token) for token in tokens])
    assert told(granted) == (201, "posted")
    assert isinstance(denied, governance.SignInRefused)
    assert clerk.shelves()["D-DE available"] == 19
    with reading(clerk.engine) as session:
        assert [row.key for row in session.exec(select(StoredReply))] == [tokens[0]]


def test_the_plain_path_and_the_fast_path_write_the_same_rows(clerk: Clerk) -> None:
    shelf, act = account(clerk.engine, "GROUP", "D-BE"), acting(clerk.actor)
    move = ledger.Move(clerk.lot, 2, shelf, rules.LOSS, "adjustment")
    transact(
        clerk.engine, lambda s: ledger.post(s, act, kind="adjustment", key="plain", moves=[move], reason="counted")
    )
    clerk.send([clerk.ask("fast", -2, site="D-BE")])
    with reading(clerk.engine) as session:
        rows = session.exec(select(Movement).order_by(col(Movement.id).desc()).limit(2)).all()
    changing = {"id", "posting_id", "from_seq", "from_after"}
    fast, plain = (row.model_dump(exclude=changing) for row in rows)
    assert fast == plain
    assert [(row.from_seq, row.from_after) for row in rows] == [(3, 26), (2, 28)]


def test_refused_records_leave_no_posting_and_open_no_shelf_they_only_take_from(clerk: Clerk) -> None:
    act = acting(clerk.actor)
    wanted = recording.Record(act, ADJUST, "H-NL", [Line(clerk.lot, -1)], "void", "counted")
    outcome = transact(clerk.engine, lambda session: recording.record_each(session, [wanted]))[0]
    assert isinstance(outcome, Refusal)
    assert outcome.facts["there"] == 0
    assert faults(clerk.engine) == []


KILLED = """
import sys
from datetime import UTC, datetime
from stockpile.actor import Act, Actor, Grant
from stockpile.db import open_engine
from stockpile.governance.caller import refused
from stockpile.idempotency import Asked
from stockpile.inventory import grouping
from stockpile.inventory.recording import Line
engine, lot, actor = open_engine(sys.argv[1]), int(sys.argv[2]), Actor(int(sys.argv[3]), "clerk", (Grant("logistics"),))
for batch in range(10000):
    asks = [
        grouping.Ask(Asked(actor.id, key, "d", datetime.now(UTC)), actor, None, "adjust", "D-DE",
                     [Line(lot, 1), Line(lot, 2)], key, "found")
        for key in (f"{sys.argv[4]} {batch} {n}" for n in range(40))
    ]
    replies = grouping.commit(engine, asks, refused)
    print(len([reply for reply in replies if reply.status == 201]), flush=True)
"""


def test_a_process_killed_in_the_middle_leaves_whole_postings_and_every_acknowledged_one(
    clerk: Clerk, address: str
) -> None:
    command = [sys.executable, "-c", KILLED, address, str(clerk.lot), str(clerk.actor.id)]
    for turn, pause in enumerate((0.0, 0.013, 0.029)):
        with subprocess.Popen([*command, str(turn)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            first = victim.stdout.readline()
            time.sleep(pause)
            victim.kill()
            acknowledged = sum(int(line) for line in [first, *victim.stdout] if line.strip())
        with reading(clerk.engine) as session:
            keys = [row.key for row in session.exec(select(StoredReply))]
        assert (clerk.shelves()["D-DE available"] - 20) == 3 * len(keys), "a posting and its reply are one"
        assert len(keys) % 40 == 0, "part of a batch was kept"
        assert len([key for key in keys if key.startswith(f"{turn} ")]) >= acknowledged > 0
        assert faults(clerk.engine) == []


def test_groups_that_bring_the_same_keys_in_another_order_wait_for_each_other_and_never_deadlock(clerk: Clerk) -> None:
    """Dated records among them too; nothing is tried again here, so that a deadlock would be seen."""
    for turn in range(4):
        asks = [clerk.ask(f"turn {turn} {number:02}", 1) for number in range(40)]
        dated = [replace(clerk.ask(f"late {turn} {n}", 1), effective_at=NOW - timedelta(hours=1)) for n in range(10)]
        groups = asks, [*dated, *asks[::-1]], asks[::-1]
        ends = at_once([lambda group=each: settled(clerk.engine, group) for each in groups])  # type: ignore[misc]
        assert set(kinds(ends)) <= {"Raced", "done"}, ends
    for group in groups:
        settled(clerk.engine, group)
    assert clerk.shelves()["D-DE available"] in range(20 + 4 * 40, 20 + 4 * 50 + 1, 10)
    assert faults(clerk.engine) == []


def settled(engine: Engine, asks: Sequence[Ask]) -> None:
    """The asks in one transaction, tried once."""
    with Session(engine) as session:
        settle(session, asks, refused)
        session.commit()
