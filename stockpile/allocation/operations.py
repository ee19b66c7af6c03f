"""Surges and requests: declared with evidence, asked with a reason, validated against caseload and own cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries, rules
from stockpile.allocation.tables import Request, Surge
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import breaks
from stockpile.demand import queries as demand
from stockpile.demand import rules as demand_rules
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import allowed, require, require_other
from stockpile.governance.standing import queries as standing
from stockpile.governance.tables import Member, Region
from stockpile.inventory import queries as inventory
from stockpile.inventory.rules import POINT_OF_USE
from stockpile.inventory.tables import Site


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """What a municipality asks; quantities in base units. `point_of_use` None: where its patients usually go.

    `priority` None: the item's own class (1 life-saving to 4 preparedness). `substitutes`: approved ones will do.
    """

    member: str
    item: str
    quantity: int
    need_by: datetime
    justification: str
    own_stock: int
    minimum_useful: int = 0
    point_of_use: str | None = None
    priority: int | None = None
    substitutes: bool = False


@dataclass(frozen=True, slots=True)
class _Ground:
    """What requests are validated against, read once for many of them."""

    items: dict[str, Item]
    sites: dict[str, Site]
    members: dict[str, Member]
    standings: dict[str, str]
    usual_places: dict[str, str]
    admissions_milli: dict[str, int]
    in_stock: dict[tuple[str, str], int]
    on_the_way: dict[tuple[str, str], int]
    waiting: set[tuple[str, str, str]]
    validated: dict[tuple[str, str], int]


class SurgeNotOpen(Conflict):
    """No requests and plans outside an open surge whose review is not overdue."""

    code = "surge_not_open"


class RequestState(Conflict):
    """The request is not in the state that this needs."""

    code = "request_state"


class DeclaredAlready(Conflict):
    """A surge of this name that began on the same day is open."""

    code = "surge_declared_already"


class AskedAlready(Conflict):
    """The member has an open request for this item at this point of use."""

    code = "asked_already"


def declare_surge(
    session: Session, act: Act, *, hazard: str, level: int, evidence: str, cover_days: int, review_by: datetime
) -> Surge:
    """Declare a surge; requests are validated for `cover_days` days of use, and it ends by itself at `review_by`."""
    require(act.actor, "surge.declare")
    if not evidence.strip():
        raise Invalid("a surge needs evidence", field="evidence")
    if not 1 <= level <= 4 or not 1 <= cover_days <= 60:
        raise Invalid("level is 1 to 4 and cover_days 1 to 60", field="level")
    if review_by <= act.at:
        raise Invalid("the review must lie ahead", field="review_by")
    _refuse_twin(session, act, hazard)
    surge = Surge(
        hazard=hazard,
        level=level,
        evidence=evidence,
        cover_days=cover_days,
        state=rules.DECLARED,
        declared_by=act.actor.id,
        declared_at=act.at,
        review_by=review_by,
    )
    session.add(surge)
    session.flush()
    payload = {"hazard": hazard, "level": level, "cover_days": cover_days, "review_by": review_by.isoformat()}
    journal.record(session, act, action="surge.declare", subject=f"surge:{surge.id}", payload=payload, reason=evidence)
    return surge


def _refuse_twin(session: Session, act: Act, hazard: str) -> None:
    """Refuse a surge of the same name and day as an open one; of two who declare it together, one is refused."""
    session.exec(select(Region.id).with_for_update()).all()
    query = select(Surge).where(Surge.state == rules.DECLARED, Surge.review_by > act.at)
    today = governance.local_day(session, act.at)
    for other in session.exec(query.order_by(col(Surge.id))):
        same = other.hazard.strip().casefold() == hazard.strip().casefold()
        if same and governance.local_day(session, other.declared_at) == today:
            raise DeclaredAlready(
                f"surge {other.id} ({other.hazard}) was declared on {today} and is open: ask and plan in it",
                field="hazard",
                surge=other.id,
            )


def close_surge(session: Session, act: Act, *, number: int, reason: str) -> Surge:
    """End a surge: no more requests or plans in it."""
    require(act.actor, "surge.close")
    surge = queries.surge(session, number)
    if surge.state != rules.DECLARED:
        raise SurgeNotOpen(f"surge {number} is closed", surge=number)
    surge.state, surge.closed_at = rules.CLOSED, act.at
    session.add(surge)
    session.flush()
    _let_lapse(session, act)
    journal.record(session, act, action="surge.close", subject=f"surge:{number}", payload={}, reason=reason)
    return surge


def open_surge(session: Session, number: int, *, at: datetime) -> Surge:
    """The surge, if it is open at that instant; refuses a closed or expired one."""
    surge = queries.surge(session, number)
    if surge.state != rules.DECLARED:
        raise SurgeNotOpen(f"surge {number} is closed", surge=number)
    if surge.review_by <= at:
        when = f"{surge.review_by:%Y-%m-%d %H:%M} UTC"
        raise SurgeNotOpen(f"surge {number} ended on {when}: close it and declare it anew", surge=number)
    return surge


def submit(session: Session, act: Act, *, surge_id: int, drafts: Sequence[RequestDraft]) -> list[Request]:
    """Submit requests; all are taken or none. Each comes back validated, or declined, with the reason.

    Refuses, naming row and field: unknown members, items and places, part
    packs, a need-by that has passed, an open request for the same.
    """
    surge = open_surge(session, surge_id, at=act.at)
    _let_lapse(session, act)
    ground = _ground(session, act)
    rows = []
    for number, draft in enumerate(drafts, start=1):
        row = _checked(act, surge, draft, ground, number=number)
        _validate(row, surge, ground)
        rows.append(row)
    session.add_all(rows)
    try:
        session.flush()
    except IntegrityError as failure:
        if not breaks(failure, "uq_request_open", "request", ("member_code", "item_code", "point_of_use")):
            raise
        raise AskedAlready("one of these was asked by someone else just now: look at the open requests") from failure
    listed = [[r.id, r.member_code, r.item_code, r.quantity, r.validated, r.validation_code] for r in rows]
    journal.record(session, act, action="request.submit", subject=f"surge:{surge_id}", payload={"requests": listed})
    return rows


def withdraw(session: Session, act: Act, *, number: int, reason: str) -> Request:
    """Take back an open request."""
    request = queries.request(session, number, lock=True)
    require(act.actor, "request.withdraw", member=request.member_code)
    _require_open(request)
    request.state = rules.WITHDRAWN
    session.add(request)
    journal.record(session, act, action="request.withdraw", subject=f"request:{number}", payload={}, reason=reason)
    return request


def revise_validation(session: Session, act: Act, *, number: int, validated: int, reason: str) -> Request:
    """Set the validated need of an open request by hand, with a reason; never of one's own request."""
    request = queries.request(session, number, lock=True)
    require(act.actor, "request.validate", member=request.member_code)
    require_other(act.actor, {request.requested_by: f"made request {number}"})
    if request.state not in (rules.VALIDATED, rules.DECLINED):
        raise RequestState(f"request {number} is {request.state}", state=request.state)
    item = catalogue.item(session, request.item_code)
    if not 0 <= validated <= request.quantity or validated % item.pack_size:
        raise Invalid(
            f"validated need must be whole packs of {item.pack_size}, from 0 to the {request.quantity} asked",
            field="validated",
        )
    if not reason.strip():
        raise Invalid("a validation by hand needs a reason", field="reason")
    _refuse_second(session, request, validated)
    old = request.validated
    request.validated, request.validated_by = validated, act.actor.id
    request.validation_code, request.validation_reason = demand_rules.REVISED, reason
    request.state = rules.VALIDATED if validated else rules.DECLINED
    session.add(request)
    payload = {"old": old, "new": validated}
    journal.record(session, act, action="request.validate", subject=f"request:{number}", payload=payload, reason=reason)
    return request


def _refuse_second(session: Session, request: Request, validated: int) -> None:
    """A declined request comes back only where no other is open for the same, and within what plans can count."""
    waiting = queries.waiting(session)
    key = (request.member_code, request.item_code, request.point_of_use)
    if request.state == rules.DECLINED and key in waiting:
        raise AskedAlready(f"{key[0]} has another open request for {key[1]} at {key[2]}")
    waiting[key] = validated
    pack_size = catalogue.item(session, request.item_code).pack_size
    if _by_pair(waiting)[key[0], key[1]] > rules.MOST_PACKS * pack_size:
        raise Invalid(f"at most {rules.MOST_PACKS:,} packs can be validated at a time", field="validated")


def lapse(session: Session, act: Act) -> int:
    """Let open requests end whose need-by has passed or whose surge is over; returns how many."""
    require(act.actor, "plan.compute")
    return _let_lapse(session, act)


def _let_lapse(session: Session, act: Act) -> int:
    over = select(Surge.id).where((col(Surge.state) == rules.CLOSED) | (col(Surge.review_by) <= act.at))
    query = select(Request).where((col(Request.need_by) <= act.at) | col(Request.surge_id).in_(over))
    query = query.where(col(Request.state).in_(rules.OPEN_STATES)).order_by(col(Request.id))
    late = list(session.exec(query.with_for_update().execution_options(populate_existing=True)))
    for request in late:
        request.state = rules.LAPSED
    session.add_all(late)
    session.flush()
    if late:
        payload = {"requests": [request.id for request in late]}
        journal.record(session, act, action="request.lapse", subject="requests", payload=payload)
    return len(late)


def _ground(session: Session, act: Act) -> _Ground:
    today = governance.local_day(session, act.at)
    waiting = queries.waiting(session)
    return _Ground(
        items=catalogue.items(session),
        sites=inventory.sites(session),
        members=governance.members(session),
        standings=standing.standings(session, at=act.at),
        usual_places=inventory.points_of_use(session),
        admissions_milli=demand.usual_admissions(session, today),
        in_stock=inventory.member_stock(session, act.at),
        on_the_way=inventory.on_the_way(session),
        waiting=set(waiting),
        validated=_by_pair(waiting),
    )


def _checked(act: Act, surge: Surge, draft: RequestDraft, ground: _Ground, *, number: int) -> Request:
    require(act.actor, "request.submit", member=draft.member)
    item, place = _known(draft, ground, number=number)
    _refuse_nonsense(act, draft, item, number=number)
    standing.refuse_outside(ground.standings, draft.member, draft.priority or item.priority, number=number)
    if draft.priority is not None and draft.priority < item.priority:
        _refuse_own_urgency(act, draft, item, number=number)
    key = (draft.member, draft.item, place.code)
    if key in ground.waiting:
        raise AskedAlready(
            f"row {number}: {draft.member} has an open request for {draft.item} at {place.code}: withdraw it first",
            row=number,
        )
    ground.waiting.add(key)
    assert surge.id is not None
    return Request(
        surge_id=surge.id,
        member_code=draft.member,
        item_code=draft.item,
        point_of_use=place.code,
        quantity=draft.quantity,
        minimum_useful=draft.minimum_useful,
        need_by=draft.need_by,
        priority=draft.priority or item.priority,
        justification=draft.justification,
        own_stock=draft.own_stock,
        state=rules.SUBMITTED,
        requested_by=act.actor.id,
        requested_at=act.at,
        substitutes=draft.substitutes,
    )


def _known(draft: RequestDraft, ground: _Ground, *, number: int) -> tuple[Item, Site]:
    if draft.member not in ground.members:
        raise Invalid(f"row {number}: no member has the code {draft.member}", field="member", row=number)
    if draft.item not in ground.items:
        raise Invalid(f"row {number}: no item has the code {draft.item}", field="item", row=number)
    place = draft.point_of_use or ground.usual_places.get(draft.member, "")
    if place not in ground.sites or ground.sites[place].kind != POINT_OF_USE:
        raise Invalid(f"row {number}: {place or 'nothing'} is not a point of use", field="point_of_use", row=number)
    return ground.items[draft.item], ground.sites[place]


def _refuse_nonsense(act: Act, draft: RequestDraft, item: Item, *, number: int) -> None:
    if draft.quantity <= 0 or draft.quantity % item.pack_size:
        up = demand_rules.whole_packs_up(max(1, draft.quantity), item.pack_size)
        raise Invalid(
            f"row {number}: {draft.quantity} {item.base_unit} is not whole packs of {item.pack_size}: ask for {up}",
            field="quantity",
            row=number,
        )
    if draft.quantity > rules.MOST_PACKS * item.pack_size:
        most = f"{rules.MOST_PACKS:,} packs"
        raise Invalid(f"row {number}: more than {most} cannot be asked at a time", field="quantity", row=number)
    if not 0 <= draft.minimum_useful <= draft.quantity:
        raise Invalid(
            f"row {number}: a useful minimum of {draft.minimum_useful} for {draft.quantity} asked",
            field="minimum_useful",
            row=number,
        )
    if draft.own_stock < 0:
        raise Invalid(f"row {number}: own stock below zero", field="own_stock", row=number)
    if draft.need_by <= act.at:
        raise Invalid(
            f"row {number}: needed by {draft.need_by:%Y-%m-%d %H:%M}, already past", field="need_by", row=number
        )
    if not draft.justification.strip():
        raise Invalid(f"row {number}: a request needs a justification", field="justification", row=number)


def _refuse_own_urgency(act: Act, draft: RequestDraft, item: Item, *, number: int) -> None:
    """Who asks may call a request less urgent than the item's class; more urgent only who validates requests."""
    if not allowed(act.actor, "request.validate", member=draft.member):
        raise Invalid(
            f"row {number}: {item.code} is of class {item.priority}; only a coordinator may put it into a higher one",
            field="priority",
            row=number,
        )


def _validate(request: Request, surge: Surge, ground: _Ground) -> None:
    item = ground.items[request.item_code]
    pair = (request.member_code, request.item_code)
    promised = ground.on_the_way.get(pair, 0) + ground.validated.get(pair, 0)
    result = demand_rules.validate(
        asked=request.quantity,
        expected=demand_rules.expected_use(
            admissions_milli_per_day=ground.admissions_milli.get(request.member_code, 0),
            use_per_admission_milli=item.use_per_admission_milli,
            days=surge.cover_days,
        ),
        cover=request.own_stock + ground.in_stock.get(pair, 0) + promised,
        pack_size=item.pack_size,
        days=surge.cover_days,
    )
    request.validated = result.quantity
    request.validation_code, request.validation_reason = result.code, result.sentence
    request.state = rules.VALIDATED if result.quantity else rules.DECLINED
    ground.validated[pair] = ground.validated.get(pair, 0) + result.quantity
    if not result.quantity:
        ground.waiting.discard((*pair, request.point_of_use))


def _by_pair(waiting: Mapping[tuple[str, str, str], int]) -> dict[tuple[str, str], int]:
    """Validated need of open requests by (member, item), all points of use together."""
    sums: dict[tuple[str, str], int] = {}
    for (member, item, _), validated in waiting.items():
        sums[member, item] = sums.get((member, item), 0) + validated
    return sums


def _require_open(request: Request) -> None:
    if request.state not in rules.OPEN_STATES:
        raise RequestState(f"request {request.id} is {request.state} already", state=request.state)
