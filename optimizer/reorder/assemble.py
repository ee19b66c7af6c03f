"""From packs to a plan that explains itself: why each line is there, and why an item stays short."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.reorder.order import (
    Index,
    Key,
    Packs,
    cost,
    most_packs,
    pack_price,
    round_up,
    score,
    spend_by_contract,
    uncovered_parts,
    units_by_item,
)
from optimizer.reorder.plan import FEASIBLE, OPTIMAL, STAGES, LeftOut, Line, Plan, Stage, Uncovered
from optimizer.reorder.problem import Offer, Shortage


def assemble(data: Index, packs: Packs, bounds: Sequence[int]) -> Plan:
    """The plan that orders `packs`, with a proven lower bound for each of STAGES."""
    ordered = {key: count for key, count in sorted(packs.items()) if count}
    rows = zip(STAGES, score(data, ordered), bounds, strict=True)
    stages = tuple(Stage(name, value, min(bound, value), value <= bound) for name, value, bound in rows)
    units = units_by_item(data, ordered)
    short = {i: row.units - units[i] for i, row in sorted(data.shortages.items()) if row.units > units[i]}
    return Plan(
        problem_digest=data.problem.digest(),
        status=OPTIMAL if all(stage.proven for stage in stages) else FEASIBLE,
        lines=_lines(data, ordered),
        stages=stages,
        spend_minor=sum(spend_by_contract(data, ordered).values()),
        uncovered=tuple(Uncovered(item, missing) for item, missing in short.items()),
        left_out=tuple(LeftOut(item, _why_short(data, ordered, item)) for item in short),
    )


def _lines(data: Index, packs: Packs) -> tuple[Line, ...]:
    before = dict.fromkeys(data.shortages, 0)
    lines = []
    for key, count in packs.items():
        lines.append(_line(data, packs, key, before=before[key[1]]))
        before[key[1]] += count * data.offers[key].pack_size
    return tuple(lines)


def _line(data: Index, packs: Packs, key: Key, *, before: int) -> Line:
    offer, count = data.offers[key], packs[key]
    units = count * offer.pack_size
    covers = max(0, min(units, data.shortages[key[1]].units - before))
    return Line(
        contract=offer.contract,
        item=offer.item,
        packs=count,
        units=units,
        pack_price_minor=pack_price(offer, count),
        cost_minor=cost(offer, count),
        covers_units=covers,
        reason=_why_ordered(data, packs, key, covers=covers, before=before),
    )


def _why_ordered(data: Index, packs: Packs, key: Key, *, covers: int, before: int) -> str:
    offer, shortage, count = data.offers[key], data.shortages[key[1]], packs[key]
    surge = max(0, min(before + covers, shortage.surge_units) - before)
    what = f"covers {covers:,} of {shortage.units:,} missing units"
    if surge:
        what += f", {surge:,} of them unmet in the surge"
    start = max(tier.from_packs for tier in offer.tiers if tier.from_packs <= count)
    tier = f"tier from {_packs(start)} at {_money(pack_price(offer, count))}"
    return "; ".join([what, tier, *_why_more(data, packs, key, covers=covers)])


def _why_more(data: Index, packs: Packs, key: Key, *, covers: int) -> list[str]:
    offer, count = data.offers[key], packs[key]
    needed = -(-covers // offer.pack_size)
    allowed = round_up(offer, needed)
    if count == needed:
        return []
    more = f"{_packs(count - needed)} more than needed "
    if count <= allowed and needed < offer.minimum_packs:
        return [more + f"to reach the offer's minimum of {_packs(offer.minimum_packs)}"]
    if count <= allowed:
        return [more + f"to fill multiples of {_packs(offer.pack_multiple)}"]
    if cost(offer, count) <= cost(offer, allowed):
        return [more + f"because {_packs(allowed)} would cost as much or more"]
    spend = spend_by_contract(data, packs)[offer.contract] - cost(offer, count) + cost(offer, allowed)
    if spend < data.contracts[offer.contract].minimum_order_minor:
        return [more + "to reach the contract's minimum order"]
    return [more + "that a longer search may save"]


def _why_short(data: Index, packs: Packs, item: str) -> str:
    offers = [offer for offer in data.offers.values() if offer.item == item]
    if not offers:
        return "no contract offers it"
    reasons = (f"contract {offer.contract}: {_blocked(data, packs, offer)}" for offer in offers)
    return "; ".join(reasons)


def _blocked(data: Index, packs: Packs, offer: Offer) -> str:
    """What forbids the next larger order of the offer, the rest of the plan unchanged."""
    key, shortage = (offer.contract, offer.item), data.shortages[offer.item]
    now = packs.get(key, 0)
    more = round_up(offer, now + 1)
    by_item = units_by_item(data, packs)[offer.item] + (more - now) * offer.pack_size
    if more > most_packs(offer, shortage) or by_item > shortage.most_units:
        return _blocked_by_quantity(offer, shortage, more=more)
    spend = spend_by_contract(data, packs)
    extra = cost(offer, more) - cost(offer, now)
    contract = data.contracts[offer.contract]
    if spend[contract.id] + extra > contract.remaining_minor:
        return f"its ceiling leaves {_money(contract.remaining_minor)}, too little for {_packs(more)}"
    if sum(spend.values()) + extra > data.problem.budget_minor:
        return _blocked_by_budget(data, packs, shortage)
    if spend[contract.id] + extra < contract.minimum_order_minor:
        return f"below its minimum order of {_money(contract.minimum_order_minor)}"
    missing = uncovered_parts(shortage, by_item)
    same = missing == uncovered_parts(shortage, by_item - (more - now) * offer.pack_size)
    return "one step more covers less than a millionth of the need" if same else "a longer search may cover it"


def _blocked_by_quantity(offer: Offer, shortage: Shortage, *, more: int) -> str:
    if more > offer.maximum_packs:
        return f"offers {_packs(offer.maximum_packs)} at most, the next order is {_packs(more)}"
    return f"{_packs(more)} of {offer.pack_size:,} would pass the {shortage.most_units:,} units that may be ordered"


def _blocked_by_budget(data: Index, packs: Packs, shortage: Shortage) -> str:
    tiers = sorted({data.shortages[item].tier for (_, item), count in packs.items() if count})
    budget = f"the budget of {_money(data.problem.budget_minor)}"
    if not tiers:
        return f"{budget} is below the smallest order"
    if max(tiers) < shortage.tier:
        return f"{budget} is used up by higher tiers"
    return f"{budget} is used up by tier {' and '.join(map(str, tiers))}"


def _packs(count: int) -> str:
    return f"{count:,} pack" if count == 1 else f"{count:,} packs"


def _money(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02d}"
