"""An independent look at a plan over many weeks: every rule restated, every figure recomputed, no solver, no NumPy.

Knows the problem's and the plan's fields and nothing of how a plan is made; shares no function of price, shelf life,
stock or clause with the search.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optimizer.reorder.horizon.plan import Cost, Order, Plan
from optimizer.reorder.horizon.problem import Line, Offer, Problem


@dataclass(frozen=True, slots=True)
class Verdict:
    """`feasible`: the orders break no rule. `findings`: every fault seen, in plain sentences, naming line and week."""

    feasible: bool
    findings: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Feasible, and every reported figure true."""
        return self.feasible and not self.findings


@dataclass(slots=True)
class Course:
    """How one line's stock runs."""

    ends: list[int] = field(default_factory=list)
    unmet: int = 0
    expired: int = 0
    overfull: list[int] = field(default_factory=list)


def check(problem: Problem, plan: Plan) -> Verdict:
    """Judge `plan` by `problem` alone."""
    offers = {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}
    strangers = list(_strangers(problem, plan, offers))
    if strangers:
        return Verdict(False, tuple(strangers))
    placed: defaultdict[str, list[Order]] = defaultdict(list)
    for order in plan.orders:
        placed[order.line].append(order)
    courses = {line.id: course_of(line, placed[line.id], offers) for line in problem.lines}
    broken = [
        fault for order in plan.orders for fault in _broken_order(problem, order, offers[order.line, order.offer])
    ]
    for name, course in courses.items():
        broken += [
            f"line {name} week {week}: the arrival lifts the stock above what the line may hold"
            for week in course.overfull
        ]
    for name, (taken, room) in clauses(problem, plan.orders, courses).items():
        if taken > room:
            broken.append(f"{name}: {taken} is above {room}")
    untrue = [*_untrue_orders(plan, offers), *_untrue_cost(problem, plan, offers, courses)]
    untrue += [*_untrue_services(problem, plan, courses), *_untrue_head(problem, plan)]
    return Verdict(not broken, (*broken, *untrue))


def _strangers(problem: Problem, plan: Plan, offers: dict[tuple[str, str], Offer]) -> Iterator[str]:
    seen = Counter((order.line, order.offer, order.week) for order in plan.orders)
    for (line, offer, week), times in seen.items():
        if times > 1:
            yield f"line {line} week {week}: offer {offer} is ordered {times} times"
        if (line, offer) not in offers:
            yield f"line {line} week {week}: there is no offer {offer}"
        if type(week) is not int or not 0 <= week < problem.weeks:
            yield f"line {line}: week {week} is outside the horizon"
    for order in plan.orders:
        if type(order.units) is not int or order.units < 1:
            yield f"line {order.line} week {order.week}: an order of {order.units} units"


# The rules of an order, and how stock runs.


def _broken_order(problem: Problem, order: Order, offer: Offer) -> Iterator[str]:
    where = f"line {order.line} week {order.week}, offer {offer.id}"
    if order.units < offer.minimum_units:
        yield f"{where}: {order.units} units are below the minimum of {offer.minimum_units}"
    if order.units % offer.multiple_units:
        yield f"{where}: {order.units} units are no multiple of {offer.multiple_units}"
    if offer.order_weeks and order.week not in offer.order_weeks:
        yield f"{where}: the order calendar is closed"
    if order.week + offer.lead_weeks >= problem.weeks:
        yield f"{where}: it would arrive after the horizon"


def demand_in(line: Line, week: int, weeks: int) -> int:
    """Demand in the `weeks` weeks from `week` on."""
    wanted = 0
    for one in range(week, week + weeks):
        wanted += line.demand[one] if one < len(line.demand) else line.later_demand
    return wanted


def usable_from(line: Line, week: int) -> int:
    """What of a week's stock may be used in time: expected demand, and the floor, kept for more than is expected."""
    return line.floor + demand_in(line, week, line.shelf_life_weeks)


def first_stock(line: Line) -> tuple[int, int]:
    """Stock that may be used before it expires, and the rest; what expires first is taken first."""
    usable = expired = 0
    for lot in sorted(line.stock, key=lambda one: one.weeks_left):
        part = max(0, min(lot.units, line.floor + demand_in(line, 0, lot.weeks_left) - usable))
        usable += part
        expired += lot.units - part
    return usable, expired


def course_of(line: Line, orders: list[Order], offers: dict[tuple[str, str], Offer]) -> Course:
    """How the line's stock runs with these orders."""
    arrivals: Counter[int] = Counter()
    for one in line.inbound:
        arrivals[one.week] += one.units
    ordered: Counter[int] = Counter()
    for order in orders:
        ordered[order.week + offers[line.id, order.offer].lead_weeks] += order.units
    usable = [usable_from(line, week) for week in range(len(line.demand))]
    roof, course = line_roof(line), Course()
    held, course.expired = first_stock(line)
    for week, wanted in enumerate(line.demand):
        held += arrivals[week] + ordered[week]
        if ordered[week] and held > roof:
            course.overfull.append(week)
        if held > usable[week]:
            course.expired += held - usable[week]
            held = usable[week]
        served = min(held, wanted)
        course.unmet += wanted - served
        held -= served
        course.ends.append(held)
    return course


def line_roof(line: Line) -> int:
    """The most that an arrival may lift the stock to: what is ever usable, or firm, and one least order."""
    usable = [usable_from(line, week) for week in range(len(line.demand))]
    firm = sum(lot.units for lot in line.stock) + sum(one.units for one in line.inbound)
    return max(*usable, firm) + max((first_order(offer) for offer in line.offers), default=0)


def first_order(offer: Offer) -> int:
    """The least order in whole multiples."""
    multiple = offer.multiple_units
    return (offer.minimum_units + multiple - 1) // multiple * multiple


def _price(offer: Offer, units: int) -> int:
    price = offer.tiers[0].price_minor
    for tier in offer.tiers:
        if units >= tier.from_units:
            price = tier.price_minor
    return price


# The clauses that lines share.


def clauses(problem: Problem, orders: Sequence[Order], courses: dict[str, Course]) -> dict[str, tuple[int, int]]:
    """What the orders take of every shared clause, and its room."""
    lines = {line.id: line for line in problem.lines}
    offers = {(line.id, offer.id): offer for line in problem.lines for offer in line.offers}
    rows = [(order, lines[order.line], offers[order.line, order.offer]) for order in orders]
    found = _loads(problem, rows) | _stored(problem, courses)
    for budget in problem.budgets:
        paid = sum(
            order.units * _price(offer, order.units)
            for order, line, offer in rows
            if budget.member in ("", line.member) and budget.first_week <= order.week <= budget.last_week
        )
        who = budget.member or "all"
        found[f"budget of {who} weeks {budget.first_week} to {budget.last_week}"] = (paid, budget.minor)
    for ceiling in problem.ceilings:
        paid = sum(o.units * _price(offer, o.units) for o, _, offer in rows if offer.contract == ceiling.contract)
        found[f"ceiling of contract {ceiling.contract}"] = (paid, ceiling.minor)
    found.update(_quantities(problem, rows))
    return found


def _loads(problem: Problem, rows: list[tuple[Order, Line, Offer]]) -> dict[str, tuple[int, int]]:
    found = {}
    for capacity in problem.capacities:
        load: Counter[int] = Counter()
        for order, line, offer in rows:
            if offer.supplier == capacity.supplier:
                load[order.week] += order.units * line.volume + offer.order_volume
        for week, volume in enumerate(capacity.volume):
            found[f"capacity of {capacity.supplier} week {week}"] = (load[week], volume)
    return found


def _stored(problem: Problem, courses: dict[str, Course]) -> dict[str, tuple[int, int]]:
    found = {}
    for room in problem.storages:
        here = [line for line in problem.lines if line.storage == room.storage]
        idle = {line.id: course_of(line, [], {}).ends for line in here}
        for week, volume in enumerate(room.volume):
            stored = sum(courses[line.id].ends[week] * line.volume for line in here)
            already = sum(idle[line.id][week] * line.volume for line in here)
            found[f"storage {room.storage} week {week}"] = (stored, max(volume, already))
    return found


def _quantities(problem: Problem, rows: list[tuple[Order, Line, Offer]]) -> dict[str, tuple[int, int]]:
    found = {}
    for one in problem.reservations:
        units = sum(
            order.units
            for order, line, offer in rows
            if (offer.contract, line.product) == (one.contract, one.product) and one.member in ("", line.member)
        )
        name = f"reservation of {one.member or 'all'} for {one.product} in contract {one.contract}"
        found[name] = (units, one.units)
    for share in problem.shares:
        wanted = sum(sum(line.demand) for line in problem.lines if line.product == share.product)
        units = sum(
            order.units
            for order, line, offer in rows
            if offer.supplier == share.supplier and line.product == share.product
        )
        found[f"share of {share.supplier} in {share.product}"] = (units, wanted * share.permille // 1000)
    for line in problem.lines:
        for offer in line.offers:
            if offer.most_units is not None:
                units = sum(o.units for o, _, _ in rows if (o.line, o.offer) == (line.id, offer.id))
                found[f"offer {offer.id} of {line.id}"] = (units, offer.most_units)
    return found


# What the plan reports, recomputed.


def _untrue_orders(plan: Plan, offers: dict[tuple[str, str], Offer]) -> Iterator[str]:
    for order in plan.orders:
        offer = offers[order.line, order.offer]
        cost = order.units * _price(offer, order.units) + offer.order_minor
        if order.cost_minor != cost:
            yield f"line {order.line} week {order.week}: cost_minor is {order.cost_minor}, not {cost}"
    keys = [(order.week, order.line, order.offer) for order in plan.orders]
    if keys != sorted(keys):
        yield "orders: they are not in the order of week, line and offer"


def _untrue_cost(
    problem: Problem, plan: Plan, offers: dict[tuple[str, str], Offer], courses: dict[str, Course]
) -> Iterator[str]:
    true = _cost(problem, plan, offers, courses)
    for name in Cost.__dataclass_fields__:
        if getattr(plan.cost, name) != getattr(true, name):
            yield f"cost.{name} is {getattr(plan.cost, name)}, not {getattr(true, name)}"


def _cost(problem: Problem, plan: Plan, offers: dict[tuple[str, str], Offer], courses: dict[str, Course]) -> Cost:
    paid = {id(o): o.units * _price(offers[o.line, o.offer], o.units) for o in plan.orders}
    fees = sum(offers[o.line, o.offer].order_minor for o in plan.orders)
    hold = below = expire = unmet = unserved = residual = 0
    for line in problem.lines:
        course = courses[line.id]
        hold += sum(course.ends) * line.hold_milli
        below += sum(max(0, line.floor - end) for end in course.ends) * line.below_floor_milli
        expire += course.expired * line.waste_minor * 1000
        residual += course.ends[-1] * line.residual_minor * 1000
        if line.unmet_minor is None:
            unserved += course.unmet * unserved_minor(line) * 1000
        else:
            unmet += course.unmet * line.unmet_minor * 1000
    peak = 0
    if problem.smoothing is not None and problem.smoothing.peak_milli:
        spent: Counter[int] = Counter()
        for order in plan.orders:
            spent[order.week // problem.smoothing.weeks] += paid[id(order)]
        peak = max(spent.values(), default=0) * problem.smoothing.peak_milli
    acquire = sum(paid.values()) * 1000
    total = acquire + fees * 1000 + hold + below + expire + unmet + unserved + peak - residual
    return Cost(acquire, fees * 1000, hold, below, expire, unmet, unserved, peak, residual, total)


def unserved_minor(line: Line) -> int:
    """1,000 minor units, 100 times the dearest first price, and the dearest least order with its fee."""
    first = [(offer.tiers[0].price_minor, first_order(offer), offer.order_minor) for offer in line.offers]
    dearest = max((price for price, _, _ in first), default=0)
    return 1000 + 100 * dearest + max((least * price + fee for price, least, fee in first), default=0)


def _untrue_services(problem: Problem, plan: Plan, courses: dict[str, Course]) -> Iterator[str]:
    reported = {one.line: (one.demand, one.unmet, one.expired) for one in plan.services}
    for line in problem.lines:
        course = courses[line.id]
        true = (sum(line.demand), course.unmet, course.expired)
        if reported.pop(line.id, None) != true:
            yield f"line {line.id}: services do not say demand, unmet and expired {true}"
    for name in reported:
        yield f"line {name}: services name an unknown line"


def _untrue_head(problem: Problem, plan: Plan) -> Iterator[str]:
    if plan.problem_digest != problem.digest():
        yield "problem_digest: the plan is for another problem"
    if plan.bound > plan.cost.total:
        yield f"bound {plan.bound} is above the cost {plan.cost.total}"
    proven = (plan.cost.total - plan.bound) * 1_000_000 <= plan.asked_gap_ppm * abs(plan.cost.total)
    status = "UNSERVED" if plan.cost.unserved else "PROVEN" if proven else "FEASIBLE"
    if plan.status != status:
        yield f"status is {plan.status}, not {status}"
