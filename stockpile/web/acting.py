"""What a button of the screens does: an operation of the domains, once, under whoever is signed in.

The same operation as over HTTP, kept under a key of its own: a button pressed
twice, or again after a lost connection, gives the first reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session

from stockpile import http, idempotency
from stockpile.actor import Act
from stockpile.db import reading, transact, write_for
from stockpile.errors import Invalid, Refusal
from stockpile.governance import caller
from stockpile.governance.rules import RIGHTS, Missing, SecondFactorMissing, members_of
from stockpile.plaintext import Text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import say

Work = Callable[[Session, Act], Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation gave, or why it was refused (`refusal`: a sentence; empty where it was done)."""

    body: Any
    refusal: str


def fresh_key() -> str:
    """A key for one press of a button."""
    return f"screen/{uuid4()}"


def once(signed: SignedIn, path: str, asked: dict[str, Any], work: Work, *, key: str) -> Done:
    """Do `work` once for this key, in one transaction; refuses who is no longer signed in.

    `path` and `asked` are those of the API's route for the same operation. Takes its time: not for the event loop.
    """

    def inside(session: Session) -> idempotency.Reply:
        act = signed.act(session)
        write_for(session, members_of(act.actor))
        return idempotency.once(
            session,
            act,
            key=key,
            request=json.dumps(["POST", path, asked], sort_keys=True).encode(),
            work=lambda inner: idempotency.Reply(200, http.plain(work(inner, act))),
            refuse=caller.refused,
        )

    reply = transact(signed.engine, inside)
    return Done(reply.body, _refused(reply.body) if reply.status >= 400 else "")


def _refused(body: dict[str, Any]) -> str:
    """A kept refusal (a problem body) in words."""
    if str(body["type"]).endswith(f":{Missing.code}"):
        return without_right(str(body["facts"]["right"]))
    if str(body["type"]).endswith(f":{SecondFactorMissing.code}"):
        return without_code()
    return str(body["detail"])


def refusal_words(refusal: Refusal) -> str:
    """A refusal in words: who may do it where the account may not, otherwise what the domain says."""
    if isinstance(refusal, SecondFactorMissing):
        return without_code()
    return without_right(str(refusal.facts["right"])) if isinstance(refusal, Missing) else refusal.message


def without_code() -> str:
    """What to tell who has not shown the code that approvals ask for."""
    return say("To approve, sign out and sign in again with the code of your device.")


def without_right(right: str) -> str:
    """What to tell an account that has no role for something: which roles have."""
    roles = ", ".join(sorted(RIGHTS[right]))
    return say("Your account may not do this. Ask someone whose role is: {roles}.", roles=roles)


def given_text(field: str, typed: str) -> str:
    """What somebody typed as the API takes text: one line, nothing invisible; refuses naming the field."""
    try:
        return _TEXT.validate_python(typed.strip())
    except ValidationError as failure:
        raise Invalid(f"{field}: {failure.errors()[0]['msg']}", field=field) from failure


_TEXT: Final = TypeAdapter(Text)


def known_caller(signed: SignedIn, limit_seconds: float) -> caller.Caller:
    """Whoever is signed in, as the API knows callers."""
    with reading(signed.engine) as session:
        act = signed.act(session)
    return caller.Caller(signed.engine, act.actor, act.recorded_at, limit_seconds)
