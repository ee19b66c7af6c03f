"""Spring 2020 played again, week by week: what each rule of ordering knew, ordered, served, wasted and spent.

Real: admissions of the first wave (fixtures/facts/surge_wave1_daily.csv) and lead times (delivery_records.csv, an HIV
supply chain: hence the band, in which they are also halved and quartered). SIMULATED: use per admission, contracts and
first stock (fixtures/region). After the data's last week only everyday use goes on. Every order's lead time is drawn
once by supplier and week, the same for every rule; a rule learns of it when the goods come. What cannot be served in
its week is unmet for good. Orders are not limited by a budget, so that the clairvoyant plan is exact line by line.

Whatever of a rule can be set is set on other data, for all rules on the same: `practice` is the same wares under real
monthly hospital series (fixtures/series/hospital_monthly.csv, 2000 to 2003), each month taken for a week, and under
generated waves (`waves`). No figure of a rule was chosen on the weeks that are played again.
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

from stockpile.contracts.rules import tier_price
from stockpile.demand import growth
from stockpile.reorder import rules, shaping
from stockpile.reorder.shaping import UNMET, Article, Source
from tests.benchmarks.waves import wave

FIXTURES = Path(__file__).parents[2] / "fixtures"
FIRST, WAVE_WEEKS, WEEKS = date(2020, 3, 2), 17, 30
ITEMS = 6
REVIEW_DAYS = 7
SIGMAS = 1.65
"""A service of 95 % where use is normal: what (s,S) and moving-average rules are usually given."""
HISTORY = 4
"""Weeks before the first are everyday use; weeks that are looked back at unless a rule is set otherwise."""
PRACTICE_SERIES, PRACTICE_WEEKS, PRACTICE_STOCK, PRACTICE_WAVES = 4, 30, 6, 8
PRACTICE_CRATES, PRACTICE_DIVISOR = 300, 2
MOST_CRATES = 1500
"""Packs are bundled so that a ware's whole use counts about so many; every rule orders the same bundles."""


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of fixtures/."""
    with (FIXTURES / name).open(newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True, slots=True)
class Ware:
    """An item with its ways to order, first stock (packs), and true use by week (packs).

    `admissions` (by week) and `per_admission_milli` (base units) where a wave drives the use; `before`: packs used in
    the weeks before the first, where it does not.
    """

    article: Article
    stock: int
    use: tuple[int, ...]
    later: int
    life_weeks: int
    admissions: tuple[int, ...] = ()
    per_admission_milli: int = 0
    before: tuple[int, ...] = ()

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
    """What is set on other data: sigmas of safety and weeks looked back at; growth believed, weeks until a turn."""

    sigmas: float = SIGMAS
    weeks: int = HISTORY
    fastest: float = growth.FASTEST
    turns: tuple[int, ...] = growth.TURNS


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


def wares(
    leads: dict[str, list[int]], divisor: int, *, admissions: list[int] | None = None, crates: int = MOST_CRATES
) -> list[Ware]:
    """The items that the wave used most of (in money) and the two quickest suppliers sell, with contracts and stock.

    `admissions`: of another wave than that of spring 2020.
    """
    admitted = weekly_admissions() if admissions is None else admissions
    items = {row["item"]: row for row in rows("region/items.csv")}
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
        _ware(items[code], tuple(ways), stock[code], admitted, crates)
        for code, ways in sources.items()
        if int(items[code]["use_per_admission_milli"]) and quick & {one.supplier for one in ways}
    ]
    return sorted(made, key=lambda one: -sum(one.use) * one.price)[:ITEMS]


def _ware(item: dict[str, str], ways: tuple[Source, ...], stock: int, admissions: list[int], crates: int) -> Ware:
    size, per, base = (int(item[name]) for name in ("pack_size", "use_per_admission_milli", "baseline_milli_per_day"))
    needed = [one * per + 7 * base for one in admissions]
    position = rules.Position(rules.Use(base, 0, base), (), (), 0, 0, 0)
    life = int(item["shelf_life_days"]) * 2 // 3
    packs = (sum(needed) + base * life) // (1000 * size) + stock // size
    crate = -(-packs // crates)
    size, ways = size * crate, tuple(_crated(one, crate) for one in ways)
    article = Article(
        item["item"], int(item["priority"]), size, int(item["volume_ml"]), item["storage"], life, position, ways
    )
    use, later = rules.counted(needed, 1000 * size), 7 * base // (1000 * size)
    return Ware(article, stock // size, use, later, life // 7, tuple(admissions), per)


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


def practice(leads: dict[str, list[int]]) -> list[Ware]:
    """Wares with other use: real hospital series, as many weeks of stock as is usual first; and generated waves."""
    made, found = wares(leads, PRACTICE_DIVISOR, crates=PRACTICE_CRATES), list[Ware]()
    series = rows("series/hospital_monthly.csv")
    for at in range(PRACTICE_SERIES):
        ware, row = made[at % len(made)], series[at * len(series) // PRACTICE_SERIES]
        values = [int(value) for name, value in row.items() if name != "series_id" and value][: 12 + PRACTICE_WEEKS]
        usual = max(1, round(statistics.fmean(values[:12])))
        found.append(_everyday(ware, tuple(values), usual))
    for at in range(PRACTICE_WAVES):
        admitted = wave(at, WAVE_WEEKS) + [0] * (WEEKS - WAVE_WEEKS)
        found.append(wares(leads, PRACTICE_DIVISOR, admissions=admitted, crates=PRACTICE_CRATES)[at % ITEMS])
    return found


def _everyday(ware: Ware, values: tuple[int, ...], usual: int) -> Ware:
    """The ware under a series that no wave drives, in packs of which a usual week uses about as many as here."""
    return replace(
        ware,
        use=values[12:],
        before=values[:12],
        later=usual,
        stock=PRACTICE_STOCK * usual,
        admissions=(),
        per_admission_milli=0,
    )
