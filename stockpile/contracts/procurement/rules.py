"""Rubric, points and ranks of a tender, its states and its standstill. Pure; points are exact fractions of 100."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from stockpile.contracts.rules import working_day

PLANNED, TENDERED, STANDSTILL = "planned", "tendered", "standstill"
EVALUATED, AWARDED, SIGNED = "evaluated", "awarded", "signed"
CANCELLED, UNSUCCESSFUL = "cancelled", "unsuccessful"
STATES: Final = (PLANNED, TENDERED, EVALUATED, STANDSTILL, AWARDED, SIGNED, CANCELLED, UNSUCCESSFUL)
OVER: Final = (SIGNED, CANCELLED, UNSUCCESSFUL)

PRICE, EMISSION, JUDGED = "price", "emission", "judged"
KINDS: Final = (PRICE, EMISSION, JUDGED)
IN, OUT = "in", "out"
SUBMITTED, WITHDRAWN, DISQUALIFIED = "submitted", "withdrawn", "disqualified"

FULL: Final = 100
SHORTEST_DAYS: Final = 15
"""The shortest time to bid in an accelerated open procedure (Directive 2014/24/EU, Art. 27(3))."""
STANDSTILL_DAYS: Final = {True: 10, False: 15}
"""Days from the notice to the contract, by whether it goes out electronically (Directive 89/665/EEC, Art. 2a)."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """What bids are weighed by: `weight` of 100; by price, by declared emission, or judged by offices (0 to 100)."""

    criterion: str
    title: str
    weight: int
    kind: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A bid for a lot: what the lot's estimated quantities cost (minor units), and emit (milligrams; None: untold)."""

    bid: int
    supplier: str
    lot: str
    cost_minor: int
    emission_mg: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bid stands in its lot: points of 100, by criterion what it got of 100, and its rank from 1 on."""

    bid: int
    supplier: str
    lot: str
    rank: int
    points: Fraction
    by_criterion: Mapping[str, Fraction]


Marks = Mapping[tuple[int, str], Sequence[int]]
"""What offices gave a bid in a criterion, 0 to 100."""


def rubric_faults(rubric: Sequence[Criterion]) -> list[str]:
    """What is wrong with a rubric, in words; empty where nothing is.

    >>> rubric_faults([Criterion("price", "Price", 60, "price"), Criterion("supply", "Security", 30, "judged")])
    ['the weights add up to 90, not to 100']
    """
    found = [] if sum(one.weight for one in rubric) == FULL else [_sum_of(rubric)]
    names = [one.criterion for one in rubric]
    found += [f"{name} is named twice" for name in sorted({name for name in names if names.count(name) > 1})]
    found += [f"{one.criterion}: a weight is at least 1" for one in rubric if one.weight < 1]
    if [one.kind for one in rubric].count(PRICE) != 1:
        found.append("one criterion, and only one, is the price")
    return found


def _sum_of(rubric: Sequence[Criterion]) -> str:
    return f"the weights add up to {sum(one.weight for one in rubric)}, not to {FULL}"


def standings(rubric: Sequence[Criterion], offers: Sequence[Offer], marks: Marks) -> list[Standing]:
    """Every bid's points and rank, by lot and rank.

    Price and emission: the lowest of the lot over the bid's own, times 100; who
    declares no emission gets none. Judged: the mean of the marks. Equal points
    go to the lower price, then to the bid that came first.
    """
    by_lot: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        by_lot[offer.lot].append(offer)
    found: list[Standing] = []
    for lot in sorted(by_lot):
        given = {one.bid: _given(rubric, one, by_lot[lot], marks) for one in by_lot[lot]}
        totals = {bid: weighted(rubric, points) for bid, points in given.items()}
        ranked = sorted(by_lot[lot], key=lambda one: (-totals[one.bid], one.cost_minor, one.bid))
        found += [
            Standing(one.bid, one.supplier, lot, rank, totals[one.bid], given[one.bid])
            for rank, one in enumerate(ranked, start=1)
        ]
    return found


def weighted(rubric: Sequence[Criterion], points: Mapping[str, Fraction]) -> Fraction:
    """The points of 100 of a bid, by what it got in each criterion."""
    return sum((points[one.criterion] * one.weight / FULL for one in rubric), Fraction(0))


def _given(rubric: Sequence[Criterion], offer: Offer, rivals: Sequence[Offer], marks: Marks) -> dict[str, Fraction]:
    told = [one.emission_mg for one in rivals if one.emission_mg is not None]
    points: dict[str, Fraction] = {}
    for one in rubric:
        if one.kind == PRICE:
            points[one.criterion] = _against(min(rival.cost_minor for rival in rivals), offer.cost_minor)
        elif one.kind == EMISSION:
            own = offer.emission_mg
            points[one.criterion] = Fraction(0) if own is None else _against(min(told), own)
        else:
            given = marks[offer.bid, one.criterion]
            points[one.criterion] = Fraction(sum(given), len(given))
    return points


def _against(lowest: int, own: int) -> Fraction:
    return Fraction(FULL * lowest, own) if own else Fraction(FULL)


def unmarked(
    rubric: Sequence[Criterion], offers: Sequence[Offer], marked: Mapping[tuple[int, str], Sequence[str]]
) -> list[str]:
    """What is missing before bids can be compared; `marked`: which offices gave a bid marks in a criterion.

    Each judged criterion needs marks, and of the same offices for every bid of a lot.
    """
    found: list[str] = []
    for one in (criterion for criterion in rubric if criterion.kind == JUDGED):
        for lot in sorted({offer.lot for offer in offers}):
            rivals = [offer for offer in offers if offer.lot == lot]
            offices = {office for offer in rivals for office in marked.get((offer.bid, one.criterion), ())}
            if not offices:
                found.append(f"lot {lot}, {one.criterion}: nobody has given marks")
            for offer in rivals:
                for office in sorted(offices - set(marked.get((offer.bid, one.criterion), ()))):
                    found.append(f"lot {lot}, {one.criterion}: {office} gave bid {offer.bid} no mark")
    return found


def standstill_until(notice: date, *, electronic: bool, country: str) -> date:
    """The last day of the standstill; one that ends on no working day ends with the next (Regulation 1182/71, Art. 3).

    >>> standstill_until(date(2020, 4, 3), electronic=True, country="BE")  # Easter Monday
    datetime.date(2020, 4, 14)
    """
    last = notice + timedelta(days=STANDSTILL_DAYS[electronic])
    while not working_day(last, country):
        last += timedelta(days=1)
    return last


def milli(points: Fraction) -> int:
    """Points in thousandths, half up, to be read by people; ranks go by the exact ones."""
    return (points.numerator * 2000 + points.denominator) // (2 * points.denominator)


def tier_fault(first_minor: int, tiers: Sequence[tuple[int, int]]) -> str:
    """What is wrong with prices (minor units) from so many packs on, beside that from one pack on; empty: nothing.

    >>> tier_fault(500, [(100, 470), (400, 450)]), tier_fault(500, [(100, 510)])
    ('', 'the price from 100 packs on is above the one before')
    """
    before = (1, first_minor)
    for start, price in tiers:
        if start <= before[0]:
            return f"the tier from {start} packs on does not begin after the one before, at {before[0]}"
        if price > before[1]:
            return f"the price from {start} packs on is above the one before"
        before = (start, price)
    return ""
