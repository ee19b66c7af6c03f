"""What readers see in their language: message catalogues in `stockpile/locale`, numbers and days, with Babel."""

from __future__ import annotations

import gettext
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from babel import dates, numbers
from babel.core import negotiate_locale
from babel.messages import mofile, pofile

LANGUAGES: Final = ("en", "nl", "fr", "de")
"""English is what the code says; the others have a catalogue each."""

NAMES: Final = {"en": "English", "nl": "Nederlands", "fr": "Français", "de": "Deutsch"}
LANGUAGE_COOKIE: Final = "stockpile_language"
MOMENT: Final = "EEE dd MMM y HH:mm"
DAY: Final = "EEE dd MMM y"
FOLDER: Final = Path(__file__).parent / "locale"


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


def number(value: int | float | Decimal, language: str) -> str:
    """A number as a language writes it.

    >>> number(12950, "de"), number(0.5, "fr")
    ('12.950', '0,5')
    """
    return numbers.format_decimal(value, locale=language)


def percent(permille: int, language: str) -> str:
    r"""Thousandths as a language writes a share.

    >>> percent(666, "de")
    '66,6\xa0%'
    """
    return f"{number(Decimal(permille) / 10, language)}\N{NO-BREAK SPACE}%"


def money(minor: int, language: str) -> str:
    """Minor money units as an amount with two decimals.

    >>> money(748150, "nl")
    '7.481,50'
    """
    return numbers.format_decimal(Decimal(minor) / 100, format="#,##0.00", locale=language)


def day(told: str, language: str) -> str:
    """A day told as in ISO 8601.

    >>> day("2020-03-30", "de")
    'Mo. 30 März 2020'
    """
    return dates.format_date(date.fromisoformat(told[:10]), DAY, locale=language)


def moment(told: str, language: str) -> str:
    """An instant told as in ISO 8601, in UTC.

    >>> moment("2020-03-30T08:00:00+00:00", "nl")
    'ma 30 mrt 2020 08:00 UTC'
    """
    at = datetime.fromisoformat(told)
    return f"{dates.format_datetime(at, MOMENT, tzinfo=UTC, locale=language)} UTC"
