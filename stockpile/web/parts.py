"""Small parts that every screen is made of: text elements, instants and quantities as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from nicegui.elements.mixins.text_element import TextElement

GAP: Final = "\N{NO-BREAK SPACE}"


def text(tag: str, content: str) -> TextElement:
    """A text element of that HTML tag."""
    return TextElement(tag=tag, text=content)


def instant(at: datetime, zone: str) -> str:
    """An instant on the clocks of a time zone.

    >>> from datetime import UTC
    >>> instant(datetime(2020, 3, 30, 8, tzinfo=UTC), "Europe/Brussels")
    'Mon 30 Mar 2020 10:00'
    """
    return at.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M")


def percent(permille: int) -> str:
    r"""A fill in thousandths as people read it.

    >>> percent(666), percent(1000)
    ('66.6\xa0%', '100\xa0%')
    """
    whole, tenth = divmod(permille, 10)
    return f"{whole}{GAP}%" if tenth == 0 else f"{whole}.{tenth}{GAP}%"


def amount(quantity: int, unit: str) -> str:
    """A quantity with its unit.

    >>> amount(12950, "tablet")
    '12,950 tablet'
    """
    return f"{quantity:,} {unit}"


def counted(count: int, one: str, many: str) -> str:
    """A count with the right word.

    >>> counted(1, "line", "lines"), counted(1368, "line", "lines")
    ('1 line', '1,368 lines')
    """
    return f"{count:,} {one if count == 1 else many}"
