"""Every order of a tiny problem, scored in the plainest way: the third telling of the rules, after model and check."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import ceil

from optimizer.reorder.problem import Offer, Problem

Score = tuple[int, ...]


def best_score(problem: Problem) -> tuple[Score, int]:
    """The least (tier 1..4, cost, contracts, lines) of all lawful orders, and how many orders were looked at."""
    short = {row.item for row in problem.shortages}
    offers = [offer for offer in problem.offers if offer.item in short]
    orders = list(itertools.product(*(_counts(offer) for offer in offers)))
    scores = (_score(problem, offers, order) for order in orders)
    return min(score for score in scores if score is not None), len(orders)


def _counts(offer: Offer) -> list[int]:
    lawful = range(offer.minimum_packs, offer.maximum_packs + 1)
    return [0] + [count for count in lawful if count % offer.pack_multiple == 0]


def _score(problem: Problem, offers: list[Offer], order: tuple[int, ...]) -> Score | None:
    rows = [(offer, count, count * _price(offer, count)) for offer, count in zip(offers, order, strict=True) if count]
    total = sum(price for _, _, price in rows)
    for contract in problem.contracts:
        paid = sum(price for offer, _, price in rows if offer.contract == contract.id)
        if paid and not contract.minimum_order_minor <= paid <= contract.remaining_minor:
            return None
    tiers = [0, 0, 0, 0]
    for row in problem.shortages:
        units = sum(count * offer.pack_size for offer, count, _ in rows if offer.item == row.item)
        if units > row.most_units:
            return None
        wishes = [2] * row.surge_units + [1] * (row.units - row.surge_units)
        tiers[row.tier - 1] += ceil(Fraction(sum(wishes[units:]), sum(wishes)) * 1_000_000)
    if total > problem.budget_minor:
        return None
    return (*tiers, total, len({offer.contract for offer, _, _ in rows}), len(rows))


def _price(offer: Offer, count: int) -> int:
    return next(tier.pack_price_minor for tier in reversed(offer.tiers) if tier.from_packs <= count)
