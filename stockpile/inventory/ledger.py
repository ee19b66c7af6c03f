"""The ledger: the one function that moves stock; `proof` shows that it was right.

A posting is a list of moves between accounts. `post_each` makes many of them
in one transaction and `post` one, with one meaning. Balances are locked in the
order of their ids, so that concurrent postings queue and never deadlock; a move
that would take more than there is refuses its whole posting and names the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.db import insert_missing
from stockpile.errors import Conflict, Refusal
from stockpile.inventory import proof
from stockpile.inventory.rules import EXTERNALS, STATUSES
from stockpile.inventory.tables import Balance, Lot, Movement, Posting


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Where stock stands: a lot, at a site, of an owner, in a status."""

    lot_id: int
    site: str
    owner: str
    status: str


@dataclass(frozen=True, slots=True)
class Move:
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


def post_each(session: Session, intents: Sequence[Intent]) -> list[int | Conflict]:
    """Post each intent whole or not at all, as if one after the other, in the caller's transaction.

    Returns for each the posting's number, or why it alone was refused:
    `NotEnough` as what stood there after those before it, or `PostedBefore`.
    A refused one leaves nothing. All accounts are locked in one phase, in the
    order of their ids; concurrent postings queue and never deadlock.
    """
    for intent in intents:
        _assert_sound(intent)
    numbers, standings = _claim_and_lock(session, intents)
    outcomes = _work_out(intents, numbers, standings)
    done = [one for one in outcomes if isinstance(one, _Done)]
    _settle_heads(session, numbers, intents, done)
    for one in done:
        for row in one.rows:
            row["posting_id"] = numbers[one.intent.key]
    if done:
        _store(session, standings.values(), [row for one in done for row in one.rows])
        journal.record_each(session, [_note(one) for one in done])
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


def _claim_and_lock(session: Session, intents: Sequence[Intent]) -> tuple[dict[str, int], _Standings]:
    """The number of a new posting for each key that was never posted, and every account's balance, locked.

    A concurrent posting of a key is waited for; then balances are locked in
    the order of ids, those that would receive are opened at zero first. An
    account that is not there and only gives holds nothing: it is left out.
    """
    first = {intent.key: intent for intent in reversed(intents)}
    heads = [_new_head(first[key]) for key in dict.fromkeys(intent.key for intent in intents)]
    accounts, sinks = _accounts(intents)
    rows = [_opening(account) for account in accounts]
    lock_all, claims = bulk.Question(_LOCK_ALL, _ACCOUNT, rows), []
    for start in range(0, len(heads), bulk.LARGEST):
        part = heads[start : start + bulk.LARGEST]
        claims.append(bulk.inserting(Posting, part, give=("key", "id"), skip_taken=True))
    *claimed, found = bulk.ask(session, [*claims, lock_all])
    if accounts and not found.rows:
        openings = [row for account, row in zip(accounts, rows, strict=True) if account in sinks]
        bulk.insert(session, Balance, openings, skip_taken=True)
        found = bulk.run(session, _LOCK, _ACCOUNT, rows)
    numbers = {key: number for part in claimed for key, number in part}
    return numbers, {Account(*place): _Standing(number, q, v, v) for number, q, v, *place in found}


def _accounts(intents: Sequence[Intent]) -> tuple[list[Account], set[Account]]:
    """Every account that the intents name, in one order, and those among them that would receive."""
    moves = [move for intent in intents for move in intent.moves]
    sinks = {move.sink for move in moves if isinstance(move.sink, Account)}
    return sorted(sinks | {move.source for move in moves if isinstance(move.source, Account)}), sinks


def _new_head(intent: Intent) -> dict[str, Any]:
    return {
        "key": intent.key,
        "kind": intent.kind,
        "actor_id": intent.act.actor.id,
        "reason": intent.reason,
        "effective_at": intent.act.at,
        "recorded_at": intent.act.recorded_at,
    }


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
        row = _MOVEMENT | {"line": line, "lot_id": move.lot_id, "quantity": move.quantity, "document": move.document}
        for side, place, change in (("from", move.source, -move.quantity), ("to", move.sink, move.quantity)):
            if not isinstance(place, Account):
                row[f"{side}_external"] = place
                continue
            standing = standings.get(place, _NOTHING)
            quantity, version = trial.get(place) or (standing.quantity, standing.version)
            if quantity + change < 0:
                return _Short(place, there=quantity, asked=move.quantity)
            after, seq = trial[place] = quantity + change, version + 1
            row |= {f"{side}_balance_id": standing.id, f"{side}_seq": seq, f"{side}_after": after}
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


def _store(session: Session, standings: Iterable[_Standing], rows: list[dict[str, Any]]) -> None:
    changed = sorted((s for s in standings if s.version != s.version_before), key=lambda s: s.id)
    values = [{"id": s.id, "before": s.version_before, "quantity": s.quantity, "version": s.version} for s in changed]
    if values:
        columns = "id bigint, before bigint, quantity bigint, version bigint"
        bulk.tell(session, bulk.Question(_CHANGE, columns, values, changes=len(values)))
    bulk.insert(session, Movement, rows)


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
    short = {one.place.lot_id for one in outcomes if isinstance(one, _Short)}
    lots = {lot.id: lot for lot in session.exec(select(Lot).where(col(Lot.id).in_(short)))} if short else {}
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
_SIDES: Final = [f"{side}_{what}" for side in ("from", "to") for what in ("balance_id", "external", "seq", "after")]
_MOVEMENT: Final[dict[str, Any]] = dict.fromkeys(("posting_id", "line", "lot_id", "quantity", *_SIDES, "document"))
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
    row = {"item_code": item, "code": code, "expiry": expiry, "on_hold": False, "hold_reason": ""}
    insert_missing(session, Lot, [row])
    lot = session.exec(select(Lot).where(Lot.item_code == item, Lot.code == code)).one()
    if lot.expiry != expiry:
        raise ExpiryDiffers(
            f"lot {code} of {item} is on record with expiry {lot.expiry}, not {expiry}",
            field="expiry",
            on_record=lot.expiry,
        )
    return lot


class ExpiryDiffers(Conflict):
    """One batch, one expiry date."""

    code = "expiry_differs"
