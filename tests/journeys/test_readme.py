"""The README's commands do what it says: those that end by themselves, and the five calls by three people."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.demo_run import PATIENCE_SECONDS, ROOT, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(kind: str) -> list[str]:
    """The commands in the README's blocks of that kind."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def here(command: str) -> str:
    """The command with this environment in place of .venv, and without setting it up again."""
    venv = Path(sys.executable).parents[1]
    command = command.replace(".venv/bin/", f"{venv}/bin/")
    return re.sub(r"^make ", f"make VENV={venv} -o {venv}/ready ", command)


def run(command: str, home: Path) -> str:
    """What the command prints; must succeed."""
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the README's commands that end by themselves have been run in their order."""
    folder = tmp_path_factory.mktemp("home")
    for command in commands("sh"):
        run(here(command).replace("out.json", str(folder / "out.json")), folder)
    return folder


def test_the_first_two_commands_are_the_demonstration_and_the_tests() -> None:
    assert commands("console")[:2] == ["make demo", "make test"]


def test_the_demonstration_writes_its_figures(home: Path) -> None:
    report = json.loads((home / "out.json").read_text(encoding="utf-8"))
    named = "municipalities depots items lots requests plan_lines min_fill median_fill cross_border_units"
    more = "calloffs_received plan_seconds total_seconds checker_accepted ledger_verified"
    assert {*named.split(), *more.split()} <= set(report)
    assert (report["municipalities"], report["depots"], report["items"]) == (203, 10, 103)
    assert report["ledger_verified"] is True
    assert report["checker_accepted"] is True


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[int]:
    """The demonstration of `home` served on a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(["stockpile", "serve", "--port", str(port)], env=environment(home))
    try:
        _await(f"http://127.0.0.1:{port}/health")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def _await(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} does not answer")


def test_the_five_calls_work_as_three_people(home: Path, served: int) -> None:
    calls = [command.replace("127.0.0.1:8000", f"127.0.0.1:{served}") for command in commands("curl")]
    assert len(calls) == 5
    people = {re.findall(r"-u (\w+):", call)[0] for call in calls}
    assert people == {"logistics", "coordinator", "committee"}
    record, asked, plan, approved, reorder = [
        json.loads(run(call.replace("curl ", "curl -sf "), home)) for call in calls
    ]
    assert record["posting"] > 0
    assert asked[0]["validated"] == 57
    assert "57 in whole packs are supported of 200 asked" in asked[0]["validation_reason"]
    assert (plan["id"], plan["fair"], plan["method"]) == (8, True, "leximin")
    assert approved["transfers"]
    assert reorder["outcome"]["calloffs"]
    assert "verified" in run("stockpile verify", home)


def test_a_taken_port_is_told_and_not_served_on(home: Path, served: int) -> None:
    refused = subprocess.run(
        ["stockpile", "serve", "--port", str(served)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert f"port {served} of 127.0.0.1 is taken" in refused.stderr.replace("\n", " ")
