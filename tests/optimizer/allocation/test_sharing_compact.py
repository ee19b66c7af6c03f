"""A region in columns: the same plan as lane by lane, and the quick check is as strict as the slow one."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from datetime import date

import pytest
from sharing_brute_force import all_flows, best_routing, fair_totals, routing_of, totals_of
from sharing_instances import problem_of

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import CompactPlan, Plan, PoolPlan, plan_from_json
from optimizer.allocation.problem import CompactPool, Pool, ProblemError, problem_from_json

FIRST_DAY = date(2030, 1, 1).toordinal()


def compact_pool(
    seed: int, *, sites: int = 2, claims: int = 4, largest: int = 4, minimums: bool = False
) -> CompactPool:
    """At most three lots a site; each claim has a way from some of the sites."""
    rng = random.Random(seed)
    lots = [(site, FIRST_DAY + day) for site in range(sites) for day in sorted(rng.sample(range(4), rng.randint(0, 3)))]
    packs = [rng.randrange(largest) for _ in lots]
    ways: list[tuple[int, int]] = []
    first_way = [0]
    for _ in range(claims):
        for site in range(sites):
            held = [at for at, lot in enumerate(lots) if lot[0] == site]
            if held and rng.random() < 0.7:
                ways.append((rng.choice(held), rng.randrange(4)))
        first_way.append(len(ways))
    return CompactPool(
        item="serum",
        shareable_packs=rng.choice((sum(packs), sum(packs), rng.randint(0, sum(packs)))),
        sites=tuple(f"depot-{at}" for at in range(sites)),
        lot_ids=tuple(f"lot-{at}" for at in range(len(lots))),
        claim_ids=tuple(f"town-{at}" for at in range(claims)),
        lot_site=array("q", [site for site, _ in lots]),
        lot_expiry=array("q", [day for _, day in lots]),
        lot_packs=array("q", packs),
        claim_tier=array("q", [rng.choice((1, 1, 2)) for _ in range(claims)]),
        claim_minimum=array("q", [rng.choice((0, 2)) if minimums else 0 for _ in range(claims)]),
        claim_need=array("q", [rng.randint(1, largest) for _ in range(claims)]),
        first_way=array("q", first_way),
        way_lot=array("q", [lot for lot, _ in ways]),
        way_cost=array("q", [cost for _, cost in ways]),
    )


def lane_by_lane(pool: CompactPool) -> Pool:
    return Pool(pool.item, pool.shareable_packs, pool.lots, pool.claims, pool.drops, pool.lanes)


def plan_lane_by_lane(pool: Pool, plan: CompactPlan) -> Plan:
    rows = PoolPlan(plan.item, plan.lines, plan.set_aside, plan.bottlenecks)
    return replace(share(problem_of(pool)), pools=(rows,))


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_a_compact_pool_is_shared_as_trying_everything_finds(start: int) -> None:
    for seed in range(start, start + 100):
        compact = compact_pool(seed, sites=1 + seed % 2, claims=3)
        pool, plan = lane_by_lane(compact), share(problem_of(compact))
        packs = {(line.lot, line.drop): line.packs for line in plan.pools[0].lines}
        flows = tuple(packs.get((lane.lot, lane.drop), 0) for lane in pool.lanes)
        by_totals: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for one in all_flows(pool):
            by_totals.setdefault(totals_of(pool, one), []).append(one)
        best = fair_totals(pool, set(by_totals))
        assert totals_of(pool, flows) == best, seed
        assert routing_of(pool, flows) == best_routing(pool, by_totals[best]), seed
        assert check(problem_of(compact), plan).findings == (), seed


@pytest.mark.parametrize("minimums", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_a_larger_compact_pool_gets_the_plan_of_the_same_pool_lane_by_lane(seed: int, minimums: bool) -> None:
    compact = compact_pool(seed, sites=6, claims=40, largest=30, minimums=minimums)
    pool, plan = lane_by_lane(compact), share(problem_of(compact))
    assert check(problem_of(compact), plan).findings == ()
    rows = plan.pools[0]
    assert isinstance(rows, CompactPlan)
    assert check(problem_of(pool), plan_lane_by_lane(pool, rows)).findings == ()
    assert rows.set_aside == share(problem_of(pool)).pools[0].set_aside


def mutants(plan: CompactPlan, rng: random.Random, count: int) -> list[CompactPlan]:
    """One pack more, less, or moved between two (way, lot) pairs that the pool allows."""
    pool = plan.pool
    pairs = [(w, t) for w, first in enumerate(pool.way_lot) for t in range(first, pool.site_end[first])]
    lines = dict(zip(zip(plan.line_way, plan.line_lot, strict=True), plan.line_packs, strict=True))
    made = []
    for _ in range(count if pairs else 0):
        changed = dict(lines)
        for step in rng.choice(((1,), (-1,), (1, -1))):
            pair = rng.choice(pairs if step > 0 or not changed else list(changed))
            changed[pair] = changed.get(pair, 0) + step
        rows = sorted((way, lot, packs) for (way, lot), packs in changed.items() if packs)
        columns = [array("q", column) for column in zip(*rows, strict=True)] or [array("q")] * 3
        made.append(replace(plan, line_way=columns[0], line_lot=columns[1], line_packs=columns[2]))
    return made


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_the_quick_check_kills_the_mutants_that_the_slow_check_kills(start: int) -> None:
    """Thousands of one-pack mutants; a mutant that lives is exactly as good as the plan."""
    killed = lived = 0
    for seed in range(start, start + 50):
        compact = compact_pool(seed, sites=3, claims=7, largest=6)
        pool, plan = lane_by_lane(compact), share(problem_of(compact))
        for mutant in mutants(plan.pools[0], random.Random(seed), 40):
            quick = check(problem_of(compact), replace(plan, pools=(mutant,)))
            slow = check(problem_of(pool), plan_lane_by_lane(pool, mutant))
            assert (quick.feasible, quick.fair) == (slow.feasible, slow.fair), (seed, quick, slow)
            killed, lived = killed + (not quick.fair), lived + quick.fair
    assert killed > 1500 > 30 * lived / 10


def test_problem_and_plan_are_read_back_from_their_files() -> None:
    problem = problem_of(compact_pool(5, sites=4, claims=12, largest=9))
    again = problem_from_json(problem.canonical())
    assert again == problem
    assert again.digest() == problem.digest()
    plan = share(problem)
    read = plan_from_json(plan.canonical(), again)
    assert read.canonical() == plan.canonical()
    assert check(again, read).fair
    with pytest.raises(ValueError, match="can be read only beside its compact pool"):
        plan_from_json(plan.canonical())


def test_the_digest_of_a_compact_problem_tells_any_figure_apart() -> None:
    pool = compact_pool(5, sites=4, claims=12, largest=9)
    digests = {problem_of(pool).digest()}
    for name in ("lot_packs", "claim_need", "way_cost"):
        changed = array("q", getattr(pool, name))
        changed[0] += 1
        digests.add(problem_of(replace(pool, **{name: changed})).digest())
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lot_packs": [1]}, "column lot_packs has 1 rows, not"),
        ({"claim_need": [0] * 12}, "claim_need of row 0 is 0, not 1 to 1048576"),
        ({"shareable_packs": -1}, "shareable_packs is -1"),
        ({"claim_ids": ("a",) * 12}, "a claim is given twice"),
        ({"first_way": [0] * 13}, "first_way does not count"),
        ({"lot_expiry": [5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1]}, "not in the order of site and expiry"),
    ],
)
def test_columns_that_contradict_themselves_are_refused(change: dict[str, object], reason: str) -> None:
    pool = compact_pool(5, sites=4, claims=12, largest=9)
    if "lot_expiry" in change:
        change = {"lot_expiry": change["lot_expiry"][: len(pool.lot_ids)]}  # type: ignore[index]
    with pytest.raises(ProblemError, match=reason):
        replace(pool, **change)
