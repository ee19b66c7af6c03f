"""The service under fire: its database with stock to fight over, its processes, and what they are reached by."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import date, timedelta
from http.client import HTTPConnection
from pathlib import Path
from socket import create_server
from tempfile import mkdtemp
from uuid import uuid4

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from stockpile import migrations
from stockpile.actor import Act, Grant
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.inventory import operations as inventory
from stockpile.inventory.operations import ReceiptLine
from stockpile.region import loading
from stockpile.region.reading import read
from tests.campaign import planted
from tests.campaign.cluster import Cluster
from tests.campaign.proxy import Proxy
from tests.conftest import NOW, SMALL_REGION

ROOT = Path(__file__).parents[2]
PASSWORD = "for the campaign only"
LOTS, STANDING, SITES = 40, 100, ("D-DE", "D-BE")


class Service:
    """Two processes of the service on one database, which may be killed and are started again."""

    def __init__(self, *, postgresql: bool, bug: str = "none", workers: int = 2, disk_megabytes: int = 0) -> None:
        self.home = Path(mkdtemp(prefix="campaign-home-"))
        settings = planted.SERVER.get(bug, ())
        self.cluster = Cluster(*settings, disk_megabytes=disk_megabytes) if postgresql else None
        self.proxy = Proxy(self.cluster.socket) if self.cluster else None
        self.database = f"campaign_{uuid4().hex[:8]}"
        self.direct = self._direct()
        self.engine = self._prepare(bug)
        self.opening = self._sum()
        self.served_by: dict[int, int] = {}
        self._lock = threading.Lock()
        self._bug = bug
        self._parent = self._parent_process()
        for port in _free_ports(workers):
            self.start(port)
        self.token = self._sign_in()
        self._checkpoint()

    def _direct(self) -> str:
        if self.cluster is None:
            return f"sqlite:///{self.home / 'stockpile.db'}"
        self.cluster.create(self.database)
        return "postgresql+psycopg" + self.cluster.address(self.database).removeprefix("postgresql")

    def _prepare(self, bug: str) -> Engine:
        engine = open_engine(self.direct)
        migrations.upgrade(engine)
        transact(engine, self._stock)
        with engine.begin() as connection:
            for statement in planted.DATABASE.get(bug, ()) if self.cluster else ():
                connection.execute(text(statement))
        return engine

    def _stock(self, session: Session) -> None:
        act = Act(governance.founder(), NOW, NOW)
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))
        governance.add_scheduler(session, act)
        for name, role in (("fighter", "logistics"), ("coordinator", "coordinator"), ("buyer", "buyer")):
            grants = [Grant(role)]
            governance.add_account(session, act, name=name, title=name, password=PASSWORD, grants=grants)
        lines = [ReceiptLine("TAB", f"FIRE-{number:03}", date(2021, 6, 30), STANDING) for number in range(LOTS)]
        earlier = Act(governance.founder(), NOW - timedelta(days=6), NOW, clock=NOW)
        for site in SITES:
            inventory.receive(session, earlier, site=site, lines=lines, key=f"opening of {site}")

    def _sum(self) -> int:
        with self.engine.connect() as connection:
            total: int = connection.execute(text("SELECT sum(quantity) FROM balance")).scalar_one()
            return total

    def lots(self) -> list[int]:
        """The lots that are fought over."""
        with self.engine.connect() as connection:
            found = connection.execute(text("SELECT id FROM lot WHERE code LIKE 'FIRE-%' ORDER BY id"))
            return [row[0] for row in found]

    def _parent_process(self) -> subprocess.Popen[str]:
        """A parent that is ready."""
        address = self.direct
        if self.proxy is not None:
            address = f"postgresql://postgres@127.0.0.1:{self.proxy.port}/{self.database}"
        with (self.home / "service.log").open("a") as told:
            parent = subprocess.Popen(
                [sys.executable, "-m", "tests.campaign.worker", address, str(self.home), self._bug],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        assert parent.stdout is not None
        parent.stdout.readline()
        return parent

    def upgrade(self) -> None:
        """As a new package is put in place: a new parent, and one process after the other ends in order and is anew."""
        old, self._parent = self._parent, self._parent_process()
        for port, pid in list(self.served_by.items()):
            self.signal(port, signal.SIGTERM)
            _await_end(pid)
            self.signal(port, signal.SIGKILL)
            self.start(port)
        _end(old)

    def start(self, port: int) -> None:
        """Start a process on that port, once the one of before has left it."""
        with self._lock:
            if port in self.served_by:
                _await_end(self.served_by[port])
            assert self._parent.stdin is not None
            assert self._parent.stdout is not None
            self._parent.stdin.write(f"start {port}\n")
            self._parent.stdin.flush()
            self.served_by[port] = int(self._parent.stdout.readline())

    def ended(self) -> list[int]:
        """The ports whose process is gone, which nobody has killed: it ended by itself."""
        with self._lock:
            return [port for port, pid in self.served_by.items() if not Path(f"/proc/{pid}").exists()]

    def signal(self, port: int, number: int) -> None:
        """Send a signal to the process on that port."""
        with suppress(ProcessLookupError):
            os.kill(self.served_by[port], number)

    def _sign_in(self) -> str:
        import base64
        import json

        given = base64.b64encode(f"fighter:{PASSWORD}".encode()).decode()
        for _ in range(600):
            for port in self.served_by:
                with suppress(OSError):
                    status, body = self.ask(port, "POST", "/api/v1/tokens", {"Authorization": f"Basic {given}"})
                    if status == 201:
                        return str(json.loads(body)["token"])
            time.sleep(0.1)
        raise AssertionError((self.home / "service.log").read_text()[-3000:])

    def _checkpoint(self) -> None:
        """What was prepared is on the disk, whatever is set about commits: only what happens from now on is judged."""
        if self.cluster is not None:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("CHECKPOINT"))

    def ask(self, port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def rest(self) -> None:
        """Wait until the database takes sessions again; sessions of before are forgotten."""
        for _ in range(600):
            with suppress(OperationalError):
                self.engine.dispose()
                with self.engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
                return
            time.sleep(0.1)
        raise AssertionError("the database does not come back")

    def close(self) -> None:
        """End everything and leave nothing."""
        for port in self.served_by:
            self.signal(port, signal.SIGKILL)
        _end(self._parent)
        self.engine.dispose()
        if self.proxy is not None:
            self.proxy.close()
        if self.cluster is not None:
            self.cluster.delete()
        shutil.rmtree(self.home, ignore_errors=True)


def _await_end(pid: int) -> None:
    """Wait until a process is gone, five seconds at most."""
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.01)


def _end(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.close()
    parent.wait(timeout=30)
    parent.stdout.close()


def _free_ports(count: int) -> list[int]:
    sockets = [create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
