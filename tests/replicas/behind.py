"""The service as several processes behind nginx, on ports of the loopback interface."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from stockpile.upkeep import metrics

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONFIGURATION = Path(metrics.__file__).parent / "host" / "nginx.conf"
ROOT = Path(__file__).parents[2]
OUTER = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/stockpile.conf;
}}
"""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def configured(folder: Path, *, port: int, api: list[int], screens: int) -> Path:
    """The tracked configuration on other ports and without TLS, inside a whole one; nothing else is changed."""
    given = CONFIGURATION.read_text(encoding="utf-8")
    changes = {
        r"127\.0\.0\.1:8001": f"127.0.0.1:{api[0]}",
        r"127\.0\.0\.1:8002": f"127.0.0.1:{api[1]}",
        r"127\.0\.0\.1:8011": f"127.0.0.1:{screens}",
        r"listen 443 ssl;": f"listen 127.0.0.1:{port};",
        r"ssl_certificate(_key)? .*;": "",
        r"(userid_flags|proxy_cookie_flags) (.*) secure;": r"\1 \2;",
    }
    for old, new in changes.items():
        given, count = re.subn(old, new, given)
        assert count, old
    (folder / "stockpile.conf").write_text(given)
    whole = folder / "nginx.conf"
    whole.write_text(OUTER.format(folder=folder))
    return whole


class Behind:
    """nginx, two processes of the API and one of the screens, on one database."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.port, *others = free_ports(4)
        self.api, self.screens = others[:2], others[2]
        self._settings = {
            "STOCKPILE_HOME": str(folder / "home"),
            "STOCKPILE_DATABASE_URL": address,
            "PYTHONPATH": str(ROOT),
        }
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        for port in self.api:
            self.start(port, "api")
        self.start(self.screens, "screens")
        assert NGINX is not None
        whole = configured(folder, port=self.port, api=self.api, screens=self.screens)
        self._nginx = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(whole)], stderr=subprocess.DEVNULL)
        for port in (*self.processes, self.port):
            self._await(port)

    def start(self, port: int, part: str) -> None:
        """Start a process of the service, as an operator does."""
        command = [sys.executable, "-m", "stockpile", "serve", "--port", str(port), "--part", part]
        with (self.folder / f"serve-{port}.log").open("ab") as log:
            self.processes[port] = subprocess.Popen(
                command, env=os.environ | self._settings, cwd=self.folder, stdout=log, stderr=log
            )

    def get(self, path: str, *, port: int | None = None) -> tuple[int, str]:
        """What is answered to who is not signed in."""
        connection = HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def close(self) -> None:
        """End it all."""
        self._nginx.terminate()
        self._nginx.wait(timeout=10)
        for one in self.processes.values():
            one.kill()
            one.wait()

    def _await(self, port: int) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if self.get("/health", port=port)[0] == 200:
                    return
            except (OSError, HTTPException):
                pass
            time.sleep(0.1)
        log = self.folder / f"serve-{port}.log"
        raise AssertionError(log.read_text() if log.exists() else (self.folder / "error.log").read_text())
