"""How small a conflict is shown to be by plans that break other clauses: `Witnesses.judged`.

A plan that serves every need and breaks the clauses B, counted from its orders by the checker's books, shows that the
clauses outside B do not conflict. So every conflict has a clause of every such B: where the fewest clauses that meet
all B known are as many as a conflict has, no fewer conflict (it is a smallest one); where for each of its clauses a
plan keeps all its others, none of them can be left out (it is minimal). A plan that was sought with other lines'
orders standing is a plan all the same, so that this holds of large problems too; what is not found proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from optimizer.reorder.horizon import conflict as told
from optimizer.reorder.horizon.conflict import Asked
from optimizer.reorder.horizon.elastic import Elastic
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.problem import Problem

LOOSE_GAP = 0.5
"""Any plan that keeps the clauses will do."""

Meet = Callable[[list[frozenset[str]]], frozenset[str]]


class Witnesses:
    """What plans known so far break; asked for more while there is time (`deadline` of the monotonic clock)."""

    def __init__(self, program: Elastic, problem: Problem, asked: Asked, deadline: float) -> None:
        self.program, self.problem, self.asked, self.deadline = program, problem, asked, deadline
        self.broken: list[frozenset[str]] = []

    def add(self, orders: Iterable[Order]) -> None:
        """Remember what these orders break, if they serve every need."""
        ways = told.exceeded(self.problem, self.asked, tuple(orders))
        if ways is not None:
            self.broken.append(frozenset(way.clause for way in ways))

    def kept_by_one(self, clauses: frozenset[str]) -> bool:
        """Whether some plan serves every need and keeps these clauses, known or found now."""
        if not any(one.isdisjoint(clauses) for one in self.broken):
            left = self.deadline - time.monotonic()
            answer = self.program.solve(clauses, seconds=left, gap=LOOSE_GAP) if left > 0 else None
            if answer is not None and answer.state == "found":
                self.add(answer.orders)
        return any(one.isdisjoint(clauses) for one in self.broken)

    def judged(self, conflict: frozenset[str], gone: frozenset[str], meet: Meet) -> tuple[bool, bool]:
        """(whether none of its clauses can be left out, whether no fewer conflict), `gone` left aside."""
        minimal = all(self.kept_by_one(conflict - {one}) for one in sorted(conflict))
        while True:
            left = [one - gone for one in self.broken]
            if not all(left):
                return minimal, False
            fewest = meet(left)
            if len(fewest) >= len(conflict):
                return minimal, True
            if not self.kept_by_one(fewest):
                return minimal, False
