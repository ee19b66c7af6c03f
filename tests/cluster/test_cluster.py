"""Solves on a real cluster of the loopback interface: killed workers, deadlines, the word to end, and no cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine
from sqlmodel import Session, select

from optimizer import cluster as clusters
from optimizer.allocation.plan import BEST
from optimizer.allocation.timed import Timed
from optimizer.cluster import Certificates, Cluster
from optimizer.sharing.deciding import decide
from optimizer.solver import run_here, run_limited, send_to
from stockpile import solving
from stockpile.allocation.tables import Plan
from stockpile.settings import Settings
from tests.allocation.surge_room import everybody, submitted, surge
from tests.cluster.farm import Farm, farm
from tests.cluster.field import failing, slow
from tests.conftest import Cast
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE
from tests.optimizer.allocation.sharing_instances import region as instance

PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with farm(tmp_path_factory.mktemp("farm")) as made:
        yield made


@pytest.fixture
def cluster(field: Farm) -> Iterator[Cluster]:
    while sum(one.poll() is None for one in field.workers) < 2:
        field.add_worker()
    made = Cluster(field.address)
    _wait_for_workers(made, 2)
    yield made
    made.close()
    send_to(None)


def _wait_for_workers(made: Cluster, count: int) -> None:
    made._connected().wait_for_workers(count, timeout=60)


def _gone(field: Farm) -> bool:
    for _ in range(200):
        if not field.solving():
            return True
        time.sleep(0.05)
    return False


def test_a_plan_is_the_same_bytes_on_the_cluster_as_here(cluster: Cluster) -> None:
    timed = Timed(instance(1, pools=3, lots=9, claims=12), PATIENCE_SECONDS)
    heard: list[tuple[int, int]] = []
    there = cluster.run(
        decide, timed, limit_seconds=PATIENCE_SECONDS, progress=lambda done, of: heard.append((done, of))
    )
    assert (there.status, there.detail) == ("solved", "")
    assert there.value is not None
    assert there.value.canonical() == decide(timed).canonical()
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_a_worker_killed_in_the_middle_of_a_solve_changes_nothing(cluster: Cluster, field: Farm) -> None:
    timed = Timed(instance(1, pools=40, lots=30, claims=40), PATIENCE_SECONDS)
    heard: list[int] = []
    killed = threading.Event()

    def hear(done: int, _of: int) -> None:
        heard.append(done)
        if done == 2 and not killed.is_set():
            killed.set()
            [(worker, _)] = field.solving()
            field.kill(worker)

    there = cluster.run(decide, timed, limit_seconds=PATIENCE_SECONDS, progress=hear)
    assert killed.is_set()
    assert (there.status, there.detail) == ("solved", "")
    assert there.value is not None
    assert there.value.canonical() == decide(timed).canonical()
    assert heard.count(1) == 2, "the other worker begins anew"


def test_a_solve_that_overruns_or_is_ended_ends_on_its_worker_too(cluster: Cluster, field: Farm) -> None:
    outcome = cluster.run(slow, 300.0, limit_seconds=4, progress=lambda done, of: None)
    assert (outcome.status, outcome.value, outcome.detail) == ("out_of_time", None, "no answer within 4 s")
    assert _gone(field)
    cancel = threading.Event()
    outcome = cluster.run(slow, 300.0, limit_seconds=60, progress=lambda done, of: cancel.set(), cancel=cancel)
    assert outcome.status == "cancelled"
    assert outcome.seconds < 30
    assert _gone(field)


def test_a_plan_is_cut_short_on_its_worker_by_time_and_by_word(cluster: Cluster, tmp_path: Path) -> None:
    problem = instance(1, pools=40, lots=30, claims=40)
    file = tmp_path / "enough"

    def hear(done: int, _of: int) -> None:
        if done == 2:
            file.touch()

    said = cluster.run(decide, Timed(problem, PATIENCE_SECONDS, str(file)), limit_seconds=60, progress=hear)
    assert said.value is not None
    assert said.value.method == BEST
    assert said.value.bound is not None
    assert said.value.bound.source.startswith("it was ended before item-")


def test_a_solver_that_dies_leaves_its_last_words(cluster: Cluster) -> None:
    outcome = cluster.run(failing, None, limit_seconds=60)
    assert outcome.status == "crashed"
    assert "RuntimeError: the last words" in outcome.detail


def test_a_worker_of_another_version_is_not_believed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "versions", lambda: "optimizer 99")
    outcome = cluster.run(decide, Timed(instance(1, pools=1, lots=3, claims=3), 60.0), limit_seconds=60)
    assert outcome.status == "solved"
    assert "runs other versions" in outcome.detail
    assert outcome.detail.endswith("here optimizer 99): computed on this machine")


@pytest.mark.parametrize("workers", [None, 0])
def test_where_no_cluster_answers_or_it_has_no_workers_the_plan_is_made_here_and_says_so(
    tmp_path: Path, workers: int | None
) -> None:
    timed = Timed(instance(1, pools=2, lots=6, claims=8), 60.0)
    if workers is None:
        outcome = Cluster("tcp://127.0.0.1:9").run(decide, timed, limit_seconds=60)
        assert outcome.detail.startswith("the cluster tcp://127.0.0.1:9 does not answer")
    else:
        with farm(tmp_path, workers=workers) as made:
            alone = Cluster(made.address)
            outcome = alone.run(decide, timed, limit_seconds=60)
            alone.close()
        assert "has no workers" in outcome.detail
    assert outcome.detail.endswith("computed on this machine")
    assert outcome.value is not None
    assert outcome.value.canonical() == decide(timed).canonical()


def test_when_the_scheduler_dies_in_the_middle_the_plan_is_made_here(tmp_path: Path) -> None:
    timed = Timed(instance(1, pools=40, lots=30, claims=40), PATIENCE_SECONDS)
    with farm(tmp_path, workers=1) as made:
        lost = Cluster(made.address)
        _wait_for_workers(lost, 1)

        def hear(done: int, _of: int) -> None:
            if made.scheduler.poll() is None:
                made.scheduler.kill()

        outcome = lost.run(decide, timed, limit_seconds=PATIENCE_SECONDS, progress=hear)
        lost.close()
    assert "was lost while it computed" in outcome.detail
    assert outcome.value is not None
    assert outcome.value.canonical() == decide(timed).canonical()


def test_a_surge_is_planned_on_the_cluster_that_the_settings_name(
    region: Engine, cast: Cast, cluster: Cluster, field: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody(), *everybody("PUMP", 100))
    solving.choose(Settings(cluster=field.address))
    plans = []
    for where in (run_limited, run_here):
        monkeypatch.setattr("stockpile.allocation.planning.run_limited", where)
        made = Desk(region, cast).post("coordinator", f"/surges/{number}/plans")
        assert made.status_code == 201, made.text
        with Session(region) as session:
            plan = session.exec(select(Plan).where(Plan.id == made.json()["id"])).one()
            plans.append((plan.answer, plan.kept, plan.solver_note))
    assert plans[0] == plans[1]
    assert plans[0][1:] == (True, "")


@ON_SQLITE
def test_a_plan_that_was_not_computed_on_the_cluster_says_so_in_the_journal(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    desk = Desk(region, cast)
    solving.choose(Settings(cluster="tcp://127.0.0.1:9"))
    made = desk.post("coordinator", f"/surges/{number}/plans")
    send_to(None)
    plan = desk.get("requester", f"/plans/{made.json()['id']}")
    assert (plan["kept"], plan["fair"]) == (True, True)
    assert plan["solver_note"].startswith("the cluster tcp://127.0.0.1:9 does not answer")


def test_a_cluster_under_tls_takes_nobody_without_a_certificate(tmp_path: Path) -> None:
    files = _certificates(tmp_path)
    given = ["--tls-ca-file", files.authority, "--tls-cert", files.certificate, "--tls-key", files.key]
    timed = Timed(instance(1, pools=1, lots=3, claims=3), 60.0)
    with farm(tmp_path, workers=1, encrypted=[*given, "--protocol", "tls"]) as made:
        assert made.address.startswith("tls://")
        known = Cluster(made.address, files)
        _wait_for_workers(known, 1)
        assert known.run(decide, timed, limit_seconds=60).detail == ""
        known.close()
        stranger = Cluster(made.address.replace("tls://", "tcp://"))
        assert "does not answer" in stranger.run(decide, timed, limit_seconds=60).detail


def test_certificates_without_encryption_and_encryption_without_certificates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(solving.ClusterSettings, match="STOCKPILE_CLUSTER_CA"):
        solving.choose(Settings(cluster="tls://127.0.0.1:8786"))
    with pytest.raises(solving.ClusterSettings, match="say tls://"):
        solving.choose(Settings(cluster="tcp://127.0.0.1:8786", cluster_ca=tmp_path / "ca.pem"))
    with pytest.raises(ValueError, match="cluster"):
        Settings(cluster="somewhere")


def _certificates(folder: Path) -> Certificates:
    """One certificate that is its own authority, for the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a cluster in a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return Certificates(str(certificate), str(certificate), str(private))
