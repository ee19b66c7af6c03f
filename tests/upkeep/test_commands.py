"""Backups, drills and the watch as an operator types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from stockpile.db import open_engine
from tests.conftest import SMALL_REGION


def stockpile(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on an installation of its own."""
    environment = {"STOCKPILE_HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    command = [sys.executable, "-m", "stockpile", *words]
    root = Path(__file__).parents[2]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the small region."""
    folder = tmp_path_factory.mktemp("commands")
    loaded = stockpile(folder, "import", "region", str(SMALL_REGION))
    assert loaded.returncode == 0, loaded.stderr
    return folder


def test_an_operator_takes_proves_and_restores_a_backup_and_stops_what_is_wrong(home: Path) -> None:
    assert stockpile(home, "backup", "take", str(home / "b")).returncode == 0
    proven = stockpile(home, "backup", "check", str(home / "b"))
    assert (proven.returncode, "restored and proven" in proven.stdout) == (0, True), proven.stderr
    refused = stockpile(home, "restore", str(home / "b"))
    assert (refused.returncode, "--replace" in refused.stderr) == (2, True), refused.stderr
    assert stockpile(home, "verify", "--stop").returncode == 0
    engine = open_engine(f"sqlite:///{home / 'stockpile.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE balance SET quantity = quantity + 1 WHERE id = 1"))
    watched = stockpile(home, "verify", "--watch", "1")
    assert (watched.returncode, "balance 1 stores" in watched.stderr) == (3, True), watched.stderr
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger_stop")).scalar_one() == 1
    engine.dispose()
    assert stockpile(home, "restore", str(home / "b"), "--replace").returncode == 0
    assert stockpile(home, "verify").returncode == 0
