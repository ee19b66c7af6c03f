"""A linear program that GLOP solves again and again from where it stands, spoken to in arrays.

MathOpt's public interface turns every answer into dictionaries of variables, which
takes longer here than solving; so this module hands its protocol buffers to the
solver itself (OR-Tools is pinned below the next minor version for that reason).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.glop import parameters_pb2 as glop
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    model_update_pb2,
    parameters_pb2,
    result_pb2,
    solution_pb2,
)
from ortools.math_opt.core.python import solver as core
from pybind11_abseil.status import StatusNotOk

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Entries = tuple[Ints, Ints, Floats]
"""Parallel arrays (row, column, coefficient)."""

GLOP = f"GLOP (OR-Tools {version('ortools')})"


_DUAL = parameters_pb2.SolveParametersProto(
    presolve=parameters_pb2.EMPHASIS_OFF, lp_algorithm=parameters_pb2.LP_ALGORITHM_DUAL_SIMPLEX
)
# Exact edge norms of all columns cost more than the few steps that are left once a basis stands.
_PRIMAL = parameters_pb2.SolveParametersProto(
    presolve=parameters_pb2.EMPHASIS_OFF,
    lp_algorithm=parameters_pb2.LP_ALGORITHM_PRIMAL_SIMPLEX,
    glop=glop.GlopParameters(
        optimization_rule=glop.GlopParameters.DANTZIG, feasibility_rule=glop.GlopParameters.DANTZIG
    ),
)


class SolverError(RuntimeError):
    """The solver failed, or called a program infeasible or unbounded that has a plan: its bug or ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An optimum: values per column, prices per row (at least zero for <= rows of a maximum), simplex steps."""

    objective: float
    values: Floats
    prices: Floats
    steps: int


def _model(most: Floats, row_least: Floats, row_most: Floats, entries: Entries, *, whole: int = 0) -> Any:
    model = model_pb2.ModelProto()
    columns = len(most)
    _extend(model.variables, ids=range(columns), lower_bounds=np.zeros(columns), upper_bounds=most)
    model.variables.integers.extend([at < whole for at in range(columns)])
    _extend(model.linear_constraints, ids=range(len(row_least)), lower_bounds=row_least, upper_bounds=row_most)
    row, column, coefficient = entries
    order = np.lexsort((column, row))
    _extend(
        model.linear_constraint_matrix,
        row_ids=row[order],
        column_ids=column[order],
        coefficients=coefficient[order],
    )
    model.objective.maximize = True
    return model


def joined(parts: Iterable[Entries]) -> Entries:
    """Parts of a matrix as one."""
    rows, columns, coefficients = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(coefficients)


class Program:
    """Maximise over 0 <= x <= most, subject to least <= A x <= most per row, with objectives that may change."""

    def __init__(self, most: Floats, row_least: Floats, row_most: Floats, entries: Entries) -> None:
        """`entries` are parallel arrays (row, column, coefficient), each place at most once."""
        self.columns = len(most)
        model = _model(most, row_least, row_most, entries)
        try:
            self._solver = core.new(parameters_pb2.SOLVER_TYPE_GLOP, model, parameters_pb2.SolverInitializerProto())
        except StatusNotOk as failure:
            raise SolverError(f"GLOP refuses the program: {failure}") from failure

    def fix(self, column: int, value: float) -> None:
        """Hold one column at a value from now on."""
        self.bound(np.array([column]), np.array([value]), np.array([value]))

    def bound(self, columns: Ints, least: Floats, most: Floats) -> None:
        """Keep some columns (ascending) within other bounds from now on."""
        update = model_update_pb2.ModelUpdateProto()
        _extend(update.variable_updates.lower_bounds, ids=columns, values=least)
        _extend(update.variable_updates.upper_bounds, ids=columns, values=most)
        self._update(update)

    def maximise(self, objective: Floats, *, dual: bool) -> Answer:
        """The optimum of one objective, by dual or primal simplex from the last basis.

        Raises SolverError for every end but an optimum.
        """
        update = model_update_pb2.ModelUpdateProto()
        _extend(update.objective_updates.linear_coefficients, ids=range(self.columns), values=objective)
        self._update(update)
        parameters = _DUAL if dual else _PRIMAL
        return _answer(self._call(parameters))

    def _call(self, parameters: parameters_pb2.SolveParametersProto) -> Any:
        no_callback = callback_pb2.CallbackRegistrationProto()
        try:
            return self._solver.solve(
                parameters, model_parameters_pb2.ModelSolveParametersProto(), None, no_callback, None, None
            )
        except StatusNotOk as failure:
            raise SolverError(f"GLOP failed: {failure}") from failure

    def _update(self, update: model_update_pb2.ModelUpdateProto) -> None:
        try:
            taken = self._solver.update(update)
        except StatusNotOk as failure:
            raise SolverError(f"GLOP refuses a change of the program: {failure}") from failure
        if not taken:
            raise SolverError("GLOP does not take a change of the program")


def whole_numbers(
    objective: Floats,
    most: Floats,
    row_least: Floats,
    row_most: Floats,
    entries: Entries,
    *,
    whole: int,
    gap: float,
    limit_seconds: float,
) -> Floats | None:
    """Values 0 <= x <= most that maximise within a relative gap, by HiGHS; None where it found none in time.

    The first `whole` columns are whole numbers.

    Raises SolverError where HiGHS fails.
    """
    model = _model(most, row_least, row_most, entries, whole=whole)
    _extend(model.objective.linear_coefficients, ids=range(len(most)), values=objective)
    parameters = parameters_pb2.SolveParametersProto(relative_gap_tolerance=gap)
    parameters.time_limit.FromNanoseconds(int(limit_seconds * 1e9))
    try:
        result = core.solve(
            model,
            parameters_pb2.SOLVER_TYPE_HIGHS,
            parameters_pb2.SolverInitializerProto(),
            parameters,
            model_parameters_pb2.ModelSolveParametersProto(),
            None,
            callback_pb2.CallbackRegistrationProto(),
            None,
            None,
        )
    except StatusNotOk as failure:
        raise SolverError(f"HiGHS failed: {failure}") from failure
    found = [one.primal_solution for one in result.solutions if one.HasField("primal_solution")]
    feasible = [one for one in found if one.feasibility_status == solution_pb2.SOLUTION_STATUS_FEASIBLE]
    if not feasible:
        return None
    values = np.array(feasible[0].variable_values.values)
    values[:whole] = np.round(values[:whole])
    return values


def _extend(target: Any, **fields: Any) -> None:
    for name, values in fields.items():
        getattr(target, name).extend(values)


def _answer(result: Any) -> Answer:
    reason = result.termination.reason
    if reason != result_pb2.TERMINATION_REASON_OPTIMAL:
        raise SolverError(f"GLOP ended with {result_pb2.TerminationReasonProto.Name(reason)}")
    solution = result.solutions[0]
    return Answer(
        objective=solution.primal_solution.objective_value,
        values=np.array(solution.primal_solution.variable_values.values),
        prices=np.array(solution.dual_solution.dual_values.values),
        steps=result.solve_stats.simplex_iterations,
    )
