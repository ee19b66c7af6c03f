"""Problems and plans from files of strangers: every row is looked at before it is taken for what it says it is.

`problem_from_json` and `plan_from_json` trust what this package wrote. A file from elsewhere may lack a field, spell it
otherwise, or give 1.5 packs: here the first such fault is refused with the row and the field.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import date
from typing import Any

from optimizer.allocation.plan import Bottleneck, Bound, Line, Plan, Swap, plan_from_json
from optimizer.allocation.pool import Buffer, Claim, Drop, Lane, Lot, Picked, Pool, ProblemError
from optimizer.allocation.problem import (
    ClaimFacts,
    DispatchLimit,
    ItemPolicy,
    LaneLimit,
    Problem,
    StorageLimit,
    Substitute,
    problem_from_json,
)

_INSIDE: dict[tuple[type, str], type] = {
    (Problem, "dispatch"): DispatchLimit,
    (Problem, "vehicles"): LaneLimit,
    (Problem, "storage"): StorageLimit,
    (Problem, "substitutes"): Substitute,
    (Problem, "policies"): ItemPolicy,
    (ItemPolicy, "facts"): ClaimFacts,
    (Pool, "lots"): Lot,
    (Pool, "claims"): Claim,
    (Pool, "drops"): Drop,
    (Pool, "lanes"): Lane,
    (Pool, "buffers"): Buffer,
    (Pool, "picked"): Picked,
    (Plan, "swaps"): Swap,
}
"""What the rows of a list are."""


def problem_from_file(text: bytes | str) -> Problem:
    """The problem of a file. Raises ProblemError naming row and field where it is malformed or contradicts itself."""
    data = _object(text, "problem")
    _row(Problem, data, "problem", but=("pools",))
    for number, pool in enumerate(_list(data, "pools", "problem"), start=1):
        where = f"problem: pools, row {number}"
        if not isinstance(pool, dict):
            raise ProblemError(f"{where}: is not an object")
        if "columns" not in pool:
            _row(Pool, pool, where)
        else:
            _compact(pool, where)
    return problem_from_json(json.dumps(data))


def plan_from_file(text: bytes | str, problem: Problem) -> Plan:
    """The plan of a file beside its problem. Raises ProblemError naming row and field where it is malformed."""
    data = _object(text, "plan")
    _row(Plan, data, "plan", but=("pools", "bound"))
    for number, rows in enumerate(_list(data, "pools", "plan"), start=1):
        _shares(rows, f"plan: pools, row {number}")
    if data.get("bound"):
        bound = data["bound"]
        if not isinstance(bound, dict):
            raise ProblemError("plan: bound: is not an object")
        _row(Bound, bound, "plan: bound", but=("relaxed", "unshared", "blocks"))
        for number, rows in enumerate(bound.get("relaxed", ()), start=1):
            _shares(rows, f"plan: bound: relaxed, row {number}")
    try:
        return plan_from_json(json.dumps(data), problem)
    except (KeyError, TypeError) as failure:
        raise ProblemError(f"plan: {type(failure).__name__}: {failure}") from failure


def _object(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise ProblemError(f"{what}: is not JSON: {failure}") from failure
    if not isinstance(data, dict):
        raise ProblemError(f"{what}: is a {type(data).__name__}, not an object")
    return data


def _list(row: dict[str, Any], name: str, where: str) -> list[Any]:
    if name not in row:
        raise ProblemError(f"{where}: {name} is missing")
    if not isinstance(row[name], list):
        raise ProblemError(f"{where}: {name} is not a list")
    found: list[Any] = row[name]
    return found


def _row(kind: type, row: dict[str, Any], where: str, *, but: tuple[str, ...] = ()) -> None:
    """Every field is there, is known, and is of its kind; rows below it too."""
    known = {one.name: one for one in fields(kind)}
    strange = sorted(set(row) - set(known) - set(but))
    if strange:
        raise ProblemError(f"{where}: {strange[0]} is no field here")
    for name, one in known.items():
        if name in but:
            continue
        if name not in row:
            if one.default is MISSING:
                raise ProblemError(f"{where}: {name} is missing")
        elif (kind, name) in _INSIDE:
            _rows_below(_INSIDE[kind, name], _list(row, name, where), f"{where}: {name}")
        else:
            _value(str(one.type), row[name], f"{where}: {name}")


def _rows_below(kind: type, rows: list[Any], where: str) -> None:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise ProblemError(f"{where}, row {number}: is not an object")
        _row(kind, row, f"{where}, row {number}")


def _value(kind: str, value: Any, where: str) -> None:
    if kind == "int" and type(value) is not int:
        raise ProblemError(f"{where} is {json.dumps(value)}, not a whole number")
    if kind == "bool" and type(value) is not bool:
        raise ProblemError(f"{where} is {json.dumps(value)}, neither true nor false")
    if kind in ("str", "date") and not isinstance(value, str):
        raise ProblemError(f"{where} is {json.dumps(value)}, not a text")
    if kind == "date":
        try:
            date.fromisoformat(value)
        except ValueError as failure:
            raise ProblemError(f"{where} is {value!r}, not a day like 2030-01-31") from failure
    if kind.startswith("tuple") and not isinstance(value, list):
        raise ProblemError(f"{where} is not a list")


def _compact(pool: dict[str, Any], where: str) -> None:
    missing = [name for name in ("item", "shareable_packs", "sites", "lot_ids", "claim_ids") if name not in pool]
    if missing:
        raise ProblemError(f"{where}: {missing[0]} is missing")
    _columns(pool["columns"], where)


def _columns(columns: Any, where: str) -> None:
    if not isinstance(columns, dict):
        raise ProblemError(f"{where}: columns is not an object")
    for name, column in columns.items():
        if not isinstance(column, list) or any(type(one) is not int for one in column):
            raise ProblemError(f"{where}: columns: {name} is not a list of whole numbers")


def _shares(rows: Any, where: str) -> None:
    if not isinstance(rows, dict):
        raise ProblemError(f"{where}: is not an object")
    for name in ("item", "set_aside", "bottlenecks"):
        if name not in rows:
            raise ProblemError(f"{where}: {name} is missing")
    _rows_below(Bottleneck, _list(rows, "bottlenecks", where), f"{where}: bottlenecks")
    if "columns" in rows:
        _columns(rows["columns"], where)
        return
    _rows_below(Line, _list(rows, "lines", where), f"{where}: lines")
