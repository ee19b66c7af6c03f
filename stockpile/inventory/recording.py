"""What staff record at scan speed, by the numbers of lots: received, issued, adjusted, set aside, returned.

Many records are checked against facts read once and posted together, each
accepted or refused on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlmodel import Session

from stockpile import bulk
from stockpile.actor import Act
from stockpile.catalogue.tables import Item
from stockpile.errors import Conflict, Invalid, Refusal
from stockpile.governance.queries import UnknownMember
from stockpile.governance.rules import require
from stockpile.inventory import eligibility, guarding, known, ledger, room, rules
from stockpile.inventory.queries import UnknownLot, UnknownSite
from stockpile.inventory.serialised import AS_IT_STANDS, Which
from stockpile.inventory.tables import Lot

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
class _Facts:
    """What the records name, as far as it is there; `conditions` are those of what is issued alone."""

    sites: dict[str, known.SiteFacts]
    members: frozenset[str]
    conditions: known.Conditions
    guards: guarding.Guards


def record(session: Session, one: Record) -> int:
    """Post one record; returns the posting's number or raises why it is refused."""
    outcome = record_each(session, [one])[0]
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def record_each(
    session: Session,
    records: Sequence[Record],
    *,
    told: ledger.Told | None = None,
    rehearsal: bool = False,
    found: Sequence[bulk.Answer] | None = None,
) -> list[int | Refusal]:
    """Post each record whole or not at all, as if one after the other; its posting's number, or why it is refused.

    Refuses, naming the line: a right that is missing; an unknown site, lot or
    owner; a lot that is expired or on hold where that matters; a posting under
    a key posted before; more than is there. `told` and `rehearsal` as in
    `ledger.post_each`. `found` are the answers to `asking`, where they have
    been asked in this transaction.
    """
    session.flush()
    facts = _facts(found or bulk.ask(session, asking(records)))
    checked = _with_room(session, records, [_checked(one, facts) for one in records], facts)
    intents = [one for one in checked if isinstance(one, ledger.Intent)]
    posted: Iterator[int | Refusal] = iter(())
    if intents:
        posted = iter(ledger.post_each(session, intents, told=told, rehearsal=rehearsal, guards=facts.guards))
    return [one if isinstance(one, Refusal) else next(posted) for one in checked]


class Wanted(Protocol):
    """What names a site and lots: a record, or what is to become one."""

    @property
    def kind(self) -> str:
        """One of KINDS."""

    @property
    def site(self) -> str:
        """Where."""

    @property
    def lines(self) -> Sequence[Line]:
        """Of what."""


def asking(records: Sequence[Wanted]) -> list[bulk.Question]:
    """What `record_each` wants to know first of all that is named: sites, members, conditions, lots, limits."""
    lines = [line for one in records for line in one.lines]
    owners = {line.owner for line in lines} - {rules.POOL}
    issued = {line.lot_id for one in records if one.kind == ISSUE for line in one.lines}
    return [
        known.asking_sites({one.site for one in records}),
        bulk.Question(_MEMBERS, "code text", [{"code": code} for code in sorted(owners)]),
        *known.asking_conditions(issued),
        *guarding.asking({line.lot_id for line in lines}),
    ]


_MEMBERS: Final = "SELECT m.code FROM {rows} JOIN member m ON m.code = r.code"


def _facts(found: Sequence[bulk.Answer]) -> _Facts:
    sites, members, restricted, licensed, *guards = found
    return _Facts(
        known.sites(sites),
        frozenset(code for (code,) in members),
        known.conditions(restricted, licensed),
        guarding.read(guards),
    )


_Checked = ledger.Intent | Refusal


def _with_room(session: Session, records: Sequence[Record], checked: list[_Checked], facts: _Facts) -> list[_Checked]:
    """What was checked, with the refusal of every receipt that finds no room at its site after those before it."""
    limited = {code for code, site in facts.sites.items() if site.limited}
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


class _Here(NamedTuple):
    """Where and when a record is made, and the conditions of what is issued."""

    site: known.SiteFacts
    at: datetime
    conditions: known.Conditions


def _checked(one: Record, facts: _Facts) -> ledger.Intent | Refusal:
    kind = KINDS[one.kind]
    try:
        require(one.act.actor, kind.right, site=one.site)
        site = facts.sites.get(one.site)
        if site is None:
            raise UnknownSite(f"no site has the code {one.site}", field="site", value=one.site)
        if kind.needs_reason and not one.reason.strip():
            raise Invalid(f"{kind.named} needs a reason", field="reason")
        here = _Here(site, one.act.at, facts.conditions)
        moves = [
            kind.move(here, _lot(line, facts), line, f"line {number}: " if len(one.lines) > 1 else "")
            for number, line in enumerate(one.lines, start=1)
        ]
    except Refusal as refusal:
        return refusal
    return ledger.Intent(one.act, kind.posting, one.key, moves, one.reason)


def _lot(line: Line, facts: _Facts) -> known.LotFacts:
    lot = facts.guards.lots.get(line.lot_id)
    if lot is None:
        raise UnknownLot(f"there is no lot {line.lot_id}", field="lot_id", value=line.lot_id)
    if line.owner != rules.POOL and line.owner not in facts.members:
        raise UnknownMember(f"no member has the code {line.owner}", field="member", value=line.owner)
    return lot


def _receive(here: _Here, lot: known.LotFacts, line: Line, where: str) -> ledger.Move:
    site = here.site
    if site.kind != rules.DEPOT:
        raise Invalid(
            f"{site.code} is a point of use: goods of the pool are received at depots", field="site", value=site.code
        )
    if line.owner != rules.POOL:
        raise Invalid(f"{where}what is received belongs to the pool", field="owner", value=line.owner)
    if not eligibility.lasts(lot.expiry, on=rules.local_day(here.at, site.time_zone)):
        raise Expired(f"{where}lot {lot.lot} expired on {lot.expiry}", field="expiry", lot=lot.lot_id)
    if line.quantity > rules.MOST_UNITS:
        raise Invalid(f"{where}{line.quantity} at once cannot be; the most is {rules.MOST_UNITS}", field="quantity")
    status = rules.QUARANTINE if _waits(site, lot) else line.status
    return _move(line, rules.SUPPLIER, ledger.Account(line.lot_id, site.code, line.owner, status), "unordered")


def _waits(site: known.SiteFacts, lot: known.LotFacts) -> bool:
    """Whether what comes in of a lot waits in quarantine for a pharmacist's release."""
    by_site = (site.release_cold_chain and lot.cold_chain) or (site.release_controlled and lot.controlled)
    return lot.needs_release or by_site


def _return(here: _Here, _lot: known.LotFacts, line: Line, where: str) -> ledger.Move:
    if here.site.kind != rules.DEPOT or line.owner == rules.POOL or line.status != rules.AVAILABLE:
        raise Invalid(f"{where}a return goes from a member's available stock to a depot", field="to_depot")
    source = ledger.Account(line.lot_id, line.origin, line.owner, rules.AVAILABLE)
    return _move(line, source, ledger.Account(line.lot_id, here.site.code, rules.POOL, rules.QUARANTINE), "return")


def _issue(here: _Here, lot: known.LotFacts, line: Line, where: str) -> ledger.Move:
    if line.owner == rules.POOL or line.status != rules.AVAILABLE:
        raise Invalid(f"{where}what is issued is available and belongs to a member", field="owner", value=line.owner)
    site, restrictions = here.site, here.conditions.restrictions.get(lot.lot_id, ())
    goods = eligibility.Goods(lot.expiry, lot.on_hold, lot.recalled, line.status, line.owner, restrictions)
    licensed = site.country in here.conditions.countries.get(lot.lot_id, ())
    wish = eligibility.Wish(licensed=licensed, member=line.owner, country=site.country)
    why = eligibility.obstacle(goods, wish, leaves=here.at, route=eligibility.here(site.time_zone))
    if why is not None:
        words = eligibility.in_words(why, restrictions)
        told = f"{where}lot {lot.lot} is not issued: {words} (expiry {lot.expiry})"
        raise NotUsable(told, lot=lot.lot_id, reason=why)
    return _move(line, _shelf(site, line), rules.CONSUMPTION, "use")


def _adjust(here: _Here, _lot: known.LotFacts, line: Line, where: str) -> ledger.Move:
    if line.quantity == 0:
        raise Invalid(f"{where}an adjustment of nothing", field="change")
    shelf = _shelf(here.site, line)
    if line.quantity > 0:
        return _move(line, rules.LOSS, shelf, "adjustment")
    return _move(line, shelf, rules.LOSS, "adjustment")


def _set_aside(here: _Here, _lot: known.LotFacts, line: Line, where: str) -> ledger.Move:
    if line.status != rules.AVAILABLE:
        raise Invalid(f"{where}only available stock is set aside", field="status", value=line.status)
    apart = ledger.Account(line.lot_id, here.site.code, line.owner, rules.QUARANTINE)
    return _move(line, _shelf(here.site, line), apart, "set_aside")


def _shelf(site: known.SiteFacts, line: Line) -> ledger.Account:
    return ledger.Account(line.lot_id, site.code, line.owner, line.status)


def _move(line: Line, source: ledger.Account | str, sink: ledger.Account | str, document: str) -> ledger.Move:
    if line.quantity <= 0 and document != "adjustment":
        raise Invalid("give more than nothing; only an adjustment may be less", field="quantity", value=line.quantity)
    which = Which(line.serials) if line.serials else AS_IT_STANDS
    return ledger.Move(line.lot_id, abs(line.quantity), source, sink, line.document or document, which)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What may be recorded: the right it takes, the kind of posting it makes, and the move of one line."""

    right: str
    posting: str
    named: str
    needs_reason: bool
    move: Callable[[_Here, known.LotFacts, Line, str], ledger.Move]


KINDS: Final = {
    RECEIVE: _Kind("stock.receive", "receipt", "a receipt", False, _receive),
    ISSUE: _Kind("stock.issue", "issue", "an issue", False, _issue),
    ADJUST: _Kind("stock.adjust", "adjustment", "an adjustment", True, _adjust),
    SET_ASIDE: _Kind("stock.adjust", "set_aside", "setting stock aside", True, _set_aside),
    RETURN: _Kind("stock.return", "return", "a return", True, _return),
}
"""Kinds of records. None of them releases stock from quarantine: that is another person's decision."""
