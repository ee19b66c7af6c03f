"""From the database to the optimizer's problem: one predicate decides which lot may serve which request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session

from optimizer.allocation.problem import (
    Buffer,
    Claim,
    ClaimFacts,
    DispatchLimit,
    Drop,
    ItemPolicy,
    Lane,
    LaneLimit,
    Lot,
    Pool,
    Problem,
    StorageLimit,
    Substitute,
)
from stockpile.allocation import rules, standins
from stockpile.allocation.carrying import queries as carrying
from stockpile.allocation.policies import queries as policies
from stockpile.allocation.policies.rules import InForce
from stockpile.allocation.promises import queries as promises
from stockpile.allocation.promises.rules import spread
from stockpile.allocation.tables import Request
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility
from stockpile.inventory import queries as inventory
from stockpile.inventory.eligibility import Wish
from stockpile.inventory.queries import Stock
from stockpile.inventory.rules import Route
from stockpile.inventory.tables import Site

_STEPS: Final = tuple(eligibility.OBSTACLES)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem and what its ids stand for.

    `unreachable`: why no lawful stock can reach a request, by its number. `kept`: base units of the pool that may not
    serve a request, by its number and the reason; `barred`: the same lot by lot, by (lot, drop) of the problem.
    `policies`: by item, the one that counts. `owed`: what members are still entitled to in this surge, in base units,
    by (member, item).
    """

    problem: Problem
    at: datetime
    requests: dict[int, Request]
    unreachable: dict[int, str]
    kept: dict[int, dict[str, int]]
    barred: dict[tuple[str, str], str]
    stock: dict[str, Stock]
    items: dict[str, Item]
    routes: dict[tuple[str, str], Route]
    policies: dict[str, InForce]
    owed: dict[tuple[str, str], int]


@dataclass(slots=True)
class _Ground:
    at: datetime
    items: dict[str, Item]
    sites: dict[str, Site]
    routes: dict[tuple[str, str], Route]
    licences: frozenset[tuple[str, str]]
    floors: dict[str, int]
    stock: dict[str, list[Stock]]
    owed: dict[tuple[str, str], int]
    buffers: dict[tuple[str, str], int]
    carried: dict[tuple[str, str], int] = field(default_factory=dict)
    offers: list[Substitute] = field(default_factory=list)
    unreachable: dict[int, str] = field(default_factory=dict)
    kept: dict[int, dict[str, int]] = field(default_factory=dict)
    barred: dict[tuple[str, str], str] = field(default_factory=dict)


def drop_id(request: Request) -> str:
    """The optimizer's name of a request."""
    return f"r{request.id}"


def claim_id(request: Request) -> str:
    """The optimizer's name of a municipality's claim on an item in one tier."""
    return f"{request.member_code}/{request.priority}"


def supply_id(stock: Stock) -> str:
    """The optimizer's name of a lot at a depot."""
    return f"{stock.lot_id}@{stock.site}"


def take(session: Session, requests: Sequence[Request], *, at: datetime) -> Snapshot:
    """The problem of sharing what the pool has at that instant among these requests (lanes as they leave then)."""
    ground = _ground(session, at)
    if requests:
        ground.owed = promises.owed(session, requests[0].surge_id, governance.local_day(session, at))
    by_item: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_item[request.item_code].append(request)
    counting = _policies(session, ground, requests)
    ground.carried = carrying.left(session, at).limits
    ground.offers = _offers(session, ground, requests, counting)
    fair = {code: code not in counting or counting[code].fair_rule for code in ground.items}
    offered = {one.of for one in ground.offers}
    asked = sorted({*by_item, *offered})
    pools = [_pool(ground, ground.items[code], by_item[code], promised=fair[code]) for code in asked]
    shared = tuple(pool for pool in pools if pool.drops or pool.item in offered)
    return Snapshot(
        problem=_problem(ground, shared, _by_policy(session, ground, shared, by_item, counting)),
        at=at,
        requests={request.id: request for request in requests if request.id is not None},
        unreachable=ground.unreachable,
        kept=ground.kept,
        barred=ground.barred,
        stock={supply_id(stock): stock for stocks in ground.stock.values() for stock in stocks},
        items=ground.items,
        routes=ground.routes,
        policies=counting,
        owed=ground.owed,
    )


def _problem(ground: _Ground, pools: tuple[Pool, ...], named: tuple[ItemPolicy, ...]) -> Problem:
    """The problem with what depots, vehicles and receivers can carry of it that day."""
    limits = ground.carried
    return Problem(
        rule=rules.RULE,
        pools=pools,
        dispatch=tuple(DispatchLimit(site, volume) for (site, member), volume in limits.items() if not member),
        vehicles=tuple(LaneLimit(*place, volume) for place, volume in limits.items() if all(place)),
        storage=tuple(StorageLimit(member, volume) for (site, member), volume in limits.items() if not site),
        substitutes=tuple(ground.offers),
        policies=named,
    )


def _offers(
    session: Session, ground: _Ground, requests: Sequence[Request], counting: Mapping[str, InForce]
) -> list[Substitute]:
    """What pharmacists have approved, for requests that take it, of items that the fair rule shares."""
    taking = [r for r in requests if r.substitutes and counting[r.item_code].fair_rule]
    known = standins.approved(session, [ground.sites[r.point_of_use].country for r in taking], at=ground.at)
    found: list[Substitute] = []
    for request in taking:
        for one in known[ground.sites[request.point_of_use].country].get(request.item_code, ()):
            if one.item not in counting or counting[one.item].fair_rule:
                found += _offered(ground, request, one)
    return sorted(found, key=lambda one: (one.item, one.drop, one.of, one.lot))


def _offered(ground: _Ground, request: Request, one: catalogue.Substitute) -> list[Substitute]:
    """The lots of a substitute that may lawfully and in time reach a request."""
    other, item = ground.items[one.item], ground.items[request.item_code]
    packs, counts_as = standins.ratio(one, of=other, item=item)
    lanes, _ = _lanes(ground, other, ground.stock.get(other.code, []), request, noted=False)
    return [
        Substitute(other.code, lane.lot, item.code, lane.drop, packs, counts_as, lane.cost * packs) for lane in lanes
    ]


def pool_of(
    session: Session, item: Item, requests: Sequence[Request], stocks: Sequence[Stock], *, at: datetime
) -> Pool:
    """One item shared from these stocks alone at that instant, with no reserve floor; requests in their order."""
    ground = _ground(session, at)
    ground.floors, ground.buffers = {}, {}
    ground.carried = carrying.counting(session, governance.local_day(session, at))
    ground.stock = {item.code: list(stocks)}
    return _pool(ground, item, requests)


def claim_facts(
    pool: Pool,
    requests: Sequence[Request],
    *,
    pack_size: int,
    people: Mapping[str, int],
    owed: Mapping[tuple[str, str], int],
) -> tuple[ClaimFacts, ...]:
    """What rules may weigh about each claim: `people` of its municipality, packs asked for, and packs guaranteed."""
    asked: dict[str, int] = defaultdict(int)
    for request in requests:
        asked[claim_id(request)] += -(-request.quantity // pack_size)
    entitled = _entitled(pool.item, pool.claims, pool.needs(), pack_size=pack_size, owed=owed)
    return tuple(
        ClaimFacts(claim.id, people[claim.municipality], asked[claim.id], entitled.get(claim.id, 0))
        for claim in pool.claims
    )


def _entitled(
    item: str,
    claims: Sequence[Claim],
    needs: Mapping[str, int],
    *,
    pack_size: int,
    owed: Mapping[tuple[str, str], int],
) -> dict[str, int]:
    """Whole packs guaranteed to each claim: a member's most urgent claim first, as far as it needs them."""
    found: dict[str, int] = {}
    for member in {claim.municipality for claim in claims if (claim.municipality, item) in owed}:
        mine = sorted((claim for claim in claims if claim.municipality == member), key=lambda one: one.tier)
        packs = spread(owed[member, item] // pack_size, [needs[claim.id] for claim in mine])
        found |= {claim.id: one for claim, one in zip(mine, packs, strict=True) if one}
    return found


def _policies(session: Session, ground: _Ground, requests: Sequence[Request]) -> dict[str, InForce]:
    """The policy that counts for each item asked for; all requests are of one surge."""
    if not requests:
        return {}
    counting = policies.in_force(session, requests[0].surge_id)
    return {code: counting[ground.items[code].priority] for code in sorted({one.item_code for one in requests})}


def _by_policy(
    session: Session,
    ground: _Ground,
    pools: Sequence[Pool],
    requests: Mapping[str, Sequence[Request]],
    counting: Mapping[str, InForce],
) -> tuple[ItemPolicy, ...]:
    """What the problem says of items that are not shared by the fair rule, and asked for: others only stand in."""
    named = [pool for pool in pools if pool.item in counting and not counting[pool.item].fair_rule]
    if not named:
        return ()
    people = {code: member.population for code, member in governance.members(session).items()}
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    found = []
    for pool in named:
        one = counting[pool.item]
        size = sizes[pool.item]
        facts = claim_facts(pool, requests[pool.item], pack_size=size, people=people, owed=ground.owed)
        found.append(ItemPolicy(pool.item, one.policy, one.seed, facts))
    return tuple(found)


def _ground(session: Session, at: datetime) -> _Ground:
    stock: dict[str, list[Stock]] = defaultdict(list)
    for row in inventory.pool_stock(session):
        stock[row.item].append(row)
    return _Ground(
        at=at,
        items=catalogue.items(session),
        sites=inventory.sites(session),
        routes=inventory.routes(session),
        licences=catalogue.licences(session),
        floors=inventory.floors(session, governance.local_day(session, at)),
        stock=dict(stock),
        owed={},
        buffers=promises.buffers(session, governance.local_day(session, at)),
    )


def _pool(ground: _Ground, item: Item, requests: Sequence[Request], *, promised: bool = True) -> Pool:
    stocks = ground.stock.get(item.code, [])
    lanes: list[Lane] = []
    reached: list[Request] = []
    for request in requests:
        found, why = _lanes(ground, item, stocks, request)
        if found or any(one.drop == drop_id(request) for one in ground.offers):
            lanes += found
            reached.append(request)
        else:
            assert request.id is not None
            ground.unreachable[request.id] = why
    used = {lane.lot for lane in lanes} | {one.lot for one in ground.offers if one.of == item.code}
    lots = [_lot(stock, item) for stock in stocks if supply_id(stock) in used]
    drops = tuple(Drop(drop_id(r), claim_id(r), r.validated // item.pack_size) for r in reached)
    return Pool(
        item=item.code,
        shareable_packs=_shareable(ground, item, stocks),
        lots=tuple(lots),
        claims=_claims(item, reached, drops, owed=ground.owed if promised else {}),
        drops=drops,
        lanes=tuple(lanes),
        buffers=tuple(_buffers(ground, item, stocks, used)),
        unit_volume=item.volume_ml if ground.carried else 0,
    )


def _buffers(ground: _Ground, item: Item, stocks: Sequence[Stock], used: set[str]) -> Iterator[Buffer]:
    """What must stay at each depot of what the plan could take; usable stock that it cannot take counts as staying."""
    for (site, code), quantity in sorted(ground.buffers.items()):
        here = [stock for stock in stocks if stock.site == site and code == item.code]
        zone = ground.sites[site].time_zone
        idle = [s for s in here if supply_id(s) not in used and inventory.usable(s.goods(), ground.at, zone)]
        packs = -(-max(0, quantity - sum(stock.quantity for stock in idle)) // item.pack_size)
        if packs and len(idle) < len(here):
            yield Buffer(site, packs)


def _lot(stock: Stock, item: Item) -> Lot:
    return Lot(supply_id(stock), stock.site, stock.expiry, stock.quantity // item.pack_size)


def _shareable(ground: _Ground, item: Item, stocks: Sequence[Stock]) -> int:
    """Packs that may leave with the reserve floor kept; what is not usable where it lies does not count towards it."""
    usable = sum(s.quantity for s in stocks if inventory.usable(s.goods(), ground.at, ground.sites[s.site].time_zone))
    return max(0, usable - ground.floors.get(item.code, 0)) // item.pack_size


def _claims(
    item: Item, requests: Sequence[Request], drops: Sequence[Drop], *, owed: Mapping[tuple[str, str], int]
) -> tuple[Claim, ...]:
    minimums: dict[str, int] = defaultdict(int)
    first: dict[str, Request] = {}
    for request in requests:
        minimums[claim_id(request)] += -(-request.minimum_useful // item.pack_size)
        first.setdefault(claim_id(request), request)
    claims = [Claim(key, one.member_code, one.priority, minimums[key]) for key, one in sorted(first.items())]
    needs: dict[str, int] = defaultdict(int)
    for drop in drops:
        needs[drop.claim] += drop.packs
    entitled = _entitled(item.code, claims, needs, pack_size=item.pack_size, owed=owed)
    return tuple(replace(claim, entitled_packs=entitled.get(claim.id, 0)) for claim in claims)


def _lanes(
    ground: _Ground, item: Item, stocks: Sequence[Stock], request: Request, *, noted: bool = True
) -> tuple[list[Lane], str]:
    """The lanes of the item's lots to a request, or why there is none; `noted`: what bars lots is kept for it."""
    wish, drop, place = _wish(ground, item, request), drop_id(request), request.point_of_use
    lanes: list[Lane] = []
    kept: dict[str, int] = defaultdict(int)
    furthest = -1
    for stock in stocks:
        route = ground.routes.get((stock.site, place))
        why = eligibility.obstacle(stock.goods(), wish, leaves=ground.at, route=route)
        if why is None and stock.quantity >= item.pack_size:
            assert route is not None
            lanes.append(Lane(supply_id(stock), drop, route.cost_minor))
        elif why is not None:
            furthest = max(furthest, _STEPS.index(why))
            kept[why] += stock.quantity
            if noted:
                ground.barred[supply_id(stock), drop] = why
    if noted:
        ground.kept[request.id or 0] = dict(kept)
    return lanes, _STEPS[furthest] if furthest >= 0 else eligibility.NO_STOCK


def _wish(ground: _Ground, item: Item, request: Request) -> Wish:
    place = ground.sites[request.point_of_use]
    return Wish(
        licensed=(item.code, place.country) in ground.licences,
        need_by=request.need_by,
        use_days=item.use_days,
        cold_chain=item.cold_chain,
        cold_store=place.cold_store,
        member=request.member_code,
        country=place.country,
    )
