"""No public route tells what lies at a site, where controlled drugs are, or who wrote what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import app
from stockpile.allocation.tables import PlanLine, PlanResult
from stockpile.catalogue.tables import Item
from stockpile.contingency.tables import Review
from stockpile.db import reading
from stockpile.governance.tables import Account, Member
from stockpile.inventory import ledger, rules
from stockpile.inventory import operations as stock
from stockpile.inventory.tables import Lot, Site
from stockpile.settings import Settings
from stockpile.transparency.publishing.datasets import DATASETS
from stockpile.transparency.publishing.tables import Publication
from stockpile.transparency.redaction import rules as redaction
from stockpile.transparency.sealing import operations as sealing
from tests.allocation.surge_room import results
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.transparency.public_room import control, published, set_clock, walk
from tests.transparency.test_enduring_figures import stored

SEEN = "tablets lie where nobody looks"


def visitor(engine: Engine, home: Path) -> TestClient:
    """A visitor without an account."""
    return TestClient(app.build(engine, Settings(home=home), scheduled=False))


@pytest.fixture
def told(region: Engine, cast: Cast, tmp_path: Path) -> dict[str, str]:
    """Everything public, by path, after a surge with a controlled drug; long after, so that nothing waits."""
    control(region, "TAB")
    published(region, cast, items=("TAB", "PUMP", "VIAL"))
    concluded = {"kind": "peer", "reviewer": "NL-1", "member_code": "BE-2", "summary": SEEN, "state": "closed"}
    at = {"opened_by": cast["buyer"].id, "opened_at": NOW, "closed_at": NOW}
    stored(region, Review(**concluded, **at))
    set_clock(region, hours=24 * 60)
    with reading(region) as session:
        signer = sealing.signer_of(session, tmp_path)
    sealing.seal(region, signer, at=NOW)
    with visitor(region, tmp_path) as client:
        return dict(walk(client)) | dict(walk(client, "/public/municipalities/NL-1"))


def rows_of(engine: Engine, model: Any) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(select(model)))


def test_the_walk_reaches_every_kind_of_public_route(told: dict[str, str], region: Engine, tmp_path: Path) -> None:
    built = app.build(region, Settings(home=tmp_path), scheduled=False)
    paths = sorted(set(_paths(built.routes)))
    unseen = [path for path in paths if not any(_matches(path, one) for one in told)]
    posted = ["/public/grievances/appeal", "/public/grievances/status", "/public/journal/consistency"]
    assert unseen == sorted([*posted, "/public/municipalities"]) or unseen == sorted(posted)
    assert {f"/public/data/{name}.csv" for name in DATASETS} <= set(told)


def _paths(routes: Any, prefix: str = "") -> Iterator[str]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute) and route.path.startswith("/public"):
            yield route.path
        elif inner is not None:
            yield from _paths(inner.routes)


def _matches(path: str, seen: str) -> bool:
    pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(path))
    return re.fullmatch(pattern, seen.partition("?")[0]) is not None


def test_no_public_page_or_file_names_a_site_a_lot_or_a_person(told: dict[str, str], region: Engine) -> None:
    secret = [site.code for site in rows_of(region, Site)] + [site.name for site in rows_of(region, Site)]
    secret += [lot.code for lot in rows_of(region, Lot)]
    secret += [account.title for account in rows_of(region, Account) if len(account.title) > 12]
    secret += [f"{line.lot_id}@{line.site_code}" for line in rows_of(region, PlanLine)]
    found = [(path, word) for path, text in told.items() for word in secret if _says(text, word)]
    assert found == []


def _says(text: str, word: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9-]){re.escape(word)}(?![A-Za-z0-9-])", text) is not None


def test_no_sentence_of_staff_is_published(told: dict[str, str], region: Engine) -> None:
    sentences = {row.reason for row in rows_of(region, PlanResult)} | {row.reason for row in rows_of(region, PlanLine)}
    sentences |= {"the ward is full", "admissions doubled", SEEN}
    assert '"reviewer":"NL-1"' in told["/public/data/peer-reviews.json"], "the review itself is told"
    assert [(path, one) for path, text in told.items() for one in sentences if one in text] == []


def test_no_row_names_a_controlled_drug_together_with_a_municipality(told: dict[str, str], region: Engine) -> None:
    controlled = [item for item in rows_of(region, Item) if item.controlled]
    places = rows_of(region, Member)
    for path, text in told.items():
        for row in _rows(path, text):
            named = any(_says(row, item.code) or item.name in row for item in controlled)
            where = [place.code for place in places if _says(row, place.code) or _says(row, place.name)]
            assert not (named and where), f"{path}: {row[:300]}"


def _rows(path: str, text: str) -> Iterator[str]:
    """Single rows: of tables, of CSV, and objects of JSON tables; the items of the public problem."""
    if path.endswith(".csv"):
        yield from text.splitlines()
    elif "/ocds/" in path:
        return
    elif path.endswith(".json"):
        data = json.loads(text)
        yield from (json.dumps(row, ensure_ascii=False) for key in ("rows", "pools") for row in data.get(key, []))
    else:
        yield from re.findall(r"<tr>.*?</tr>|<li>.*?</li>|<p>.*?</p>", text, flags=re.DOTALL)


def test_sums_of_controlled_drugs_are_told_by_country_only_over_enough_municipalities(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    control(region, "TAB")
    published(region, cast, items=("TAB",))
    with visitor(region, tmp_path) as client:
        assert client.get("/public/data/controlled.json").json()["rows"] == []
        set_clock(region, hours=24 * 31)
        rows = client.get("/public/data/controlled.json").json()["rows"]
    assert rows == [], "no country of the small region has three municipalities with the drug"


def test_moving_stock_between_depots_changes_nothing_that_the_public_sees(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    """Two worlds that differ only in what lies where give the same public pages, tables and files."""
    published(region, cast, items=("PUMP",))
    with visitor(region, tmp_path) as client:
        before = {path: text for path, text in walk(client) if "journal" not in path}
    assert any("pools" in text for text in before.values())
    shift(region, cast, quantity=100)
    with visitor(region, tmp_path) as client:
        after = {path: text for path, text in walk(client) if "journal" not in path}
    assert set(before) == set(after)
    different = [path for path in before if scrubbed(before[path]) != scrubbed(after[path])]
    assert different == []


def shift(engine: Engine, cast: Cast, *, quantity: int) -> None:
    """So many tablets leave one depot by adjustment and come to the other."""
    with reading(engine) as session:
        lot = session.exec(select(Lot).where(Lot.code == "T-NEW")).one()
    for site, change in (("D-DE", -quantity), ("D-BE", quantity)):
        do(
            engine,
            stock.adjust,
            acting(cast["logistics"], after_hours=1),
            account=ledger.Account(lot.id or 0, site, rules.POOL, rules.AVAILABLE),
            change=change,
            reason="recounted",
            key=f"shift/{site}",
        )


def scrubbed(text: str) -> str:
    """Without the form's fresh token and the instant of telling."""
    return re.sub(r'name="token" value="[^"]*"|"told_at":"[^"]*"|"publishedDate":"[^"]*"', "", text)


def test_the_difference_of_two_publications_tells_no_site(region: Engine, cast: Cast, tmp_path: Path) -> None:
    """Stock comes to one depot between two plans: what both files say, subtracted, is about two depots or more."""
    published(region, cast, items=("PUMP",))
    with reading(region) as session:
        groups = [list(one.values()) for one in _blocks(session)]
    every = [group for groups_ in groups for group in groups_]
    assert every
    assert redaction.smallest_atom(every) >= redaction.FEWEST_SITES


def _blocks(session: Session) -> list[dict[str, list[str]]]:
    return [blocks for row in session.exec(select(Publication)) for blocks in json.loads(row.blocks).values()]


def test_pages_carry_no_script_no_cookie_and_nothing_from_outside(told: dict[str, str], region: Engine) -> None:
    for path, text in told.items():
        if text.startswith("<!doctype html>"):
            assert "<script" not in text, path
            assert not re.search(r'(?:src|href)="(?:https?:)?//', text), path
            assert not re.search(r"\son[a-z]+=", text), path
            assert " style=" not in text, path


def test_what_the_public_reads_is_what_was_given(region: Engine, cast: Cast, tmp_path: Path) -> None:
    plan = published(region, cast, items=("PUMP",))
    full = results(region, plan)
    with visitor(region, tmp_path) as client:
        rows = client.get("/public/data/allocations.json").json()["rows"]
    assert {(row["municipality"], row["item"]): row["got"] for row in rows} == {k: v.got for k, v in full.items()}
    assert {row["reason"] for row in rows} <= set(redaction.sentences())


def test_nothing_public_needs_an_account_and_nothing_else_is_open(region: Engine, tmp_path: Path) -> None:
    with visitor(region, tmp_path) as client:
        assert client.get("/public").status_code == 200
        assert client.get("/public/nothing").status_code == 404
        assert client.get("/public/data/prices.json?page=2").status_code == 422
        assert client.get("/public/plans/1").status_code == 404
        assert client.get("/api/v1/grievances").status_code == 401
        assert client.post("/public").status_code == 405
    assert NOW.year == 2020
