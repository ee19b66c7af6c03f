"""Requests of many municipalities as a CSV file: its columns, and what is wrong with which row. Pure."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from stockpile.errors import Invalid
from stockpile.plaintext import Text

COLUMNS: Final = ("member", "item", "quantity", "own_stock", "need_by", "justification")
BEYOND: Final = "beyond"
NUMBERS: Final = ("quantity", "own_stock")
LARGEST_BYTES: Final = 1024 * 1024
MOST_ROWS: Final = 5000
MOST_FAULTS: Final = 20
_TEXT: Final = TypeAdapter(Text)


class RequestsFile(Invalid):
    """The file is no list of requests; `faults` name row, column and reason."""

    code = "requests_file"


@dataclass(frozen=True, slots=True)
class Row:
    """What a row asks: base units, and the day on which it is needed."""

    member: str
    item: str
    quantity: int
    own_stock: int
    need_by: date
    justification: str


def rows(content: bytes) -> list[Row]:
    """The rows of a file of requests; refuses it whole, naming every row and column that is wrong (twenty at most).

    Rows are counted as a spreadsheet does: the header is row 1.

    >>> found = rows(b"member,item,quantity,own_stock,need_by,justification\\nNL-1,TAB,120,0,2020-03-31,full ward\\n")
    >>> found[0].quantity
    120
    """
    if len(content) > LARGEST_BYTES:
        raise RequestsFile(f"the file has {len(content):,} bytes: at most {LARGEST_BYTES:,}", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise RequestsFile("the file is no UTF-8 text: save it as 'CSV UTF-8'", field="file") from failure
    reader = csv.DictReader(io.StringIO(text), restkey=BEYOND)
    faults, found = list[dict[str, object]](), list[Row]()
    try:
        if sorted(reader.fieldnames or ()) != sorted(COLUMNS):
            raise RequestsFile(f"the first line names the columns: {','.join(COLUMNS)}", field="file")
        for number, cells in enumerate(reader, start=2):
            row = _row(number, cells, faults)
            found += [row] if row else []
    except csv.Error as failure:
        raise RequestsFile(f"the file is no CSV: {failure}", field="file") from failure
    if faults:
        told = "; ".join(f"row {one['row']}, {one['column']}: {one['reason']}" for one in faults[:MOST_FAULTS])
        raise RequestsFile(told, field="file", faults=faults[:MOST_FAULTS])
    if not 1 <= len(found) <= MOST_ROWS:
        raise RequestsFile(f"a file holds 1 to {MOST_ROWS:,} requests, not {len(found):,}", field="file")
    return found


def _row(number: int, cells: dict[str, Any], faults: list[dict[str, object]]) -> Row | None:
    read, before = dict[str, Any](), len(faults)
    for column in COLUMNS:
        try:
            read[column] = _cell(column, (cells.get(column) or "").strip())
        except ValueError as fault:
            faults.append({"row": number, "column": column, "reason": str(fault)})
    if BEYOND in cells:
        faults.append({"row": number, "column": COLUMNS[-1], "reason": "cells beyond it: quote what has commas"})
    return Row(**read) if len(faults) == before else None


def _cell(column: str, given: str) -> object:
    """The cell as its column takes it; ValueError says why not."""
    if column in NUMBERS:
        if not given.isascii() or not given.isdigit() or len(given) > 12:
            raise ValueError(f"{given[:20] or 'nothing'} is no whole number of base units")
        return int(given)
    if column == "need_by":
        try:
            return date.fromisoformat(given)
        except ValueError as failure:
            raise ValueError(f"{given[:20] or 'nothing'} is no day, such as 2020-06-30") from failure
    try:
        return _TEXT.validate_python(given)
    except ValidationError as failure:
        raise ValueError("nothing is written here" if not given else "holds what cannot be seen") from failure
