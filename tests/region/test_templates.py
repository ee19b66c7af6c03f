"""A region's files: every fault is named by file, row and column, and nothing is loaded while one is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from stockpile.db import reading, transact
from stockpile.demand import queries as demand
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries as governance_queries
from stockpile.governance.rules import Missing
from stockpile.governance.tables import Region
from stockpile.inventory import queries as inventory
from stockpile.region import loading
from stockpile.region.loading import RegionLoaded
from stockpile.region.reading import MOST_FAULTS, BadTemplates, read
from tests.conftest import SMALL_REGION, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, faults

Change = Callable[[str], str]


def swap(old: str, new: str) -> Change:
    """The file with this part replaced once; it must be there."""

    def change(content: str) -> str:
        assert old in content, f"{old} is not in the file"
        return content.replace(old, new, 1)

    return change


def more(row: str) -> Change:
    """The file with one more row."""
    return lambda content: f"{content}{row}\n"


def twice_in_the_header(licences: str) -> str:
    """A column that stands twice, with another country in the second."""
    return licences.replace("\n", ",BE\n").replace("country,BE", "country,country")


def sized(*sizes: str) -> Change:
    """The suppliers with one more column, each with a size."""

    def change(content: str) -> str:
        head, *rows = content.splitlines()
        return "\n".join([f"{head},size", *(f"{row},{size}" for row, size in zip(rows, sizes, strict=True)), ""])

    return change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the small region's files."""
    return Path(shutil.copytree(SMALL_REGION, tmp_path / "region"))


def edited(folder: Path, name: str, change: Change) -> None:
    """Change one file."""
    path = folder / f"{name}.csv"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def found(folder: Path) -> list[str]:
    """The faults that are named."""
    with pytest.raises(BadTemplates) as refused:
        read(folder)
    named = refused.value.facts["faults"]
    assert isinstance(named, list)
    assert refused.value.message.splitlines()[0] == named[0]
    return named


FAULTS: list[tuple[str, Change, str]] = [
    ("items", swap("tablet,10,", "tablet,ten,"), "items.csv row 2, column pack_size: 'ten' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,१२,"), "items.csv row 2, column pack_size: '१२' is not a whole number"),
    ("items", swap("tablet,10,", "tablet, 12,"), "items.csv row 2, column pack_size: ' 12' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,1_0,"), "items.csv row 2, column pack_size: '1_0' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,²,"), "items.csv row 2, column pack_size: '²' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,10.0,"), "items.csv row 2, column pack_size: '10.0' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,+10,"), "items.csv row 2, column pack_size: '+10' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,,"), "items.csv row 2, column pack_size: '' is not a whole number"),
    ("items", swap("tablet,10,", "tablet,0,"), "items.csv row 2, column pack_size: "),
    ("items", swap("tablet,10,", "tablet,-10,"), "items.csv row 2, column pack_size: must be 1 or more"),
    ("items", swap("tablet,10,", f"tablet,{10**12 + 1},"), "items.csv row 2, column pack_size: "),
    ("items", swap("tablet,10,", f"tablet,{'9' * 5000},"), "items.csv row 2, column pack_size: "),
    ("items", swap("medicine,Tablets", "toy,Tablets"), "items.csv row 2, column kind: "),
    ("items", swap("tablet,10,0,", "tablet,10,yes,"), "items.csv row 2, column cold_chain: 'yes' is neither 0 nor 1"),
    ("items", swap("990020", "990021"), "items.csv row 3, column gtin: 09529999990021 is not a GTIN"),
    ("items", swap("09529999990037", "09529999990013"), "items.csv row 4, column gtin: "),
    (
        "items",
        swap("Pump seals", "Pump\u202eslaes"),
        "items.csv row 4, column name: holds an invisible character (U+202E)",
    ),
    ("items", swap("Pump seals", "Pump\0seals"), "items.csv row 4, column name: holds a control character (U+0000)"),
    ("items", swap("Pump seals", '"Pump\nseals"'), "items.csv row 4, column name: holds a control character (U+000A)"),
    ("items", swap("Pump seals", "x" * 2001), "items.csv row 4, column name: "),
    ("items", swap("PUMP,", "TAB,"), "items.csv row 4, column item: TAB is given twice"),
    ("items", swap(",3,500,100", ",3,500"), "items.csv row 4: has not 18 cells"),
    ("items", swap(",3,500,100", ",3,500,100,1"), "items.csv row 4: has not 18 cells as the header has"),
    ("items", swap("pack_size,", "pack,"), "items.csv, column pack_size: is missing in the header"),
    ("items", swap("pack_size,", "pack,"), "items.csv, column pack: is not a column here"),
    ("licences", twice_in_the_header, "licences.csv, column country: "),
    ("items", lambda _content: "", "items.csv, column "),
    ("licences", more("GLOVE,NL"), "licences.csv row 10, column item: GLOVE is not in items.csv"),
    ("licences", more("VIAL,nl"), "licences.csv row 10, column country: "),
    ("lanes", more("D-BE,H-FR,10,1,0"), "lanes.csv row 8, column destination: H-FR is not in sites.csv"),
    ("lanes", more("D-BE,H-NL,10,1,0"), "lanes.csv row 8, column origin: D-BE H-NL is given twice"),
    ("lanes", swap("H-BE,30,5,1", "H-BE,0,5,1"), "lanes.csv row 2, column minutes: "),
    (
        "members",
        swap("2020,50.77,6.02,H-NL", "2020,50.77,6.02,D-DE"),
        "members.csv row 6, column point_of_use: D-DE is a depot",
    ),
    ("members", swap("50.70,5.85", "nan,5.85"), "members.csv row 2, column lat: "),
    ("members", swap("50.70,5.85", "190,5.85"), "members.csv row 2, column lat: "),
    ("members", swap("Aubel,", "Aubel\ud7ff\u200b,"), "members.csv row 2, column name: holds an invisible character"),
    ("sites", swap("H-NL,Hospital Vaals,point_of_use", "H-NL,Hospital Vaals,tent"), "sites.csv row 6, column kind: "),
    (
        "sites",
        swap("Europe/Amsterdam", "Europe/Vaals"),
        "sites.csv row 6, column time_zone: Europe/Vaals is not a time zone",
    ),
    ("sites", swap("NL,NL-1", "NL,NL-9"), "sites.csv row 6, column member: NL-9 is not in members.csv"),
    ("region", more("two,Another,1,,EUR,UTC"), "region.csv: has 2 rows instead of one"),
    ("region", swap("EUR", "Euro"), "region.csv row 2, column currency: "),
    (
        "contracts",
        swap("UC-2,SUP-2", "UC-2,SUP-9"),
        "contracts.csv row 3, column supplier: SUP-9 is not in suppliers.csv",
    ),
    ("contracts", swap("2019-01-01", "01.01.2019"), "contracts.csv row 2, column starts: '01.01.2019' is not a day"),
    ("contracts", swap("2022-12-31", "2022-02-30"), "contracts.csv row 2, column ends: '2022-02-30' is not a day"),
    ("suppliers", swap("950,3", "1950,3"), "suppliers.csv row 2, column on_time_permille: "),
    ("suppliers", sized("micro", "huge"), "suppliers.csv row 3, column size: must be 'micro', 'small'"),
    ("suppliers", sized("micro", " "), "suppliers.csv row 3, column size: "),
    (
        "price_tiers",
        swap("UC-2,TAB,1,450", "UC-2,TAB,2,450"),
        "contract_lines.csv row 4, column item: TAB has no price from 1",
    ),
    ("price_tiers", more("UC-1,TAB,50,460"), "price_tiers.csv row 7, column contract: UC-1 TAB 50 is given twice"),
    (
        "lots",
        swap("T-NEW,2021-06-30,D-DE", "T-NEW,2021-07-30,D-DE"),
        "lots.csv row 4, column expiry: lot T-NEW of TAB has another",
    ),
    ("lots", swap("D-BE,200", "D-BE,0"), "lots.csv row 2, column quantity: "),
    ("floors", more("GLOVE,2020-03-01,5"), "floors.csv row 3, column item: GLOVE is not in items.csv"),
    ("own_stock", more("DE-1,TAB,31"), "own_stock.csv row 3, column member: DE-1 TAB is given twice"),
    ("policy", swap("D-BE", "D-FR"), "policy.csv row 2, column deliver_to: D-FR is not in sites.csv"),
    ("policy", more("1,7,D-DE"), "policy.csv"),
    ("caseload", swap("2020-03-20,BE-1,4,0,1", "2020-03-20,BE-1,4,0,-1"), "caseload.csv row 2, column admissions: "),
    (
        "caseload",
        swap("2020-03-20,BE-1,4,0,1", f"2020-03-20,BE-1,4,0,{10**30}"),
        "caseload.csv row 2, column admissions: ",
    ),
    (
        "caseload",
        more("2020-03-20,BE-1,4,0,1,reported"),
        "caseload.csv row 57, column date: 2020-03-20 BE-1 is given twice",
    ),
    (
        "caseload",
        swap("2020-03-20,BE-1", "2020-03-20,FR-1"),
        "caseload.csv row 2, column member: FR-1 is not in members.csv",
    ),
]


def test_the_size_of_suppliers_may_be_left_out_or_left_empty(folder: Path) -> None:
    assert [row.size for row in read(folder)["suppliers"]] == [None, None]
    edited(folder, "suppliers", sized("micro", ""))
    assert [row.size for row in read(folder)["suppliers"]] == ["micro", None]


@pytest.mark.parametrize(("name", "change", "says"), FAULTS, ids=[f"{n}: {says[:60]}" for n, _, says in FAULTS])
def test_a_fault_is_named_by_file_row_and_column(folder: Path, name: str, change: Change, says: str) -> None:
    edited(folder, name, change)
    named = found(folder)
    assert any(one.startswith(says) for one in named), named


@pytest.mark.parametrize("name", ["region", "members", "sites", "items", "licences", "lanes"])
def test_a_file_that_is_needed_and_missing_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").unlink()
    assert any(one.startswith(f"{name}.csv: is missing in ") for one in found(folder))


def test_files_that_are_not_needed_may_be_missing(folder: Path) -> None:
    for name in ("own_stock", "floors", "caseload", "lots", "policy", "contract_lines", "price_tiers"):
        (folder / f"{name}.csv").unlink()
    assert read(folder)["lots"] == []


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf8_is_named(folder: Path, encoding: str) -> None:
    path = folder / "members.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert any(one.startswith("members.csv: is not UTF-8 text (byte ") for one in found(folder))


def test_a_file_with_a_byte_order_mark_is_read(folder: Path) -> None:
    path = folder / "members.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(folder)["members"]) == 5


def test_an_open_quote_is_named_as_broken_csv(folder: Path) -> None:
    edited(folder, "floors", more('TAB,2020-04-01,"5'))
    assert any(one.startswith("floors.csv: is not CSV: ") for one in found(folder))


def test_two_faults_in_one_file_are_each_named_by_their_own_row(folder: Path) -> None:
    edited(folder, "items", swap("tablet,10,", "tablet,ten,"))
    edited(folder, "items", swap("990037", "990038"))
    named = found(folder)
    assert any(one.startswith("items.csv row 2, column pack_size") for one in named)
    assert any(one.startswith("items.csv row 4, column gtin") for one in named), named


def test_a_long_list_of_faults_is_cut_and_says_so(folder: Path) -> None:
    edited(folder, "caseload", lambda content: content.replace("reported", ""))
    with pytest.raises(BadTemplates) as refused:
        read(folder)
    assert len(refused.value.message.splitlines()) == MOST_FAULTS
    assert refused.value.message.endswith(f"(and {55 - MOST_FAULTS} more)")


def test_text_is_kept_in_one_normal_form(folder: Path) -> None:
    edited(folder, "members", swap("Liège", "Lie\u0300ge"))
    assert [row.parent for row in read(folder)["members"]][:1] == ["Liège"]


def test_five_municipalities_load_with_their_stock_and_caseload(region: Engine) -> None:
    with reading(region) as session:
        assert list(governance_queries.members(session)) == ["BE-1", "BE-2", "DE-1", "DE-2", "NL-1"]
        assert sum(stock.quantity for stock in inventory.pool_stock(session) if stock.item == "TAB") == 600
        assert demand.usual_admissions(session, date(2020, 3, 30)) == {
            "BE-1": 1000,
            "BE-2": 2000,
            "DE-1": 6000,
            "DE-2": 1000,
            "NL-1": 2000,
        }
        assert demand.own_stock(session) == {("DE-1", "TAB"): 30}
        assert inventory.points_of_use(session)["BE-1"] == "H-BE"
    assert faults(region) == []


def load(engine: Engine, folder: Path) -> Region:
    """Load these files as the installation does."""
    rows = read(folder)

    def work(session: Session) -> Region:
        loading.installation_account(session)
        return loading.load(session, acting(governance.founder()), rows)

    return transact(engine, work)


def test_a_second_region_is_refused(region: Engine, folder: Path) -> None:
    with pytest.raises(RegionLoaded):
        load(region, folder)


def test_only_an_administrator_loads_a_region(region: Engine, cast: Cast, folder: Path) -> None:
    with pytest.raises(Missing):
        do(region, loading.load, acting(cast["coordinator"]), rows=read(folder))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lots", swap("T-OLD,2020-04-20", "T-OLD,2020-03-20")),
        ("caseload", more("2020-04-20,BE-1,4,0,1,reported")),
    ],
    ids=["a lot that has expired", "a day that lies ahead"],
)
def test_nothing_is_loaded_when_one_row_is_refused(engine: Engine, folder: Path, name: str, change: Change) -> None:
    edited(folder, name, change)
    with pytest.raises(Refusal):
        load(engine, folder)
    with engine.connect() as connection:
        for table in ("region", "member", "item", "site", "lot", "movement", "caseload_report", "journal_entry"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table


@ON_SQLITE
def test_a_lane_dearer_than_the_planner_can_count_is_refused_with_the_files(engine: Engine, folder: Path) -> None:
    """Else every plan of the region fails later, and nobody knows which row is to blame."""
    edited(folder, "lanes", swap("H-BE,30,5,1", f"H-BE,30,{10**9 + 1},1"))
    assert any(one.startswith("lanes.csv row 2, column cost_minor") for one in found(folder))


@ON_SQLITE
def test_a_pack_that_costs_nothing_is_refused_with_the_files(engine: Engine, folder: Path) -> None:
    """Else every nightly run fails: the planner of reorders refuses a price of 0."""
    edited(folder, "price_tiers", swap("UC-1,TAB,1,500", "UC-1,TAB,1,0"))
    assert any(one.startswith("price_tiers.csv row 2, column pack_price_minor") for one in found(folder))


def test_a_bad_row_is_told_once_and_not_by_all_that_name_it(folder: Path) -> None:
    """An item, a site and a region with one bad cell each: three faults, though hundreds of rows name them."""
    edited(folder, "items", swap("tablet,10,", "tablet,ten,"))
    edited(folder, "sites", swap("D-DE,Depot Aachen,depot", "D-DE,Depot Aachen,shed"))
    edited(folder, "region", swap("EUR", "euro"))
    named = found(folder)
    assert [one.partition(":")[0] for one in named] == [
        "region.csv row 2, column currency",
        "sites.csv row 3, column kind",
        "items.csv row 2, column pack_size",
    ]


def test_a_file_that_cannot_be_read_is_told_once(folder: Path) -> None:
    content = (folder / "items.csv").read_text(encoding="utf-8")
    (folder / "items.csv").write_text(content.replace(",", ";"), encoding="utf-8")
    assert found(folder) == ["items.csv: is divided by semicolons: save it with commas"]
    (folder / "items.csv").write_bytes(content.replace("Tablets", "Tablettß").encode("latin-1"))
    (one,) = found(folder)
    assert "it seems to be Latin-1: save it as 'CSV UTF-8'" in one
    (folder / "items.csv").write_text(content, encoding="utf-16")
    (one,) = found(folder)
    assert "it is UTF-16" in one


def test_a_missing_file_that_others_need_is_told_once(folder: Path) -> None:
    (folder / "suppliers.csv").unlink()
    (folder / "price_tiers.csv").unlink()
    assert found(folder) == [
        "suppliers.csv: is missing: contracts.csv names what should be in it",
        "price_tiers.csv: is missing: every line of contract_lines.csv needs a price from 1 pack",
    ]


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadTemplates) as refused:
        read(tmp_path / "nowhere")
    assert refused.value.message == f"there is no folder {tmp_path / 'nowhere'}"


def test_spaces_that_nobody_sees_are_told_where_they_are(folder: Path) -> None:
    edited(folder, "sites", swap("D-DE,Depot", "D-DE ,Depot"))
    edited(folder, "lanes", swap("minutes,", "minutes ,"))
    assert found(folder) == [
        "sites.csv row 3, column site: has a space at its beginning or end: remove it",
        "lanes.csv, column minutes: has a space beside it in the header: remove it",
    ]
