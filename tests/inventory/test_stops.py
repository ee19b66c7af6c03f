"""Where the books are found to be wrong nothing moves until a person decides, and nothing is mended by itself."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import select

from stockpile.db import reading
from stockpile.governance import queries as governance
from stockpile.governance.rules import SCHEDULER, Missing
from stockpile.inventory import operations as inventory
from stockpile.inventory.keeping import LedgerStop
from stockpile.inventory.stopping import LedgerStopped
from stockpile.inventory.stops import operations as stops
from stockpile.inventory.stops import queries
from stockpile.inventory.stops.operations import LiftedBefore
from stockpile.jobs import watching
from stockpile.jobs.watching import Watched
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.stockroom import account, do, faults, lot_id, shelves, take_in


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the installation's keys."""
    return tmp_path / "home"


@pytest.fixture
def stock(region: Engine, cast: Cast) -> Engine:
    """Two lots at one depot, one of them at another too."""
    act = acting(cast["logistics"])
    take_in(region, act, lot="GOOD", quantity=40)
    take_in(region, act, lot="BAD", quantity=40)
    take_in(region, act, lot="BAD", quantity=40, site="D-BE")
    return region


def look(engine: Engine, home: Path, *, hours: int = 0) -> Watched:
    """The watch looks at the books."""
    with reading(engine) as session:
        actor = governance.actor_of(session, governance.account_by_name(session, SCHEDULER))
    return watching.watch(engine, acting(actor, after_hours=hours), home=home)


def forge(engine: Engine, statement: str) -> None:
    """Edit the books by hand."""
    with engine.begin() as connection:
        if not statement.startswith(("UPDATE balance", "UPDATE lot")):
            unguard(connection)
        changed = connection.execute(text(statement)).rowcount
    assert changed, "the forgery touched nothing"


def forge_bad_lot(engine: Engine) -> None:
    """Put five more on the shelf of BAD at D-DE, past the ledger."""
    shelf = f"lot_id = {lot_id(engine, 'BAD')} AND site_code = 'D-DE'"
    forge(engine, f"UPDATE balance SET quantity = quantity + 5 WHERE {shelf}")


def take_one(engine: Engine, cast: Cast, lot: str, site: str = "D-DE") -> int:
    """Take one unit off the shelf."""
    with reading(engine) as session:
        key = f"{lot} {site} {len(session.exec(select(LedgerStop)).all())}"
    shelf = account(engine, lot, site)
    given = {"account": shelf, "change": -1, "key": key, "reason": "counted"}
    return do(engine, inventory.adjust, acting(cast["logistics"]), **given)


def test_right_books_stop_nothing(stock: Engine, home: Path) -> None:
    assert look(stock, home).stopped == []
    with reading(stock) as session:
        assert queries.stops(session, standing=False) == []
        run = watching.last(session)
        assert run is not None
        assert watching.discrepancies_of(run) == 0


def test_a_wrong_balance_stops_its_lot_at_its_site_and_nothing_else(
    stock: Engine, cast: Cast, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forge_bad_lot(stock)
    with caplog.at_level(logging.CRITICAL):
        found = look(stock, home)
    assert (len(found.found), len(found.stopped)) == (1, 1)
    assert any(record.levelname == "CRITICAL" and "stopped" in record.message for record in caplog.records)
    with pytest.raises(LedgerStopped, match=r"lot \d+ at D-DE is stopped: balance .* stores 45 .*lifts stop 1"):
        take_one(stock, cast, "BAD")
    take_one(stock, cast, "BAD", "D-BE")
    take_one(stock, cast, "GOOD")


def test_the_watch_mends_nothing_and_stops_a_finding_once(stock: Engine, home: Path) -> None:
    forge_bad_lot(stock)
    before, first = shelves(stock), look(stock, home)
    again = look(stock, home, hours=1)
    assert (again.found, again.stopped) == (first.found, [])
    assert shelves(stock) == before


def test_the_committee_lifts_a_stop_and_the_finding_does_not_come_back(stock: Engine, cast: Cast, home: Path) -> None:
    forge_bad_lot(stock)
    [number] = look(stock, home).stopped
    with pytest.raises(Missing):
        do(stock, stops.lift, acting(cast["logistics"]), number=number, reason="I want to go on")
    do(
        stock,
        stops.lift,
        acting(cast["committee"]),
        number=number,
        reason="counted: there are 45",
    )
    take_one(stock, cast, "BAD")
    with pytest.raises(LiftedBefore):
        do(stock, stops.lift, acting(cast["committee"]), number=number, reason="again")
    with reading(stock) as session:
        assert queries.stops(session, standing=True) == []


@pytest.mark.parametrize(
    ("statement", "stopped"),
    [
        ("UPDATE movement SET document = 'forged' WHERE id = (SELECT max(id) FROM movement)", "BAD at D-BE"),
        ("UPDATE posting SET reason = 'forged' WHERE id = (SELECT max(id) FROM posting)", "BAD at D-BE"),
        ("UPDATE lot SET expiry = '2031-01-01' WHERE code = 'BAD'", "BAD everywhere"),
        ("UPDATE journal_entry SET reason = 'forged' WHERE id = 2", "everything"),
    ],
    ids=["a movement", "who and why", "an expiry", "the journal"],
)
def test_what_is_stopped_is_what_the_forgery_touched(
    stock: Engine, cast: Cast, home: Path, statement: str, stopped: str
) -> None:
    forge(stock, statement)
    assert look(stock, home).stopped
    refused = set()
    for lot, site in (("GOOD", "D-DE"), ("BAD", "D-DE"), ("BAD", "D-BE")):
        try:
            take_one(stock, cast, lot, site)
        except LedgerStopped:
            refused.add((lot, site))
    bad = {("BAD", "D-DE"), ("BAD", "D-BE")}
    expected = {"BAD at D-BE": {("BAD", "D-BE")}, "BAD everywhere": bad, "everything": bad | {("GOOD", "D-DE")}}
    assert refused == expected[stopped]


def test_a_person_stops_a_site_by_hand_and_the_books_stay_right(stock: Engine, cast: Cast) -> None:
    do(stock, stops.stop, acting(cast["pharmacist"]), lot_id=None, site="D-DE", found="a water pipe burst")
    with pytest.raises(LedgerStopped, match="all stock at D-DE is stopped: a water pipe burst"):
        take_one(stock, cast, "GOOD")
    take_one(stock, cast, "BAD", "D-BE")
    assert faults(stock) == []


def test_very_many_findings_stop_everything_at_once(stock: Engine, cast: Cast) -> None:
    act = acting(cast["auditor"], NOW)
    with reading(stock) as session:
        number = session.exec(select(LedgerStop)).all()
    assert number == []
    made = do(stock, stops.stop_found, act, faults=[f"discrepancy {n}" for n in range(300)])
    assert [(one.lot_id, one.site_code) for one in made] == [(None, None)]
    assert "300 discrepancies" in made[0].found
