"""What the crisis page shows, read through the queries of the domains: the region, one plan, one answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from stockpile.allocation import queries as allocation
from stockpile.allocation import rules
from stockpile.allocation.queries import Fill, Why
from stockpile.allocation.reasons import queries as reasons
from stockpile.allocation.reasons.queries import Reasons
from stockpile.allocation.tables import Plan, PlanLine, PlanResult, Surge
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.governance import queries as governance
from stockpile.governance.tables import Member, Region
from stockpile.inventory import queries as inventory
from stockpile.inventory.rules import DEPOT
from stockpile.inventory.tables import Lot, Site
from stockpile.web.speech import instant


@dataclass(frozen=True, slots=True)
class Opening:
    """The region as it stands, its places and surges, and its plans, the one to look at first in front.

    `lanes`: (depot, municipality) of every lane that is open.
    """

    region: Region
    now: datetime
    members: dict[str, Member]
    depots: list[Site]
    plans: dict[int, Plan]
    surges: list[Surge]
    open_surges: list[int]
    lanes: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Share:
    """What one municipality got of one item over all its requests in a plan, in base units."""

    member: str
    item: str
    asked: int
    validated: int
    got: int
    reachable: bool

    @property
    def permille(self) -> int:
        """Its fill in thousandths."""
        return rules.permille(self.got, self.validated)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan in words: what leaves which depot for whom, and why.

    `stands_for`: of a substitute, the base units of `asked`, the item asked for, that it counts as.
    """

    number: int
    site: str
    depot: str
    lot: str
    expiry: date
    item: str
    item_name: str
    member: str
    member_name: str
    packs: int
    quantity: int
    base_unit: str
    arrives_at: datetime
    reason: str
    code: str
    asked: Item
    stands_for: int | None


@dataclass(frozen=True, slots=True)
class PlanView:
    """One plan with everything that the page shows of it."""

    plan: Plan
    approved_by: str
    items: dict[str, Item]
    shares: dict[tuple[str, str], Share]
    lines: list[Line]
    by_item: list[Fill]
    by_member: dict[str, Fill]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to "why did we get less?", the requests that it is about, and who computed and approved.

    `validation`: the code of how the need was found (demand.rules); `fair`: the checker proved the plan fair.
    """

    why: Why
    requests: list[int]
    reasons: Reasons
    validation: str
    fair: bool
    planned_by: str
    planned_at: datetime
    approved_by: str

    def planned(self, zone: str) -> str:
        """When the plan was computed, on the clocks of a time zone."""
        return instant(self.planned_at, zone)


def opening(session: Session, *, real_now: datetime) -> Opening:
    """What the page opens with; refuses when no region is loaded."""
    region = governance.region(session)
    now = governance.effective_now(session, real_now=real_now)
    plans = sorted(allocation.plans(session), key=lambda plan: (plan.state == rules.SUPERSEDED, -(plan.id or 0)))
    surges = allocation.surges(session)
    return Opening(
        region=region,
        now=now,
        members=governance.members(session),
        depots=[site for site in inventory.sites(session).values() if site.kind == DEPOT],
        plans={plan.id: plan for plan in plans if plan.id is not None},
        surges=surges,
        open_surges=[s.id for s in surges if s.id is not None and s.state == rules.DECLARED and s.review_by > now],
        lanes=_lanes(session),
    )


def _lanes(session: Session) -> frozenset[tuple[str, str]]:
    """(depot, municipality) of every lane that is open."""
    arrives: dict[str, list[str]] = defaultdict(list)
    for member, site in inventory.points_of_use(session).items():
        arrives[site].append(member)
    return frozenset((origin, member) for origin, site in inventory.routes(session) for member in arrives[site])


def plan_view(session: Session, number: int) -> PlanView:
    """One plan with its lines, shares and fills; refuses an unknown number."""
    plan, results = allocation.plan(session, number), allocation.plan_results(session, number)
    known, asked = catalogue.items(session), sorted({result.item_code for result in results})
    names = {account.id: account.name for account in governance.accounts(session)}
    return PlanView(
        plan=plan,
        approved_by=names.get(plan.approved_by, ""),
        items={code: known[code] for code in asked},
        shares=_shares(results),
        lines=_lines(session, number, known),
        by_item=allocation.fills(session, [number]),
        by_member={fill.key: fill for fill in allocation.fills(session, [number], by="member")},
    )


def _shares(results: Iterable[PlanResult]) -> dict[tuple[str, str], Share]:
    pairs: dict[tuple[str, str], list[PlanResult]] = defaultdict(list)
    for result in results:
        pairs[result.member_code, result.item_code].append(result)
    return {pair: _share(pair, found) for pair, found in pairs.items()}


def _share(pair: tuple[str, str], results: list[PlanResult]) -> Share:
    return Share(
        *pair,
        asked=sum(result.asked for result in results),
        validated=sum(result.validated for result in results),
        got=sum(result.got for result in results),
        reachable=any(result.reachable for result in results),
    )


def _lines(session: Session, number: int, items: dict[str, Item]) -> list[Line]:
    lines = allocation.plan_lines(session, number)
    sites, members = inventory.sites(session), governance.members(session)
    requests = allocation.requests_by_number(session, {line.request_id for line in lines})
    lots = {lot_id: inventory.lot(session, lot_id) for lot_id in {line.lot_id for line in lines}}
    found = []
    for line in lines:
        lot, request = lots[line.lot_id], requests[line.request_id]
        asked, sent = items[request.item_code], items[lot.item_code]
        ends = sites[line.site_code], members[request.member_code]
        found.append(_line(line, lot, sent, asked, ends=ends))
    return found


def _line(line: PlanLine, lot: Lot, item: Item, asked: Item, *, ends: tuple[Site, Member]) -> Line:
    depot, member = ends
    assert line.id is not None
    return Line(
        number=line.id,
        site=depot.code,
        depot=depot.name,
        lot=lot.code,
        expiry=lot.expiry,
        item=item.code,
        item_name=item.name,
        member=member.code,
        member_name=member.name,
        packs=line.quantity // item.pack_size,
        quantity=line.quantity,
        base_unit=item.base_unit,
        arrives_at=line.arrives_at,
        reason=line.reason,
        code=line.reason_code,
        asked=asked,
        stands_for=line.stands_for,
    )


def answer(session: Session, *, plan: int, member: str, item: str, at: datetime) -> Answer:
    """The answer for one municipality and item; refuses where it did not ask for the item."""
    results = allocation.plan_results(session, plan)
    mine = [r.request_id for r in results if (r.member_code, r.item_code) == (member, item)]
    names = {account.id: account.name for account in governance.accounts(session)}
    decided, why = allocation.plan(session, plan), allocation.why(session, plan_number=plan, member=member, item=item)
    return Answer(
        why=why,
        requests=mine,
        reasons=reasons.in_plan(session, mine[0], plan=plan, at=at),
        validation=allocation.request(session, mine[0]).validation_code,
        fair=decided.fair or bool(decided.kept),
        planned_by=names[decided.planned_by],
        planned_at=decided.planned_at,
        approved_by=names.get(decided.approved_by, ""),
    )
