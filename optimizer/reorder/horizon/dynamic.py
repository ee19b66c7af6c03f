"""The cheapest plan of every line by itself, exactly, for given costs: a dynamic program over stock and weeks.

State: units on hand, 0 to the line's `most_on_hand`. Within a week: firm arrivals, then at most one order's arrival
from each offer in turn, then what cannot be used within the shelf life is written off, then demand is served from
stock and the rest is unmet, then the week's end is paid (keeping, floor).

All-units prices fall from tier to tier, so a tier may be taken for every order from its first unit on: the next
tier is cheaper where it holds. The best order that leads to a stock is then a running minimum over the stocks it
may come from, in steps of the offer's multiple: every week costs a few passes over the states.

Lines are worked in blocks small enough to stay in the processor's cache, blocks side by side in threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from optimizer.reorder.horizon.terms import MILLI, NEVER, Ints, Reals, Terms

BLOCK_STATES = 60_000
THREADS = 2


@dataclass(frozen=True, slots=True)
class Charges:
    """What the search pays, in thousandths, by order week: shapes (I, S, T), (I, S, T), (I, S, T), (I, T).

    `money` per minor unit of price, `unit` per unit, `order` per order (infinite: not possible), `keep` per unit left
    at a week's end.
    """

    money: Reals
    unit: Reals
    order: Reals
    keep: Reals


def true_charges(data: Terms) -> Charges:
    """The costs of the problem itself."""
    lines, offers, _, weeks = data.shape
    shape = (lines, offers, weeks)
    order = np.where(data.open, data.order[:, :, None] * float(MILLI), np.inf)
    keep = np.repeat(data.hold[:, None].astype(float), weeks, 1)
    return Charges(np.full(shape, float(MILLI)), np.zeros(shape), order, keep)


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines of a block whose offer number `offer` has the same multiple, and where their running minima stand."""

    offer: int
    step: int
    members: Ints
    gather: Ints
    width: int


@dataclass(frozen=True, slots=True)
class _Block:
    lines: Ints
    states: int
    groups: tuple[_Group, ...]
    below: Reals


class Search:
    """Reusable: the blocks are laid out once, each call of `best` prices them anew."""

    def __init__(self, data: Terms) -> None:
        self.data = data
        _, _, tiers, _ = data.shape
        order = np.argsort(-data.most, kind="stable")
        self.blocks: list[_Block] = []
        while len(order):
            room = max(1, BLOCK_STATES // (int(data.most[order[0]]) + 1) // tiers)
            self.blocks.append(_block(data, order[:room]))
            order = order[room:]

    def best(self, charges: Charges) -> tuple[Reals, Ints]:
        """(least cost per line, units per line, offer and order week of a plan that has it)."""
        lines, offers, _, weeks = self.data.shape
        values, units = np.zeros(lines), np.zeros((lines, offers, weeks), np.int64)

        def work(block: _Block) -> None:
            values[block.lines], units[block.lines] = _solve(self.data, block, charges)

        if len(self.blocks) == 1:
            work(self.blocks[0])
        else:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(work, self.blocks))
        return values + self.data.expired * self.data.waste, units


def _block(data: Terms, lines: Ints) -> _Block:
    states = int(data.most[lines].max()) + 1
    held = np.arange(states)
    groups = []
    for offer in range(data.offered.shape[1]):
        here = np.nonzero(data.offered[lines, offer])[0]
        for step in np.unique(data.step[lines[here], offer]):
            members = here[data.step[lines[here], offer] == step]
            groups.append(_group(data, lines, members, offer, step=int(step), held=held))
    below = data.below[lines][:, None] * np.maximum(0, data.floor[lines][:, None] - held[None, :])
    return _Block(lines, states, tuple(groups), below.astype(float))


def _group(data: Terms, lines: Ints, members: Ints, offer: int, *, step: int, held: Ints) -> _Group:
    width = -(-len(held) // step) * step
    least = data.least[lines[members], offer]
    count, tiers = least.shape
    rows = np.arange(count * tiers).reshape(count, tiers)[:, :, None] * width
    source = held[None, None, :] - np.minimum(least, NEVER)[:, :, None]
    gather = np.where(source >= 0, rows + source, count * tiers * width)
    return _Group(offer, step, members, gather, width)


def _solve(data: Terms, block: _Block, charges: Charges) -> tuple[Reals, Ints]:
    lines, weeks = block.lines, data.problem.weeks
    count, held = len(lines), np.arange(block.states)
    cost = np.full((count, block.states), np.inf)
    cost[np.arange(count), data.start[lines]] = 0.0
    past: list[list[Reals]] = []
    for week in range(weeks):
        cost = _arrived(cost, data.inbound[lines, week])
        stages = [cost]
        for group in block.groups:
            cost = _ordered(data, block, group, charges, week=week, cost=cost)
            stages.append(cost)
        cost = _written_off(cost, data.usable[lines, week], data.waste[lines], held)
        stages.append(cost)
        past.append(stages)
        cost = _served(cost, data.demand[lines, week], data.unmet[lines], held)
        cost += charges.keep[lines, week][:, None] * held + block.below
    cost = cost - data.residual[lines][:, None] * held
    ends = cost.argmin(1)
    values = cost[np.arange(count), ends]
    return values, _traced(data, block, charges, past, ends)


def _arrived(cost: Reals, inbound: Ints) -> Reals:
    if not inbound.any():
        return cost
    moved = np.full_like(cost, np.inf)
    for at, units in enumerate(inbound):
        moved[at, units:] = cost[at, : cost.shape[1] - units]
    return moved


def _ordered(data: Terms, block: _Block, group: _Group, charges: Charges, *, week: int, cost: Reals) -> Reals:
    """The cost of each stock after the arrival, in this week, of an order of the group's offer, or of none."""
    lines = block.lines[group.members]
    placed = week - data.lead[lines, group.offer]
    fixed = np.where(placed >= 0, charges.order[lines, group.offer, placed], np.inf)
    if not np.isfinite(fixed).any():
        return cost
    per_unit = _unit_costs(data, charges, lines, group.offer, placed)
    here, held = cost[group.members], np.arange(block.states)
    count, tiers, states = len(lines), per_unit.shape[1], block.states
    buffer = np.empty(count * tiers * group.width + 1)
    buffer[-1] = np.inf
    table = buffer[:-1].reshape(count, tiers, group.width)
    slope = per_unit[:, :, None] * held
    np.subtract(here[:, None, :], slope, out=table[:, :, :states])
    table[:, :, states:] = np.inf
    steps = buffer[:-1].reshape(count, tiers, group.width // group.step, group.step)
    np.minimum.accumulate(steps, axis=2, out=steps)
    found = np.take(buffer, group.gather)
    found += slope
    best = found.min(1)
    best += fixed[:, None]
    after = cost.copy()
    after[group.members] = np.minimum(here, best)
    return after


def _unit_costs(data: Terms, charges: Charges, lines: Ints, offer: int, placed: Ints) -> Reals:
    money, unit = charges.money[lines, offer, placed], charges.unit[lines, offer, placed]
    costs: Reals = data.price[lines, offer] * money[:, None] + unit[:, None]
    return costs


def _written_off(cost: Reals, usable: Ints, waste: Ints, held: Ints) -> Reals:
    """Stock above what can be used in time is written off down to it."""
    over = held[None, :] > usable[:, None]
    if not np.isfinite(np.where(over, cost, np.inf)).any():
        return cost
    extra = np.where(over, cost + waste[:, None] * (held[None, :] - usable[:, None]), np.inf).min(1)
    after = np.where(over, np.inf, cost)
    at = np.arange(len(cost))
    after[at, usable] = np.minimum(after[at, usable], extra)
    return after


def _served(cost: Reals, demand: Ints, unmet: Ints, held: Ints) -> Reals:
    """Demand takes from stock what is there; what is missing is unmet."""
    most = int(demand.max())
    padded = np.full((len(cost), len(held) + most), np.inf)
    padded[:, : len(held)] = cost
    flat = np.arange(len(cost))[:, None] * padded.shape[1] + demand[:, None] + held[None, :]
    after: Reals = np.take(padded, flat)
    if most:
        first = held[None, : min(most, len(held))]
        missing = demand[:, None] - first
        lost = np.where(missing > 0, cost[:, : first.shape[1]] + unmet[:, None] * missing, np.inf).min(1)
        after[:, 0] = np.minimum(after[:, 0], lost)
    return after


def _traced(data: Terms, block: _Block, charges: Charges, past: list[list[Reals]], ends: Ints) -> Ints:
    _, offers, _, weeks = data.shape
    units = np.zeros((len(block.lines), offers, weeks), np.int64)
    places = [{int(member): at for at, member in enumerate(group.members)} for group in block.groups]
    for at, line in enumerate(block.lines):
        held = int(ends[at])
        for week in range(weeks - 1, -1, -1):
            stages = past[week]
            held = before_demand(stages[-1][at], held, int(data.demand[line, week]), float(data.unmet[line]))
            held = before_write_off(stages[-2][at], held, int(data.usable[line, week]), float(data.waste[line]))
            for number in range(len(block.groups) - 1, -1, -1):
                after, before = stages[number + 1][at], stages[number][at]
                if at in places[number] and after[held] < before[held]:
                    offer = block.groups[number].offer
                    placed = week - int(data.lead[line, offer])
                    units[at, offer, placed] = _size(data, charges, int(line), offer, placed, before=before, held=held)
                    held -= int(units[at, offer, placed])
            held -= int(data.inbound[line, week])
        assert held == data.start[line], "the plan does not begin with the stock on hand"
    return units


def before_demand(cost: Reals, held: int, demand: int, unmet: float) -> int:
    """The stock before demand that led most cheaply to `held` after it."""
    served = cost[held + demand] if held + demand < len(cost) else np.inf
    if held == 0 and demand:
        most = min(demand, len(cost))
        lost = cost[:most] + unmet * (demand - np.arange(most))
        if lost.min() < served:
            return int(lost.argmin())
    return held + demand


def before_write_off(cost: Reals, held: int, usable: int, waste: float) -> int:
    """The stock before write-offs that led most cheaply to `held` after them."""
    if held == usable and usable + 1 < len(cost):
        over = cost[usable + 1 :] + waste * np.arange(1, len(cost) - usable)
        if over.min() < cost[held]:
            return usable + 1 + int(over.argmin())
    return held


def _size(data: Terms, charges: Charges, line: int, offer: int, placed: int, *, before: Reals, held: int) -> int:
    """The order that led to the stock `held`, found again."""
    best, size = np.inf, 0
    step = int(data.step[line, offer])
    for tier in range(data.shape[2]):
        least = int(data.least[line, offer, tier])
        if least <= held:
            sizes = np.arange(least, held + 1, step)
            per_unit = data.price[line, offer, tier] * charges.money[line, offer, placed]
            costs = before[held - sizes] + (per_unit + charges.unit[line, offer, placed]) * sizes
            at = int(costs.argmin())
            if costs[at] < best:
                best, size = float(costs[at]), int(sizes[at])
    assert size > 0, "an order without size"
    return size
