"""Rows that PostgreSQL takes by COPY are those of the plain insert; a digest written out is the canonical one."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import bulk, journal
from stockpile.db import reading, transact
from stockpile.inventory import proof
from stockpile.inventory.tables import Lot

ODD = ["plain", "", "a\tb", "a\nb\r", "\\N", "\\.", "\\\\", "'\"%s", "{rows}", "Straße ř ő 😀", " spaces ", "N"]


def test_every_text_day_and_truth_arrives_by_copy_as_by_insert(region: Engine) -> None:
    many = bulk.COPIED_FROM
    rows = [
        {
            "item_code": "TAB",
            "gtin": "",
            "recalled": False,
            "code": f"{ODD[n % len(ODD)]}/{n}",
            "expiry": date(2030, 1, 1) + timedelta(days=n),
            "on_hold": n % 2 == 0,
            "hold_reason": ODD[n % len(ODD)],
        }
        for n in range(many)
    ]
    told: list[int] = []
    transact(region, lambda session: bulk.insert(session, Lot, rows, told=told.append))
    assert told[-1] == many
    with reading(region) as session:
        found = {lot.code: lot for lot in session.exec(select(Lot))}
    for row in rows:
        lot = found[str(row["code"])]
        assert (lot.expiry, lot.on_hold, lot.hold_reason) == (row["expiry"], row["on_hold"], row["hold_reason"])


def test_instants_arrive_by_copy_as_they_were(region: Engine) -> None:
    at = datetime(2020, 3, 29, 2, 30, 1, 250, tzinfo=timezone(timedelta(hours=2)))
    notes: dict[str, Any] = {"actor_id": 0, "actor_name": "a", "action": "copy", "reason": "", "payload": "{}"}
    rows = [
        {"recorded_at": at + timedelta(seconds=n), "effective_at": at, "subject": str(n), "leaf_hash": "x", **notes}
        for n in range(bulk.COPIED_FROM)
    ]

    def work(session: Session) -> None:
        bulk.insert(session, journal.JournalEntry, rows)

    transact(region, work)
    with reading(region) as session:
        found = list(journal.entries(session, action="copy"))
    assert [one.recorded_at for one in found] == [row["recorded_at"].astimezone(UTC) for row in rows]
    assert {one.effective_at for one in found} == {at.astimezone(UTC)}


WHOLE = st.integers(1, 2**62)
MAYBE = st.none() | WHOLE
WORD = st.text(max_size=12)
SIDE = {"balance_id": MAYBE, "external": st.none() | WORD, "seq": MAYBE, "after": MAYBE}
MOVEMENT = st.fixed_dictionaries(
    {"posting_id": WHOLE, "line": WHOLE, "lot_id": WHOLE, "quantity": WHOLE, "document": WORD}
    | {f"{side}_{name}": values for side in ("from", "to") for name, values in SIDE.items()}
)


@given(rows=st.lists(MOVEMENT, max_size=4), place=WORD)
def test_the_digest_is_that_of_the_canonical_movements(rows: list[dict[str, Any]], place: str) -> None:
    ends = [row[f"{side}_balance_id"] for row in rows for side in ("from", "to")]
    places = {number: place for number in ends[::2] if number is not None}
    plain = []
    for row in rows:
        named = {
            f"{side}_place": None
            if row[f"{side}_balance_id"] is None
            else places.get(row[f"{side}_balance_id"], "nowhere")
            for side in ("from", "to")
        }
        plain.append(row | named)
    canonical = hashlib.sha256(journal.canonical(plain).encode()).hexdigest()
    assert proof.digest(rows, places) == canonical
    assert proof.digest([row | {"id": 7} for row in rows], places) == canonical
