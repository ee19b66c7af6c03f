"""What moves are, and what becomes of postings on balances that are locked: nothing here knows the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from stockpile.actor import Act
from stockpile.errors import Conflict, Refusal
from stockpile.inventory import serialised
from stockpile.inventory.periods import late
from stockpile.inventory.serialised import AS_IT_STANDS, Which


class Account(NamedTuple):
    """Where stock stands: a lot, at a site, of an owner, in a status."""

    lot_id: int
    site: str
    owner: str
    status: str


class Move(NamedTuple):
    """So many base units of a lot from one place to another; an external place is named by a plain string.

    `which`: of a serialised item, the pieces that these are.
    """

    lot_id: int
    quantity: int
    source: Account | str
    sink: Account | str
    document: str
    which: Which = AS_IT_STANDS


class NotEnough(Conflict):
    """An account holds less than a posting would take from it."""

    code = "not_enough_stock"


class PostedBefore(Conflict):
    """This key has been posted already."""

    code = "posted_before"


@dataclass(frozen=True, slots=True)
class Intent:
    """A posting to be made: `key` is unique for ever; every quantity is base units."""

    act: Act
    kind: str
    key: str
    moves: Sequence[Move]
    reason: str = ""


@dataclass(slots=True)
class Standing:
    """A locked balance while postings are worked out."""

    id: int
    quantity: int
    version: int
    version_before: int
    moved_at: datetime | None = None
    closed_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Short:
    """An account that a move would take more from than there is."""

    place: Account
    there: int
    asked: int


@dataclass(frozen=True, slots=True)
class Done:
    """A posting that was worked out, with the rows of its movements; `act` is stamped after all that it takes from."""

    intent: Intent
    act: Act
    rows: list[dict[str, Any]]
    serials: serialised.Taken


Standings = dict[Account, Standing]
Outcome = Done | Short | Refusal


def _step(line: int, move: Move) -> serialised.Step:
    source, sink = (
        (end.site, end.owner, end.status) if isinstance(end, Account) else end for end in (move.source, move.sink)
    )
    return serialised.Step(line, move.lot_id, move.quantity, source, sink, move.document, move.which)


def work_out(
    intents: Sequence[Intent],
    numbers: dict[str, int],
    standings: Standings,
    book: serialised.Book,
    refused: Mapping[int, Conflict],
) -> list[Outcome]:
    """What becomes of each intent, in the order given; `standings` become what they are after all of them."""
    outcomes: list[Outcome] = []
    posted: set[str] = set()
    closed_before = next((standing.closed_before for standing in standings.values()), None)
    for position, intent in enumerate(intents):
        outcome: Outcome
        if intent.key not in numbers or intent.key in posted:
            outcome = PostedBefore(f"{intent.key} has been posted already", key=intent.key)
        else:
            refusal = refused.get(position) or late.closed(intent.act, closed_before)
            outcome = refusal or _try(intent, standings, book)
        if isinstance(outcome, Done):
            posted.add(intent.key)
        outcomes.append(outcome)
    return outcomes


def _try(intent: Intent, standings: Standings, book: serialised.Book) -> Outcome:
    """The movements of one posting; `standings` change when all of it can be done, and only then."""
    trial: dict[Account, tuple[int, int]] = {}
    rows: list[dict[str, Any]] = []
    for line, move in enumerate(intent.moves, start=1):
        row = _MOVEMENT.copy()
        row["line"], row["lot_id"], row["quantity"], row["document"] = line, move.lot_id, move.quantity, move.document
        for names, place, change in ((_FROM, move.source, -move.quantity), (_TO, move.sink, move.quantity)):
            if not isinstance(place, Account):
                row[names[1]] = place
                continue
            standing = standings.get(place, _NOTHING)
            quantity, version = trial.get(place) or (standing.quantity, standing.version)
            if quantity + change < 0:
                return Short(place, there=quantity, asked=move.quantity)
            after, seq = trial[place] = quantity + change, version + 1
            row[names[0]], row[names[2]], row[names[3]] = standing.id, seq, after
        rows.append(row)
    pieces = [(line, move) for line, move in enumerate(intent.moves, start=1) if book.concerns(move.lot_id, move.which)]
    serials = book.follow([_step(line, move) for line, move in pieces])
    if isinstance(serials, Conflict):
        return serials
    act = _stamped(intent, standings)
    for place, (quantity, version) in trial.items():
        standing = standings[place]
        standing.quantity, standing.version = quantity, version
        standing.moved_at = max(act.at, standing.moved_at or act.at)
    return Done(intent, act, rows, serials)


def _stamped(intent: Intent, standings: Standings) -> Act:
    """The act; one of now does not precede what it takes, for clocks differ and waiting for a lock takes time."""
    moved = [standings[move.source].moved_at for move in intent.moves if isinstance(move.source, Account)]
    at = max([intent.act.at, *(when for when in moved if when is not None)])
    return intent.act if at == intent.act.at or intent.act.clock is not None else replace(intent.act, at=at)


_NOTHING: Final = Standing(0, 0, 0, 0)
_FROM, _TO = ([f"{side}_{what}" for what in ("balance_id", "external", "seq", "after")] for side in ("from", "to"))
_MOVEMENT: Final[dict[str, Any]] = dict.fromkeys(("posting_id", "line", "lot_id", "quantity", *_FROM, *_TO, "document"))
