"""The cheapest plan of one line in the room that all other lines leave, order by order.

The same program over stock and weeks as in `dynamic`, for one line, with a largest order per offer, week and tier
and a most stock per week's end. What several orders share (a budget of four weeks, a ceiling) is not a state of it:
each order keeps within the whole room, and whoever calls must look whether all together do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.reorder.horizon.dynamic import before_demand, before_write_off
from optimizer.reorder.horizon.terms import Ints, Reals, Terms


@dataclass(frozen=True, slots=True)
class Caps:
    """Largest order by offer, order week and tier (S, T, K); most stock at each week's end (T,)."""

    order: Ints
    held: Ints


@dataclass(frozen=True, slots=True)
class LineCharges:
    """What one line pays, in thousandths: unit cost (S, T, K), cost of an order (S, T), of a unit kept (T,)."""

    unit: Reals
    order: Reals
    keep: Reals


def best_capped(data: Terms, line: int, charges: LineCharges, caps: Caps) -> Ints | None:
    """Units by offer and order week (S, T); none if even idle stock does not fit."""
    states = int(data.most[line]) + 1
    held = np.arange(states)
    below = data.below[line] * np.maximum(0, data.floor[line] - held).astype(float)
    cost = np.full(states, np.inf)
    cost[data.start[line]] = 0.0
    past: list[list[Reals]] = []
    offers = [offer for offer in range(data.offered.shape[1]) if data.offered[line, offer]]
    for week in range(data.problem.weeks):
        inbound = int(data.inbound[line, week])
        if inbound:
            cost = np.concatenate([np.full(inbound, np.inf), cost[: states - inbound]])
        stages = [cost]
        for offer in offers:
            cost = _ordered(
                data, line, offer, week - int(data.lead[line, offer]), charges=charges, caps=caps, cost=cost
            )
            stages.append(cost)
        usable = int(data.usable[line, week])
        cost = _written_off(cost, usable, int(data.waste[line]))
        stages.append(cost)
        past.append(stages)
        cost = _served(cost, int(data.demand[line, week]), int(data.unmet[line]))
        cost += charges.keep[week] * held + below
        cost[max(0, int(caps.held[week])) + 1 :] = np.inf
    cost = cost - data.residual[line] * held
    if not np.isfinite(cost.min()):
        return None
    return _traced(data, line, charges, caps, past=past, offers=offers, end=int(cost.argmin()))


def _ordered(
    data: Terms, line: int, offer: int, placed: int, *, charges: LineCharges, caps: Caps, cost: Reals
) -> Reals:
    if placed < 0 or not np.isfinite(charges.order[offer, placed]):
        return cost
    held, after, step = np.arange(len(cost)), cost, int(data.step[line, offer])
    for tier in range(data.shape[2]):
        least, most = int(data.least[line, offer, tier]), int(caps.order[offer, placed, tier])
        if least <= most and least < len(cost):
            slope = charges.unit[offer, placed, tier] * held
            low = _lowest(cost - slope, least, most, step)
            low += slope + charges.order[offer, placed]
            after = np.minimum(after, low)
    return after


def _lowest(values: Reals, least: int, most: int, step: int) -> Reals:
    """At x the lowest of values[x - q] for q = least, least + step, ... up to most."""
    states = len(values)
    window = (most - least) // step + 1
    length = -(-states // step)
    table = np.full((length, step), np.inf)
    table.reshape(-1)[:states] = values
    low = _window_minimum(table, min(window, length)).reshape(-1)
    found = np.full(states, np.inf)
    found[least:] = low[: states - least]
    return found


def _window_minimum(table: Reals, window: int) -> Reals:
    """At row n the minimum over rows n - window + 1 to n, column by column (van Herk 1992)."""
    length, step = table.shape
    if window >= length:
        return np.minimum.accumulate(table, axis=0)
    blocks = -(-length // window)
    padded = np.full((blocks * window, step), np.inf)
    padded[:length] = table
    shaped = padded.reshape(blocks, window, step)
    forward = np.minimum.accumulate(shaped, axis=1).reshape(-1, step)
    backward = np.minimum.accumulate(shaped[:, ::-1], axis=1)[:, ::-1].reshape(-1, step)
    low = forward[:length].copy()
    low[window - 1 :] = np.minimum(low[window - 1 :], backward[: length - window + 1])
    return low


def _written_off(cost: Reals, usable: int, waste: int) -> Reals:
    if usable + 1 >= len(cost):
        return cost
    after = cost.copy()
    over = cost[usable + 1 :] + waste * np.arange(1, len(cost) - usable)
    after[usable] = min(after[usable], over.min())
    after[usable + 1 :] = np.inf
    return after


def _served(cost: Reals, demand: int, unmet: int) -> Reals:
    after = np.full(len(cost), np.inf)
    if demand < len(cost):
        after[: len(cost) - demand] = cost[demand:]
    if demand:
        most = min(demand, len(cost))
        after[0] = min(after[0], (cost[:most] + unmet * (demand - np.arange(most))).min())
    return after


def _traced(
    data: Terms, line: int, charges: LineCharges, caps: Caps, *, past: list[list[Reals]], offers: list[int], end: int
) -> Ints:
    units, held = np.zeros(charges.order.shape, np.int64), end
    for week in range(data.problem.weeks - 1, -1, -1):
        stages = past[week]
        held = before_demand(stages[-1], held, int(data.demand[line, week]), int(data.unmet[line]))
        held = before_write_off(stages[-2], held, int(data.usable[line, week]), int(data.waste[line]))
        for number in range(len(offers) - 1, -1, -1):
            if stages[number + 1][held] < stages[number][held]:
                placed = week - int(data.lead[line, offers[number]])
                before = stages[number]
                size = _size(data, line, offers[number], placed, charges=charges, caps=caps, before=before, held=held)
                units[offers[number], placed] = size
                held -= size
        held -= int(data.inbound[line, week])
    return units


def _size(
    data: Terms, line: int, offer: int, placed: int, *, charges: LineCharges, caps: Caps, before: Reals, held: int
) -> int:
    best, size = np.inf, 0
    for tier in range(data.shape[2]):
        least = int(data.least[line, offer, tier])
        most = min(held, int(caps.order[offer, placed, tier]))
        if least <= most:
            sizes = np.arange(least, most + 1, int(data.step[line, offer]))
            costs = before[held - sizes] + charges.unit[offer, placed, tier] * sizes
            at = int(costs.argmin())
            if costs[at] < best:
                best, size = float(costs[at]), int(sizes[at])
    assert size > 0, "an order without size"
    return size
