"""From items and offers to the problem that the planner of many weeks is given. Pure; knows no database.

A line is counted in steps of whole packs: as few packs as every offer's multiple allows, more where the stock would
count too many steps. Money is minor units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd, lcm
from typing import Final

from optimizer.reorder.horizon.conflict import Asked
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import (
    Budget,
    Ceiling,
    Inbound,
    Line,
    Lot,
    Offer,
    Problem,
    Share,
    Smoothing,
    Storage,
    Tier,
)
from optimizer.reorder.horizon.tonight import Night
from stockpile.reorder import rules
from stockpile.reorder.rules import WEEK, Position

MOST_STEPS: Final = 1500
"""A line's stock is counted in at most about so many steps."""
FEWEST_WEEKS, MOST_WEEKS, WEEKS_BEYOND = 16, 60, 8
"""Weeks looked at: so many beyond the longest lead time."""
LONGEST_LIFE: Final = 520
UNMET: Final[Mapping[int, int]] = {1: 200, 2: 60, 3: 20, 4: 8}
"""What a unit that is wanted and not there counts, in prices, by priority."""
BELOW_SAFETY_PERMILLE: Final = 10
"""Of that, what each week counts in which a unit of safety stock is missing: about one week in a hundred needs it."""
KEEP_PERMILLE_A_YEAR: Final = 200
"""Of its price, what keeping a unit costs in a year: room, capital, rotation."""
WHOLE_PERMILLE: Final = 1000
DISPOSE_PERMILLE, RESIDUAL_PERMILLE = 100, 500
"""Of its price, what writing a unit off costs, and what one left at the end is worth (of the cheapest price)."""


def service_ppm(priority: int) -> int:
    """The service, in millionths, that the cost of unmet need implies: more than that costs more than it spares.

    A unit too few costs what unmet need costs, one too many its price and what writing it off costs (the newsvendor's
    critical ratio).

    >>> [service_ppm(priority) for priority in (1, 2, 3, 4)]
    [994530, 981996, 947867, 879120]
    """
    few, many = UNMET[priority] * 1000, 1000 + DISPOSE_PERMILLE
    return few * 1_000_000 // (few + many)


@dataclass(frozen=True, slots=True)
class Source:
    """A way to order an item: ordinary under a contract, or its surge option; packs, days, minor units.

    `weeks`: in which it may be ordered. `late_days`: as late as one order in ten comes.
    """

    contract: str
    supplier: str
    item: str
    option: bool
    tiers: tuple[tuple[int, int], ...]
    minimum_packs: int
    pack_multiple: int
    most_packs: int | None
    lead_days: int
    late_days: int
    fee_minor: int
    weeks: tuple[int, ...]

    @property
    def id(self) -> str:
        """Unique among the ways to order its item."""
        return f"{self.contract} surge option" if self.option else self.contract

    @property
    def lead_weeks(self) -> int:
        """Whole weeks until it arrives, rounded up."""
        return -(-self.lead_days // WEEK)


@dataclass(frozen=True, slots=True)
class Article:
    """An item, how it stands, and from whom it can be had; `volume_ml` is of a pack."""

    code: str
    priority: int
    pack_size: int
    volume_ml: int
    storage: str
    shelf_life_days: int
    position: Position
    sources: tuple[Source, ...]

    @property
    def first_week(self) -> int:
        """The first week in which an order can arrive; 0 where none can."""
        return min((one.weeks[0] + one.lead_weeks for one in self.sources), default=0)


@dataclass(frozen=True, slots=True)
class Clauses:
    """What items share: every period's budget, ceilings, minimum orders, and room (millilitres).

    `spent_minor`: what of the first period's budget is spent already. `peak_permille`: what the dearest period's
    spend counts more (0: not smoothed); `share_permille`: the most that one of several suppliers gets of an item's
    demand (1000: no limit).
    """

    budget_minor: int
    review_weeks: int
    ceilings: Mapping[str, int]
    minimums: Mapping[str, int]
    storages: Mapping[str, int]
    spent_minor: int = 0
    peak_permille: int = 0
    share_permille: int = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """The problem, what it was made of, and how many packs a step of each item's line is."""

    night: Night
    articles: Mapping[str, Article]
    packs: Mapping[str, int]
    too_early: Mapping[str, int]
    """Base units that are wanted before any order can arrive, by item."""

    def asked(self, *, missed: tuple[str, ...] | None = None, standing: tuple[Order, ...] = ()) -> Asked:
        """Every item's need, of which what must lie there whatever comes is a floor; least orders in every week."""
        lines = self.night.problem.lines
        floors = [(line.id, _floor(self.articles[line.id], line, self.packs[line.id])) for line in lines]
        every = tuple(line.id for line in lines)
        return Asked(every, tuple(floors), self.night.minimums, missed=missed, standing=standing)


def _floor(article: Article, line: Line, packs: int) -> tuple[int, ...]:
    """Steps of the line's demand that fill up the floor, by week."""
    position = article.position
    short = max(0, rules.free(position).wanted - position.unmet)
    week = min(article.first_week, len(line.demand) - 1)
    steps = min(line.demand[week], -(-short // (packs * article.pack_size)))
    return tuple(steps if at == week else 0 for at in range(len(line.demand)))


def shape(articles: Sequence[Article], clauses: Clauses, *, limit_seconds: float) -> Case:
    """The problem of tonight; lines stand in the order of priority."""
    ordered = sorted(articles, key=lambda one: (one.priority, one.code))
    leads = [source.lead_weeks for one in ordered for source in one.sources]
    weeks = min(MOST_WEEKS, max(FEWEST_WEEKS, max(leads, default=0) + WEEKS_BEYOND))
    packs = {one.code: _packs(one, weeks) for one in ordered}
    made = [_line(one, packs[one.code], weeks) for one in ordered]
    lines = tuple(line for line, _ in made)
    periods = range(0, weeks, clauses.review_weeks)
    problem = Problem(
        weeks,
        lines,
        storages=tuple(Storage(name, (room,) * weeks) for name, room in sorted(clauses.storages.items())),
        budgets=tuple(_budget(clauses, week, weeks) for week in periods),
        ceilings=tuple(Ceiling(contract, left) for contract, left in sorted(clauses.ceilings.items())),
        shares=tuple(_shares(ordered, clauses.share_permille)),
        smoothing=Smoothing(clauses.review_weeks, clauses.peak_permille) if clauses.peak_permille else None,
    )
    night = Night(problem, tuple(sorted(clauses.minimums.items())), limit_seconds)
    early = {one.code: lost * packs[one.code] * one.pack_size for one, (_, lost) in zip(ordered, made, strict=True)}
    return Case(night, {one.code: one for one in ordered}, packs, early)


def _budget(clauses: Clauses, week: int, weeks: int) -> Budget:
    left = clauses.budget_minor if week else max(0, clauses.budget_minor - clauses.spent_minor)
    return Budget("", week, min(weeks, week + clauses.review_weeks) - 1, left)


def _shares(articles: Sequence[Article], permille: int) -> Iterator[Share]:
    """The most of each supplier of an item, where there are several to choose from."""
    for article in articles if permille < WHOLE_PERMILLE else ():
        suppliers = {one.supplier for one in article.sources}
        if len(suppliers) > 1:
            yield from (Share(supplier, article.code, permille) for supplier in sorted(suppliers))


def _packs(article: Article, weeks: int) -> int:
    """Packs per step: what all multiples share, times what keeps the steps few."""
    shared = gcd(*(one.pack_multiple for one in article.sources)) or 1
    position, life = article.position, min(LONGEST_LIFE, article.shelf_life_days // WEEK)
    used = -(-position.use.until(WEEK * max(weeks, life)) // 1000)
    firm = sum(lot.units for lot in position.lots) + sum(units for _, units in position.inbound)
    least = max((max(one.minimum_packs, one.pack_multiple) for one in article.sources), default=1)
    most = (max(used, firm) + position.unmet + position.floor + position.safety) // article.pack_size + least
    return shared * -(-most // (shared * MOST_STEPS))


def _line(article: Article, packs: int, weeks: int) -> tuple[Line, int]:
    """The item's line, and the steps that are wanted before any order can arrive and nothing serves."""
    step, position = packs * article.pack_size, article.position
    free, life = rules.free(position), max(1, min(LONGEST_LIFE, article.shelf_life_days // WEEK))
    demand = list(position.use.weeks(weeks))
    demand[min(article.first_week, weeks - 1)] += 1000 * free.wanted
    offers = tuple(_offer(one, packs, weeks) for one in article.sources if one.weeks[0] + one.lead_weeks < weeks)
    dearest = max((offer.tiers[0].price_minor for offer in offers), default=0)
    cheapest = min((offer.tiers[-1].price_minor for offer in offers), default=0)
    unmet = UNMET[article.priority] * dearest
    counted = rules.counted(demand, 1000 * step)
    safety = -(-position.safety // step)
    stock = _stock(free.lots, step, counted, life=life, later=position.use.later, safety=safety)
    inbound = _inbound(free.inbound, step, weeks)
    coming = {one.week: one.units for one in inbound}
    served = rules.servable(counted, sum(lot.units for lot in stock), coming, article.first_week)
    line = Line(
        id=article.code,
        product=article.code,
        member="",
        storage=article.storage,
        volume=packs * article.volume_ml,
        demand=served,
        shelf_life_weeks=life,
        hold_milli=dearest * KEEP_PERMILLE_A_YEAR // 52,
        waste_minor=dearest * DISPOSE_PERMILLE // 1000,
        unmet_minor=unmet,
        offers=offers,
        stock=stock,
        inbound=inbound,
        later_demand=WEEK * position.use.later // (1000 * step),
        residual_minor=cheapest * RESIDUAL_PERMILLE // 1000,
        floor=safety,
        below_floor_milli=unmet * BELOW_SAFETY_PERMILLE,
    )
    return line, sum(counted) - sum(served)


def _stock(
    lots: Sequence[rules.Lot], step: int, demand: tuple[int, ...], *, life: int, later: int, safety: int
) -> tuple[Lot, ...]:
    """Stock in steps, oldest first, without what use cannot take before it expires: no order changes that.

    The safety stock is there for more use than is expected.
    """
    made, seen, steps, used = list[Lot](), 0, 0, 0
    for lot in sorted(lots, key=lambda one: one.days):
        seen += lot.units
        left = min(life, lot.days // WEEK)
        wanted = safety + sum(demand[:left]) + WEEK * later * max(0, left - len(demand)) // (1000 * step)
        units = max(0, min(seen // step - steps, wanted - used))
        steps, used = seen // step, used + units
        made += [Lot(units, left)] if units else []
    return tuple(made)


def _inbound(inbound: Sequence[tuple[int, int]], step: int, weeks: int) -> tuple[Inbound, ...]:
    """Arrivals in steps, by the week at whose beginning they are there; what comes too late is left away."""
    seen, steps, by_week = 0, 0, dict[int, int]()
    for days, units in sorted(inbound):
        seen += units
        week = -(-max(0, days) // WEEK)
        by_week[week] = by_week.get(week, 0) + seen // step - steps
        steps = seen // step
    return tuple(Inbound(week, units) for week, units in sorted(by_week.items()) if units and week < weeks)


def _offer(source: Source, packs: int, weeks: int) -> Offer:
    inside = tuple(week for week in source.weeks if week < weeks)
    return Offer(
        id=source.id,
        supplier=source.supplier,
        contract=source.contract,
        tiers=_tiers(source, packs),
        lead_weeks=source.lead_weeks,
        minimum_units=-(-max(1, source.minimum_packs) // packs),
        multiple_units=lcm(source.pack_multiple, packs) // packs,
        order_minor=source.fee_minor,
        order_weeks=inside if len(inside) < weeks else (),
        most_units=None if source.most_packs is None else source.most_packs // packs,
        surge_option=source.option,
    )


def _tiers(source: Source, packs: int) -> tuple[Tier, ...]:
    """All-units prices of a step; a tier that asks more than one after it counts as dear as that one never is."""
    made: dict[int, int] = {}
    dearest = 0
    for from_packs, price in sorted(source.tiers, reverse=True):
        dearest = max(dearest, price)
        made[1 if from_packs <= 1 else -(-from_packs // packs)] = dearest * packs
    first = min(made)
    made[1] = made[first]
    found: list[Tier] = []
    for start, price in sorted(made.items()):
        if not found or price < found[-1].price_minor:
            found.append(Tier(start, price))
    return tuple(found)
