"""The rules of ordering that `replay` plays against each other: the nightly run's own, practice's, and hindsight's."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import Line, Lot, Offer, Problem, Tier
from stockpile.demand import growth
from stockpile.reorder import rules, shaping
from stockpile.reorder.shaping import UNMET, Clauses, Source
from tests.benchmarks.replay import HISTORY, REVIEW_DAYS, SIGMAS, WEEKS, Course, Rule, Set, Ware, drawn_weeks

PLENTY = 10**12
LEARNED = 0.95


def known_use(week: int, ware: Ware, weeks: int = HISTORY) -> list[int]:
    """Use of the weeks before, packs; the everyday use stands for the time before the first."""
    return [ware.later] * max(0, weeks - week) + list(ware.use[max(0, week - weeks) : week])


def nightly(chosen: Set) -> Rule:
    """The nightly run's own functions: courses of a surge, safety for the service that unmet need implies, the plan."""

    def rule(week: int, ware: Ware, run: Course) -> list[tuple[Source, int]]:
        article = replace(ware.article, position=_position(week, ware, run, chosen))
        case = shaping.shape([article], Clauses(PLENTY, 1, {}, {}, {}), limit_seconds=60)
        plan = plan_horizon(case.night.problem, gap=0.0, rounds=1)  # one ware and no scarce clause: exact at once
        ways = {one.id: one for one in article.sources}
        tonight = [order for order in plan.orders if order.week == 0]
        return [(ways[order.offer], order.units * case.packs[article.code]) for order in tonight]

    return rule


def _position(week: int, ware: Ware, run: Course, chosen: Set) -> rules.Position:
    """How the ware stands tonight, as reorder.queries works it out: reports and use up to the week before."""
    size, quickest = ware.article.pack_size, _usual(ware)
    expected, late = quickest.lead_days, quickest.late_days
    days, late_days, service = REVIEW_DAYS + expected, REVIEW_DAYS + late, shaping.service_ppm(ware.article.priority)
    later, margin = _usually(week, ware, late_days)
    surge = rules.surge(
        _courses(week, ware, chosen),
        per_admission_milli=ware.per_admission_milli,
        days=days,
        late_days=late_days,
        service_ppm=service,
    )
    safety = rules.for_service(margin, learned=LEARNED, service_ppm=service)
    delay = rules.for_delay(use_milli_per_day=later, expected_days=expected, late_days=late)
    lots = (rules.Lot(run.stock * size, ware.article.shelf_life_days),) if run.stock else ()
    coming = tuple((7 * max(1, arrives - week), packs * size) for _, arrives, packs in run.open)
    use = rules.Use(later + surge.now_milli, days, later)
    return rules.Position(use, lots, coming, 0, 0, safety + delay + surge.reserve)


def _courses(week: int, ware: Ware, chosen: Set) -> tuple[growth.Course, ...]:
    """Where the reported wave may go; weeks that nobody reported before the first are not known."""
    reported = [{"all": 1000 * one} for one in ware.admissions[max(0, week - growth.WEEKS_BACK) : week]]
    if not reported or not reported[-1]["all"]:
        return ()
    grown = growth.growth(reported, fastest=chosen.fastest)
    return growth.courses(reported[-1]["all"], grown, weeks=shaping.MOST_WEEKS, turns=chosen.turns)


def _usually(week: int, ware: Ware, late_days: int) -> tuple[int, int]:
    """(thousandths of a base unit a day outside waves, base units beyond it in one week of twenty over the lead)."""
    size = ware.article.pack_size
    if not ware.before:
        return ware.later * size * 1000 // 7, 0
    past = [*ware.before, *ware.use[:week]][-len(ware.before) :]
    mean = round(statistics.fmean(past) * size * 1000)
    high = mean + round(SIGMAS * statistics.pstdev(past) * size * 1000)
    return mean // 7, rules.safety(mean_milli=mean, high_milli=high, period_days=7, days=late_days)


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
