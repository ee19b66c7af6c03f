"""What the sides of a desk (buying, supplier) share: who looks, when, and how a side and its buttons behave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from nicegui import ui

from stockpile.governance.tables import Region
from stockpile.web.parts import text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import day, instant, say


@dataclass(frozen=True, slots=True)
class Desk:
    """One reader at a desk; `now` is the region's clock as the page was opened, `home` the installation's folder."""

    signed: SignedIn
    region: Region
    now: datetime
    limit_seconds: float
    home: Path

    @property
    def zone(self) -> str:
        """The region's time zone."""
        return self.region.time_zone

    def when(self, at: datetime | None) -> str:
        """An instant on the region's clocks; '-' where there is none."""
        return instant(at, self.zone) if at else "-"

    def on(self, at: datetime | None) -> str:
        """The region's day of an instant; '-' where there is none."""
        return day(at.astimezone(ZoneInfo(self.zone)).date()) if at else "-"


class Side(Protocol):
    """One side of a desk, built when it is first looked at."""

    async def show(self) -> None:
        """Show it as it stands now; asked each time the side comes to the front."""


class Sides:
    """The sides of a desk behind tabs: `makers` by name, each building its side when it is first looked at."""

    def __init__(self, names: Mapping[str, str], makers: Mapping[str, Callable[[], Side]], *, label: str) -> None:
        self._makers, self._built = makers, dict[str, Side]()
        first = next(iter(names))
        with ui.element("nav").classes("sides") as bar:
            bar.props["aria-label"] = label
            tabs = ui.tabs().props("no-caps dense align=left outside-arrows mobile-arrows")
            with tabs:
                made = {side: ui.tab(side, label=say(name)) for side, name in names.items()}
            tabs.set_value(made[first])
            tabs.on_value_change(lambda event: self.front(str(event.value)))
        self._holders = {side: ui.element("div").classes("desk-side") for side in names}

    async def front(self, side: str) -> None:
        """Bring a side to the front and show it as it stands now."""
        for name, holder in self._holders.items():
            holder.set_visibility(name == side)
        if side not in self._built:
            with self._holders[side]:
                self._built[side] = self._makers[side]()
        await self._built[side].show()


def figures(heads: Iterable[str], rows: Iterable[Iterable[str]], *, title: str, words: Iterable[int] = ()) -> None:
    """A plain table, the first column naming the row; columns of `words` are text and stand left.

    Text that begins with "en:" was written by the service in English and is marked so.
    """
    left = {0, *words}
    with ui.element("div").classes("scrolls") as frame, ui.element("table").classes("figures desk-figures"):
        frame.props('tabindex=0 role="region"')
        frame.props["aria-label"] = title
        text("caption", title)
        with ui.element("thead"), ui.element("tr"):
            for column, head in enumerate(heads):
                text("th", head).props("scope=col").classes("words" if column in left else "")
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for column, cell in enumerate(row):
                        _cell(column, cell, in_words=column in left)


def _cell(column: int, cell: str, *, in_words: bool) -> None:
    english = cell.startswith("en:")
    made = text("td" if column else "th", cell.removeprefix("en:"))
    made.classes("words" if in_words else "")
    if english:
        made.props("lang=en")
    if not column:
        made.props("scope=row")


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Facts by name, as a list of terms; values that begin with "en:" are marked as English."""
    with ui.element("dl").classes("answer"):
        for name, value in pairs:
            text("dt", name)
            made = text("dd", value.removeprefix("en:"))
            if value.startswith("en:"):
                made.props("lang=en")
