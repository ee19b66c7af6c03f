"""The public reads which municipality has looked at which, and what became of it, but no word that staff wrote."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.contingency.tables import Review, ReviewAction
from stockpile.settings import Settings
from tests.conftest import NOW, Cast
from tests.inventory.stockroom import ON_SQLITE
from tests.transparency.test_enduring_figures import stored

pytestmark = ON_SQLITE
SEEN, AGREED, CAME = "counts are two months old", "a second counter", "hired in May"


@pytest.fixture
def reviewed(region: Engine, cast: Cast) -> Engine:
    """A concluded review with three actions, done before, on and after their day; one that goes on; one of a surge."""
    by: dict[str, Any] = {"opened_by": cast["buyer"].id, "opened_at": NOW, "summary": SEEN}
    over: dict[str, Any] = {"state": "closed", "closed_at": NOW + timedelta(days=9)}
    peer = {"kind": "peer", "reviewer": "NL-1", "member_code": "BE-2"}
    stored(
        region,
        Review(id=1, **peer, **by, **over),
        Review(id=2, **peer | {"member_code": "DE-1"}, **by, state="open"),
        Review(id=3, kind="surge", reviewer="crisis coordination", **by, **over),
    )
    due = NOW.date() + timedelta(days=5)
    action: dict[str, Any] = {"review_id": 1, "what": AGREED, "owner": "purchasing", "due": due, "outcome": CAME}
    done = [NOW + timedelta(days=days) for days in (4, 5, 6)]
    stored(region, *(ReviewAction(**action, done_by=cast["logistics"].id, done_at=at) for at in done))
    return region


def test_concluded_peer_reviews_are_public_without_a_word_that_staff_wrote(reviewed: Engine, tmp_path: Path) -> None:
    with TestClient(app.build(reviewed, Settings(home=tmp_path), scheduled=False)) as client:
        rows = client.get("/public/data/peer-reviews.json").json()["rows"]
        told = [client.get(f"/public/data/peer-reviews{form}").text for form in ("", ".json", ".csv")]
    assert rows == [
        {
            "review": 1,
            "reviewer": "NL-1",
            "reviewer_name": "Vaals",
            "municipality": "BE-2",
            "name": "Eupen",
            "opened_at": NOW.isoformat(),
            "closed_at": (NOW + timedelta(days=9)).isoformat(),
            "actions": 3,
            "done_in_time": 2,
            "done_late": 1,
        }
    ]
    for text in told:
        assert "Vaals" in text
        assert "Eupen" in text
        assert not any(words in text for words in (SEEN, AGREED, CAME, "purchasing"))
