"""Reading what a reorder is worked out from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from sqlmodel import Session

from optimizer.reorder.problem import LARGEST_UNITS, Contract, Offer, Problem, Shortage, Tier
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import queries as contracts
from stockpile.contracts import tables
from stockpile.demand import queries as demand
from stockpile.demand.forecasting import queries as forecasts
from stockpile.demand.forecasting.queries import Foreseen
from stockpile.demand.forecasting.rules import INTERMITTENT, SMOOTH
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.reorder import rules
from stockpile.reorder.maintenance import queries as maintenance
from stockpile.reorder.maintenance.rules import due
from stockpile.reorder.tables import BuyingPolicy

OLDEST_FORECAST_DAYS: Final = 8
LEARNED: Final = (SMOOTH, INTERMITTENT)
CRITICAL: Final = 2
HIGH, LESS_HIGH = "0.95", "0.9"
"""The quantile of use that is kept for: of what saves lives, and of the rest."""


class NoPolicy(NotFound):
    """The region has no buying policy."""

    code = "no_buying_policy"


def policy(session: Session) -> BuyingPolicy:
    """The region's buying policy; refuses where there is none."""
    found = session.get(BuyingPolicy, 1)
    if found is None:
        raise NoPolicy("the region has no buying policy: import one with policy.csv", field="policy")
    return found


def problem(session: Session, *, at: datetime, unmet: Mapping[str, int]) -> Problem:
    """What is missing then and who sells it in time; `unmet` is validated need of the surge that was not served.

    What is missing covers use until the quickest contract can deliver again
    after the next look, and what maintenance windows need by then: an offer
    that would arrive later than that is left out.
    """
    today = governance.local_day(session, at)
    valid = contracts.contracts_valid(session, today)
    items = catalogue.items(session)
    offers = _in_time(_offers(session, valid, items, today), review_days=policy(session).review_days)
    by_item: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        by_item[offer.item].append(offer)
    positions = _positions(session, at=at, unmet=unmet, by_item=by_item)
    shortages = [
        _shortage(items[code], position, by_item.get(code, []))
        for code, position in positions.items()
        if rules.missing(position) > 0
    ]
    wanted = {shortage.item for shortage in shortages}
    return Problem(
        budget_minor=policy(session).budget_minor,
        shortages=tuple(shortages),
        contracts=tuple(Contract(c.code, c.minimum_order_minor, c.remaining_minor) for c in valid.values()),
        offers=tuple(offer for offer in offers if offer.item in wanted),
    )


def _in_time(offers: list[Offer], *, review_days: int) -> list[Offer]:
    quickest: dict[str, int] = {}
    for offer in offers:
        quickest[offer.item] = min(offer.lead_time_days, quickest.get(offer.item, offer.lead_time_days))
    return [offer for offer in offers if offer.lead_time_days <= quickest[offer.item] + review_days]


def _offers(
    session: Session, valid: Mapping[str, tables.Contract], items: Mapping[str, Item], today: date
) -> list[Offer]:
    tiers = contracts.tiers(session, today)
    return [
        _offer(line, valid[line.contract_code], items[line.item_code], tiers[line.contract_code, line.item_code])
        for line in contracts.contract_lines(session)
        if line.contract_code in valid
    ]


def _offer(line: tables.ContractLine, contract: tables.Contract, item: Item, tiers: list[tuple[int, int]]) -> Offer:
    cheapest = min(price for _, price in tiers)
    affordable = contract.remaining_minor // cheapest if cheapest else LARGEST_UNITS
    return Offer(
        contract=line.contract_code,
        item=line.item_code,
        pack_size=item.pack_size,
        minimum_packs=line.minimum_packs,
        pack_multiple=line.pack_multiple,
        maximum_packs=min(affordable, LARGEST_UNITS // item.pack_size),
        lead_time_days=contract.lead_time_days,
        tiers=tuple(Tier(from_packs, price) for from_packs, price in tiers),
    )


def _positions(
    session: Session, *, at: datetime, unmet: Mapping[str, int], by_item: Mapping[str, list[Offer]]
) -> dict[str, rules.Position]:
    today = governance.local_day(session, at)
    admissions = sum(demand.usual_admissions(session, today).values())
    floors, inbound, on_hand = inventory.floors(session, today), contracts.inbound(session), _on_hand(session, at)
    review, learned = policy(session).review_days, _learned(session, today)
    leads = {code: min(offer.lead_time_days for offer in offers) for code, offers in by_item.items() if offers}
    days = {code: review + leads.get(code, 0) for code in catalogue.items(session)}
    windows = due(maintenance.ahead(session, today), today=today, days=days)
    found = {}
    for code, item in catalogue.items(session).items():
        use, safety = _use(item, admissions=admissions, learned=learned.get(code), days=days[code])
        found[code] = rules.Position(
            use_milli_per_day=use,
            days=days[code],
            maintenance=windows.get(code, 0),
            unmet=unmet.get(code, 0),
            floor=floors.get(code, 0),
            on_hand=on_hand.get(code, 0),
            inbound=inbound.get(code, 0),
            safety=safety,
        )
    return found


def _learned(session: Session, today: date) -> dict[str, Foreseen]:
    """The newest forecast of each item over all sites, if it is of the last days and was learned from enough."""
    oldest = today - timedelta(days=OLDEST_FORECAST_DAYS)
    return {
        one.item: one
        for one in forecasts.foreseen(session, site="", until=today.isoformat())
        if one.kind in LEARNED and date.fromisoformat(one.slot) >= oldest
    }


def _use(item: Item, *, admissions: int, learned: Foreseen | None, days: int) -> tuple[int, int]:
    """Thousandths used per day over the days to cover, and the base units kept for a higher use.

    What admissions are expected to use in a surge is at least counted: a
    forecast learns of it only as it is used.
    """
    expected = item.baseline_milli_per_day + admissions * item.use_per_admission_milli // 1000
    if learned is None:
        return expected, 0
    periods = min(len(learned.means), max(1, -(-days // learned.days)))
    mean = sum(learned.means[:periods]) // periods
    high = sum(learned.quantiles[HIGH if item.priority <= CRITICAL else LESS_HIGH][:periods]) // periods
    surge = admissions * item.use_per_admission_milli // 1000
    use = max(mean // learned.days, expected if surge else 0)
    return use, rules.safety(mean_milli=mean, high_milli=high, period_days=learned.days, days=days)


def _on_hand(session: Session, at: datetime) -> dict[str, int]:
    quantities: dict[str, int] = defaultdict(int)
    for stock in inventory.usable_pool_stock(session, at):
        quantities[stock.item] += stock.quantity
    return quantities


def _shortage(item: Item, position: rules.Position, offers: list[Offer]) -> Shortage:
    units = min(rules.missing(position), LARGEST_UNITS)
    largest_step = max((max(o.minimum_packs, o.pack_multiple) * o.pack_size for o in offers), default=item.pack_size)
    most = rules.at_most(
        missing_units=units,
        largest_step=largest_step,
        use_milli_per_day=position.use_milli_per_day,
        shelf_life_days=item.shelf_life_days,
    )
    return Shortage(
        item=item.code,
        tier=item.priority,
        units=units,
        most_units=min(most, LARGEST_UNITS),
        surge_units=min(position.unmet, units),
    )
