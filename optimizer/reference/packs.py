"""Plans in whole packs (or whole units): the linear optimum over whole lots, rounding, then a search until the goal.

The goal: within 0.1 % of the linear optimum on service and weighted quantity, and within 1 % on cost. What was
reached, and how far the bound is, stands in the plan either way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from optimizer.reference.limits import Floats, Network, lines_of, network_of
from optimizer.reference.model import solve
from optimizer.reference.neighbours import improve
from optimizer.reference.program import GLOP, SolverError
from optimizer.reference.targets import HIGHS_ROUTES, Targets, by_highs, fair_by_highs, round_down, targets_of

if TYPE_CHECKING:
    from optimizer.reference.allocate import Draft, Task

STEPS = 400
"""Steps of the search when no time limit ends it."""
HIGHS_SECONDS = 20.0
DRAFT_SECONDS = 5.0
"""Drafts follow each other no faster: each is checked."""


def drafts(task: Task, say: Callable[[str], None]) -> Iterator[Draft]:
    """Ever better drafts in whole packs."""
    from optimizer.reference.allocate import Draft

    started = time.monotonic()
    network = network_of(task.problem, whole_packs=True)
    say(f"{network.size} routes, {network.height} limits that can bind")
    linear = solve(network, say)
    targets, cheap = targets_of(network, linear.quantities)
    certificates = (*linear.certificates[:2], cheap)
    say("the linear optimum is rounded to whole packs")
    for found in _plans(network, targets, until=started + task.limit_seconds):
        say(_standing(network, targets, found))
        seconds = {**linear.seconds, "whole packs": time.monotonic() - started}
        yield Draft(lines_of(network, found), certificates, f"{GLOP}, HiGHS, CP-SAT", seconds)


def _plans(network: Network, targets: Targets, *, until: float) -> Iterator[Floats]:
    best = round_down(network, targets, stop=lambda: time.monotonic() > until)
    yield best
    if network.size <= HIGHS_ROUTES and not targets.met(network, best):
        limit = max(0.1, min(HIGHS_SECONDS, (until - time.monotonic()) / 2))
        found = _exact(lambda: by_highs(network, targets, limit_seconds=limit))
        if found is not None:
            yield found
            return
        found = _exact(lambda: fair_by_highs(network, limit_seconds=limit))
        if found is not None and network.service(found).min() >= network.service(best).min():
            yield found
            return
    said, latest = time.monotonic(), best
    for latest in improve(network, targets, best, steps=STEPS, stop=lambda: time.monotonic() > until):
        if time.monotonic() - said > DRAFT_SECONDS:
            said = time.monotonic()
            best = latest
            yield best
    if latest is not best:
        yield latest


def _exact(search: Callable[[], Floats | None]) -> Floats | None:
    """What HiGHS finds; a failure of it leaves the search to others."""
    try:
        return search()
    except SolverError:
        return None


def _standing(network: Network, targets: Targets, quantities: Floats) -> str:
    short = int((targets.shortage(network, quantities) > 1e-6).sum())
    return f"municipalities below the goal of {targets.level:.6f}: {short}"
