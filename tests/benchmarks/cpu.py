"""Processor time of the processes of a benchmark, from /proc: wall time does not travel, this does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time of the client, the server's processes and the database's."""

    client: float
    server: float
    database: float

    def per_request(self, earlier: Spent, requests: float) -> Cost:
        """What each request cost since `earlier`."""
        names = ("client", "server", "database")
        return Cost({name: 1e6 * (getattr(self, name) - getattr(earlier, name)) / requests for name in names})


@dataclass(frozen=True)
class Cost:
    """Microseconds of processor time per request, by who spent them."""

    parts: dict[str, float]

    def total(self) -> float:
        """All together."""
        return sum(self.parts.values())

    def __str__(self) -> str:
        """In words."""
        shares = " + ".join(f"{name} {part:.0f}" for name, part in self.parts.items() if part)
        return f"CPU us {shares} = {self.total():.0f}"


def spent(server: int | None, data_directory: str | None) -> Spent:
    """What has been spent until now; a database of another machine counts nothing. Ended children are the client's."""
    mine = os.times()
    own = mine.user + mine.system + mine.children_user + mine.children_system
    return Spent(own, _family(server) if server else 0.0, _family(_postmaster(data_directory)))


def _postmaster(data_directory: str | None) -> int | None:
    note = Path(data_directory or "/nowhere") / "postmaster.pid"
    return int(note.read_text(encoding="utf-8").splitlines()[0]) if note.is_file() else None


def _family(ancestor: int | None) -> float:
    """Seconds of a process and all that descend from it, those that ended included."""
    if ancestor is None:
        return 0.0
    known = {pid: stat for pid in _processes() if (stat := _stat(pid)) is not None}
    family, grown = {ancestor}, True
    while grown:
        more = {pid for pid, stat in known.items() if int(stat[1]) in family} - family
        family, grown = family | more, bool(more)
    return sum(_seconds(known[pid]) for pid in family if pid in known)


def _processes() -> Iterable[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name; None where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _seconds(stat: list[str]) -> float:
    """User and system time, and that of children that ended."""
    return sum(int(field) for field in stat[11:15]) / TICK
