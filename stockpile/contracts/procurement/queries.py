"""Reading tenders: what was asked for, who takes part, the bids once they are open, and the award counted again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts.procurement import rules
from stockpile.contracts.procurement.rules import Criterion, Marks, Offer, Standing
from stockpile.contracts.procurement.tables import (
    DeclaredEmission,
    Specification,
    SpecificationAnnex,
    Tender,
    TenderBid,
    TenderBidLine,
    TenderBidTier,
    TenderChoice,
    TenderContract,
    TenderCriterion,
    TenderInterest,
    TenderLot,
    TenderLotItem,
    TenderObjection,
    TenderResult,
    TenderScore,
)
from stockpile.contracts.rules import tier_price
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.errors import Conflict, NotFound
from stockpile.journal import JournalEntry


class UnknownTender(NotFound):
    """No tender has this number."""

    code = "unknown_tender"


class Sealed(Conflict):
    """Bids are not read before the time to bid is over."""

    code = "bids_sealed"


class NotEvaluated(Conflict):
    """The evaluation has not been closed: there is nothing to count again."""

    code = "not_evaluated"


def tender(session: Session, number: int, *, lock: bool = False) -> Tender:
    """One tender; refuses an unknown number."""
    found = session.get(Tender, number, with_for_update=lock or None)
    if found is None:
        raise UnknownTender(f"there is no tender {number}", field="number", value=number)
    return found


def tenders(session: Session) -> list[Tender]:
    """All tenders, the newest first."""
    return list(session.exec(select(Tender).order_by(col(Tender.id).desc())))


def specifications(session: Session, number: int) -> list[dict[str, Any]]:
    """The versions of the specification with their annexes by country, oldest first."""
    annexes: dict[int, dict[str, str]] = defaultdict(dict)
    for row in session.exec(select(SpecificationAnnex).where(SpecificationAnnex.tender_id == number)):
        annexes[row.version][row.country] = row.text
    query = select(Specification).where(Specification.tender_id == number).order_by(col(Specification.version))
    return [{**row.model_dump(), "annexes": annexes[row.version]} for row in session.exec(query)]


def lots(session: Session, number: int) -> list[TenderLot]:
    """The lots of a tender."""
    return list(session.exec(select(TenderLot).where(TenderLot.tender_id == number).order_by(col(TenderLot.lot))))


def lot_items(session: Session, number: int, lot: str | None = None) -> list[TenderLotItem]:
    """The items of a tender, or of one lot of it."""
    query = select(TenderLotItem).where(TenderLotItem.tender_id == number)
    query = query if lot is None else query.where(TenderLotItem.lot == lot)
    return list(session.exec(query.order_by(col(TenderLotItem.lot), col(TenderLotItem.item_code))))


def choices(session: Session, number: int) -> list[TenderChoice]:
    """What members chose, by lot and member."""
    query = select(TenderChoice).where(TenderChoice.tender_id == number)
    return list(session.exec(query.order_by(col(TenderChoice.lot), col(TenderChoice.member_code))))


def rubric(session: Session, number: int) -> list[Criterion]:
    """The criteria of a tender, the heaviest first."""
    query = select(TenderCriterion).where(TenderCriterion.tender_id == number)
    rows = session.exec(query.order_by(col(TenderCriterion.weight).desc(), col(TenderCriterion.criterion)))
    return [Criterion(row.criterion, row.title, row.weight, row.kind) for row in rows]


def bids(session: Session, number: int, *, valid: bool = False) -> list[TenderBid]:
    """The bids of a tender in the order in which they came; `valid`: those that are compared."""
    query = select(TenderBid).where(TenderBid.tender_id == number).order_by(col(TenderBid.id))
    return list(session.exec(query.where(TenderBid.state == rules.SUBMITTED) if valid else query))


def bid_lines(session: Session, bid: int) -> list[TenderBidLine]:
    """The prices and declared emissions of a bid."""
    query = select(TenderBidLine).where(TenderBidLine.bid_id == bid)
    return list(session.exec(query.order_by(col(TenderBidLine.item_code))))


def bid_tiers(session: Session, bid: int) -> dict[str, list[tuple[int, int]]]:
    """By item (from so many packs on, price of a pack in minor units), from two packs on, rising."""
    query = select(TenderBidTier).where(TenderBidTier.bid_id == bid).order_by(col(TenderBidTier.from_packs))
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in session.exec(query):
        found[row.item_code].append((row.from_packs, row.pack_price_minor))
    return dict(found)


def require_open(found: Tender, *, at: datetime) -> None:
    """Refuse to read bids before the time to bid is over."""
    if found.closes is None or at < found.closes:
        until = f"until {found.closes:%Y-%m-%d %H:%M} UTC" if found.closes else "until the tender is published and over"
        raise Sealed(
            f"the bids of tender {found.id} are sealed {until}", closes=found.closes and found.closes.isoformat()
        )


def _cost(line: TenderBidLine, tiers: Sequence[tuple[int, int]], packs: int) -> int:
    return packs * tier_price([(1, line.pack_price_minor), *tiers], packs)


def offers(session: Session, number: int, *, states: Sequence[str] = (rules.SUBMITTED,)) -> list[Offer]:
    """The valid bids (or those in other states) as they are compared: over the estimated packs of each item.

    Each item is counted at the price that one order of its estimated packs would reach.
    """
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    packs = {(row.lot, row.item_code): row.packs for row in lot_items(session, number)}
    found = []
    for bid in (one for one in bids(session, number) if one.state in states):
        lines, tiers = bid_lines(session, bid.id or 0), bid_tiers(session, bid.id or 0)
        cost = sum(_cost(line, tiers.get(line.item_code, []), packs[bid.lot, line.item_code]) for line in lines)
        emissions = [
            packs[bid.lot, line.item_code] * sizes[line.item_code] * line.emission_mg
            for line in lines
            if line.emission_mg is not None
        ]
        emission = sum(emissions) if len(emissions) == len(lines) else None
        found.append(Offer(bid.id or 0, bid.supplier_code, bid.lot, cost, emission))
    return found


def scores(session: Session, number: int) -> list[TenderScore]:
    """The marks given to the bids of a tender."""
    query = select(TenderScore).join(TenderBid, col(TenderBid.id) == col(TenderScore.bid_id))
    query = query.where(TenderBid.tender_id == number)
    order = (col(TenderScore.bid_id), col(TenderScore.criterion), col(TenderScore.account_id))
    return list(session.exec(query.order_by(*order)))


def marks_of(found: Sequence[TenderScore]) -> Marks:
    """Marks by bid and criterion."""
    marks: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in found:
        marks[row.bid_id, row.criterion].append(row.mark)
    return dict(marks)


def interests(session: Session, number: int) -> dict[int, TenderInterest]:
    """What persons declared, by account."""
    query = select(TenderInterest).where(TenderInterest.tender_id == number).order_by(col(TenderInterest.account_id))
    return {row.account_id: row for row in session.exec(query)}


def results(session: Session, number: int) -> list[TenderResult]:
    """How the bids stood when the evaluation was closed, by lot and rank."""
    query = select(TenderResult).where(TenderResult.tender_id == number)
    return list(session.exec(query.order_by(col(TenderResult.lot), col(TenderResult.rank))))


def objections(session: Session, number: int) -> list[TenderObjection]:
    """The objections against the award, oldest first."""
    query = select(TenderObjection).where(TenderObjection.tender_id == number)
    return list(session.exec(query.order_by(col(TenderObjection.id))))


def winners(session: Session, number: int) -> dict[str, list[TenderResult]]:
    """The lots won, by supplier."""
    suppliers = {bid.id: bid.supplier_code for bid in bids(session, number)}
    found: dict[str, list[TenderResult]] = defaultdict(list)
    for row in results(session, number):
        if row.rank == 1:
            found[suppliers[row.bid_id]].append(row)
    return dict(sorted(found.items()))


def signed(session: Session, number: int) -> list[TenderContract]:
    """The contracts that came of a tender."""
    query = select(TenderContract).where(TenderContract.tender_id == number)
    return list(session.exec(query.order_by(col(TenderContract.contract_code))))


def contract_code(found: Tender, supplier: str) -> str:
    """The code of the contract that a supplier gets of a tender."""
    return f"{found.code}-{supplier}"


def shown(session: Session, number: int) -> dict[str, Any]:
    """Everything published of a tender; bids and marks are told apart, once they are open."""
    found = tender(session, number)
    return {
        **found.model_dump(),
        "specifications": specifications(session, number),
        "lots": lots(session, number),
        "items": lot_items(session, number),
        "members": choices(session, number),
        "criteria": rubric(session, number),
        "results": results(session, number),
        "objections": objections(session, number),
        "contracts": signed(session, number),
    }


def bid_rows(session: Session, number: int, *, at: datetime) -> list[dict[str, Any]]:
    """The bids with their lines and marks; refused while they are sealed."""
    require_open(tender(session, number), at=at)
    given = scores(session, number)
    return [
        {
            **bid.model_dump(),
            "lines": bid_lines(session, bid.id or 0),
            "tiers": bid_tiers(session, bid.id or 0),
            "scores": [row for row in given if row.bid_id == bid.id],
        }
        for bid in bids(session, number)
    ]


def recount(session: Session, number: int) -> dict[str, Any]:
    """The award counted again from the bids, marks and rubric on record, and what differs from what was concluded.

    With all that went into it, so that anyone can count for themselves.
    Differences are told against the stored results and against the journal.
    """
    found = tender(session, number)
    stored = results(session, number)
    if not stored:
        raise NotEvaluated(f"tender {number} is {found.state}: its evaluation has not been closed", state=found.state)
    criteria, offered, given = rubric(session, number), offers(session, number), scores(session, number)
    again = rules.standings(criteria, offered, marks_of(given))
    return {
        "tender": number,
        "code": found.code,
        "rule": (rules.standings.__doc__ or "").split("\n\n")[1].strip(),
        "criteria": criteria,
        "offers": offered,
        "scores": given,
        "again": [told(one) for one in again],
        "differences": _differences(session, found, stored, again),
    }


def told(one: Standing) -> dict[str, Any]:
    """A standing as JSON knows it: fractions as text, and in thousandths."""
    by_criterion = {name: str(points) for name, points in sorted(one.by_criterion.items())}
    named = {"bid": one.bid, "supplier": one.supplier, "lot": one.lot, "rank": one.rank}
    return {**named, "points": str(one.points), "points_milli": rules.milli(one.points), "by_criterion": by_criterion}


def _differences(
    session: Session, found: Tender, stored: Sequence[TenderResult], again: Sequence[Standing]
) -> list[str]:
    counted = {(one.lot, one.bid): (one.rank, str(one.points)) for one in again}
    kept = {(row.lot, row.bid_id): (row.rank, row.points) for row in stored}
    journalled = _journalled(session, found)
    told = []
    for key in sorted(counted | kept | journalled):
        ours = counted.get(key)
        for name, theirs in (("results", kept.get(key)), ("journal", journalled.get(key))):
            if ours != theirs:
                told.append(f"lot {key[0]}, bid {key[1]}: counted {_rank(ours)}, the {name} have {_rank(theirs)}")
    return told


def _journalled(session: Session, found: Tender) -> dict[tuple[str, int], tuple[int, str]]:
    query = select(JournalEntry).where(JournalEntry.subject == f"tender:{found.code}")
    query = query.where(JournalEntry.action == "tender.evaluate").order_by(col(JournalEntry.id).desc())
    entry = session.exec(query).first()
    rows = json.loads(entry.payload)["standings"] if entry else []
    return {(row["lot"], row["bid"]): (row["rank"], row["points"]) for row in rows}


def _rank(one: tuple[int, str] | None) -> str:
    return f"rank {one[0]} with {one[1]} points" if one else "nothing"


def emissions(session: Session, contract: str) -> dict[str, Any]:
    """What the delivered units of a contract emit by its supplier's declarations (milligrams of CO2 equivalent).

    `per_unit_mg` is the mean over the delivered base units that are declared,
    None where none is; `undeclared_units` came without a declaration.
    """
    query = select(DeclaredEmission).where(DeclaredEmission.contract_code == contract)
    declared = {row.item_code: row for row in session.exec(query.order_by(col(DeclaredEmission.item_code)))}
    came: dict[str, int] = defaultdict(int)
    lines = select(CallOffLine).join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
    for line in session.exec(lines.where(CallOff.contract_code == contract)):
        came[line.item_code] += line.received + line.over
    units = sum(quantity for item, quantity in came.items() if item in declared)
    total = sum(quantity * declared[item].emission_mg for item, quantity in came.items() if item in declared)
    return {
        "contract": contract,
        "declared": [asdict_of(row) for row in declared.values()],
        "delivered": dict(sorted(came.items())),
        "declared_units": units,
        "undeclared_units": sum(came.values()) - units,
        "total_mg": total,
        "per_unit_mg": (2 * total + units) // (2 * units) if units else None,
    }


def asdict_of(row: DeclaredEmission) -> dict[str, Any]:
    """A declaration without the contract's code."""
    return row.model_dump(exclude={"contract_code"})


def criteria_rows(rubric: Sequence[Criterion]) -> list[dict[str, Any]]:
    """The criteria as JSON knows them."""
    return [asdict(one) for one in rubric]
