"""What common stock systems do: raise each item to its level at the cheapest offer, one item after the other."""

from __future__ import annotations

from optimizer.reorder.assemble import assemble
from optimizer.reorder.order import (
    Index,
    Key,
    cost,
    index,
    most_packs,
    round_up,
    spend_by_contract,
)
from optimizer.reorder.plan import STAGES, Plan
from optimizer.reorder.problem import Offer, Problem, Shortage


def order_up_to(problem: Problem) -> Plan:
    """The order-up-to plan: feasible, never claimed to be best (its bounds are zero)."""
    return assemble(index(problem), order_up_to_packs(problem), [0] * len(STAGES))


def order_up_to_packs(problem: Problem) -> dict[Key, int]:
    """Packs per (contract, item): in the order of the shortages, while the budget and the ceilings last."""
    data, packs = index(problem), dict[Key, int]()
    for shortage in problem.shortages:
        fitting = [offer for offer in data.offers.values() if _fits(data, packs, offer, shortage)]
        if fitting:
            best = min(fitting, key=lambda offer: (_unit_price(offer, shortage), offer.contract))
            packs[best.contract, best.item] = _quantity(best, shortage)
    return _without_small_contracts(data, packs)


def _quantity(offer: Offer, shortage: Shortage) -> int:
    wanted = round_up(offer, -(-shortage.units // offer.pack_size))
    return min(wanted, most_packs(offer, shortage))


def _fits(data: Index, packs: dict[Key, int], offer: Offer, shortage: Shortage) -> bool:
    count = _quantity(offer, shortage)
    if offer.item != shortage.item or count < offer.minimum_packs:
        return False
    spend, price = spend_by_contract(data, packs), cost(offer, count)
    within_ceiling = spend[offer.contract] + price <= data.contracts[offer.contract].remaining_minor
    return within_ceiling and sum(spend.values()) + price <= data.problem.budget_minor


def _unit_price(offer: Offer, shortage: Shortage) -> float:
    count = _quantity(offer, shortage)
    return cost(offer, count) / (count * offer.pack_size)


def _without_small_contracts(data: Index, packs: dict[Key, int]) -> dict[Key, int]:
    spend = spend_by_contract(data, packs)
    enough = {row.id for row in data.contracts.values() if spend[row.id] >= row.minimum_order_minor}
    return {key: count for key, count in packs.items() if key[0] in enough}
