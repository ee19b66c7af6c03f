"""Hostile bodies on the routes of movements and scans: a refusal in words, never a fault, and nothing is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func
from sqlmodel import Session, select

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.db import open_engine, reading, transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Member
from stockpile.inventory.tables import Balance, Lot, Movement, Posting
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from tests.conftest import SMALL_REGION, acting
from tests.journeys.test_http_journey import PASSWORD, engage

LINE = '{"lot_id": 1, "quantity": 1}'
RECORD = '{"kind": "receive", "site": "D-DE", "lines": [%s], "reason": "r"}'
GS = "\x1d"


def record(line: str) -> bytes:
    """A record of this line."""
    return (RECORD % line).encode("utf-8", "surrogatepass")


def with_quantity(text: str) -> bytes:
    """A record of so many, written like this."""
    return record('{"lot_id": 1, "quantity": %s}' % text)  # noqa: UP031  (braces)


RECORDS: dict[str, bytes] = {
    "not a number": with_quantity("NaN"),
    "infinity": with_quantity("Infinity"),
    "minus infinity": with_quantity("-Infinity"),
    "1e400": with_quantity("1e400"),
    "1e3": with_quantity("1e3"),
    "1.0": with_quantity("1.0"),
    "1.5": with_quantity("1.5"),
    "true": with_quantity("true"),
    "false": with_quantity("false"),
    "null": with_quantity("null"),
    "text": with_quantity('"12"'),
    "text with underscore": with_quantity('" 1_000"'),
    "digits of another script": with_quantity('"१२"'),
    "2^63": with_quantity(str(2**63)),
    "10^5000": with_quantity("1" + "0" * 5000),
    "zero received": with_quantity("0"),
    "less than nothing received": with_quantity("-1"),
    "a list": with_quantity("[1]"),
    "a field too many": record('{"lot_id": 1, "quantity": 1, "more": 1}'),
    "lot 0": record('{"lot_id": 0, "quantity": 1}'),
    "lot 2^63": record('{"lot_id": 9223372036854775808, "quantity": 1}'),
    "a key twice": record('{"lot_id": 1, "quantity": 1, "quantity": 2}'),
    "no lines": record(""),
    "1,001 lines": record(",".join([LINE] * 1001)),
    "a zero character": (RECORD % LINE).replace('"r"', '"a\\u0000b"').encode(),
    "half a character": (RECORD % LINE).replace('"r"', '"\\ud800"').encode(),
    "half a character in bytes": (RECORD % LINE).replace('"r"', '"\ud800"').encode("utf-8", "surrogatepass"),
    "text turned round": (RECORD % LINE).replace('"r"', '"a\u202eb"').encode(),
    "a note of 1 MB": (RECORD % LINE).replace('"r"', '"' + "x" * 1_000_000 + '"').encode(),
    "a homoglyph site": (RECORD % LINE).replace("D-DE", "D-D\u0415").encode(),
    "UTF-16": (RECORD % LINE).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + (RECORD % LINE).encode(),
    "bytes that are no text": b"\xff\xfe\xfd",
    "100,000 brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "half an object": b'{"kind": "receive"',
    "nothing": b"",
    "null alone": b"null",
    "a list alone": b"[]",
    "text alone": b'"text"',
}

SCANS: dict[str, str] = {
    "no FNC1 before what follows a batch": "01095299999900131010LOT17210630",
    "no FNC1 before a serial": "010952999999001310LOT21SERIAL7",
    "a GTIN with a wrong check digit": "(01)09529999990014(10)L",
    "a GTIN too short": "(01)0952999999001",
    "an SSCC with a wrong check digit": "(00)095200000000000012",
    "month 13": "(01)09529999990013(17)211301(10)L",
    "day 31 of February": "(01)09529999990013(17)210231(10)L",
    "a day in letters": "(01)09529999990013(17)21O630(10)L",
    "a count of nine digits": "(02)09529999990013(37)123456789",
    "a count of nothing": "(02)09529999990013(37)0",
    "one identifier with two values": f"010952999999001310A{GS}10B",
    "two trade items": "(01)09529999990013(02)09529999990020(37)1",
    "an identifier that is none": "(05)12345",
    "an item of nobody": "(01)09529999990044",
    "a batch too long": "(01)09529999990013(10)" + "X" * 21,
    "a batch in another script": "(01)09529999990013(10)\u0410BC",
    "digits of another script": "(01)०९५२९९९९९९००१३",
    "no GS1 at all": "HELLO",
    "brackets alone": "()()()",
    "separators alone": GS * 50,
    "a page of text": "x" * 100_000,
    "an address of elsewhere": "https://example.org/01/09529999990014/10/L",
    "an address with 10,000 parts": "https://example.org/" + "01/" * 10_000,
    "a zero character": "(01)09529999990013\0",
    "SQL": "'; DROP TABLE lot; --",
}


@pytest.fixture(scope="module")
def region(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One small region for all these bodies, for none of them may change it."""
    path = tmp_path_factory.mktemp("hostile") / "stockpile.db"
    shutil.copy(sqlite_template, path)
    engine, act = open_engine(f"sqlite:///{path}"), acting(governance.founder())

    def load(session: Session) -> None:
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))

    transact(engine, load)
    engage(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def client(region: Engine) -> Iterator[TestClient]:
    """The region served, with a logistician signed in."""
    with TestClient(build(region, Settings(), scheduled=False), raise_server_exceptions=False) as client:
        token = client.post("/api/v1/tokens", auth=("logistics", PASSWORD)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def stored(engine: Engine) -> list[int]:
    """How many lots, postings, movements and balances there are, and how much stands on these."""
    with reading(engine) as session:
        counts = [session.exec(select(func.count()).select_from(t)).one() for t in (Lot, Posting, Movement, Balance)]  # type: ignore[arg-type]
        return [*counts, session.exec(select(func.sum(Balance.quantity))).one() or 0]


@pytest.mark.parametrize("what", RECORDS)
@pytest.mark.parametrize("way", ["general", "quick"])
def test_a_hostile_record_is_refused_in_words_on_both_ways(
    client: TestClient, region: Engine, what: str, way: str
) -> None:
    before = stored(region)
    if way == "general":
        client.app.state.let_in = {}  # type: ignore[attr-defined]
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/movements", content=RECORDS[what], headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert json.loads(answer.content)["detail"]
    assert stored(region) == before


@pytest.mark.parametrize("what", SCANS)
def test_a_hostile_scan_is_refused_in_words(client: TestClient, region: Engine, what: str) -> None:
    before = stored(region)
    answer = client.post("/api/v1/scans", json={"text": SCANS[what], "site": "D-DE"})
    assert 400 <= answer.status_code < 500, answer.text
    assert json.loads(answer.content)["detail"]
    assert stored(region) == before


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        ("(01)09529999990013(17)220200(10)NEW", "2022-02-28"),
        ("(01)09529999990013(17)240200(10)NEW", "2024-02-29"),
        (f"010952999999001310NEW{GS}17240101", "2024-01-01"),
    ],
)
def test_day_00_is_the_last_of_its_month_over_http_too(client: TestClient, text: str, expiry: str) -> None:
    answer = client.post("/api/v1/scans", json={"text": text, "site": "D-DE"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["line"]["expiry"] == expiry


def test_an_expiry_of_the_last_century_is_read_as_such_and_warned_of(client: TestClient) -> None:
    answer = client.post("/api/v1/scans", json={"text": "(01)09529999990013(17)710101(10)NEW", "site": "D-DE"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["line"]["expiry"] == "1971-01-01"
    assert any("expired" in one["message"] for one in answer.json()["warnings"])


@pytest.mark.parametrize("way", ["general", "quick"])
@pytest.mark.parametrize("text", ["[1.5]", '{"latitude": 1.5}', "1.50", "[[2.25]]"])
def test_a_fraction_is_taken_nowhere_but_in_degrees(client: TestClient, region: Engine, text: str, way: str) -> None:
    before = stored(region)
    if way == "general":
        client.app.state.let_in = {}  # type: ignore[attr-defined]
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/movements", content=with_quantity(text), headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert stored(region) == before


DEGREES = (("50.6779", 201), ("50", 201), ("5.0e-05", 201), ("1e400", 400), ("90.5", 422), ("[1.5]", 400))


def test_where_a_member_lies_is_told_in_degrees_with_fractions(region: Engine, client: TestClient) -> None:
    def founded(session: Session) -> str:
        grants = [Grant("administrator")]
        given = {"name": "registrar", "title": "registrar", "password": PASSWORD, "grants": grants}
        account = governance.add_account(session, acting(governance.founder()), **given)
        return governance.issue_token(session, account, real_now=datetime.now(UTC), hours=1)[0]

    headers = {"Authorization": f"Bearer {transact(region, founded)}", "Content-Type": "application/json"}
    plain = {"name": "Raeren", "country": "BE", "parent": "Liège", "population": 10_000, "population_year": 2020}
    for number, (latitude, status) in enumerate(DEGREES):
        body = json.dumps({**plain, "code": f"BE-9{number}", "reason": "asked to join", "longitude": 6})
        body = body.removesuffix("}") + f', "latitude": {latitude}}}'
        answer = client.post("/api/v1/members", content=body.encode(), headers=headers)
        assert answer.status_code == status, answer.text
    with reading(region) as session:
        assert session.get_one(Member, "BE-90").latitude == 50.6779
