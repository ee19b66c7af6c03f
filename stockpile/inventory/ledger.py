"""The ledger: the one function that moves stock; `proof` shows that it was right.

A posting is a list of moves between accounts. `post_each` makes many of them
in one transaction and `post` one, with one meaning. Balances are locked in the
order of their ids, so that concurrent postings queue and never deadlock; a move
that would take more than there is refuses its whole posting and names the account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.counting import count_on_commit
from stockpile.errors import Refusal
from stockpile.inventory import binning, guarding, known, proof, serialised, stopping
from stockpile.inventory.moves import (
    Account,
    Done,
    Intent,
    Move,
    NotEnough,
    Outcome,
    PostedBefore,
    Short,
    Standing,
    Standings,
    work_out,
)
from stockpile.inventory.periods import late
from stockpile.inventory.periods import queries as periods
from stockpile.inventory.rules import EXTERNALS, IN_TRANSIT, STATUSES
from stockpile.inventory.tables import Balance, Lot, Movement, Posting

__all__ = ["Account", "Intent", "Move", "NotEnough", "PostedBefore", "discrepancies", "post", "post_each"]


def discrepancies(session: Session) -> Iterator[str]:
    """Recompute every balance (by the order of postings and by their instants), posting, lot and serial."""
    yield from proof.discrepancies(session)
    yield from periods.discrepancies(session)
    yield from serialised.discrepancies(session)


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
    session: Session,
    intents: Sequence[Intent],
    *,
    told: Told | None = None,
    rehearsal: bool = False,
    guards: guarding.Guards | None = None,
) -> list[int | Refusal]:
    """Post each intent whole or not at all, as if one after the other, in the caller's transaction.

    Returns for each the posting's number, or why it alone was refused:
    `NotEnough` as what stood there after those before it, `PostedBefore`, or
    that one person alone may not post it (`guarding`), that its stock is
    stopped (`stopping`), or serials that are missing or elsewhere, or its instant. A refused one leaves nothing. All
    accounts are locked in one phase, in the order of their ids; concurrent
    postings queue and never deadlock. One that is said to have taken effect
    earlier is judged by all that happened since (`periods.late`), alone. `told`
    is called with the number of movements written so far. A `rehearsal` gives
    the same answers; its transaction must be undone. `guards`: what was read of
    all these lots in this transaction before.
    """
    for intent in intents:
        _assert_sound(intent)
    session.flush()
    guards = guards or guarding.of(session, intents)
    if len(intents) > 1 and any(intent.act.clock is not None for intent in intents):
        claimed, *_ = _claim_and_lock(session, intents, intents)
        return [_post(session, [one], guards, claimed.pop(one.key, None), rehearsal=rehearsal)[0] for one in intents]
    return _post(session, intents, guards, told=told, rehearsal=rehearsal)


def _post(
    session: Session,
    intents: Sequence[Intent],
    guards: guarding.Guards,
    number: int | None = None,
    *,
    told: Told | None = None,
    rehearsal: bool = False,
) -> list[int | Refusal]:
    """`post_each` in one phase; `number` is that of the only one, where its key has been claimed."""
    alone = guarding.refusals(intents, guards) | stopping.refusals(session, intents)
    numbers, standings, lying = _claim_and_lock(session, intents if number is None else [], intents)
    numbers |= {} if number is None else {intents[0].key: number}
    book = _serials(session, intents, guards.lots)
    outcomes = work_out(intents, numbers, standings, book, alone)
    outcomes = [_judged(session, one) for one in outcomes]
    dated = any(intent.act.clock is not None for intent in intents)
    if rehearsal and not dated:
        return _answers(session, numbers, outcomes)
    done = [one for one in outcomes if isinstance(one, Done)]
    _settle_heads(session, numbers, intents, done)
    if done:
        _keep(session, numbers, standings.values(), done, told)
        if lying:
            places = {at.id: (one.site, one.status == IN_TRANSIT) for one, at in standings.items()}
            binning.follow(session, [row for one in done for row in one.rows], lying, places)
        if book.before:
            serialised.store(session, book)
        guarding.settle(session, [(one.intent, numbers[one.intent.key]) for one in done], guards.lots)
    return _answers(session, numbers, outcomes)


def _judged(session: Session, one: Outcome) -> Outcome:
    """What was worked out, or why it may not have taken effect when it is said to have."""
    if not isinstance(one, Done) or one.act.clock is None:
        return one
    return late.fault(session, one.act, one.rows) or one


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


def _claim_and_lock(
    session: Session, claimed: Sequence[Intent], intents: Sequence[Intent]
) -> tuple[dict[str, int], Standings, binning.Contents]:
    """The number of a new posting for each key that was never posted; every balance, locked; what lies in their bins.

    A concurrent posting of a key is waited for; then balances are locked in
    the order of ids, those that would receive are opened at zero first. An
    account that is not there and only gives holds nothing: it is left out.
    """
    claims = _claims(claimed)
    accounts, sinks = _accounts(intents)
    rows = [_opening(account) for account in accounts]
    gives = any(isinstance(move.source, Account) for intent in intents for move in intent.moves)
    binned = binning.asking(rows if gives else [], _ACCOUNT)
    *numbered, found, lying = bulk.ask(session, [*claims, bulk.Question(_LOCK_ALL, _ACCOUNT, rows), binned])
    if accounts and not found.rows:
        openings = [row for account, row in zip(accounts, rows, strict=True) if account in sinks]
        bulk.insert(session, Balance, openings, skip_taken=True)
        found, lying = bulk.ask(session, [bulk.Question(_LOCK, _ACCOUNT, rows), binned])
    numbers = {key: number for part in numbered for key, number in part}
    return numbers, _by_account(accounts, found), binning.contents(lying)


def _claims(intents: Sequence[Intent]) -> list[bulk.Question]:
    """The insertion of a posting's head for each key: it gives the keys that are new, with their numbers.

    In the order of the keys: two who bring the same ones wait for each other at the first.
    """
    first = {intent.key: intent for intent in reversed(intents)}
    heads = [_new_head(first[key]) for key in sorted(first)]
    parts = (heads[start : start + bulk.LARGEST] for start in range(0, len(heads), bulk.LARGEST))
    return [bulk.inserting(Posting, part, give=("key", "id"), skip_taken=True) for part in parts]


def _new_head(intent: Intent) -> dict[str, Any]:
    return {
        "key": intent.key,
        "kind": intent.kind,
        "actor_id": intent.act.actor.id,
        "reason": intent.reason,
        "effective_at": intent.act.at,
        "recorded_at": intent.act.recorded_at,
        "second_id": intent.act.second.id if intent.act.second else None,
    }


def _accounts(intents: Sequence[Intent]) -> tuple[list[Account], set[Account]]:
    """Every account that the intents name, in order; and those that would receive."""
    moves = [move for intent in intents for move in intent.moves]
    sinks = {move.sink for move in moves if isinstance(move.sink, Account)}
    return sorted(sinks | {move.source for move in moves if isinstance(move.source, Account)}), sinks


def _by_account(accounts: Iterable[Account], found: bulk.Answer) -> Standings:
    """The standings under the accounts as they were given: looking up the same object asks for no comparison."""
    given = {account: account for account in accounts}
    return {
        given[Account(*place)]: Standing(number, q, v, v, bulk.instant(moved), bulk.instant(closed))
        for number, q, v, moved, closed, *place in found
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


def _serials(session: Session, intents: Sequence[Intent], lots: known.Lots) -> serialised.Book:
    moves = [move for intent in intents for move in intent.moves]
    pieces = {move.lot_id: lots[move.lot_id].item for move in moves if lots[move.lot_id].serialised}
    return serialised.opened(session, pieces, (serial for move in moves for serial in move.which.named))


def _settle_heads(session: Session, numbers: dict[str, int], intents: Sequence[Intent], done: Sequence[Done]) -> None:
    """Make the claimed keys those of the postings that were done: the heads of refused ones go again."""
    first = {intent.key: intent for intent in reversed(intents)}
    stays = {one.intent.key for one in done if first[one.intent.key] is one.intent}
    refused = [{"id": number} for key, number in numbers.items() if key not in stays]
    if refused:
        bulk.tell(session, bulk.Question(_WITHDRAW, "id bigint", refused))
    later = [_new_head(replace(one.intent, act=one.act)) for one in done if one.intent.key not in stays]
    stamped = [
        {"id": numbers[one.intent.key], "at": one.act.at}
        for one in done
        if one.intent.key in stays and one.act is not one.intent.act
    ]
    if stamped:
        bulk.tell(session, bulk.Question(_STAMP, "id bigint, at timestamptz", stamped, changes=len(stamped)))
    if later:
        numbers |= dict(bulk.insert(session, Posting, later, give=("key", "id")))


def _keep(
    session: Session,
    numbers: dict[str, int],
    standings: Iterable[Standing],
    done: Sequence[Done],
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
    for kind, count in Counter(one.intent.kind for one in done).items():
        count_on_commit(session.info, "stockpile_postings_total", count, kind=kind)
    count_on_commit(session.info, "stockpile_movements_total", len(rows))


def _store(session: Session, standings: Iterable[Standing], rows: list[dict[str, Any]], told: Told) -> None:
    changed = sorted((s for s in standings if s.version != s.version_before), key=lambda s: s.id)
    values = [
        {
            "id": s.id,
            "before": s.version_before,
            "quantity": s.quantity,
            "version": s.version,
            "moved_at": s.moved_at,
        }
        for s in changed
    ]
    if values:
        bulk.tell(session, bulk.Question(_CHANGE, _CHANGED, values, changes=len(values)))
    bulk.insert(session, Movement, rows, told=told)


def _note(one: Done) -> journal.Note:
    intent, number = one.intent, one.rows[0]["posting_id"]
    payload = {
        "posting": number,
        "kind": intent.kind,
        "key": intent.key,
        "moves": len(one.rows),
        "digest": proof.digest(one.rows, _places(one)),
    }
    payload |= proof.given(intent.kind, intent.reason)
    if intent.act.second is not None:
        payload["second"] = intent.act.second.id
    if one.serials:
        payload["serials"] = {str(line): serials for line, serials in one.serials.items()}
    return journal.Note(one.act, "stock.post", f"posting:{number}", payload, intent.reason)


def _places(one: Done) -> dict[int, str]:
    """What each balance of a posting stands for, by its number."""
    return {
        row[f"{side}_balance_id"]: proof.place(end.lot_id, end.site, end.owner, end.status)
        for move, row in zip(one.intent.moves, one.rows, strict=True)
        for side, end in (("from", move.source), ("to", move.sink))
        if isinstance(end, Account)
    }


def _answers(session: Session, numbers: dict[str, int], outcomes: Sequence[Outcome]) -> list[int | Refusal]:
    lots: dict[int | None, Lot] = {}
    short = sorted({one.place.lot_id for one in outcomes if isinstance(one, Short)})
    for start in range(0, len(short), bulk.LARGEST):
        query = select(Lot).where(col(Lot.id).in_(short[start : start + bulk.LARGEST]))
        lots |= {lot.id: lot for lot in session.exec(query)}
    answers: list[int | Refusal] = []
    for one in outcomes:
        if isinstance(one, Done):
            answers.append(numbers[one.intent.key])
        else:
            answers.append(_shortage(lots[one.place.lot_id], one) if isinstance(one, Short) else one)
    return answers


def _shortage(lot: Lot, short: Short) -> NotEnough:
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


_ACCOUNT: Final = "lot_id bigint, site_code text, owner text, status text"
_JOIN: Final = (
    "{rows} JOIN balance b ON (b.lot_id, b.site_code, b.owner, b.status) = (r.lot_id, r.site_code, r.owner, r.status)"
)
_LOCK: Final = (
    "SELECT b.id, b.quantity, b.version, b.moved_at, (SELECT max(ends_at) FROM period) AS closed_before,"
    f" b.lot_id, b.site_code, b.owner, b.status FROM {_JOIN} ORDER BY b.id {{lock}}"
)
"""Lock what is there; the sort comes before the locks, so they are taken in the order of ids."""
_LOCK_ALL: Final = _LOCK.replace(
    " ORDER BY", f" WHERE (SELECT count(*) FROM {_JOIN}) = (SELECT count(*) FROM {{rows}}) ORDER BY"
)
"""Lock all or none: an account that is not there must be opened before the first lock is taken."""
_CHANGE: Final = (
    "UPDATE balance SET quantity = r.quantity, version = r.version, moved_at = r.moved_at FROM {rows}"
    " WHERE balance.id = r.id AND balance.version = r.before"
)
_CHANGED: Final = "id bigint, before bigint, quantity bigint, version bigint, moved_at timestamptz"
_STAMP: Final = "UPDATE posting SET effective_at = r.at FROM {rows} WHERE posting.id = r.id"
_WITHDRAW: Final = "DELETE FROM posting WHERE id IN (SELECT r.id FROM {rows})"
