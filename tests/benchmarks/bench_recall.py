"""The recall of one lot that 203 members hold, have reserved, or have on the road: over HTTP, under a second.

Run by `pytest tests/benchmarks/bench_recall.py -o python_files='bench_*.py'`; the figures are printed. On the region
of the demonstration, on each database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance import queries as clock
from stockpile.inventory import ledger, operations, queries, transfers
from stockpile.inventory import rules as stock
from stockpile.inventory.operations import ReceiptLine
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do, lot_id

REGION = Path(__file__).parents[2] / "fixtures" / "region"
PASSWORD = "a long password for benchmarks"
LIMIT_SECONDS = 1.0


@pytest.fixture
def large(engine: Engine) -> Engine:
    """The region of the demonstration, without a surge."""
    rows = {**read(REGION), "caseload": []}

    def load(session: Session) -> None:
        loading.installation_account(session)
        loading.load(session, loading.act_of_loading(rows, real_now=rows["region"][0].simulated_now), rows)
        grants = [Grant("pharmacist"), Grant("requester")]
        act = acting(governance.founder())
        governance.add_account(session, act, name="reader", title="reader", password=PASSWORD, grants=grants)

    transact(engine, load)
    return engine


@pytest.fixture
def client(large: Engine) -> Iterator[TestClient]:
    """A pharmacist who is signed in."""
    with TestClient(build(large, Settings(), scheduled=False)) as client:
        token = client.post("/api/v1/tokens", auth=("reader", PASSWORD)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def spread(engine: Engine) -> tuple[str, int]:
    """One lot of which each of 203 members has some: a third on the shelf, a third on the road, a third reserved."""
    cast = Cast(engine)
    with reading(engine) as session:
        usual = queries.points_of_use(session)
        routes = queries.routes(session)
        item = next(i for i in catalogue.items(session).values() if not i.cold_chain and not i.controlled)
        licensed = catalogue.licences(session)
        sites = queries.sites(session)
        now = clock.effective_now(session, real_now=acting(cast["logistics"]).at)
    depot = min(origin for origin, _ in routes)
    lines = [ReceiptLine(item.code, "RECALLED", now.date() + timedelta(days=900), 1000 * item.pack_size)]
    logistics = acting(cast["logistics"], now)
    do(engine, operations.receive, logistics, site=depot, lines=lines, key="recalled")
    lot = lot_id(engine, "RECALLED")
    members = [m for m, site in sorted(usual.items()) if (item.code, sites[site].country) in licensed]
    for third in range(3):
        parts = [transfers.Part(depot, usual[m], lot, m, f"note:{m}", item.pack_size) for m in members[third::3]]
        made = do(engine, transfers.arrange, acting(cast["committee"], now), source=f"plan:{third}", parts=parts)
        numbers = [one.id for one in made]
        if third < 2:
            do(engine, transfers.dispatch, logistics, numbers=numbers)
        for number in numbers if third == 0 else ():
            do(engine, transfers.receive, logistics, number=number)
    return item.code, len(members)


def timed(client: TestClient, method: str, path: str, body: Any = None) -> tuple[float, Any]:
    """Seconds until the answer is whole, and the answer."""
    begun = time.perf_counter()
    answer = client.request(method, f"/api/v1/{path}", json=body)
    seconds = time.perf_counter() - begun
    assert answer.status_code in (200, 201), answer.text
    return seconds, answer.json()


def test_a_recall_over_203_members_is_answered_within_a_second(
    large: Engine, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    item, members = spread(large)
    assert members == 203
    body = {"reference": "R-1", "item": item, "lots": ["RECALLED"], "recall_class": 1, "reason": "glass"}
    seconds, opened = timed(client, "POST", "recalls", body | {"deadline": f"{date(2030, 1, 1)}T00:00:00Z"})
    asked, found = timed(client, "GET", f"recalls/{opened['id']}")
    traced, trace = timed(client, "GET", f"lots/{lot_id(large, 'RECALLED')}/trace")
    with capsys.disabled():
        load = f"[load {os.getloadavg()[0]:.1f}]"
        figures = f"opened {seconds:.3f} s, progress {asked:.3f} s, trace {traced:.3f} s"
        print(f"  {large.dialect.name}, {members} members: {figures} {load}")  # noqa: T201
    assert len(found["progress"]["members_holding"]) == sum(1 for n in range(members) if n % 3 < 2)
    assert {one["status"] for one in trace["holdings"]} == {stock.QUARANTINE, stock.IN_TRANSIT}
    assert max(seconds, asked, traced) < LIMIT_SECONDS
    with reading(large) as session:
        assert list(ledger.discrepancies(session)) == []
