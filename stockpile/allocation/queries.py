"""Reading surges, requests and plans, and the answer to "why did we get less?"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from stockpile.allocation import rules
from stockpile.allocation.tables import Override, Plan, PlanLine, PlanResult, Request, Surge
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.tables import Member
from stockpile.inventory import queries as inventory
from stockpile.inventory.outlook.rules import Need
from stockpile.inventory.tables import Lot


class UnknownSurge(NotFound):
    """No surge has this number."""

    code = "unknown_surge"


class UnknownRequest(NotFound):
    """No request has this number."""

    code = "unknown_request"


class UnknownPlan(NotFound):
    """No plan has this number."""

    code = "unknown_plan"


class NothingAsked(NotFound):
    """The member has no request for this item in the plan."""

    code = "nothing_asked"


@dataclass(frozen=True, slots=True)
class Fill:
    """Sums over requests, in base units; fills in thousandths over the reachable (municipality, item) pairs."""

    key: str
    asked: int
    validated: int
    shared: int
    lowest_permille: int | None
    median_permille: int | None
    cross_border: int
    unreachable: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another municipality's share of the same item, quantities in base units."""

    member: str
    name: str
    validated: int
    got: int
    permille: int
    tied: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer to "why did we get less?" for one member and item, quantities in base units.

    `better_filled`: up to five with the highest fills; `tied_with`: up to five
    of the `tied_count` that the same stock serves, least filled first. `taken_back`: why some did not leave.
    """

    member: str
    member_name: str
    item: str
    item_name: str
    base_unit: str
    asked: int
    validated: int
    validation: str
    got: int
    permille: int
    code: str
    sentence: str
    rule: str
    method: str
    plan: int
    approved_at: datetime | None
    better_filled: list[Neighbour]
    tied_with: list[Neighbour]
    tied_count: int
    next_delivery_at: datetime | None
    next_delivery_quantity: int
    taken_back: list[str]


def surge(session: Session, number: int) -> Surge:
    """One surge; refuses an unknown number."""
    found = session.get(Surge, number)
    if found is None:
        raise UnknownSurge(f"there is no surge {number}", field="surge", value=number)
    return found


def surges(session: Session, *, after: int = 0, limit: int | None = None) -> list[Surge]:
    """Surges, newest first; `after`: only those older than that one."""
    query = select(Surge).order_by(col(Surge.id).desc()).limit(limit)
    return list(session.exec(query.where(col(Surge.id) < after) if after else query))


def request(session: Session, number: int, *, lock: bool = False) -> Request:
    """One request; refuses an unknown number. `lock` holds it against other writers until the transaction ends."""
    found = requests_by_number(session, [number], lock=lock).get(number)
    if found is None:
        raise UnknownRequest(f"there is no request {number}", field="request", value=number)
    return found


def open_requests(session: Session, surge_id: int, *, at: datetime) -> list[Request]:
    """Validated requests that a plan made at that instant can serve, in the order of their numbers."""
    query = select(Request).where(
        Request.surge_id == surge_id, Request.state == rules.VALIDATED, Request.need_by > at, Request.validated > 0
    )
    return list(session.exec(query.order_by(col(Request.id))))


def requests_by_number(session: Session, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Request]:
    """These requests by number; `lock` holds them, in their order, against other writers."""
    wanted = sorted(numbers)
    found: dict[int, Request] = {}
    for start in range(0, len(wanted), 500):
        query = select(Request).where(col(Request.id).in_(wanted[start : start + 500])).order_by(col(Request.id))
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        found |= {row.id: row for row in session.exec(query) if row.id is not None}
    return found


def waiting(session: Session) -> dict[tuple[str, str, str], int]:
    """Validated need of every request that is still open, by (member, item, point of use), in base units."""
    query = select(Request).where(col(Request.state).in_(rules.OPEN_STATES))
    return {(row.member_code, row.item_code, row.point_of_use): row.validated for row in session.exec(query)}


def plan(session: Session, number: int, *, lock: bool = False) -> Plan:
    """One plan; refuses an unknown number. `lock` holds it against other writers."""
    found = session.get(Plan, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise UnknownPlan(f"there is no plan {number}", field="plan", value=number)
    return found


def plans(session: Session) -> list[Plan]:
    """All plans, newest first; their long files are loaded once they are asked for."""
    files: Any = (Plan.problem, Plan.answer, Plan.chain)
    return list(session.exec(select(Plan).order_by(col(Plan.id).desc()).options(*(defer(one) for one in files))))


def plan_heads(
    session: Session, surge_id: int | None = None, *, after: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Plans without their long files, newest first, all or of one surge; `after`: only those older than that one."""
    columns = [column for column in table_of(Plan).c if column.name not in ("problem", "answer", "chain")]
    query = select_columns(*columns).order_by(col(Plan.id).desc()).limit(limit)
    query = query.where(col(Plan.surge_id) == surge_id) if surge_id else query
    query = query.where(col(Plan.id) < after) if after else query
    return [dict(row._mapping) for row in session.connection().execute(query)]


def waiting_plan(session: Session, surge_id: int) -> int | None:
    """The plan of a surge that waits for its approval."""
    query = select(Plan.id).where(Plan.surge_id == surge_id, Plan.state == rules.COMPUTED)
    return session.exec(query.order_by(col(Plan.id).desc()).limit(1)).first()


def asked_since(session: Session, plan: Plan, *, at: datetime) -> list[int]:
    """Open requests of the plan's surge that it does not look at, by number: made or validated after it."""
    seen = select(PlanResult.request_id).where(PlanResult.plan_id == plan.id)
    open_now = open_requests(session, plan.surge_id, at=at)
    known = set(session.exec(seen))
    return [row.id for row in open_now if row.id is not None and row.id not in known]


def gone_since(session: Session, number: int) -> list[int]:
    """Requests that a plan serves and that are not open any more, by number."""
    query = (
        select(Request.id)
        .join(PlanResult, col(PlanResult.request_id) == col(Request.id))
        .where(PlanResult.plan_id == number, Request.state != rules.VALIDATED)
    )
    return [found for found in session.exec(query.order_by(col(Request.id))) if found is not None]


def plan_lines(session: Session, number: int) -> list[PlanLine]:
    """The lines of a plan."""
    return list(session.exec(select(PlanLine).where(PlanLine.plan_id == number).order_by(col(PlanLine.id))))


def plan_results(session: Session, number: int) -> list[PlanResult]:
    """What a plan means for each of its requests."""
    return list(session.exec(select(PlanResult).where(PlanResult.plan_id == number).order_by(col(PlanResult.id))))


def overrides(session: Session, number: int) -> list[Override]:
    """The overrides of a plan, in order."""
    return list(session.exec(select(Override).where(Override.plan_id == number).order_by(col(Override.id))))


def shares(session: Session, plan_numbers: Iterable[int]) -> list[PlanResult]:
    """The results of several plans, in the order of the plans."""
    query = select(PlanResult).where(col(PlanResult.plan_id).in_(list(plan_numbers)))
    return list(session.exec(query.order_by(col(PlanResult.plan_id), col(PlanResult.id))))


def cross_border(session: Session, plan_numbers: Iterable[int]) -> dict[str, int]:
    """Base units that went from a depot in one country to a member of another, by item."""
    line, request_, lot = table_of(PlanLine).c, table_of(Request).c, table_of(Lot).c
    query = (
        select_columns(lot.item_code, line.site_code, request_.member_code, func.sum(line.quantity))
        .join_from(table_of(PlanLine), table_of(Request), request_.id == line.request_id)
        .join(table_of(Lot), lot.id == line.lot_id)
        .where(line.plan_id.in_(list(plan_numbers)))
        .group_by(lot.item_code, line.site_code, request_.member_code)
    )
    sites, members = inventory.sites(session), governance.members(session)
    crossed: dict[str, int] = defaultdict(int)
    for item, site, member, quantity in session.connection().execute(query):
        if sites[site].country != members[member].country:
            crossed[item] += int(quantity)
    return dict(crossed)


def fills(session: Session, plan_numbers: Iterable[int], *, by: str = "item") -> list[Fill]:
    """Fills over these plans by "item" or "member".

    A shortfall that a member asked for again is counted once: the need of a
    (municipality, item) pair is all it got plus what its last request missed.
    """
    numbers = list(plan_numbers)
    crossed = cross_border(session, numbers) if by == "item" else {}
    groups: dict[str, dict[tuple[str, str], list[PlanResult]]] = defaultdict(lambda: defaultdict(list))
    for result in shares(session, numbers):
        key = result.item_code if by == "item" else result.member_code
        groups[key][result.member_code, result.item_code].append(result)
    return [_fill(key, list(pairs.values()), crossed.get(key, 0)) for key, pairs in sorted(groups.items())]


def _fill(key: str, pairs: list[list[PlanResult]], crossed: int) -> Fill:
    got = [sum(r.got for r in pair) for pair in pairs]
    need = [g + max(0, pair[-1].validated - pair[-1].got) for g, pair in zip(got, pairs, strict=True)]
    reached = [any(r.reachable for r in pair) for pair in pairs]
    measured = [rules.permille(g, n) for g, n, r in zip(got, need, reached, strict=True) if r]
    return Fill(
        key=key,
        asked=sum(r.asked for pair in pairs for r in pair),
        validated=sum(need),
        shared=sum(got),
        lowest_permille=min(measured) if measured else None,
        median_permille=int(median(measured)) if measured else None,
        cross_border=crossed,
        unreachable=sum(1 for r in reached if not r),
    )


def pick_list(session: Session, number: int) -> list[rules.PickLine]:
    """What each depot picks for a plan, by depot, destination, item and expiry."""
    plan(session, number)
    items, sites = catalogue.items(session), inventory.sites(session)
    lines = plan_lines(session, number)
    asked = requests_by_number(session, {line.request_id for line in lines})
    lots = {lot.id: lot for lot in session.exec(select(Lot))}
    picks = []
    for line in lines:
        request_, lot = asked[line.request_id], lots[line.lot_id]
        item, there = items[lot.item_code], sites[request_.point_of_use]
        packs = line.quantity // item.pack_size
        if packs:
            picks.append(
                rules.PickLine(
                    depot=line.site_code,
                    destination=there.code,
                    destination_name=there.name,
                    item=item.code,
                    item_name=item.name,
                    lot=lot.code,
                    expiry=lot.expiry.isoformat(),
                    packs=packs,
                    quantity=line.quantity,
                    base_unit=item.base_unit,
                    member=request_.member_code,
                )
            )
    return sorted(picks, key=lambda p: (p.depot, p.destination, p.item, p.expiry, p.lot, p.member))


def why(session: Session, *, plan_number: int, member: str, item: str) -> Why:
    """Everything that answers "why did we get less?"; refuses where the member did not ask for the item."""
    found = plan(session, plan_number)
    results = [r for r in plan_results(session, plan_number) if r.item_code == item]
    mine = [r for r in results if r.member_code == member]
    if not mine:
        raise NothingAsked(f"{member} has no request for {item} in plan {plan_number}", member=member, item=item)
    goods, members = catalogue.item(session, item), governance.members(session)
    asked = requests_by_number(session, {r.request_id for r in mine})
    got, validated = sum(r.got for r in mine), sum(r.validated for r in mine)
    others = _neighbours(results, members, mine[0])
    due = contracts.next_deliveries(session).get(item)
    return Why(
        member=member,
        member_name=members[member].name,
        item=item,
        item_name=goods.name,
        base_unit=goods.base_unit,
        asked=sum(r.asked for r in mine),
        validated=validated,
        validation="; ".join(asked[r.request_id].validation_reason for r in mine),
        got=got,
        permille=rules.permille(got, validated),
        code=mine[0].reason_code,
        sentence=mine[0].reason,
        rule=found.rule,
        method=found.method,
        plan=plan_number,
        approved_at=found.approved_at,
        better_filled=[n for n in others if n.permille > rules.permille(got, validated)][:5],
        tied_with=[n for n in reversed(others) if n.tied][:5],
        tied_count=sum(1 for n in others if n.tied),
        next_delivery_at=due[0] if due else None,
        next_delivery_quantity=due[1] if due else 0,
        taken_back=inventory.cancelled_since(session, source=f"plan:{plan_number}", member=member, item=item),
    )


def _neighbours(results: list[PlanResult], members: dict[str, Member], mine: PlanResult) -> list[Neighbour]:
    others = [
        Neighbour(
            member=r.member_code,
            name=members[r.member_code].name,
            validated=r.validated,
            got=r.got,
            permille=rules.permille(r.got, r.validated),
            tied=bool(mine.tie) and r.tie == mine.tie,
        )
        for r in results
        if r.member_code != mine.member_code and r.validated > 0
    ]
    return sorted(others, key=lambda n: (-n.permille, n.name))


def unmet(session: Session, *, at: datetime) -> dict[str, int]:
    """Validated need of open surges that no plan served, in base units by item: the sums of `unmet_needs`."""
    totals: dict[str, int] = defaultdict(int)
    for need in unmet_needs(session, at=at):
        totals[need.item] += need.quantity
    return dict(sorted(totals.items()))


def unmet_needs(session: Session, *, at: datetime) -> list[Need]:
    """Validated need of open surges that no plan served, most urgent first.

    Of each (member, item, point of use) only the last decided request counts: a
    shortfall that was asked for again is not counted twice.
    """
    open_surges = select(Surge.id).where(Surge.state == rules.DECLARED, Surge.review_by > at)
    decided = (rules.ALLOCATED, rules.PART_ALLOCATED, rules.UNSERVED)
    query = select(Request).where(col(Request.surge_id).in_(open_surges), col(Request.state).in_(decided))
    last: dict[tuple[str, str, str], Request] = {}
    for row in session.exec(query.order_by(col(Request.id))):
        last[row.member_code, row.item_code, row.point_of_use] = row
    urgent = sorted(last.values(), key=lambda row: (row.priority, row.id))
    missing = ((row, row.validated - row.allocated) for row in urgent)
    return [Need(row.item_code, row.member_code, row.point_of_use, left) for row, left in missing if left > 0]


def requests(
    session: Session, *, after: int = 0, limit: int = 100, member: str | None = None, state: str | None = None
) -> list[Request]:
    """Requests with numbers greater than `after`, in their order, narrowed by member or state."""
    query = select(Request).where(col(Request.id) > after).order_by(col(Request.id)).limit(limit)
    query = query.where(Request.member_code == member) if member else query
    query = query.where(Request.state == state) if state else query
    return list(session.exec(query))
