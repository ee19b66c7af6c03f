"""Spring 2020 played again, week by week: what each rule of ordering knew, ordered, served, wasted and spent.

Real: admissions of the first wave (fixtures/facts/surge_wave1_daily.csv) and lead times (delivery_records.csv, an HIV
supply chain: hence the band, in which they are also halved and quartered). SIMULATED: use per admission, contracts and
first stock (fixtures/region). After the data's last week only everyday use goes on. Every order's lead time is drawn
once by supplier and week, the same for every rule; a rule learns of it when the goods come. What cannot be served in
its week is unmet for good. Orders are not limited by a budget, so that the clairvoyant plan is exact line by line.

Whatever of a rule can be set is set on other data: `practice` is the same wares under real monthly hospital series
(fixtures/series/hospital_monthly.csv, 2000 to 2003), each month taken for a week. No figure of a rule was chosen on
the weeks that are played again.
"""

from __future__ import annotations

import csv
import hashlib
import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import Line, Lot, Offer, Problem, Tier
from optimizer.reorder.horizon.tonight import plan_tonight
from stockpile.contracts.rules import tier_price
from stockpile.reorder import rules, shaping
from stockpile.reorder.shaping import UNMET, Article, Clauses, Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
FIRST, WAVE_WEEKS, WEEKS = date(2020, 3, 2), 17, 30
ITEMS = 6
REVIEW_DAYS = 7
PLENTY = 10**12
SIGMAS = 1.65
"""A service of 95 % where use is normal: what (s,S) and moving-average rules are usually given."""
HISTORY = 4
"""Weeks before the first are everyday use; weeks that are looked back at unless a rule is set otherwise."""
PRACTICE_SERIES, PRACTICE_WEEKS, PRACTICE_STOCK = 4, 30, 6
MOST_CRATES = 1500
"""Packs are bundled so that a ware's whole use counts about so many; every rule orders the same bundles."""


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of fixtures/."""
    with (FIXTURES / name).open(newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True, slots=True)
class Ware:
    """An item with its ways to order, first stock (packs), and true use by week (packs)."""

    article: Article
    stock: int
    use: tuple[int, ...]
    later: int
    life_weeks: int

    @property
    def price(self) -> int:
        """The dearest first price of a pack: what unmet packs are weighed by."""
        return max(source.tiers[0][1] for source in self.article.sources)

    @property
    def cheapest(self) -> int:
        """What a pack that is left and can still be used is worth."""
        return min(source.tiers[-1][1] for source in self.article.sources)


@dataclass(slots=True)
class Course:
    """How one ware runs: stock and open orders (week of arrival, week expected, packs), and what came of it."""

    stock: int
    open: list[tuple[int, int, int]] = field(default_factory=list)
    unmet: int = 0
    spend: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Minor units: worth of what was unmet, of what will expire, what was spent; packs unmet; the whole cost."""

    unmet_worth: int
    expiry: int
    spend: int
    unmet_permille: int
    cost: int


@dataclass(frozen=True, slots=True)
class Set:
    """What is set on other data: sigmas of safety and weeks looked back at; parts of the reserve for late orders."""

    sigmas: float = SIGMAS
    weeks: int = HISTORY
    reserve: int = 0


Rule = Callable[[int, Ware, Course], list[tuple[Source, int]]]
"""What to order of a ware in a week: (way, packs). The rule sees the weeks before, never the ware's later use."""


def weekly_admissions() -> list[int]:
    """Admissions by week from FIRST on."""
    found = [0.0] * WEEKS
    for row in rows("facts/surge_wave1_daily.csv"):
        week = (date.fromisoformat(row["date"]) - FIRST).days // 7
        if row["admissions"] and 0 <= week < WAVE_WEEKS:
            found[week] += float(row["admissions"])
    return [round(one) for one in found]


def lead_times() -> dict[str, list[int]]:
    """Every recorded lead time in days by supplier of the region, ascending; suppliers are vendors under new names."""
    by_vendor: dict[str, list[int]] = defaultdict(list)
    for row in rows("facts/delivery_records.csv"):
        if row["lead_days"]:
            by_vendor[row["code"]] += [int(row["lead_days"])] * int(row["deliveries"])
    found = {}
    for profile in rows("facts/vendor_profiles.csv"):
        same = [days for days in by_vendor.values() if len(days) == int(profile["lead_times"])]
        found[profile["supplier"]] = sorted(
            min(same, key=lambda days: abs(statistics.median(days) - int(profile["lead_p50_days"])))
        )
    return found


def drawn_weeks(leads: dict[str, list[int]], supplier: str, week: int, *, seed: int, divisor: int) -> int:
    """The whole weeks that an order placed with the supplier in that week takes."""
    digest = hashlib.sha256(f"{seed}/{supplier}/{week}".encode()).digest()
    days = leads[supplier][int.from_bytes(digest[:8], "big") % len(leads[supplier])]
    return -(-days // (7 * divisor))


def wares(leads: dict[str, list[int]], divisor: int) -> list[Ware]:
    """The items that the wave used most of (in money) and the two quickest suppliers sell, with contracts and stock."""
    admissions, items = weekly_admissions(), {row["item"]: row for row in rows("region/items.csv")}
    prices: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in rows("region/price_tiers.csv"):
        prices[row["contract"], row["item"]].append((int(row["from_packs"]), int(row["pack_price_minor"])))
    suppliers = {row["contract"]: row["supplier"] for row in rows("region/contracts.csv")}
    sources: dict[str, list[Source]] = defaultdict(list)
    for row in rows("region/contract_lines.csv"):
        days = leads[suppliers[row["contract"]]]
        sources[row["item"]].append(
            Source(
                contract=row["contract"],
                supplier=suppliers[row["contract"]],
                item=row["item"],
                option=False,
                tiers=tuple(sorted(prices[row["contract"], row["item"]])),
                minimum_packs=int(row["minimum_packs"]),
                pack_multiple=int(row["pack_multiple"]),
                most_packs=None,
                lead_days=days[len(days) // 2] // divisor,
                late_days=days[len(days) * 9 // 10] // divisor,
                fee_minor=0,
                weeks=tuple(range(shaping.MOST_WEEKS)),
            )
        )
    stock: dict[str, int] = defaultdict(int)
    for row in rows("region/lots.csv"):
        stock[row["item"]] += int(row["quantity"]) if row["expiry"] > "2020-09-30" else 0
    quick = {"SUP-01", "SUP-02"}
    made = [
        _ware(items[code], tuple(ways), stock[code], admissions)
        for code, ways in sources.items()
        if int(items[code]["use_per_admission_milli"]) and quick & {one.supplier for one in ways}
    ]
    return sorted(made, key=lambda one: -sum(one.use) * one.price)[:ITEMS]


def _ware(item: dict[str, str], ways: tuple[Source, ...], stock: int, admissions: list[int]) -> Ware:
    size, per, base = (int(item[name]) for name in ("pack_size", "use_per_admission_milli", "baseline_milli_per_day"))
    needed = [one * per + 7 * base for one in admissions]
    position = rules.Position(rules.Use(base, 0, base), (), (), 0, 0, 0)
    life = int(item["shelf_life_days"]) * 2 // 3
    packs = (sum(needed) + base * life) // (1000 * size) + stock // size
    crate = -(-packs // MOST_CRATES)
    size, ways = size * crate, tuple(_crated(one, crate) for one in ways)
    article = Article(
        item["item"], int(item["priority"]), size, int(item["volume_ml"]), item["storage"], life, position, ways
    )
    return Ware(article, stock // size, rules.counted(needed, 1000 * size), 7 * base // (1000 * size), life // 7)


def _crated(source: Source, packs: int) -> Source:
    """The way to order, its packs bundled: the exact search keeps a state for each unit of stock."""
    multiple = math.lcm(source.pack_multiple, packs) // packs
    tiers = {-(-start // packs): price * packs for start, price in reversed(source.tiers)}
    return replace(
        source,
        tiers=tuple(sorted({**tiers, 1: source.tiers[0][1] * packs}.items())),
        minimum_packs=-(-source.minimum_packs // packs),
        pack_multiple=multiple,
    )


def played(ware: Ware, rule: Rule, leads: dict[str, list[int]], *, seed: int, divisor: int) -> Result:
    """One ware under one rule."""
    run = Course(ware.stock)
    for week in range(len(ware.use)):
        run.stock += sum(packs for arrives, _, packs in run.open if arrives == week)
        run.open = [one for one in run.open if one[0] > week]
        for source, packs in rule(week, ware, run):
            took = drawn_weeks(leads, source.supplier, week, seed=seed, divisor=divisor)
            run.spend += packs * tier_price(source.tiers, packs)
            if took:
                run.open.append((week + took, week + source.lead_weeks, packs))
            else:
                run.stock += packs
        run.unmet += max(0, ware.use[week] - run.stock)
        run.stock = max(0, run.stock - ware.use[week])
        run.held += run.stock
    return _result(ware, run)


def _result(ware: Ware, run: Course) -> Result:
    left = run.stock + sum(packs for _, _, packs in run.open)
    usable = min(left, ware.later * ware.life_weeks)
    keep = run.held * ware.price * shaping.KEEP_PERMILLE_A_YEAR // 52 // 1000
    waste = (left - usable) * ware.price * shaping.DISPOSE_PERMILLE // 1000
    cost = run.spend + run.unmet * ware.price * UNMET[ware.article.priority] + keep + waste - usable * ware.cheapest
    wanted = sum(ware.use)
    return Result(run.unmet * ware.price, (left - usable) * ware.price, run.spend, run.unmet * 1000 // wanted, cost)


def practice(made: list[Ware]) -> list[Ware]:
    """Wares with other use: real hospital series instead of the wave, as many weeks of stock as is usual first."""
    found = []
    series = rows("series/hospital_monthly.csv")
    for at in range(PRACTICE_SERIES):
        ware, row = made[at % len(made)], series[at * len(series) // PRACTICE_SERIES]
        values = [int(value) for name, value in row.items() if name != "series_id" and value][: 12 + PRACTICE_WEEKS]
        usual = max(1, round(statistics.fmean(values[:12])))
        found.append(replace(ware, use=tuple(values[12:]), later=usual, stock=PRACTICE_STOCK * usual))
    return found


def known_use(week: int, ware: Ware, weeks: int = HISTORY) -> list[int]:
    """Use of the weeks before, packs; the everyday use stands for the time before the first."""
    return [ware.later] * max(0, weeks - week) + list(ware.use[max(0, week - weeks) : week])


def nightly(chosen: Set) -> Rule:
    """The nightly run: the last week's use goes on until an order can arrive after the next look, and no longer.

    `reserve`: so many times what a surge that goes on uses while an order comes late is set aside besides.
    """

    def rule(week: int, ware: Ware, run: Course) -> list[tuple[Source, int]]:
        return _nightly(week, ware, run, chosen.reserve)

    return rule


def _nightly(week: int, ware: Ware, run: Course, reserve: int) -> list[tuple[Source, int]]:
    size, last = ware.article.pack_size, known_use(week, ware)[-1]
    quickest = min(ware.article.sources, key=lambda one: one.lead_days)
    later = ware.later * size * 1000 // 7
    use = rules.Use(max(last * size * 1000 // 7, later), REVIEW_DAYS + quickest.lead_days, later)
    expected, late = quickest.lead_days, quickest.late_days
    delay = rules.for_delay(use_milli_per_day=later, expected_days=expected, late_days=late)
    surge = rules.for_delay(use_milli_per_day=use.now - use.later, expected_days=expected, late_days=late)
    lots = (rules.Lot(run.stock * size, ware.article.shelf_life_days),) if run.stock else ()
    coming = tuple((7 * max(1, expected - week), packs * size) for _, expected, packs in run.open)
    position = rules.Position(use, lots, coming, 0, reserve * surge, delay)
    article = replace(ware.article, position=position)
    case = shaping.shape([article], Clauses(PLENTY, 1, {}, {}, {}), limit_seconds=60)
    made = plan_tonight(replace(case.night, rounds=1))  # one ware and no scarce clause: exact without a search
    ways = {one.id: one for one in article.sources}
    tonight = [order for order in made.plan.orders if order.week == 0]
    return [(ways[order.offer], order.units * case.packs[article.code]) for order in tonight]


def s_and_S(chosen: Set) -> Rule:
    """(s,S): below s, the expected use until an order comes plus safety, fill up to four weeks more."""

    def rule(week: int, ware: Ware, run: Course) -> list[tuple[Source, int]]:
        level, mean = _level(week, ware, chosen)
        return _filled(ware, run, level, level + HISTORY * mean)

    return rule


def moving_average(chosen: Set) -> Rule:
    """Each week up to the mean of the last weeks times lead time and review, plus safety."""

    def rule(week: int, ware: Ware, run: Course) -> list[tuple[Source, int]]:
        level, _ = _level(week, ware, chosen)
        return _filled(ware, run, level, level)

    return rule


def _level(week: int, ware: Ware, chosen: Set) -> tuple[float, float]:
    past, source = known_use(week, ware, chosen.weeks), _usual(ware)
    mean, weeks = statistics.fmean(past), source.lead_days / 7 + 1
    return mean * weeks + chosen.sigmas * statistics.pstdev(past) * math.sqrt(weeks), mean


def _usual(ware: Ware) -> Source:
    return min(ware.article.sources, key=lambda one: one.lead_days)


def _filled(ware: Ware, run: Course, below: float, up_to: float) -> list[tuple[Source, int]]:
    source, position = _usual(ware), run.stock + sum(packs for _, _, packs in run.open)
    if position >= below:
        return []
    step = source.pack_multiple
    return [(source, -(-max(math.ceil(up_to - position), source.minimum_packs) // step) * step)]


def clairvoyant(ware: Ware, leads: dict[str, list[int]], *, seed: int, divisor: int) -> Rule:
    """Orders of the exact optimum for the true use and the true lead times; for one ware."""
    offers, ways = [], {}
    for source in ware.article.sources:
        for week in range(WEEKS):
            took = drawn_weeks(leads, source.supplier, week, seed=seed, divisor=divisor)
            if week + took < WEEKS:
                tiers = tuple(Tier(1 if at == 0 else start, price) for at, (start, price) in enumerate(source.tiers))
                name = f"{source.contract} {week}"
                least = max(source.minimum_packs, source.tiers[0][0])
                offers.append(
                    Offer(
                        name,
                        source.supplier,
                        source.contract,
                        tiers,
                        took,
                        least,
                        source.pack_multiple,
                        order_weeks=(week,),
                    )
                )
                ways[name] = source
    line = Line(
        ware.article.code,
        ware.article.code,
        "",
        "",
        0,
        ware.use,
        ware.life_weeks,
        ware.price * shaping.KEEP_PERMILLE_A_YEAR // 52,
        ware.price * shaping.DISPOSE_PERMILLE // 1000,
        ware.price * UNMET[ware.article.priority],
        tuple(offers),
        stock=(Lot(min(ware.stock, sum(ware.use) + ware.later * ware.life_weeks), ware.life_weeks),),
        later_demand=ware.later,
        residual_minor=ware.cheapest,
    )
    plan = plan_horizon(Problem(WEEKS, (line,)), gap=0.0, rounds=1)
    return lambda week, _, __: [(ways[one.offer], one.units) for one in plan.orders if one.week == week]
