"""A plan in the words of whoever reads it: base units, packs and money instead of the planner's steps. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from optimizer.reorder.horizon.check import course_of
from optimizer.reorder.horizon.conflict import MONEY, UNITS, Finding, Way
from optimizer.reorder.horizon.explain import NextService
from optimizer.reorder.horizon.plan import Order, Service
from optimizer.reorder.horizon.problem import Line
from optimizer.reorder.horizon.tonight import Tonight
from stockpile.contracts import rules as orders
from stockpile.reorder.shaping import Article, Case

MOST_CLAUSES = 20


def told(case: Case, made: Tonight) -> dict[str, Any]:
    """Cost, bound (minor units) and gap, service by item, scarce clauses, what stays open and why.

    `spend_before_by_week`: what the same needs would cost week by week if no budget spread them;
    `peak_to_mean_permille`: of both, the dearest week over the mean of the weeks up to the last order.
    """
    plan, before, after = made.plan, before_smoothing(case), by_week(made)
    return {
        "status": plan.status,
        "weeks": made.problem.weeks,
        "cost_minor": plan.cost.total // 1000,
        "bound_minor": plan.bound // 1000,
        "gap_ppm": round(plan.gap * 1_000_000),
        "cost_parts_minor": {
            name: getattr(plan.cost, name) // 1000
            for name in ("acquire", "order", "hold", "below_floor", "expire", "unmet", "peak", "residual")
        },
        "spend_by_week": after,
        "spend_before_by_week": before,
        "peak_to_mean_permille": {"before": _peak_to_mean(before), "after": _peak_to_mean(after)},
        "later_orders": sum(order.week > 0 for order in plan.orders),
        "services": list(_services(case, made)),
        "scarce": [[one.clause, one.loss_milli_per_unit] for one in made.explanation.scarce[:MOST_CLAUSES]],
        "left_out": left_out(case, made),
        "minimum_orders": list(made.notes),
    }


def by_week(made: Tonight) -> list[int]:
    """What the plan spends in each week from tonight's on, minor units; weeks after its last order are left out."""
    weeks = [0] * (max((order.week for order in made.plan.orders), default=-1) + 1)
    for order in made.plan.orders:
        weeks[order.week] += order.cost_minor
    return weeks


def _peak_to_mean(weeks: list[int]) -> int:
    """Thousandths of the mean that the dearest week is; 0 where nothing is spent."""
    return max(weeks) * len(weeks) * 1000 // sum(weeks) if sum(weeks) else 0


def before_smoothing(case: Case) -> list[int]:
    """What the items would cost in each week from tonight's on if no budget or ceiling spread them, minor units.

    Each item is ordered alone, at its cheapest offer, as late as it comes before its stock falls below its safety
    stock; what expires meanwhile is not looked at. Weeks after the last order are left out.
    """
    spent: dict[int, int] = defaultdict(int)
    for line in case.night.problem.lines:
        for week, minor in _alone(line):
            spent[week] += minor
    return [spent[week] for week in range(max(spent, default=-1) + 1)]


def _alone(line: Line) -> Iterator[tuple[int, int]]:
    """(week, minor units) of each order of one line by its cheapest offer, as its stock runs low."""
    if not line.offers:
        return
    offer = min(line.offers, key=lambda one: (one.surge_option, one.tiers[-1].price_minor, one.id))
    held, coming = sum(lot.units for lot in line.stock), dict[int, int]()
    for one in line.inbound:
        coming[one.week] = coming.get(one.week, 0) + one.units
    for week, wanted in enumerate(line.demand):
        held += coming.get(week, 0) - wanted
        short = line.floor - held
        if short > 0 and week >= offer.lead_weeks:
            units = -(-max(short, offer.minimum_units) // offer.multiple_units) * offer.multiple_units
            held += units
            price = max((tier for tier in offer.tiers if tier.from_units <= units), key=lambda tier: tier.from_units)
            yield week - offer.lead_weeks, units * price.price_minor + offer.order_minor


def reason(case: Case, made: Tonight, order: Order) -> str:
    """Why an order stands in the plan, in words, base units, packs and money."""
    article = case.articles[order.line]
    source = next(one for one in article.sources if one.id == order.offer)
    packs = order.units * case.packs[order.line]
    parts = [_bought(case, made, order), f"arrives in week {source.lead_weeks} ({source.lead_days} days)"]
    start = max(first for first, _ in source.tiers if first <= max(packs, 1))
    parts.append(
        f"{packs:,} packs at the price from {start:,}, {_money(orders.tier_price(source.tiers, packs))} a pack"
    )
    if packs == max(source.minimum_packs, source.pack_multiple):
        parts.append("the least that may be ordered")
    if source.option:
        parts.append("by the surge option, because nothing ordinary comes in time")
    _, scarce, clauses = order.reason.partition("scarce here: ")
    return "; ".join([*parts, f"scarce here: {clauses}"] if scarce else parts)


def _bought(case: Case, made: Tonight, order: Order) -> str:
    """What is unmet, or below safety stock, without the order and all others standing."""
    line = next(one for one in made.problem.lines if one.id == order.line)
    offers = {(line.id, offer.id): offer for offer in line.offers}
    mine = [one for one in made.plan.orders if one.line == line.id]
    others = [one for one in mine if one != order]
    there, without = course_of(line, mine, offers), course_of(line, others, offers)
    step = case.packs[line.id] * case.articles[line.id].pack_size
    if without.unmet > there.unmet:
        position = case.articles[line.id].position
        surge = f", with {position.unmet:,} that a surge left unmet" if position.unmet else ""
        return f"without it {(without.unmet - there.unmet) * step:,} base units stay unmet{surge}"
    low = [max(0, line.floor - b) - max(0, line.floor - a) for a, b in zip(there.ends, without.ends, strict=True)]
    if max(low) > 0:
        return f"without it up to {max(low) * step:,} base units of the safety stock are missing"
    return (
        f"leaves {(there.ends[-1] - without.ends[-1]) * step:,} base units more at the end, worth more than they cost"
    )


def _money(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02d}"


def _services(case: Case, made: Tonight) -> Iterator[dict[str, Any]]:
    for service, following in zip(made.plan.services, made.explanation.services, strict=True):
        if service.demand:
            yield _service(case, service, following)


def _service(case: Case, service: Service, following: NextService) -> dict[str, Any]:
    article = case.articles[service.line]
    step = case.packs[service.line] * article.pack_size
    early = case.too_early[service.line]
    wanted, unmet = service.demand * step + early, service.unmet * step
    point = following.extra_milli_per_unit
    return {
        "item": service.line,
        "wanted": wanted,
        "too_early": early,
        "unmet": unmet,
        "expires": service.expired * step,
        "served_permille": (wanted - early - unmet) * 1000 // wanted,
        "next_point_minor": None if point is None else point * (wanted // step) // 100 // 1000,
    }


def left_out(case: Case, made: Tonight) -> list[list[str]]:
    """[item, why] for every item of which something stays unmet over the weeks looked at."""
    return [
        [service.line, "; ".join(_why(case, made, case.articles[service.line], service))]
        for service in made.plan.services
        if service.unmet or case.too_early[service.line]
    ]


def _why(case: Case, made: Tonight, article: Article, service: Service) -> Iterator[str]:
    unmet, early = service.unmet * case.packs[article.code] * article.pack_size, case.too_early[article.code]
    if not article.sources:
        yield f"no contract offers it: {unmet + early:,} base units stay unmet"
        return
    if early:
        yield f"{early:,} base units are wanted before the first order can arrive, in week {article.first_week}"
    if unmet:
        pressing = [one.clause for one in made.plan.prices if _concerns(article, one.clause)]
        why = f"scarce are {', '.join(pressing[:5])}" if pressing else "more would be left over than it serves"
        yield f"{unmet:,} base units stay unmet: {why}"


def _concerns(article: Article, clause: str) -> bool:
    """Whether a clause bears on the item: the budget, its contracts, its storage, its own offers and shares."""
    words = clause.split(" ")
    if words[0] == "ceiling":
        return words[-1] in {one.contract for one in article.sources}
    if words[0] in ("offer", "share"):
        return clause.endswith((f" of {article.code}", f" in {article.code}"))
    return words[0] in ("budget", "peak") or clause.startswith(f"storage {article.storage} ")


def blocked(case: Case, found: Finding) -> dict[str, Any]:
    """What keeps needs from being served: the fewest clauses that conflict, how much each would have to give, alone
    or at the least cost together, in base units, millilitres and minor units; `said`: the same in sentences.
    """
    conflicts = [
        {
            "clauses": list(one.clauses),
            "smallest": one.smallest,
            "minimal": one.minimal,
            "alone": [_way(case, way) for way in one.alone],
        }
        for one in found.conflicts
    ]
    return {
        "servable": found.servable,
        "conflicts": conflicts,
        "cheapest": [_way(case, way) for way in found.relaxation],
        "cheapest_minor": found.cost_minor,
        "at_least_minor": found.at_least_minor,
        "said": list(_said(case, found)),
    }


def _way(case: Case, way: Way) -> dict[str, Any]:
    amount, unit = way.amount, {MONEY: "minor units", UNITS: "base units"}.get(way.unit, "millilitres")
    if way.unit == UNITS:
        item = way.clause.rpartition(" in " if way.clause.startswith("share of ") else " of ")[2]
        amount *= case.packs[item] * case.articles[item].pack_size
    return {"clause": way.clause, "by": amount, "unit": unit, "cost_minor": way.cost_minor}


def _said(case: Case, found: Finding) -> Iterator[str]:
    if found.servable:
        yield "all needs could be served under all clauses; what stays unmet would cost more to serve than to miss"
    if found.servable is None:
        yield "it was not settled in time whether all needs could be served"
    for one in found.conflicts:
        fewest = ", and no fewer clauses conflict" if one.smallest else ""
        if not one.smallest:
            fewest = ", and none of them can be left out" if one.minimal else ", of which fewer may conflict"
        if len(one.clauses) == 1:
            yield f"{one.clauses[0]} alone keeps needs from being served{fewest}"
        else:
            yield f"{', '.join(one.clauses[:-1])} and {one.clauses[-1]} cannot all be kept{fewest}"
        for way in one.alone:
            yield f"enough would be: {_given(case, way)}"
    if found.relaxation:
        given = ", ".join(_given(case, way) for way in found.relaxation)
        least = f", and no way out costs less than {_money(found.at_least_minor)}"
        yield f"the cheapest way out found costs {_money(found.cost_minor)}: {given}{least}"


def _given(case: Case, way: Way) -> str:
    told = _way(case, way)
    much = _money(told["by"]) if way.unit == MONEY else f"{told['by']:,} {told['unit']}"
    return f"{way.clause} by {much} (worth {_money(way.cost_minor)})"
