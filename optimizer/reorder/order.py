"""An order as packs per offer: what it costs, covers and scores; shared by model and baselines, never by check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from optimizer.reorder.problem import Contract, Offer, Problem, Shortage

Key: TypeAlias = tuple[str, str]
Packs: TypeAlias = Mapping[Key, int]
"""Packs ordered per (contract, item); a missing key orders nothing."""

PARTS = 1_000_000
"""An item's whole need, in the parts that the coverage stages count."""


@dataclass(frozen=True, slots=True)
class Index:
    """A problem looked up by its keys, in an order that does not depend on the order of its rows."""

    problem: Problem
    shortages: dict[str, Shortage]
    contracts: dict[str, Contract]
    offers: dict[Key, Offer]


def index(problem: Problem) -> Index:
    """The problem's rows by key; offers of items that are not short are left away."""
    short = {row.item: row for row in sorted(problem.shortages, key=lambda row: (row.tier, row.item))}
    offers = {(row.contract, row.item): row for row in problem.offers if row.item in short}
    contracts = {row.id: row for row in sorted(problem.contracts, key=lambda row: row.id)}
    return Index(problem, short, contracts, dict(sorted(offers.items())))


def pack_price(offer: Offer, packs: int) -> int:
    """The all-units price of one pack when `packs` are ordered, in minor units."""
    return [tier.pack_price_minor for tier in offer.tiers if tier.from_packs <= max(packs, 1)][-1]


def cost(offer: Offer, packs: int) -> int:
    """What `packs` of the offer cost, in minor units."""
    return packs * pack_price(offer, packs)


def round_up(offer: Offer, packs: int) -> int:
    """The least packs that may be ordered to have at least `packs`, the maximum disregarded; 0 stays 0."""
    if packs == 0:
        return 0
    return -(-max(packs, offer.minimum_packs) // offer.pack_multiple) * offer.pack_multiple


def most_packs(offer: Offer, shortage: Shortage) -> int:
    """The most packs in whole multiples under the offer's maximum and the item's most_units."""
    most = min(offer.maximum_packs, shortage.most_units // offer.pack_size)
    return most // offer.pack_multiple * offer.pack_multiple


def units_by_item(data: Index, packs: Packs) -> dict[str, int]:
    """Base units ordered per item."""
    units = dict.fromkeys(data.shortages, 0)
    for key, count in packs.items():
        units[key[1]] += count * data.offers[key].pack_size
    return units


def spend_by_contract(data: Index, packs: Packs) -> dict[str, int]:
    """Minor units spent per contract."""
    spend = dict.fromkeys(data.contracts, 0)
    for key, count in packs.items():
        spend[key[0]] += cost(data.offers[key], count)
    return spend


def uncovered_parts(shortage: Shortage, units: int) -> int:
    """Millionths of the need left uncovered, rounded up; surge units are covered first and count double."""
    missing = max(0, shortage.units - units) + max(0, shortage.surge_units - units)
    return -(-PARTS * missing // (shortage.units + shortage.surge_units))


def score(data: Index, packs: Packs) -> tuple[int, ...]:
    """The values of plan.STAGES, in their order."""
    units, tiers = units_by_item(data, packs), [0, 0, 0, 0]
    for item, shortage in data.shortages.items():
        tiers[shortage.tier - 1] += uncovered_parts(shortage, units[item])
    ordered = [key for key, count in packs.items() if count]
    spend = sum(spend_by_contract(data, packs).values())
    return (*tiers, spend, len({contract for contract, _ in ordered}), len(ordered))
