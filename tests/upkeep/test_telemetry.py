"""Figures and traces are sent to a collector where one is named: every figure that alerts and dashboard show."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.solver import run_limited
from stockpile import counting
from stockpile.app import build
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Account
from stockpile.jobs import operations as jobs
from stockpile.jobs import watching
from stockpile.jobs.schedule import act_of_scheduler
from stockpile.settings import Settings
from stockpile.upkeep import metrics
from tests.conftest import Cast, acting
from tests.inventory.importroom import csv, imported, receipt
from tests.inventory.stockroom import ON_SQLITE, take_in

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """A collector on the loopback interface: what it received of figures and spans."""

    def __init__(self) -> None:
        self.figures: dict[str, list[Any]] = {}
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                raw = gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw
                collector.take(self.path, raw)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, path: str, raw: bytes) -> None:
        """Keep what was sent."""
        if path == "/v1/metrics":
            for one in ExportMetricsServiceRequest.FromString(raw).resource_metrics:
                for scope in one.scope_metrics:
                    self.figures |= {figure.name: figure for figure in scope.metrics}
        elif path == "/v1/traces":
            for one in ExportTraceServiceRequest.FromString(raw).resource_spans:
                self.spans += [span for scope in one.scope_spans for span in scope.spans]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def _token(engine: Engine, number: int) -> str:
    def issued(session: Session) -> str:
        return governance.issue_token(session, session.get_one(Account, number), real_now=datetime.now(UTC), hours=1)[0]

    return transact(engine, issued)


def _work(client: TestClient, region: Engine, cast: Cast, home: Path) -> None:
    """A little of everything that is counted."""
    lot = take_in(region, acting(cast["logistics"]), lot="COUNTED", quantity=5)
    token = _token(region, cast["logistics"].id)
    client.get("/api/v1/items", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    body = {"kind": "adjust", "site": "D-DE", "lines": [{"lot_id": lot, "quantity": 1}], "reason": "one more"}
    for turn in range(4):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"counted/{turn}"}
        assert client.post("/api/v1/movements", json=body, headers=headers).status_code == 201
    run_limited(sorted, (2, 1), limit_seconds=60)
    jobs.run(region, act_of_scheduler(region), job="dates", limit_seconds=30)
    watching.watch(region, act_of_scheduler(region), home=home)
    assert imported(region, acting(cast["logistics"]), csv(receipt("FILED"))) == ("done", [])


@ON_SQLITE
def test_every_figure_and_the_trace_of_a_request_reach_the_collector(
    region: Engine, cast: Cast, tmp_path: Path, collector: Collector
) -> None:
    settings = Settings(home=tmp_path, telemetry=collector.address, backup_dir=tmp_path / "backups")
    with TestClient(build(region, settings, scheduled=False)) as client:
        _work(client, region, cast, tmp_path)
        shown = client.get("/metrics").text
    assert set(metrics.HELP) - set(collector.figures) == set()
    assert {name for name in metrics.HELP if f"# TYPE {name} " not in shown} == set()
    assert _points(collector, "stockpile_postings_total")["adjustment"].as_int >= 4
    assert {"/api/v1/items", "/api/v1/movements"} <= set(_points(collector, "stockpile_request_seconds"))
    counted = 'stockpile_requests_total{method="POST",route="/api/v1/movements",status="201"} 4'
    assert counted in shown, "the quick way is counted as the general way is"
    names = {span.name for span in collector.spans}
    assert {"GET /api/v1/items", "POST /api/v1/movements", "solve", "run"} <= names
    [followed] = [span for span in collector.spans if span.name == "GET /api/v1/items"]
    assert followed.trace_id.hex() == TRACE
    told = f"{collector.spans}{collector.figures}"
    assert "one more" not in told
    assert cast["logistics"].name not in told.replace("stockpile", "")


def _points(collector: Collector, name: str) -> dict[str, Any]:
    """The points of a figure by the value of their first label."""
    figure = collector.figures[name]
    points = figure.sum.data_points or figure.histogram.data_points
    return {point.attributes[0].value.string_value: point for point in points}


@ON_SQLITE
def test_nothing_is_sent_unless_a_collector_is_named(
    region: Engine, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.get("/health")
    assert (collector.figures, collector.spans) == ({}, [])
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
    with TestClient(build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.get("/health")
    assert "stockpile_requests_total" in collector.figures
    assert [span.name for span in collector.spans] == ["GET /health"]


@ON_SQLITE
def test_a_collector_that_is_away_keeps_nobody_waiting(region: Engine, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, telemetry="http://127.0.0.1:9")
    with TestClient(build(region, settings, scheduled=False)) as client:
        assert client.get("/health").status_code == 200


def test_what_was_undone_is_not_counted(region: Engine) -> None:
    def work(session: Session) -> None:
        counting.count_on_commit(session.info, "stockpile_movements_total", 7)

    name = ("stockpile_movements_total", ())
    before = counting.counts.counters().get(name, 0)
    transact(region, work, keep=False)
    assert counting.counts.counters().get(name, 0) == before
    transact(region, work)
    assert counting.counts.counters()[name] == before + 7
