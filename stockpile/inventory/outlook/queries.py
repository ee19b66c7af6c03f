"""Available-to-promise by date, and the work list of what expires soon."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts.rules import OPEN_STATES
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, PriceTier
from stockpile.contracts.terms import queries as agreed
from stockpile.db import table_of
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.eligibility import lasts
from stockpile.inventory.outlook import rules
from stockpile.inventory.tables import Balance, Lot, Movement, Site, Transfer, TransferLine


@dataclass(frozen=True, slots=True)
class Expiring:
    """A lot at a depot that expires soon, and what to do about it.

    `value_minor` at the contract's price in minor units of `currency`; None: no contract has a price.
    """

    lot_id: int
    item: str
    item_name: str
    lot: str
    site: str
    expiry: date
    days_left: int
    quantity: int
    value_minor: int | None
    currency: str
    use: rules.BestUse


@dataclass(slots=True)
class _Ground:
    """What the best use of many lots is worked out from; needs and routine use shrink as lots take them."""

    at: datetime
    items: dict[str, Item]
    sites: dict[str, Site]
    routes: dict[tuple[str, str], stock.Route]
    licences: frozenset[tuple[str, str]]
    prices: dict[str, rules.Price]
    offers: dict[int, list[rules.Offer]]
    needs: dict[str, list[rules.Need]]
    rotated: Counter[str]


def promise(session: Session, *, item: str, by: date) -> rules.Promise:
    """What can be promised of an item by a date; `expiring` is what is no longer usable then (use time counted in)."""
    use_days = catalogue.item(session, item).use_days
    standing = _standing(session, item)
    available = [row for row in standing if row[0] == stock.AVAILABLE]
    picked, lapsing = _reservations(session, item=item, by=by)
    return rules.Promise(
        on_hand=sum(quantity for _, _, _, quantity in available),
        reserved=sum(quantity for status, _, _, quantity in standing if status == stock.RESERVED),
        held=sum(quantity for _, _, held, quantity in available if held),
        expiring=sum(q for _, expiry, held, q in available if not held and not lasts(expiry, on=by, use_days=use_days)),
        floor=inventory.floors(session, by).get(item, 0),
        inbound=_inbound(session, item=item, by=by),
        picked=picked,
        lapsing=lapsing,
    )


def expiring(session: Session, *, at: datetime, within_days: int, needs: Sequence[rules.Need]) -> list[Expiring]:
    """Lots of the pool that expire within so many days, the most valuable first, each with its best use.

    `needs`: validated need that nobody has served, most urgent first; each unit
    of need and of routine use is counted for one lot, the first to expire. What
    may go where is what `eligibility.obstacle` says.
    """
    ground = _ground(session, at, needs)
    found = []
    for row in inventory.pool_stock(session):
        today = stock.local_day(at, ground.sites[row.site].time_zone)
        days_left = eligibility.days_left(row.expiry, on=today)
        if days_left <= within_days:
            found.append(_expiring(ground, row, days_left))
    return sorted(found, key=lambda one: (-(one.value_minor or 0), one.expiry, one.lot_id, one.site))


def _ground(session: Session, at: datetime, needs: Sequence[rules.Need]) -> _Ground:
    items, today = catalogue.items(session), governance.local_day(session, at)
    by_item: dict[str, list[rules.Need]] = defaultdict(list)
    for need in needs:
        by_item[need.item].append(need)
    return _Ground(
        at=at,
        items=items,
        sites=inventory.sites(session),
        routes=inventory.routes(session),
        licences=catalogue.licences(session),
        prices=prices(session, items),
        offers=_offers(session, today),
        needs=dict(by_item),
        rotated=Counter(),
    )


def _expiring(ground: _Ground, row: inventory.Stock, days_left: int) -> Expiring:
    item, price = ground.items[row.item], ground.prices.get(row.item)
    usable = inventory.usable(row.goods(), ground.at, ground.sites[row.site].time_zone)
    routine = rules.routine_use(
        milli_per_day=item.baseline_milli_per_day if usable else 0,
        days=days_left - item.use_days,
        spoken_for=ground.rotated[item.code],
    )
    offers = [] if row.recalled else [one for one in ground.offers.get(row.lot_id, []) if days_left >= one.from_days]
    use = rules.best_use(
        quantity=row.quantity,
        needs=[need for need in ground.needs.get(item.code, []) if _serves(ground, row, need)],
        routine=routine,
        offers=offers,
        price=price,
    )
    ground.rotated[item.code] += use.rotate
    _take_off(ground, row, use)
    return Expiring(
        lot_id=row.lot_id,
        item=row.item,
        item_name=item.name,
        lot=row.lot,
        site=row.site,
        expiry=row.expiry,
        days_left=days_left,
        quantity=row.quantity,
        value_minor=price.of(row.quantity) if price else None,
        currency=price.currency if price else "",
        use=use,
    )


def _serves(ground: _Ground, row: inventory.Stock, need: rules.Need) -> bool:
    item, place = ground.items[row.item], ground.sites[need.place]
    wish = eligibility.Wish(
        licensed=(row.item, place.country) in ground.licences,
        need_by=need.need_by or eligibility.WHENEVER,
        use_days=item.use_days,
        cold_chain=item.cold_chain,
        cold_store=place.cold_store,
        member=need.member,
        country=place.country,
    )
    route = ground.routes.get((row.site, need.place))
    return eligibility.obstacle(row.goods(), wish, leaves=ground.at, route=route) is None


def _take_off(ground: _Ground, row: inventory.Stock, use: rules.BestUse) -> None:
    """What a lot is moved for is no need of the next one; what one supplier buys back of it is bought back once."""
    given = {(one.to, one.member): one.quantity for one in use.parts if one.action == rules.MOVE}
    left = [
        replace(need, quantity=need.quantity - given.get((need.place, need.member), 0))
        for need in ground.needs.get(row.item, [])
    ]
    ground.needs[row.item] = [need for need in left if need.quantity > 0]
    back = use.give_back
    offers = []
    for offer in sorted(ground.offers.get(row.lot_id, []), key=lambda one: -one.percent):
        part = min(back, offer.quantity)
        offers.append(replace(offer, quantity=offer.quantity - part))
        back -= part
    ground.offers[row.lot_id] = offers


def _standing(session: Session, item: str) -> list[tuple[str, date, bool, int]]:
    b, lot, site = table_of(Balance).c, table_of(Lot).c, table_of(Site).c
    query = (
        select_columns(b.status, lot.expiry, or_(lot.on_hold, lot.recalled), func.sum(b.quantity))
        .join_from(table_of(Balance), table_of(Lot), lot.id == b.lot_id)
        .join(table_of(Site), site.code == b.site_code)
        .where(lot.item_code == item, b.owner == stock.POOL, site.kind == stock.DEPOT, b.quantity > 0)
        .group_by(b.status, lot.expiry, lot.on_hold, lot.recalled)
    )
    return [
        (status, expiry, bool(held), int(quantity))
        for status, expiry, held, quantity in session.connection().execute(query)
    ]


def _reservations(session: Session, *, item: str, by: date) -> tuple[int, int]:
    """Base units reserved and picked, and those whose reservation ends by that day."""
    query = (
        select(Transfer.picked_at, Transfer.expires_at, TransferLine.quantity - TransferLine.cancelled)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .where(Lot.item_code == item, Transfer.state == stock.APPROVED)
    )
    picked = lapsing = 0
    for picked_at, expires_at, quantity in session.exec(query):
        picked += int(quantity) if picked_at else 0
        lapsing += int(quantity) if not picked_at and expires_at and expires_at.date() <= by else 0
    return picked, lapsing


def _inbound(session: Session, *, item: str, by: date) -> int:
    query = (
        select(
            CallOff.expected_at, CallOff.confirmed_for, CallOffLine.quantity - CallOffLine.received - CallOffLine.closed
        )
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(CallOffLine.item_code == item, col(CallOff.state).in_(OPEN_STATES))
    )
    coming = [(confirmed or due, int(quantity)) for due, confirmed, quantity in session.exec(query)]
    return sum(quantity for at, quantity in coming if at and at.date() <= by)


def prices(session: Session, items: Mapping[str, Item]) -> dict[str, rules.Price]:
    """The lowest first-tier price of each item and its currency."""
    query = (
        select(PriceTier.item_code, PriceTier.pack_price_minor, Contract.currency)
        .join(Contract, col(Contract.code) == col(PriceTier.contract_code))
        .where(PriceTier.from_packs == 1)
        .order_by(col(PriceTier.pack_price_minor).desc(), col(Contract.code))
    )
    return {item: rules.Price(int(price), items[item].pack_size, money) for item, price, money in session.exec(query)}


def _offers(session: Session, today: date) -> dict[int, list[rules.Offer]]:
    """What the suppliers of lots buy back, by lot: as much as came under a contract that is valid and says so."""
    m = table_of(Movement).c
    came = (
        select_columns(m.lot_id, m.document, func.sum(m.quantity))
        .where(m.from_external == stock.SUPPLIER, m.document.like("calloff_line:%"))
        .group_by(m.lot_id, m.document)
        .order_by(m.lot_id, m.document)
    )
    terms = _buy_back(session, today)
    found: dict[int, list[rules.Offer]] = defaultdict(list)
    for lot_id, document, quantity in session.connection().execute(came):
        if (offer := terms.get(document)) is not None:
            found[lot_id].append(replace(offer, quantity=int(quantity)))
    return dict(found)


def _buy_back(session: Session, today: date) -> dict[str, rules.Offer]:
    """The terms of buying back what came on each call-off line, named as movements name it."""
    query = (
        select(CallOffLine, CallOff, Contract)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .join(Contract, col(Contract.code) == col(CallOff.contract_code))
        .where(Contract.ends >= today)
    )
    found = {}
    for line, order, contract in session.exec(query):
        said = agreed.line_terms(session, contract.code, line.item_code, version=order.contract_version)
        if said is not None and said.buy_back_percent is not None:
            percent, days = said.buy_back_percent, said.buy_back_days or 0
            found[f"calloff_line:{line.id}"] = rules.Offer(contract.supplier_code, contract.code, 0, percent, days)
    return found
