"""What happens to the service: each fault is done, lasts a moment, and is over; the service must get up by itself.

A process that was killed is started again, as systemd would; nothing else helps.
"""

from __future__ import annotations

import base64
import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Final

import psycopg

from tests.campaign import planted
from tests.campaign.cluster import Cluster
from tests.campaign.opened import PASSWORD, Service
from tests.campaign.proxy import Proxy

Chance = random.Random


def _server(service: Service) -> tuple[Cluster, Proxy]:
    assert service.cluster is not None
    assert service.proxy is not None
    return service.cluster, service.proxy


def _a_port(service: Service, chance: Chance) -> int:
    return chance.choice(sorted(service.served_by))


def worker_kill(service: Service, chance: Chance) -> None:
    """A process of the service is killed, and started again."""
    port = _a_port(service, chance)
    service.signal(port, signal.SIGKILL)
    time.sleep(chance.uniform(0, 0.3))
    service.start(port)


def worker_stop(service: Service, chance: Chance) -> None:
    """A process of the service stands still for a while, with whatever it holds."""
    port = _a_port(service, chance)
    service.signal(port, signal.SIGSTOP)
    time.sleep(chance.uniform(0.2, 2.0))
    service.signal(port, signal.SIGCONT)


def clock_step(service: Service, chance: Chance) -> None:
    """The clock of a process is a day ahead, or a day behind, and then right again."""
    there, back = chance.choice([(signal.SIGUSR1, signal.SIGUSR2), (signal.SIGUSR2, signal.SIGUSR1)])
    _stepped(service, chance, there, back)


def hour_change(service: Service, chance: Chance) -> None:
    """The hour of summer begins in the middle of a shift: a process is an hour ahead in another zone, and back."""
    _stepped(service, chance, signal.SIGRTMIN, signal.SIGRTMIN + 1)


def _stepped(service: Service, chance: Chance, there: int, back: int) -> None:
    port = _a_port(service, chance)
    pid = service.served_by[port]
    service.signal(port, there)
    time.sleep(chance.uniform(0.2, 1.0))
    if service.served_by[port] == pid:
        service.signal(port, back)


def upgrade(service: Service, _chance: Chance) -> None:
    """The package is put in place anew under load: old and new processes serve side by side."""
    service.upgrade()


def two_schedulers(service: Service, _chance: Chance) -> None:
    """The nightly run begins in every process at once."""
    ports = list(service.served_by)
    threads = [threading.Thread(target=_begin, args=(service, port, "coordinator", "reservations")) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def optimizer_kill(service: Service, chance: Chance) -> None:
    """A process is killed while it works out or stores the nightly reorder, and another begins the same one."""
    port = _a_port(service, chance)
    thread = threading.Thread(target=_begin, args=(service, port, "buyer", "reorder"))
    thread.start()
    time.sleep(chance.uniform(0.05, 1.5))
    service.signal(port, signal.SIGKILL)
    service.start(port)
    thread.join()


def _begin(service: Service, port: int, account: str, job: str) -> None:
    given = base64.b64encode(f"{account}:{PASSWORD}".encode()).decode()
    with suppress(OSError, HTTPException):
        service.ask(port, "POST", f"/api/v1/runs/{job}", {"Authorization": f"Basic {given}"})


def backend_kill(service: Service, chance: Chance) -> None:
    """A session's process in the database is killed; the server throws all sessions out and recovers."""
    cluster, _ = _server(service)
    pids = cluster.backends(service.database)
    if pids:
        with suppress(ProcessLookupError):
            _os_kill(chance.choice(pids), signal.SIGKILL)


def backend_stop(service: Service, chance: Chance) -> None:
    """A session's process in the database stands still for a while, with its locks."""
    cluster, _ = _server(service)
    pids = cluster.backends(service.database)
    if pids:
        pid = chance.choice(pids)
        with suppress(ProcessLookupError):
            _os_kill(pid, signal.SIGSTOP)
            time.sleep(chance.uniform(0.2, 1.5))
            _os_kill(pid, signal.SIGCONT)


def postmaster_kill(service: Service, chance: Chance) -> None:
    """The whole server is killed at once, and started again."""
    cluster, _ = _server(service)
    cluster.kill()
    time.sleep(chance.uniform(0, 0.3))
    cluster.start()


def immediate_restart(service: Service, _chance: Chance) -> None:
    """The server is stopped without a checkpoint, and started again."""
    cluster, _ = _server(service)
    cluster.stop("immediate")
    cluster.start()


def server_upgrade(service: Service, _chance: Chance) -> None:
    """The server is restarted as the machine's package manager does it: it ends every session and begins anew."""
    cluster, _ = _server(service)
    cluster.stop("fast")
    cluster.start()


def blackhole(service: Service, chance: Chance) -> None:
    """Nothing gets through between service and database for a while."""
    _, proxy = _server(service)
    proxy.blackhole()
    time.sleep(chance.uniform(0.3, 4.0))
    proxy.heal()


def reply_cut(service: Service, chance: Chance) -> None:
    """Connections break as the reply comes: commits are done that nobody hears of."""
    _, proxy = _server(service)
    proxy.cut()
    time.sleep(chance.uniform(0.05, 0.3))
    proxy.spare()


def pool_exhaustion(service: Service, chance: Chance) -> None:
    """Others take all the connections that the server has."""
    cluster, _ = _server(service)
    taken = []
    with suppress(psycopg.OperationalError):
        for _ in range(60):
            taken.append(psycopg.connect(cluster.address(service.database), connect_timeout=2))
    time.sleep(chance.uniform(0.2, 1.0))
    for one in taken:
        one.close()


def disk_full(service: Service, chance: Chance) -> None:
    """The files of a process of the service may not grow for a while (the embedded database is in it)."""
    pid = service.served_by[_a_port(service, chance)]
    largest = max((path.stat().st_size for path in service.home.glob("stockpile.db*")), default=0)
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(largest - 8192, 1), resource.RLIM_INFINITY))
        time.sleep(chance.uniform(0.2, 1.0))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def server_disk_full(service: Service, chance: Chance) -> None:
    """The disk with the server's tables is full for a while; then there is room again."""
    cluster, _ = _server(service)
    filler = cluster.fill()
    time.sleep(chance.uniform(0.5, 2.0))
    filler.unlink()


def _os_kill(pid: int, number: int) -> None:
    import os

    os.kill(pid, number)


Fault = Callable[[Service, Chance], None]
ANYWHERE: Final[tuple[Fault, ...]] = (
    worker_kill,
    worker_stop,
    upgrade,
    clock_step,
    hour_change,
    two_schedulers,
    optimizer_kill,
)
ON_SQLITE: Final[tuple[Fault, ...]] = (*ANYWHERE, disk_full)
ON_POSTGRESQL: Final[tuple[Fault, ...]] = (
    *ANYWHERE,
    backend_kill,
    backend_stop,
    postmaster_kill,
    immediate_restart,
    server_upgrade,
    blackhole,
    reply_cut,
    pool_exhaustion,
)


def usual(service: Service) -> tuple[Fault, ...]:
    """What may happen to this service."""
    if service.cluster is None:
        return ON_SQLITE
    return (*ON_POSTGRESQL, server_disk_full) if service.cluster.disk else ON_POSTGRESQL


def of(bug: str) -> tuple[Fault, ...]:
    """The faults under which a planted bug shows."""
    return tuple(one for one in ON_POSTGRESQL if one.__name__ in planted.KINDS.get(bug, ()))
