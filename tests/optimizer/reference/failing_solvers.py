"""Solvers that lie, die or never end, as the child process runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from optimizer.reference.allocate import Draft, Task
from optimizer.reference.plan import Line
from optimizer.reference.quick import quick_certificates, quick_lines


def honest_then_wrong(task: Task, emit: Callable[[object], None]) -> None:
    """A good draft, and then one that gives a lot twice."""
    emit(Draft(quick_lines(task.problem, whole_packs=False), quick_certificates(task.problem), "honest"))
    too_much(task, emit)


def too_much(task: Task, emit: Callable[[object], None]) -> None:
    """A plan that gives more than there is."""
    lines = quick_lines(task.problem, whole_packs=False)
    more = tuple(Line(one.lot, one.municipality, 2 * one.quantity + 1) for one in lines)
    emit(Draft(more, quick_certificates(task.problem), "liar"))


def dies(task: Task, emit: Callable[[object], None]) -> None:
    """The whole process ends, as solvers do that abort."""
    os.abort()


def never_ends(task: Task, emit: Callable[[object], None]) -> None:
    """Longer than any limit in the tests."""
    time.sleep(600)
