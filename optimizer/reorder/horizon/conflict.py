"""Clauses that cannot all be kept while every need is served: what they are called, and by how much a plan breaks them.

A need is the demand of a line that must be served, without what comes too soon for any order (`beyond`). A clause is
anything that people may change: budget, ceiling, capacity, storage, reservation, share, an offer's quantity, its
minimum and multiple, its calendar, the least order under a contract, a floor. Lead time and shelf life are none.
What a plan breaks is counted by the checker's own books: no solver, no NumPy.

A clause is relaxed in its own unit, and a unit of it costs what lies beyond it: a minor unit of budget or ceiling one
minor unit; a unit of a line its first price; volume what the goods that fill it cost on average; a unit of a floor
what an unmet unit of its line costs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from optimizer.reorder.horizon.check import clauses, course_of, first_order, first_stock, unserved_minor, usable_from
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import Line, Offer, Problem

MONEY, VOLUME, UNITS = "minor units", "volume", "units"
MILLI = 1000
Books = list[tuple[Order, Line, Offer]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What must be kept besides the problem's own clauses.

    `lines`: whose demand must be served (none: of those without `unmet_minor`). `floors`: of a line's demand, the
    units by week that are a floor's. `minimums`: least value in minor units of all orders of a week under a contract.
    `keep_floors`: stock never ends a week below the line's floor once an order can have arrived.

    `missed`: lines that a plan known (`standing`, its orders) leaves unserved, where only these are looked at in whole
    numbers (none: all lines are). Least orders under contracts are then asked of the weeks in which these are ordered.
    """

    lines: tuple[str, ...] | None = None
    floors: tuple[tuple[str, tuple[int, ...]], ...] = ()
    minimums: tuple[tuple[str, int], ...] = ()
    keep_floors: bool = False
    missed: tuple[str, ...] | None = None
    standing: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A clause relaxed by `amount` of its `unit`, and what that costs in minor units."""

    clause: str
    amount: int
    unit: str
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Clauses that cannot all be kept while every need is served.

    `smallest`: proven that no set of fewer clauses conflicts (of later conflicts: none without those told before).
    `minimal`: proven that without any one of them the rest can be kept. `alone`: for each clause that is enough when
    it is the only one relaxed, how much of it is.
    """

    clauses: tuple[str, ...]
    smallest: bool
    minimal: bool
    alone: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Beyond:
    """Units of a line wanted before any order can arrive, whatever clause is relaxed, and why."""

    line: str
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands in the way of serving every need.

    `servable`: whether all can be served under all clauses (none: not settled in time). `relaxation`: the cheapest set
    of changes found under which all can; no set costs less than `at_least_minor`. `orders` serve all needs under it.
    """

    servable: bool | None
    conflicts: tuple[Conflict, ...]
    relaxation: tuple[Way, ...]
    cost_minor: int
    at_least_minor: int
    beyond: tuple[Beyond, ...]
    orders: tuple[Order, ...]

    def canonical(self) -> bytes:
        """The finding as canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()


def must_serve(problem: Problem, asked: Asked) -> tuple[Line, ...]:
    """The lines whose demand must be served, in the problem's order."""
    if asked.lines is None:
        return tuple(line for line in problem.lines if line.unmet_minor is None)
    return tuple(line for line in problem.lines if line.id in asked.lines)


def beyond(line: Line) -> tuple[int, ...]:
    """Units by week that no order can serve: before the quickest arrives, or at all where nobody offers the line."""
    weeks = len(line.demand)
    first = min((offer.lead_weeks for offer in line.offers), default=weeks)
    held, lost = first_stock(line)[0], [0] * weeks
    for week, wanted in enumerate(line.demand[:first]):
        held += sum(one.units for one in line.inbound if one.week == week)
        held = min(held, usable_from(line, week))
        lost[week] = max(0, wanted - held)
        held -= wanted - lost[week]
    return tuple(lost)


def patched(problem: Problem, asked: Asked) -> tuple[Order, ...]:
    """The standing orders and, for every need that they miss, one that arrives in its week, whatever it breaks."""
    orders = {(one.line, one.offer, one.week): one for one in asked.standing}
    for line in must_serve(problem, asked):
        lost = beyond(line)
        for week in range(min((offer.lead_weeks for offer in line.offers), default=problem.weeks), problem.weeks):
            missing = _missing(line, orders, week) - lost[week]
            if missing > 0:
                ready = [offer for offer in line.offers if offer.lead_weeks <= week]
                chosen = min(ready, key=lambda one: (_closed(one, week), one.tiers[-1].price_minor, one.id))
                key = (line.id, chosen.id, week - chosen.lead_weeks)
                units = missing + (orders[key].units if key in orders else 0)
                many = max(first_order(chosen), -(-units // chosen.multiple_units) * chosen.multiple_units)
                orders[key] = Order(*key, many, 0, "")
    return tuple(sorted(orders.values(), key=lambda one: (one.week, one.line, one.offer)))


def _closed(offer: Offer, week: int) -> bool:
    return bool(offer.order_weeks) and week - offer.lead_weeks not in offer.order_weeks


def _missing(line: Line, orders: dict[tuple[str, str, int], Order], week: int) -> int:
    """Units unmet in a week."""
    held, missing = first_stock(line)[0], 0
    lead = {offer.id: offer.lead_weeks for offer in line.offers}
    mine = [one for one in orders.values() if one.line == line.id]
    for at in range(week + 1):
        held += sum(one.units for one in line.inbound if one.week == at)
        held += sum(one.units for one in mine if one.week + lead[one.offer] == at)
        held = min(held, usable_from(line, at))
        missing = max(0, line.demand[at] - held)
        held = max(0, held - line.demand[at])
    return missing


def first_price(line: Line) -> int:
    """The dearest first price at which the line is offered (minor units)."""
    return max((offer.tiers[0].price_minor for offer in line.offers), default=0)


def value_of_volume_milli(problem: Problem, asked: Asked) -> int:
    """What a unit of volume of the needs is worth on average, in thousandths, rounded up."""
    lines = must_serve(problem, asked)
    worth = sum(sum(line.demand) * first_price(line) for line in lines)
    return -(-worth * MILLI // max(1, sum(sum(line.demand) * line.volume for line in lines)))


def missed_minor(line: Line) -> int:
    """What a unit of the line's floor that is not kept costs."""
    return unserved_minor(line) if line.unmet_minor is None else line.unmet_minor


def minimum_name(line: Line, offer: Offer) -> str:
    """The clause of an offer's minimum and multiple."""
    return f"minimum order of offer {offer.id} of {line.id}"


def calendar_name(line: Line, offer: Offer) -> str:
    """The clause of an offer's order calendar."""
    return f"calendar of offer {offer.id} of {line.id}"


def floor_name(line: Line) -> str:
    """The clause of a line's floor."""
    return f"floor of {line.id}"


def contract_minimum_name(contract: str) -> str:
    """The clause of the least order under a contract."""
    return f"minimum order of contract {contract}"


def books_of(problem: Problem, orders: Iterable[Order]) -> Books:
    """Orders with their line and offer."""
    lines = {line.id: line for line in problem.lines}
    offers = {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}
    return [(order, lines[order.line], offers[order.line, order.offer]) for order in orders]


def exceeded(problem: Problem, asked: Asked, orders: tuple[Order, ...]) -> tuple[Way, ...] | None:
    """By how much these orders break each clause; none where they leave a need unserved that is no floor's."""
    books = books_of(problem, orders)
    floors = dict(_floors(problem, asked, orders))
    if any(units is None for units in floors.values()):
        return None
    lines = {line.id: line for line in problem.lines}
    ways = [*_shared(problem, asked, orders), *_own(books), *_contracts(asked, books)]
    for name, units in floors.items():
        if units:
            ways.append(Way(floor_name(lines[name]), units, UNITS, units * missed_minor(lines[name])))
    return tuple(way for way in ways if way.amount)


def _floors(problem: Problem, asked: Asked, orders: tuple[Order, ...]) -> Iterator[tuple[str, int | None]]:
    offers = {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}
    parts = dict(asked.floors)
    for line in must_serve(problem, asked):
        course = course_of(line, [order for order in orders if order.line == line.id], offers)
        missing = course.unmet - sum(beyond(line))
        first = min((offer.lead_weeks for offer in line.offers), default=problem.weeks)
        low = max((line.floor - end for end in course.ends[first:]), default=0) if asked.keep_floors else 0
        wrong = missing > sum(parts.get(line.id, ())) or course.overfull
        yield line.id, None if wrong else missing + max(0, low)


def _shared(problem: Problem, asked: Asked, orders: tuple[Order, ...]) -> Iterator[Way]:
    placed = {line.id: [order for order in orders if order.line == line.id] for line in problem.lines}
    offers = {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}
    courses = {line.id: course_of(line, placed[line.id], offers) for line in problem.lines}
    over: Counter[str] = Counter()
    for name, (taken, room) in clauses(problem, orders, courses).items():
        clause = name.partition(" week ")[0]
        more = max(0, taken - room)
        over[clause] = max(over[clause], more) if clause.startswith("storage ") else over[clause] + more
    volume = value_of_volume_milli(problem, asked)
    units = _unit_prices(problem)
    for clause, amount in over.items():
        if clause.startswith(("storage ", "capacity ")):
            yield Way(clause, amount, VOLUME, -(-amount * volume // MILLI))
        elif clause in units:
            yield Way(clause, amount, UNITS, amount * units[clause])
        else:
            yield Way(clause, amount, MONEY, amount)


def unit_clauses(problem: Problem) -> dict[str, Line]:
    """Shared clauses counted in units, each with a line that says what a unit is worth."""
    found = {}
    by_product = {line.product: line for line in reversed(problem.lines)}
    for one in problem.reservations:
        name = f"reservation of {one.member or 'all'} for {one.product} in contract {one.contract}"
        found[name] = by_product.get(one.product, problem.lines[0])
    for share in problem.shares:
        found[f"share of {share.supplier} in {share.product}"] = by_product.get(share.product, problem.lines[0])
    for line in problem.lines:
        found |= {f"offer {offer.id} of {line.id}": line for offer in line.offers if offer.most_units is not None}
    return found


def _unit_prices(problem: Problem) -> dict[str, int]:
    return {name: first_price(line) for name, line in unit_clauses(problem).items()}


def _own(books: Books) -> Iterator[Way]:
    """Orders below or between what their offer allows, and outside its calendar."""
    below: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    price: dict[str, int] = {}
    for order, line, offer in books:
        least, multiple = first_order(offer), offer.multiple_units
        allowed = max(least, -(-order.units // multiple) * multiple)
        below[minimum_name(line, offer)] += allowed - order.units
        if offer.order_weeks and order.week not in offer.order_weeks:
            closed[calendar_name(line, offer)] += order.units
        price |= {minimum_name(line, offer): first_price(line), calendar_name(line, offer): first_price(line)}
    for clause, units in [*below.items(), *closed.items()]:
        yield Way(clause, units, UNITS, units * price[clause])


def _contracts(asked: Asked, books: Books) -> Iterator[Way]:
    least, paid, looked_at = dict(asked.minimums), Counter[tuple[str, int]](), set[tuple[str, int]]()
    for order, line, offer in books:
        if not offer.surge_option:
            paid[offer.contract, order.week] += order.units * offer.price_minor(order.units)
            if asked.missed is None or line.id in asked.missed:
                looked_at.add((offer.contract, order.week))
    short: Counter[str] = Counter()
    for contract, week in sorted(looked_at):
        short[contract] += max(0, least.get(contract, 0) - paid[contract, week])
    for contract, minor in short.items():
        yield Way(contract_minimum_name(contract), minor, MONEY, minor)


def told_beyond(problem: Problem, asked: Asked) -> tuple[Beyond, ...]:
    """The needs that no relaxation serves."""
    found = []
    for line in must_serve(problem, asked):
        units = sum(beyond(line))
        first = min((offer.lead_weeks for offer in line.offers), default=None)
        why = "nobody offers it" if first is None else f"the quickest order arrives in week {first}"
        found += [Beyond(line.id, units, why)] if units else []
    return tuple(found)
