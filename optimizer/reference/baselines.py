"""The plain model in MathOpt, as its documentation suggests, for comparison: a variable per lot and municipality.

Three solves, one per stage, each keeping what was found before within 1e-6, with the
same solver and its own defaults; the status of every stage is checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ortools.math_opt.python import mathopt

from optimizer.reference.plan import Line, Plan
from optimizer.reference.problem import Problem

SOLVERS: dict[str, tuple[mathopt.SolverType, mathopt.LPAlgorithm | None]] = {
    "GLOP": (mathopt.SolverType.GLOP, None),
    "HiGHS simplex": (mathopt.SolverType.HIGHS, mathopt.LPAlgorithm.DUAL_SIMPLEX),
    "HiGHS interior point": (mathopt.SolverType.HIGHS, mathopt.LPAlgorithm.BARRIER),
    "PDLP": (mathopt.SolverType.PDLP, None),
}

KEPT = 1e-6


class NotSolved(RuntimeError):
    """A stage ended otherwise than optimal; the message names the stage and the status."""


@dataclass(frozen=True, slots=True)
class _Plain:
    model: mathopt.Model
    given: dict[tuple[str, str], mathopt.Variable]
    level: mathopt.Variable
    weighted: Any
    cost: Any


def plain_plan(problem: Problem, solver: str, *, limit_seconds: float = math.inf) -> Plan:
    """The plan of one of SOLVERS on the plain model; raises NotSolved where a stage is not optimal.

    `limit_seconds` (wall) holds for each stage.
    """
    plain = _plain(problem)
    kind, algorithm = SOLVERS[solver]
    parameters = mathopt.SolveParameters(lp_algorithm=algorithm)
    if limit_seconds < math.inf:
        parameters.time_limit = timedelta(seconds=limit_seconds)
    plain.model.maximize(plain.level)
    level = _optimum(plain, kind, parameters, "min_service").objective_value()
    plain.level.lower_bound = level * (1 - KEPT)
    plain.model.maximize(plain.weighted)
    weighted = _optimum(plain, kind, parameters, "weighted_served").objective_value()
    plain.model.add_linear_constraint(plain.weighted >= weighted * (1 - KEPT))
    plain.model.minimize(plain.cost)
    values = _optimum(plain, kind, parameters, "cost").variable_values()
    lines = [Line(lot, town, values[one]) for (lot, town), one in plain.given.items() if values[one] > KEPT / 10]
    return Plan(problem=problem.name, lines=tuple(lines), solver=solver)


def _optimum(
    plain: _Plain, kind: mathopt.SolverType, parameters: mathopt.SolveParameters, stage: str
) -> mathopt.SolveResult:
    try:
        result = mathopt.solve(plain.model, kind, params=parameters)
    except AttributeError as failure:  # MathOpt 9.15 masks every status of its solvers with this error
        raise NotSolved(f"{stage}: the solver refuses or fails") from failure
    if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
        raise NotSolved(f"{stage}: {result.termination.reason.name}")
    return result


def _plain(problem: Problem) -> _Plain:
    model = mathopt.Model(name=problem.name)
    level = model.add_variable(lb=0.0, name="level")
    given: dict[tuple[str, str], mathopt.Variable] = {}
    sums: dict[tuple[str, ...], list[Any]] = {}
    reach: dict[str, list[str]] = {}
    for depot, town in problem.lanes:
        reach.setdefault(depot, []).append(town)
    for name, lot in problem.lots.items():
        volume = problem.items[lot.item].unit_volume
        for town in reach.get(lot.depot, ()):
            if (town, lot.item) in problem.demands and problem.eligible(lot, problem.lanes[lot.depot, town]):
                one = given[name, town] = model.add_variable(lb=0.0)
                sums.setdefault(("lot", name), []).append(one)
                sums.setdefault(("demand", town, lot.item), []).append(one)
                sums.setdefault(("lane", lot.depot, town), []).append(volume * one)
                sums.setdefault(("depot", lot.depot), []).append(volume * one)
                sums.setdefault(("served", town), []).append(problem.items[lot.item].criticality * one)
    _limit(model, problem, sums)
    served = {town: mathopt.fast_sum(sums.get(("served", town), [])) for town in problem.needs()}
    for town, need in problem.needs().items():
        model.add_linear_constraint(served[town] * (1 / need / problem.municipalities[town]) >= level)
    return _Plain(model, given, level, mathopt.fast_sum(list(served.values())), _cost(problem, given))


def _limit(model: mathopt.Model, problem: Problem, sums: dict[tuple[str, ...], list[Any]]) -> None:
    limits: dict[tuple[str, ...], float] = {("lot", name): lot.quantity for name, lot in problem.lots.items()}
    limits |= {("demand", *pair): quantity for pair, quantity in problem.demands.items()}
    limits |= {("lane", *ends): lane.capacity for ends, lane in problem.lanes.items()}
    limits |= {("depot", name): capacity for name, capacity in problem.depots.items()}
    for key, limit in limits.items():
        if key in sums:
            model.add_linear_constraint(mathopt.fast_sum(sums[key]) <= limit)


def _cost(problem: Problem, given: dict[tuple[str, str], mathopt.Variable]) -> Any:
    costs = []
    for (name, town), one in given.items():
        lot = problem.lots[name]
        lane = problem.lanes[lot.depot, town]
        costs.append(problem.items[lot.item].unit_volume * lane.cost_per_litre * one)
    return mathopt.fast_sum(costs)
