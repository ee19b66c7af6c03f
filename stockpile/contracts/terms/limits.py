"""What an order takes from a contract, and what it gives back: ceiling, lots, members' shares, options.

Each is one guarded statement: the database refuses what would go below zero,
however many orders are placed at once. Refusals name the clause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col

from stockpile.contracts.tables import Contract
from stockpile.contracts.terms import queries, rules
from stockpile.contracts.terms.rules import Terms
from stockpile.contracts.terms.tables import ContractCondition, ContractLot, ContractMember, SurgeOption
from stockpile.db import rows_changed
from stockpile.errors import Conflict
from stockpile.governance import queries as governance


class CeilingReached(Conflict):
    """The contract's ceiling, or the maximum of one of its lots, does not allow this order (K1)."""

    code = "ceiling_reached"


class ShareUsedUp(Conflict):
    """The member has not reserved so much (K1)."""

    code = "reservation_used_up"


class NotListed(Conflict):
    """The member does not take part in this lot of the contract (K7)."""

    code = "member_not_listed"


class ConditionNotMet(Conflict):
    """The lot does not apply in the member's country until its condition is met."""

    code = "country_condition"


class ContractEnded(Conflict):
    """No order under a contract outside its term (K4)."""

    code = "contract_ended"


class OptionClosed(Conflict):
    """The option cannot be exercised now, or not for so much (K6)."""

    code = "option_closed"


@dataclass(frozen=True, slots=True)
class Order:
    """What an order costs by item (minor units) under a contract, and for which member (None: for the pool)."""

    contract: str
    costs: Mapping[str, int]
    member: str | None = None

    @property
    def cost_minor(self) -> int:
        """What all of it costs."""
        return sum(self.costs.values())


def require_orderable(session: Session, code: str, on: date) -> None:
    """Refuse orders under a contract that has not begun, has ended or is suspended (K4)."""
    stands = queries.standing(session, code, on)
    if not rules.may_order(stands):
        found, (_, terms) = queries.contract(session, code), queries.terms_on(session, code, on)
        raise ContractEnded(
            f"clause K4: contract {code} runs from {found.starts} to {terms.ends} and is {stands}: nothing is ordered",
            clause="K4",
            state=stands,
        )


def require_listed(session: Session, order: Order) -> None:
    """Refuse a member that is not listed for a lot of the order (K7), or in whose country the lot does not apply."""
    if order.member is None:
        return
    listed = {(row.lot, row.member_code) for row in queries.members(session, order.contract)}
    for lot in sorted(_by_lot(session, order), key=str):
        if listed and (lot, order.member) not in listed:
            where = f"lot {lot} of " if lot else ""
            raise NotListed(
                f"clause K7: {order.member} does not take part in {where}contract {order.contract}",
                clause="K7",
                member=order.member,
                lot=lot,
            )
        _require_condition(session, order.contract, lot or "", order.member)


def _require_condition(session: Session, code: str, lot: str, member: str) -> None:
    country = governance.member(session, member).country
    found = session.get(ContractCondition, (code, lot, country))
    if found is not None and not found.met:
        raise ConditionNotMet(
            f"lot {lot} of contract {code} does not apply in {country} yet: {found.condition}",
            country=country,
            condition=found.condition,
        )


def take(session: Session, order: Order) -> None:
    """Take an order's cost from ceiling, lots and the member's reservations; all of it or a refusal (K1)."""
    take_from_ceiling(session, order.contract, order.cost_minor)
    for lot, cost in sorted(_by_lot(session, order).items(), key=str):
        if lot is not None:
            _take_from_lot(session, order.contract, lot, cost)
            _take_from_share(session, order, lot, cost)


def took(session: Session, order: Order) -> bool:
    """As `take`, or nothing at all and False where the contract does not leave so much."""
    try:
        with session.begin_nested():
            take(session, order)
    except (CeilingReached, ShareUsedUp):
        return False
    return True


def give_back(session: Session, order: Order) -> None:
    """Undo `take` for what will not come."""
    session.flush()
    more = update(Contract).where(col(Contract.code) == order.contract)
    rows_changed(session, more.values(remaining_minor=col(Contract.remaining_minor) + order.cost_minor))
    for lot, cost in sorted(_by_lot(session, order).items(), key=str):
        of_lot = (col(ContractLot.contract_code) == order.contract, col(ContractLot.lot) == lot)
        freed = update(ContractLot).where(*of_lot)
        rows_changed(session, freed.values(remaining_minor=col(ContractLot.remaining_minor) + cost))
        share = update(ContractMember).where(*_share(order, lot or ""))
        rows_changed(session, share.values(ordered_minor=col(ContractMember.ordered_minor) - cost))
    session.expire_all()


def remaining(session: Session, code: str, item: str) -> int:
    """What ceiling and lot leave for an item (minor units)."""
    left = queries.contract(session, code).remaining_minor
    lot = queries.lot_of(session, code, item)
    return min(left, session.get_one(ContractLot, (code, lot)).remaining_minor) if lot else left


def immediately(session: Session, code: str, item: str, terms: Terms) -> int:
    """What of that must be available immediately, by the contract's share (minor units)."""
    return remaining(session, code, item) * terms.immediate_permille // 1000


def require_immediate(session: Session, order: Order, terms: Terms) -> None:
    """Refuse more from immediate availability than the contract's share of what remains."""
    for item, cost in order.costs.items():
        share = immediately(session, order.contract, item, terms)
        if cost > share:
            raise OptionClosed(
                f"clause immediate availability: contract {order.contract} has {share} of {item} at once, not {cost}",
                clause="immediate availability",
                share_minor=share,
                cost_minor=cost,
            )


def take_from_ceiling(session: Session, code: str, cost_minor: int) -> None:
    """Take a cost from the contract's ceiling, or refuse with what it leaves (K1)."""
    if not took_from_ceiling(session, code, cost_minor):
        remaining = session.get_one(Contract, code).remaining_minor
        raise CeilingReached(
            f"clause K1: contract {code} has {remaining} left below its ceiling, this costs {cost_minor}",
            clause="K1",
            remaining_minor=remaining,
            cost_minor=cost_minor,
        )


def took_from_ceiling(session: Session, code: str, cost_minor: int) -> bool:
    """Take a cost from the contract's ceiling; False where it leaves too little."""
    taken = update(Contract).where(col(Contract.code) == code, col(Contract.remaining_minor) >= cost_minor)
    done = rows_changed(session, taken.values(remaining_minor=col(Contract.remaining_minor) - cost_minor)) == 1
    session.refresh(session.get_one(Contract, code))
    return done


def take_option(session: Session, code: str, item: str, quantity: int, on: date) -> SurgeOption:
    """Exercise so many base units of an option: only inside its window and remaining quantity (K6)."""
    found = session.get(SurgeOption, (code, item))
    if found is None or not found.opens <= on <= found.closes:
        window = f"from {found.opens} to {found.closes}" if found else "never"
        raise OptionClosed(f"clause K6: contract {code} has an option on {item} {window}, not on {on}", clause="K6")
    taken = update(SurgeOption).where(
        col(SurgeOption.contract_code) == code,
        col(SurgeOption.item_code) == item,
        col(SurgeOption.remaining) >= quantity,
    )
    if not rows_changed(session, taken.values(remaining=col(SurgeOption.remaining) - quantity)):
        session.refresh(found)
        raise OptionClosed(
            f"clause K6: the option of contract {code} on {item} has {found.remaining} left, {quantity} are asked",
            clause="K6",
            remaining=found.remaining,
            quantity=quantity,
        )
    session.refresh(found)
    return found


def give_option_back(session: Session, code: str, item: str, quantity: int) -> None:
    """Undo `take_option` for an order that is cancelled."""
    of_item = (col(SurgeOption.contract_code) == code, col(SurgeOption.item_code) == item)
    rows_changed(session, update(SurgeOption).where(*of_item).values(remaining=col(SurgeOption.remaining) + quantity))


def _take_from_lot(session: Session, code: str, lot: str, cost: int) -> None:
    of_lot = (col(ContractLot.contract_code) == code, col(ContractLot.lot) == lot)
    taken = update(ContractLot).where(*of_lot, col(ContractLot.remaining_minor) >= cost)
    if not rows_changed(session, taken.values(remaining_minor=col(ContractLot.remaining_minor) - cost)):
        left = session.get_one(ContractLot, (code, lot), populate_existing=True).remaining_minor
        raise CeilingReached(
            f"clause K1: lot {lot} of contract {code} has {left} left below its maximum, this costs {cost}",
            clause="K1",
            lot=lot,
            remaining_minor=left,
            cost_minor=cost,
        )


def _take_from_share(session: Session, order: Order, lot: str, cost: int) -> None:
    if order.member is None or session.get(ContractMember, (order.contract, lot, order.member)) is None:
        return
    free = col(ContractMember.reserved_minor) - col(ContractMember.ordered_minor)
    taken = update(ContractMember).where(*_share(order, lot), free >= cost)
    if not rows_changed(session, taken.values(ordered_minor=col(ContractMember.ordered_minor) + cost)):
        key = (order.contract, lot, order.member)
        row = session.get_one(ContractMember, key, populate_existing=True)
        left = row.reserved_minor - row.ordered_minor
        raise ShareUsedUp(
            f"clause K1: {order.member} has {left} left of what it reserved of lot {lot} of contract "
            f"{order.contract}, this costs {cost}: another member can transfer a reservation",
            clause="K1",
            member=order.member,
            remaining_minor=left,
            cost_minor=cost,
        )


def _share(order: Order, lot: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ContractMember.contract_code) == order.contract,
        col(ContractMember.lot) == lot,
        col(ContractMember.member_code) == order.member,
    )


def _by_lot(session: Session, order: Order) -> dict[str | None, int]:
    found: dict[str | None, int] = defaultdict(int)
    for item, cost in order.costs.items():
        found[queries.lot_of(session, order.contract, item)] += cost
    return found
