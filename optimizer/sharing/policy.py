"""A policy: rules in their stated order, with a version and a digest, written to JSON and read back.

    law -> reserve -> continuity -> entitlements -> tiers -> one sharing rule -> useful minimum -> ties

In strict order (a crisis of level 3 and more) tiers stand before continuity and entitlements, so that no
later tier gets anything while an earlier one is short; the policy then says `"strict": true`.
Transport cost is no step: routing takes awards as given. Ties go by the order of the claimants
unless a lottery is the last step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from typing import Any

from optimizer.sharing.problem import Claimant
from optimizer.sharing.rule import Move, Place, PolicyError, Property, Rounding, Rule, Scope
from optimizer.sharing.rules import rule_named

FORMAT = "policy/1"
"""The version of the written form."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An ordered composition of rules; refused with PolicyError where the order is not the stated one."""

    name: str
    steps: tuple[Rule, ...]
    strict: bool = False
    rounding: Rounding = Rounding.WEBSTER

    def __post_init__(self) -> None:
        sharing = [step.name for step in self.steps if step.place is Place.SHARING]
        if len(sharing) != 1:
            raise PolicyError(f"steps: a policy has one sharing rule, this one has {len(sharing)}: {sharing}")
        twice = {step.id for step in self.steps if sum(step.id == other.id for other in self.steps) > 1}
        if twice:
            raise PolicyError(f"steps: {min(twice)} stands there twice")
        for (_, earlier), (at, later) in pairwise(enumerate(self.steps)):
            if self._rank(later) < self._rank(earlier):
                hint = '; tiers before entitlements need "strict": true' if earlier.place is Place.TIERS else ""
                raise PolicyError(f"steps[{at}]: {later.name} may not come after {earlier.name}{hint}")

    def _rank(self, step: Rule) -> float:
        """The place of a step; in strict order tiers come just before continuity."""
        return Place.CONTINUITY - 0.5 if self.strict and step.place is Place.TIERS else float(step.place)

    @property
    def sharing(self) -> Rule:
        """The one sharing rule."""
        return next(step for step in self.steps if step.place is Place.SHARING)

    @property
    def keeps(self) -> frozenset[Property]:
        """What every step keeps, and so the policy, with one common pack."""
        return frozenset.intersection(*(step.keeps for step in self.steps))

    @property
    def repairs(self) -> bool:
        """Whether awards below the useful minimum are repaired."""
        return any(step.place is Place.REPAIR for step in self.steps)

    def moves(self, scope: Scope) -> Iterator[Move]:
        """What the steps do for a scope, in order."""
        return _moves(self.steps, scope)

    def order(self, item: str, claimants: tuple[Claimant, ...], *, seed: str | None) -> list[int]:
        """Ranks that settle ties: those of the lottery, or the order of the claimants."""
        drawn = [step.order(item, claimants, seed=seed) for step in self.steps]
        return next((ranks for ranks in drawn if ranks is not None), list(range(len(claimants))))

    def canonical(self) -> bytes:
        """The policy as canonical JSON (sorted keys, no spaces): equal policies, equal bytes."""
        written = {
            "format": FORMAT,
            "name": self.name,
            "rounding": self.rounding.value,
            "steps": [_written(step) for step in self.steps],
            "strict": self.strict,
        }
        return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def policy_of(rule: str) -> Policy:
    """The plain policy of one sharing rule ("talmud" or "talmud/1"), with lawfulness before it and no other step."""
    name = rule if "/" in rule else f"{rule}/1"
    kind = rule_named(name)
    if kind.place is not Place.SHARING:
        raise PolicyError(f"rule: {name} does not share by itself; it is a step of a policy")
    return Policy(name=kind.id, steps=(rule_named("lawful/1")(), kind()))


def policy_from_json(text: bytes | str) -> Policy:
    """Read what `Policy.canonical` wrote. Raises PolicyError that names the field and the reason."""
    try:
        data = json.loads(text)
    except ValueError as failure:
        raise PolicyError(f"policy: not JSON: {failure}") from failure
    row = _object("policy", data, required={"format", "name", "steps"}, allowed={"rounding", "strict"})
    if row["format"] != FORMAT:
        raise PolicyError(f"format: {row['format']!r} is not known, only {FORMAT}")
    if not isinstance(row["name"], str) or not row["name"]:
        raise PolicyError(f"name: {row['name']!r} is not a name")
    if not isinstance(row["steps"], list):
        raise PolicyError("steps: not a list")
    strict = row.get("strict", False)
    if not isinstance(strict, bool):
        raise PolicyError(f"strict: {strict!r} is not true or false")
    steps = tuple(_step(at, step) for at, step in enumerate(row["steps"]))
    return Policy(name=row["name"], steps=steps, strict=strict, rounding=_rounding(row.get("rounding", "webster")))


def _moves(steps: tuple[Rule, ...], scope: Scope) -> Iterator[Move]:
    if steps:
        yield from steps[0].moves(scope, lambda inner: _moves(steps[1:], inner))


def _written(step: Rule) -> dict[str, Any]:
    values = {field.name: getattr(step, field.name) for field in fields(step)}
    return {"rule": step.name} | {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Fraction) else value


def _step(at: int, data: object) -> Rule:
    where = f"steps[{at}]"
    if not isinstance(data, dict) or not isinstance(data.get("rule"), str):
        raise PolicyError(f"{where}: not an object with a rule")
    try:
        kind = rule_named(data["rule"])
    except PolicyError as failure:
        raise PolicyError(f"{where}.{failure}") from failure
    known = {field.name: str(field.type) for field in fields(kind)}
    row = _object(where, data, required={"rule"}, allowed=set(known))
    values = {name: _read(f"{where}.{name}", known[name], row[name]) for name in row if name != "rule"}
    try:
        return kind(**values)
    except PolicyError as failure:
        raise PolicyError(f"{where}: {failure}") from failure


def _object(where: str, data: object, *, required: set[str], allowed: set[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise PolicyError(f"{where}: not an object")
    if missing := sorted(required - data.keys()):
        raise PolicyError(f"{where}.{missing[0]}: missing")
    if strangers := sorted(data.keys() - required - allowed):
        raise PolicyError(f"{where}.{strangers[0]}: not known; known are {sorted(required | allowed)}")
    return data


def _read(where: str, kind: str, value: object) -> object:
    """A parameter by its declared type: texts, fractions ("3/10") and lists of fractions."""
    if kind == "str":
        if not isinstance(value, str):
            raise PolicyError(f"{where}: {value!r} is not a text")
        return value
    if kind == "Fraction":
        return _fraction(where, value)
    assert kind == "tuple[Fraction, ...]", f"a parameter of an unknown kind: {kind}"
    if not isinstance(value, list):
        raise PolicyError(f"{where}: {value!r} is not a list of fractions")
    return tuple(_fraction(f"{where}[{at}]", one) for at, one in enumerate(value))


def _fraction(where: str, value: object) -> Fraction:
    try:
        if isinstance(value, str):
            return Fraction(value)
    except (ValueError, ZeroDivisionError):
        pass
    raise PolicyError(f'{where}: {value!r} is not a fraction in quotes, such as "3/10"')


def _rounding(value: object) -> Rounding:
    try:
        return Rounding(value)
    except ValueError as failure:
        raise PolicyError(f"rounding: {value!r} is not known, only webster and leximin") from failure
