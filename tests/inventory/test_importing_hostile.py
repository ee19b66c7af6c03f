"""Hostile and broken files on the route of imports: refused in words, and nothing is stored.

How long they take is measured by tests/benchmarks/bench_hostile.py.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func
from sqlmodel import Session, select

from stockpile.app import build
from stockpile.db import open_engine, reading, transact
from stockpile.governance import operations as governance
from stockpile.inventory.importing import rules
from stockpile.inventory.importing.reading import CSV_TYPES, XLSX_TYPE
from stockpile.inventory.importing.running import Runner
from stockpile.inventory.tables import Lot, Movement
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from tests.conftest import SMALL_REGION, acting
from tests.inventory.importroom import HEADER, NAMES, archived, cells, clock, csv, line, receipt, told, workbook
from tests.journeys.test_http_journey import PASSWORD, engage

GOOD = ["receipt", "TAB", "", "N-1", "2022-01-31", "10", "", "", "D-DE", "", "", "", "", ""]
DAY_CELL = '<c s="1"><v>44592</v></c>'
DATE_STYLES = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'


def changed(**given: str) -> list[str]:
    """The cells of a good row, changed where told."""
    return [given.get(name, text) for name, text in zip(NAMES, GOOD, strict=True)]


def book(*rows: list[str], tag: str = "", **parts: str) -> bytes:
    """A workbook with the template's header and these rows."""
    return workbook(cells(NAMES, *rows, tag=tag), **parts)


def bomb(size: int = 200_000_000) -> bytes:
    """A sheet of so many bytes, packed about a thousand times."""
    made = io.BytesIO(workbook(""))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/image.bin", "w") as part:
        for _ in range(size // 1_000_000):
            part.write(b"0" * 1_000_000)
    return made.getvalue()


def lying_bomb() -> bytes:
    """As `bomb`, but its list declares a small size."""
    content = bytearray(bomb(20_000_000))
    size = (20_000_000).to_bytes(4, "little")
    at = content.rfind(size)
    content[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(content)


def many_parts() -> bytes:
    """An archive of very many empty parts."""
    return archived({f"xl/p{number}": "" for number in range(20_000)})


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><worksheet>&c;</worksheet>'
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE s SYSTEM "http://127.0.0.1:1/x.dtd"><workbook/>'
HIDDEN = (
    '<workbook xmlns:r="r"><sheets><sheet name="stock" r:id="rId1"/>'
    '<sheet name="more" state="hidden" r:id="rId2"/></sheets></workbook>'
)
TWO = '<workbook xmlns:r="r"><sheets><sheet name="a" r:id="rId1"/><sheet name="b" r:id="rId2"/></sheets></workbook>'
WIDE = "<sheetData><row r='1'>" + "<c r='XFD1' t='inlineStr'><is><t>kind</t></is></c>" + "</row></sheetData>"

FILES: list[tuple[str, str, Callable[[], bytes], str]] = [
    ("nothing", "csv", lambda: b"", "empty"),
    ("white space", "csv", lambda: b"\r\n \r\n", "empty"),
    ("the header alone", "csv", csv, "no rows"),
    ("another header", "csv", lambda: b"a,b,c\r\n1,2,3\r\n", "not that of the template"),
    ("a column twice", "csv", lambda: csv(header=HEADER + ",lot"), "twice"),
    ("a column with a space", "csv", lambda: csv(header=HEADER.replace("lot", "lot ")), "write lot"),
    ("no lot", "csv", lambda: csv(header=HEADER.replace(",lot", "")), "missing in the header"),
    ("16,000 columns", "csv", lambda: csv(header=",".join(f"c{n}" for n in range(16_000))), "columns"),
    ("tabs", "csv", lambda: csv(receipt("N")).replace(b",", b"\t"), "tabs"),
    ("UTF-16", "csv", lambda: csv(receipt("N")).decode().encode("utf-16"), "UTF-16"),
    ("UTF-16 without mark", "csv", lambda: csv(receipt("N")).decode().encode("utf-16-le"), "UTF-16"),
    ("UTF-32", "csv", lambda: csv(receipt("N")).decode().encode("utf-32"), "UTF-32"),
    ("Latin-1", "csv", lambda: csv(receipt("N", reason="Schränke")).decode().encode("latin-1"), "Latin-1"),
    ("a zero", "csv", lambda: csv(receipt("N\0")), "zero"),
    ("a field of 200 kB", "csv", lambda: csv(receipt("N", reason="x" * 200_000)), "field larger"),
    ("a field of 100 kB", "csv", lambda: csv(receipt("N", reason="x" * 100_000)), "characters"),
    ("a quotation mark left open", "csv", lambda: csv(receipt('"N')), "quotation mark"),
    ("a cell too many", "csv", lambda: csv(receipt("N") + ",x"), "15 cells where the header has 14"),
    ("a cell too few", "csv", lambda: csv("receipt,TAB"), "2 cells where the header has 14"),
    ("text after a quotation", "csv", lambda: csv(receipt('"N"x')), "is not CSV"),
    ("more than 10 MB", "csv", lambda: csv(receipt("N")) + b"," * (10 * 1024 * 1024), "larger than"),
    ("many empty rows", "csv", lambda: csv() + b"\n" * 9_000_000, "no rows"),
    ("many short rows", "csv", lambda: csv() + b"a\n" * 4_500_000, "beyond 200,000 rows"),
    ("a formula", "csv", lambda: csv(receipt("N", reason="=1+1")), "formula"),
    ("a command", "csv", lambda: csv(receipt("N", document="@SUM(A1)")), "formula"),
    ("a plus", "csv", lambda: csv(receipt("+1")), "formula"),
    ("a minus", "csv", lambda: csv(receipt("-1")), "formula"),
    ("a tab at the start", "csv", lambda: csv(receipt("\tN")), "formula"),
    ("a decimal comma", "csv", lambda: csv(receipt("N", '"1,5"')), "no comma"),
    ("an exponent", "csv", lambda: csv(receipt("N", "1e3")), "exponent"),
    ("a point", "csv", lambda: csv(receipt("N", "1.0")), "point"),
    ("digits of another script", "csv", lambda: csv(receipt("N", "१२")), "only the digits 0 to 9"),
    ("a raised two", "csv", lambda: csv(receipt("N", "²")), "only the digits 0 to 9"),
    ("an underscore", "csv", lambda: csv(receipt("N", "1_000")), "digits alone"),
    ("zero", "csv", lambda: csv(receipt("N", 0)), "must be 1 to"),
    ("below zero", "csv", lambda: csv(receipt("N", -5)), "below zero"),
    ("far too many", "csv", lambda: csv(receipt("N", 10**12 + 1)), "must be 1 to"),
    ("5,000 digits", "csv", lambda: csv(receipt("N", "9" * 5000)), "must be 1 to"),
    ("more packs than can be", "csv", lambda: csv(receipt("N", "", packs=10**12)), "base units"),
    ("packs beside a quantity", "csv", lambda: csv(receipt("N", packs=1)), "one of them"),
    ("a homoglyph item", "csv", lambda: csv(receipt("N", item="Т\u0410B")), "cyrillic"),
    ("a homoglyph lot", "csv", lambda: csv(receipt("\u0410-1")), "cyrillic"),
    ("text turned round", "csv", lambda: csv(receipt("N", reason="a\u202eb")), "invisible"),
    ("a space at the end", "csv", lambda: csv(receipt("N ")), "space"),
    ("a line break in a cell", "csv", lambda: csv(receipt('"N\n1"')), "control character"),
    ("a German date", "csv", lambda: csv(receipt("N", expiry="31.01.2022")), "not a day written like"),
    ("a short date", "csv", lambda: csv(receipt("N", expiry="220131")), "not a day written like"),
    ("day 00", "csv", lambda: csv(receipt("N", expiry="2022-01-00")), "day 00"),
    ("a day that is none", "csv", lambda: csv(receipt("N", expiry="2022-02-30")), "does not exist"),
    ("a day of another age", "csv", lambda: csv(receipt("N", expiry="9999-12-31")), "years"),
    ("an instant without zone", "csv", lambda: csv(receipt("N", effective_at="2020-03-30T08:00:00")), "time zone"),
    ("a GTIN with a wrong digit", "csv", lambda: csv(receipt("N", gtin="9529999990014")), "check digit"),
    ("a GTIN of nobody", "csv", lambda: csv(receipt("N", gtin="9529999990044")), "GTIN"),
    ("a GTIN in other digits", "csv", lambda: csv(receipt("N", gtin="९५२९९९९९९००१३")), "digits 0 to 9"),
    ("a transfer", "csv", lambda: csv(line(kind="move", item="TAB", lot="T-NEW", quantity=1)), "transfer"),
    ("SQL", "csv", lambda: csv(receipt("N", item="'; DROP TABLE lot; --")), "no item has the code"),
    ("a workbook as CSV", "csv", lambda: workbook(""), "workbook"),
    ("CSV as a workbook", "xlsx", lambda: csv(receipt("N")), "no XLSX"),
    ("an old workbook", "xlsx", lambda: b"\xd0\xcf\x11\xe0" + b"x" * 1000, "old XLS"),
    ("half an archive", "xlsx", lambda: workbook("")[:500], "no XLSX"),
    ("another archive", "xlsx", lambda: archived({"a": "b"}), "no workbook"),
    ("noise after the header", "xlsx", lambda: b"PK\x03\x04" + b"\xff" * 5000, "no XLSX"),
    ("a bomb of 200 MB", "xlsx", bomb, "unpacks to"),
    ("a bomb of 20 MB", "xlsx", lambda: bomb(20_000_000), "packed 100 times"),
    ("a bomb that lies", "xlsx", lying_bomb, ""),
    ("20,000 parts", "xlsx", many_parts, "too many parts"),
    ("a billion laughs", "xlsx", lambda: workbook("", sheet1=LAUGHS), "DOCTYPE"),
    ("a DTD from elsewhere", "xlsx", lambda: workbook("", workbook=OUTSIDE), "DOCTYPE"),
    ("macros", "xlsx", lambda: workbook("", **{"xl/vbaProject.bin": "x"}), "macros"),
    ("broken XML", "xlsx", lambda: workbook("<sheetData><row>"), "damaged"),
    ("16,384 columns", "xlsx", lambda: workbook(WIDE), "more than 64 columns"),
    ("a hidden sheet", "xlsx", lambda: workbook("", workbook=HIDDEN), "hidden"),
    ("two sheets", "xlsx", lambda: workbook("", workbook=TWO), "several sheets"),
    ("merged cells", "xlsx", lambda: book(GOOD, tag='<mergeCells><mergeCell ref="A2:B3"/></mergeCells>'), "merged"),
    ("a formula cell", "xlsx", lambda: book(changed(quantity="<c><f>1+1</f><v>2</v></c>")), "formula"),
    ("a truth value", "xlsx", lambda: book(changed(lot='<c t="b"><v>1</v></c>')), "true or false"),
    ("an error", "xlsx", lambda: book(changed(lot='<c t="e"><v>#N/A</v></c>')), "an error"),
    ("a date as text", "xlsx", lambda: book(changed(expiry="31/01/2022")), "not a day written like"),
    ("a date without format", "xlsx", lambda: book(changed(expiry="<c><v>44592</v></c>")), "not a day written like"),
    ("a batch as number", "xlsx", lambda: book(changed(lot="<c><v>7</v></c>")), "leading zeros"),
    ("a fraction", "xlsx", lambda: book(changed(quantity="<c><v>1.5</v></c>")), "whole number"),
    ("a date as quantity", "xlsx", lambda: book(changed(quantity=DAY_CELL), styles=DATE_STYLES), "whole number"),
    ("a shared text that is not there", "xlsx", lambda: book(changed(lot='<c t="s"><v>9</v></c>')), "lot"),
    ("a cell of no name", "xlsx", lambda: book(changed(lot='<c r="7"><v>9</v></c>')), "no cell is called"),
]
NAMED = [pytest.param(form, make, reason, id=name) for name, form, make, reason in FILES]


@pytest.fixture(scope="module")
def region(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One small region for all these files, for none of them may change it."""
    path = tmp_path_factory.mktemp("hostile") / "stockpile.db"
    shutil.copy(sqlite_template, path)
    engine, act = open_engine(f"sqlite:///{path}"), acting(governance.founder())

    def load(session: Session) -> None:
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))

    transact(engine, load)
    engage(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def client(region: Engine) -> Iterator[TestClient]:
    """The region served, with a logistician signed in; what is accepted waits until it is run."""
    client = TestClient(build(region, Settings(), scheduled=False), raise_server_exceptions=False)
    token = client.post("/api/v1/tokens", auth=("logistics", PASSWORD)).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    yield client
    client.close()


def stored(engine: Engine) -> tuple[int, int]:
    """How many lots and movements there are."""
    with reading(engine) as session:
        lots = session.exec(select(func.count()).select_from(Lot)).one()
        return lots, session.exec(select(func.count()).select_from(Movement)).one()


@pytest.mark.parametrize(("form", "make", "reason"), NAMED)
def test_a_hostile_file_is_refused_in_words_and_stores_nothing(
    client: TestClient, region: Engine, form: str, make: Callable[[], bytes], reason: str
) -> None:
    content, before = make(), stored(region)
    kind = CSV_TYPES[0] if form == "csv" else XLSX_TYPE
    answer = client.post("/api/v1/imports", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (202, 413, 422), answer.text
    reasons = answer.json().get("detail", "")
    if answer.status_code == 202:
        number = answer.json()["import"]
        assert Runner(region, clock).drain() == 1
        state, found = told(region, number)
        assert state == rules.REFUSED, found
        reasons = "; ".join(f"{row} {column}: {why}" for row, column, why in found)
    assert reason.lower() in reasons.lower(), reasons[:500]
    assert stored(region) == before
    assert "Traceback" not in reasons


def test_a_good_workbook_with_real_dates_and_numbers_is_taken(client: TestClient, region: Engine) -> None:
    shared = "<sst><si><t>N-</t><r><t>9</t></r><rPh><t>x</t></rPh></si></sst>"
    row = changed(expiry=DAY_CELL, quantity="<c><v>10</v></c>", lot='<c t="s"><v>0</v></c>')
    content = book(row, styles=DATE_STYLES, **{"xl/sharedStrings.xml": shared})
    number = client.post("/api/v1/imports", content=content, headers={"Content-Type": XLSX_TYPE}).json()["import"]
    assert Runner(region, clock).drain() == 1
    assert told(region, number) == (rules.DONE, [])
    with reading(region) as session:
        expiry = session.exec(select(Lot.expiry).where(Lot.code == "N-9")).one()
    assert expiry.isoformat() == "2022-01-31"


def test_what_nobody_sees_in_a_sheet_is_not_taken(client: TestClient, region: Engine) -> None:
    hidden_row = cells(NAMES, GOOD).replace('<row r="2">', '<row r="2" hidden="1">')
    hidden_column = '<cols><col min="4" max="4" hidden="1"/></cols>' + cells(NAMES, GOOD)
    for sheet, reason in ((hidden_row, "the row is hidden"), (hidden_column, "column 4 is hidden")):
        headers = {"Content-Type": XLSX_TYPE}
        answer = client.post("/api/v1/imports", content=workbook(sheet), headers=headers).json()
        Runner(region, clock).drain()
        state, found = told(region, answer["import"])
        assert state == rules.REFUSED
        assert reason in found[0][2]
