"""A sent file (CSV, or a workbook with a sheet for each template) as texts of the templates by name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Final

from stockpile.errors import Invalid
from stockpile.inventory.importing import template
from stockpile.inventory.importing.sheet import Line, Unreadable
from stockpile.inventory.importing.xlsx import Workbook, sheet_names
from stockpile.region.reading import Fault
from stockpile.region.templates import TEMPLATES

LARGEST_FILE: Final = 10 * 1024 * 1024
MOST_ROWS: Final = 50_000
"""Of a workbook: a cell of one costs ten times what it costs in CSV."""
EXPLANATION: Final = "explanation"
MOST_FAULTS: Final = 50


class NoTemplate(Invalid):
    """Neither the name of a file nor its header is that of a template."""

    code = "no_template"


class BadCells(Invalid):
    """Cells of a workbook that say something else than they show; `faults` name sheet, row, column and reason."""

    code = "bad_cells"


def texts_of(content: bytes, *, file_name: str) -> dict[str, str]:
    """The CSV texts in a sent file by the names of their templates; refuses what is none and what cannot be read."""
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"{file_name} has {len(content):,} bytes: at most {LARGEST_FILE:,}", field="file")
    if not content.strip():
        raise Unreadable(f"{file_name} is empty", field="file")
    if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return _of_workbook(content, file_name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        told = f"{file_name}, line {line}: byte {failure.start} is not UTF-8 text: save it as 'CSV UTF-8'"
        raise Unreadable(told, field="file") from failure
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(f"{file_name}, line {line}: holds a zero character", field="file")
    return {_named(file_name, _header(text, file_name)): text}


def _header(text: str, file_name: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text.partition("\n")[0])), [])
    except csv.Error as failure:
        raise Unreadable(f"{file_name} is not CSV: {failure}", field="file") from failure


def _named(file_name: str, header: Sequence[str]) -> str:
    """The template that a file is: by its name, otherwise by its header."""
    stem = PurePosixPath(file_name.lower()).stem
    if stem in TEMPLATES:
        return stem
    cells = {cell.strip() for cell in header}
    for name, model in TEMPLATES.items():
        if model.required() <= cells <= set(model.model_fields):
            return name
    raise NoTemplate(
        f"{file_name}: neither its name nor its header is that of a template; name it after one of "
        f"{', '.join(f'{name}.csv' for name in TEMPLATES)}",
        field="file",
    )


def _of_workbook(content: bytes, file_name: str) -> dict[str, str]:
    sheets = sheet_names(content)
    found, rows = dict[str, str](), 0
    for sheet in sheets:
        if sheet == EXPLANATION:
            continue
        lines = list(islice(Workbook(content, sheet=sheet).lines(), MOST_ROWS + 1))
        rows += len(lines)
        if rows > MOST_ROWS:
            raise Unreadable(f"{file_name} has more than {MOST_ROWS:,} rows: send them as CSV", field="file")
        if not lines or (len(lines) == 1 and len(sheets) > 1):
            continue
        name = _named(sheet if len(sheets) > 1 else file_name, lines[0].cells)
        _refuse_bad_cells(name, lines)
        found[name] = _as_csv(line.cells for line in lines)
    if not found:
        raise Unreadable(f"{file_name} holds no rows", field="file")
    return found


def _refuse_bad_cells(name: str, lines: Sequence[Line]) -> None:
    header, faults = list(lines[0].cells), list[Fault]()
    for expected, line in enumerate(lines, start=1):
        if line.cells and line.number != lines[0].number + expected - 1:
            faults.append(Fault(name, expected, "", "an empty row stands above it: remove it"))
            break
        for place, value, reason in line.faults:
            column = header[place] if 0 <= place < len(header) else ""
            faults.append(Fault(name, expected, column, f"{value} {reason}".strip()))
    if faults:
        listed = [str(fault) for fault in faults[:MOST_FAULTS]]
        raise BadCells("\n".join(listed), faults=listed)


def _as_csv(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()


def blank(names: Iterable[str], *, form: str) -> bytes:
    """Templates to fill in: the header of one as CSV, or a workbook with a sheet for each."""
    if form == "csv":
        return "".join(f"{','.join(TEMPLATES[name].model_fields)}\r\n" for name in names).encode()
    return template.workbook({name: [tuple(TEMPLATES[name].model_fields)] for name in names})


def text_of(name: str, cells: dict[str, str]) -> str:
    """A template of one row, from what was typed by column."""
    columns = list(TEMPLATES[name].model_fields)
    return _as_csv([columns, [cells[column] for column in columns]])
