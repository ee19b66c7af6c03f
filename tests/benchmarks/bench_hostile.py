"""What hostile files and scans cost: processor time until the refusal, beside that of an honest file and label.

Run by `pytest tests/benchmarks/bench_hostile.py -o python_files='bench_*.py' -s`; the figures are printed. No hostile
file may take longer than `LIMIT_SECONDS`, no scan more than `MOST_LABELS` times what an honest label takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Act
from stockpile.catalogue.scans import read_scan
from stockpile.db import transact
from stockpile.errors import Invalid
from stockpile.inventory.importing.reading import CSV_TYPES, XLSX_TYPE
from stockpile.inventory.importing.running import Runner
from stockpile.inventory.importing.sheet import Unreadable
from stockpile.region import drafting, sheets
from tests.catalogue import test_scans as scans
from tests.inventory import test_importing_hostile as hostile
from tests.inventory.importroom import clock, csv, receipt
from tests.region import test_drafting as drafts

region, client, setter = hostile.region, hostile.client, drafts.setter
LIMIT_SECONDS = 2.0
DRAFT_SECONDS = 6.0
MOST_LABELS = 2000
HONEST_ROWS = 5_000


def cost(act: Callable[[], Any]) -> float:
    """Seconds of processor time of one call."""
    began = time.process_time()
    act()
    return time.process_time() - began


def sent(client: TestClient, region: Engine, content: bytes, form: str) -> None:
    """An import as it is sent, and worked off where it was taken."""
    kind = CSV_TYPES[0] if form == "csv" else XLSX_TYPE
    answer = client.post("/api/v1/imports", content=content, headers={"Content-Type": kind})
    if answer.status_code == 202:
        Runner(region, clock).drain()


def test_hostile_imports_cost_no_more_than_an_honest_file(client: TestClient, region: Engine) -> None:
    sent(client, region, csv(receipt("WARM")), "csv")
    honest = cost(lambda: sent(client, region, csv(*(receipt(f"H-{number}") for number in range(HONEST_ROWS))), "csv"))
    spent = {name: cost(partial(sent, client, region, make(), form)) for name, form, make, _ in hostile.FILES}
    worst = sorted(spent.items(), key=lambda one: -one[1])[:5]
    told = ", ".join(f"{name} {seconds:.2f} s ({seconds / honest:.2f})" for name, seconds in worst)
    print(f"\n{len(spent)} hostile files; an honest one of {HONEST_ROWS:,} rows {honest:.2f} s; dearest: {told}")  # noqa: T201
    assert worst[0][1] < LIMIT_SECONDS


def test_endless_files_of_a_set_up_are_refused_in_seconds(engine: Engine, setter: Act) -> None:
    spent = [cost(partial(drafted, engine, setter, content)) for content, _ in drafts.ENDLESS]
    spent.append(cost(partial(drafted, engine, setter, drafts.endless_workbook(), "lots.xlsx")))
    print("\nendless files of a set-up: " + ", ".join(f"{seconds:.2f} s" for seconds in spent))  # noqa: T201
    assert max(spent) < DRAFT_SECONDS


def drafted(engine: Engine, setter: Act, content: str | bytes, file_name: str = "lots.csv") -> None:
    """A file of a set-up as it is sent; one that is no file is refused."""
    raw = content if isinstance(content, bytes) else content.encode()[: sheets.LARGEST_FILE]
    with suppress(Unreadable):
        transact(engine, lambda s: drafting.put(s, setter, content=raw, file_name=file_name))


def test_hostile_scans_cost_no_more_than_some_labels() -> None:
    label = scans.PACK + "10A"
    honest = min(cost(lambda: [read_scan(label, today=scans.TODAY) for _ in range(200)]) for _ in range(5)) / 200
    worst = max(cost(partial(refused, text)) for text in [*scans.HOSTILE, *scans.NONSENSE])
    print(f"\nan honest label {honest * 1e6:.0f} us; the dearest hostile one {worst / honest:.0f} times as much")  # noqa: T201
    assert worst < MOST_LABELS * honest


def refused(text: str) -> None:
    """A scan that is refused."""
    try:
        read_scan(text, today=scans.TODAY)
    except Invalid:
        return
    raise AssertionError(text[:50])
