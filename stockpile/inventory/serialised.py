"""Serials move with the ledger: which pieces a move takes, checked while a posting is worked out, and the proof.

At every balance of a serialised item stand as many serials as base units. A
move names its serials, or they follow from where it takes them: all that
stands there, or what an earlier movement of a document set apart.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import or_
from sqlmodel import Session, col, select

from stockpile import bulk, journal
from stockpile.catalogue.tables import Item
from stockpile.errors import Conflict
from stockpile.inventory.rules import ASSEMBLY, LOSS, SUPPLIER, fault
from stockpile.inventory.tables import Balance, Lot, Movement, Serial

Place = tuple[str, str, str] | str
"""Site, owner and status of a balance, or the name of an external account."""

NEW_FROM: Final = (SUPPLIER, LOSS, ASSEMBLY)
"""Where a serial that nobody has seen may come from."""


class SerialsNeeded(Conflict):
    """The item is moved by serials, and those given do not say which pieces these are."""

    code = "serials_needed"


class SerialElsewhere(Conflict):
    """A serial is not where it would be taken from."""

    code = "serial_elsewhere"


class SerialTaken(Conflict):
    """Another posting brought in, or moved, the same serial at the same time."""

    code = "serial_taken"


class NoSerials(Conflict):
    """The item has no serials."""

    code = "no_serials"


@dataclass(frozen=True, slots=True)
class Which:
    """The pieces that a move takes: `named`; or those a `document` set apart; or, `whichever`, the first there."""

    named: tuple[str, ...] = ()
    document: str = ""
    whichever: bool = False


AS_IT_STANDS: Final = Which()
"""No piece is named: all that stands there, or the item has no serials."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move, as serials see it; `line` counts from 1."""

    line: int
    lot_id: int
    quantity: int
    source: Place
    sink: Place
    document: str
    which: Which


@dataclass(slots=True)
class _Piece:
    id: int | None
    lot_id: int
    place: Place
    document: str


_Key = tuple[str, str]
Taken = dict[int, list[str]]
"""The serials that went with each line of a posting."""


@dataclass(slots=True)
class Book:
    """The pieces that a group of postings may touch, as they stand after those worked out so far."""

    items: Mapping[int, str]
    pieces: dict[_Key, _Piece] = field(default_factory=dict)
    before: dict[_Key, Place | None] = field(default_factory=dict)

    def concerns(self, lot_id: int, which: Which) -> bool:
        """Whether a move of that lot is one of pieces, or claims to be."""
        return lot_id in self.items or which is not AS_IT_STANDS

    def follow(self, steps: Sequence[Step]) -> Taken | Conflict:
        """The serials that go with each line, all or none; or why the posting is refused."""
        trial: dict[_Key, _Piece] = {}
        taken: Taken = {}
        for step in steps:
            item = self.items.get(step.lot_id)
            if item is None:
                if step.which.named:
                    return NoSerials(f"line {step.line}: the item of lot {step.lot_id} has no serials", row=step.line)
                continue
            named = self._named(item, step, trial)
            if isinstance(named, Conflict):
                return named
            taken[step.line] = named
            for serial in named:
                known = trial.get((item, serial)) or self.pieces.get((item, serial))
                trial[item, serial] = _Piece(known.id if known else None, step.lot_id, step.sink, step.document)
        self._keep(trial)
        return taken

    def _keep(self, trial: dict[_Key, _Piece]) -> None:
        for key, piece in trial.items():
            known = self.pieces.get(key)
            self.before.setdefault(key, known.place if known else None)
            self.pieces[key] = piece

    def _named(self, item: str, step: Step, trial: Mapping[_Key, _Piece]) -> list[str] | Conflict:
        standing = {serial: piece for (of, serial), piece in {**self.pieces, **trial}.items() if of == item}
        there = sorted(s for s, one in standing.items() if (one.lot_id, one.place) == (step.lot_id, step.source))
        named = list(step.which.named) or _implied(step, there, standing)
        if len(set(named)) != step.quantity or len(named) != step.quantity:
            given = f"{len(set(named))} different ones are given" if step.which.named else "say which"
            return SerialsNeeded(
                f"line {step.line}: {item} is moved by serials: {step.quantity} are needed, {given}",
                item=item,
                row=step.line,
                needed=step.quantity,
                there=there[:50],
            )
        for serial in named:
            if serial not in there and not (serial not in standing and step.source in NEW_FROM):
                return _elsewhere(item, serial, step, standing.get(serial))
        return named


def _implied(step: Step, there: list[str], standing: Mapping[str, _Piece]) -> list[str]:
    """What goes where no serial is named: what the document set apart, else all, else whichever comes first."""
    if isinstance(step.source, str):
        return []
    if step.which.document:
        apart = [serial for serial in there if standing[serial].document == step.which.document]
        if len(apart) == step.quantity or (step.which.whichever and len(apart) > step.quantity):
            return apart[: step.quantity]
    return there[: step.quantity] if step.which.whichever or len(there) == step.quantity else []


def _elsewhere(item: str, serial: str, step: Step, known: _Piece | None) -> SerialElsewhere:
    where = "nowhere in the books" if known is None else f"{_words(known.place)}, lot {known.lot_id}"
    return SerialElsewhere(
        f"line {step.line}: {item} serial {serial} is {where}, not {_words(step.source)}, lot {step.lot_id}",
        item=item,
        serial=serial,
        row=step.line,
    )


def words(row: Serial) -> str:
    """Where a piece stands, or how it left, in words."""
    return _words(place_of(row))


def _words(place: Place) -> str:
    return f"at {place}" if isinstance(place, str) else f"at {place[0]} ({place[2]}, {place[1]})"


def opened(session: Session, lots: Mapping[int, str], named: Iterable[str]) -> Book:
    """The book for serialised lots with their items; read it under the locks of their balances: they hold serials."""
    book = Book(lots)
    if lots:
        wanted = or_(
            col(Serial.lot_id).in_(sorted(lots)),
            col(Serial.item_code).in_(sorted(set(lots.values()))) & col(Serial.serial).in_(sorted(set(named))),
        )
        for row in session.exec(select(Serial).where(wanted).execution_options(populate_existing=True)):
            book.pieces[row.item_code, row.serial] = _Piece(row.id, row.lot_id, place_of(row), row.document)
    return book


def place_of(row: Serial) -> Place:
    """Where a piece stands."""
    return row.status if row.site_code is None else (row.site_code, row.owner or "", row.status)


def store(session: Session, book: Book) -> None:
    """Write where the pieces stand now; refuses a serial that another posting has taken meanwhile."""
    changed = sorted(book.before)
    new = [_row(key, book.pieces[key]) for key in changed if book.pieces[key].id is None]
    old = [
        _row(key, book.pieces[key]) | {"id": book.pieces[key].id, "before": _status(book.before[key])}
        for key in changed
        if book.pieces[key].id is not None
    ]
    made = bulk.insert(session, Serial, new, give=("id",), skip_taken=True) if new else []
    moved = bulk.run(session, _MOVE, _COLUMNS, old).rowcount if old else 0
    if (len(made), moved) != (len(new), len(old)):
        raise SerialTaken("another posting moved one of these serials at the same time: look again", serials=changed)


def _status(place: Place | None) -> str:
    assert place is not None, "a stored piece without a place"
    return place if isinstance(place, str) else place[2]


def _row(key: _Key, piece: _Piece) -> dict[str, Any]:
    site, owner, status = (None, None, piece.place) if isinstance(piece.place, str) else piece.place
    return {
        "item_code": key[0],
        "serial": key[1],
        "lot_id": piece.lot_id,
        "site_code": site,
        "owner": owner,
        "status": status,
        "document": piece.document,
    }


_COLUMNS: Final = "id bigint, before text, lot_id bigint, site_code text, owner text, status text, document text"
_MOVE: Final = (
    "UPDATE serial SET lot_id = r.lot_id, site_code = r.site_code, owner = r.owner, status = r.status,"
    " document = r.document FROM {rows} WHERE serial.id = r.id AND serial.status = r.before"
)


def discrepancies(session: Session) -> Iterator[str]:
    """Every serial that is not where the journal of postings says, and every balance with another number of them."""
    told = _replayed(session)
    standing: Counter[tuple[int, Place]] = Counter()
    for row in session.exec(select(Serial).order_by(col(Serial.id))):
        standing[row.lot_id, place_of(row)] += 1
        if told.pop((row.item_code, row.serial), None) != (row.lot_id, place_of(row)):
            yield fault(f"serial {row.serial} of {row.item_code} is not where the journal says", lot=row.lot_id)
    for item, serial in told:
        yield f"the journal knows serial {serial} of {item}, which is not there"
    query = (
        select(Balance)
        .join(Lot, col(Lot.id) == col(Balance.lot_id))
        .join(Item, col(Item.code) == col(Lot.item_code))
        .where(Item.serialised)
    )
    for balance in session.exec(query.order_by(col(Balance.id))):
        count = standing[balance.lot_id, (balance.site_code, balance.owner, balance.status)]
        if count != balance.quantity:
            told_of = f"balance {balance.id} holds {balance.quantity} and {count} serials stand there"
            yield fault(told_of, balance=balance.id)


def _replayed(session: Session) -> dict[_Key, tuple[int, Place]]:
    """Where each serial went last, as the journal of postings and their movements tell it."""
    items = {lot.id: lot.item_code for lot in session.exec(select(Lot))}
    places = {b.id: (b.site_code, b.owner, b.status) for b in session.exec(select(Balance))}
    told: dict[_Key, tuple[int, Place]] = {}
    named = [(entry, json.loads(entry.payload)) for entry in _with_serials(session)]
    sinks = _sinks(session, [payload["posting"] for _, payload in named])
    for _, payload in named:
        for line, serials in sorted(payload["serials"].items(), key=lambda one: int(one[0])):
            lot_id, balance, external = sinks.get((payload["posting"], int(line)), (0, None, "nowhere"))
            for serial in serials:
                told[items.get(lot_id, ""), serial] = (lot_id, places.get(balance, external))
    return told


def _with_serials(session: Session) -> Iterator[journal.JournalEntry]:
    entry = journal.JournalEntry
    query = select(entry).where(entry.action == "stock.post", col(entry.payload).contains('"serials":'))
    yield from session.exec(query.order_by(col(entry.id)))


def _sinks(session: Session, postings: Sequence[int]) -> dict[tuple[int, int], tuple[int, int | None, str]]:
    found: dict[tuple[int, int], tuple[int, int | None, str]] = {}
    for start in range(0, len(postings), 500):
        query = select(Movement).where(col(Movement.posting_id).in_(postings[start : start + 500]))
        for row in session.exec(query):
            found[row.posting_id, row.line] = (row.lot_id, row.to_balance_id, row.to_external or "nowhere")
    return found


def standing(session: Session, *, item: str | None = None, serial: str | None = None) -> list[Serial]:
    """Serials by item and number, narrowed by either: where each stands, or how it left."""
    query = select(Serial).order_by(col(Serial.item_code), col(Serial.serial))
    query = query.where(Serial.item_code == item) if item else query
    query = query.where(Serial.serial == serial) if serial else query
    return list(session.exec(query.execution_options(populate_existing=True)))


def at(session: Session, lot_id: int, place: Place) -> list[str]:
    """The serials of a lot that stand at a place, in order."""
    rows = session.exec(select(Serial).where(Serial.lot_id == lot_id).execution_options(populate_existing=True))
    return sorted(row.serial for row in rows if place_of(row) == place)


def by_lot(rows: Iterable[Serial]) -> dict[int, list[str]]:
    """The serials of each lot."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row.lot_id].append(row.serial)
    return dict(found)
