"""Labels: whoever scans what was printed gets the data that was meant; over HTTP and on the command line too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.catalogue.scans import read_scan
from stockpile.catalogue.symbols import Unprintable, path
from stockpile.cli import app as commands
from stockpile.db import reading, transact
from stockpile.errors import NotFound
from stockpile.governance import operations as governance
from stockpile.governance.tables import Region
from stockpile.inventory.scanning import labels
from stockpile.inventory.scanning.labels import Label, OtherLot
from stockpile.inventory.scanning.operations import number_pallet
from stockpile.inventory.scanning.queries import prefill
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.eye import printed, seen, words
from tests.inventory.stockroom import ON_SQLITE, do, lot_id, take_in

TAB = "09529999990013"
PASSWORD = "for the tests only"


def shelf(engine: Engine, lot: str = "T-NEW", quantity: int | None = 100) -> Label:
    """The shelf label of a lot."""
    with reading(engine) as session:
        return labels.shelf_label(session, lot_id=lot_id(engine, lot), quantity=quantity)


def pallet(engine: Engine, cast: Cast, lot: str = "T-NEW") -> tuple[str, Label]:
    """A pallet of 960 tablets: its number and its label."""
    number = lot_id(engine, lot)
    sscc = do(engine, number_pallet, acting(cast["logistics"]), lot_id=number, quantity=960).sscc or ""
    with reading(engine) as session:
        return sscc, labels.pallet_label(session, lot_id=number, sscc=sscc)


def test_a_shelf_label_scans_back_to_the_lot(region: Engine) -> None:
    label = shelf(region)
    assert seen(printed(label.svg)) == [
        ("]C1", f"01{TAB}"),
        ("]C1", "10T-NEW\x1d17210630"),
        ("]d2", f"01{TAB}10T-NEW\x1d17210630"),
    ]
    assert all(path(symbol) in label.svg for symbol in label.symbols)


def test_a_pallet_label_scans_back_to_number_content_and_lot(region: Engine, cast: Cast) -> None:
    sscc, label = pallet(region, cast)
    assert seen(printed(label.svg)) == [
        ("]C1", f"00{sscc}"),
        ("]C1", f"02{TAB}3796"),
        ("]C1", "10T-NEW\x1d17210630"),
        ("]d2", f"00{sscc}02{TAB}3796\x1d10T-NEW\x1d17210630"),
    ]


def test_a_printed_pallet_is_filled_in_when_it_is_scanned(region: Engine, cast: Cast) -> None:
    sscc, label = pallet(region, cast)
    act = acting(cast["logistics"])
    texts = [f"{kind}{text}" for kind, text in seen(printed(label.svg))]
    with reading(region) as session:
        by_matrix = prefill(session, act, text=texts[-1], site="D-BE")
        by_number = prefill(session, act, text=texts[0], site="D-BE")
    assert by_matrix.line == by_number.line
    assert (by_matrix.line.lot, by_matrix.line.expiry, by_matrix.line.quantity) == ("T-NEW", date(2021, 6, 30), 960)
    assert (by_matrix.sscc, by_matrix.lot_id) == (sscc, lot_id(region, "T-NEW"))


@pytest.mark.parametrize("code", ["A", "LOT-21-2020", "X17210630", "A(10)B", "B<>&\"'", "Z" * 20, "10/21%00", "0" * 20])
def test_any_batch_code_that_gs1_allows_scans_back(region: Engine, cast: Cast, code: str) -> None:
    take_in(region, acting(cast["logistics"]), lot=code, quantity=20)
    label = shelf(region, code, None)
    matrix = next(text for kind, text in seen(printed(label.svg)) if kind == "]d2")
    scan = read_scan(matrix, today=NOW.date())
    assert (scan.gtin, scan.lot, scan.expiry) == (TAB, code, date(2021, 6, 30))
    assert f"Lot {code}" in words(label.svg)


@ON_SQLITE
@pytest.mark.parametrize("code", ["A" * 21, "Łódź 1", "A B"])
def test_a_batch_code_that_no_symbol_can_carry_is_named(region: Engine, cast: Cast, code: str) -> None:
    take_in(region, acting(cast["logistics"]), lot=code, quantity=20)
    with pytest.raises(Unprintable, match=re.escape(code)):
        shelf(region, code)


def test_a_label_says_in_words_what_it_is(region: Engine, cast: Cast) -> None:
    sscc, label = pallet(region, cast)
    told = words(label.svg)
    for line in ("Tablets", "Lot T-NEW", "Expiry 2021-06-30", "960 tablet", "96 packs of 10", f"SSCC {sscc}"):
        assert line in told
    assert f"(00){sscc}" in told
    assert "100 tablet" in words(shelf(region).svg)


def test_a_simulated_region_says_so_on_every_label(region: Engine, cast: Cast) -> None:
    assert words(shelf(region).svg)[0].startswith("SIMULATED")
    assert words(pallet(region, cast)[1].svg)[0].startswith("SIMULATED")

    def make_real(session: Any) -> None:
        session.get_one(Region, 1).simulated = False

    transact(region, make_real)
    assert "SIMULATED" not in shelf(region).svg


def test_a_pallets_label_can_be_printed_again_and_is_the_same(region: Engine, cast: Cast) -> None:
    sscc, label = pallet(region, cast)
    with reading(region) as session:
        again = labels.pallet_label(session, lot_id=lot_id(region, "T-NEW"), sscc=sscc)
    assert again == label


def test_a_pallets_label_is_not_printed_for_another_lot(region: Engine, cast: Cast) -> None:
    sscc, _ = pallet(region, cast)
    with reading(region) as session, pytest.raises(OtherLot):
        labels.pallet_label(session, lot_id=lot_id(region, "T-OLD"), sscc=sscc)
    with reading(region) as session, pytest.raises(NotFound):
        labels.shelf_label(session, lot_id=10**9)


@pytest.fixture
def client(region: Engine) -> Iterator[TestClient]:
    """The small region served to a storekeeper."""
    act = acting(governance.founder())
    transact(
        region,
        lambda session: governance.add_account(
            session, act, name="dock", title="Dock", password=PASSWORD, grants=[Grant("logistics")]
        ),
    )
    with TestClient(build(region, Settings(), scheduled=False), raise_server_exceptions=False) as served:
        token = served.post("/api/v1/tokens", auth=("dock", PASSWORD)).json()["token"]
        served.headers["Authorization"] = f"Bearer {token}"
        yield served


def test_a_scan_over_http_answers_with_the_receipt_line(client: TestClient) -> None:
    answer = client.post("/api/v1/scans", json={"text": f"]d201{TAB}10T-NEW\x1d17210630", "site": "D-BE"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    wanted = {"item": "TAB", "lot": "T-NEW", "expiry": "2021-06-30", "quantity": 10, "calloff_line": None}
    assert found["line"] == wanted | {"gtin": TAB}
    assert found["next"] == ["receive", "count", "hold"]
    assert [one["code"] for one in found["warnings"]] == ["not_ordered"]
    assert client.post("/api/v1/receipts", json={"site": found["site"], "lines": [found["line"]]}).status_code == 201


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 422, "invalid"),
        ("hello", 422, "not_gs1"),
        (f"01{TAB[:-1]}4", 422, "bad_gtin"),
        (f"01{TAB}10A17210630", 422, "separator_missing"),
        ("(01)07032069804988", 404, "unknown_gtin"),
        (f"(01){TAB}(10)T-NEW(17)210731", 409, "expiry_differs"),
        ("x" * 100_000, 422, "bad_characters"),
        ("A\u202eB", 422, "bad_characters"),
        ("(10)A", 422, "nothing_identified"),
    ],
    ids=range(9),
)
def test_what_is_wrong_with_a_scan_is_a_problem_with_its_code(
    client: TestClient, text: str, status: int, code: str
) -> None:
    answer = client.post("/api/v1/scans", json={"text": text, "site": "D-BE"})
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (status, code)
    assert len(answer.text) < 2000


@pytest.mark.parametrize(
    "body",
    [{}, {"text": 1}, {"text": None}, {"text": "\0"}, {"text": "\ud800"}, {"text": ["a"]}, {"text": "a", "x": 1}],
)
def test_a_body_that_is_no_scan_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    sent = client.post("/api/v1/scans", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert sent.status_code in (400, 422)


def test_labels_come_over_http_and_a_number_is_given_once_per_key(region: Engine, client: TestClient) -> None:
    lot = lot_id(region, "T-NEW")
    once = [
        client.post(
            f"/api/v1/lots/{lot}/pallets",
            json={"site": "D-BE", "quantity": 960},
            headers={"Idempotency-Key": "pallet-1"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in once] == [201, 201]
    assert once[0].json()["sscc"] == once[1].json()["sscc"]
    sscc = once[0].json()["sscc"]
    answer = client.get(f"/api/v1/lots/{lot}/label", params={"kind": "pallet", "sscc": sscc})
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert ("]C1", f"00{sscc}") in seen(printed(answer.text))
    assert client.get(f"/api/v1/lots/{lot}/label", params={"quantity": 50}).status_code == 200
    for wrong, status in (({"kind": "pallet"}, 422), ({"kind": "pallet", "sscc": "12"}, 422), ({"kind": "x"}, 422)):
        assert client.get(f"/api/v1/lots/{lot}/label", params=wrong).status_code == status
    assert client.get("/api/v1/lots/99999/label").status_code == 404


@ON_SQLITE
def test_the_command_line_scans_and_prints(
    region: Engine, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    told = CliRunner().invoke(commands, ["scan", f"(01){TAB}(10)T-NEW", "--site", "D-BE"])
    assert "expiry    2021-06-30" in told.output
    given = ["label", str(lot_id(region, "T-NEW")), "--out", str(tmp_path / "label.svg")]
    for kind in (["--kind", "pallet", "--quantity", "960"], ["--kind", "shelf"]):
        assert CliRunner().invoke(commands, [*given, *kind]).exit_code == 0
        assert "10T-NEW" in str(seen(printed((tmp_path / "label.svg").read_text(encoding="utf-8"))))
