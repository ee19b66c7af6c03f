"""From a problem to a plan that was checked: solver in a child process, best plan so far at any end.

Nothing that a solver says is believed: every plan it hands over is judged by
`check`, every bound is computed by `bounds` from the multipliers it hands over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from optimizer.reference.bounds import proved_bounds
from optimizer.reference.check import Verdict, check
from optimizer.reference.plan import PROVED, STAGES, Certificate, Ending, Line, Plan, Stage
from optimizer.reference.problem import Problem, Whole
from optimizer.reference.quick import quick_certificates, quick_lines
from optimizer.streaming import ChildFailure, messages

Report = Callable[[str], None]

FOREVER = 1e9
HEARTBEAT_SECONDS = 5
_SECONDS_PER_ROUTE = 2e-5
"""What the plan without a solver, and checking, may take at the end of a time limit."""


class UnusableAnswer(RuntimeError):
    """A solver's plan breaks the problem's limits: it is not shown to anyone."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the child is asked for. `limit_seconds`: when its search for whole packs ends by itself."""

    problem: Problem
    whole: Whole
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan as a solver hands it over, before anyone has judged it."""

    lines: tuple[Line, ...]
    certificates: tuple[Certificate, ...]
    solver: str
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """The child's word that its search was ended by the limit, not by itself."""


def allocate(
    problem: Problem,
    *,
    whole: Whole = "",
    limit_seconds: float = FOREVER,
    report: Report = lambda words: None,
    child: Callable[[Task, Callable[[object], None]], None] | None = None,
) -> Plan:
    """The best plan that could be found and checked within the limit (wall seconds), with its bounds.

    `whole` asks for lines in multiples of the items' packs, or of one issue unit. `report` hears the progress in
    plain words. An interrupt (KeyboardInterrupt) ends the search like a time limit does; the plan's `ending` says
    which it was. `child` replaces the solver (a function of an importable module).
    """
    search = _Search(problem, whole, report)
    ending: Ending = "finished"
    try:
        search.run(child or improve, limit_seconds)
    except TimeoutError:
        ending = "time limit"
    except KeyboardInterrupt:
        ending = "interrupted"
    except (ChildFailure, UnusableAnswer) as failure:
        report(f"the solver is not used any more: {failure}")
        ending = "failed"
    return search.best(ending)


def improve(task: Task, emit: Callable[[object], None]) -> None:
    """The child's part: emit words of progress and ever better drafts."""
    if task.whole:
        from optimizer.reference.packs import drafts

        started = time.monotonic()
        for draft in drafts(task, emit):
            emit(draft)
        if time.monotonic() - started > task.limit_seconds:
            emit(OutOfTime())
        return
    from optimizer.reference.limits import lines_of, network_of
    from optimizer.reference.model import solve
    from optimizer.reference.program import GLOP

    network = network_of(task.problem)
    emit(f"{network.size} routes, {network.height} limits that can bind")
    solution = solve(network, emit)
    emit(Draft(lines_of(network, solution.quantities), solution.certificates, GLOP, solution.seconds))


class _Search:
    def __init__(self, problem: Problem, whole: Whole, report: Report) -> None:
        self.problem = problem.in_units() if whole == "units" else problem
        self.whole, self.report = whole, report
        self.started = time.monotonic()
        self.draft: tuple[Draft, Verdict] | None = None

    def run(self, child: Callable[[Task, Callable[[object], None]], None], limit_seconds: float) -> None:
        """Listen to the child until it has finished; raises TimeoutError at the limit."""
        reserve = min(limit_seconds / 2, _SECONDS_PER_ROUTE * 6 * len(self.problem.demands))
        deadline = self.started + limit_seconds - reserve
        task = Task(self.problem, self.whole, max(0.1, (limit_seconds - reserve) * 0.9))
        with messages(child, task) as until:
            beat = time.monotonic()
            for message in until(deadline - time.monotonic()):
                if isinstance(message, OutOfTime):
                    raise TimeoutError
                if isinstance(message, Draft):
                    self.judge(message)
                elif message is not None:
                    self.tell(str(message))
                elif time.monotonic() - beat >= HEARTBEAT_SECONDS:
                    beat = time.monotonic()
                    self.tell("still solving" if self.draft is None else "still improving")
            if time.monotonic() >= deadline:
                raise TimeoutError

    def judge(self, draft: Draft) -> None:
        """Keep a draft that is feasible and no worse; raises UnusableAnswer for one that breaks a limit."""
        verdict = check(self.problem, Plan(self.problem.name, draft.lines))
        if not verdict.feasible:
            raise UnusableAnswer(f"its plan breaks a limit: {verdict.violations[0]}")
        if self.whole and verdict.lines_not_whole_packs:
            raise UnusableAnswer(f"its plan has {verdict.lines_not_whole_packs} lines that are not whole {self.whole}")
        self.draft = (draft, verdict)
        self.tell(
            f"a plan: lowest service {verdict.min_service:.6f}, weighted quantity {verdict.weighted_served:.2f}, "
            f"cost {verdict.cost:.2f}"
        )

    def best(self, ending: Ending) -> Plan:
        """The plan to hand over: the best draft, or one without a solver."""
        if self.draft is None:
            self.tell("no plan from the solver: demands are filled pass by pass instead")
            lines = quick_lines(self.problem, whole_packs=bool(self.whole))
            self.judge(Draft(lines, quick_certificates(self.problem), "none"))
        assert self.draft is not None, "the plan without a solver is judged like any other"
        draft, verdict = self.draft
        return Plan(
            problem=self.problem.name,
            lines=draft.lines,
            problem_sha256=self.problem.sha256,
            whole=self.whole,
            ending=ending,
            stages=stages_of(self.problem, draft.certificates, verdict, whole_packs=bool(self.whole)),
            certificates=draft.certificates,
            solver=draft.solver,
            seconds={**draft.seconds, "all": time.monotonic() - self.started},
        )

    def tell(self, words: str) -> None:
        """Progress with the seconds since the start."""
        self.report(f"{time.monotonic() - self.started:6.1f} s  {words}")


def stages_of(
    problem: Problem, certificates: tuple[Certificate, ...], verdict: Verdict, *, whole_packs: bool
) -> tuple[Stage, ...]:
    """What the certificates prove about a judged plan, stage by stage."""
    values = (verdict.min_service, verdict.weighted_served, verdict.cost)
    bounds = proved_bounds(
        problem, certificates, min_service=values[0], weighted_served=values[1], whole_packs=whole_packs
    )
    return tuple(map(_stage, STAGES, values, bounds))


def _stage(name: str, value: float, bound: float) -> Stage:
    larger = max(abs(value), abs(bound))
    gap = abs(bound - value) / larger if larger > 0 and math.isfinite(larger) else 0.0 if value == bound else 1.0
    return Stage(
        name=name,
        status="optimal" if gap <= PROVED else "feasible",
        value=value,
        bound=bound,
        gap=gap,
        source="multipliers in `certificates`, for plans that keep the values of the stages before",
    )
