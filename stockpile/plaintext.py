"""Text that people give: one line, normalised, nothing invisible in it."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, Field

LONGEST: Final = 2000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORBIDDEN: Final = {"Cc": "a control character", "Cf": "an invisible character", "Cs": "half a character"}


def plain(text: str) -> str:
    """The text in normal form C; refuses control characters, invisible ones (such as bidi marks) and surrogates."""
    if text.isascii() and text.isprintable():
        return text
    for character in text:
        fault = _FORBIDDEN.get(unicodedata.category(character))
        if fault is not None:
            raise ValueError(f"holds {fault} (U+{ord(character):04X})")
    return unicodedata.normalize("NFC", text)


def cell(text: str) -> str:
    """The text as a cell of a CSV file or workbook: what a spreadsheet would take for a formula becomes plain text.

    Numbers stay numbers, also below zero.

    >>> cell("=1+1"), cell("-5"), cell("+SUM(A1)"), cell("plain")
    ("'=1+1", '-5', "'+SUM(A1)", 'plain')
    """
    number = text[1:].replace(".", "", 1).isdecimal() and text[0] in "+-" if text else True
    return f"'{text}" if text.startswith(_FORMULA) and not number else text


Text = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(plain)]
Note = Annotated[str, Field(max_length=LONGEST), AfterValidator(plain)]


class Told(str):
    """A sentence in English that remembers its message and its facts, so that a screen can say it in other languages.

    Numbers among the facts are written with separators; in every other way it is plain text.
    """

    message: str
    facts: dict[str, object]


def say(message: str, **facts: object) -> Told:
    """The message in English with the facts in their places.

    >>> say("{n} of {what} are there", n=1200, what="masks")
    '1,200 of masks are there'
    """
    shown = {name: f"{fact:,}" if isinstance(fact, int | Decimal) else fact for name, fact in facts.items()}
    told = Told(message.format(**shown) if facts else message)
    told.message, told.facts = message, facts
    return told
