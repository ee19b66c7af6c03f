"""What the signed-in screens say, in the language of whoever looks: messages of the catalogues, numbers and dates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import dates, numbers
from nicegui import ui
from nicegui.slot import Slot

from stockpile.plaintext import Told
from stockpile.web import words

CLOCK = "EEE dd MMM y HH:mm"
DAY = "EEE dd MMM y"
KEPT = "language"
_plain_page: ContextVar[str] = ContextVar("language of a plain page", default=words.LANGUAGES[0])


def language() -> str:
    """The language of the page that is being built or changed; English outside of any page."""
    stack = Slot.get_stack()
    return str(stack[-1].parent.client.storage.get(KEPT, words.LANGUAGES[0])) if stack else _plain_page.get()


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speak that language while a plain page is made."""
    before = _plain_page.set(chosen)
    try:
        yield
    finally:
        _plain_page.reset(before)


def speak(chosen: str) -> None:
    """Let this page speak that language, one of `words.LANGUAGES`."""
    ui.context.client.storage[KEPT] = chosen


def N_(message: str) -> str:
    """Marks a message that is said later."""
    return message


def say(message: str, **facts: object) -> str:
    """The message in the page's language, with the facts in their places.

    >>> say("Plan {number}", number=7)
    'Plan 7'
    """
    return _filled(words.catalogue(language()).gettext(message) if message else "", facts)


def ngettext(one: str, many: str, n: int, **facts: object) -> str:
    """The message for that many, with {n} written as the language writes numbers.

    >>> ngettext("{n} line", "{n} lines", 1), ngettext("{n} line", "{n} lines", 1368)
    ('1 line', '1,368 lines')
    """
    return _filled(words.catalogue(language()).ngettext(one, many, n), {"n": number(n), **facts})


def retold(sentence: str) -> str:
    """What a domain says in English, in the page's language where the catalogues have it; else as it is.

    >>> from stockpile.plaintext import say as domain_says
    >>> retold(domain_says("{n} lots", n=1200)), retold("as it is")
    ('1,200 lots', 'as it is')
    """
    if isinstance(sentence, Told) and sentence.facts and language() != words.LANGUAGES[0]:
        facts = {name: _fact(value) for name, value in sentence.facts.items()}
        return words.catalogue(language()).gettext(sentence.message).format(**facts)
    if isinstance(sentence, Told) and sentence.facts:
        return str(sentence)
    return say(sentence)


def known(sentence: str) -> bool:
    """Whether `retold` speaks the page's language: always in English, otherwise where the catalogue has the words."""
    if not sentence or language() == words.LANGUAGES[0]:
        return True
    message = sentence.message if isinstance(sentence, Told) else sentence
    return words.catalogue(language()).gettext(message) != message


def _fact(value: object) -> object:
    if isinstance(value, int | Decimal):
        return number(value)
    return retold(value) if isinstance(value, str) else value


def _filled(message: str, facts: dict[str, object]) -> str:
    return message.format(**facts) if facts else message


def number(value: int | Decimal) -> str:
    """A number as the language writes it.

    >>> number(12950)
    '12,950'
    """
    return numbers.format_decimal(value, locale=language())


def percent(permille: int) -> str:
    r"""A fill in thousandths as people read it.

    >>> percent(666), percent(1000)
    ('66.6\xa0%', '100\xa0%')
    """
    return f"{number(Decimal(permille) / 10)}\N{NO-BREAK SPACE}%"


def amount(quantity: int, unit: str) -> str:
    """A quantity with its unit.

    >>> amount(12950, "tablet")
    '12,950 tablet'
    """
    return f"{number(quantity)} {unit}"


def money(minor: int, currency: str) -> str:
    """Minor units of a currency as the language writes money.

    >>> money(7481, "EUR")
    '€74.81'
    """
    return numbers.format_currency(Decimal(minor) / 100, currency, locale=language())


def instant(at: datetime, zone: str) -> str:
    """An instant on the clocks of a time zone.

    >>> from datetime import UTC
    >>> instant(datetime(2020, 3, 30, 8, tzinfo=UTC), "Europe/Brussels")
    'Mon 30 Mar 2020 10:00'
    """
    return dates.format_datetime(at, CLOCK, tzinfo=ZoneInfo(zone), locale=language())


def day(on: date) -> str:
    """A day.

    >>> day(date(2020, 3, 30))
    'Mon 30 Mar 2020'
    """
    return dates.format_date(on, DAY, locale=language())
