"""The rows of a sheet's XML as text, read as a stream by expat.

Real date cells become ISO days; formulas, hidden rows and columns, merged cells and truth values
are refused, for what they mean is not what is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from xml.parsers import expat

from stockpile.errors import Invalid
from stockpile.inventory.importing import rules

_TEXT_ONLY: Final = ("lot",)


class Unreadable(Invalid):
    """The file is not what it is sent as, or holds what an import does not take."""

    code = "unreadable_file"


class Line(NamedTuple):
    """A row of cells as text; `faults` are (place of the cell, what is in it, why it is refused)."""

    number: int
    cells: Sequence[str]
    faults: Sequence[tuple[int, str, str]]


Started = Callable[[str, dict[str, str]], None]
Ended = Callable[[str], None]


def parser(started: Started, ended: Ended | None = None, said: Callable[[str], None] | None = None) -> Any:
    """An expat parser that tells local names and refuses a document type declaration."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartDoctypeDeclHandler = _refuse_doctype
    made.StartElementHandler = lambda tag, given: started(tag.rpartition(":")[2], given)
    if ended is not None:
        made.EndElementHandler = lambda tag: ended(tag.rpartition(":")[2])
    if said is not None:
        made.CharacterDataHandler = said
    return made


def _refuse_doctype(*_given: object) -> None:
    raise Unreadable("the workbook holds a document type declaration (DOCTYPE), which no workbook needs", field="file")


def feed(reader: Any, chunk: bytes, *, last: bool = False) -> None:
    """Let a parser read on; refuses XML that is not well formed (Unreadable)."""
    try:
        reader.Parse(chunk, last)
    except expat.ExpatError as failure:
        raise Unreadable(f"the workbook is damaged: {failure}", field="file") from failure


def parse(content: bytes, started: Started, ended: Ended | None = None) -> None:
    """Read a whole document."""
    feed(parser(started, ended), content, last=True)


def small_number(text: str) -> int:
    """The number, or 0 where the text is none."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0


class SheetReader:
    """Rows of a sheet, collected while expat reads."""

    def __init__(self, shared: Sequence[str], dates: frozenset[int], epoch: datetime) -> None:
        self._shared, self._dates, self._epoch = shared, dates, epoch
        self._parser = parser(self._started, self._ended, self._said)
        self._lines: list[Line] = []
        self._header: Sequence[str] = ()
        self._row = self._place = 0
        self._type = self._style = ""
        self._formula = self._hidden = self._inside = False
        self._cells: list[str] = []
        self._faults: list[tuple[int, str, str]] = []
        self._text: list[str] = []
        self._starts: Final[Mapping[str, Callable[[dict[str, str]], None]]] = {
            "row": self._row_started,
            "c": self._cell_started,
            "v": self._text_started,
            "t": self._text_started,
            "f": self._formula_started,
            "col": self._column_started,
            "mergeCell": self._merged,
        }

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        """Read on."""
        feed(self._parser, chunk, last=last)

    def taken(self) -> list[Line]:
        """The rows read since the last call."""
        taken, self._lines = self._lines, []
        return taken

    def _started(self, tag: str, given: dict[str, str]) -> None:
        handle = self._starts.get(tag)
        if handle is not None:
            handle(given)

    def _row_started(self, given: dict[str, str]) -> None:
        self._row = small_number(given["r"]) if "r" in given else self._row + 1
        self._hidden = given.get("hidden") in ("1", "true")
        self._cells, self._faults, self._place = [], [], -1

    def _cell_started(self, given: dict[str, str]) -> None:
        self._place = _column(given["r"]) if "r" in given else self._place + 1
        if self._place >= rules.MOST_COLUMNS:
            raise Unreadable(f"row {self._row} has more than {rules.MOST_COLUMNS} columns", field="file", row=self._row)
        self._type, self._style = given.get("t", "n"), given.get("s", "0")
        self._formula, self._text = False, []

    def _text_started(self, _given: dict[str, str]) -> None:
        self._inside = True

    def _formula_started(self, _given: dict[str, str]) -> None:
        self._formula = True

    def _column_started(self, given: dict[str, str]) -> None:
        first = small_number(given.get("min", "1"))
        if given.get("hidden") in ("1", "true") and first <= rules.MOST_COLUMNS:
            raise Unreadable(f"column {first} is hidden: show it or remove it", field="file")

    def _merged(self, given: dict[str, str]) -> None:
        cells = given.get("ref", "")[:20]
        found = re.search("[0-9]+", cells)
        row = small_number(found.group()) if found else 0
        if len(self._lines) <= rules.MOST_FINDINGS:
            self._lines.append(Line(row, (), ((-1, cells, "these cells are merged: one cell, one value"),)))

    def _said(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def _ended(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._inside = False
        elif tag == "c":
            self._cell_ended("".join(self._text))
        elif tag == "row" and (self._faults or any(self._cells)):
            self._row_ended()

    def _cell_ended(self, raw: str) -> None:
        value = raw
        if self._formula:
            self._fault(raw, "holds a formula: put its value there")
        elif self._type == "s":
            value = self._shared[int(raw)] if re.fullmatch("[0-9]{1,9}", raw) and int(raw) < len(self._shared) else ""
        elif self._type in ("b", "e"):
            self._fault(raw, "holds true or false, or an error, where text or a number is meant")
        elif raw and self._type == "n":
            value = self._number(raw)
        if value:
            self._cells += [""] * (self._place + 1 - len(self._cells))
            self._cells[self._place] = value

    def _number(self, raw: str) -> str:
        """A number as it is written; a date as its ISO day (with a time, as an instant without a zone)."""
        if small_number(self._style) not in self._dates:
            if self._header and self._name() in _TEXT_ONLY:
                self._fault(raw, "is a number to the spreadsheet, which drops leading zeros: format the column as text")
            return raw
        try:
            found = self._epoch + timedelta(days=float(raw))
        except (ValueError, OverflowError):
            self._fault(raw, "is no date")
            return raw
        whole = found.time() == datetime.min.time()
        return found.date().isoformat() if whole else found.isoformat(timespec="seconds")

    def _name(self) -> str:
        return self._header[self._place] if self._place < len(self._header) else ""

    def _fault(self, value: str, reason: str) -> None:
        self._faults.append((self._place, value, reason))

    def _row_ended(self) -> None:
        if self._hidden:
            self._faults.append((-1, "", "the row is hidden: show it or remove it"))
        if not self._header:
            self._header = self._cells
        else:
            self._cells += [""] * (len(self._header) - len(self._cells))
        self._lines.append(Line(self._row, self._cells, self._faults))


def _column(reference: str) -> int:
    """The place of a cell, counted from 0, by its reference such as B7."""
    letters = re.match("[A-Z]{1,3}", reference)
    if letters is None:
        raise Unreadable(f"the workbook is damaged: no cell is called {rules.shown(reference)}", field="file")
    place = 0
    for letter in letters.group():
        place = 26 * place + ord(letter) - 64
    return place - 1
