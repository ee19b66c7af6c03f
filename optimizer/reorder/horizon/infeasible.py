"""Which clauses cannot all be kept, smallest sets first, and the cheapest way out: `find_conflicts`.

A set of clauses whose breaking lets the rest be kept is a correction; every conflict shares a clause with every
correction. So: take the fewest clauses that meet all corrections known (a smallest hitting set), keep these alone, and
ask for the cheapest plan. If there is none, they are a smallest conflict; else what that plan breaks is one more
correction (Ignatiev, Previti, Liffiton and Marques-Silva 2015). The linear relaxation is asked first: what conflicts
there conflicts in earnest, at a fraction of the time; the whole-number program then says whether fewer do (of a large
problem for the lines that a known plan misses), and what is broken by how much is counted from its orders by the
checker's books. How small a conflict of a large problem is, is shown by plans (`witnesses`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from optimizer.reorder.horizon import conflict as told
from optimizer.reorder.horizon.conflict import Asked, Conflict, Finding, Way
from optimizer.reorder.horizon.elastic import Answer, Elastic
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import Problem
from optimizer.reorder.horizon.witnesses import Witnesses

LIMIT_SECONDS = 20.0
MOST_CONFLICTS = 3
LOOSE_GAP = 0.5
"""A correction need not be the cheapest."""
CHEAPEST_SHARE = 0.4
"""Of the time, what the cheapest relaxation may take."""

Ask = Callable[[frozenset[str], frozenset[str]], Answer]


@dataclass(frozen=True, slots=True)
class Question:
    """A problem, what is asked of it, and how long the answer may take (wall)."""

    problem: Problem
    asked: Asked
    limit_seconds: float


def answered(question: Question) -> Finding:
    """`find_conflicts` of one argument, for a child process."""
    return find_conflicts(question.problem, question.asked, limit_seconds=question.limit_seconds)


def find_conflicts(problem: Problem, asked: Asked = Asked(), *, limit_seconds: float = LIMIT_SECONDS) -> Finding:
    """What keeps the needs from being served, or that nothing does; the best told within the time (wall)."""
    deadline = time.monotonic() + limit_seconds
    late = told.told_beyond(problem, asked)
    loose = Elastic(problem, asked, whole=False)
    low = loose.solve((), seconds=limit_seconds * CHEAPEST_SHARE)
    conflicts = _conflicts(loose, None, asked, deadline) if low.over else ()
    wide = Elastic(problem, asked, whole=True, standing=None if asked.missed is None else asked.standing)
    best = wide.solve((), seconds=min(limit_seconds * CHEAPEST_SHARE, deadline - time.monotonic()))
    orders, ways = _cheaper(problem, asked, best)
    if ways == ():
        return Finding(True, (), (), 0, 0, late, orders)
    if not all(one.smallest for one in conflicts) or not conflicts:
        exact = wide if asked.missed is None else Elastic(problem, asked, whole=True)
        again = _conflicts(loose if low.over else None, exact, asked, deadline)
        conflicts = again if len(again) >= len(conflicts) else conflicts
    least = int(max(low.bound, best.bound if asked.missed is None else 0.0) + 0.5)
    made = _judged(Witnesses(wide, problem, asked, deadline), conflicts)
    servable = False if made or least else None
    cost = sum(way.cost_minor for way in ways or ())
    return Finding(servable, made, ways or (), cost, least if ways is None else min(least, cost), late, orders)


def _cheaper(problem: Problem, asked: Asked, best: Answer) -> tuple[tuple[Order, ...], tuple[Way, ...] | None]:
    """Orders that serve every need and what they break: those of the program, or of patching where these break less."""
    found = [best.orders] if best.state == "found" else []
    counted = [(told.exceeded(problem, asked, orders), orders) for orders in [*found, told.patched(problem, asked)]]
    able = [(sum(way.cost_minor for way in ways), orders, ways) for ways, orders in counted if ways is not None]
    if not able:
        return (), None
    _, orders, ways = min(able, key=lambda one: one[0])
    return orders, ways


def _conflicts(loose: Elastic | None, exact: Elastic | None, asked: Asked, deadline: float) -> tuple[Conflict, ...]:
    """Conflicts that share no clause, each as small as it could be shown to be, by the programs that are given."""
    found: list[Conflict] = []
    gone: frozenset[str] = frozenset()
    while len(found) < MOST_CONFLICTS and time.monotonic() < deadline:
        known = None if loose is None else _smallest(_asking(loose, deadline), gone, None)[0]
        fewer: frozenset[str] | None = None
        proven = len(known or ()) == 1
        if not proven and exact is not None:
            fewer, proven = _smallest(_asking(exact, deadline), gone, None if known is None else len(known))
        chosen = fewer or known
        if not chosen:
            break
        smallest = len(chosen) == 1 or (proven and asked.missed is None)
        found.append(Conflict(tuple(sorted(chosen)), smallest, smallest, ()))
        gone |= chosen
    return tuple(found)


def _asking(program: Elastic, deadline: float) -> Ask:
    def ask(hard: frozenset[str], gone: frozenset[str]) -> Answer:
        return program.solve(hard, dropped=gone, seconds=deadline - time.monotonic(), gap=LOOSE_GAP)

    return ask


def _smallest(ask: Ask, gone: frozenset[str], known: int | None) -> tuple[frozenset[str] | None, bool]:
    """(a conflict of fewer than `known` clauses without `gone`, if there is one; whether none of fewer is left)."""
    corrections: list[frozenset[str]] = []
    while True:
        chosen = _meeting(corrections)
        if known is not None and len(chosen) >= known:
            return None, True
        answer = ask(chosen, gone)
        if answer.state == "impossible":
            return chosen, True
        if answer.state == "unknown":
            return None, False
        broken = answer.over - chosen
        if not broken:
            return None, True
        corrections.append(broken)


def _meeting(corrections: list[frozenset[str]]) -> frozenset[str]:
    """The fewest clauses of which every correction has one."""
    from ortools.sat.python import cp_model  # here, for it brings pandas with it: a second of every command's start

    model = cp_model.CpModel()
    names = sorted({name for one in corrections for name in one})
    chosen = {name: model.new_bool_var(name) for name in names}
    for one in corrections:
        model.add_bool_or([chosen[name] for name in sorted(one)])
    model.minimize(sum(chosen.values()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    assert status == cp_model.OPTIMAL, "every correction has a clause"
    return frozenset(name for name, variable in chosen.items() if solver.value(variable))


def _judged(known: Witnesses, conflicts: tuple[Conflict, ...]) -> tuple[Conflict, ...]:
    """The conflicts with what each clause would have to give alone, and how small they are shown to be by plans."""
    found: list[Conflict] = []
    alone = [_alone(known, one) for one in conflicts]
    gone: frozenset[str] = frozenset()
    for one, ways in zip(conflicts, alone, strict=True):
        minimal, smallest = (True, True) if one.smallest else known.judged(frozenset(one.clauses), gone, _meeting)
        found.append(Conflict(one.clauses, smallest, minimal or smallest, ways))
        gone |= frozenset(one.clauses)
    return tuple(found)


def _alone(known: Witnesses, found: Conflict) -> tuple[Way, ...]:
    """What each of the clauses would have to give if all others were kept."""
    ways: list[Way] = []
    for clause in found.clauses:
        left = known.deadline - time.monotonic()
        if left <= 0:
            break
        others = [name for name in known.program.clauses if name != clause]
        answer = known.program.solve(others, seconds=left)
        if answer.state == "found":
            known.add(answer.orders)
            broken = told.exceeded(known.problem, known.asked, answer.orders)
            ways += [way for way in broken or () if way.clause == clause]
    return tuple(ways)
