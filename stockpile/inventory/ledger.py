"""The ledger: the one function that moves stock; `proof` shows that it was right.

A posting is a list of moves between accounts. `post_each` makes many of them
in one transaction and `post` one, with one meaning. Balances are locked in the
order of their ids, so that concurrent postings queue and never deadlock; a move
that would take more than there is refuses its whole posting and names the account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlmodel import Session, col, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Refusal
from stockpile.inventory import proof
from stockpile.inventory.rules import EXTERNALS, STATUSES
from stockpile.inventory.tables import Balance, Lot, Movement, Posting


class Account(NamedTuple):
    """Where stock stands: a lot, at a site, of an owner, in a status."""

    lot_id: int
    site: str
    owner: str
    status: str


class Move(NamedTuple):
    """So many base units of a lot from one place to another; an external place is named by a plain string."""

    lot_id: int
    quantity: int
    source: Account | str
    sink: Account | str
    document: str


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
class _Standing:
    """A locked balance while postings are worked out."""

    id: int
    quantity: int
    version: int
    version_before: int


@dataclass(frozen=True, slots=True)
class _Short:
    """An account that a move would take more from than there is."""

    place: Account
    there: int
    asked: int


@dataclass(frozen=True, slots=True)
class _Done:
    """A posting that was worked out, with the rows of its movements."""

    intent: Intent
    rows: list[dict[str, Any]]


discrepancies = proof.discrepancies
_Standings = dict[Account, _Standing]
_Outcome = _Done | _Short | PostedBefore
Told = Callable[[int], None]


def post(session: Session, act: Act, *, kind: str, key: str, moves: Sequence[Move], reason: str = "") -> int:
    """Post all moves or none, in the caller's transaction; returns the posting's number.

    `key` is unique for ever: a second posting under it is refused. Refuses a
    negative balance, naming lot, site, owner, status, what is there and what
    was asked. Quantities are base units.
    """
    outcome = post_each(session, [Intent(act, kind, key, moves, reason)])[0]
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def post_each(
    session: Session, intents: Sequence[Intent], *, told: Told | None = None, rehearsal: bool = False
) -> list[int | Conflict]:
    """Post each intent whole or not at all, as if one after the other, in the caller's transaction.

    Returns for each the posting's number, or why it alone was refused:
    `NotEnough` as what stood there after those before it, or `PostedBefore`.
    A refused one leaves nothing. All accounts are locked in one phase, in the
    order of their ids; concurrent postings queue and never deadlock. `told` is
    called with the number of movements written so far. A `rehearsal` gives the
    same answers and moves nothing; its transaction must be undone.
    """
    for intent in intents:
        _assert_sound(intent)
    numbers = _claim(session, intents)
    standings = _lock(session, intents)
    outcomes = _work_out(intents, numbers, standings)
    if rehearsal:
        return _answers(session, numbers, outcomes)
    done = [one for one in outcomes if isinstance(one, _Done)]
    _settle_heads(session, numbers, intents, done)
    if done:
        _keep(session, numbers, standings.values(), done, told)
    return _answers(session, numbers, outcomes)


def _assert_sound(intent: Intent) -> None:
    assert intent.moves, "a posting without moves"
    for move in intent.moves:
        assert move.quantity > 0, f"a move of {move.quantity}"
        assert move.source != move.sink, "a move to where it came from"
        for place in (move.source, move.sink):
            if isinstance(place, Account):
                assert place.status in STATUSES, f"unknown status {place.status}"
                assert place.lot_id == move.lot_id, "a move between lots"
            else:
                assert place in EXTERNALS, f"unknown external account {place}"


def _claim(session: Session, intents: Sequence[Intent]) -> dict[str, int]:
    """The number of a new posting for each key that was never posted; a concurrent posting of a key is waited for."""
    first = {intent.key: intent for intent in reversed(intents)}
    heads = [_new_head(first[key]) for key in dict.fromkeys(intent.key for intent in intents)]
    return dict(bulk.insert(session, Posting, heads, give=("key", "id"), skip_taken=True))


def _new_head(intent: Intent) -> dict[str, Any]:
    return {
        "key": intent.key,
        "kind": intent.kind,
        "actor_id": intent.act.actor.id,
        "reason": intent.reason,
        "effective_at": intent.act.at,
        "recorded_at": intent.act.recorded_at,
    }


def _lock(session: Session, intents: Sequence[Intent]) -> _Standings:
    """Every account's balance, locked in the order of ids; those that would receive are opened at zero first.

    An account that is not there and only gives holds nothing: it is left out.
    """
    accounts, sinks = _accounts(intents)
    rows = [_opening(account) for account in accounts]
    found = bulk.run(session, _LOCK_ALL, _ACCOUNT, rows).all()
    if accounts and not found:
        openings = [row for account, row in zip(accounts, rows, strict=True) if account in sinks]
        bulk.insert(session, Balance, openings, skip_taken=True)
        found = bulk.run(session, _LOCK, _ACCOUNT, rows).all()
    return _by_account(accounts, found)


def _accounts(intents: Sequence[Intent]) -> tuple[list[Account], set[Account]]:
    """Every account that the intents name, in order; and those that would receive."""
    moves = [move for intent in intents for move in intent.moves]
    sinks = {move.sink for move in moves if isinstance(move.sink, Account)}
    return sorted(sinks | {move.source for move in moves if isinstance(move.source, Account)}), sinks


def _by_account(accounts: Iterable[Account], found: Iterable[Any]) -> _Standings:
    """The standings under the accounts as they were given: looking up the same object asks for no comparison."""
    given = {account: account for account in accounts}
    return {given[Account(*place)]: _Standing(number, q, v, v) for number, q, v, *place in map(tuple, found)}


def _opening(account: Account) -> dict[str, Any]:
    return {
        "lot_id": account.lot_id,
        "site_code": account.site,
        "owner": account.owner,
        "status": account.status,
        "quantity": 0,
        "version": 0,
    }


def _work_out(intents: Sequence[Intent], numbers: dict[str, int], standings: _Standings) -> list[_Outcome]:
    """What becomes of each intent, in the order given; `standings` become what they are after all of them."""
    outcomes: list[_Outcome] = []
    posted: set[str] = set()
    for intent in intents:
        outcome: _Outcome
        if intent.key not in numbers or intent.key in posted:
            outcome = PostedBefore(f"{intent.key} has been posted already", key=intent.key)
        else:
            outcome = _try(intent, standings)
        if isinstance(outcome, _Done):
            posted.add(intent.key)
        outcomes.append(outcome)
    return outcomes


def _try(intent: Intent, standings: _Standings) -> _Done | _Short:
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
                return _Short(place, there=quantity, asked=move.quantity)
            after, seq = trial[place] = quantity + change, version + 1
            row[names[0]], row[names[2]], row[names[3]] = standing.id, seq, after
        rows.append(row)
    for place, (quantity, version) in trial.items():
        standings[place].quantity, standings[place].version = quantity, version
    return _Done(intent, rows)


def _settle_heads(session: Session, numbers: dict[str, int], intents: Sequence[Intent], done: Sequence[_Done]) -> None:
    """Make the claimed keys those of the postings that were done: the heads of refused ones go again."""
    first = {intent.key: intent for intent in reversed(intents)}
    stays = {one.intent.key for one in done if first[one.intent.key] is one.intent}
    refused = [{"id": number} for key, number in numbers.items() if key not in stays]
    if refused:
        bulk.run(session, _WITHDRAW, "id bigint", refused)
    later = [_new_head(one.intent) for one in done if one.intent.key not in stays]
    if later:
        numbers |= dict(bulk.insert(session, Posting, later, give=("key", "id")))


def _keep(
    session: Session,
    numbers: dict[str, int],
    standings: Iterable[_Standing],
    done: Sequence[_Done],
    told: Told | None,
) -> None:
    """Store movements, balances and the journal's notes, which are worked out while movements are on their way."""
    for one in done:
        for row in one.rows:
            row["posting_id"] = numbers[one.intent.key]
    rows = [row for one in done for row in one.rows]
    notes: list[journal.Note] = []

    def written(count: int) -> None:
        notes.extend(map(_note, done[len(notes) : -(-len(done) * count // len(rows))]))
        if told is not None:
            told(count)

    _store(session, standings, rows, written)
    journal.record_each(session, notes)


def _store(session: Session, standings: Iterable[_Standing], rows: list[dict[str, Any]], told: Told) -> None:
    changed = sorted((s for s in standings if s.version != s.version_before), key=lambda s: s.id)
    values = [{"id": s.id, "before": s.version_before, "quantity": s.quantity, "version": s.version} for s in changed]
    if values:
        result = bulk.run(session, _CHANGE, "id bigint, before bigint, quantity bigint, version bigint", values)
        assert result.rowcount == len(values), "a locked balance changed under the lock"
    bulk.insert(session, Movement, rows, told=told)


def _note(one: _Done) -> journal.Note:
    intent, number = one.intent, one.rows[0]["posting_id"]
    payload = {
        "posting": number,
        "kind": intent.kind,
        "key": intent.key,
        "moves": len(one.rows),
        "digest": proof.digest(one.rows, _places(one)),
    }
    return journal.Note(intent.act, "stock.post", f"posting:{number}", payload, intent.reason)


def _places(one: _Done) -> dict[int, str]:
    """What each balance of a posting stands for, by its number."""
    return {
        row[f"{side}_balance_id"]: proof.place(end.lot_id, end.site, end.owner, end.status)
        for move, row in zip(one.intent.moves, one.rows, strict=True)
        for side, end in (("from", move.source), ("to", move.sink))
        if isinstance(end, Account)
    }


def _answers(session: Session, numbers: dict[str, int], outcomes: Sequence[_Outcome]) -> list[int | Conflict]:
    lots: dict[int | None, Lot] = {}
    short = sorted({one.place.lot_id for one in outcomes if isinstance(one, _Short)})
    for start in range(0, len(short), bulk.LARGEST):
        query = select(Lot).where(col(Lot.id).in_(short[start : start + bulk.LARGEST]))
        lots |= {lot.id: lot for lot in session.exec(query)}
    answers: list[int | Conflict] = []
    for one in outcomes:
        if isinstance(one, _Done):
            answers.append(numbers[one.intent.key])
        else:
            answers.append(_shortage(lots[one.place.lot_id], one) if isinstance(one, _Short) else one)
    return answers


def _shortage(lot: Lot, short: _Short) -> NotEnough:
    place, there, asked = short.place, short.there, short.asked
    return NotEnough(
        f"{place.site} has {there} of {lot.item_code} lot {lot.code} {place.status} ({place.owner}), {asked} asked",
        item=lot.item_code,
        lot=lot.code,
        site=place.site,
        owner=place.owner,
        status=place.status,
        there=there,
        asked=asked,
    )


_NOTHING: Final = _Standing(0, 0, 0, 0)
_FROM, _TO = ([f"{side}_{what}" for what in ("balance_id", "external", "seq", "after")] for side in ("from", "to"))
_MOVEMENT: Final[dict[str, Any]] = dict.fromkeys(("posting_id", "line", "lot_id", "quantity", *_FROM, *_TO, "document"))
_ACCOUNT: Final = "lot_id bigint, site_code text, owner text, status text"
_JOIN: Final = (
    "{rows} JOIN balance b ON (b.lot_id, b.site_code, b.owner, b.status) = (r.lot_id, r.site_code, r.owner, r.status)"
)
_LOCK: Final = (
    f"SELECT b.id, b.quantity, b.version, b.lot_id, b.site_code, b.owner, b.status FROM {_JOIN} ORDER BY b.id {{lock}}"
)
"""Lock what is there; the sort comes before the locks, so they are taken in the order of ids."""
_LOCK_ALL: Final = _LOCK.replace(
    " ORDER BY", f" WHERE (SELECT count(*) FROM {_JOIN}) = (SELECT count(*) FROM {{rows}}) ORDER BY"
)
"""Lock all or none: an account that is not there must be opened before the first lock is taken."""
_CHANGE: Final = (
    "UPDATE balance SET quantity = r.quantity, version = r.version FROM {rows}"
    " WHERE balance.id = r.id AND balance.version = r.before"
)
_WITHDRAW: Final = "DELETE FROM posting WHERE id IN (SELECT r.id FROM {rows})"


def lot_for(session: Session, *, item: str, code: str, expiry: date) -> Lot:
    """The lot of that item and batch code, opened if new; refuses another expiry than the one on record."""
    open_lots(session, {(item, code): expiry})
    lot = session.exec(select(Lot).where(Lot.item_code == item, Lot.code == code)).one()
    if lot.expiry != expiry:
        raise expiry_differs(item, code, on_record=lot.expiry, given=expiry)
    return lot


def open_lots(session: Session, wanted: Mapping[tuple[str, str], date]) -> None:
    """Open the lots (item, batch code) with these expiries that are not on record, in one order for all writers."""
    rows = [
        {"item_code": item, "code": code, "expiry": expiry, "on_hold": False, "hold_reason": ""}
        for (item, code), expiry in sorted(wanted.items())
    ]
    if rows:
        bulk.insert(session, Lot, rows, skip_taken=True)


class ExpiryDiffers(Conflict):
    """One batch, one expiry date."""

    code = "expiry_differs"


def expiry_differs(item: str, code: str, *, on_record: date, given: date) -> ExpiryDiffers:
    """The refusal of a second expiry for one batch."""
    return ExpiryDiffers(
        f"lot {code} of {item} is on record with expiry {on_record}, not {given}", field="expiry", on_record=on_record
    )
