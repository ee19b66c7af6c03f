"""The template of a stock import: its columns and kinds, and how each cell is read. Pure functions.

A cell is text, as a CSV file holds it; a workbook's cells are turned into the
same text first, so that both forms have one meaning. Nothing is guessed: what
is not written as the template says is refused with the reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from stockpile.catalogue.gs1 import checked_gtin
from stockpile.errors import Refusal
from stockpile.inventory.rules import AVAILABLE, POOL, QUARANTINE
from stockpile.plaintext import plain

WAITING: Final = "waiting"
RUNNING: Final = "running"
DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"
STATES: Final = (WAITING, RUNNING, DONE, REFUSED, FAILED)

CSV: Final = "csv"
XLSX: Final = "xlsx"

LARGEST_FILE: Final = 10 * 1024 * 1024
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 64
MOST_FINDINGS: Final = 1000
"""Findings that are kept of one import; the total is counted."""
LONGEST_CELL: Final = 200
LARGEST: Final = 10**12
FIRST_YEAR, LAST_YEAR = 2000, 2200
LINES_PER_POSTING: Final = 1000

RECEIPT: Final = "receipt"
OPENING: Final = "opening"
ISSUE: Final = "issue"
RETURN: Final = "return"
ADJUSTMENT: Final = "adjustment"
SET_ASIDE: Final = "set_aside"
KINDS: Final = (RECEIPT, OPENING, ISSUE, RETURN, ADJUSTMENT, SET_ASIDE)
OPENS_LOTS: Final = (RECEIPT, OPENING)
ELSEWHERE: Final = {
    "move": "goods between sites travel by an approved transfer: dispatch and receive it",
    "transfer": "transfers are dispatched and received one by one",
    "disposal": "a disposal is proposed and then witnessed by another person",
    "release": "a release from quarantine is a pharmacist's single decision",
    "receive": "write receipt",
}

COLUMNS: Final[dict[str, str]] = {
    "kind": "receipt, opening, issue, return, adjustment or set_aside",
    "item": "code of the item; may be left out where gtin is given",
    "gtin": "GTIN of a pack of the item (8, 12, 13 or 14 digits with their check digit)",
    "lot": "batch code as printed; a receipt or opening takes a new one in",
    "expiry": "last day of use, like 2027-02-28; needed for a receipt or opening, else compared where given",
    "quantity": "base units (tablets, pieces): whole, above zero; either this or packs",
    "packs": "whole packs: of the gtin where given, else of the item's usual pack",
    "from_site": "where it leaves: issue, return, set_aside, and an adjustment of what is lost",
    "to_site": "where it arrives: receipt, opening, return (a depot), and an adjustment of what is found",
    "owner": "pool, or the member's code; pool where left out",
    "status": "available or quarantine; available where left out",
    "effective_at": "when it happened, like 2020-03-30T08:00:00Z; now where left out",
    "document": "number of the delivery note or other paper",
    "reason": "why; needed for a return, an adjustment and set_aside",
}
NEEDED_COLUMNS: Final = ("kind", "lot")


class Finding(NamedTuple):
    """One thing wrong in a file; rows count as a spreadsheet shows them (the header is 1), 0 is the file itself."""

    row: int
    column: str
    value: str
    reason: str


class Row(NamedTuple):
    """One row as it is meant; None where the cell is empty."""

    number: int
    kind: str
    item: str | None
    gtin: str | None
    lot: str
    expiry: date | None
    quantity: int | None
    packs: int | None
    from_site: str | None
    to_site: str | None
    owner: str
    status: str
    effective_at: datetime | None
    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which columns a kind of row needs, and which must be left empty."""

    needs: tuple[str, ...]
    without: tuple[str, ...]


_SHAPES: Final[Mapping[str, _Shape]] = {
    RECEIPT: _Shape(("to_site", "expiry"), ("from_site",)),
    OPENING: _Shape(("to_site", "expiry"), ("from_site",)),
    ISSUE: _Shape(("from_site", "owner"), ("to_site",)),
    RETURN: _Shape(("from_site", "to_site", "owner", "reason"), ()),
    ADJUSTMENT: _Shape(("reason",), ()),
    SET_ASIDE: _Shape(("from_site", "reason"), ("to_site",)),
}
_EITHER: Final = (("item", "gtin"), ("quantity", "packs"))


def shown(value: object) -> str:
    """A cell as it is told: cut, and nothing in it that could act when the list is opened as a table."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(value)[:60])
    return f"'{text}" if text.startswith(tuple("=+-@")) else text


def _code(text: str) -> str:
    return plain(_untouched(text))


def _untouched(text: str) -> str:
    """Refuse what a spreadsheet would run, and spaces nobody sees."""
    if len(text) > LONGEST_CELL:
        raise ValueError(f"has {len(text):,} characters: at most {LONGEST_CELL}")
    if text[0] in "=+-@\t\r":
        raise ValueError(f"begins with {text[0]!r}: a spreadsheet would take it for a formula")
    if text != text.strip():
        raise ValueError("has a space at its beginning or end: remove it")
    return text


def _lot(text: str) -> str:
    code = _code(text)
    return _printed(code)


def _printed(code: str) -> str:
    for place, character in enumerate(code, start=1):
        if not " " <= character <= "~":
            name = unicodedata.name(character, "unnamed").lower()
            raise ValueError(
                f"character {place} is U+{ord(character):04X} ({name}): codes are printed in plain letters and digits"
            )
    return code


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"is not a kind here: {ELSEWHERE.get(text, 'one of ' + ', '.join(KINDS))}")
    return text


def _gtin(text: str) -> str:
    try:
        return checked_gtin(text)
    except Refusal as refusal:
        raise ValueError(refusal.message) from refusal


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("is not a day written like 2027-02-28 (year, month, day)")
    if text.endswith("-00"):
        raise ValueError("has day 00: write the last day of the month, like 2027-02-28")
    try:
        found = date.fromisoformat(text)
    except ValueError as failure:
        raise ValueError("is a day that does not exist") from failure
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(_why_not_whole(text))
    if len(text) > 13 or not 1 <= int(text) <= LARGEST:
        raise ValueError(f"must be 1 to {LARGEST:,}")
    return int(text)


def _why_not_whole(text: str) -> str:
    if re.fullmatch(r"-[0-9]+", text):
        return "is below zero: what is lost is an adjustment with from_site, what is found one with to_site"
    if re.fullmatch(r"[0-9]+[.,][0-9]+|[0-9.]*[0-9][eE][+-]?[0-9]+", text):
        return "is not a whole number: write digits alone, with no comma, point or exponent"
    if any(character.isdigit() and not character.isascii() for character in text):
        return "is not a whole number: only the digits 0 to 9 count"
    return "is not a whole number: write digits alone"


def _status(text: str) -> str:
    if text not in (AVAILABLE, QUARANTINE):
        raise ValueError(f"is not a status here: {AVAILABLE} or {QUARANTINE}")
    return text


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text) if text.isascii() else None
    except ValueError:
        found = None
    if found is None or len(text) < 16:
        raise ValueError("is not an instant like 2020-03-30T08:00:00Z")
    if found.tzinfo is None:
        raise ValueError("carries no time zone: write it like 2020-03-30T08:00:00Z")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return found.astimezone(UTC)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "kind": _kind,
    "item": _code,
    "gtin": _gtin,
    "lot": _lot,
    "expiry": _day,
    "quantity": _whole,
    "packs": _whole,
    "from_site": _code,
    "to_site": _code,
    "owner": _code,
    "status": _status,
    "effective_at": _instant,
    "document": _code,
    "reason": _code,
}
_EMPTY: Final[dict[str, Any]] = dict.fromkeys(COLUMNS) | {
    "owner": POOL,
    "status": AVAILABLE,
    "document": "",
    "reason": "",
}


def header_findings(header: Sequence[str]) -> list[Finding]:
    """What is wrong with the first row of a file."""
    found = []
    for place, name in enumerate(header):
        if name not in COLUMNS:
            found.append(Finding(1, shown(name), shown(name), _why_no_column(name)))
        elif name in header[:place]:
            found.append(Finding(1, name, name, "stands twice in the header"))
    missing = [name for name in NEEDED_COLUMNS if name not in header]
    missing += [" or ".join(pair) for pair in _EITHER if not set(pair) & set(header)]
    return found + [Finding(1, name, "", "is missing in the header") for name in missing]


def _why_no_column(name: str) -> str:
    if not name:
        return "a column without a name: the template has none"
    close = name.strip().lower()
    hint = f": write {close}, in small letters and without spaces" if close in COLUMNS else ""
    return f"is not a column of the template{hint}"


class RowReader:
    """Reads the rows of one file; each distinct text of a column is judged once."""

    def __init__(self, header: Sequence[str]) -> None:
        assert not header_findings(header), "a header that was not checked"
        self._names = tuple(header)
        self._known: tuple[dict[str, Any], ...] = tuple({"": _EMPTY[name]} for name in header)
        self._wrong: tuple[dict[str, str], ...] = tuple({} for _ in header)
        self._whole = self._names == tuple(COLUMNS)
        self._order = tuple(header.index(name) if name in header else -1 for name in COLUMNS)
        self._blank = tuple(_EMPTY[name] for name in COLUMNS)
        self._shapes: dict[tuple[str, tuple[bool, ...]], tuple[tuple[str, str], ...]] = {}

    def read(self, number: int, cells: Sequence[str]) -> Row | list[Finding]:
        """The row, or everything that is wrong with it."""
        if len(cells) != len(self._names):
            return [Finding(number, "", "", f"has {len(cells)} cells where the header has {len(self._names)}")]
        try:
            values = [known[text] for known, text in zip(self._known, cells)]  # noqa: B905  (their lengths are compared above)
        except KeyError:
            unread = self._judge(number, cells)
            if unread:
                return unread
            values = [known[text] for known, text in zip(self._known, cells, strict=True)]
        wrong = self._misshapen(values, cells)
        if wrong:
            return [Finding(number, column, "", reason) for column, reason in wrong]
        if self._whole:
            return Row(number, *values)
        return Row(number, *[values[at] if at >= 0 else blank for at, blank in zip(self._order, self._blank)])  # noqa: B905  (both are as long as COLUMNS)

    def _judge(self, number: int, cells: Sequence[str]) -> list[Finding]:
        """Read what was not read before; what is wrong with these cells."""
        found = []
        for name, text, known, wrong in zip(self._names, cells, self._known, self._wrong, strict=True):
            if text not in known and text not in wrong:
                try:
                    known[text] = _READERS[name](text)
                except ValueError as failure:
                    wrong[text] = str(failure)
            if text in wrong:
                found.append(Finding(number, name, shown(text), wrong[text]))
        return found

    def _misshapen(self, values: Sequence[Any], cells: Sequence[str]) -> tuple[tuple[str, str], ...]:
        kind = values[self._order[0]]
        key = (kind, tuple(map(bool, cells)))
        if key not in self._shapes:
            given = {name for name, text in zip(self._names, cells, strict=True) if text}
            self._shapes[key] = tuple(_shape_faults(kind, given))
        return self._shapes[key]


def _shape_faults(kind: str | None, given: set[str]) -> list[tuple[str, str]]:
    if kind is None:
        return [("kind", f"is empty: {COLUMNS['kind']}")]
    shape = _SHAPES[kind]
    faults = [(name, f"is empty: a row of kind {kind} needs it") for name in ("lot", *shape.needs) if name not in given]
    faults += [(name, f"must be empty in a row of kind {kind}") for name in shape.without if name in given]
    for one, other in _EITHER:
        if not given & {one, other}:
            faults.append((one, f"is empty: give {one} or {other}"))
    if {"quantity", "packs"} <= given:
        faults.append(("packs", "is given beside quantity: give one of them"))
    if kind == ADJUSTMENT and len(given & {"from_site", "to_site"}) != 1:
        faults.append(("from_site", "an adjustment has from_site (lost) or to_site (found), one of them"))
    return faults


def sequence(row: Row) -> tuple[object, ...]:
    """The order of posting: by instant (rows without one last); at one instant what comes in before what goes out.

    Rows that make one posting follow each other.
    """
    when = row.effective_at.timestamp() if row.effective_at else float("inf")
    return when, _TURN[row.kind, row.to_site is None], row.kind, row.to_site or row.from_site, row.reason, row.number


_TURNS: Final[dict[str, int]] = {RECEIPT: 0, OPENING: 0, RETURN: 2, SET_ASIDE: 3, ISSUE: 4}
_TURN: Final = {(kind, leaves): _TURNS.get(kind, 4 if leaves else 1) for kind in KINDS for leaves in (False, True)}
"""What opens lots, what is found, what comes back, what is set aside, what goes out; by kind and no to_site."""


def look_alike(code: str) -> str:
    """A hint where an unknown code holds a letter that only looks like one of ours."""
    strange = next((c for c in code if not c.isascii()), None)
    return (
        "" if strange is None else f": it holds U+{ord(strange):04X} ({unicodedata.name(strange, 'unnamed').lower()})"
    )
