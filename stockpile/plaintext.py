"""Text that people give: one line, normalised, nothing invisible in it."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field

LONGEST: Final = 2000
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


Text = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(plain)]
Note = Annotated[str, Field(max_length=LONGEST), AfterValidator(plain)]
