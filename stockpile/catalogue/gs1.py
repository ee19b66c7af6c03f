"""GS1 keys: only what cannot be left to the parser library."""

from __future__ import annotations

from biip import ParseError
from biip.gtin import Gtin

from stockpile.errors import Invalid


class BadGtin(Invalid):
    """Not a GTIN: wrong length or check digit."""

    code = "bad_gtin"


def checked_gtin(text: str) -> str:
    """The GTIN as 14 digits; refuses a wrong length or check digit (GS1 General Specifications 7.9)."""
    if not text.isascii():
        raise BadGtin(f"{text} is not a GTIN: only the digits 0 to 9 count", field="gtin", value=text)
    try:
        return Gtin.parse(text).as_gtin_14()
    except ParseError as failure:
        raise BadGtin(f"{text} is not a GTIN: {failure}", field="gtin", value=text) from failure
