"""Where plans are computed: in child processes of this one, or on the Dask cluster that STOCKPILE_CLUSTER names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from optimizer.cluster import Certificates, Cluster
from optimizer.outcome import Outcome
from optimizer.solver import Elsewhere, Progress, run_here, send_to
from stockpile.counting import counts, traced
from stockpile.errors import Invalid
from stockpile.settings import Settings

Value = TypeVar("Value")


class ClusterSettings(Invalid):
    """What is set about the cluster does not hold together."""

    code = "cluster_settings"


def choose(settings: Settings) -> None:
    """Send this process's solves where the settings say, from now on; nothing is connected to before the first.

    Refuses tls:// without its three files, and files without tls://, for then nothing would be encrypted.
    """
    send_to(Counted(Cluster(settings.cluster, _certificates(settings)) if settings.cluster else None))


class Counted:
    """Solves here, or on a cluster, that are counted and timed."""

    def __init__(self, cluster: Elsewhere | None) -> None:
        self._where, self._run = ("cluster", cluster.run) if cluster is not None else ("here", run_here)

    def run(
        self,
        function: Callable[..., Value],
        argument: Any,
        *,
        limit_seconds: float,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome[Value]:
        """As `optimizer.solver.run_limited`."""
        with traced("solve", where=self._where, task=function.__name__):
            outcome: Outcome[Value] = self._run(
                function, argument, limit_seconds=limit_seconds, progress=progress, cancel=cancel
            )
        instead = self._where == "cluster" and "computed on this machine" in outcome.detail
        where = "here instead" if instead else self._where
        counts.add("stockpile_solves_total", where=where, status=outcome.status)
        counts.took("stockpile_solve_seconds", outcome.seconds)
        return outcome


def _certificates(settings: Settings) -> Certificates | None:
    files = {
        "STOCKPILE_CLUSTER_CA": settings.cluster_ca,
        "STOCKPILE_CLUSTER_CERTIFICATE": settings.cluster_certificate,
        "STOCKPILE_CLUSTER_KEY": settings.cluster_key,
    }
    if not settings.cluster.startswith("tls://"):
        if any(files.values()):
            raise ClusterSettings(
                f"{settings.cluster} is not encrypted though certificates are set: say tls://",
                field="STOCKPILE_CLUSTER",
            )
        return None
    for name, file in files.items():
        if file is None or not file.is_file():
            raise ClusterSettings(f"{settings.cluster} needs the PEM file {name}", field=name, value=str(file or ""))
    return Certificates(*(str(file) for file in files.values()))
