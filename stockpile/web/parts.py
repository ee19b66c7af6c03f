"""Small parts that every screen is made of: text elements, what a domain says in English, links, instants."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from stockpile.web.refusals import detail
from stockpile.web.speech import known, retold


def text(tag: str, content: str) -> TextElement:
    """A text element of that HTML tag."""
    return TextElement(tag=tag, text=content)


def told(tag: str, sentence: str) -> TextElement:
    """A sentence of a domain: in the page's language where the catalogues have it, otherwise marked as English."""
    element = text(tag, retold(sentence))
    return element if known(sentence) else element.props("lang=en")


def refused(sentence: str) -> TextElement:
    """Why something was not done; where the domain says it in English alone, its words stand behind what they mean."""
    element = told("p", sentence).classes("refusal")
    exact = detail(sentence)
    if exact:
        text("p", exact).props("lang=en").classes("quiet")
    return element


def button(label: str, on_click: object, *, main: bool = False) -> ui.button:
    """A button with words; `main`: the one that the page is for."""
    made = ui.button(label, color=None, on_click=on_click).props("no-caps unelevated" if main else "no-caps outline")  # type: ignore[arg-type]
    return made.classes("action" if main else "quiet-action")


def instant(at: datetime, zone: str) -> str:
    """An instant on the clocks of a time zone, in English.

    >>> from datetime import UTC
    >>> instant(datetime(2020, 3, 30, 8, tzinfo=UTC), "Europe/Brussels")
    'Mon 30 Mar 2020 10:00'
    """
    return at.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M")
