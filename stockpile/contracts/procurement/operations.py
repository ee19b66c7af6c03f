"""Preparing a tender: plan, specification, lots, members, rubric, publication; and taking in bids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, delete, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.contracts.procurement import queries, rules
from stockpile.contracts.procurement.rules import Criterion
from stockpile.contracts.procurement.tables import (
    Specification,
    SpecificationAnnex,
    Tender,
    TenderBid,
    TenderBidLine,
    TenderBidTier,
    TenderChoice,
    TenderCriterion,
    TenderLot,
    TenderLotItem,
)
from stockpile.contracts.rules import knows_holidays
from stockpile.contracts.tables import Contract, Supplier
from stockpile.db import table_of
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require


class TenderState(Conflict):
    """The tender is not in the state that this needs."""

    code = "tender_state"


class NotReady(Conflict):
    """Something is missing before the tender can be published."""

    code = "tender_not_ready"


class BidLate(Conflict):
    """The time to bid is over, or has not begun."""

    code = "bid_late"


@dataclass(frozen=True, slots=True)
class Need:
    """What a tender is planned for. Money in minor units, days of the calendar; `country` is the lead party's."""

    code: str
    title: str
    need: str
    country: str
    starts: date
    ends: date
    electronic: bool = True
    minimum_order_minor: int = 0
    lead_time_days: int = 0


@dataclass(frozen=True, slots=True)
class Goods:
    """An item of a lot: the packs that bids are compared by, and what an order of it must keep to."""

    item: str
    packs: int
    minimum_packs: int = 1
    pack_multiple: int = 1
    shelf_life_on_delivery_days: int = 0


@dataclass(frozen=True, slots=True)
class Priced:
    """What a bid asks for a pack (minor units), and declares a base unit to emit (milligrams), and on what ground.

    `tiers`: (from so many packs on, the price of every pack), rising from two packs on, no price above the one before.
    """

    item: str
    pack_price_minor: int
    emission_mg: int | None = None
    declaration: str = ""
    tiers: tuple[tuple[int, int], ...] = ()


def plan(session: Session, act: Act, *, need: Need) -> Tender:
    """A planned tender for a need; nothing is published yet."""
    require(act.actor, "tender.prepare")
    if not knows_holidays(need.country):
        raise Invalid(f"no public holidays of {need.country} are known: give a country like BE", field="country")
    if need.starts > need.ends:
        raise Invalid("the contract ends before it starts", field="ends")
    used = session.exec(select(Tender.id).where(Tender.code == need.code)).first()
    if used is not None or session.get(Contract, need.code) is not None:
        raise Conflict(f"the code {need.code} is used already: choose another", field="code", value=need.code)
    given: dict[str, Any] = {name: getattr(need, name) for name in Need.__slots__}
    region = governance.region(session)
    row = Tender(**given, currency=region.currency, planned_by=act.actor.id, planned_at=act.at)
    session.add(row)
    session.flush()
    told = {"title": need.title, "starts": need.starts.isoformat(), "ends": need.ends.isoformat()}
    note(session, act, "plan", row, told, reason=need.need)
    return row


def specify(
    session: Session, act: Act, *, number: int, text: str, rationale: str, annexes: Mapping[str, str]
) -> Specification:
    """A new version of the specification with its annexes by country, and why; until the tender is published."""
    require(act.actor, "tender.prepare")
    found = planned(session, number)
    countries = {member.country for member in governance.members(session).values()}
    unknown = sorted(set(annexes) - countries)
    if unknown:
        raise Invalid(f"no member is of {', '.join(unknown)}", field="annexes", known=sorted(countries))
    version = len(queries.specifications(session, number)) + 1
    row = Specification(
        tender_id=number, version=version, text=text, rationale=rationale, written_by=act.actor.id, written_at=act.at
    )
    session.add(row)
    session.flush()
    session.add_all(
        SpecificationAnnex(tender_id=number, version=version, country=country, text=said)
        for country, said in sorted(annexes.items())
    )
    note(session, act, "specify", found, {"version": version, "text": text, "annexes": dict(annexes)}, reason=rationale)
    return row


def add_lot(
    session: Session, act: Act, *, number: int, lot: str, title: str, maximum_minor: int, goods: Sequence[Goods]
) -> TenderLot:
    """A lot of a planned tender with its items and the most that may be ordered of it."""
    require(act.actor, "tender.prepare")
    found = planned(session, number)
    if any(one.lot == lot for one in queries.lots(session, number)):
        raise Conflict(f"tender {number} has a lot {lot} already", field="lot", value=lot)
    taken = {row.item_code for row in queries.lot_items(session, number)}
    for place, one in enumerate(goods, start=1):
        catalogue.item(session, one.item)
        if one.item in taken:
            raise Invalid(f"row {place}: {one.item} is in a lot already", field="goods", row=place)
        taken.add(one.item)
    row = TenderLot(tender_id=number, lot=lot, title=title, maximum_minor=maximum_minor)
    session.add(row)
    session.add_all(_item(number, lot, one) for one in goods)
    note(session, act, "lot", found, {"lot": lot, "maximum_minor": maximum_minor, "items": [one.item for one in goods]})
    return row


def _item(number: int, lot: str, one: Goods) -> TenderLotItem:
    return TenderLotItem(
        tender_id=number,
        lot=lot,
        item_code=one.item,
        packs=one.packs,
        minimum_packs=one.minimum_packs,
        pack_multiple=one.pack_multiple,
        shelf_life_on_delivery_days=one.shelf_life_on_delivery_days,
    )


def choose(
    session: Session, act: Act, *, number: int, lot: str, member: str, reserved_minor: int, reason: str
) -> TenderChoice:
    """A member takes part in a lot with what it reserves (minor units), or stays out with 0; until publication."""
    require(act.actor, "tender.join", member=member)
    governance.member(session, member)
    found = planned(session, number)
    one = session.get(TenderLot, (number, lot))
    if one is None:
        raise NotFound(f"tender {number} has no lot {lot}", field="lot", value=lot)
    rows = queries.choices(session, number)
    others = sum(row.reserved_minor for row in rows if row.lot == lot and row.member_code != member)
    if others + reserved_minor > one.maximum_minor:
        raise Conflict(
            f"clause K1: others reserve {others} of lot {lot}, with {reserved_minor} that is more than its maximum "
            f"{one.maximum_minor}",
            clause="K1",
            left_minor=one.maximum_minor - others,
        )
    choice = rules.IN if reserved_minor else rules.OUT
    given: dict[str, Any] = {"tender_id": number, "lot": lot, "member_code": member, "choice": choice}
    given |= {"reserved_minor": reserved_minor, "reason": reason, "chosen_by": act.actor.id, "chosen_at": act.at}
    row = session.merge(TenderChoice(**given))
    told = {"lot": lot, "member": member, "choice": choice, "reserved_minor": reserved_minor}
    note(session, act, "choose", found, told, reason=reason)
    return row


def set_rubric(session: Session, act: Act, *, number: int, rubric: Sequence[Criterion]) -> list[Criterion]:
    """The criteria by which bids will be weighed, in the place of those before; their weights add up to 100."""
    require(act.actor, "tender.prepare")
    found = planned(session, number)
    faults = rules.rubric_faults(rubric)
    if faults:
        raise Invalid("; ".join(faults), field="criteria", faults=faults)
    session.exec(delete(TenderCriterion).where(table_of(TenderCriterion).c.tender_id == number))
    for one in rubric:
        named: dict[str, Any] = {"criterion": one.criterion, "title": one.title, "weight": one.weight, "kind": one.kind}
        session.add(TenderCriterion(tender_id=number, **named))
    session.flush()
    note(session, act, "rubric", found, {"criteria": queries.criteria_rows(rubric)})
    return queries.rubric(session, number)


def publish(session: Session, act: Act, *, number: int, closes: datetime) -> Tender:
    """Publish the tender with its newest specification, its rubric and its members; bids may come until `closes`."""
    require(act.actor, "tender.prepare")
    found = planned(session, number)
    missing = _missing(session, number)
    if missing:
        raise NotReady(f"tender {number} cannot be published: {'; '.join(missing)}", missing=missing)
    if closes < act.at + timedelta(days=rules.SHORTEST_DAYS):
        raise Invalid(f"bidders have at least {rules.SHORTEST_DAYS} days", field="closes", days=rules.SHORTEST_DAYS)
    found.state, found.published_at, found.closes = rules.TENDERED, act.at, closes
    found.specification = len(queries.specifications(session, number))
    session.add(found)
    criteria = queries.criteria_rows(queries.rubric(session, number))
    told = {"specification": found.specification, "closes": closes.isoformat(), "criteria": criteria}
    note(session, act, "publish", found, told)
    return found


def _missing(session: Session, number: int) -> list[str]:
    found = [] if queries.specifications(session, number) else ["it has no specification"]
    found += [] if queries.rubric(session, number) else ["it has no rubric"]
    lots = [row.lot for row in queries.lots(session, number)]
    found += [] if lots else ["it has no lot"]
    joined = {row.lot for row in queries.choices(session, number) if row.choice == rules.IN}
    return found + [f"no member takes part in lot {lot}" for lot in lots if lot not in joined]


def bid(
    session: Session, act: Act, *, number: int, lot: str, supplier: str, text: str, prices: Sequence[Priced]
) -> TenderBid:
    """A supplier's sealed bid for a whole lot; a later one of the same supplier takes its place.

    Refuses what comes too late, what leaves an item of the lot without a price, and tiers that do not fall.
    """
    require(act.actor, "tender.bid", member=supplier)
    found = queries.tender(session, number, lock=True)
    if found.state != rules.TENDERED or found.closes is None or act.at >= found.closes:
        over = f"bids came until {found.closes:%Y-%m-%d %H:%M} UTC" if found.closes else "it is not published"
        raise BidLate(f"tender {number} is {found.state}: {over}", state=found.state)
    if session.get(Supplier, supplier) is None:
        raise NotFound(f"there is no supplier {supplier}", field="supplier", value=supplier)
    _require_whole(session, number, lot, prices)
    for earlier in queries.bids(session, number, valid=True):
        if (earlier.lot, earlier.supplier_code) == (lot, supplier):
            earlier.state, earlier.reason = rules.WITHDRAWN, "another bid took its place"
            session.add(earlier)
    row = TenderBid(
        tender_id=number, lot=lot, supplier_code=supplier, text=text, received_by=act.actor.id, received_at=act.at
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    session.add_all(_bid_line(row.id, one) for one in prices)
    session.flush()
    session.add_all(
        TenderBidTier(bid_id=row.id, item_code=one.item, from_packs=start, pack_price_minor=price)
        for one in prices
        for start, price in one.tiers
    )
    note(session, act, "bid", found, {"bid": row.id, "lot": lot, "supplier": supplier})
    return row


def _bid_line(number: int, one: Priced) -> TenderBidLine:
    return TenderBidLine(
        bid_id=number,
        item_code=one.item,
        pack_price_minor=one.pack_price_minor,
        emission_mg=one.emission_mg,
        declaration=one.declaration,
    )


def _require_whole(session: Session, number: int, lot: str, prices: Sequence[Priced]) -> None:
    asked = {row.item_code for row in queries.lot_items(session, number, lot)}
    if not asked:
        raise NotFound(f"tender {number} has no lot {lot}", field="lot", value=lot)
    named = [one.item for one in prices]
    if sorted(named) != sorted(asked):
        missing, more = sorted(asked - set(named)), sorted(set(named) - asked)
        raise Invalid(
            f"a bid prices every item of lot {lot} once; missing: {', '.join(missing) or 'none'}; "
            f"not asked for: {', '.join(more) or 'none'}",
            field="prices",
            missing=missing,
            unasked=more,
        )
    for place, one in enumerate(prices, start=1):
        if one.emission_mg is not None and not one.declaration.strip():
            raise Invalid(f"row {place}: a declared emission names what it rests on", field="declaration", row=place)
        fault = rules.tier_fault(one.pack_price_minor, one.tiers)
        if fault:
            raise Invalid(f"row {place}, {one.item}: {fault}", field="tiers", row=place)


def cancel(session: Session, act: Act, *, number: int, reason: str) -> Tender:
    """Cancel a tender of which nothing has been signed, with the reason that bidders are told."""
    require(act.actor, "tender.close")
    found = queries.tender(session, number, lock=True)
    if found.state in rules.OVER or queries.signed(session, number) or not reason.strip():
        raise TenderState(f"tender {number} is {found.state}: it cannot be cancelled, or no reason is given")
    found.state, found.ended_reason = rules.CANCELLED, reason
    session.add(found)
    note(session, act, "cancel", found, {}, reason=reason)
    return found


def planned(session: Session, number: int) -> Tender:
    """The tender, locked; refuses one that has been published: what bidders were told stays."""
    found = queries.tender(session, number, lock=True)
    if found.state != rules.PLANNED:
        raise TenderState(f"tender {number} is {found.state}: what was published stays as it is", state=found.state)
    return found


def note(session: Session, act: Act, step: str, found: Tender, payload: Mapping[str, Any], *, reason: str = "") -> None:
    """Journal a step of a tender."""
    subject = f"tender:{found.code}"
    journal.record(session, act, action=f"tender.{step}", subject=subject, payload=dict(payload), reason=reason)
