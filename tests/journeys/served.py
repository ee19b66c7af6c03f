"""An installation that serves on a loopback port of its own, and how people sign in to its screens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.db import open_engine
from stockpile.governance import operations as governance
from stockpile.region import loading
from stockpile.region.reading import read
from tests.conftest import NOW, SMALL_REGION, acting

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
NAME, DOCK, PASSWORD = "night-shift", "dock", "for the tests only"
UP_WITHIN_SECONDS = 90

in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="no playwright: pip install -e .[test]"),
    # A browser on a busy machine: a wait that ran out is made once more, and the tests' last lines name it (-rR).
    pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]),
]


def marked(test: object) -> object:
    """A test that needs a browser."""
    for mark in in_browser:
        test = mark(test)
    return test


class Serving(Protocol):
    """Whatever answers on a port of the loopback interface."""

    port: int


class Served:
    """An installation that serves on a loopback port of its own."""

    def __init__(self, home: Path, template: Path) -> None:
        self.home = home
        shutil.copy(template, home / "stockpile.db")
        self.engine: Engine = open_engine(f"sqlite:///{home / 'stockpile.db'}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def start(self) -> subprocess.Popen[bytes]:
        """Serve as an operator does, and wait until it answers."""
        command = [sys.executable, "-m", "stockpile", "serve", "--port", str(self.port)]
        settings = {"STOCKPILE_HOME": str(self.home), "STOCKPILE_DATABASE_URL": ""}
        with (self.home / "serve.log").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ | settings, cwd=self.home, stdout=log, stderr=log)
        until = time.monotonic() + UP_WITHIN_SECONDS
        while not self._answers():
            assert process.poll() is None, (self.home / "serve.log").read_text()
            assert time.monotonic() < until, "the server did not come up in time"
            time.sleep(0.1)
        return process

    def _answers(self) -> bool:
        try:
            return self.get("/health")[0].status == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[HTTPResponse, bytes]:
        """What a client without any sign-in is answered; redirects are not followed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


def serving(served: Served) -> Iterator[Served]:
    """Serve for as long as the tests want it."""
    process = served.start()
    yield served
    process.terminate()
    process.wait(timeout=10)
    served.engine.dispose()


def small_region(session: Session) -> None:
    act = acting(governance.founder())
    loading.installation_account(session)
    loading.load(session, act, read(SMALL_REGION)).simulated_now = NOW
    governance.add_scheduler(session, act)
    for name, role in ((NAME, "coordinator"), (DOCK, "logistics")):
        governance.add_account(session, act, name=name, title=name, password=PASSWORD, grants=[Grant(role)])


def sign_in(page: Page, served: Serving, *, name: str = NAME, password: str = PASSWORD) -> None:
    """Type name and password at the form, which speaks the browser's language, and press Enter."""
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.wait_for_url("**/login")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")
