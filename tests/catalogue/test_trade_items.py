"""Packs, cases and pallets: each level has its own GTIN and its own number of base units."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from stockpile import migrations
from stockpile.catalogue import queries
from stockpile.catalogue.queries import UnknownGtin
from stockpile.catalogue.tables import TradeItem
from stockpile.db import open_engine, reading, transact
from stockpile.governance import operations as governance
from stockpile.region import loading
from stockpile.region.reading import BadTemplates, read
from tests.conftest import SMALL_REGION, acting
from tests.inventory.stockroom import ON_SQLITE

HEAD = "gtin,item,units,name\n"
CASE = "19529999990010,TAB,240,case\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the small region's files."""
    return Path(shutil.copytree(SMALL_REGION, tmp_path / "region"))


def levels(engine: Engine, item: str) -> list[tuple[str, int, str]]:
    """The packing levels of an item: GTIN, base units, name."""
    with reading(engine) as session:
        return [(row.gtin, row.units, row.name) for row in queries.trade_items(session, item)]


def test_an_items_own_code_is_that_of_its_pack(region: Engine) -> None:
    assert levels(region, "TAB") == [("09529999990013", 10, "pack")]
    assert levels(region, "VIAL") == [("09529999990020", 1, "pack")]


def test_cases_come_with_the_region(engine: Engine, folder: Path) -> None:
    (folder / "trade_items.csv").write_text(f"{HEAD}{CASE}", encoding="utf-8")
    act = acting(governance.founder())

    def load(session: object) -> None:
        loading.installation_account(session)  # type: ignore[arg-type]
        loading.load(session, act, read(folder))  # type: ignore[arg-type]

    transact(engine, load)
    assert levels(engine, "TAB") == [("09529999990013", 10, "pack"), ("19529999990010", 240, "case")]


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ("19529999990011,TAB,240,case\n", "trade_items.csv row 2, column gtin: 19529999990011 is not a GTIN"),
        ("19529999990010,GLOVE,240,case\n", "trade_items.csv row 2, column item: GLOVE is not in items.csv"),
        ("19529999990010,TAB,0,case\n", "trade_items.csv row 2, column units: "),
        ("19529999990010,TAB,2.5,case\n", "trade_items.csv row 2, column units: '2.5' is not a whole number"),
        ("19529999990010,TAB,240,\n", "trade_items.csv row 2, column name: "),
        (CASE + "9529999990013,TAB,10,pack\n", "trade_items.csv row 3, column gtin: 9529999990013 is the GTIN of TAB"),
        (CASE + CASE, "trade_items.csv row 3, column gtin: 19529999990010 is the GTIN of TAB"),
        (CASE + "19529999990010,VIAL,5,box\n", "trade_items.csv row 3, column gtin: 19529999990010 is the GTIN of TAB"),
    ],
    ids=["check digit", "item", "nothing", "fraction", "name", "item's own", "twice", "two items"],
)
def test_what_is_wrong_with_a_case_is_named(folder: Path, rows: str, named: str) -> None:
    (folder / "trade_items.csv").write_text(f"{HEAD}{rows}", encoding="utf-8")
    with pytest.raises(BadTemplates) as refused:
        read(folder)
    assert refused.value.message.splitlines()[0].startswith(named)


def test_a_code_nobody_knows_is_refused_by_its_digits(region: Engine) -> None:
    with reading(region) as session, pytest.raises(UnknownGtin) as refused:
        queries.trade_item(session, "07032069804988")
    assert refused.value.facts == {"field": "gtin", "value": "07032069804988"}


@pytest.mark.parametrize("units", [0, -1])
def test_the_database_refuses_a_pack_of_nothing(region: Engine, units: int) -> None:
    row = TradeItem(gtin="19529999990010", item_code="TAB", units=units, name="case")
    with pytest.raises(IntegrityError):
        transact(region, lambda session: session.add(row))


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Engine]:
    """A database of the first revision."""
    engine = open_engine(f"sqlite:///{tmp_path / 'older.db'}")
    with engine.connect() as connection:
        command.upgrade(migrations.configuration(connection), "0001")
    yield engine
    engine.dispose()


@ON_SQLITE
def test_items_from_before_packs_had_codes_get_theirs_when_the_schema_is_upgraded(
    region: Engine, older: Engine
) -> None:
    columns = ", ".join(column["name"] for column in inspect(older).get_columns("item"))
    with region.connect() as connection:
        items = connection.execute(text(f"SELECT {columns} FROM item")).all()
    with older.begin() as connection:
        marks = ", ".join(f":{name}" for name in columns.split(", "))
        rows = [dict(row._mapping) for row in items]
        connection.execute(text(f"INSERT INTO item ({columns}) VALUES ({marks})"), rows)
    migrations.upgrade(older)
    assert {code: levels(older, code) for code in ("TAB", "VIAL", "PUMP")} == {
        code: levels(region, code) for code in ("TAB", "VIAL", "PUMP")
    }
