"""A whole nightly run of the demo region: 103 items at 10 depots, forecasts, reorder and all scans.

    python -m tests.benchmarks.bench_night

Every item gets three years of monthly history at every depot, SIMULATED: real
car part and hospital series (fixtures/series), dealt out in turn. Prints the
seconds of each job and of all, and the largest memory of this process and of
its children.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from sqlmodel import Session

from stockpile import migrations
from stockpile.actor import Act
from stockpile.db import open_engine, reading, transact
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demo import story
from stockpile.demo.show import region_folder
from stockpile.governance import operations as governance
from stockpile.governance import queries as people
from stockpile.jobs import operations as jobs
from stockpile.region import loading
from stockpile.region.reading import read
from tests.benchmarks.bench_forecasts import complete

SERIES = Path(__file__).parents[2] / "fixtures" / "series"
MONTHS = 36


def history(items: list[str], sites: list[str]) -> list[forecasting.Past]:
    """Monthly use of every item at every depot, dealt out from the real series."""
    real = [*complete(SERIES / "part_monthly.csv"), *complete(SERIES / "hospital_monthly.csv")]
    months = [date(2017 + number // 12, number % 12 + 1, 1) for number in range(MONTHS)]
    pairs = [(item, site) for item in items for site in sites]
    return [
        forecasting.Past(item, month, int(real[number % len(real)][at]), site)
        for number, (item, site) in enumerate(pairs)
        for at, month in enumerate(months)
    ]


def measured(folder: Path) -> None:
    """Load the region, run the night, print the seconds."""
    engine = open_engine(f"sqlite:///{folder / 'night.db'}")
    migrations.upgrade(engine)
    rows = read(region_folder())
    act = loading.act_of_loading(rows, real_now=datetime.now(UTC))

    def load(session: Session) -> None:
        loading.installation_account(session)
        loading.load(session, act, rows, caseload=False)
        story.report_before(session, act, rows)
        governance.add_scheduler(session, act)
        depots = [row.site for row in rows["sites"] if row.kind == "depot"]
        past = history([row.item for row in rows["items"]], depots)
        forecasting.load_history(session, act, rows=past, source="SIMULATED from real series")

    transact(engine, load)
    with reading(engine) as session:
        actor = people.actor_of(session, people.account_by_name(session, jobs.SCHEDULER_ACCOUNT))
    night = Act(actor=actor, at=act.at, recorded_at=act.recorded_at)
    begun = time.monotonic()
    for job in jobs.nightly.JOBS:
        started = time.monotonic()
        ran = jobs.run(engine, night, job=job, limit_seconds=30, home=folder)
        sys.stdout.write(f"{job:14s} {time.monotonic() - started:6.1f} s  {str(ran.outcome)[:160]}\n")
    sys.stdout.write(f"the whole night {time.monotonic() - begun:.1f} s\n")
    for whose, name in ((resource.RUSAGE_SELF, "this process"), (resource.RUSAGE_CHILDREN, "the largest child")):
        sys.stdout.write(f"{name}: {resource.getrusage(whose).ru_maxrss // 1024} MB\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        measured(Path(folder))
