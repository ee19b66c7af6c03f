"""Reading a stored plan for questions about it, and from the database what a supposition needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import ItemPolicy, Pool, Problem, problem_from_json
from optimizer.sharing.deciding import facts_of
from optimizer.sharing.network import Facts
from stockpile.allocation import queries, snapshot
from stockpile.allocation import rules as states
from stockpile.allocation.alternatives import rules
from stockpile.allocation.alternatives.rules import Case, Rerun
from stockpile.allocation.tables import Request
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory


class NoEarlierPlan(Conflict):
    """There is nothing that the plan could have changed."""

    code = "no_earlier_plan"


class NoPlan(Conflict):
    """The surge has no plan yet on which to try anything."""

    code = "no_plan"


def newest_plan(session: Session, surge: int) -> int:
    """The newest plan of a surge that is not superseded."""
    queries.surge(session, surge)
    for head in queries.plan_heads(session, surge):
        if head["state"] != states.SUPERSEDED:
            return int(head["id"])
    raise NoPlan(f"surge {surge} has no plan: compute one first, then try what would change it", surge=surge)


def case(session: Session, number: int, *, weighed: bool = True) -> Case:
    """A stored plan as it was computed; where other rules are asked about (`weighed`), with the facts they weigh."""
    found = queries.plan(session, number)
    problem = problem_from_json(found.problem)
    items, members = catalogue.items(session), governance.members(session)
    return Case(
        number=number,
        surge=found.surge_id,
        at=found.planned_at,
        problem=problem,
        plan=plan_from_json(found.answer),
        facts=_facts(session, number, problem) if weighed else {},
        pack_size={code: item.pack_size for code, item in items.items()},
        volume_ml={code: item.volume_ml for code, item in items.items()},
        names={code: member.name for code, member in members.items()},
    )


def _facts(session: Session, number: int, problem: Problem) -> dict[str, Facts]:
    """What rules weigh besides needs, by item and claim."""
    asked: dict[str, list[Request]] = defaultdict(list)
    for request in _requests(session, number).values():
        asked[request.item_code].append(request)
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    people = {code: member.population for code, member in governance.members(session).items()}
    facts: dict[str, Facts] = {}
    for pool in problem.pools:
        assert isinstance(pool, Pool)
        known = snapshot.claim_facts(pool, asked[pool.item], pack_size=sizes[pool.item], people=people, owed={})
        promised = _promised(problem, pool)
        known = tuple(replace(fact, entitled=promised.get(fact.claim, 0)) for fact in known)
        facts[pool.item] = facts_of(ItemPolicy(pool.item, "", "", known))
    return facts


def _promised(problem: Problem, pool: Pool) -> dict[str, int]:
    """Packs guaranteed to each claim of an item, as the plan's problem has them: in the claims, or as facts."""
    by_policy = {fact.claim: fact.entitled for one in problem.policies if one.item == pool.item for fact in one.facts}
    return by_policy or {claim.id: claim.entitled_packs for claim in pool.claims}


def rerun(session: Session, number: int) -> Rerun:
    """What a plan changed against the one that waited before it; refuses where none did."""
    later = queries.plan(session, number)
    if later.supersedes is None:
        raise NoEarlierPlan(f"no plan of surge {later.surge_id} waited when plan {number} was computed", plan=number)
    first, second = case(session, later.supersedes, weighed=False), case(session, number, weighed=False)
    before, needs = (
        {row.request_id: row.validated for row in queries.plan_results(session, one)}
        for one in (later.supersedes, number)
    )
    return rules.rerun(first, second, needs=needs, before=before)


def delivery(
    session: Session, about: Case, *, item: str, depot: str, quantity: int, expiry: date | None, number: int
) -> Pool:
    """A lot that would lie at a depot when the plan was made: a pool of it alone, with whom of the plan it reaches.

    `expiry` None: with the item's whole shelf life ahead. `number` tells this lot from others that are supposed.
    """
    goods = catalogue.item(session, item)
    lasts = expiry or (about.at + timedelta(days=goods.shelf_life_days)).date()
    lot = inventory.Stock(-number, item, "what if", lasts, False, inventory.site(session, depot).code, quantity)
    asked = [row for row in _requests(session, about.number).values() if row.item_code == item and row.validated]
    return snapshot.pool_of(session, goods, asked, [lot], at=about.at)


def _requests(session: Session, number: int) -> dict[int, Request]:
    results: Sequence[Any] = queries.plan_results(session, number)
    return queries.requests_by_number(session, {result.request_id for result in results})
