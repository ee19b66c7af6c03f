"""What a button of the screens does: an operation of the domains, once, under whoever is signed in.

The same operation as over HTTP, kept under a key of its own: a button pressed
twice, or again after a lost connection, gives the first reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session

from stockpile import http, idempotency, plaintext
from stockpile.actor import Act
from stockpile.db import reading, transact, write_for
from stockpile.errors import Invalid, Refusal
from stockpile.governance import caller
from stockpile.governance import rules as rights
from stockpile.governance.rules import RIGHTS, Missing, SecondFactorMissing, members_of
from stockpile.plaintext import Text
from stockpile.web.refusals import worded
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_

Work = Callable[[Session, Act], Any]
ROLES: Final = {
    rights.REQUESTER: N_("requester"),
    rights.LOGISTICS: N_("logistics"),
    rights.COORDINATOR: N_("coordinator"),
    rights.COMMITTEE: N_("committee"),
    rights.BUYER: N_("buyer"),
    rights.AUDITOR: N_("auditor"),
    rights.PHARMACIST: N_("pharmacist"),
    rights.ADMINISTRATOR: N_("administrator"),
    rights.SCHEDULER: N_("scheduler"),
    rights.SUPPLIER: N_("supplier"),
}
"""What the roles are called on the screens."""


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
    return worded(str(body["type"]).rpartition(":")[2], body["detail"])


def refusal_words(refusal: Refusal) -> str:
    """A refusal in words: who may do it where the account may not, otherwise what the domain says."""
    if isinstance(refusal, SecondFactorMissing):
        return without_code()
    if isinstance(refusal, Missing):
        return without_right(str(refusal.facts["right"]))
    return worded(refusal.code, refusal.message)


def without_code() -> str:
    """What to tell who has not shown the code that approvals ask for; the screen says it in its language."""
    return plaintext.say(N_("To approve, show a code of your device first."))


def without_right(right: str) -> str:
    """What to tell an account that has no role for something: which roles have; the screen says it in its language."""
    words = N_("Your account may not do this. Ask someone whose role is: {roles}.")
    return plaintext.say(words, roles=role_names(RIGHTS[right]))


def role_names(roles: Iterable[str]) -> str:
    """Roles in a row, each of which the screen says in its language.

    >>> role_names({"buyer", "auditor"})
    'auditor, buyer'
    """
    held = sorted(roles)
    facts = {f"role{place}": ROLES[role] for place, role in enumerate(held)}
    row = ", ".join(f"{{{name}}}" for name in facts)
    return plaintext.say(row, **facts)


def given_text(field: str, typed: str) -> str:
    """What somebody typed as the API takes text: one line, nothing invisible; refuses naming the field by its label."""
    given = " ".join(typed.split())
    if not given:
        raise wrong(N_("{field}: nothing is written here yet"), field=field)
    if len(given) > plaintext.LONGEST:
        raise wrong(N_("{field}: at most {n} characters fit in here"), field=field, n=plaintext.LONGEST)
    try:
        return _TEXT.validate_python(given)
    except ValidationError as failure:
        raise wrong(N_("{field}: it holds a character that cannot be seen; type it anew"), field=field) from failure


def wrong(message: str, *, field: str, **facts: object) -> Invalid:
    """A field that makes no sense, by its label in English: the screen says it in the page's language."""
    return Invalid(plaintext.say(message, field=field, **facts), field=field)


_TEXT: Final = TypeAdapter(Text)


def known_caller(signed: SignedIn, limit_seconds: float) -> caller.Caller:
    """Whoever is signed in, as the API knows callers."""
    with reading(signed.engine) as session:
        act = signed.act(session)
    return caller.Caller(signed.engine, act.actor, act.recorded_at, limit_seconds)
