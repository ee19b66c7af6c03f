"""Why each order stands in the plan: what would be unmet, short or dearer without it, and what shaped its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.reorder.horizon.problem import Line, Offer
from optimizer.reorder.horizon.tally import flow_of
from optimizer.reorder.horizon.terms import Ints, Terms

BATCH = 500
"""Orders looked at together: bounds the memory."""


def reasons(data: Terms, units: Ints, placed: Sequence[tuple[int, int, int]], prices: Mapping[str, float]) -> list[str]:
    """One sentence per order (line, offer, week); each is judged with all other orders standing."""
    told: list[str] = []
    for first in range(0, len(placed), BATCH):
        some = placed[first : first + BATCH]
        lines = np.array([at for at, _, _ in some])
        without = units[lines].copy()
        for place, (_, offer, week) in enumerate(some):
            without[place, offer, week] = 0
        before, after = flow_of(data, units[lines], lines), flow_of(data, without, lines)
        for place, (at, offer, week) in enumerate(some):
            line = data.problem.lines[at]
            size = int(units[at, offer, week])
            parts = [_bought(line, [f[place] for f in before], [f[place] for f in after])]
            parts += _size(line, line.offers[offer], size)
            parts += _clauses(line, line.offers[offer], week, prices)
            told.append("; ".join(parts))
    return told


def _bought(line: Line, before: list[Ints], after: list[Ints]) -> str:
    """What the order buys, told from the line's stock with and without it."""
    (ends, unmet, _), (ends_without, unmet_without, _) = before, after
    more = unmet_without - unmet
    if more.sum() > 0:
        weeks = np.nonzero(more > 0)[0]
        return f"without it {int(more.sum())} units are unmet in {_weeks(weeks)}"
    low = np.maximum(0, line.floor - ends_without) - np.maximum(0, line.floor - ends)
    if low.sum() > 0:
        weeks = np.nonzero(low > 0)[0]
        return f"without it stock falls {int(low.max())} units below the floor in {_weeks(weeks)}"
    return f"leaves {int(ends[-1] - ends_without[-1])} units more at the end, worth more than they cost"


def _weeks(weeks: Ints) -> str:
    first, last = int(weeks[0]), int(weeks[-1])
    return f"week {first}" if first == last else f"weeks {first} to {last}"


def _size(line: Line, offer: Offer, size: int) -> list[str]:
    told = []
    if offer.surge_option:
        told.append("uses a surge option")
    tier = max(tier.from_units for tier in offer.tiers if tier.from_units <= size)
    least = dict(zip((one.from_units for one in offer.tiers), offer.least_orders(), strict=True))[tier]
    if size == offer.least_orders()[0]:
        told.append(f"the least order of {size}")
    elif tier > 1:
        price = f"{offer.price_minor(size) / 100:.2f}"
        told.append(f"{'just reaches' if size == least else 'at'} the price from {tier} units, {price}")
    cheaper = [one for one in line.offers if one.price_minor(size) < offer.price_minor(size)]
    if cheaper:
        many = "1 cheaper offer comes" if len(cheaper) == 1 else f"{len(cheaper)} cheaper offers come"
        told.append(f"{many} too late, or without room or calendar")
    return told


def _clauses(line: Line, offer: Offer, week: int, prices: Mapping[str, float]) -> list[str]:
    """The shared clauses that press on this order."""
    names = [
        f"capacity of {offer.supplier} week {week}",
        f"ceiling of contract {offer.contract}",
        f"reservation of {line.member} for {line.product} in contract {offer.contract}",
        f"reservation of all for {line.product} in contract {offer.contract}",
        f"share of {offer.supplier} in {line.product}",
        f"offer {offer.id} of {line.id}",
    ]
    money = (f"budget of {line.member} weeks", "budget of all weeks", "peak weeks")
    names += [name for name in prices if name.startswith(money) and _in_weeks(name, week)]
    pressing = [name for name in names if prices.get(name, 0.0) > 0]
    return [f"scarce here: {', '.join(pressing)}"] if pressing else []


def _in_weeks(name: str, week: int) -> bool:
    first, _, last = name.split(" weeks ")[1].split(" ")
    return int(first) <= week <= int(last)
