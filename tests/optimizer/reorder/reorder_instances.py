"""Random reorder problems: tiny ones that brute force can settle, and one of the realistic size."""

from __future__ import annotations

import random

from optimizer.reorder.problem import Contract, Offer, Problem, Shortage, Tier


def tiny(seed: int) -> Problem:
    """Up to 4 items, 2 contracts and 5 offers, each with a handful of quantities."""
    draw = random.Random(seed)
    items, contracts = [f"item-{n}" for n in range(draw.randint(1, 4))], ["c-1", "c-2"]
    pairs = [(contract, item) for contract in contracts for item in items]
    chosen = draw.sample(pairs, min(5, draw.randint(1, 2 * len(pairs)), len(pairs)))
    return Problem(
        budget_minor=draw.randint(0, 320),
        shortages=tuple(_tiny_shortage(draw, item) for item in items),
        contracts=tuple(Contract(one, draw.choice([0, 30, 60, 120]), draw.choice([100, 400])) for one in contracts),
        offers=tuple(_tiny_offer(draw, *pair) for pair in chosen),
    )


def _tiny_shortage(draw: random.Random, item: str) -> Shortage:
    units = draw.randint(1, 12)
    return Shortage(item, draw.randint(1, 4), units, units + draw.randint(0, 8), draw.randint(0, units))


def _tiny_offer(draw: random.Random, contract: str, item: str) -> Offer:
    steps = sorted(draw.sample(range(2, 7), draw.randint(0, 2)))
    price = draw.randint(8, 20)
    tiers = [Tier(1, price)]
    for step in steps:
        tiers.append(Tier(step, max(1, tiers[-1].pack_price_minor - draw.randint(0, 5))))
    size, multiple = draw.randint(1, 4), draw.choice([1, 1, 2, 3])
    return Offer(contract, item, size, draw.randint(1, 3), multiple, draw.randint(1, 10), 3, tuple(tiers))


def realistic(seed: int, *, budget_share: float = 0.5, minimum: int = 300_000, scale: int = 1) -> Problem:
    """103 items, 12 contracts, about 150 offers of 3 price tiers; the budget pays for `budget_share` of the need."""
    draw = random.Random(seed)
    items = [f"item-{n:03d}" for n in range(103)]
    shortages = tuple(_shortage(draw, item, scale) for item in items)
    offers: list[Offer] = []
    for row in shortages:
        price = draw.lognormvariate(-2.5, 1.5) * 100 / scale
        for contract in draw.sample(range(12), draw.choices([0, 1, 2, 3], [3, 54, 34, 9])[0]):
            offers.append(_offer(draw, row, f"contract-{contract:02d}", price * draw.uniform(0.85, 1.2)))
    need = sum(_cheapest(row, offers) for row in shortages)
    contracts = tuple(
        Contract(f"contract-{n:02d}", draw.choice([0, minimum // 3, minimum]), draw.randint(need // 15, need // 5))
        for n in range(12)
    )
    return Problem(int(need * budget_share), shortages, contracts, tuple(offers))


def _shortage(draw: random.Random, item: str, scale: int) -> Shortage:
    units = int(10 ** draw.uniform(2, 4.8)) * scale
    surge = int(units * draw.choice([0, 0, 0.2, 0.5]))
    return Shortage(item, draw.choices([1, 2, 3, 4], [2, 3, 3, 2])[0], units, units * 3 // 2 + 100, surge)


def _offer(draw: random.Random, row: Shortage, contract: str, unit_price: float) -> Offer:
    size = min(draw.choice([1, 5, 10, 20, 25, 50, 100]), row.units)
    packs, multiple = max(1, row.units // size), draw.choice([1, 1, 1, 4, 10])
    price = max(20, int(unit_price * size))
    steps = (1, max(2, packs // 3), max(3, packs * draw.choice([8, 11, 13]) // 10))
    discounts = (1.0, draw.uniform(0.92, 0.98), draw.uniform(0.84, 0.91))
    tiers = tuple(Tier(step, max(1, int(price * cut))) for step, cut in zip(steps, discounts, strict=True))
    return Offer(contract, row.item, size, max(1, packs // 20), multiple, packs * 2, draw.randint(2, 30), tiers)


def _cheapest(row: Shortage, offers: list[Offer]) -> int:
    prices = [o.tiers[1].pack_price_minor * row.units // o.pack_size for o in offers if o.item == row.item]
    return min(prices, default=0)
