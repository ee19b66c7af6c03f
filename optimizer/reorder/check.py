"""An independent look at a reorder plan: every rule restated, every figure recomputed, every small change tried.

Knows the problem and the plan and nothing of how the plan was made: no solver,
no shared price or coverage function.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from optimizer.reorder.plan import Plan
from optimizer.reorder.problem import Contract, Offer, Problem, Shortage


@dataclass(frozen=True, slots=True)
class Verdict:
    """`feasible`: the lines break no rule of the problem. `findings`: every fault seen, in plain sentences."""

    feasible: bool
    findings: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Feasible, every reported figure true, and no better plan one line away from one that is called optimal."""
        return self.feasible and not self.findings


@dataclass(slots=True)
class _Books:
    """The problem by key and the plan's packs; built once, read by every look."""

    shortages: dict[str, Shortage]
    contracts: dict[str, Contract]
    offers: dict[tuple[str, str], Offer]
    budget: int
    packs: dict[tuple[str, str], int] = field(default_factory=dict)


def check(problem: Problem, plan: Plan) -> Verdict:
    """Judge `plan` by `problem` alone."""
    books = _Books(
        {s.item: s for s in problem.shortages},
        {c.id: c for c in problem.contracts},
        {(o.contract, o.item): o for o in problem.offers},
        problem.budget_minor,
    )
    strangers = list(_strangers(books, plan))
    if strangers:
        return Verdict(False, tuple(strangers))
    books.packs = {(line.contract, line.item): line.packs for line in plan.lines}
    broken = [*_broken_offers(books, books.packs), *_broken_totals(books, books.packs)]
    untrue = [*_untrue_head(problem, plan), *_untrue_lines(books, plan), *_untrue_totals(books, plan)]
    untrue += [*_untrue_gaps(books, plan), *_untrue_stages(books, plan)]
    better = _better_neighbours(books) if plan.status == "OPTIMAL" and not broken else []
    return Verdict(not broken, (*broken, *untrue, *better))


def _strangers(books: _Books, plan: Plan) -> Iterator[str]:
    seen = Counter((line.contract, line.item) for line in plan.lines)
    for key, times in seen.items():
        if times > 1:
            yield f"{key[1]}: ordered {times} times from contract {key[0]}"
        if key not in books.offers:
            yield f"{key[1]}: contract {key[0]} does not offer it"
        if key[1] not in books.shortages:
            yield f"{key[1]}: ordered from contract {key[0]}, but it is not short"
    for line in plan.lines:
        if type(line.packs) is not int or line.packs < 1:
            yield f"{line.item}: a line of {line.packs} packs from contract {line.contract}"


# The rules of an order, restated.


def _broken_offers(books: _Books, packs: dict[tuple[str, str], int]) -> Iterator[str]:
    for key, count in packs.items():
        offer = books.offers[key]
        if count < offer.minimum_packs:
            yield f"{offer.item}: {count} packs are below the minimum of {offer.minimum_packs}"
        if count > offer.maximum_packs:
            yield f"{offer.item}: {count} packs are above the maximum of {offer.maximum_packs}"
        if count % offer.pack_multiple:
            yield f"{offer.item}: {count} packs are no multiple of {offer.pack_multiple}"


def _broken_totals(books: _Books, packs: dict[tuple[str, str], int]) -> Iterator[str]:
    paid = _paid(books, packs)
    for item, units in _received(books, packs).items():
        if units > books.shortages[item].most_units:
            yield f"{item}: {units} units are more than the most of {books.shortages[item].most_units}"
    for name, total in paid.items():
        contract = books.contracts[name]
        if total < contract.minimum_order_minor:
            yield f"contract {name}: {total} is below its minimum order of {contract.minimum_order_minor}"
        if total > contract.remaining_minor:
            yield f"contract {name}: {total} is above what its ceiling leaves, {contract.remaining_minor}"
    if sum(paid.values()) > books.budget:
        yield f"spend of {sum(paid.values())} is above the budget of {books.budget}"


def _unit_tier_price(offer: Offer, count: int) -> int:
    price = offer.tiers[0].pack_price_minor
    for tier in offer.tiers:
        if count >= tier.from_packs:
            price = tier.pack_price_minor
    return price


def _paid(books: _Books, packs: dict[tuple[str, str], int]) -> dict[str, int]:
    paid: defaultdict[str, int] = defaultdict(int)
    for key, count in packs.items():
        paid[key[0]] += _unit_tier_price(books.offers[key], count) * count
    return dict(paid)


def _received(books: _Books, packs: dict[tuple[str, str], int]) -> dict[str, int]:
    received: defaultdict[str, int] = defaultdict(int)
    for key, count in packs.items():
        received[key[1]] += books.offers[key].pack_size * count
    return dict(received)


# What the plan reports, recomputed.


def _untrue_head(problem: Problem, plan: Plan) -> Iterator[str]:
    if plan.problem_digest != problem.digest():
        yield "the plan is for another problem"
    if [(a.contract, a.item) for a in plan.lines] != sorted((a.contract, a.item) for a in plan.lines):
        yield "the lines are not in the order of contract and item"


def _untrue_lines(books: _Books, plan: Plan) -> Iterator[str]:
    still_missing = {item: shortage.units for item, shortage in books.shortages.items()}
    for line in plan.lines:
        offer = books.offers[line.contract, line.item]
        price = _unit_tier_price(offer, line.packs)
        covers = min(still_missing[line.item], line.packs * offer.pack_size)
        still_missing[line.item] -= covers
        reported = (line.units, line.pack_price_minor, line.cost_minor, line.covers_units)
        true = (line.packs * offer.pack_size, price, price * line.packs, covers)
        if reported != true:
            yield f"{line.item}: units, price, cost and cover {reported} from {line.contract} should be {true}"
        begins = f"covers {covers:,} of {books.shortages[line.item].units:,} missing units"
        if not line.reason.startswith(begins) or f" at {price / 100:,.2f}" not in line.reason:
            yield f"{line.item}: the reason of its line from {line.contract} does not say '{begins}' and the price"


def _untrue_totals(books: _Books, plan: Plan) -> Iterator[str]:
    paid = sum(_paid(books, books.packs).values())
    if plan.spend_minor != paid:
        yield f"spend is reported as {plan.spend_minor} and comes to {paid}"


def _untrue_gaps(books: _Books, plan: Plan) -> Iterator[str]:
    got = _received(books, books.packs)
    short = [(i, s.units - got.get(i, 0)) for i, s in sorted(books.shortages.items()) if got.get(i, 0) < s.units]
    if [(row.item, row.units) for row in plan.uncovered] != short:
        yield f"uncovered is not {short}"
    if [row.item for row in plan.left_out] != [item for item, _ in short]:
        yield "left_out does not name exactly the uncovered items"
    for row in plan.left_out:
        unoffered = all(item != row.item for _, item in books.offers)
        if not row.reason or (row.reason == "no contract offers it") != unoffered:
            yield f"{row.item}: left out because '{row.reason}'"


def _untrue_stages(books: _Books, plan: Plan) -> Iterator[str]:
    names = ("tier 1", "tier 2", "tier 3", "tier 4", "cost", "contracts", "lines")
    if tuple(stage.name for stage in plan.stages) != names:
        yield f"the stages are not {', '.join(names)}"
        return
    for stage, value in zip(plan.stages, _values(books, books.packs), strict=True):
        if stage.value != value:
            yield f"stage {stage.name}: reported as {stage.value} and comes to {value}"
        if not 0 <= stage.bound <= stage.value:
            yield f"stage {stage.name}: bound {stage.bound} and value {stage.value} contradict each other"
        if stage.proven != (stage.bound == stage.value):
            yield f"stage {stage.name}: called {'proven' if stage.proven else 'unproven'}, bound {stage.bound}"
    status = "OPTIMAL" if all(stage.proven for stage in plan.stages) else "FEASIBLE"
    if plan.status != status:
        yield f"status is {plan.status}, its stages say {status}"


def _values(books: _Books, packs: dict[tuple[str, str], int]) -> tuple[int, ...]:
    got, uncovered = _received(books, packs), {1: 0, 2: 0, 3: 0, 4: 0}
    for item, shortage in books.shortages.items():
        units = got.get(item, 0)
        surge_met = min(units, shortage.surge_units)
        rest_met = min(units - surge_met, shortage.units - shortage.surge_units)
        weight = 2 * shortage.surge_units + (shortage.units - shortage.surge_units)
        open_weight = weight - 2 * surge_met - rest_met
        whole, rest = divmod(open_weight * 1_000_000, weight)
        uncovered[shortage.tier] += whole + (rest > 0)
    paid = _paid(books, packs)
    return (*uncovered.values(), sum(paid.values()), len(paid), len(packs))


# Plans one line away.


def _better_neighbours(books: _Books) -> Iterator[str]:
    now = _values(books, books.packs)
    for key in books.offers:
        if key[1] not in books.shortages:
            continue
        had = books.packs.get(key, 0)
        rest = {k: c for k, c in books.packs.items() if k != key}
        for count in sorted(_other_counts(books, rest, key) | {had - books.offers[key].pack_multiple} - {had}):
            other = rest | {key: count} if count else rest
            broken = count < 0 or [*_broken_offers(books, other), *_broken_totals(books, other)]
            if not broken and _values(books, other) < now:
                yield f"{key[1]}: {count} instead of {had} packs from contract {key[0]} would be better"


def _other_counts(books: _Books, rest: dict[tuple[str, str], int], key: tuple[str, str]) -> set[int]:
    """Counts worth a look beside the `rest`: none, one multiple more, the least of a price tier, all still
    missing (or missing in the surge), and the least that reaches the contract's minimum order."""
    offer, shortage = books.offers[key], books.shortages[key[1]]
    got, paid = _received(books, rest).get(key[1], 0), _paid(books, rest).get(key[0], 0)
    least = [tier.from_packs for tier in offer.tiers] + [offer.minimum_packs, books.packs.get(key, 0) + 1]
    least += [-(-(wanted - got) // offer.pack_size) for wanted in (shortage.units, shortage.surge_units)]
    lacking = books.contracts[key[0]].minimum_order_minor - paid
    least += [-(-lacking // tier.pack_price_minor) for tier in offer.tiers]
    return {0} | {-(-max(1, count) // offer.pack_multiple) * offer.pack_multiple for count in least}
