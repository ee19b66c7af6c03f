"""A region set up file by file: faults by row and column, workbooks as CSV, and nothing in the books before the end."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.actor import Act, Actor, Grant
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries as accounts
from stockpile.governance.rules import Missing
from stockpile.governance.tables import Member, Region
from stockpile.inventory import ledger
from stockpile.inventory import queries as stock
from stockpile.inventory.importing import template
from stockpile.inventory.importing.sheet import Unreadable
from stockpile.inventory.tables import Lot
from stockpile.region import drafting, loading, sheets
from stockpile.region.drafting import STEPS
from stockpile.region.loading import RegionLoaded
from stockpile.region.sheets import BadCells, NoTemplate
from stockpile.region.tables import RegionDraft
from stockpile.region.templates import TEMPLATES
from tests.conftest import SMALL_REGION, acting

FILES = ("members", "sites", "lanes", "items", "licences", "lots", "floors", "own_stock")
CONTRACTS = ("suppliers", "contracts", "contract_lines", "price_tiers", "policy")


@pytest.fixture
def setter(engine: Engine) -> Act:
    """The administrator of an empty installation."""

    def first(session: Any) -> Actor:
        loading.installation_account(session)
        given: dict[str, Any] = {"name": "setup", "title": "set-up", "password": "", "grants": [Grant("administrator")]}
        account = governance.add_account(session, acting(governance.founder()), **given)
        return accounts.actor_of(session, account)

    return acting(transact(engine, first))


def lines(name: str) -> list[tuple[str, ...]]:
    """A template of the small region as rows of cells."""
    return [tuple(line.split(",")) for line in (SMALL_REGION / f"{name}.csv").read_text("utf-8").splitlines()]


def sent(engine: Engine, act: Act, name: str, *, swap: tuple[str, str] = ("", "")) -> list[str]:
    """Send a file of the small region, with one thing replaced."""
    content = (SMALL_REGION / f"{name}.csv").read_text("utf-8").replace(*swap) if swap[0] else ""
    raw = (content or (SMALL_REGION / f"{name}.csv").read_text("utf-8")).encode()
    return transact(engine, lambda s: drafting.put(s, act, content=raw, file_name=f"{name}.csv"))


def standing(engine: Engine) -> drafting.Draft:
    """Where the setting up stands."""
    with reading(engine) as session:
        return drafting.draft(session)


def described(engine: Engine, act: Act, **given: str) -> None:
    """Say what the region is."""
    told = {"title": "Borderland", "currency": "EUR", "time_zone": "Europe/Brussels"} | given
    transact(engine, lambda s: drafting.describe(s, act, **told))


def test_a_region_set_up_file_by_file_is_loaded_whole(engine: Engine, setter: Act) -> None:
    described(engine, setter)
    for name in (*FILES, *CONTRACTS):
        assert sent(engine, setter, name) == [name]
        with reading(engine) as session:
            assert session.exec(select(Member)).first() is None
            assert session.exec(select(Lot)).first() is None
    found = standing(engine)
    assert found.ready
    assert all(found.done(step) for step in STEPS)
    assert transact(engine, lambda s: drafting.load(s, setter)).title == "Borderland"
    with reading(engine) as session:
        assert len(accounts.members(session)) == 5
        assert len(stock.sites(session)) > 2
        assert session.exec(select(RegionDraft)).first() is None
        assert list(ledger.discrepancies(session)) == []
        assert accounts.account_by_name(session, "scheduler").active
    assert standing(engine).loaded
    with pytest.raises(RegionLoaded):
        sent(engine, setter, "members")


def test_what_is_wrong_is_told_by_row_and_column_and_keeps_the_whole_from_being_loaded(
    engine: Engine, setter: Act
) -> None:
    described(engine, setter)
    for name in FILES:
        sent(engine, setter, name, swap=("19000", "many") if name == "members" else ("", ""))
    found = standing(engine)
    [fault] = found.files["members"].faults
    assert (fault.row, fault.column, fault.reason) == (3, "population", "'many' is not a whole number")
    assert not found.ready
    assert [found.done(step) for step in STEPS] == [True, False, True, True, False]
    with pytest.raises(Refusal, match=r"members\.csv row 3, column population"):
        transact(engine, lambda s: drafting.load(s, setter))
    with reading(engine) as session:
        assert session.get(Region, 1) is None
        assert session.exec(select(Member)).first() is None
    sent(engine, setter, "members")
    assert standing(engine).ready


def test_what_is_missing_is_no_fault_of_the_files_that_are_there(engine: Engine, setter: Act) -> None:
    sent(engine, setter, "lanes")
    found = standing(engine)
    assert not found.files["lanes"].faults
    assert {fault.file for fault in found.missing} == {"region", "members", "sites", "items", "licences"}
    assert not found.done("members")


def test_a_workbook_with_a_sheet_for_each_template_says_the_same_as_the_files(engine: Engine, setter: Act) -> None:
    described(engine, setter)
    book = template.workbook({name: lines(name) for name in FILES} | {"explanation": [("column",), ("x",)]})
    taken = transact(engine, lambda s: drafting.put(s, setter, content=book, file_name="all.xlsx"))
    assert sorted(taken) == sorted(FILES)
    assert standing(engine).ready
    single = template.workbook({"Sheet1": lines("items")})
    assert transact(engine, lambda s: drafting.put(s, setter, content=single, file_name="goods.xlsx")) == ["items"]
    assert transact(engine, lambda s: drafting.load(s, setter)).currency == "EUR"


def test_a_file_is_known_by_its_header_where_its_name_says_nothing(engine: Engine, setter: Act) -> None:
    raw = (SMALL_REGION / "members.csv").read_bytes()
    assert transact(engine, lambda s: drafting.put(s, setter, content=raw, file_name="Export (1).csv")) == ["members"]


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"a,b\n1,2\n", "towns.csv", "neither its name nor its header"),
        (b"", "members.csv", "is empty"),
        ("member,name\nBE-1,Liège\n".encode("latin-1"), "members.csv", "is not UTF-8"),
        (b"PK\x03\x04 broken", "members.xlsx", "no XLSX workbook"),
        (template.workbook({"one": [("a",), ("1",)], "two": [("b",), ("2",)]}), "x.xlsx", "neither its name"),
        (b"a" * 200_000 + b"\n1\n", "members.csv", "is not CSV"),
        (b"member,name\nBE-1,\0\n", "members.csv", "line 2: holds a zero character"),
        (b"x" * (sheets.LARGEST_FILE + 1), "members.csv", "at most"),
        (template.workbook({"members": [("member",)], "sites": [("site",)]}), "x.xlsx", "holds no rows"),
    ],
)
def test_what_is_no_template_is_refused_by_name(
    engine: Engine, setter: Act, content: bytes, name: str, told: str
) -> None:
    with pytest.raises((NoTemplate, Unreadable), match=told):
        transact(engine, lambda s: drafting.put(s, setter, content=content, file_name=name))
    assert standing(engine).files == {}


def test_a_formula_in_a_workbook_is_named_by_sheet_row_and_column() -> None:
    book = template.workbook({"floors": lines("floors")})
    given = zipfile.ZipFile(io.BytesIO(book))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for part in given.namelist():
            text, cell = given.read(part).decode(), '<c t="inlineStr" s="1"><is><t>100</t></is></c>'
            archive.writestr(part, text.replace(cell, "<c><f>1+1</f></c>"))
    with pytest.raises(BadCells, match=r"floors\.csv row 2, column quantity: holds a formula"):
        sheets.texts_of(changed.getvalue(), file_name="floors.xlsx")


@pytest.mark.parametrize(("field", "value"), [("currency", "EURO"), ("time_zone", "Mars/Base"), ("title", "")])
def test_a_region_is_described_in_words_that_mean_something(
    engine: Engine, setter: Act, field: str, value: str
) -> None:
    with pytest.raises(Refusal, match=f"^{field}: "):
        described(engine, setter, **{field: value})


def test_a_file_that_was_sent_can_be_taken_back(engine: Engine, setter: Act) -> None:
    sent(engine, setter, "members")
    transact(engine, lambda s: drafting.drop(s, setter, template="members"))
    assert standing(engine).files == {}
    with pytest.raises(drafting.NothingDrafted):
        transact(engine, lambda s: drafting.drop(s, setter, template="members"))


def test_only_an_administrator_sets_up(engine: Engine, setter: Act) -> None:
    other = acting(Actor(setter.actor.id, "other", (Grant("coordinator"),)))
    for attempt in (
        lambda s: drafting.put(s, other, content=b"x", file_name="members.csv"),
        lambda s: drafting.drop(s, other, template="members"),
        lambda s: drafting.load(s, other),
    ):
        with pytest.raises(Missing):
            transact(engine, attempt)


HEADERS = {name: ",".join(model.model_fields) for name, model in TEMPLATES.items()}


ENDLESS = [
    (f"{HEADERS['lots']}\n" + "x,x,x,x,y\n" * 1_000_000, "what is below is not read"),
    (",".join(f"c{n}" for n in range(1_000_000)), "has 1,000,000 columns; the template has 5"),
    (f"{HEADERS['lots']}\n" + "," * 5_000_000, "has not 5 cells"),
]


@pytest.mark.parametrize(("content", "told"), ENDLESS, ids=range(len(ENDLESS)))
def test_a_file_of_ten_megabytes_that_makes_no_sense_is_told_so(
    engine: Engine, setter: Act, content: str, told: str
) -> None:
    raw = content.encode()[: sheets.LARGEST_FILE]
    transact(engine, lambda s: drafting.put(s, setter, content=raw, file_name="lots.csv"))
    faults = standing(engine).files["lots"].faults
    assert any(told in one.reason for one in faults), faults[:3]
    assert len(faults) < 3000


def endless_workbook() -> bytes:
    """A workbook of 150,000 rows."""
    cells = "<row><c t='inlineStr'><is><t>x</t></is></c></row>"
    book = zipfile.ZipFile(io.BytesIO(template.workbook({"lots": [("item",)]})))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for part in book.namelist():
            text = re.sub("<row.*</row>", cells * 150_000, book.read(part).decode(), flags=re.DOTALL)
            archive.writestr(part, text)
    return changed.getvalue()


def test_a_workbook_of_very_many_rows_is_refused_before_it_is_read_whole() -> None:
    with pytest.raises(Unreadable, match="more than 50,000 rows"):
        sheets.texts_of(endless_workbook(), file_name="lots.xlsx")


def test_the_name_of_a_sent_file_is_shown_without_what_cannot_be_seen(engine: Engine, setter: Act) -> None:
    raw = (SMALL_REGION / "members.csv").read_bytes()
    sent_as = "\0\u202emembers\ud800" + "x" * 300
    assert transact(engine, lambda s: drafting.put(s, setter, content=raw, file_name=sent_as)) == ["members"]
    shown = standing(engine).files["members"].file_name
    assert shown.isprintable()
    assert len(shown) == drafting.LONGEST_NAME
