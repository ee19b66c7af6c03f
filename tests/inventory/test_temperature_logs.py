"""Loggers' files: read once, excursions set lots apart, gaps are named, and a trial stores nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from typer.testing import CliRunner

from stockpile import cli
from stockpile.catalogue.rules import FROZEN, storage_class
from stockpile.db import reading
from stockpile.errors import NotAllowed
from stockpile.inventory import transfers
from stockpile.inventory.quality.tables import TemperatureReading
from stockpile.inventory.temperatures import operations
from stockpile.inventory.temperatures.operations import Found
from stockpile.inventory.temperatures.rules import BadLog
from tests.conftest import NOW, Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do, faults, send_out, shelves, take_in

LATER = NOW + timedelta(hours=12)


def log(*degrees: str, start_minutes: int = 60, every: int = 10, sensor: str = "S1", head: bool = True) -> str:
    """A file of one sensor with a reading every ten minutes, from an hour after eight."""
    rows = [
        f"{(NOW + timedelta(minutes=start_minutes + every * n)).isoformat()},{value},{sensor},D-BE"
        for n, value in enumerate(degrees)
    ]
    return "\n".join((["instant,degrees,sensor,site"] if head else []) + rows) + "\n"


WARM = log("5", "9.5", "9.5", "9.5", "9.5", "9.5", "5")
"""Forty minutes and more at 9.5 degrees."""


def import_log(engine: Engine, cast: Cast, text: str, **more: Any) -> Found:
    """Take a file of Eupen's cold store in, in the evening."""
    given = {"site": "D-BE", "text": text, "name": "logger.csv", "key": f"log {hash(text)}"} | more
    return do(engine, operations.import_log, acting(cast["logistics"], LATER), **given)


def stored(engine: Engine) -> int:
    """How many readings are on record."""
    with reading(engine) as session:
        return len(session.exec(select(TemperatureReading)).all())


def test_an_excursion_sets_the_cold_lots_at_the_site_apart_and_no_others(region: Engine, cast: Cast) -> None:
    found = import_log(region, cast, WARM)
    assert [(sensor, one.extreme_milli) for sensor, one in found.excursions] == [("S1", 9_500)]
    assert (found.readings, found.new, found.set_apart) == (7, 7, 20)
    assert shelves(region, "V-1") == {
        ("V-1", "D-BE", "pool", "quarantine"): 20,
        ("V-1", "D-DE", "pool", "available"): 30,
    }
    assert shelves(region, "T-OLD") == {("T-OLD", "D-BE", "pool", "available"): 200}
    assert faults(region) == []


def test_the_same_file_again_changes_nothing(region: Engine, cast: Cast) -> None:
    import_log(region, cast, WARM)
    before, kept = shelves(region), stored(region)
    again = import_log(region, cast, WARM, name="copy.csv", key="another key")
    assert (again.again, again.new, again.set_apart) == (True, 0, 0)
    assert (shelves(region), stored(region)) == (before, kept)


def test_half_an_hour_outside_is_tolerated_and_a_minute_more_is_not(region: Engine, cast: Cast) -> None:
    assert import_log(region, cast, log("5", "9", "9", "9", "5")).excursions == []
    assert len(import_log(region, cast, log("5", "9", "9", "9", "5", start_minutes=300, every=11)).excursions) == 1


def test_an_excursion_that_begins_in_one_file_and_ends_in_the_next_is_found(region: Engine, cast: Cast) -> None:
    assert import_log(region, cast, log("5", "9", "9")).excursions == []
    assert len(import_log(region, cast, log("9", "9", "5", start_minutes=90)).excursions) == 1
    assert shelves(region, "V-1")["V-1", "D-BE", "pool", "quarantine"] == 20


def test_each_sensor_is_judged_for_itself(region: Engine, cast: Cast) -> None:
    mixed = log("9", "5", "9", "5", "9") + log("5", "9", "5", "9", "5", sensor="S2", head=False)
    found = import_log(region, cast, mixed)
    assert (found.new, found.excursions) == (10, [])


def test_a_gap_in_which_nobody_knows_is_named(region: Engine, cast: Cast) -> None:
    text = log("5", "5") + log("5", start_minutes=111, head=False)
    (gap,) = import_log(region, cast, text).gaps
    assert (gap.sensor, gap.ends - gap.begins) == ("S1", timedelta(minutes=41))


def test_a_lot_that_came_after_the_excursion_stays_where_it_is(region: Engine, cast: Cast) -> None:
    late = acting(cast["logistics"], NOW + timedelta(hours=6))
    take_in(region, late, lot="V-NEW", quantity=8, site="D-BE", item="VIAL")
    import_log(region, cast, WARM)
    assert shelves(region, "V-NEW") == {("V-NEW", "D-BE", "pool", "available"): 8}


def test_a_lot_that_has_left_since_is_named_for_a_person_to_decide(region: Engine, cast: Cast) -> None:
    late = acting(cast["logistics"], NOW + timedelta(hours=6))
    given = {"lot": "V-1", "quantity": 20, "origin": "D-BE", "destination": "H-BE", "member": "BE-1"}
    van = send_out(region, late, **given)
    do(region, transfers.dispatch, late, numbers=[van.id])
    found = import_log(region, cast, WARM)
    assert (found.set_apart, found.left_since) == (0, ["VIAL lot V-1"])


def test_a_trial_says_what_would_come_of_it_and_stores_nothing(region: Engine, cast: Cast) -> None:
    before = shelves(region)
    found = import_log(region, cast, WARM, dry_run=True)
    assert (found.dry_run, len(found.excursions), found.set_apart) == (True, 1, 20)
    assert (shelves(region), stored(region)) == (before, 0)
    assert import_log(region, cast, WARM).set_apart == 20


@ON_SQLITE
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs a header"),
        ("time,temp\n1,2\n", "time, temp is no column"),
        ("instant,degrees\n2020-03-30T09:00:00,5\n", "row 1: .* carries no time zone"),
        ("instant,degrees\nyesterday,5\n", "row 1: 'yesterday' is no instant"),
        ("instant,degrees\n2020-03-30T09:00:00Z,warm\n", "row 1: 'warm' is no number of degrees"),
        ("instant,degrees\n2020-03-30T09:00:00Z,nan\n", "row 1: 'nan' is no number"),
        ("instant,degrees\n2020-03-30T09:00:00Z,400\n", "row 1: '400' is no number of degrees"),
        ("instant,degrees\n2031-03-30T09:00:00Z,5\n", "row 1: .* lies in the future"),
        ("instant,degrees,site\n2020-03-30T09:00:00Z,5,D-DE\n", "row 1: is of site 'D-DE', not D-BE"),
        ("instant,degrees\n2020-03-30T09:00:00Z,5\n2020-03-30T09:00:00Z,6\n", "row 2: sensor '' has another value"),
        ("instant,degrees\n2020-03-30T09:00:00Z\n", "row 1: has not as many cells"),
    ],
)
def test_a_file_that_is_no_log_is_refused_with_row_and_reason(region: Engine, cast: Cast, text: str, said: str) -> None:
    with pytest.raises(BadLog, match=said):
        import_log(region, cast, text)
    assert stored(region) == 0


@ON_SQLITE
def test_a_file_that_contradicts_what_is_on_record_is_refused(region: Engine, cast: Cast) -> None:
    import_log(region, cast, log("5", "5"))
    with pytest.raises(BadLog, match=r"has 5\.0 on record"):
        import_log(region, cast, log("5", "4"))


@ON_SQLITE
def test_only_staff_of_the_store_take_logs_in(region: Engine, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        do(region, operations.import_log, acting(cast["buyer"]), site="D-BE", text=WARM, name="x", key="x")


@pytest.mark.parametrize(
    ("cold", "controlled", "storage", "kept"),
    [
        (False, False, "<=25C", "ambient"),
        (False, False, "dry", "ambient"),
        (True, False, "2-8C", "cold"),
        (True, True, "2-8C", "cold"),
        (False, True, "<=25C", "controlled"),
        (True, False, "-20C", FROZEN),
        (True, False, "<= -15 C", FROZEN),
    ],
)
def test_every_item_has_one_storage_class(cold: bool, controlled: bool, storage: str, kept: str) -> None:
    assert storage_class(cold_chain=cold, controlled=controlled, storage=storage) == kept


@ON_SQLITE
def test_a_file_comes_in_over_http_and_from_the_command_line(
    region: Engine, cast: Cast, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning = WARM.replace("2020-03-30", "2020-03-29")
    desk, body = Desk(region, cast), {"site": "D-BE", "name": "l.csv", "csv": morning}
    tried = desk.post("logistics", "/temperature-logs", body | {"dry_run": True})
    assert (tried.status_code, tried.json()["new"], stored(region)) == (201, 7, 0)
    assert desk.post("logistics", "/temperature-logs", body | {"csv": "x"}).status_code == 422
    file = tmp_path / "logger.csv"
    file.write_text(morning, encoding="utf-8")
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    command = ["import", "temperatures", str(file), "--site", "D-BE", "--account", "logistics"]
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    assert stored(region) == 7
    assert desk.post("logistics", "/temperature-logs", body).json()["again"] is True
