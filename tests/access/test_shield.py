"""What every answer carries, how often strangers may ask, and what files of ours do in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.inventory.importing import template
from stockpile.plaintext import cell
from stockpile.settings import Settings
from stockpile.shielding import LARGEST_UPLOAD, MOST_ADDRESSES, Bucket
from stockpile.transparency import opendata
from tests.access.doors import Doors

ROOT = Path(__file__).parents[2]
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '=HYPERLINK("x")', "＝1+1")
WANTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def doors(region: Engine, tmp_path: Path) -> Doors:
    """The service with low limits."""
    if region.dialect.name == "postgresql":
        pytest.skip("nothing here asks the database much")
    found = Doors(region, tmp_path, wrong_sign_ins_per_minute=3, public_per_minute=5)
    found.engage("logistics", Grant("logistics"), password="for the tests only")
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/receipts"),
        ("GET", "/public/journal/verifier.py"),
        ("GET", "/docs"),
        ("GET", "/docs-assets/swagger-ui.css"),
        ("PATCH", "/api/v1/me"),
        ("TRACE", "/api/v1/me"),
    ],
)
@pytest.mark.parametrize("name", ["", "logistics"])
def test_every_answer_carries_the_headers_that_browsers_keep_to(
    doors: Doors, method: str, path: str, name: str
) -> None:
    headers = {"Authorization": f"Bearer {doors.tokens[name]}"} if name else {}
    answer = doors.client.request(method, path, headers=headers)
    assert {one: answer.headers.get(one) for one in WANTED} == WANTED
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"https?:|\*", policy), "nothing from outside"
    assert "stric" not in str(answer.headers), "no promise of TLS without TLS"
    if path.startswith("/api/"):
        assert answer.headers["cache-control"] == "no-store"
        assert policy.startswith("default-src 'none'")


def test_a_fault_and_the_quick_way_carry_them_too(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"item": "TAB", "lot": "Q-1", "expiry": "2022-01-01", "quantity": 10}]
    for _ in range(3):
        answer = doors.call("logistics", "POST", "/movements", {"kind": "adjust", "site": "D-BE", "lines": []})
        assert {one: answer.headers.get(one) for one in WANTED} == WANTED
    for key in ("a", "b", "c"):
        body = {"kind": "receive", "site": "D-BE", "lines": [{"lot_id": 1, "quantity": 10}]}
        answer = doors.call("logistics", "POST", "/movements", body, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, (answer.text, lines)
        assert {one: answer.headers.get_list(one) for one in WANTED} == {one: [told] for one, told in WANTED.items()}
        assert len(answer.headers.get_list("content-security-policy")) == 1


def test_over_tls_browsers_are_told_to_stay_there(doors: Doors) -> None:
    secure = TestClient(doors.app, base_url="https://testserver")
    assert secure.get("/health").headers["strict-transport-security"].startswith("max-age=31536000")


def test_wrong_passwords_from_one_address_are_slowed_and_right_ones_are_not_counted(doors: Doors) -> None:
    for _ in range(5):
        assert doors.client.get("/api/v1/me", auth=("logistics", "for the tests only")).status_code == 200
    found = [doors.client.get("/api/v1/me", auth=(f"name {n}", "wrong")).status_code for n in range(5)]
    assert found == [401, 401, 401, 429, 429], "whatever the name"
    refused = doors.client.post("/api/v1/tokens", auth=("logistics", "for the tests only"))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 21
    assert refused.json()["facts"]["seconds"] == int(refused.headers["retry-after"])
    assert doors.call("logistics", "GET", "/me").status_code == 200, "who has signed in is not kept out"


def test_public_routes_are_read_so_often_a_minute_from_one_address(doors: Doors) -> None:
    found = [doors.client.get("/public/journal/verifier.py").status_code for _ in range(7)]
    assert found == [200] * 5 + [429] * 2


def test_a_bucket_fills_again_and_forgets_the_oldest_address() -> None:
    now = [0.0]
    bucket = Bucket(2, clock=lambda: now[0])
    for _ in range(2):
        assert bucket.wait("a") == 0
        bucket.take("a")
    assert bucket.wait("a") == 31
    now[0] = 31
    assert bucket.wait("a") == 0
    for number in range(MOST_ADDRESSES + 1):
        bucket.take(str(number))
    assert len(bucket._left) == MOST_ADDRESSES


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_becomes_text_in_a_file_and_a_number_stays_a_number(formula: str) -> None:
    assert cell(formula) == f"'{formula}"
    for plain in ("-5", "+3.5", "12", "", "Eupen", "a=b", "-"):
        assert cell(plain) == (plain if plain != "-" else "'-")


def test_the_files_that_we_write_hold_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(template.as_csv())))
    assert all(cell(one) == one for row in rows for one in row)
    with zipfile.ZipFile(io.BytesIO(template.as_xlsx())) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if "sheet" in name]
    assert not any("<f>" in one or "<f " in one for one in sheets)
    assert not any(text[0] in "=+@\t" for one in sheets for text in re.findall(r"<t[^>]*>([^<]+)</t>", one))


READS_ITS_OWN = {("region", "sheets.py")}
"""What writes CSV for its own reader alone: cells go in as they were typed, and nobody is given the text."""


def test_whoever_writes_csv_neutralises_formulas() -> None:
    sources = (ROOT / "stockpile").rglob("*.py")
    writers = [path for path in sources if re.search(r"csv\.(Dict)?[Ww]riter", path.read_text())]
    writers = [path for path in writers if path.parts[-2:] not in READS_ITS_OWN]
    assert [path.name for path in writers if "from stockpile.plaintext import cell" not in path.read_text()] == []
    assert writers


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_published_table_hands_a_formula_to_a_spreadsheet(formula: str) -> None:
    """What a member, an item or a reason is called is somebody else's text: it stays text in the file."""
    table = opendata.Dataset("t", "T", "a row", "", (opendata.Column("name", "string", "a name"),))
    [_, [told]] = csv.reader(io.StringIO(opendata.as_csv(table, [{"name": formula}]), newline=""))
    assert told == f"'{formula}"


def test_every_dependency_is_pinned_and_none_comes_from_elsewhere() -> None:
    """No vulnerability list can be asked without a network; what can be kept is that nothing floats."""
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in pins if not re.match(r"[a-z0-9][a-z0-9._-]*==[0-9][^ ]*( ; .+)?$", line)] == []
    named = {re.split(r"==", line)[0] for line in pins}
    declared = re.findall(r'^  "([A-Za-z0-9_.-]+)[\[>=<]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(declared) > 15
    assert {re.sub(r"[_.]+", "-", one).lower() for one in declared} - named == set()


def test_the_audit_asks_about_every_package_that_is_installed_and_no_other_version() -> None:
    """The advisory database is not reachable from the tests; that it would be asked the right thing is."""
    makefile = (ROOT / "Makefile").read_text()
    [asked] = re.findall(r"^audit:.*\n\t(.*)$", makefile, re.MULTILINE)
    assert asked.endswith("--requirement constraints.txt")
    assert "--no-deps" in asked, "pins are asked about as they are, not resolved anew"
    pins: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, version = line.partition(" ;")[0].split("==")
        pins.setdefault(canonicalize_name(name), set()).add(version)
    extras = re.findall(r"--editable '\.\[(.*)\]'", makefile)[0].split(",")
    wrong = {
        f"{name} {metadata.version(name)}"
        for name in _needed("stockpile", set(extras)) - {"stockpile"}
        if metadata.version(name) not in pins.get(name, set())
    }
    assert wrong == set(), "installed, and nobody asks about them"


def _needed(name: str, extras: set[str]) -> set[str]:
    """The packages that are installed for a package with these extras, itself included."""
    waiting, known = [(name, frozenset(extras))], set[tuple[str, frozenset[str]]]()
    while waiting:
        one = waiting.pop()
        if one in known:
            continue
        known.add(one)
        for line in _requirements(one[0]):
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*one[1], "")):
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    return {name for name, _ in known}


def _requirements(name: str) -> list[str]:
    if name == "stockpile":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        optional = project["optional-dependencies"].items()
        return [*project["dependencies"], *(f"{one} ; extra == '{extra}'" for extra, some in optional for one in some)]
    return metadata.requires(name) or []


def test_no_setting_is_a_secret_by_default_but_the_demo_s(tmp_path: Path) -> None:
    fields = Settings.model_fields
    secret = {name for name in fields if re.search(r"secret|password|token|key", name)}
    given = {name for name in secret if isinstance(fields[name].default, str) and fields[name].default}
    assert given == {"demo_password"}
    used = [
        path.name
        for path in (ROOT / "stockpile").rglob("*.py")
        if "demo_password" in path.read_text()
        and path.name not in ("settings.py", "cli.py", "first_run_demo.py")
        and "demo" not in path.parts
    ]
    assert used == [], "only `stockpile demo` and the button that begins it use it"


def test_an_installation_begins_without_anybody_who_can_sign_in(doors: Doors) -> None:
    app: FastAPI = build(doors.engine, Settings(home=doors.app.state.settings.home), scheduled=False)
    with TestClient(app) as client:
        for name in ("admin", "administrator", "installation", "scheduler"):
            for password in ("", "admin", "simulated", "password"):
                assert client.get("/api/v1/me", auth=(name, password)).status_code in (401, 429)


def test_a_body_for_a_screen_is_refused_by_what_it_says_of_its_length(doors: Doors) -> None:
    client, path = doors.client, "/_nicegui/client/any/upload/1"
    large = client.post(path, content=b"x", headers={"Content-Length": str(LARGEST_UPLOAD + 1)})
    assert (large.status_code, large.json()["title"]) == (413, "body too large")
    assert client.post(path, content=b"x", headers={"Content-Length": "9" * 5000}).status_code == 413
    assert client.post(path, content=iter([b"x"])).status_code == 411
    assert client.post(path, content=b"x" * 1000).status_code == 404
    assert client.get("/public").status_code == 200
