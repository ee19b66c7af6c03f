"""What a host is given to run the service is well formed and speaks of what is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from stockpile.cli import app
from stockpile.upkeep import metrics

ROOT = Path(__file__).parents[2]
UPKEEP = Path(metrics.__file__).parent
HOST = UPKEEP / "host"
RUNBOOK = (UPKEEP / "RUNBOOK.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"stockpile_[a-z_]+")


def loaded(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    found: list[dict[str, Any]] = loaded(HOST / "alerts.yaml")["groups"][0]["rules"]
    return found


def figures(text: str) -> set[str]:
    """The names of figures in a text, without the suffixes of a histogram."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in FIGURE.findall(text)}


def test_every_figure_that_alerts_and_dashboard_show_is_told() -> None:
    panels = json.loads((HOST / "dashboard.json").read_text())["panels"]
    shown = " ".join([*(rule["expr"] for rule in rules()), *(t["expr"] for p in panels for t in p["targets"])])
    assert figures(shown) <= set(metrics.HELP)
    assert set(metrics.HELP) <= figures(shown), "a figure that nobody looks at"


def test_every_alert_names_its_night_in_the_runbook() -> None:
    nights = set(re.findall(r"^## (\d+)\.", RUNBOOK, flags=re.MULTILINE))
    assert nights == {str(number) for number in range(1, 11)}
    assert {rule["annotations"]["night"] for rule in rules()} <= nights


def test_every_command_of_the_runbook_exists() -> None:
    told = re.findall(r"`stockpile ((?:[a-z]+ ?)+)", RUNBOOK)
    assert len(told) > 10
    for words in {one.strip() for one in told}:
        command = words.split()[: 2 if words.split()[0] in ("backup", "audit", "run") else 1]
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0, (words, result.output)


def test_the_compose_file_has_no_secret_and_keeps_data_in_volumes() -> None:
    compose = loaded(ROOT / "compose.yaml")
    text = (ROOT / "compose.yaml").read_text()
    uncommented = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert "PASSWORD" not in uncommented
    assert set(compose["volumes"]) == {"database", "home", "backups"}
    service = compose["services"]["stockpile"]
    assert service["ports"] == ["127.0.0.1:8000:8000"], "no port but that of this machine"
    assert service["cap_drop"] == ["ALL"]
    assert compose["services"]["database"]["image"].endswith(":18")


def test_the_image_runs_as_nobody_in_particular_and_tells_whether_it_is_ready() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    assert "USER stockpile" in lines
    assert any("/ready" in line for line in lines)
    assert not any(re.search(r"(PASSWORD|SECRET|TOKEN)=", line) for line in lines)
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / one).exists() for sources in copied for one in sources)


def test_nobody_outside_reaches_the_machines_that_compute_plans() -> None:
    services = loaded(ROOT / "compose.yaml")["services"]
    for name in ("scheduler", "worker"):
        assert "ports" not in services[name], "who reaches them runs programs as them"
        assert services[name]["profiles"] == ["cluster"], "only where they are asked for"
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["entrypoint"][0] == "dask"
    assert "cluster,telemetry" in (ROOT / "Containerfile").read_text()


@pytest.mark.parametrize("unit", ["stockpile.service", "stockpile-drill.service", "stockpile-drill.timer"])
def test_the_units_are_what_systemd_takes(unit: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    for path in HOST.glob("stockpile*"):
        text = path.read_text().replace("/opt/stockpile/bin/stockpile", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run([program, "verify", str(tmp_path / unit)], capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "stockpile" in line and "Unknown" in line]
    assert ours == []


def test_the_compose_file_is_what_compose_takes(tmp_path: Path) -> None:
    program = shutil.which("docker")
    if program is None or subprocess.run([program, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not here")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    for name in ("database.env", "stockpile.env"):
        (tmp_path / name).touch()
    command = [program, "compose", "-f", str(tmp_path / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
