"""Running the demonstration as its own process, as a newcomer does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 600
TIMES = ("plan_seconds", "total_seconds", "database")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This environment with the data in `home`, and the commands of this interpreter first."""
    commands = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STOCKPILE_")}
    path = os.pathsep.join([str(commands), kept.get("PATH", "")])
    return kept | {"PATH": path, "STOCKPILE_HOME": str(home), "COLUMNS": "120"} | more


def demo(home: Path, *, scenario: str = "", **more: str) -> tuple[str, dict[str, Any]]:
    """What `stockpile demo --no-serve` prints, of this scenario if one is named, and its report; must succeed."""
    named = ["--scenario", scenario] if scenario else []
    report = home / "out.json"
    ran = subprocess.run(
        ["stockpile", "demo", "--no-serve", "--report", str(report), *named],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout, json.loads(report.read_text(encoding="utf-8"))


def facts(report: dict[str, Any]) -> dict[str, Any]:
    """The figures of a report that do not depend on the machine or the database."""
    return {name: value for name, value in report.items() if name not in TIMES}
