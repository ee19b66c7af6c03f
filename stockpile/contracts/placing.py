"""What is asked of an order as it is placed: its price on the day, its option, and what it takes from the contract."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from stockpile.contracts import queries, rules
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as terms_rules
from stockpile.contracts.terms.rules import Terms
from stockpile.contracts.terms.tables import SurgeOption
from stockpile.errors import Conflict


class PriceNotValid(Conflict):
    """The price is not that of the contract's version on the day of the order (K3)."""

    code = "price_not_valid"


def order_of(session: Session, calloff: CallOff) -> limits.Order:
    """What a call-off takes from its contract, by item; an option's fee counts with its first item."""
    costs: dict[str, int] = {}
    for line in queries.lines(session, calloff.id or 0):
        costs[line.item_code] = costs.get(line.item_code, calloff.fee_minor if not costs else 0)
        costs[line.item_code] += line.packs * line.pack_price_minor
    return limits.Order(calloff.contract_code, costs, calloff.member_code)


def require_price(session: Session, calloff: CallOff, today: date) -> None:
    """Refuse a price that is not the tier of the version valid on the day of the order (K3)."""
    tiers = agreed.tiers_on(session, today, code=calloff.contract_code)
    for line in queries.lines(session, calloff.id or 0):
        known = tiers.get((calloff.contract_code, line.item_code))
        price = rules.tier_price(known, line.packs) if known else None
        if price is not None and calloff.kind == terms_rules.OPTION:
            option = session.get_one(SurgeOption, (calloff.contract_code, line.item_code))
            price = rules.option_price(price, option.price_permille)
        if price != line.pack_price_minor:
            raise PriceNotValid(
                f"clause K3: {line.packs} packs of {line.item_code} cost {price} each under contract "
                f"{calloff.contract_code} on {today}, not {line.pack_price_minor}: propose the order anew",
                clause="K3",
                line=line.id,
                price_minor=price,
            )


def exercise(session: Session, calloff: CallOff, today: date) -> None:
    """Take what an order by surge option needs from its options (K6); hold one at once to the share that is."""
    if calloff.kind == terms_rules.IMMEDIATE:
        _, terms = agreed.terms_on(session, calloff.contract_code, today)
        limits.require_immediate(session, order_of(session, calloff), terms)
    if calloff.kind == terms_rules.OPTION:
        for line in queries.lines(session, calloff.id or 0):
            limits.take_option(session, calloff.contract_code, line.item_code, line.quantity, today)


def lead_days(session: Session, calloff: CallOff, terms: Terms) -> int:
    """Days from order to delivery that the contract gives an order of this kind."""
    if calloff.kind == terms_rules.OPTION:
        lines = queries.lines(session, calloff.id or 0)
        return max(session.get_one(SurgeOption, (calloff.contract_code, one.item_code)).days for one in lines)
    return terms.immediate_days if calloff.kind == terms_rules.IMMEDIATE else terms.lead_time_days


def release_option(session: Session, calloff: CallOff, line: CallOffLine, missing: int) -> int:
    """Give an option its units back that will not come (base units); the fee that is free again (minor units).

    The fee stands once anything of the order came; it is free where the order
    ends without. Its share counts with the order's first item, as it was taken.
    """
    if calloff.kind != terms_rules.OPTION:
        return 0
    limits.give_option_back(session, calloff.contract_code, line.item_code, missing)
    if calloff.state != rules.SHORT_CLOSED or not calloff.fee_minor:
        return 0
    first, fee = queries.lines(session, calloff.id or 0)[0], calloff.fee_minor
    limits.give_back(session, limits.Order(calloff.contract_code, {first.item_code: fee}, calloff.member_code))
    return fee
