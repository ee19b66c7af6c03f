"""A problem as arrays: offers padded to one number per line, weeks along the last axis, money in thousandths.

Axes: I lines, S offers per line, K price tiers per offer, T weeks. A cell is one (line, offer, order week).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.reorder.horizon.problem import Line, Offer, Problem

Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MILLI = 1000
DEAREST = 100
NEVER = 10**9


def unserved_minor(line: Line) -> int:
    """What the search counts for an unserved unit of a line that must be served: more than serving it can cost."""
    offers = line.offers
    dearest = max((offer.tiers[0].price_minor for offer in offers), default=0)
    order = max(
        (offer.least_orders()[0] * offer.tiers[0].price_minor + offer.order_minor for offer in offers), default=0
    )
    return 1000 + DEAREST * dearest + order


def first_stock(line: Line) -> tuple[int, int]:
    """(units of the stock on hand that can be used before they expire, units that cannot), oldest used first."""
    expired, used = 0, 0
    weeks = len(line.demand)
    for lot in sorted(line.stock, key=lambda one: one.weeks_left):
        demand = sum(line.demand[: lot.weeks_left]) + line.later_demand * max(0, lot.weeks_left - weeks)
        usable = min(lot.units, line.floor + demand - used)
        used, expired = used + usable, expired + lot.units - usable
    return used, expired


@dataclass(frozen=True, slots=True)
class Terms:
    """The arrays that every part of the search reads."""

    problem: Problem
    start: Ints
    expired: Ints
    inbound: Ints
    demand: Ints
    usable: Ints
    most: Ints
    hold: Ints
    waste: Ints
    unmet: Ints
    residual: Ints
    floor: Ints
    below: Ints
    volume: Ints
    offered: Bools
    lead: Ints
    step: Ints
    least: Ints
    price: Ints
    order: Ints
    open: Bools
    """Whether a cell may be ordered: in the calendar, and arriving within the horizon."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(I, S, K, T)."""
        lines, offers, tiers = self.price.shape
        return lines, offers, tiers, self.problem.weeks


def terms(problem: Problem) -> Terms:
    """The arrays of a problem."""
    lines, weeks = problem.lines, problem.weeks
    width = max(1, *(len(line.offers) for line in lines))
    depth = max((len(offer.tiers) for line in lines for offer in line.offers), default=1)
    inbound = np.zeros((len(lines), weeks), np.int64)
    for at, line in enumerate(lines):
        for one in line.inbound:
            inbound[at, one.week] += one.units
    stock = [first_stock(line) for line in lines]
    shape = (len(lines), width)
    made = Terms(
        problem=problem,
        start=np.array([used for used, _ in stock]),
        expired=np.array([lost for _, lost in stock]),
        inbound=inbound,
        demand=np.array([line.demand for line in lines]),
        usable=np.array([[line.usable(week) for week in range(weeks)] for line in lines]),
        most=np.array([line.most_on_hand() for line in lines]),
        hold=np.array([line.hold_milli for line in lines]),
        waste=np.array([line.waste_minor * MILLI for line in lines]),
        unmet=np.array([_unmet(line) * MILLI for line in lines]),
        residual=np.array([line.residual_minor * MILLI for line in lines]),
        floor=np.array([line.floor for line in lines]),
        below=np.array([line.below_floor_milli for line in lines]),
        volume=np.array([line.volume for line in lines]),
        offered=np.zeros(shape, np.bool_),
        lead=np.zeros(shape, np.int64),
        step=np.ones(shape, np.int64),
        least=np.full((*shape, depth), NEVER),
        price=np.zeros((*shape, depth), np.int64),
        order=np.zeros(shape, np.int64),
        open=np.zeros((*shape, weeks), np.bool_),
    )
    for at, line in enumerate(lines):
        for place, offer in enumerate(line.offers):
            _fill(made, at, place, offer)
    return made


def _unmet(line: Line) -> int:
    return unserved_minor(line) if line.unmet_minor is None else line.unmet_minor


def _fill(made: Terms, at: int, place: int, offer: Offer) -> None:
    weeks = made.problem.weeks
    made.offered[at, place] = True
    made.lead[at, place] = offer.lead_weeks
    made.step[at, place] = offer.multiple_units
    tiers = len(offer.tiers)
    made.least[at, place, :tiers] = offer.least_orders()
    made.price[at, place, :tiers] = [tier.price_minor for tier in offer.tiers]
    made.price[at, place, tiers:] = offer.tiers[-1].price_minor
    made.order[at, place] = offer.order_minor
    allowed = list(offer.order_weeks or range(weeks))
    made.open[at, place, [week for week in allowed if week + offer.lead_weeks < weeks]] = True
