"""What staff record at scan speed, by the numbers of lots: received, issued, adjusted, set aside, returned.

Many records are checked against facts read once and posted together, each
accepted or refused on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlmodel import Session

from stockpile import bulk
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import table_of
from stockpile.errors import Conflict, Invalid, Refusal
from stockpile.governance.queries import UnknownMember
from stockpile.governance.rules import require
from stockpile.governance.tables import Member
from stockpile.inventory import eligibility, ledger, room, rules
from stockpile.inventory.keeping import ReceivingRule
from stockpile.inventory.queries import UnknownLot, UnknownSite, restrictions
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Lot, Site

RECEIVE: Final = "receive"
ISSUE: Final = "issue"
ADJUST: Final = "adjust"
SET_ASIDE: Final = "set_aside"
RETURN: Final = "return"


class Line(NamedTuple):
    """Base units of a lot; where adjusted: found (more than 0) or lost (less). `owner`: the pool, or a member.

    `serials`: of a serialised item, the pieces that these are. `document`: what
    paper it stands on. `origin`: the site that a return comes from.
    """

    lot_id: int
    quantity: int
    owner: str = rules.POOL
    status: str = rules.AVAILABLE
    document: str = ""
    origin: str = ""
    serials: tuple[str, ...] = ()


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
    """The lot may not be used here: on hold, recalled, expired, not licensed, or restricted to others."""

    code = "lot_not_usable"


class Expired(Invalid):
    """A lot past its expiry is not taken into stock."""

    code = "expired"


@dataclass(frozen=True, slots=True)
class _LotFacts:
    """A lot; what restricts it and where its item is licensed are read for issues alone."""

    id: int
    item: str
    expiry: date
    on_hold: bool
    code: str
    recalled: bool
    needs_release: bool
    cold_chain: bool
    controlled: bool
    restrictions: tuple[eligibility.Restriction, ...] = ()
    countries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _SiteFacts:
    code: str
    kind: str
    time_zone: str
    country: str
    release_cold_chain: bool
    release_controlled: bool


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
    session: Session, records: Sequence[Record], *, told: ledger.Told | None = None, rehearsal: bool = False
) -> list[int | Refusal]:
    """Post each record whole or not at all, as if one after the other; its posting's number, or why it is refused.

    Refuses, naming the line: a right that is missing; an unknown site, lot or
    owner; a lot that is expired or on hold where that matters; a posting under
    a key posted before; more than is there. `told` and `rehearsal` as in
    `ledger.post_each`.
    """
    facts = _facts(session, records)
    checked = _with_room(session, records, [_checked(one, facts) for one in records])
    intents = [one for one in checked if isinstance(one, ledger.Intent)]
    posted = iter(ledger.post_each(session, intents, told=told, rehearsal=rehearsal) if intents else ())
    return [one if isinstance(one, Refusal) else next(posted) for one in checked]


def _facts(session: Session, records: Sequence[Record]) -> _Facts:
    lines = [line for one in records for line in one.lines]
    owners = {line.owner for line in lines} - {rules.POOL}
    places = {one.site for one in records} | {line.origin for line in lines if line.origin}
    connection = session.connection()
    sites = _found(connection, _SITES, places)
    lots = _found(connection, _LOTS, {line.lot_id for line in lines})
    members = _found(connection, _MEMBERS, owners)
    found = {row.id: _LotFacts(*row) for row in lots}
    if any(one.kind == ISSUE for one in records):
        found = _with_conditions(session, found)
    return _Facts({row.code: _SiteFacts(*row) for row in sites}, found, frozenset(row.code for row in members))


def _with_conditions(session: Session, lots: dict[int, _LotFacts]) -> dict[int, _LotFacts]:
    restricted, licences = restrictions(session, lots), catalogue.licences(session)
    return {
        number: replace(
            lot,
            restrictions=restricted.get(number, ()),
            countries=frozenset(country for item, country in licences if item == lot.item),
        )
        for number, lot in lots.items()
    }


def _found(connection: Connection, query: Any, wanted: Collection[Any]) -> list[Any]:
    """The rows of those wanted that are there; a statement takes only so many at a time."""
    listed = list(wanted)
    return [
        row
        for start in range(0, len(listed), bulk.LARGEST)
        for row in connection.execute(query, {"wanted": listed[start : start + bulk.LARGEST]})
    ]


_Checked = ledger.Intent | Refusal


def _with_room(session: Session, records: Sequence[Record], checked: list[_Checked]) -> list[_Checked]:
    """What was checked, with the refusal of every receipt that finds no room at its site after those before it."""
    limited = room.limited(session, {one.site for one in records if one.kind == RECEIVE})
    coming: dict[str, list[tuple[Item, int]]] = {site: [] for site in limited}
    for at, one in enumerate(records):
        if one.kind != RECEIVE or one.site not in limited or isinstance(checked[at], Refusal):
            continue
        incoming = [(_item_of(session, line.lot_id), line.quantity) for line in one.lines]
        try:
            room.check(session, one.act, site=one.site, incoming=coming[one.site] + incoming)
        except Refusal as refusal:
            checked[at] = refusal
        else:
            coming[one.site] += incoming
    return checked


def _item_of(session: Session, lot_id: int) -> Item:
    return session.get_one(Item, session.get_one(Lot, lot_id).item_code)


_wanted: Final[Any] = bindparam("wanted", expanding=True)
_site, _lots, _member = table_of(Site).c, table_of(Lot).c, table_of(Member).c
_rule, _item = table_of(ReceivingRule).c, table_of(Item).c
_SITES: Final = (
    select(_site.code, _site.kind, _site.time_zone, _site.country, _rule.release_cold_chain, _rule.release_controlled)
    .join_from(table_of(Site), table_of(ReceivingRule), _rule.site_code == _site.code, isouter=True)
    .where(_site.code.in_(_wanted))
)
_LOTS: Final = (
    select(
        _lots.id,
        _lots.item_code,
        _lots.expiry,
        _lots.on_hold,
        _lots.code,
        _lots.recalled,
        _item.needs_release,
        _item.cold_chain,
        _item.controlled,
    )
    .join_from(table_of(Lot), table_of(Item), _item.code == _lots.item_code)
    .where(_lots.id.in_(_wanted))
)
_MEMBERS: Final = select(_member.code).where(_member.code.in_(_wanted))


def _checked(one: Record, facts: _Facts) -> ledger.Intent | Refusal:
    kind = KINDS[one.kind]
    try:
        require(one.act.actor, kind.right, site=one.site)
        site = facts.sites.get(one.site)
        if site is None:
            raise UnknownSite(f"no site has the code {one.site}", field="site", value=one.site)
        if kind.needs_reason and not one.reason.strip():
            raise Invalid(f"{kind.named} needs a reason", field="reason")
        moves = [
            kind.move(site, one.act.at, _lot(line, facts), line, f"line {number}: " if len(one.lines) > 1 else "")
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


def _receive(site: _SiteFacts, at: datetime, lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if site.kind != rules.DEPOT:
        raise Invalid(
            f"{site.code} is a point of use: goods of the pool are received at depots", field="site", value=site.code
        )
    if line.owner != rules.POOL:
        raise Invalid(f"{where}what is received belongs to the pool", field="owner", value=line.owner)
    if not eligibility.lasts(lot.expiry, on=rules.local_day(at, site.time_zone)):
        raise Expired(f"{where}lot {lot.code} expired on {lot.expiry}", field="expiry", lot=lot.id)
    if line.quantity > rules.MOST_UNITS:
        raise Invalid(f"{where}{line.quantity} at once cannot be; the most is {rules.MOST_UNITS}", field="quantity")
    status = rules.QUARANTINE if _waits(site, lot) else line.status
    return _move(line, rules.SUPPLIER, ledger.Account(line.lot_id, site.code, line.owner, status), "unordered")


def _waits(site: _SiteFacts, lot: _LotFacts) -> bool:
    """Whether what comes in of a lot waits in quarantine for a pharmacist's release."""
    by_site = (site.release_cold_chain and lot.cold_chain) or (site.release_controlled and lot.controlled)
    return bool(lot.needs_release or by_site)


def _return(site: _SiteFacts, _at: datetime, _lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if site.kind != rules.DEPOT or line.owner == rules.POOL or line.status != rules.AVAILABLE:
        raise Invalid(f"{where}a return goes from a member's available stock to a depot", field="to_depot")
    source = ledger.Account(line.lot_id, line.origin, line.owner, rules.AVAILABLE)
    return _move(line, source, ledger.Account(line.lot_id, site.code, rules.POOL, rules.QUARANTINE), "return")


def _issue(site: _SiteFacts, at: datetime, lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.owner == rules.POOL or line.status != rules.AVAILABLE:
        raise Invalid(f"{where}what is issued is available and belongs to a member", field="owner", value=line.owner)
    goods = eligibility.Goods(lot.expiry, lot.on_hold, lot.recalled, line.status, line.owner, lot.restrictions)
    wish = eligibility.Wish(licensed=site.country in lot.countries, member=line.owner, country=site.country)
    why = eligibility.obstacle(goods, wish, leaves=at, route=eligibility.here(site.time_zone))
    if why is not None:
        words = eligibility.in_words(why, lot.restrictions)
        raise NotUsable(f"{where}lot {lot.code} is not issued: {words} (expiry {lot.expiry})", lot=lot.id, reason=why)
    return _move(line, _shelf(site, line), rules.CONSUMPTION, "use")


def _adjust(site: _SiteFacts, _at: datetime, _lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.quantity == 0:
        raise Invalid(f"{where}an adjustment of nothing", field="change")
    shelf = _shelf(site, line)
    if line.quantity > 0:
        return _move(line, rules.LOSS, shelf, "adjustment")
    return _move(line, shelf, rules.LOSS, "adjustment")


def _set_aside(site: _SiteFacts, _at: datetime, _lot: _LotFacts, line: Line, where: str) -> ledger.Move:
    if line.status != rules.AVAILABLE:
        raise Invalid(f"{where}only available stock is set aside", field="status", value=line.status)
    apart = ledger.Account(line.lot_id, site.code, line.owner, rules.QUARANTINE)
    return _move(line, _shelf(site, line), apart, "set_aside")


def _shelf(site: _SiteFacts, line: Line) -> ledger.Account:
    return ledger.Account(line.lot_id, site.code, line.owner, line.status)


def _move(line: Line, source: ledger.Account | str, sink: ledger.Account | str, document: str) -> ledger.Move:
    if line.quantity <= 0 and document != "adjustment":
        raise Invalid("give more than nothing; only an adjustment may be less", field="quantity", value=line.quantity)
    return ledger.Move(line.lot_id, abs(line.quantity), source, sink, line.document or document, Which(line.serials))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What may be recorded: the right it takes, the kind of posting it makes, and the move of one line."""

    right: str
    posting: str
    named: str
    needs_reason: bool
    move: Callable[[_SiteFacts, datetime, _LotFacts, Line, str], ledger.Move]


KINDS: Final = {
    RECEIVE: _Kind("stock.receive", "receipt", "a receipt", False, _receive),
    ISSUE: _Kind("stock.issue", "issue", "an issue", False, _issue),
    ADJUST: _Kind("stock.adjust", "adjustment", "an adjustment", True, _adjust),
    SET_ASIDE: _Kind("stock.adjust", "set_aside", "setting stock aside", True, _set_aside),
    RETURN: _Kind("stock.return", "return", "a return", True, _return),
}
"""Kinds of records. None of them releases stock from quarantine: that is another person's decision."""
