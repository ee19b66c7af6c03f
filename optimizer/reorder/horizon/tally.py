"""What a plan costs and takes, from its orders alone, for all lines at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.reorder.horizon.rows import MONEY, ORDERS, STORED, UNITS, Rows
from optimizer.reorder.horizon.terms import MILLI, Ints, Reals, Terms


@dataclass(frozen=True, slots=True)
class Tally:
    """Per line: cost in thousandths (I,), what it takes of each row (I, R); and the parts of the cost."""

    cost: Ints
    taken: Reals
    acquire: Ints
    order: Ints
    hold: Ints
    below: Ints
    expire: Ints
    unmet: Ints
    residual: Ints


def spend(data: Terms, units: Ints, lines: Ints) -> Ints:
    """Minor units paid per line, offer and order week; the dearest tier of those that an order reaches never holds."""
    prices, least = data.price[lines], data.least[lines]
    paid = np.broadcast_to(prices[:, :, 0, None], units.shape)
    for tier in range(1, prices.shape[2]):
        paid = np.where(units >= least[:, :, tier, None], prices[:, :, tier, None], paid)
    return units * paid


def tally(data: Terms, rows: Rows, units: Ints, lines: Ints | None = None) -> Tally:
    """What orders `units`, shape (lines, S, T) by order week, cost and take; `lines`: which ones (none: all)."""
    which = np.arange(len(units)) if lines is None else lines
    money = spend(data, units, which)
    placed = (units > 0).astype(np.int64)
    ends, unmet, expired = flow_of(data, units, which)
    acquire = money.sum((1, 2)) * MILLI
    order = (placed * data.order[which][:, :, None]).sum((1, 2)) * MILLI
    hold = ends.sum(1) * data.hold[which]
    below = np.maximum(0, data.floor[which][:, None] - ends).sum(1) * data.below[which]
    expire = expired.sum(1) * data.waste[which]
    lost = unmet.sum(1) * data.unmet[which]
    residual = ends[:, -1] * data.residual[which]
    cost = acquire + order + hold + below + expire + lost - residual
    taken = _taken(data, rows, which, {UNITS: units, ORDERS: placed, MONEY: money}, ends)
    return Tally(cost, taken, acquire, order, hold, below, expire, lost, residual)


def flow_of(data: Terms, units: Ints, which: Ints) -> tuple[Ints, Ints, Ints]:
    """(stock at each week's end, unmet, written off) per line and week; the first week bears what expires anyway."""
    _, offers, _, weeks = data.shape
    arrivals = data.inbound[which].copy()
    for offer in range(offers):
        for lead in np.unique(data.lead[which, offer]):
            some = data.lead[which, offer] == lead
            arrivals[some, lead:] += units[some, offer, : weeks - lead] if lead < weeks else 0
    held = data.start[which].copy()
    ends, unmet, expired = (np.zeros((len(which), weeks), np.int64) for _ in range(3))
    for week in range(weeks):
        held = held + arrivals[:, week]
        expired[:, week] = np.maximum(0, held - data.usable[which, week])
        held = held - expired[:, week]
        unmet[:, week] = np.maximum(0, data.demand[which, week] - held)
        held = np.maximum(0, held - data.demand[which, week])
        ends[:, week] = held
    expired[:, 0] += data.expired[which]
    return ends, unmet, expired


def flow(data: Terms, units: Ints) -> tuple[Ints, Ints, Ints]:
    """(stock at each week's end, unmet, written off), shape (I, T) each."""
    return flow_of(data, units, np.arange(len(units)))


def _taken(data: Terms, rows: Rows, which: Ints, amounts: dict[str, Ints], ends: Ints) -> Reals:
    lines, offers, _, weeks = data.shape
    place = np.full(lines, len(which))
    place[which] = np.arange(len(which))
    total = np.zeros((len(which) + 1, len(rows.names)))
    for kind, amount in {**amounts, STORED: ends}.items():
        each = weeks if kind == STORED else offers * weeks
        whole = np.zeros((lines, each))
        whole[which] = amount.reshape(len(which), each)
        total += rows.taken(kind, whole.reshape(-1), np.repeat(place, each), len(which) + 1)
    return total[:-1]
