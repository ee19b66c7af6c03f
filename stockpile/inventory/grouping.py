"""Group commit: records that arrive together are posted in one durable transaction and answered after it.

Whoever asks while a commit is under way waits for the next one. Keys, replies,
postings and rights are those of the plain path: the token of each is looked up
again in the transaction of its effect, so that a sign-in that ended a moment
ago posts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlmodel import Session

from stockpile import bulk, idempotency
from stockpile.actor import Act, Actor
from stockpile.db import ATTEMPTS, transact
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.idempotency import Asked, Raced, Reply, once_each
from stockpile.inventory import recording
from stockpile.inventory.periods import late

MOST: Final = 256
"""Records in one transaction."""
CROWD: Final = 4
_LEAVING: Final = ("08", "57P", "53300")
"""What PostgreSQL says of a session that it ends or does not take: it stops, it recovers, it has too many."""
MOMENTS, MOMENT_SECONDS, STILL = 8, 0.001, 2
"""A crowd is waited for no longer than so many moments, nor so many in which nobody came."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A record that somebody asks to be posted under a key; `token` is the digest of the bearer token, if any."""

    asked: Asked
    actor: Actor
    token: str | None
    kind: str
    site: str
    lines: Sequence[recording.Line]
    posting_key: str
    reason: str = ""
    effective_at: datetime | None = None


Answer = Reply | Refusal
Refuse = Callable[[Refusal], Reply]


class Group:
    """The queue of one process before one database. Used from one event loop."""

    def __init__(self, engine: Engine, refuse: Refuse) -> None:
        self._engine, self._refuse = engine, refuse
        self._waiting: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    def waiting(self) -> int:
        """How many records wait to be posted."""
        return len(self._waiting)

    async def post(self, ask: Ask) -> Reply:
        """The reply to this ask, once it is on disk. Raises a refusal that is not kept: another request, no sign-in."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        answer = await future
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def _flush(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            answers = await self._settled([ask for ask, _ in taken])
            for (_, future), answer in zip(taken, answers, strict=True):
                if future.cancelled():
                    continue
                if isinstance(answer, Reply | Refusal):
                    future.set_result(answer)
                else:
                    future.set_exception(answer)
            await self._gather(min(MOST, len(taken) + len(self._waiting)))

    async def _gather(self, crowd: int) -> None:
        """In a crowd, wait a moment for those just answered, who ask again: two halves cost more than one whole."""
        there, still = len(self._waiting), 0
        for _ in range(MOMENTS if crowd >= CROWD else 0):
            if there >= crowd or not there or still == STILL:
                return
            await asyncio.sleep(MOMENT_SECONDS)
            still = 0 if len(self._waiting) > there else still + 1
            there = len(self._waiting)

    async def _settled(self, asks: Sequence[Ask]) -> list[Answer | BaseException]:
        """The answers; where the whole fails, each is tried alone, so that one cannot fail the others.

        Where the database went away none is: each would wait for a connection after the other, and all behind them.
        """
        attempt = asyncio.get_running_loop().run_in_executor(self._worker, commit, self._engine, asks, self._refuse)
        await asyncio.wait([attempt])
        failure = attempt.exception()
        if failure is None:
            return list(attempt.result())
        if len(asks) == 1 or _unreachable(failure):
            return [failure] * len(asks)
        answers: list[Answer | BaseException] = []
        for ask in asks:
            gone = bool(answers) and isinstance(answers[-1], BaseException) and _unreachable(answers[-1])
            answers += [answers[-1]] if gone else await self._settled([ask])
        return answers


def _unreachable(failure: BaseException) -> bool:
    """Whether the database is away, or no connection is left: then there is no use in asking again for each."""
    if isinstance(failure, PoolExhausted):
        return True
    if not isinstance(failure, OperationalError):
        return False
    state = getattr(failure.orig, "sqlstate", None)
    return failure.connection_invalidated or state is None or state.startswith(_LEAVING)


def commit(engine: Engine, asks: Sequence[Ask], refuse: Refuse) -> list[Answer]:
    """Post the asks in one transaction, in the order given; what each is answered."""
    for _ in range(ATTEMPTS):
        with contextlib.suppress(Raced):
            return transact(engine, lambda session: settle(session, asks, refuse))
    raise Raced("the same keys again and again")


def settle(session: Session, asks: Sequence[Ask], refuse: Refuse) -> list[Answer]:
    """As `commit`, in the caller's transaction. `refuse` makes the reply to a refusal, which is kept under the key."""
    with bulk.together(session):
        bulk.look_up(session)
        return _settled(session, asks, refuse)


def _settled(session: Session, asks: Sequence[Ask], refuse: Refuse) -> list[Answer]:
    held, clock, kept, *facts = bulk.ask(session, _questions(asks))
    actors = _actors(asks, governance.holders(held))
    admitted = [at for at, actor in enumerate(actors) if actor is not None]
    simulated_now = queries.clock(clock)

    def work(positions: Sequence[int]) -> list[Reply]:
        records = []
        for at in (admitted[position] for position in positions):
            ask, actor = asks[at], actors[at]
            assert actor is not None
            act = late.dated(Act(actor, simulated_now or ask.asked.at, ask.asked.at), ask.effective_at)
            records.append(recording.Record(act, ask.kind, ask.site, ask.lines, ask.posting_key, ask.reason))
        outcomes = recording.record_each(session, records, found=facts)
        return [refuse(one) if isinstance(one, Refusal) else Reply(201, {"posting": one}) for one in outcomes]

    replies = once_each(session, [asks[at].asked for at in admitted], work, found=kept)
    answers: list[Answer] = [governance.SignInRefused(governance.ENDED) for _ in asks]
    for at, reply in zip(admitted, replies, strict=True):
        answers[at] = reply
    return answers


def _questions(asks: Sequence[Ask]) -> list[bulk.Question]:
    """All that is to be known before anything is posted; asked in one round trip."""
    tokens = {ask.token for ask in asks if ask.token is not None}
    latest = max(ask.asked.at for ask in asks)
    replies = idempotency.asking([ask.asked for ask in asks])
    return [governance.asking_holders(tokens, real_now=latest), queries.CLOCK, replies, *recording.asking(asks)]


def _actors(asks: Sequence[Ask], holders: Mapping[str, Actor]) -> list[Actor | None]:
    """Who asks, as their tokens say now; None where the sign-in has ended."""
    return [ask.actor if ask.token is None else holders.get(ask.token) for ask in asks]
