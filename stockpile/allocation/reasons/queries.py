"""The whole answer to "why did we get this?" for one request, read from the plan that decided it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from stockpile.allocation import meaning, queries, rules, snapshot
from stockpile.allocation.policies import queries as policies
from stockpile.allocation.policies.rules import DEFAULT_IN_FORCE, InForce
from stockpile.allocation.queries import Why
from stockpile.allocation.reasons import rules as words
from stockpile.allocation.reasons.rules import Barred, Goods, Other, Standing
from stockpile.allocation.tables import Plan, PlanResult, Request
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.plaintext import say

MOST = 5


class NotPlannedYet(Conflict):
    """No plan has looked at the request."""

    code = "not_planned_yet"


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a request got what it got. `answer`: asked, validated, got, the sentence, the next delivery.

    `policy`: name and version of what shared the item; `better_filled`: up to five who got a greater part, each with
    the reason; `binding`: what holds back those who are tied; `barred`: what else the pool had and why it may not
    serve this request; `changes`: what would change it; `appeal`: how to contest it; `tied_need`, `tied_got`: what
    all who draw on the same stock need and got of the item together, this request's municipality among them.
    `guaranteed`: what is promised to the municipality before anything is shared, or empty; `better_count`: how many
    got a greater part; `reserve`: what stays in reserve of the stock that binds; `arriving`: where what it got is now;
    `stood_in`: substitutes that are sent in place of the item.
    """

    request: int
    answer: Why
    plan_state: str
    policy: str
    policy_words: str
    decision: str
    better_filled: list[Other]
    binding: list[str]
    barred: list[Barred]
    changes: list[str]
    appeal: str
    tied_need: int = 0
    tied_got: int = 0
    guaranteed: str = ""
    better_count: int = 0
    reserve: int = 0
    arriving: list[str] = field(default_factory=list)
    stood_in: list[str] = field(default_factory=list)


def of_request(session: Session, number: int, *, at: datetime) -> Reasons:
    """The reasons for one request from the newest plan that looked at it; refuses where none has."""
    request = queries.request(session, number)
    plan, result = _decided(session, request)
    return _told(session, request, plan, result, at=at)


def in_plan(session: Session, number: int, *, plan: int, at: datetime) -> Reasons:
    """The reasons for one request in a plan of any state; refuses where the plan does not look at it."""
    request = queries.request(session, number)
    query = select(PlanResult).where(PlanResult.request_id == number, PlanResult.plan_id == plan)
    result = session.exec(query).first()
    if result is None:
        raise NotPlannedYet(f"plan {plan} does not look at request {number}", state=request.state)
    return _told(session, request, queries.plan(session, plan), result, at=at)


def _told(session: Session, request: Request, plan: Plan, result: PlanResult, *, at: datetime) -> Reasons:
    answer = queries.why(session, plan_number=result.plan_id, member=request.member_code, item=request.item_code)
    item, members = catalogue.item(session, request.item_code), governance.members(session)
    goods = Goods(item.code, item.base_unit, item.pack_size)
    standings = _standings(session, plan, request, goods)
    policy = _policy(session, plan, request.item_code)
    link = _link(plan, request)
    lots, tied = _lots(session, link), link if result.got < result.validated else None
    better, others = _better(standings, request, goods, limited=plan.method == meaning.WITHIN_LIMITS)
    return Reasons(
        request=result.request_id,
        answer=answer,
        plan_state=plan.state,
        policy=policy.label,
        policy_words=policy.words,
        decision=_decision(session, plan),
        better_filled=others,
        binding=[
            *(words.binding(tied, goods, lots=lots, others=len(tied["claims"]) - 1) if tied else []),
            *_carried(session, plan, request, result),
        ],
        barred=_barred(result),
        changes=_changes(session, request, result, standings, link, goods=goods, at=at, names=members),
        appeal=words.appeal(approved=plan.approved_at is not None, request=result.request_id),
        tied_need=sum(one.need for one in _tied(standings, request)) * goods.pack_size,
        tied_got=sum(one.got for one in _tied(standings, request)) * goods.pack_size,
        guaranteed=words.guaranteed(standings[snapshot.claim_id(request)], goods),
        better_count=better,
        reserve=_reserve(tied) * goods.pack_size,
        arriving=_arriving(session, result, goods),
        stood_in=_stood_in(session, plan, request, goods),
    )


def _reserve(link: dict[str, Any] | None) -> int:
    """Packs that stay in reserve of the stock that binds."""
    return sum(one["packs"] for one in link["reasons"] if one["kind"] == "reserve") if link else 0


def _arriving(session: Session, result: PlanResult, goods: Goods) -> list[str]:
    """Where what the request got by this plan is now, in the order of the way."""
    source, reference = f"plan:{result.plan_id}", f"request:{result.request_id}"
    parts = inventory.sent_for(session, source=source, reference=reference, item=goods.item)
    return [
        words.arriving(state, say("{quantity} {unit}", quantity=quantity, unit=goods.base_unit))
        for state, quantity in parts.items()
    ]


def _carried(session: Session, plan: Plan, request: Request, result: PlanResult) -> list[str]:
    """What can be carried in a day and holds this request back, found again in the plan's files."""
    if result.reason_code != rules.LIMITED:
        return []
    claim = snapshot.claim_id(request)
    sites, members = inventory.sites(session), governance.members(session)
    return [
        words.carried(
            one,
            site=sites[one.site].name if one.site else "",
            member=members[one.member].name if one.member else "",
        )
        for one in meaning.held_back(plan.problem, plan.answer, item=request.item_code, claim=claim)
    ]


def _stood_in(session: Session, plan: Plan, request: Request, goods: Goods) -> list[str]:
    """What of other items is sent to this request in place of the one asked for."""
    lines = [one for one in queries.plan_lines(session, plan.id or 0) if one.request_id == request.id]
    found = []
    for one in lines:
        if one.stands_for is not None:
            other = catalogue.item(session, inventory.lot(session, one.lot_id).item_code)
            sent = say("{quantity} {unit}", quantity=one.quantity, unit=other.base_unit)
            found.append(words.stood_in(sent, name=other.name, counts=one.stands_for, goods=goods))
    return found


def _tied(standings: dict[str, Standing], request: Request) -> list[Standing]:
    """All who draw on the stock that this request draws on, itself included; nobody where that is not known."""
    tie = standings[snapshot.claim_id(request)].tie
    return [one for one in standings.values() if tie and one.tie == tie]


def _decided(session: Session, request: Request) -> tuple[Plan, PlanResult]:
    query = (
        select(Plan, PlanResult)
        .join(PlanResult, col(PlanResult.plan_id) == col(Plan.id))
        .where(PlanResult.request_id == request.id, col(Plan.state) != rules.SUPERSEDED)
        .order_by(col(Plan.id).desc())
    )
    found = session.exec(query.limit(1)).first()
    if found is None:
        raise NotPlannedYet(
            f"request {request.id} is {request.state} and no plan has looked at it: {request.validation_reason}",
            state=request.state,
        )
    return found[0], found[1]


def _standings(session: Session, plan: Plan, request: Request, goods: Goods) -> dict[str, Standing]:
    """Everybody's claim on the item in the plan, by the optimizer's name of it."""
    members = governance.members(session)
    rows = [row for row in queries.plan_results(session, plan.id or 0) if row.item_code == request.item_code]
    asked = queries.requests_by_number(session, {row.request_id for row in rows})
    promised = _promised(plan, request.item_code)
    by_claim: dict[str, list[PlanResult]] = defaultdict(list)
    for row in rows:
        by_claim[snapshot.claim_id(asked[row.request_id])].append(row)
    return {
        claim: Standing(
            member=found[0].member_code,
            name=members[found[0].member_code].name,
            tier=asked[found[0].request_id].priority,
            got=sum(row.got for row in found) // goods.pack_size,
            need=sum(row.validated for row in found) // goods.pack_size,
            tie=found[0].tie,
            entitled=promised.get(claim, 0),
        )
        for claim, found in by_claim.items()
    }


def _promised(plan: Plan, item: str) -> dict[str, int]:
    """Packs of the item guaranteed to each claim, as the plan's problem has them: in its claims, or as facts."""
    problem: dict[str, Any] = json.loads(plan.problem)
    rows = [claim for pool in problem["pools"] if pool["item"] == item for claim in pool["claims"]]
    found = {row["id"]: row.get("entitled_packs", 0) for row in rows}
    facts = [fact for one in problem.get("policies", ()) if one["item"] == item for fact in one.get("facts", ())]
    return found | {fact["claim"]: fact["entitled"] for fact in facts if "entitled" in fact}


def _better(
    standings: dict[str, Standing], request: Request, goods: Goods, *, limited: bool
) -> tuple[int, list[Other]]:
    """How many got a greater part of their need, and the first of them."""
    mine = standings[snapshot.claim_id(request)]
    fill = rules.permille(mine.got, mine.need)
    found = [
        Other(
            member=one.member,
            name=one.name,
            validated=one.need * goods.pack_size,
            got=one.got * goods.pack_size,
            permille=rules.permille(one.got, one.need),
            because=words.because(mine, one, goods, limited=limited),
        )
        for one in standings.values()
        if one.need and rules.permille(one.got, one.need) > fill
    ]
    return len(found), sorted(found, key=lambda one: (-one.permille, one.name))[:MOST]


def _policy(session: Session, plan: Plan, item: str) -> InForce:
    """The policy by which the plan shared the item."""
    told = (one["number"] for one in json.loads(plan.policies) if item in one["items"])
    number = next(told, None)
    return DEFAULT_IN_FORCE if number is None else policies.as_it_counts(policies.policy(session, number))


def _link(plan: Plan, request: Request) -> dict[str, Any] | None:
    """The link of the bottleneck chain in which this request's claim is tied, if the fair rule shared its item."""
    claim = snapshot.claim_id(request)
    chain: list[dict[str, Any]] = json.loads(plan.chain)
    return next((one for one in chain if one["item"] == request.item_code and claim in one["claims"]), None)


def _lots(session: Session, link: dict[str, Any] | None) -> dict[str, str]:
    """The lots of a link as people know them, by the optimizer's name."""
    found, sites = dict[str, str](), inventory.sites(session)
    for reason in link["reasons"] if link else ():
        for name in reason["lots"]:
            number, _, site = name.partition("@")
            lot = inventory.lot(session, int(number))
            facts = {"lot": lot.code, "place": sites[site].name, "day": f"{lot.expiry}"}
            found[name] = say("lot {lot} at {place} (expires {day})", **facts)
    return found


def _decision(session: Session, plan: Plan) -> str:
    names = {account.id: account.name for account in governance.accounts(session)}
    computed = f"plan {plan.id}, computed by {names[plan.planned_by]} at {plan.planned_at:%Y-%m-%d %H:%M} UTC"
    proof = "proven fair by the independent checker" if plan.fair else f"{plan.method}, not proven fair"
    if plan.kept and not plan.fair:
        proof = "the independent checker proved that it is what the committee's policy says"
    if plan.approved_at is None:
        return f"{computed} ({proof}); nobody has approved it"
    return f"{computed} ({proof}); approved by {names[plan.approved_by]} at {plan.approved_at:%Y-%m-%d %H:%M} UTC"


def _barred(result: PlanResult) -> list[Barred]:
    found: dict[str, int] = json.loads(result.barred)
    kept = [Barred(reason, OBSTACLES[reason], quantity) for reason, quantity in found.items()]
    return sorted(kept, key=lambda one: (-one.quantity, one.reason))


def _changes(
    session: Session,
    request: Request,
    result: PlanResult,
    standings: dict[str, Standing],
    link: dict[str, Any] | None,
    *,
    goods: Goods,
    at: datetime,
    names: dict[str, Any],
) -> list[str]:
    """What would change the result, in the order in which it is easiest to bring about."""
    if result.got >= result.validated:
        return _evidence(request)
    found: list[str] = []
    if result.reason_code == rules.SET_ASIDE:
        least = say("{quantity} {unit}", quantity=request.minimum_useful, unit=goods.base_unit)
        found.append(say("a useful minimum below the {least} that you stated", least=least))
    if link is not None:
        mine, claim = standings[snapshot.claim_id(request)], snapshot.claim_id(request)
        plain = {code: member.name for code, member in names.items()}
        found += words.lifts(link, goods, names=plain, claim=claim)[:MOST]
        place = words.turn(mine, [standings[one] for one in link["claims"]])
        found.insert(0, words.queue(place))
    if result.reason_code == rules.LIMITED:
        found.append(say("more that can be sent and taken in on one day; what is left over can be asked for again"))
    return [*found, *_substitutes(session, request, at=at), *_evidence(request)]


def _evidence(request: Request) -> list[str]:
    if request.validated >= request.quantity:
        return []
    return [
        say(
            "evidence for more than the {validated} validated of the {asked} asked",
            validated=request.validated,
            asked=request.quantity,
        )
    ]


def _substitutes(session: Session, request: Request, *, at: datetime) -> list[str]:
    """What a pharmacist has approved instead, with what the pool has of it."""
    country = inventory.site(session, request.point_of_use).country
    known = catalogue.approved_substitutes(session, on=governance.local_day(session, at), country=country)
    there: dict[str, int] = defaultdict(int)
    if request.item_code in known:
        for stock in inventory.usable_pool_stock(session, at):
            there[stock.item] += stock.quantity
    return [
        say(
            "ask for {item} instead: {units} of it stand for {per}, and {there} of it are in the pool's depots",
            item=one.item,
            units=one.units,
            per=one.per_units,
            there=there[one.item],
        )
        for one in known.get(request.item_code, [])
    ]
