"""Reading what a reorder is worked out from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import queries as contracts
from stockpile.contracts import rules as states
from stockpile.contracts import tables
from stockpile.contracts.rules import option_price
from stockpile.contracts.scorecards import queries as deliveries
from stockpile.contracts.shortages import queries as shortages
from stockpile.contracts.shortages.rules import QUICK, choose
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import queries as agreed
from stockpile.demand import growth
from stockpile.demand import queries as demand
from stockpile.demand.forecasting import queries as forecasts
from stockpile.demand.forecasting.queries import Foreseen
from stockpile.demand.forecasting.rules import INTERMITTENT, SMOOTH
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.inventory import room
from stockpile.inventory.periods import queries as periods
from stockpile.inventory.periods.rules import SPEND_PEAK, SUPPLIER_SHARE
from stockpile.inventory.rules import DEPOT
from stockpile.reorder import rules, shaping
from stockpile.reorder.maintenance import queries as maintenance
from stockpile.reorder.maintenance.rules import due as needed_by
from stockpile.reorder.rules import WEEK, Lot, Move, Position, Use
from stockpile.reorder.shaping import MOST_WEEKS, Article, Case, Clauses, Source
from stockpile.reorder.tables import BuyingPolicy

OLDEST_FORECAST_DAYS: Final = 8
LEARNED: Final = (SMOOTH, INTERMITTENT)
CRITICAL: Final = 2
HIGH, LESS_HIGH = "0.95", "0.9"
"""The quantile of use that is kept for: of what saves lives, and of the rest."""
P90: Final = 900


class NoPolicy(NotFound):
    """The region has no buying policy."""

    code = "no_buying_policy"


def policy(session: Session) -> BuyingPolicy:
    """The region's buying policy; refuses where there is none."""
    found = session.get(BuyingPolicy, 1)
    if found is None:
        raise NoPolicy("the region has no buying policy: import one with policy.csv", field="policy")
    return found


@dataclass(frozen=True, slots=True)
class Urgent:
    """Unmet validated need that what contracts keep for a surge covers tonight.

    `units`: asked of it, by item; `spent`: its cost (minor units) by contract; `left`: unmet need without it and
    without what was proposed for it before.
    """

    units: Mapping[str, int]
    spent: Mapping[str, int]
    left: Mapping[str, int]


def urgent(session: Session, *, at: datetime, unmet: Mapping[str, int]) -> Urgent:
    """What surge options and immediate shares cover of need that no plan served; nothing more while an asking waits."""
    today = governance.local_day(session, at)
    waiting = contracts.asked_for_shortages(session, states.WAITING_STATES)
    placed = contracts.asked_for_shortages(session, states.OPEN_STATES)
    units, spent, left = dict[str, int](), defaultdict[str, int](int), dict[str, int]()
    for item, missing in sorted(unmet.items()):
        ways = [way for way in shortages.ways(session, item, today) if way.kind in QUICK]
        chosen = [] if item in waiting else choose(ways, max(0, missing - placed.get(item, 0)))
        covered = sum(one.units for one in chosen)
        units |= {item: covered} if covered else {}
        left[item] = max(0, missing - waiting.get(item, 0) - covered)
        for one in chosen:
            spent[one.way.contract] += one.way.cost(one.packs)
    return Urgent(units, spent, left)


def case(session: Session, *, at: datetime, first: Urgent, limit_seconds: float) -> Case:
    """How every item stands, who sells it and on which terms, once what is urgent has been asked for `first`."""
    today, rule = governance.local_day(session, at), policy(session)
    leads = _Leads(session, at)
    sources: dict[str, list[Source]] = defaultdict(list)
    valid = contracts.contracts_valid(session, today)
    for source in _sources(session, valid, leads, today):
        if not (source.option and source.item in first.units):
            sources[source.item].append(source)
    known = _Known(session, at, first.left, rule.review_days)
    articles = [
        Article(
            code=code,
            priority=item.priority,
            pack_size=item.pack_size,
            volume_ml=item.volume_ml,
            storage=room.kept_in(item),
            shelf_life_days=_shelf_life(item, session, code),
            position=known.position(item, sources[code]),
            sources=tuple(sources[code]),
        )
        for code, item in catalogue.items(session).items()
    ]
    clauses = Clauses(
        budget_minor=rule.budget_minor,
        spent_minor=_spent(session, today, rule.review_days) + sum(first.spent.values()),
        review_weeks=max(1, -(-rule.review_days // WEEK)),
        ceilings={
            code: max(0, _left(session, code, contract) - first.spent.get(code, 0)) for code, contract in valid.items()
        },
        minimums={code: contract.minimum_order_minor for code, contract in valid.items()},
        storages=_rooms(session),
        peak_permille=periods.figure(session, SPEND_PEAK),
        share_permille=periods.figure(session, SUPPLIER_SHARE),
    )
    return shaping.shape(articles, clauses, limit_seconds=limit_seconds)


def _spent(session: Session, today: date, review_days: int) -> int:
    """What was ordered for the pool in the days of review that end today: nightly runs share a period's budget."""
    zone = ZoneInfo(governance.region(session).time_zone)
    since = datetime.combine(today - timedelta(days=review_days - 1), time.min, tzinfo=zone)
    return contracts.ordered_for_pool(session, since=since.astimezone(UTC))


def _shelf_life(item: Item, session: Session, code: str) -> int:
    """Days that what is delivered lasts: as the contracts ask, at most the item's own shelf life, less the use days."""
    asked = [line.shelf_life_on_delivery_days for line in contracts.contract_lines(session) if line.item_code == code]
    return max(WEEK, min([item.shelf_life_days, *asked]) - item.use_days)


class _Leads:
    """How long each supplier takes: as its deliveries here teach, else as the record it came with."""

    def __init__(self, session: Session, at: datetime) -> None:
        self._session, self._at, self._known = session, at, dict[str, tuple[int, int]]()

    def days(self, supplier: str, agreed_days: int) -> tuple[int, int]:
        """(days expected, days that one order in ten exceeds); never less than the contract's own lead time."""
        if supplier not in self._known:
            self._known[supplier] = self._read(supplier)
        expected, late = self._known[supplier]
        return max(agreed_days, expected), max(agreed_days, expected, late)

    def _read(self, supplier: str) -> tuple[int, int]:
        told = deliveries.learned(self._session, supplier, at=self._at)
        if told["enough"] and told["lead_time"] is not None:
            days = {one.permille: one.days for one in told["lead_time"].quantiles}
            return days[500], days[P90]
        return 0, deliveries.supplier(self._session, supplier).lead_p90_days


def _sources(session: Session, valid: Mapping[str, tables.Contract], leads: _Leads, today: date) -> Iterator[Source]:
    tiers, sizes = contracts.tiers(session, today), catalogue.items(session)
    open_weeks = {code: _weeks(session, contract, today) for code, contract in valid.items()}
    for line in contracts.contract_lines(session):
        contract, prices = valid.get(line.contract_code), tiers.get((line.contract_code, line.item_code), [])
        if contract is None or not prices:
            continue
        weeks = open_weeks[contract.code]
        cheapest = max(1, min(price for _, price in prices))
        expected, late = leads.days(contract.supplier_code, contract.lead_time_days)
        ordinary = Source(
            contract=contract.code,
            supplier=contract.supplier_code,
            item=line.item_code,
            option=False,
            tiers=tuple(prices),
            minimum_packs=max(line.minimum_packs, min(start for start, _ in prices)),
            pack_multiple=line.pack_multiple,
            most_packs=_lot_left(session, line, contract) // cheapest,
            lead_days=expected,
            late_days=late,
            fee_minor=0,
            weeks=weeks,
        )
        if weeks:
            yield ordinary
            yield from _options(session, ordinary, sizes[line.item_code].pack_size, today)


def _weeks(session: Session, contract: tables.Contract, today: date) -> tuple[int, ...]:
    """The weeks in which may be ordered: tonight's only on an order day, none after the contract's end."""
    _, terms = agreed.terms_on(session, contract.code, today)
    last = min(MOST_WEEKS - 1, (contract.ends - today).days // WEEK)
    tonight = str(today.isoweekday()) in terms.order_weekdays
    return tuple(range(0 if tonight else 1, last + 1))


def _options(session: Session, ordinary: Source, pack_size: int, today: date) -> Iterator[Source]:
    for option in agreed.options(session, ordinary.contract, item=ordinary.item):
        first = max(0, -(-(option.opens - today).days // WEEK))
        last = min(MOST_WEEKS - 1, (option.closes - today).days // WEEK)
        if first <= last and option.remaining >= pack_size:
            yield replace(
                ordinary,
                option=True,
                tiers=tuple((start, option_price(price, option.price_permille)) for start, price in ordinary.tiers),
                minimum_packs=1,
                pack_multiple=1,
                most_packs=option.remaining // pack_size,
                lead_days=option.days,
                late_days=option.days,
                fee_minor=option.fee_minor,
                weeks=tuple(range(first, last + 1)),
            )


def _left(session: Session, code: str, contract: tables.Contract) -> int:
    """What the ceiling leaves for the pool: what members have reserved and not ordered stays theirs."""
    reserved = sum(row.reserved_minor - row.ordered_minor for row in agreed.members(session, code))
    return max(0, contract.remaining_minor - reserved)


def _lot_left(session: Session, line: tables.ContractLine, contract: tables.Contract) -> int:
    """What ceiling and lot leave for an item, less what members have reserved of that lot (minor units)."""
    lot = agreed.lot_of(session, line.contract_code, line.item_code)
    left = min(limits.remaining(session, line.contract_code, line.item_code), contract.remaining_minor)
    rows = [row for row in agreed.members(session, line.contract_code) if row.lot == (lot or "")]
    return max(0, left - sum(row.reserved_minor - row.ordered_minor for row in rows))


class _Known:
    """How each item stands: use, stock, what comes, what must lie there; read once for all items."""

    def __init__(self, session: Session, at: datetime, unmet: Mapping[str, int], review_days: int) -> None:
        today = governance.local_day(session, at)
        self.unmet, self.review, self.today = unmet, review_days, today
        self.windows = list(maintenance.ahead(session, today))
        admissions = sum(demand.usual_admissions(session, today).values())
        grown = growth.growth(demand.weekly_admissions(session, today))
        self.courses = growth.courses(WEEK * admissions, grown, weeks=MOST_WEEKS) if admissions else ()
        self.floors = inventory.floors(session, today)
        self.learned = _learned(session, today)
        self.lots: dict[str, list[Lot]] = defaultdict(list)
        for stock in inventory.usable_pool_stock(session, at):
            self.lots[stock.item].append(Lot(stock.quantity, (stock.expiry - today).days))
        self.coming: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for item, units, due in contracts.coming(session):
            days = (governance.local_day(session, due) - today).days if due else 0
            self.coming[item].append((max(days, 1), units))

    def position(self, item: Item, sources: list[Source]) -> Position:
        """The item tonight; what is overdue is taken to come within the week."""
        quickest = min((one.lead_days for one in sources), default=0)
        late = min((one.late_days for one in sources if one.lead_days == quickest), default=0)
        days, late_days = self.review + quickest, self.review + late
        surge = rules.surge(
            self.courses,
            per_admission_milli=item.use_per_admission_milli,
            days=days,
            late_days=late_days,
            service_ppm=shaping.service_ppm(item.priority),
        )
        use, safety = self._use(item, surge.now_milli, days=days, late_days=late_days)
        windows = needed_by(self.windows, today=self.today, days={item.code: days})
        delay = rules.for_delay(use_milli_per_day=use.later, expected_days=quickest, late_days=late)
        return Position(
            use=use,
            lots=tuple(self.lots[item.code]),
            inbound=tuple(self.coming[item.code]),
            unmet=self.unmet.get(item.code, 0),
            floor=self.floors.get(item.code, 0) + windows.get(item.code, 0),
            safety=safety + delay + surge.reserve,
        )

    def _use(self, item: Item, surge: int, *, days: int, late_days: int) -> tuple[Use, int]:
        """Use per day now and later, and the base units kept for a higher use than is learned.

        What a surge is expected to use (`surge`, thousandths a day) is at least counted until the quickest order can
        arrive after the next look, and no longer: an order now must not assume that the surge lasts.
        """
        learned = self.learned.get(item.code)
        if learned is None:
            return Use(item.baseline_milli_per_day + surge, days, item.baseline_milli_per_day), 0
        periods = min(len(learned.means), max(1, -(-days // learned.days)))
        mean = sum(learned.means[:periods]) // periods
        quantile = HIGH if item.priority <= CRITICAL else LESS_HIGH
        high = sum(learned.quantiles[quantile][:periods]) // periods
        later = sum(learned.means) // len(learned.means) // learned.days
        now = max(mean // learned.days, item.baseline_milli_per_day + surge if surge else 0)
        margin = rules.safety(mean_milli=mean, high_milli=high, period_days=learned.days, days=late_days)
        service = shaping.service_ppm(item.priority)
        return Use(now, days, later), rules.for_service(margin, learned=float(quantile), service_ppm=service)


def _learned(session: Session, today: date) -> dict[str, Foreseen]:
    """The newest forecast of each item over all sites, if it is of the last days and was learned from enough."""
    return {one.item: one for one in _fresh(session, today, site="")}


def _fresh(session: Session, today: date, *, site: str | None = None) -> list[Foreseen]:
    oldest = today - timedelta(days=OLDEST_FORECAST_DAYS)
    found = forecasts.foreseen(session, site=site, until=today.isoformat())
    return [one for one in found if one.kind in LEARNED and date.fromisoformat(one.slot) >= oldest]


def _rooms(session: Session) -> dict[str, int]:
    """Millilitres for each storage class that every depot has given its room for; else nothing limits it here."""
    depots = [code for code, site in inventory.sites(session).items() if site.kind == DEPOT]
    rooms = [room.rooms(session, code) for code in depots]
    known = set.intersection(*({k for k, one in each.items() if one.capacity_ml is not None} for each in rooms))
    return {kind: sum(each[kind].capacity_ml or 0 for each in rooms) for kind in sorted(known)}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item stands today: what it uses, holds and awaits, and what is learned of its use (None: too little).

    `courses`: the ways a surge may go that the nightly run plans for, each as likely; () without a surge.
    """

    item: Item
    position: Position
    learned: Foreseen | None
    today: date
    courses: tuple[growth.Course, ...] = ()

    @property
    def usable(self) -> int:
        """Base units that may be used today."""
        return sum(lot.units for lot in self.position.lots)

    @property
    def reserve(self) -> int:
        """Base units that are to lie there whatever comes, and for a higher use than expected."""
        return self.position.floor + self.position.safety


def standings(session: Session, *, at: datetime) -> list[Standing]:
    """How every item stands, by code."""
    today, rule = governance.local_day(session, at), policy(session)
    sources: dict[str, list[Source]] = defaultdict(list)
    for source in _sources(session, contracts.contracts_valid(session, today), _Leads(session, at), today):
        sources[source.item].append(source)
    known = _Known(session, at, {}, rule.review_days)
    return [
        Standing(item, known.position(item, sources[code]), known.learned.get(code), today, known.courses)
        for code, item in sorted(catalogue.items(session).items())
    ]


@dataclass(frozen=True, slots=True)
class ItemMove:
    """Base units of an item that one depot has beyond its own use while another lacks them."""

    item: str
    move: Move


def redistribution(session: Session, *, at: datetime, days: int) -> list[ItemMove]:
    """What depots can send one another before anything is bought, where forecasts tell what each will use."""
    today = governance.local_day(session, at)
    wanted: dict[str, dict[str, int]] = defaultdict(dict)
    for one in _fresh(session, today):
        if one.site:
            wanted[one.item][one.site] = -(-one.means[0] * days // (one.days * 1000))
    have: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for stock in inventory.usable_pool_stock(session, at):
        have[stock.item][stock.site] += stock.quantity
    return [
        ItemMove(item, move) for item, by_site in sorted(wanted.items()) for move in rules.moves(have[item], by_site)
    ]
