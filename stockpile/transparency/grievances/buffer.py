"""Serving an urgent appeal that was upheld from the buffer: stock that plans leave, so that a wrong can be righted."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import Session

from optimizer.allocation.problem import Pool, problem_from_json
from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation import snapshot
from stockpile.allocation.tables import Plan, Request
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require, require_other
from stockpile.inventory import transfers
from stockpile.inventory.transfers import Part
from stockpile.transparency.grievances import queries, rules
from stockpile.transparency.grievances.tables import Grievance

NEED_WITHIN: Final = timedelta(hours=48)
"""How soon what is served must be there: lawful lanes that take longer are not used."""


class NotServed(Conflict):
    """The buffer does not serve this."""

    code = "buffer_refused"


def serve(session: Session, act: Act, *, number: int, quantity: int) -> list[int]:
    """Reserve base units from the buffer for an urgent appeal that was upheld; returns the transfers' numbers.

    A named person of the committee other than the reviewer does it. Whole packs; never more than the appeal's plan
    left unserved, nor than the buffer's part of what that plan shared.
    """
    require(act.actor, "grievance.buffer")
    row = queries.grievance(session, number, lock=True)
    judges = {who: f"decided grievance {number}" for who in (row.reviewer_id, row.final_by) if who is not None}
    require_other(act.actor, judges)
    if not row.urgent or (row.final_verdict or row.verdict) not in ("upheld", "part"):
        raise NotServed(f"grievance {number} is no urgent appeal that was upheld", state=row.state)
    request = _request(session, row, quantity=quantity)
    _require_room(session, row, quantity=quantity)
    parts = _parts(session, act, request, quantity=quantity)
    made = transfers.arrange(session, act, source=f"grievance:{number}", parts=parts)
    row.served += quantity
    session.add(row)
    payload = {"item": row.item_code, "quantity": quantity, "transfers": [one.id for one in made]}
    journal.record(session, act, action="grievance.buffer", subject=f"grievance:{number}", payload=payload)
    return [one.id for one in made if one.id is not None]


def _request(session: Session, row: Grievance, *, quantity: int) -> Request:
    """The request that the plan left short by most; refuses more than it misses, or parts of packs."""
    shares = queries.shares(session, row)
    missing = {share.request_id: share.validated - share.got for share in shares}
    if not missing or max(missing.values()) <= 0:
        raise NotServed("the plan left nothing of this need unserved")
    number = max(missing, key=lambda one: (missing[one], -one))
    pack = catalogue.item(session, row.item_code or "").pack_size
    if quantity < 1 or quantity % pack or quantity + row.served > missing[number]:
        left = missing[number] - row.served
        raise Invalid(f"quantity: whole packs of {pack}, at most {left} base units", field="quantity", at_most=left)
    return allocation.request(session, number)


def buffer_of(session: Session, row: Grievance) -> int:
    """Base units that the buffer of the grievance's plan holds for its item in all."""
    plan = session.get_one(Plan, row.plan_id)
    pack = catalogue.item(session, row.item_code or "").pack_size
    pools = [pool for pool in problem_from_json(plan.problem).pools if pool.item == row.item_code]
    packs = sum(lot.packs for pool in pools if isinstance(pool, Pool) for lot in pool.lots)
    return packs * rules.BUFFER_PERMILLE // 1000 * pack


def _require_room(session: Session, row: Grievance, *, quantity: int) -> None:
    left = buffer_of(session, row) - queries.served_before(session, row)
    if quantity > left:
        raise NotServed(f"the buffer has {max(0, left)} base units left for appeals about this plan", left=max(0, left))


def _parts(session: Session, act: Act, request: Request, *, quantity: int) -> list[Part]:
    """Lots that may lawfully and in time serve the request now, first-expiring first, then cheapest."""
    wanted = Request(**{**request.model_dump(), "need_by": act.at + NEED_WITHIN, "validated": quantity})
    taken = snapshot.take(session, [wanted], at=act.at)
    pool = next((one for one in taken.problem.pools if isinstance(one, Pool)), None)
    if pool is None:
        raise NotServed(f"no lawful stock can be there within {NEED_WITHIN}")
    pack, left, parts = taken.items[request.item_code].pack_size, quantity, []
    cost = {lane.lot: lane.cost for lane in pool.lanes}
    for lot in sorted(pool.lots, key=lambda one: (one.expiry, cost[one.id], one.id)):
        used = min(left, (lot.packs - lot.immovable_packs) * pack)
        if used > 0:
            stock = taken.stock[lot.id]
            parts.append(
                Part(
                    origin=stock.site,
                    destination=request.point_of_use,
                    lot_id=stock.lot_id,
                    member=request.member_code,
                    reference=f"request:{request.id}",
                    quantity=used,
                    priority=request.priority,
                )
            )
            left -= used
    if left:
        raise NotServed(f"only {quantity - left} base units can lawfully be there within {NEED_WITHIN}")
    return parts
