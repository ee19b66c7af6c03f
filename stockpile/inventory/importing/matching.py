"""From the rows of a file to what staff record: items, packs and lots matched, postings put together.

The rows become `recording` lines and nothing else, so that they take the same
rights and meet the same rules as what is recorded one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Final, NamedTuple

from stockpile.actor import Act
from stockpile.errors import Refusal
from stockpile.inventory import ledger, recording
from stockpile.inventory.importing import rules
from stockpile.inventory.importing.queries import Known, KnownLot, Pack
from stockpile.inventory.importing.rules import Finding, Row
from stockpile.inventory.opening import Batch
from stockpile.inventory.periods import late

Doubt = tuple[str, str]
"""A batch code, and a site or '' for anywhere."""


class Meant(NamedTuple):
    """A row as staff would record it."""

    row: Row
    kind: str
    site: str
    at: datetime
    line: recording.Line


@dataclass(slots=True)
class Matched:
    """The rows that make sense, in the order of posting; what is wrong with the others; and the lots to be opened.

    `doubtful` are the batch codes of refused rows with where those would have arrived, and with '' for anywhere:
    what later rows lack of that is no fault of theirs.
    """

    meant: list[Meant] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unborn: dict[int, tuple[Batch, date]] = field(default_factory=dict)
    doubtful: set[Doubt] = field(default_factory=set)

    def wanted(self) -> dict[Batch, date]:
        """The lots to be opened with their expiry."""
        return dict(self.unborn.values())


def matched(act: Act, rows: Iterable[Row], known: Known, *, doubtful: Iterable[Doubt] = ()) -> Matched:
    """What the rows mean at the act's instant.

    `doubtful` are batch codes, with their to_site and with '', of rows that could not be read.
    """
    found = Matched(doubtful=set(doubtful))
    lots = dict(known.lots)
    for row in sorted(rows, key=rules.sequence):
        meant = _meant(act, row, known, lots, found)
        if isinstance(meant, Meant):
            found.meant.append(meant)
        elif meant is not None:
            found.findings.append(meant)
            if row.to_site is not None:
                found.doubtful |= {(row.lot, row.to_site), (row.lot, "")}
    return found


def _meant(
    act: Act, row: Row, known: Known, lots: dict[tuple[str, str], KnownLot], found: Matched
) -> Meant | Finding | None:
    """The row as it is recorded, why not, or None where an earlier row is to blame."""
    goods = _goods(row, known)
    if isinstance(goods, Finding):
        return goods
    item = goods.item
    if item in known.withheld:
        return _wrong(row, "gtin" if row.item is None else "item", f"{item} {known.withheld[item]}")
    lot = lots.get((goods.product, row.lot))
    if lot is None:
        if row.kind not in rules.OPENS_LOTS:
            reason = f"no lot {row.lot} of {item} is on record"
            return None if (row.lot, "") in found.doubtful else _wrong(row, "lot", reason)
        lot = lots[goods.product, row.lot] = _unborn(row, goods, found)
    if row.expiry is not None and row.expiry != lot.expiry:
        return _wrong(row, "expiry", f"lot {row.lot} of {item} is {_on_record(lot)} with expiry {lot.expiry}")
    if row.effective_at is not None and row.effective_at > act.at:
        return _wrong(row, "effective_at", f"lies after now ({act.at:%Y-%m-%dT%H:%M:%SZ})")
    quantity = row.quantity or (row.packs or 0) * goods.units
    if quantity > rules.LARGEST:
        return _wrong(row, "packs", f"makes {quantity:,} base units: at most {rules.LARGEST:,}")
    return _LINES[row.kind](row, row.effective_at or act.at, lot.number, quantity)


def _goods(row: Row, known: Known) -> Pack | Finding:
    """The pack that the row names, by its GTIN or as the item's usual one."""
    if row.gtin is None:
        assert row.item is not None, "a row without an item"
        if row.item not in known.packs:
            return _wrong(row, "item", f"no item has the code {row.item}{rules.look_alike(row.item)}")
        return known.packs[row.item]
    pack = known.gtins.get(row.gtin)
    if pack is None:
        return _wrong(row, "gtin", f"no item is known by the GTIN {row.gtin}")
    if row.item is not None and row.item != pack.item:
        return _wrong(row, "gtin", f"is the GTIN of {pack.item}, not of {row.item}")
    return pack


def _unborn(row: Row, goods: Pack, found: Matched) -> KnownLot:
    assert row.expiry is not None, "a receipt without expiry"
    number = -1 - len(found.unborn)
    found.unborn[number] = Batch(goods.item, goods.product, row.lot), row.expiry
    return KnownLot(number, row.expiry)


def _on_record(lot: KnownLot) -> str:
    return "on record" if lot.number > 0 else "in another row"


def _received(row: Row, at: datetime, lot: int, quantity: int) -> Meant:
    site = row.to_site
    assert site is not None, "a receipt without a place"
    opening = row.kind == rules.OPENING
    document = _document(row) or ("opening" if opening else "")
    if opening and not row.reason:
        row = row._replace(reason="opening stock")
    line = recording.Line(lot, quantity, row.owner, row.status, document)
    return Meant(row, recording.RECEIVE, site, at, line)


def _issued(row: Row, at: datetime, lot: int, quantity: int) -> Meant:
    assert row.from_site is not None, "an issue without a place"
    line = recording.Line(lot, quantity, row.owner, row.status, _document(row))
    return Meant(row, recording.ISSUE, row.from_site, at, line)


def _returned(row: Row, at: datetime, lot: int, quantity: int) -> Meant:
    assert row.from_site is not None, "a return from nowhere"
    assert row.to_site is not None, "a return to nowhere"
    line = recording.Line(lot, quantity, row.owner, row.status, _document(row), row.from_site)
    return Meant(row, recording.RETURN, row.to_site, at, line)


def _adjusted(row: Row, at: datetime, lot: int, quantity: int) -> Meant:
    site = row.to_site or row.from_site or ""
    assert site, "an adjustment without a place"
    change = quantity if row.to_site else -quantity
    line = recording.Line(lot, change, row.owner, row.status, _document(row))
    return Meant(row, recording.ADJUST, site, at, line)


def _set_aside(row: Row, at: datetime, lot: int, quantity: int) -> Meant:
    return _issued(row, at, lot, quantity)._replace(kind=recording.SET_ASIDE)


def _document(row: Row) -> str:
    """The paper, marked as such, so that none can pass for a document of the ledger's own."""
    return f"note:{row.document}" if row.document else ""


_LINES: Final[dict[str, Callable[[Row, datetime, int, int], Meant]]] = {
    rules.RECEIPT: _received,
    rules.OPENING: _received,
    rules.ISSUE: _issued,
    rules.RETURN: _returned,
    rules.ADJUSTMENT: _adjusted,
    rules.SET_ASIDE: _set_aside,
}


def postings(act: Act, number: int, meant: Sequence[Meant]) -> Iterator[recording.Record]:
    """The rows put together: one record for what shares kind, site, instant and reason, of 1,000 lines at most."""
    count = 0
    for (kind, site, at, reason), group in groupby(meant, key=lambda one: (one.kind, one.site, one.at, one.row.reason)):
        lines = [one.line for one in group]
        for start in range(0, len(lines), rules.LINES_PER_POSTING):
            count += 1
            part = lines[start : start + rules.LINES_PER_POSTING]
            yield recording.Record(_act(act, at), kind, site, part, f"import:{number}:{count}", reason)


def one_by_one(act: Act, number: int, meant: Sequence[Meant]) -> list[recording.Record]:
    """Each row as a record of its own, to hear of each what is wrong with it."""
    return [
        recording.Record(
            _act(act, one.at), one.kind, one.site, [one.line], f"import:{number}:row:{one.row.number}", one.row.reason
        )
        for one in meant
    ]


def _act(act: Act, at: datetime) -> Act:
    return act if at == act.at else late.dated(act, at)


def refused(meant: Sequence[Meant], answers: Sequence[int | Refusal], found: Matched) -> list[Finding]:
    """What the answers to `one_by_one` say; what is short because an earlier row is refused is left out."""
    findings = []
    for one, refusal in zip(meant, answers, strict=True):
        if isinstance(refusal, int) or (
            isinstance(refusal, ledger.NotEnough) and (one.row.lot, refusal.facts["site"]) in found.doubtful
        ):
            continue
        findings.append(_told(one.row, refusal))
        if one.row.to_site is not None:
            found.doubtful |= {(one.row.lot, one.row.to_site), (one.row.lot, "")}
    return findings


def _told(row: Row, refusal: Refusal) -> Finding:
    named = str(refusal.facts.get("field") or ("kind" if "right" in refusal.facts else "quantity"))
    quantity = "quantity" if row.quantity is not None else "packs"
    columns = {"site": "to_site" if row.to_site else "from_site", "member": "owner", "lot_id": "lot"}
    columns |= {"change": quantity, "quantity": quantity, "to_depot": "to_site"}
    return _wrong(
        row, "lot" if isinstance(refusal, recording.NotUsable) else columns.get(named, named), refusal.message
    )


def _wrong(row: Row, column: str, reason: str) -> Finding:
    value = getattr(row, column, None)
    return Finding(row.number, column, rules.shown("" if value is None else value), reason)
