"""What the tests of the import share: files as people send them, and running what was sent."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.inventory.importing import operations, queries, rules, template
from stockpile.inventory.importing.reading import opened
from stockpile.inventory.importing.running import Runner
from stockpile.inventory.importing.tables import StockImport
from tests.conftest import NOW

HEADER = "kind,item,gtin,lot,expiry,quantity,packs,from_site,to_site,owner,status,effective_at,document,reason"
NAMES = HEADER.split(",")


def clock() -> datetime:
    """The tests' instant."""
    return NOW


def line(**cells: Any) -> str:
    """A row of the template with these cells."""
    assert set(cells) <= set(NAMES), cells
    return ",".join(str(cells.get(name, "")) for name in NAMES)


def receipt(lot: str, quantity: Any = 10, **cells: Any) -> str:
    """A receipt of tablets at Aachen, changed where told."""
    given = {"kind": "receipt", "item": "TAB", "lot": lot, "expiry": "2022-01-31", "to_site": "D-DE"}
    return line(**{**given, "quantity": quantity, **cells})


def lost(lot: str, quantity: Any, **cells: Any) -> str:
    """A loss of tablets at Aachen, changed where told."""
    given = {"kind": "adjustment", "item": "TAB", "lot": lot, "from_site": "D-DE", "reason": "broken"}
    return line(**{**given, "quantity": quantity, **cells})


def csv(*rows: str, header: str = HEADER) -> bytes:
    """A file of these rows."""
    return ("\r\n".join([header, *rows]) + "\r\n").encode()


def sent(engine: Engine, act: Act, content: bytes, *, dry_run: bool = False, form: str = rules.CSV) -> int:
    """Send a file; its number."""
    file = opened(content, form=form)

    def take(session: Any) -> StockImport:
        return operations.accept(session, act, name="f", content=content, opened=file, dry_run=dry_run)

    number = transact(engine, take).id
    assert number is not None
    return number


def told(engine: Engine, number: int) -> tuple[str, list[tuple[int, str, str]]]:
    """The state of an import, and its findings: row, column, reason."""
    with reading(engine) as session:
        found = queries.findings(session, number, limit=1000)
        state = queries.import_of(session, number).state
        return state, [(one.row_number, one.column_name, one.reason) for one in found]


def imported(
    engine: Engine, act: Act, content: bytes, *, dry_run: bool = False, form: str = rules.CSV
) -> tuple[str, list[tuple[int, str, str]]]:
    """Send a file and run it."""
    number = sent(engine, act, content, dry_run=dry_run, form=form)
    assert Runner(engine, clock).drain() == 1
    return told(engine, number)


def workbook(sheet: str, **parts: str) -> bytes:
    """A workbook of one sheet with this XML between its root's tags; `parts` replace others, by stem of their name."""
    with zipfile.ZipFile(io.BytesIO(template.as_xlsx())) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    root = '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="x">'
    found["xl/worksheets/sheet1.xml"] = parts.get("sheet1", f"{root}{sheet}</worksheet>")
    for name, told_before in list(found.items()):
        stem = name.rpartition("/")[2].partition(".")[0]
        found[name] = parts.get(stem, told_before)
    return archived(found | {name: text for name, text in parts.items() if "/" in name})


def archived(parts: dict[str, str]) -> bytes:
    """A compressed archive of these parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def cells(*rows: list[str], tag: str = "") -> str:
    """Sheet data of text cells; a cell that begins with < is taken as it is."""
    told_rows = []
    for number, row in enumerate(rows, start=1):
        told_cells = [one if one.startswith("<") else f'<c t="inlineStr"><is><t>{one}</t></is></c>' for one in row]
        told_rows.append(f'<row r="{number}">{"".join(told_cells)}</row>')
    return f"<sheetData>{''.join(told_rows)}</sheetData>{tag}"
