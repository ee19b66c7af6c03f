"""Whose stock is, apart from where it lies: own stock at a depot, change of owner by two people, and finding it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.app import build
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance import operations as governance
from stockpile.governance.queries import UnknownMember
from stockpile.governance.rules import OwnWork
from stockpile.inventory import holding, ledger, operations, queries, reserving, transfers
from stockpile.inventory.lots import operations as lots
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.ownership import operations as ownership
from stockpile.settings import Settings
from tests.allocation.surge_room import ask, planned, results, submitted, surge
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import FRESH, ON_SQLITE, account, do, faults, lot_id, shelves, take_in

PASSWORD = "for the tests only"

DEPOT, OWN = "D-DE", "own stock of Vaals"


def own(engine: Engine, cast: Cast, *, quantity: int = 40, owner: str = "NL-1") -> int:
    """Receive a batch for its owner at a depot; its number."""
    line = ReceiptLine("TAB", "OWN", FRESH, quantity, owner=owner)
    do(engine, operations.receive, acting(cast["logistics"]), site=DEPOT, lines=[line], key="own", reason=OWN)
    return lot_id(engine, "OWN")


def proposed(engine: Engine, cast: Cast, *, to: str, quantity: int, owner: str = "pool", lot: str = "T-NEW") -> int:
    """Propose a change of owner as logistics; its number."""
    given: dict[str, Any] = {"to_owner": to, "quantity": quantity, "price_minor": 1250, "reason": "paid for"}
    there = account(engine, lot, DEPOT, owner=owner)
    return do(engine, ownership.propose, acting(cast["logistics"]), account=there, **given).id or 0


def test_a_members_own_stock_lies_at_a_depot_of_the_pool_and_no_plan_gives_it_to_others(
    region: Engine, cast: Cast
) -> None:
    own(region, cast, quantity=10_000)
    assert shelves(region, "OWN") == {("OWN", DEPOT, "NL-1", "available"): 10_000}
    with reading(region) as session:
        assert all(one.lot != "OWN" for one in queries.pool_stock(session))
        assert queries.member_stock(session, NOW)["NL-1", "TAB"] == 10_000
    number = surge(region, cast)
    submitted(region, cast, number, ask("BE-1", quantity=500), ask("DE-1", quantity=5000))
    got = results(region, planned(region, cast, number))
    assert sum(one.got for one in got.values()) <= 600


def test_own_stock_is_received_for_a_known_member_and_not_on_an_order_of_the_pool(region: Engine, cast: Cast) -> None:
    with pytest.raises(UnknownMember):
        own(region, cast, owner="XX-1")
    line = ReceiptLine("TAB", "OWN", FRESH, 10, owner="NL-1", calloff_line=1)
    with pytest.raises(Invalid, match="line 1: what the pool ordered is the pool's"):
        do(region, operations.receive, acting(cast["logistics"]), site=DEPOT, lines=[line], key="own")


def test_stock_changes_owner_where_it_lies_once_a_second_person_confirms(region: Engine, cast: Cast) -> None:
    number = proposed(region, cast, to="NL-1", quantity=100)
    assert shelves(region, "T-NEW")["T-NEW", DEPOT, "pool", "available"] == 300
    do(region, ownership.confirm, acting(cast["committee"]), number=number)
    after = shelves(region, "T-NEW")
    assert (after["T-NEW", DEPOT, "pool", "available"], after["T-NEW", DEPOT, "NL-1", "available"]) == (200, 100)
    with pytest.raises(ownership.ChangeState):
        do(region, ownership.confirm, acting(cast["committee"]), number=number)
    back = proposed(region, cast, to="pool", quantity=100, owner="NL-1")
    do(region, ownership.confirm, acting(cast["committee"]), number=back)
    assert shelves(region, "T-NEW")["T-NEW", DEPOT, "pool", "available"] == 300
    assert faults(region) == []


def test_nobody_confirms_their_own_change_of_owner_and_a_withdrawn_one_is_over(region: Engine, cast: Cast) -> None:
    from stockpile.actor import Grant

    both = acting(cast.engage("both", Grant("logistics"), Grant("committee")))
    given: dict[str, Any] = {"to_owner": "NL-1", "quantity": 1, "price_minor": 0, "reason": "gift"}
    number = do(region, ownership.propose, both, account=account(region, "T-NEW", DEPOT), **given).id
    with pytest.raises(OwnWork):
        do(region, ownership.confirm, both, number=number)
    do(region, ownership.withdraw, both, number=number)
    with pytest.raises(ownership.ChangeState, match="withdrawn"):
        do(region, ownership.confirm, acting(cast["committee"]), number=number)


def test_the_pool_gives_nothing_away_below_its_floor_nor_more_than_stands_there(region: Engine, cast: Cast) -> None:
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-OLD"), reason="inspected")
    number = proposed(region, cast, to="NL-1", quantity=301)
    with pytest.raises(ownership.BelowFloor, match="has 400 usable of TAB and keeps at least 100"):
        do(region, ownership.confirm, acting(cast["committee"]), number=number)
    own(region, cast, quantity=40)
    more = proposed(region, cast, to="DE-1", quantity=41, owner="NL-1", lot="OWN")
    with pytest.raises(ledger.NotEnough):
        do(region, ownership.confirm, acting(cast["committee"]), number=more)
    assert shelves(region, "OWN") == {("OWN", DEPOT, "NL-1", "available"): 40}


@ON_SQLITE
def test_a_change_of_owner_without_sense_is_refused(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid):
        proposed(region, cast, to="pool", quantity=5)
    with pytest.raises(UnknownMember):
        proposed(region, cast, to="XX-1", quantity=5)
    with pytest.raises(ownership.UnknownChange):
        do(region, ownership.confirm, acting(cast["committee"]), number=9)


def test_own_stock_is_sent_on_to_its_owner_and_stays_its_owners_all_the_way(region: Engine, cast: Cast) -> None:
    own(region, cast)
    logistics = acting(cast["logistics"])
    mine = account(region, "OWN", DEPOT, owner="NL-1")
    given = {"account": mine, "destination": "H-NL", "quantity": 15, "reference": "ward 3", "key": "k"}
    sent = do(region, ownership.forward, logistics, **given)
    assert shelves(region, "OWN")["OWN", DEPOT, "NL-1", "reserved"] == 15
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    assert shelves(region, "OWN")["OWN", "H-NL", "NL-1", "in_transit"] == 15
    do(region, transfers.receive, logistics, number=sent.id)
    assert shelves(region, "OWN") == {
        ("OWN", DEPOT, "NL-1", "available"): 25,
        ("OWN", "H-NL", "NL-1", "available"): 15,
    }
    assert faults(region) == []


def test_own_stock_whose_way_is_cancelled_goes_back_to_its_owner(region: Engine, cast: Cast) -> None:
    own(region, cast)
    mine = account(region, "OWN", DEPOT, owner="NL-1")
    given = {"account": mine, "destination": "H-NL", "quantity": 15, "reference": "ward 3", "key": "k"}
    sent = do(region, ownership.forward, acting(cast["logistics"]), **given)
    do(region, reserving.cancel, acting(cast["coordinator"]), number=sent.id, reason="the ward is closed")
    assert shelves(region, "OWN") == {("OWN", DEPOT, "NL-1", "available"): 40}
    assert faults(region) == []


def test_what_may_not_serve_its_owner_there_is_not_sent_on(region: Engine, cast: Cast) -> None:
    number = own(region, cast)
    given = {"destination": "H-NL", "quantity": 15, "reference": "", "key": "k"}
    with pytest.raises(Invalid, match="shared out by a plan"):
        do(region, ownership.forward, acting(cast["logistics"]), account=account(region, "T-NEW", DEPOT), **given)
    restricted = {"lot_id": number, "kind": "country", "value": "DE", "reason": "label"}
    do(region, lots.restrict, acting(cast["logistics"]), **restricted)
    mine = account(region, "OWN", DEPOT, owner="NL-1")
    with pytest.raises(ownership.NotFitToSend, match=r"restricted to other countries \(it is for DE\)"):
        do(region, ownership.forward, acting(cast["logistics"]), account=mine, **given)


def client(engine: Engine) -> TestClient:
    """Signed in as logistics, over HTTP."""
    act = acting(governance.founder())

    def engage(session: Any) -> None:
        from stockpile.actor import Grant

        grants = [Grant("logistics")]
        governance.add_account(session, act, name="stores", title="Stores", password=PASSWORD, grants=grants)

    transact(engine, engage)
    found = TestClient(build(engine, Settings(), scheduled=False))
    found.auth = ("stores", PASSWORD)
    return found


def test_stock_is_found_by_site_owner_status_item_and_lot(region: Engine, cast: Cast) -> None:
    own(region, cast)
    take_in(region, acting(cast["logistics"]), lot="MORE", quantity=5)
    http = client(region)

    def found(**narrow: str) -> list[tuple[str, str, str, str]]:
        rows = http.get("/api/v1/stock", params=narrow).json()["rows"]
        return [(row["lot"], row["site"], row["owner"], row["status"]) for row in rows]

    assert found(owner="NL-1") == [("OWN", DEPOT, "NL-1", "available")]
    assert found(site=DEPOT, owner="pool", item="TAB", lot="MORE") == [("MORE", DEPOT, "pool", "available")]
    assert {row[1] for row in found(site="D-BE")} == {"D-BE"}
    assert found(status="quarantine") == []
    assert http.get("/api/v1/stock", params={"status": "lost"}).status_code == 422


def test_a_query_parameter_that_a_route_does_not_have_is_refused_by_name(region: Engine) -> None:
    http = client(region)
    refused = http.get("/api/v1/stock", params={"sites": DEPOT})
    assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "sites")
    assert "it has after, at, item, known, limit, lot, lot_id, owner, site, status" in refused.json()["detail"]
    assert http.get("/api/v1/sites?page=2").status_code == 422
    assert http.get("/api/v1/stock?site=D-DE&site=D-BE").json()["detail"] == "query: site is given more than once"
    change = {"lot_id": 1, "site": DEPOT, "change": 1, "reason": "found"}
    assert http.post("/api/v1/adjustments?dry_run=true", json=change).status_code == 422
    token = http.post("/api/v1/tokens", json={"hours": 1}).json()
    http.auth = None
    http.headers["Authorization"] = f"Bearer {token['token']}"
    assert http.post("/api/v1/adjustments", json=change).status_code in (201, 409)
    assert http.post("/api/v1/adjustments?dry_run=true", json=change).status_code == 422
    assert http.get("/api/v1/expiring", params={"within_days": 30}).status_code == 200
