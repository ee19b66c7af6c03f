"""From opened bids to signed contracts: interests, marks, evaluation, standstill, objections, award, signature."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, delete

from stockpile.actor import Act
from stockpile.contracts.procurement import queries, rules
from stockpile.contracts.procurement.operations import TenderState, note
from stockpile.contracts.procurement.tables import (
    DeclaredEmission,
    Tender,
    TenderBid,
    TenderContract,
    TenderInterest,
    TenderObjection,
    TenderResult,
    TenderScore,
)
from stockpile.contracts.tables import Contract, ContractLine, PriceTier
from stockpile.contracts.terms.tables import ContractLot, ContractLotItem, ContractMember
from stockpile.db import table_of
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other
from stockpile.governance.tables import Account


class Interested(Conflict):
    """Who has an interest in a tender, or has not declared that there is none, takes no part in judging it."""

    code = "declared_interest"


class MarksMissing(Conflict):
    """The bids cannot be compared before all marks are given."""

    code = "marks_missing"


class StandsStill(Conflict):
    """The standstill runs, or an objection is not decided: nothing is awarded."""

    code = "standstill"


class ObjectionLate(Conflict):
    """Objections are lodged within the standstill, by who made a bid."""

    code = "objection_late"


def declare(session: Session, act: Act, *, number: int, interested: bool, text: str) -> TenderInterest:
    """Declare an interest in a tender, or that there is none; who declares one loses the marks it gave."""
    require(act.actor, "tender.declare")
    found = _in(session, number, rules.TENDERED, rules.EVALUATED, rules.STANDSTILL, rules.AWARDED)
    given: dict[str, Any] = {"tender_id": number, "account_id": act.actor.id, "interested": interested, "text": text}
    known = queries.interests(session, number).get(act.actor.id)
    if known is not None and known.interested and not interested:
        raise Interested(f"{act.actor.name} declared an interest in tender {number}: it is not taken back")
    row = session.merge(TenderInterest(**given, declared_at=act.at))
    struck = 0
    if interested and found.state == rules.TENDERED:
        mine = [one for one in queries.scores(session, number) if one.account_id == act.actor.id]
        for one in mine:
            session.delete(one)
        struck = len(mine)
    note(session, act, "interest", found, {"interested": interested, "struck": struck}, reason=text)
    return row


def score(session: Session, act: Act, *, number: int, bid: int, criterion: str, mark: int, reason: str) -> TenderScore:
    """Mark a bid in a judged criterion, 0 to 100, with the reason; a mark given again replaces one's own."""
    require(act.actor, "tender.score")
    found = _opened(session, act, number)
    _require_disinterested(session, act, number)
    one = _bid(session, number, bid)
    if one.state != rules.SUBMITTED:
        raise TenderState(f"bid {bid} is {one.state}: it is not compared", state=one.state)
    judged = [c.criterion for c in queries.rubric(session, number) if c.kind == rules.JUDGED]
    if criterion not in judged:
        known = ", ".join(judged) or "none"
        raise Invalid(f"{criterion} is not judged in tender {number}; judged are: {known}", field="criterion")
    if not 0 <= mark <= rules.FULL or not reason.strip():
        raise Invalid("a mark is 0 to 100 and has its reason", field="mark")
    office = session.get_one(Account, act.actor.id).title
    given: dict[str, Any] = {"bid_id": bid, "criterion": criterion, "account_id": act.actor.id, "office": office}
    row = session.merge(TenderScore(**given, mark=mark, reason=reason, scored_at=act.at))
    told = {"bid": bid, "criterion": criterion, "mark": mark, "office": office}
    note(session, act, "score", found, told, reason=reason)
    return row


def disqualify(session: Session, act: Act, *, number: int, bid: int, reason: str) -> TenderBid:
    """Take a bid out of the comparison, with the reason that its supplier is told."""
    require(act.actor, "tender.prepare")
    found = _opened(session, act, number)
    _require_disinterested(session, act, number)
    one = _bid(session, number, bid)
    if one.state != rules.SUBMITTED or not reason.strip():
        raise TenderState(f"bid {bid} is {one.state}: a bid that was submitted is disqualified with a reason")
    one.state, one.reason = rules.DISQUALIFIED, reason
    session.add(one)
    note(session, act, "disqualify", found, {"bid": bid}, reason=reason)
    return one


def evaluate(session: Session, act: Act, *, number: int) -> Tender:
    """Close the evaluation: every bid's points and rank as the rubric gives them. Without a bid the tender fails."""
    require(act.actor, "tender.prepare")
    found = _opened(session, act, number)
    _require_disinterested(session, act, number)
    criteria, offered, given = (
        queries.rubric(session, number),
        queries.offers(session, number),
        queries.scores(session, number),
    )
    valid = {one.bid for one in offered}
    marked: dict[tuple[int, str], list[str]] = {}
    for row in given:
        if row.bid_id in valid:
            marked.setdefault((row.bid_id, row.criterion), []).append(row.office)
    missing = rules.unmarked(criteria, offered, marked)
    if missing:
        raise MarksMissing(f"tender {number} is not evaluated yet: {'; '.join(missing[:5])}", missing=missing)
    standings = rules.standings(criteria, offered, queries.marks_of(given))
    session.add_all(
        TenderResult(
            tender_id=number,
            bid_id=one.bid,
            lot=one.lot,
            rank=one.rank,
            points=str(one.points),
            points_milli=rules.milli(one.points),
        )
        for one in standings
    )
    found.state = rules.EVALUATED if standings else rules.UNSUCCESSFUL
    found.evaluated_by, found.evaluated_at = act.actor.id, act.at
    found.ended_reason = "" if standings else "no valid bid"
    session.add(found)
    note(session, act, "evaluate", found, {"standings": [queries.told(one) for one in standings]})
    return found


def notify(session: Session, act: Act, *, number: int) -> Tender:
    """Tell all bidders the result: the standstill begins (10 days by electronic notice, 15 otherwise)."""
    require(act.actor, "tender.release")
    found = _in(session, number, rules.EVALUATED)
    _require_disinterested(session, act, number)
    require_other(act.actor, {found.evaluated_by or 0: f"evaluated tender {number}"})
    today = governance.local_day(session, act.at)
    found.standstill_until = rules.standstill_until(today, electronic=found.electronic, country=found.country)
    found.state = rules.STANDSTILL
    session.add(found)
    note(session, act, "notify", found, {"standstill_until": found.standstill_until.isoformat()})
    return found


def object_to(session: Session, act: Act, *, number: int, supplier: str, text: str) -> TenderObjection:
    """A bidder objects within the standstill; nothing is awarded until it is decided."""
    require(act.actor, "tender.object", member=supplier)
    found = _in(session, number, rules.STANDSTILL)
    today = governance.local_day(session, act.at)
    if found.standstill_until is None or today > found.standstill_until:
        raise ObjectionLate(f"the standstill of tender {number} ended on {found.standstill_until}")
    if supplier not in {one.supplier_code for one in queries.bids(session, number)}:
        raise ObjectionLate(f"{supplier} made no bid in tender {number}", supplier=supplier)
    row = TenderObjection(tender_id=number, supplier_code=supplier, text=text, lodged_at=act.at)
    session.add(row)
    session.flush()
    note(session, act, "object", found, {"objection": row.id, "supplier": supplier})
    return row


def decide_objection(
    session: Session, act: Act, *, number: int, objection: int, upheld: bool, reason: str
) -> TenderObjection:
    """Decide an objection as somebody who had no part in the evaluation; one upheld opens the evaluation again."""
    require(act.actor, "tender.review")
    found = _in(session, number, rules.STANDSTILL)
    row = session.get(TenderObjection, objection, with_for_update=True)
    if row is None or row.tender_id != number:
        raise NotFound(f"tender {number} has no objection {objection}", field="objection", value=objection)
    if row.decided_at is not None or not reason.strip():
        raise TenderState(f"objection {objection} is decided once, with a reason")
    part = {one.account_id: f"marked bids of tender {number}" for one in queries.scores(session, number)}
    require_other(act.actor, part | {found.evaluated_by or 0: f"evaluated tender {number}"})
    _require_disinterested(session, act, number)
    row.upheld, row.decided_by, row.decided_at, row.reason = upheld, act.actor.id, act.at, reason
    session.add(row)
    if upheld:
        session.exec(delete(TenderResult).where(table_of(TenderResult).c.tender_id == number))
        found.state, found.standstill_until, found.evaluated_at = rules.TENDERED, None, None
        session.add(found)
    note(session, act, "review", found, {"objection": objection, "upheld": upheld}, reason=reason)
    return row


def award(session: Session, act: Act, *, number: int) -> Tender:
    """Award every lot to the bid of rank 1 as the committee decided it, after standstill and objections."""
    require(act.actor, "tender.award")
    found = _in(session, number, rules.STANDSTILL)
    _require_disinterested(session, act, number)
    require_other(act.actor, {found.evaluated_by or 0: f"evaluated tender {number}"})
    today = governance.local_day(session, act.at)
    waiting = [row.id for row in queries.objections(session, number) if row.decided_at is None]
    if waiting:
        raise StandsStill(f"objection {waiting[0]} against tender {number} is not decided", objections=waiting)
    if found.standstill_until is None or today <= found.standstill_until:
        raise StandsStill(
            f"tender {number} stands still up to and with {found.standstill_until}",
            until=found.standstill_until and found.standstill_until.isoformat(),
        )
    differences = queries.recount(session, number)["differences"]
    if differences:
        raise Conflict(f"counted again, the result differs: {'; '.join(differences[:3])}", differences=differences)
    effect = award_effect(session, number)
    under = gate.decide(session, act, effect)
    found.state, found.awarded_at = rules.AWARDED, act.at
    session.add(found)
    won = {supplier: [row.lot for row in rows] for supplier, rows in queries.winners(session, number).items()}
    note(session, act, "award", found, {"won": won, "hash": effect.hash} | under.told)
    return found


def award_effect(session: Session, number: int) -> Effect:
    """What is decided with the award: every lot with the bid of rank 1, its supplier, points and maximum.

    Refuses a tender whose evaluation is not closed, or that has been awarded or ended.
    """
    found = queries.tender(session, number)
    won = queries.winners(session, number)
    if found.state not in (rules.EVALUATED, rules.STANDSTILL) or not won:
        raise queries.NotEvaluated(f"tender {number} is {found.state}: there is nothing to award", state=found.state)
    maxima = {row.lot: row.maximum_minor for row in queries.lots(session, number)}
    rows = sorted((row.lot, supplier, row.bid_id, row.points) for supplier, mine in won.items() for row in mine)
    payload: dict[str, Any] = {"tender": found.code, "specification": found.specification}
    payload |= {"won": [[*row, maxima[row[0]]] for row in rows]}
    return Effect("tender.award", f"tender:{found.code}", payload, value_minor=sum(maxima[row[0]] for row in rows))


def contract_effect(session: Session, *, number: int, supplier: str) -> Effect:
    """What is decided with the signature of a winner's contract: its term, lots, members, prices and emissions."""
    found = _in(session, number, rules.AWARDED, lock=False)
    won = queries.winners(session, number).get(supplier)
    if not won:
        raise NotFound(f"{supplier} won no lot of tender {number}", field="supplier", value=supplier)
    maxima = {row.lot: row for row in queries.lots(session, number)}
    joined = [row for row in queries.choices(session, number) if row.choice == rules.IN]
    lots = [
        {
            "lot": row.lot,
            "title": maxima[row.lot].title,
            "maximum_minor": maxima[row.lot].maximum_minor,
            "bid": row.bid_id,
            "points": row.points,
            "members": {one.member_code: one.reserved_minor for one in joined if one.lot == row.lot},
            "prices": {
                line.item_code: [line.pack_price_minor, line.emission_mg, line.declaration]
                for line in queries.bid_lines(session, row.bid_id)
            },
            **_tiers(session, row.bid_id),
        }
        for row in won
    ]
    code, ceiling = queries.contract_code(found, supplier), sum(maxima[row.lot].maximum_minor for row in won)
    payload: dict[str, Any] = {
        "tender": found.code,
        "specification": found.specification,
        "supplier": supplier,
        "starts": found.starts.isoformat(),
        "ends": found.ends.isoformat(),
        "currency": found.currency,
        "ceiling_minor": ceiling,
        "minimum_order_minor": found.minimum_order_minor,
        "lead_time_days": found.lead_time_days,
        "lots": lots,
    }
    return Effect("contract.adopt", f"contract:{code}", payload, value_minor=ceiling)


def _tiers(session: Session, bid: int) -> dict[str, Any]:
    """The tiers of a bid, if it has any: bids without them keep the effect that they had before there were tiers."""
    found = {item: [list(one) for one in tiers] for item, tiers in queries.bid_tiers(session, bid).items()}
    return {"tiers": found} if found else {}


def sign(session: Session, act: Act, *, number: int, supplier: str) -> Contract:
    """Sign a winner's contract as the committee decided it: lots, prices, reserved maxima and declared emissions."""
    require(act.actor, "contract.adopt")
    _require_disinterested(session, act, number)
    found = _in(session, number, rules.AWARDED)
    effect = contract_effect(session, number=number, supplier=supplier)
    code = queries.contract_code(found, supplier)
    if session.get(Contract, code) is not None:
        raise Conflict(f"contract {code} is signed already", field="supplier", value=supplier)
    under = gate.decide(session, act, effect)
    terms = effect.payload
    row = Contract(
        code=code,
        supplier_code=supplier,
        state="active",
        starts=found.starts,
        ends=found.ends,
        currency=found.currency,
        minimum_order_minor=found.minimum_order_minor,
        ceiling_minor=terms["ceiling_minor"],
        remaining_minor=terms["ceiling_minor"],
        lead_time_days=found.lead_time_days,
    )
    session.add(row)
    session.flush()
    for lot in terms["lots"]:
        _add_lot(session, number, code, lot)
    session.add(TenderContract(contract_code=code, tender_id=number, decision_id=under.decision, signed_at=act.at))
    session.flush()
    if len(queries.signed(session, number)) == len(queries.winners(session, number)):
        found.state = rules.SIGNED
        session.add(found)
    told = {"contract": code, "supplier": supplier, "hash": effect.hash, "ceiling_minor": terms["ceiling_minor"]}
    note(session, act, "sign", found, told | under.told)
    return row


def _add_lot(session: Session, number: int, code: str, lot: dict[str, Any]) -> None:
    """A lot of a new contract with its items, prices, members and declarations."""
    name, maximum = lot["lot"], lot["maximum_minor"]
    title = lot["title"]
    session.add(ContractLot(contract_code=code, lot=name, title=title, maximum_minor=maximum, remaining_minor=maximum))
    session.add_all(
        ContractMember(contract_code=code, lot=name, member_code=member, reserved_minor=share)
        for member, share in sorted(lot["members"].items())
    )
    for asked in queries.lot_items(session, number, name):
        price, emission, declaration = lot["prices"][asked.item_code]
        session.add(_line(code, asked.item_code, asked))
        session.add(ContractLotItem(contract_code=code, item_code=asked.item_code, lot=name))
        for start, cost in [(1, price), *lot.get("tiers", {}).get(asked.item_code, [])]:
            tier = {"contract_code": code, "item_code": asked.item_code, "from_packs": start, "pack_price_minor": cost}
            session.add(PriceTier(**tier))
        if emission is not None:
            told = {"emission_mg": emission, "declaration": declaration}
            session.add(DeclaredEmission(contract_code=code, item_code=asked.item_code, **told))


def _line(code: str, item: str, asked: Any) -> ContractLine:
    return ContractLine(
        contract_code=code,
        item_code=item,
        minimum_packs=asked.minimum_packs,
        pack_multiple=asked.pack_multiple,
        shelf_life_on_delivery_days=asked.shelf_life_on_delivery_days,
    )


def _opened(session: Session, act: Act, number: int) -> Tender:
    """The tender once its bids are open and not evaluated yet."""
    found = _in(session, number, rules.TENDERED)
    queries.require_open(found, at=act.at)
    return found


def _in(session: Session, number: int, *states: str, lock: bool = True) -> Tender:
    found = queries.tender(session, number, lock=lock)
    if found.state not in states:
        raise TenderState(
            f"tender {number} is {found.state}: this needs it to be {' or '.join(states)}", state=found.state
        )
    return found


def _bid(session: Session, number: int, bid: int) -> TenderBid:
    found = session.get(TenderBid, bid)
    if found is None or found.tender_id != number:
        raise NotFound(f"tender {number} has no bid {bid}", field="bid", value=bid)
    return found


def _require_disinterested(session: Session, act: Act, number: int) -> None:
    """Refuse who has an interest in the tender, or has not said that there is none."""
    known = queries.interests(session, number).get(act.actor.id)
    if known is None:
        raise Interested(
            f"{act.actor.name} has not declared whether there is an interest in tender {number}: "
            f"POST /api/v1/tenders/{number}/interests first"
        )
    if known.interested:
        raise Interested(f"{act.actor.name} has an interest in tender {number} and takes no part in judging it")
