"""Strict reading of problems and plans from JSON: every value is asked for by name and kind."""

from __future__ import annotations

import json
import types
import typing
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from optimizer.reorder.horizon.plan import Plan
from optimizer.reorder.horizon.problem import Problem, ProblemError

Kind = TypeVar("Kind")
_NAMES = {int: "a whole number", str: "a text", bool: "true or false"}


def problem_from_json(text: bytes | str) -> Problem:
    """The problem in `text`; raises ProblemError that names the field and the reason."""
    return _from_json(Problem, text)


def plan_from_json(text: bytes | str) -> Plan:
    """The plan in `text`; raises ProblemError that names the field and the reason."""
    return _from_json(Plan, text)


def _from_json(kind: type[Kind], text: bytes | str) -> Kind:
    try:
        data = json.loads(text, object_pairs_hook=_unrepeated)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise ProblemError(f"the file is not JSON: {failure}") from None
    made: Kind = _made(kind, data, "")
    return made


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ProblemError(f"a key stands twice in one object that begins with {pairs[0][0][:60]!r}")
    return row


def _made(kind: Any, data: Any, place: str) -> Any:
    """One dataclass from one JSON object: no missing key, no unknown key, every value of its kind."""
    if not isinstance(data, dict):
        raise ProblemError(f"{place or 'the file'}: must be an object")
    kinds = typing.get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in data:
        if name not in known:
            raise ProblemError(f"{place or 'the file'}: {name[:60]!r} is no key of this format")
    values = {}
    for name, one in known.items():
        where = f"{place}.{name}" if place else name
        if name in data:
            values[name] = _value(kinds[name], data[name], where)
        elif one.default is MISSING:
            raise ProblemError(f"{where}: is missing")
    return kind(**values)


def _value(kind: Any, data: Any, place: str) -> Any:
    if typing.get_origin(kind) is types.UnionType:
        wanted = next(one for one in typing.get_args(kind) if one is not type(None))
        return None if data is None else _value(wanted, data, place)
    if typing.get_origin(kind) is tuple:
        if not isinstance(data, list):
            raise ProblemError(f"{place}: must be a list")
        inner = typing.get_args(kind)[0]
        return tuple(_value(inner, one, f"{place}[{at}]") for at, one in enumerate(data))
    if kind in _NAMES:
        if type(data) is not kind:
            raise ProblemError(f"{place}: must be {_NAMES[kind]}, not {str(data)[:60]!r}")
        return data
    return _made(kind, data, place)
