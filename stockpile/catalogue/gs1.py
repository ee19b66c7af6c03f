"""GS1 keys and element strings: check digits, days, and how elements are written one after the other.

After the GS1 General Specifications: check digits 7.9, century and day 00 of a
date 7.12 and 3.4, separators (FNC1) 7.8. The table of application identifiers
is that of the parser library.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_application_identifiers import GS1ApplicationIdentifier
from biip.gtin import Gtin

from stockpile.errors import Invalid

FNC1: Final = "\x1d"
"""What a scanner sends for the separator FNC1: the character GS (29)."""

SSCC, GTIN, CONTENT, BATCH, SERIAL = "00", "01", "02", "10", "21"
PRODUCED, BEST_BEFORE, EXPIRY, ITEMS, COUNT, EXPIRY_TIME = "11", "15", "17", "30", "37", "7003"
DAYS: Final = ("11", "12", "13", "15", "16", "17")
"""Identifiers whose value is a day, YYMMDD."""
LONGEST_IDENTIFIER: Final = 4

DEMONSTRATION_PREFIX: Final = "952"
"""GS1's prefix for demonstrations and examples: no company trades under it."""


class BadGtin(Invalid):
    """Not a GTIN: wrong length or check digit."""

    code = "bad_gtin"


class BadKey(Invalid):
    """Another key, such as an SSCC, with a wrong length or check digit."""

    code = "bad_check_digit"


class BadDay(Invalid):
    """Six digits that are no day."""

    code = "bad_day"


@dataclass(frozen=True, slots=True)
class Element:
    """An application identifier and its value."""

    identifier: str
    value: str

    def __str__(self) -> str:
        return f"({self.identifier}){self.value}"


def checked_gtin(text: str) -> str:
    """The GTIN as 14 digits; refuses a wrong length or check digit (GS1 General Specifications 7.9)."""
    if not text.isascii():
        raise BadGtin(f"{text} is not a GTIN: only the digits 0 to 9 count", field="gtin", value=text)
    try:
        return Gtin.parse(text).as_gtin_14()
    except ParseError as failure:
        raise BadGtin(f"{text} is not a GTIN: {failure}", field="gtin", value=text) from failure


def checked_key(text: str, *, name: str, length: int) -> str:
    """The key (an SSCC of 18 digits, a GLN of 13); refuses a wrong length or check digit."""
    if not re.fullmatch(rf"[0-9]{{{length}}}", text):
        raise BadKey(f"{text} is no {name}: one has {length} digits", field=name.lower(), value=text)
    right = gs1_standard_check_digit(text[:-1])
    if int(text[-1]) != right:
        raise BadKey(
            f"{text} is no {name}: its check digit is {text[-1]} where {right} is right",
            field=name.lower(),
            value=text,
        )
    return text


def sscc(number: int, *, prefix: str = DEMONSTRATION_PREFIX) -> str:
    """The SSCC of a logistic unit by its number: extension digit 0, company prefix, number, check digit.

    >>> sscc(1)
    '095200000000000011'
    """
    digits = f"0{prefix}{number:0{16 - len(prefix)}d}"
    assert len(digits) == 17, f"{number} is too large for the prefix {prefix}"
    return f"{digits}{gs1_standard_check_digit(digits)}"


def day(text: str, *, today: date) -> date:
    """The day of YYMMDD: day 00 is the last of its month, the year lies 49 back to 50 ahead of today's.

    >>> day("280200", today=date(2026, 1, 1)), day("770101", today=date(2026, 1, 1))
    (datetime.date(2028, 2, 29), datetime.date(1977, 1, 1))
    """
    if not re.fullmatch(r"[0-9]{6}", text):
        raise BadDay(f"{text} is not a day: it is written YYMMDD", field="day", value=text)
    year, month, of_month = _year(int(text[:2]), today=today), int(text[2:4]), int(text[4:])
    if not 1 <= month <= 12:
        raise BadDay(f"{text} is not a day: there is no month {month}", field="day", value=text)
    last = monthrange(year, month)[1]
    if of_month > last:
        raise BadDay(f"{text} is not a day: {year}-{month:02} has {last} days", field="day", value=text)
    return date(year, month, of_month or last)


def _year(two_digits: int, *, today: date) -> int:
    year = today.year - today.year % 100 + two_digits
    ahead = two_digits - today.year % 100
    return year - 100 if ahead >= 51 else year + 100 if ahead <= -50 else year


def yymmdd(of: date) -> str:
    """The day as it is written in a symbol."""
    return of.strftime("%y%m%d")


def identifier(text: str) -> GS1ApplicationIdentifier | None:
    """The application identifier that the text begins with, or None."""
    return _identifier(text[:LONGEST_IDENTIFIER])


@lru_cache(maxsize=4096)
def _identifier(text: str) -> GS1ApplicationIdentifier | None:
    try:
        return GS1ApplicationIdentifier.extract(text)
    except ParseError:
        return None


def fits(element: Element) -> bool:
    """Whether the identifier is known and the value has its length and characters."""
    known = identifier(element.identifier)
    written = element.identifier + element.value
    return known is not None and known.ai == element.identifier and re.fullmatch(known.pattern, written) is not None


def ordered(elements: Iterable[Element]) -> list[Element]:
    """Keys first, what varies in length next, what is fixed last: so that a separator ends what varies.

    A batch that ends the text cannot be told from one that swallowed what
    followed it; where nothing fixed follows, what varies comes before the key.
    """
    given = list(elements)
    keys = [one for one in given if one.identifier in (SSCC, GTIN, CONTENT)]
    variable = [one for one in given if _varies(one)]
    fixed = [one for one in given if one not in keys and one not in variable]
    ends_well = fixed or not any(swallows(one.identifier) for one in variable)
    return [*keys, *variable, *fixed] if ends_well else [*variable, *keys]


def swallows(name: str) -> bool:
    """Whether values of this identifier are text of any length, which goes on to the next separator."""
    known = identifier(name)
    return known is not None and re.fullmatch(r"N[0-9]\+X\.\.[0-9]+", known.format) is not None


def element_string(elements: Iterable[Element]) -> str:
    """The elements as a scanner sends them, in the order given: FNC1 after what varies in length, but for the last."""
    given = list(elements)
    assert all(fits(one) for one in given), f"elements that do not fit: {given}"
    return "".join(f"{one.identifier}{one.value}{FNC1 if _varies(one) else ''}" for one in given).removesuffix(FNC1)


def _varies(element: Element) -> bool:
    known = identifier(element.identifier)
    return known is None or known.separator_required
