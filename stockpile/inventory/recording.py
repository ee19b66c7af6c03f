"""What staff record at scan speed, by the numbers of lots: received, issued, adjusted, set aside.

Many records are checked against facts read once and posted together, each
accepted or refused on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from sqlmodel import Session

from stockpile import bulk
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid, Refusal
from stockpile.governance.queries import UnknownMember
from stockpile.governance.rules import require
from stockpile.inventory import ledger, rules
from stockpile.inventory.queries import UnknownLot, UnknownSite

RECEIVE: Final = "receive"
ISSUE: Final = "issue"
ADJUST: Final = "adjust"
SET_ASIDE: Final = "set_aside"


@dataclass(frozen=True, slots=True)
class Line:
    """Base units of a lot; where adjusted: found (more than 0) or lost (less). `owner`: the pool, or a member."""

    lot_id: int
    quantity: int
    owner: str = rules.POOL
    status: str = rules.AVAILABLE


@dataclass(frozen=True, slots=True)
class Record:
    """One posting of lines at one site; `kind` is one of KINDS. `key` is unique for ever."""

    act: Act
    kind: str
    site: str
    lines: Sequence[Line]
    key: str
    reason: str = ""


class NotUsable(Conflict):
    """The lot is on hold or expired: it is not issued."""

    code = "lot_not_usable"


class Expired(Invalid):
    """A lot past its expiry is not taken into stock."""

    code = "expired"


@dataclass(frozen=True, slots=True)
class _LotFacts:
    id: int
    expiry: date
    on_hold: bool


@dataclass(frozen=True, slots=True)
class _SiteFacts:
    code: str
    kind: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the records name, as far as it is there."""

    sites: dict[str, _SiteFacts]
    lots: dict[int, _LotFacts]
    members: frozenset[str]


def record(session: Session, one: Record) -> int:
    """Post one record; returns the posting's number or raises why it is refused."""
    outcome = record_each(session, [one])[0]
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def record_each(
    session: Session, records: Sequence[Record], *, found: Sequence[bulk.Answer] | None = None
) -> list[int | Refusal]:
    """Post each record whole or not at all, as if one after the other; its posting's number, or why it is refused.

    Refuses, naming the line: a right that is missing; an unknown site, lot or
    owner; a lot that is expired or on hold where that matters; a posting under
    a key posted before; more than is there. `found` are the answers to
    `asking`, where they have been asked in this transaction.
    """
    facts = _facts(found or bulk.ask(session, asking(records)))
    checked = [_checked(one, facts) for one in records]
    intents = [one for one in checked if isinstance(one, ledger.Intent)]
    posted = iter(ledger.post_each(session, intents) if intents else ())
    return [one if isinstance(one, Refusal) else next(posted) for one in checked]


class Wanted(Protocol):
    """What names a site and lots: a record, or what is to become one."""

    @property
    def site(self) -> str:
        """Where."""

    @property
    def lines(self) -> Sequence[Line]:
        """Of what."""


def asking(records: Sequence[Wanted]) -> list[bulk.Question]:
    """What `record_each` wants to know first: sites, lots and members that are named."""
    lines = [line for one in records for line in one.lines]
    owners = {line.owner for line in lines} - {rules.POOL}
    return [
        bulk.Question(_SITES, "code text", [{"code": code} for code in {one.site for one in records}]),
        bulk.Question(_LOTS, "id bigint", [{"id": number} for number in {line.lot_id for line in lines}]),
        bulk.Question(_MEMBERS, "code text", [{"code": code} for code in owners]),
    ]


def _facts(found: Sequence[bulk.Answer]) -> _Facts:
    sites, lots, members = found
    return _Facts(
        {site[0]: _SiteFacts(*site) for site in sites},
        {number: _LotFacts(number, bulk.day(expiry), bool(on_hold)) for number, expiry, on_hold in lots},
        frozenset(code for (code,) in members),
    )


_SITES: Final = "SELECT s.code, s.kind, s.time_zone FROM {rows} JOIN site s ON s.code = r.code"
_LOTS: Final = "SELECT l.id, l.expiry, l.on_hold FROM {rows} JOIN lot l ON l.id = r.id"
_MEMBERS: Final = "SELECT m.code FROM {rows} JOIN member m ON m.code = r.code"


def _checked(one: Record, facts: _Facts) -> ledger.Intent | Refusal:
    kind = KINDS[one.kind]
    try:
        require(one.act.actor, kind.right, site=one.site)
        site = facts.sites.get(one.site)
        if site is None:
            raise UnknownSite(f"no site has the code {one.site}", field="site", value=one.site)
        if kind.needs_reason and not one.reason.strip():
            raise Invalid(f"{kind.named} needs a reason", field="reason")
        today = rules.local_day(one.act.at, site.time_zone)
        moves = [
            kind.move(site, today, _lot(line, facts), line, f"line {number}: " if len(one.lines) > 1 else "")
            for number, line in enumerate(one.lines, start=1)
        ]
    except Refusal as refusal:
        return refusal
    return ledger.Intent(one.act, kind.posting, one.key, moves, one.reason)


def _lot(line: Line, facts: _Facts) -> _LotFacts:
    lot = facts.lots.get(line.lot_id)
    if lot is None:
        raise UnknownLot(f"there is no lot {line.lot_id}", field="lot_id", value=line.lot_id)
    if line.owner != rules.POOL and line.owner not in facts.members:
        raise UnknownMember(f"no member has the code {line.owner}", field="member", value=line.owner)
    return lot


def _receive(site: _SiteFacts, today: date, lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if site.kind != rules.DEPOT:
        raise Invalid(
            f"{site.code} is a point of use: goods of the pool are received at depots", field="site", value=site.code
        )
    if line.owner != rules.POOL:
        raise Invalid(f"{where}what is received belongs to the pool", field="owner", value=line.owner)
    if lot.expiry < today:
        raise Expired(f"{where}lot {lot.id} expired on {lot.expiry}", field="expiry", lot=lot.id)
    return _move(line, rules.SUPPLIER, _shelf(site, line), "unordered")


def _issue(site: _SiteFacts, today: date, lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.owner == rules.POOL or line.status != rules.AVAILABLE:
        raise Invalid(f"{where}what is issued is available and belongs to a member", field="owner", value=line.owner)
    if lot.on_hold or lot.expiry < today:
        fault = "on hold" if lot.on_hold else f"expired since {lot.expiry}"
        raise NotUsable(f"{where}lot {lot.id} is {fault}: it is not issued", lot=lot.id)
    return _move(line, _shelf(site, line), rules.CONSUMPTION, "use")


def _adjust(site: _SiteFacts, _today: date, _lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.quantity == 0:
        raise Invalid(f"{where}an adjustment of nothing", field="change")
    shelf = _shelf(site, line)
    if line.quantity > 0:
        return _move(line, rules.LOSS, shelf, "adjustment")
    return _move(line, shelf, rules.LOSS, "adjustment")


def _set_aside(site: _SiteFacts, _today: date, _lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.status != rules.AVAILABLE:
        raise Invalid(f"{where}only available stock is set aside", field="status", value=line.status)
    apart = ledger.Account(line.lot_id, site.code, line.owner, rules.QUARANTINE)
    return _move(line, _shelf(site, line), apart, "set_aside")


def _shelf(site: _SiteFacts, line: Line) -> ledger.Account:
    return ledger.Account(line.lot_id, site.code, line.owner, line.status)


def _move(line: Line, source: ledger.Account | str, sink: ledger.Account | str, document: str) -> ledger.Move:
    if line.quantity < 0 and document != "adjustment":
        raise Invalid("only an adjustment may be less than nothing", field="quantity", value=line.quantity)
    return ledger.Move(line.lot_id, abs(line.quantity), source, sink, document)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What may be recorded: the right it takes, the kind of posting it makes, and the move of one line."""

    right: str
    posting: str
    named: str
    needs_reason: bool
    move: Callable[[_SiteFacts, date, _LotFacts, Line, str], ledger.Move]


KINDS: Final = {
    RECEIVE: _Kind("stock.receive", "receipt", "a receipt", False, _receive),
    ISSUE: _Kind("stock.issue", "issue", "an issue", False, _issue),
    ADJUST: _Kind("stock.adjust", "adjustment", "an adjustment", True, _adjust),
    SET_ASIDE: _Kind("stock.adjust", "set_aside", "setting stock aside", True, _set_aside),
}
"""Kinds of records. None of them releases stock from quarantine: that is another person's decision."""
