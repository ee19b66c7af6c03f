"""Our contracting as OCDS 1.1.5, valid against the standard's own schema; others' releases taken in."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.contracts import operations as contracts
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance.rules import Missing
from stockpile.inventory import operations as stock
from stockpile.settings import Settings
from stockpile.transparency.kpis import queries as kpis
from stockpile.transparency.ocds import operations, queries, releases
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.transparency.public_room import set_clock

OCDS = Path(__file__).parents[2] / "fixtures" / "ocds"
AT = NOW + timedelta(days=30)


def schema(name: str) -> Draft4Validator:
    """A validator of the standard's schema, with nothing from outside."""
    read = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (OCDS / "schema").glob("*.json")}
    address = "https://standard.open-contracting.org/schema/1__1__5/"
    empty = {"$schema": "http://json-schema.org/draft-04/schema#"}
    known = {**read, "versioned-release-validation-schema.json": empty}
    pairs = [(address + file, Resource.from_contents(content)) for file, content in known.items()]
    return Draft4Validator(read[name], registry=Registry().with_resources(pairs))


def faults(name: str, package: Any) -> list[str]:
    """What the schema finds wrong."""
    text = json.loads(json.dumps(package))
    return [f"{list(one.path)}: {one.message[:200]}" for one in schema(name).iter_errors(text)]


@pytest.fixture
def bought(region: Engine, cast: Cast) -> Engine:
    """A contract whose terms were changed, and an order under it that came in two parts."""
    line = contracts.LineDraft("TAB", packs=20, pack_size=10, pack_price_minor=500, reason="empty in D-DE")
    order = {"contract": "UC-1", "slot": "x", "deliver_to": "D-DE", "lines": [line]}
    made = do(region, contracts.propose, acting(cast["buyer"]), **order)
    do(region, contracts.approve, acting(cast["committee"]), number=made.id)
    terms = {"contract": "UC-1", "item": "TAB", "tolerance_percent": 5, "whole_packs": True}
    do(region, contracts.set_delivery_terms, acting(cast["buyer"], after_hours=1), **terms)
    for part, hours in ((80, 24), (120, 48)):
        lot = stock.ReceiptLine("TAB", f"L{part}", (NOW + timedelta(days=800)).date(), part, calloff_line=1)
        act = acting(cast["logistics"], after_hours=hours)
        do(region, stock.receive, act, site="D-DE", lines=[lot], key=f"part/{part}")
    return region


def package(engine: Engine, *, years: int = 0) -> dict[str, Any]:
    with reading(engine) as session:
        return releases.release_package(session, at=AT + timedelta(days=366 * years))


def test_every_release_of_the_whole_life_is_valid(bought: Engine) -> None:
    found = package(bought, years=3)
    assert faults("release-package-schema.json", found) == []
    tags = [tuple(release["tag"]) for release in found["releases"] if release["ocid"].endswith(("UC-1", "order-1"))]
    assert tags == [
        ("award", "contract"),
        ("contractAmendment",),
        ("contractTermination",),
        ("award", "contract"),
        ("implementation",),
        ("implementation",),
        ("contractTermination",),
    ]


def test_the_record_package_is_valid_and_says_what_it_all_comes_to(bought: Engine) -> None:
    with reading(bought) as session:
        found = releases.record_package(session, at=AT)
    assert faults("record-package-schema.json", found) == []
    order = next(one for one in found["records"] if one["ocid"] == releases.order_ocid(1))
    (contract,) = order["compiledRelease"]["contracts"]
    (delivery,) = contract["implementation"]["milestones"]
    assert (contract["status"], delivery["status"], delivery["dateMet"][:10]) == ("terminated", "met", "2020-04-01")


def test_an_order_names_its_framework_and_buys_at_the_order_s_price(bought: Engine) -> None:
    order = next(one for one in package(bought)["releases"] if one["ocid"] == releases.order_ocid(1))
    (link,) = order["relatedProcesses"]
    assert (link["relationship"], link["identifier"]) == (["framework"], releases.framework_ocid("UC-1"))
    assert order["contracts"][0]["value"] == {"amount": 100.0, "currency": "EUR"}
    assert order["awards"][0]["items"][0]["quantity"] == 20


def test_the_prefix_is_seen_to_be_none_and_no_place_of_delivery_is_told(bought: Engine) -> None:
    text = json.dumps(package(bought))
    assert "ocds-000000-" in text
    assert "D-DE" not in text
    assert "empty in" not in text


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda release: release.pop("ocid"), "ocid"),
        (lambda release: release.update(tag=["sold"]), "sold"),
        (lambda release: release["contracts"][0].pop("awardID"), "awardID"),
        (lambda release: release["contracts"][0]["value"].update(amount="80"), "80"),
        (lambda release: release["contracts"][0].update(status="done"), "done"),
        (lambda release: release.update(date="yesterday"), None),
    ],
)
def test_the_schema_sees_what_is_wrong(bought: Engine, spoil: Any, what: str | None) -> None:
    """Else its yes would say nothing. (A bad date is seen only by a checker of formats.)"""
    found = package(bought)
    spoil(found["releases"][0])
    told = faults("release-package-schema.json", found)
    assert told == [] if what is None else any(what in one for one in told)


def test_what_is_only_proposed_is_no_order(region: Engine, cast: Cast) -> None:
    line = contracts.LineDraft("TAB", packs=20, pack_size=10, pack_price_minor=500, reason="x")
    order = {"contract": "UC-1", "slot": "x", "deliver_to": "D-DE", "lines": [line]}
    do(region, contracts.propose, acting(cast["buyer"]), **order)
    assert not any("order" in release["ocid"] for release in package(region)["releases"])


def imported(engine: Engine, cast: Cast, name: str) -> operations.TakenIn:
    content = (OCDS / name).read_bytes()
    return do(engine, operations.import_releases, acting(cast["buyer"]), content=content, source=name)


def test_real_releases_become_contract_history_once(region: Engine, cast: Cast) -> None:
    first, second = (imported(region, cast, "uk_contracts_finder.json") for _ in range(2))
    assert first.added >= 15
    assert first.known == 0
    assert (second.added, second.known) == (0, first.added)
    with reading(region) as session:
        rows = queries.history(session)
    kew = next(row for row in rows if row["ocid"].endswith("a415c7e1-946a-4419-9b90-57dafd480d3e"))
    assert (kew["currency"], kew["value_minor"], kew["cpv"], kew["method"]) == (
        "GBP",
        1_800_000,
        "75111100",
        "selective",
    )
    assert {row["source"] for row in rows} == {"uk_contracts_finder.json"}


@pytest.mark.parametrize("name", ["example_framework_award.json", "example_record.json"])
def test_the_standard_s_own_examples_are_taken_in(region: Engine, cast: Cast, name: str) -> None:
    assert imported(region, cast, name).added >= 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no JSON"),
        (b"[]", "no OCDS package"),
        (b'{"releases": [{"ocid": "x"}]}', "release 1: id is missing"),
        (b'{"releases": [{"ocid":"x","id":"1","date":"2020-01-01","tag":["award"],"awards":[{"id":"1",'
         b'"value":{"amount":"many"}}]}]}', "release 1: value.amount is no amount of money"),
        (b'{"releases": [{"ocid":"x","id":"1","date":"soon","tag":["tender"],"tender":{"id":"1"}}]}',
         "no instant: soon"),
        (b'{"releases": [{"ocid":"x","id":"1","date":"2020-01-01","tag":["tender"],"tender":[1]}]}', "no object"),
    ],
)  # fmt: skip
def test_what_is_no_ocds_is_refused_whole_with_the_place(region: Engine, cast: Cast, content: bytes, said: str) -> None:
    with pytest.raises(operations.BadPackage, match=said):
        do(region, operations.import_releases, acting(cast["buyer"]), content=content, source="x")
    with reading(region) as session:
        assert queries.history(session) == []


def test_a_single_bid_and_a_short_time_to_bid_are_flagged(region: Engine, cast: Cast) -> None:
    release = {
        "ocid": "ocds-x-1", "id": "1", "date": "2020-01-01T00:00:00Z", "tag": ["tender"],
        "tender": {"id": "1", "numberOfTenderers": 1, "tenderPeriod": {"endDate": "2020-01-10T00:00:00Z"}},
    }  # fmt: skip
    content = json.dumps({"releases": [release]}).encode()
    do(region, operations.import_releases, acting(cast["buyer"]), content=content, source="x")
    with reading(region) as session:
        assert [(row["flag"], row["value"]) for row in kpis.red_flags(session)] == [
            ("R003", "9 days"),
            ("R018", "1 bid"),
        ]


def test_only_who_may_takes_history_in(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(region, operations.import_releases, acting(cast["logistics"]), content=b"{}", source="x")


def test_a_file_is_taken_in_over_http_and_packages_are_served(bought: Engine, tmp_path: Path) -> None:
    def engage(session: Any) -> None:
        act = acting(governance.founder())
        given = {"name": "buyer-1", "title": "buyer", "password": "pass-word-1", "grants": [Grant("buyer")]}
        governance.add_account(session, act, **given)

    transact(bought, engage)
    set_clock(bought, hours=24 * 30)
    with TestClient(app.build(bought, Settings(home=tmp_path), scheduled=False)) as client:
        file = (OCDS / "uk_contracts_finder.json").read_bytes()
        asked: dict[str, Any] = {"files": {"file": file}, "data": {"source": "UK"}, "auth": ("buyer-1", "pass-word-1")}
        first, again = (
            client.post("/api/v1/contract-history", headers={"Idempotency-Key": "k"}, **asked) for _ in range(2)
        )
        assert (first.status_code, first.json()) == (201, again.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert faults("release-package-schema.json", client.get("/public/ocds/releases.json").json()) == []
        assert client.get(f"/public/ocds/{releases.order_ocid(1)}.json").json()["releases"]
        assert client.get("/public/ocds/ocds-000000-none.json").status_code == 404
