"""Every screen, for everybody: who has signed in with a role sees it, all others are led to the form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.governance.rules import ROLES
from tests.access import story
from tests.access.doors import Doors
from tests.access.table import SCREENS

QUERIES = {
    "/crisis/why": "?plan=1&member=BE-1&item=TAB",
    "/crisis/pick-lists": "?plan=1",
    "/crisis/dispatch-notes": "?plan=1",
}
PAGES = [
    line.split()[0].replace("{number}", "1") + QUERIES.get(line.split()[0], "")
    for line in SCREENS.strip().splitlines()
    if not line.startswith("/screens")
]
GUESTS = ("/login", "/supplier", "/device")
"""What a supplier sees."""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def probed(region: Engine, tmp_path: Path) -> dict[str, Any]:
    """What the screens give to whom."""
    if region.dialect.name == "postgresql":
        pytest.skip("a screen asks the same of both databases")
    doors = Doors(region, tmp_path)
    doors.tokens["signed out"] = ""
    doors.tokens["liar"] = "0" * 43
    doors.engage("nobody")
    for role in ROLES:
        doors.engage(f"{role} of all", story.granted(role))
        doors.engage(f"{role} of one", story.granted(role, member="BE-1", site="D-BE"))
    region.dispose()
    probe = [sys.executable, str(Path(__file__).with_name("screens_probe.py")), str(tmp_path)]
    given = [json.dumps(doors.tokens), json.dumps(PAGES)]
    done = subprocess.run([*probe, *given], capture_output=True, text=True, cwd=ROOT, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_screen_is_listed_and_shown_to_whom_the_list_says_and_to_no_other_site(probed: dict[str, Any]) -> None:
    listed = tuple(line.split()[0] for line in SCREENS.strip().splitlines())
    own = [path for path in probed["paths"] if path and not path.startswith("/_nicegui")]
    assert [path for path in own if path not in listed and not path.startswith("/screens")] == []
    asked = {line.split()[0].replace("{number}", "1"): line.split()[1] for line in SCREENS.strip().splitlines()}
    for named, (status, location, told, policy, frames) in probed["found"].items():
        name, _, page = named.rpartition(" ")
        guest = name in ("supplier of all", "supplier of one")
        inside = name not in ("signed out", "liar", "nobody") and (
            not guest or page in ("/login", "/supplier", "/device")
        )
        assert "frame-ancestors 'none'" in policy, named
        assert frames == "DENY", named
        page, _, query = page.partition("?")
        if asked[page] == "public":
            assert status == (307 if inside else 200), named
        elif inside:
            assert status == 200 or (status == 404 and query), named
        else:
            assert (status, told) == (307, False), named
            assert location.startswith("/login"), named
    _sockets_are_for_our_own_pages(probed["sockets"])


def _sockets_are_for_our_own_pages(sockets: dict[str, list[Any]]) -> None:
    """A page of another site opens no socket to the screens, nor what stands in for one."""
    for origin, (opened, status, shared) in sockets.items():
        own = origin in ("http://testserver", "")
        assert (opened, status) == ((True, 200) if own else (False, 403)), origin
        assert own or shared == "", "nothing is shared with another site"
