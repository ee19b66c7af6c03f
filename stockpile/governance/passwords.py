"""Passwords that are guessed first: too short, known to everybody, or made of the words of this place.

The list is Django's common-passwords (5.2, after Royce Williams' list of 2016; licence in common_passwords.LICENSE),
of which those long enough are kept: 8,000 and some, the commonest first.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from stockpile.errors import Invalid

SHORTEST: Final = 8
"""Characters that a password has at least, the words of this place not counted."""
SHORTEST_WORD: Final = 4
OURS: Final = ("stockpile", "password", "voorraad", "vorrat", "stock")
"""Words that everybody here would try first; longer ones first, for what is left of a word counts."""


class CommonPassword(Invalid):
    """One of those that are tried first everywhere."""

    code = "common_password"


@functools.cache
def common() -> frozenset[str]:
    """The passwords that are tried first, in small letters."""
    told = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.casefold() for line in told.splitlines())


def refuse_weak(password: str, *, words: Iterable[str]) -> None:
    """Refuse what is too short, common, or hardly more than `words` (names of person and region) and our own.

    >>> refuse_weak("correct horse battery", words=["anna"])
    >>> refuse_weak("Stockpile-2020", words=["anna"])
    Traceback (most recent call last):
    ...
    stockpile.errors.Invalid: beside names and words that everybody here would try, a password needs 8 characters more
    """
    if len(password) < SHORTEST:
        raise Invalid(f"a password needs at least {SHORTEST} characters", field="password")
    left = password.casefold()
    if left in common():
        told = "this is one of the passwords that are tried first everywhere: choose one that nobody else has"
        raise CommonPassword(told, field="password")
    for word in (*OURS, *words):
        if len(word) >= SHORTEST_WORD:
            left = left.replace(word.casefold(), "")
    if len(left) < SHORTEST and len(left) < len(password):
        told = f"beside names and words that everybody here would try, a password needs {SHORTEST} characters more"
        raise Invalid(told, field="password")
