"""Reading the one sheet of a workbook, with every bound checked before it is paid for.

A workbook is a ZIP archive of XML (ECMA-376). The archive's own list is judged
first: a file that declares more than it may is refused unopened. The XML is
read as a stream by expat, with no document type declaration allowed, and
stops at the first row or column beyond the bounds. Real date cells become ISO
days; formulas, hidden or merged cells and truth values are refused, for what
they mean is not what is seen.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from posixpath import join, normpath
from typing import Final

from stockpile.inventory.importing import rules
from stockpile.inventory.importing.sheet import Line, SheetReader, Unreadable, feed, parse, parser, small_number

MOST_PARTS: Final = 500
LARGEST_LIST: Final = 200_000
"""Bytes of the archive's list of its parts."""
LARGEST_PART: Final = 100 * 1024 * 1024
LARGEST_SMALL_PART: Final = 2 * 1024 * 1024
"""Bytes of the parts that say what is where: workbook, relations, styles."""
HIGHEST_RATIO: Final = 100
CHUNK: Final = 1 << 16
SHEET: Final = "stock"
_BUILT_IN_DATES: Final = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])


class Workbook:
    """The sheet of a workbook that is to be imported, judged by what the archive declares.

    `sheet`: its name; None: the one that `_the_sheet` chooses.
    """

    def __init__(self, content: bytes, *, sheet: str | None = None) -> None:
        self._parts = _archive(content)
        book = _Book()
        parse(_small(self._parts, "xl/workbook.xml"), book.started)
        named = [one for one in book.sheets if one[0] == sheet]
        self.sheet, relation = _the_sheet(named or book.sheets)
        targets: dict[str, str] = {}

        def related(_tag: str, given: dict[str, str]) -> None:
            targets[given.get("Id", "")] = given.get("Target", "")

        parse(_small(self._parts, "xl/_rels/workbook.xml.rels"), related)
        self._sheet_part = normpath(join("/xl", targets.get(relation, ""))).lstrip("/")
        self._epoch = datetime(1904, 1, 1) if book.from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001  (a day, no instant)
        if self._sheet_part not in self._parts.namelist():
            raise Unreadable(f"the workbook has no sheet {self.sheet}", field="file")
        self.rows_expected = self._parts.getinfo(self._sheet_part).file_size // 600

    def lines(self) -> Iterator[Line]:
        """The rows that are not empty, in order, with the merged cells at the end."""
        reader = SheetReader(self._shared(), self._date_styles(), self._epoch)
        for chunk in _chunks(self._parts, self._sheet_part):
            reader.feed(chunk)
            yield from reader.taken()
        reader.feed(b"", last=True)
        yield from reader.taken()

    def _shared(self) -> list[str]:
        part = "xl/sharedStrings.xml"
        if part not in self._parts.namelist():
            return []
        strings = _Strings()
        reader = parser(strings.started, strings.ended, strings.said)
        for chunk in _chunks(self._parts, part):
            feed(reader, chunk)
        feed(reader, b"", last=True)
        return strings.found

    def _date_styles(self) -> frozenset[int]:
        if "xl/styles.xml" not in self._parts.namelist():
            return frozenset()
        styles = _Styles()
        parse(_small(self._parts, "xl/styles.xml"), styles.started, styles.ended)
        return frozenset(at for at, number in enumerate(styles.formats) if styles.is_date(number))


def sheet_names(content: bytes) -> list[str]:
    """The names of a workbook's sheets, in order; refuses what is none."""
    book = _Book()
    parse(_small(_archive(content), "xl/workbook.xml"), book.started)
    return [name for name, _, _ in book.sheets]


def _small(parts: zipfile.ZipFile, part: str) -> bytes:
    if part not in parts.namelist():
        raise Unreadable(f"this is no workbook: it has no {part}", field="file")
    if parts.getinfo(part).file_size > LARGEST_SMALL_PART:
        raise Unreadable(f"{part} of the workbook is too large", field="file")
    return b"".join(_chunks(parts, part))


def _archive(content: bytes) -> zipfile.ZipFile:
    """The archive, unless what it declares is more than it may be."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(
            "the workbook is protected by a password or of the old XLS form: save it as XLSX", field="file"
        )
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - 65_557))
    if not content.startswith(b"PK") or end < 0 or end + 22 > len(content):
        raise Unreadable("this is no XLSX workbook", field="file")
    listed = int.from_bytes(content[end + 12 : end + 16], "little")
    if listed > LARGEST_LIST or b"PK\x06\x07" in content[max(0, end - 20) : end]:
        raise Unreadable("the workbook holds too many parts", field="file")
    try:
        found = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as failure:
        raise Unreadable(f"this is no XLSX workbook: {failure}", field="file") from failure
    _refuse_bomb(found.infolist())
    return found


def _refuse_bomb(parts: Sequence[zipfile.ZipInfo]) -> None:
    if len(parts) > MOST_PARTS or len({one.filename for one in parts}) < len(parts):
        raise Unreadable("the workbook holds too many parts, or two of one name", field="file")
    total = sum(one.file_size for one in parts)
    if total > LARGEST_PART:
        raise Unreadable(
            f"the workbook unpacks to {total:,} bytes: at most {LARGEST_PART:,}; send the rows as CSV", field="file"
        )
    for one in parts:
        if one.flag_bits & 1:
            raise Unreadable("the workbook is protected by a password", field="file")
        if one.file_size > 1_000_000 and one.file_size > HIGHEST_RATIO * max(1, one.compress_size):
            raise Unreadable(f"{rules.shown(one.filename)} is packed {HIGHEST_RATIO} times or more", field="file")
        if one.filename.lower().endswith("vbaproject.bin"):
            raise Unreadable("the workbook holds macros: save it as XLSX without them", field="file")


def _chunks(parts: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with parts.open(name) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as failure:
        raise Unreadable(f"the workbook is damaged: {failure}", field="file") from failure


class _Book:
    """Sheets of a workbook: (name, state, relation)."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.from_1904 = False

    def started(self, tag: str, given: dict[str, str]) -> None:
        if tag == "sheet":
            relation = next((value for name, value in given.items() if name.endswith(":id")), "")
            self.sheets.append((given.get("name", ""), given.get("state", "visible"), relation))
        elif tag == "workbookPr":
            self.from_1904 = given.get("date1904") in ("1", "true")


def _the_sheet(sheets: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    """The sheet named stock, or the only one; refuses hidden sheets, for nobody sees what is in them."""
    hidden = [name for name, state, _ in sheets if state != "visible"]
    if hidden:
        raise Unreadable(f"sheet {rules.shown(hidden[0])} is hidden: show it or remove it", field="file")
    chosen = [one for one in sheets if one[0] == SHEET] or list(sheets)
    if len(chosen) != 1:
        named = ", ".join(rules.shown(name) for name, _, _ in sheets[:5]) or "none"
        raise Unreadable(f"the workbook has several sheets ({named}): name one of them {SHEET}", field="file")
    return chosen[0][0], chosen[0][2]


class _Strings:
    """The shared strings; phonetic readings are left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._inside = self._phonetic = False

    def started(self, tag: str, _given: dict[str, str]) -> None:
        if tag == "si":
            self._parts = []
        self._phonetic = self._phonetic or tag == "rPh"
        self._inside = tag == "t" and not self._phonetic

    def ended(self, tag: str) -> None:
        self._inside = False
        if tag == "rPh":
            self._phonetic = False
        if tag == "si":
            self.found.append("".join(self._parts))

    def said(self, text: str) -> None:
        if self._inside:
            self._parts.append(text)


class _Styles:
    """Number formats of the cell styles."""

    def __init__(self) -> None:
        self.formats: list[int] = []
        self._codes: dict[int, str] = {}
        self._in_cells = False

    def started(self, tag: str, given: dict[str, str]) -> None:
        if tag == "cellXfs":
            self._in_cells = True
        elif tag == "xf" and self._in_cells:
            self.formats.append(small_number(given.get("numFmtId", "0")))
        elif tag == "numFmt":
            self._codes[small_number(given.get("numFmtId", "0"))] = given.get("formatCode", "")

    def ended(self, tag: str) -> None:
        if tag == "cellXfs":
            self._in_cells = False

    def is_date(self, number: int) -> bool:
        if number in _BUILT_IN_DATES:
            return True
        code = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.', "", self._codes.get(number, "")[:200].lower())
        return code != "general" and re.search("[dmyhs]", code) is not None
