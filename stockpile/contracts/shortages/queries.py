"""The ways in which contracts offer an item on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlmodel import Session, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts.shortages.rules import Way
from stockpile.contracts.tables import ContractLine
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as terms_rules
from stockpile.contracts.terms.rules import Terms


def ways(session: Session, item: str, on: date) -> list[Way]:
    """Every way to order an item on that day: ordinary, from immediate availability, and by surge option."""
    size = catalogue.item(session, item).pack_size
    lines = session.exec(select(ContractLine).where(ContractLine.item_code == item))
    found = [way for line in lines for way in _ways(session, line, size, on)]
    return sorted(found, key=lambda way: (way.contract, way.kind))


def _ways(session: Session, line: ContractLine, size: int, on: date) -> Iterator[Way]:
    code, item = line.contract_code, line.item_code
    tiers = tuple(agreed.tiers_on(session, on, code=code).get((code, item), ()))
    _, terms = agreed.terms_on(session, code, on)
    may_order = terms_rules.may_order(agreed.standing(session, code, on))
    if not tiers or not may_order or str(on.isoweekday()) not in terms.order_weekdays:
        return
    remaining = limits.remaining(session, code, item)
    yield _way(line, terms, size, tiers, days=terms.lead_time_days, budget=remaining)
    if terms.immediate_permille:
        share = limits.immediately(session, code, item, terms)
        yield _way(line, terms, size, tiers, days=terms.immediate_days, budget=share, kind=terms_rules.IMMEDIATE)
    for option in agreed.options(session, code, item=item):
        if option.opens <= on <= option.closes and option.remaining >= size:
            yield Way(
                contract=code,
                kind=terms_rules.OPTION,
                days=option.days,
                pack_size=size,
                minimum_packs=1,
                pack_multiple=1,
                most_packs=option.remaining // size,
                tiers=tiers,
                price_permille=option.price_permille,
                fee_minor=option.fee_minor,
                budget_minor=remaining,
            )


def _way(
    line: ContractLine,
    terms: Terms,
    size: int,
    tiers: tuple[tuple[int, int], ...],
    *,
    days: int,
    budget: int,
    kind: str = terms_rules.NORMAL,
) -> Way:
    cheapest = max(1, min(price for _, price in tiers))
    return Way(
        contract=line.contract_code,
        kind=kind,
        days=days,
        pack_size=size,
        minimum_packs=line.minimum_packs,
        pack_multiple=line.pack_multiple,
        most_packs=budget // cheapest,
        tiers=tiers,
        budget_minor=budget,
        minimum_order_minor=terms.minimum_order_minor,
    )
