"""Reading imports, and the facts that their rows name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from sqlmodel import Session, col, or_, select

from stockpile import bulk
from stockpile.actor import Actor
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import TradeItem
from stockpile.errors import NotFound
from stockpile.governance.rules import holds
from stockpile.inventory.importing import rules
from stockpile.inventory.importing.rules import Row
from stockpile.inventory.importing.tables import StockImport, StockImportFile, StockImportFinding

CONTROLLED: Final = "is controlled: a second person confirms each of its movements, so no file can make them"
SERIALISED: Final = "is kept by serial: name the serials when it is received, moved or issued"


class UnknownImport(NotFound):
    """No import has this number, or it is another person's."""

    code = "unknown_import"


@dataclass(frozen=True, slots=True)
class KnownLot:
    """A lot on record, or (`number` below zero) one that a row of the file would open."""

    number: int
    expiry: date
    on_hold: bool = False


class Pack(NamedTuple):
    """A pack of an item: base units in it, and the GTIN of the product whose batches it packs."""

    item: str
    units: int
    product: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the rows may name: an item's usual pack; packs by GTIN; lots by the product's GTIN and batch code.

    `withheld`: items that no file can move, and why: a row names neither a second person nor serials.
    """

    packs: dict[str, Pack]
    gtins: dict[str, Pack]
    lots: dict[tuple[str, str], KnownLot]
    withheld: dict[str, str]


def import_of(session: Session, number: int, *, reader: Actor | None = None) -> StockImport:
    """One import; refuses an unknown number. Its reader must be who sent it, or somebody who verifies the ledger."""
    found = session.get(StockImport, number)
    if found is None or (reader is not None and found.requested_by != reader.id and not holds(reader, "verify")):
        raise UnknownImport(f"there is no import {number} of yours", field="import", value=number)
    return found


def imports(session: Session, reader: Actor, *, after: int, limit: int) -> list[StockImport]:
    """Imports with numbers greater than `after` that this reader may see, in their order."""
    query = select(StockImport).where(col(StockImport.id) > after).order_by(col(StockImport.id)).limit(limit)
    if not holds(reader, "verify"):
        query = query.where(StockImport.requested_by == reader.id)
    return list(session.exec(query))


def findings(session: Session, number: int, *, after: int = 0, limit: int) -> list[StockImportFinding]:
    """What was found wrong, in the order of rows."""
    found = StockImportFinding
    query = select(found).where(found.import_id == number, found.number > after).order_by(col(found.number))
    return list(session.exec(query.limit(limit)))


def content(session: Session, number: int) -> bytes:
    """The bytes of an import that is not at an end."""
    found = session.get(StockImportFile, number)
    assert found is not None, f"import {number} has no file"
    return found.content


def next_to_run(session: Session, *, silent_since: datetime) -> int | None:
    """The oldest import that waits, or whose runner has given no sign of life since that instant (UTC, real)."""
    silent = (col(StockImport.state) == rules.RUNNING) & (col(StockImport.heartbeat_at) < silent_since)
    query = select(StockImport.id).where(or_(col(StockImport.state) == rules.WAITING, silent))
    return session.exec(query.order_by(col(StockImport.id)).limit(1)).first()


def known(session: Session, rows: Iterable[Row]) -> Known:
    """What is on record of all that the rows name."""
    items = catalogue.items(session)
    packs = {code: Pack(code, item.pack_size, item.gtin) for code, item in items.items()}
    withheld = {code: CONTROLLED for code, item in items.items() if item.controlled}
    withheld |= {code: SERIALISED for code, item in items.items() if item.serialised}
    gtins = {
        one.gtin: Pack(one.item_code, one.units, one.product or items[one.item_code].gtin)
        for one in session.exec(select(TradeItem))
    }
    return Known(packs, gtins, lots(session, _named_lots(rows, packs, gtins)), withheld)


def _named_lots(rows: Iterable[Row], packs: Mapping[str, Pack], gtins: Mapping[str, Pack]) -> Iterator[tuple[str, str]]:
    for row in rows:
        pack = gtins.get(row.gtin) if row.gtin else packs.get(row.item or "")
        if pack is not None:
            yield pack.product, row.lot


def lots(session: Session, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], KnownLot]:
    """Lots on record, of those wanted by the product's GTIN and batch code."""
    rows = [{"gtin": gtin, "code": code} for gtin, code in dict.fromkeys(wanted)]
    found = bulk.run(session, _LOTS, "gtin text, code text", rows)
    return {(gtin, code): KnownLot(number, bulk.day(expiry), bool(held)) for number, gtin, code, expiry, held in found}


_LOTS: Final = (
    "SELECT l.id, l.gtin, l.code, l.expiry, l.on_hold FROM {rows} JOIN lot l ON l.gtin = r.gtin AND l.code = r.code"
)
