"""How a signed-in screen begins: the form, a region that is not loaded, a right that is missing, or what is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from fastapi.responses import RedirectResponse
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.queries import NoRegion
from stockpile.governance.rules import Missing
from stockpile.web import frame
from stockpile.web.acting import refusal_words
from stockpile.web.sign_in import SignedIn, signed_in
from stockpile.web.speech import retold, say

Found = TypeVar("Found")


async def entered(engine: Engine, path: str) -> tuple[SignedIn | None, RedirectResponse | None]:
    """Who is signed in, or where to send the browser instead: to its language, or to the form and then back here."""
    again = frame.chosen_language()
    if again is not None:
        return None, again
    signed = await signed_in(engine)
    return signed, None if signed else RedirectResponse(f"/login?next={path}")


async def screen(
    engine: Engine,
    path: str,
    read: Callable[[Session, Act], Found],
    show: Callable[[SignedIn, Found], Awaitable[None]],
    *,
    unknown: Callable[[], tuple[str, str]] | None = None,
) -> RedirectResponse | None:
    """Show what `read` finds to whoever is signed in; everyone else goes to the form and then to `path`.

    Told in words: that nothing is loaded, whose screen it is where a right is
    missing, and by `unknown` (a title and what to do, in the page's language)
    that what was asked for does not exist.
    """
    signed, again = await entered(engine, path)
    if signed is None:
        return again
    try:
        found = await signed.read(lambda session: read(session, signed.act(session)))
    except NoRegion:
        frame.nothing_loaded(signed, datetime.now(UTC))
    except Missing as refusal:
        await _told(signed, say("This screen is not for your account"), retold(refusal_words(refusal)))
    except NotFound:
        if unknown is None:
            raise
        await _told(signed, *unknown())
    else:
        await show(signed, found)
    return None


def number_in(asked: str) -> int:
    """The number in an address; what is none of ours is that of no proposal.

    >>> number_in("7"), number_in("seven")
    (7, 0)
    """
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else 0


async def _told(signed: SignedIn, title: str, step: str) -> None:
    """The frame, and in it why there is nothing else."""
    try:
        region, act = await signed.read(lambda session: (governance.region(session), signed.act(session)))
    except NoRegion:
        frame.nothing_loaded(signed, datetime.now(UTC))
        return
    frame.header(signed, region, act.at)
    frame.empty(title, step)
