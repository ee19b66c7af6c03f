"""The quickest ways to cover a shortage of an item. Pure; money in minor units, quantities in packs or base units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stockpile.contracts import rules
from stockpile.contracts.terms.rules import IMMEDIATE, NORMAL, OPTION

QUICK: Final = (IMMEDIATE, OPTION)
"""Ways that are there for a surge and for nothing else."""
EVERY_KIND: Final = (*QUICK, NORMAL)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to get an item: from a contract, of a kind, in so many days, at most so many packs at most so dear.

    `price_permille` of the tier's price is asked, and `fee_minor` once.
    `budget_minor` is what ceiling, lot and the immediate share leave for it.
    """

    contract: str
    kind: str
    days: int
    pack_size: int
    minimum_packs: int
    pack_multiple: int
    most_packs: int
    tiers: tuple[tuple[int, int], ...]
    price_permille: int = 1000
    fee_minor: int = 0
    budget_minor: int = 0
    minimum_order_minor: int = 0

    def price(self, packs: int) -> int:
        """What a pack costs in an order of so many."""
        tier = rules.tier_price(self.tiers, packs)
        return tier if self.price_permille == 1000 else rules.option_price(tier, self.price_permille)

    def cost(self, packs: int) -> int:
        """What an order of so many packs costs, with its fee."""
        return packs * self.price(packs) + self.fee_minor


@dataclass(frozen=True, slots=True)
class Chosen:
    """So many packs by a way."""

    way: Way
    packs: int

    @property
    def units(self) -> int:
        """Base units that it brings."""
        return self.packs * self.way.pack_size


def choose(ways: Sequence[Way], units: int) -> list[Chosen]:
    """The ways that cover the shortage soonest, the cheaper first among those that are as quick.

    Each takes what it can of what is left; what an earlier way spends of a
    contract is gone for the later ones.
    """
    chosen: list[Chosen] = []
    for way in sorted(ways, key=lambda one: (one.days, one.price(max(1, one.minimum_packs)), one.contract, one.kind)):
        left = units - sum(one.units for one in chosen)
        if left <= 0:
            break
        spent = sum(one.way.cost(one.packs) for one in chosen if one.way.contract == way.contract)
        packs = _packs(way, left, spent)
        if packs:
            chosen.append(Chosen(way, packs))
    return chosen


def _packs(way: Way, units: int, spent: int) -> int:
    """Packs for what is left by this way, within what it allows; 0 where its least is more than its most."""
    step = way.pack_multiple
    wanted = max(-(-units // way.pack_size), way.minimum_packs, _for_minimum_order(way))
    packs = min(-(-wanted // step) * step, way.most_packs // step * step)
    while packs >= way.minimum_packs and way.cost(packs) > way.budget_minor - spent:
        affordable = (way.budget_minor - spent - way.fee_minor) // way.price(packs) // step * step
        packs = min(packs - step, affordable)
    enough = packs >= max(1, way.minimum_packs) and way.cost(packs) >= way.minimum_order_minor
    return packs if enough else 0


def _for_minimum_order(way: Way) -> int:
    """The fewest packs, in multiples, whose cost reaches the contract's minimum order."""
    if not way.minimum_order_minor:
        return 0
    dearest = max(1, *(price for _, price in way.tiers))
    least = max(-(-way.minimum_order_minor // dearest), way.minimum_packs)
    packs = -(-least // way.pack_multiple) * way.pack_multiple
    while way.cost(packs) < way.minimum_order_minor and packs < way.most_packs:
        packs += way.pack_multiple
    return packs
