"""From the bytes of a file to rows of text: CSV here, workbooks in `xlsx`; what cannot be read is refused by name.

`opened` looks at what can be judged at once (encoding, divider, header, the
sizes that a workbook declares) in milliseconds; `lines` reads on as it is
asked, so that a long file takes no more memory than its rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stockpile.errors import Invalid
from stockpile.inventory.importing import rules, xlsx
from stockpile.inventory.importing.sheet import Line, Unreadable

CSV_TYPES: Final = ("text/csv", "application/csv")
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SAVE_AS: Final = "save it as 'CSV UTF-8'"


class TooLarge(Invalid):
    """The file is larger than an import may be."""

    code = "file_too_large"


class BadHeader(Invalid):
    """The first row does not name the columns of the template; `findings` say which."""

    code = "bad_header"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read: its form, what divides its cells (a workbook: its sheet), and about how many rows."""

    form: str
    divider: str
    rows_expected: int
    lines: Callable[[], Iterator[Line]]


def opened(content: bytes, *, form: str) -> Opened:
    """The file, judged as far as milliseconds allow; refuses what cannot be read (Unreadable, TooLarge, BadHeader)."""
    if len(content) > rules.LARGEST_FILE:
        raise TooLarge(f"the file has {len(content):,} bytes: at most {rules.LARGEST_FILE:,}", field="file")
    if not content.strip():
        raise Unreadable("the file is empty", field="file")
    if form == rules.XLSX:
        book = xlsx.Workbook(content)
        return Opened(rules.XLSX, book.sheet, book.rows_expected, book.lines)
    return _opened_csv(content)


def _opened_csv(content: bytes) -> Opened:
    text = _decoded(content)
    first = text.partition("\n")[0]
    divider = _divider(first)
    header = next(_csv_lines(first, divider), None)
    _refuse_bad_header(header.cells if header else ())
    return Opened(rules.CSV, divider, text.count("\n"), lambda: _csv_lines(text, divider))


def _refuse_bad_header(header: Sequence[str]) -> None:
    if len(header) > rules.MOST_COLUMNS:
        raise BadHeader(f"the header has {len(header):,} columns: at most {rules.MOST_COLUMNS}", field="header")
    found = rules.header_findings(header)
    if found:
        told = "; ".join(f"{one.column}: {one.reason}" for one in found[:5])
        raise BadHeader(f"the header is not that of the template: {told}", field="header", findings=found)


def _decoded(content: bytes) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable("this is a workbook, not CSV: send it as XLSX", field="file")
    for mark, name in _MARKS:
        if content.startswith(mark):
            raise Unreadable(f"the file is {name}, not UTF-8: {_SAVE_AS}", field="file")
    at = content.find(0)
    if at >= 0:
        wide = content[:2000].count(0) * 3 > len(content[:2000])
        raise Unreadable(
            f"the file is UTF-16, not UTF-8: {_SAVE_AS}" if wide else f"byte {at} is a zero: this is no text",
            field="file",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        raise Unreadable(
            f"row {line}: byte {failure.start} (0x{content[failure.start]:02x}) is not UTF-8; "
            f"the file seems to be Latin-1 (Windows-1252): {_SAVE_AS}",
            field="file",
            row=line,
        ) from failure


def _divider(first: str) -> str:
    """The divider of the header, which holds no text that could contain one."""
    counts = {divider: first.count(divider) for divider in (",", ";", "\t", "|")}
    best = max(counts, key=lambda divider: counts[divider])
    if best in ",;" or not counts[best]:
        return best if counts[best] else ","
    raise Unreadable("cells must be divided by comma or semicolon, not by tabs or bars", field="file")


def _csv_lines(text: str, divider: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cells):
                yield Line(number, cells, ())
    except csv.Error as failure:
        raise Unreadable(
            f"row {number + 1} (about line {reader.line_num}) is not CSV: {failure}; is a quotation mark missing?",
            field="file",
            row=number + 1,
        ) from failure
