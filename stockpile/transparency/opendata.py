"""A published table: its columns with their meaning, its rows, and its forms as JSON, CSV and JSON Schema. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stockpile.plaintext import cell

VERSION: Final = "1.0"
"""Version of the forms of all tables; a column that goes or changes its meaning raises the first number."""
LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"
TYPES: Final = ("string", "integer", "number", "boolean", "date", "date-time")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, type (of TYPES), and what it holds, with its unit. `null`: whether it may be empty."""

    name: str
    kind: str
    about: str
    null: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """A published table. `about`: what a row is; `query`: how anyone with the data can make it again."""

    name: str
    title: str
    about: str
    query: str
    columns: tuple[Column, ...]


def columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of `name type[?] meaning`; a question mark: may be empty."""
    parted = (line.split(None, 2) for line in text.strip().splitlines())
    return tuple(Column(name, kind.rstrip("?"), about, kind.endswith("?")) for name, kind, about in parted)


def as_json(dataset: Dataset, rows: Sequence[Mapping[str, Any]], *, notes: Mapping[str, Any]) -> dict[str, Any]:
    """The table as JSON: what it is, under which version and policy (`notes`), and its rows."""
    names = [column.name for column in dataset.columns]
    head = {"dataset": dataset.name, "version": VERSION, "title": dataset.title, "about": dataset.about}
    told = {**head, "query": dataset.query, "licence": LICENCE, **notes}
    return {**told, "rows": [{name: row[name] for name in names} for row in rows]}


def as_csv(dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as CSV (RFC 4180); a text that a spreadsheet would take for a formula is marked as text."""
    names = [column.name for column in dataset.columns]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> Any:
    return cell(value) if isinstance(value, str) else value


def schema(dataset: Dataset) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the table as JSON."""
    row = {
        "type": "object",
        "additionalProperties": False,
        "required": [column.name for column in dataset.columns],
        "properties": {column.name: _property(column) for column in dataset.columns},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:stockpile:dataset:{dataset.name}:{VERSION}",
        "title": dataset.title,
        "description": dataset.about,
        "type": "object",
        "required": ["dataset", "version", "rows"],
        "properties": {
            "dataset": {"const": dataset.name},
            "version": {"const": VERSION},
            "rows": {"type": "array", "items": row},
        },
    }


def _property(column: Column) -> dict[str, Any]:
    dated = column.kind in ("date", "date-time")
    kind = "string" if dated else column.kind
    told: dict[str, Any] = {"type": [kind, "null"] if column.null else kind, "description": column.about}
    return told | ({"format": column.kind} if dated else {})
