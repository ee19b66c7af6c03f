"""The words of the screens in the reader's language: message catalogues in `stockpile/locale`, read with Babel."""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path
from typing import Final

from babel.core import negotiate_locale
from babel.messages import mofile, pofile

LANGUAGES: Final = ("en", "nl", "fr", "de")
"""English is what the code says; the others have a catalogue each."""

NAMES: Final = {"en": "English", "nl": "Nederlands", "fr": "Français", "de": "Deutsch"}
LANGUAGE_COOKIE: Final = "stockpile_language"
FOLDER: Final = Path(__file__).parents[1] / "locale"


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The messages of one of LANGUAGES; English needs none.

    >>> catalogue("en").gettext("Receive"), catalogue("nl").gettext("Receive")
    ('Receive', 'Ontvangen')
    """
    if language == LANGUAGES[0]:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        mofile.write_mo(compiled, pofile.read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def words_of(language: str, source: str) -> dict[str, str]:
    """The messages that one file uses, such as `storeroom.js`, in a language, by their English words."""
    if language == LANGUAGES[0]:
        return {}
    with (FOLDER / f"{language}.po").open("rb") as file:
        found = pofile.read_po(file, locale=language)
    return {
        str(message.id): str(message.string)
        for message in found
        if message.id and any(place.endswith(source) for place, _ in message.locations)
    }


def chosen(asked: str | None, kept: str | None, accepted: str) -> str:
    """The language of a page: what was asked for now, what this browser keeps, what it says it reads; else English.

    `accepted` is an Accept-Language header.

    >>> chosen(None, None, "nl-BE,nl;q=0.9,en;q=0.8"), chosen("fr", "de", ""), chosen("xx", None, "pl")
    ('nl', 'fr', 'en')
    """
    for one in (asked, kept):
        if one in LANGUAGES:
            return str(one)
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accepted.split(",") if part.strip()]
    return negotiate_locale(wanted, LANGUAGES) or LANGUAGES[0]
