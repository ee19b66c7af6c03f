"""The plan's bound, derived anew from its prices alone, in whole numbers: no solver, no NumPy, no rounding.

For any prices of the shared clauses that are not negative (those of the peak at most what the peak costs), no plan
costs less than the sum of every line's cheapest plan at these prices, less the clauses' rooms at their prices. The
cheapest plan of a line is found by trying every stock in every week. Prices are counted in millionths.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from optimizer.reorder.horizon.check import clauses, course_of, first_stock, line_roof, unserved_minor, usable_from
from optimizer.reorder.horizon.problem import Line, Offer, Problem

FINE = 10**6
FAR = 1 << 120


class ProofError(ValueError):
    """Prices that prove nothing; the message names the clause."""


def proven_bound(problem: Problem, prices: dict[str, str]) -> int:
    """The bound in thousandths of a minor unit, rounded up, for every plan costs a whole number; raises ProofError."""
    fine = {name: _fine(name, text) for name, text in prices.items()}
    rooms = _rooms(problem)
    for name in fine:
        if name not in rooms and not name.startswith("peak weeks "):
            raise ProofError(f"prices: {name!r} is no clause of the problem")
    peaks = sum(price for name, price in fine.items() if name.startswith("peak weeks "))
    if peaks and (problem.smoothing is None or peaks > problem.smoothing.peak_milli * FINE):
        raise ProofError("prices: those of the peak are more than the peak costs")
    worth = sum(fine.get(name, 0) * room for name, room in rooms.items())
    return -((worth - sum(_cheapest(problem, line, fine) for line in problem.lines)) // FINE)


def _fine(name: str, text: str) -> int:
    try:
        price = Decimal(text) * FINE
    except InvalidOperation:
        raise ProofError(f"prices: {name!r} has the price {text!r}, not a number") from None
    if not price.is_finite() or price < 0 or price != int(price):
        raise ProofError(f"prices: {name!r} has the price {text!r}, not a number from 0 with six decimals")
    return int(price)


def _rooms(problem: Problem) -> dict[str, int]:
    idle = {line.id: course_of(line, [], {}) for line in problem.lines}
    return {name: room for name, (_, room) in clauses(problem, [], idle).items()}


def _cheapest(problem: Problem, line: Line, fine: dict[str, int]) -> int:
    """The least cost of the line at the prices, in millionths of a thousandth."""
    usable_first, expired = first_stock(line)
    weeks, unit = problem.weeks, 1000 * FINE
    missed = unserved_minor(line) if line.unmet_minor is None else line.unmet_minor
    roof = line_roof(line)
    cost = [FAR] * (roof + 1)
    cost[usable_first] = expired * line.waste_minor * unit
    for week in range(weeks):
        firm = sum(one.units for one in line.inbound if one.week == week)
        cost = ([FAR] * firm + cost)[: roof + 1]
        for offer in line.offers:
            placed = week - offer.lead_weeks
            if placed >= 0 and (not offer.order_weeks or placed in offer.order_weeks):
                cost = _ordered(problem, line, offer, placed, fine=fine, cost=cost)
        usable = usable_from(line, week)
        if usable < roof:
            off = min(cost[held] + line.waste_minor * unit * (held - usable) for held in range(usable + 1, roof + 1))
            cost[usable] = min(cost[usable], off)
            cost[usable + 1 :] = [FAR] * (roof - usable)
        cost = _served(cost, line.demand[week], missed * unit)
        keep = line.hold_milli * FINE + line.volume * fine.get(f"storage {line.storage} week {week}", 0)
        low = line.below_floor_milli * FINE
        cost = [value + keep * held + low * max(0, line.floor - held) for held, value in enumerate(cost)]
    return min(value - line.residual_minor * unit * held for held, value in enumerate(cost))


def _served(cost: list[int], demand: int, missed: int) -> list[int]:
    after = cost[demand:] + [FAR] * min(demand, len(cost))
    for held in range(min(demand, len(cost))):
        after[0] = min(after[0], cost[held] + missed * (demand - held))
    return after


def _ordered(
    problem: Problem, line: Line, offer: Offer, week: int, *, fine: dict[str, int], cost: list[int]
) -> list[int]:
    """The cost of each stock once an order placed in `week` has arrived, or none has."""
    per_money, per_unit, fixed = _prices(problem, line, offer, week, fine)
    after, multiple = list(cost), offer.multiple_units
    for tier in offer.tiers:
        slope = tier.price_minor * per_money + per_unit
        wanted = max(tier.from_units, offer.minimum_units)
        least = (wanted + multiple - 1) // multiple * multiple
        lowest = [FAR] * multiple
        for held in range(least, len(cost)):
            come = held - least
            lowest[come % multiple] = min(lowest[come % multiple], cost[come] - slope * come)
            value = lowest[come % multiple] + slope * held + fixed
            after[held] = min(after[held], value)
    return after


def _prices(problem: Problem, line: Line, offer: Offer, week: int, fine: dict[str, int]) -> tuple[int, int, int]:
    """What a minor unit of price, a unit and the order itself cost in that week, the clauses' prices included."""
    per_money, per_unit = 1000 * FINE, 0
    fixed = offer.order_minor * 1000 * FINE
    load = fine.get(f"capacity of {offer.supplier} week {week}", 0)
    per_unit += load * line.volume
    fixed += load * offer.order_volume
    for budget in problem.budgets:
        if budget.member in ("", line.member) and budget.first_week <= week <= budget.last_week:
            who = budget.member or "all"
            per_money += fine.get(f"budget of {who} weeks {budget.first_week} to {budget.last_week}", 0)
    per_money += fine.get(f"ceiling of contract {offer.contract}", 0)
    if problem.smoothing is not None:
        first = week // problem.smoothing.weeks * problem.smoothing.weeks
        last = min(problem.weeks, first + problem.smoothing.weeks) - 1
        per_money += fine.get(f"peak weeks {first} to {last}", 0)
    for who in {line.member or "all", "all"}:
        per_unit += fine.get(f"reservation of {who} for {line.product} in contract {offer.contract}", 0)
    per_unit += fine.get(f"share of {offer.supplier} in {line.product}", 0)
    per_unit += fine.get(f"offer {offer.id} of {line.id}", 0)
    return per_money, per_unit, fixed
