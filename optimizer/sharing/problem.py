"""What is shared among whom, for the rules of sharing: frozen, whole units, and refused when it contradicts itself.

An estate is one item's stock and the claims on it, as if every pack could reach every
claimant (`network` knows the lanes). All quantities are whole units of the item, and
`pack` says in how many units a claimant can take it; weights such as people, severity
and burdens are whole numbers too: nothing is ever rounded before the award itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

LARGEST = 10**15
"""Upper limit of every quantity and weight: a larger one is a slip of the keyboard."""

_COUNTS = ("requested", "validated", "people", "entitled", "severity", "committed", "useful")


class EstateError(ValueError):
    """An estate that contradicts itself; the message names the item, the claimant, the field and the reason."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """One claim on the item, in units, with the facts that rules weigh; what no rule of a policy reads may stay 0.

    `requested` and `validated`: asked for, and found justified; nobody gets more than the lesser.
    `people`: inhabitants. `entitled`: paid for or guaranteed. `tier`: 1 is served first.
    `severity`: the crisis's weight here. `burdens`: one figure per factor of a composite burden.
    `committed`: needed to carry on what has been begun. `useful`: fewer units are of no use.
    `pack`: awards are multiples of it. `cedes`, `draws`: gives to, or is served from, a solidarity pot.
    `harm`: steps (units, harm avoided per unit), each worth less per unit than the one before.
    `obstacle`: why the law or the goods forbid any award; empty if nothing does.
    """

    id: str
    requested: int
    validated: int
    people: int = 0
    entitled: int = 0
    tier: int = 1
    severity: int = 0
    burdens: tuple[int, ...] = ()
    committed: int = 0
    useful: int = 0
    pack: int = 1
    cedes: bool = False
    draws: bool = False
    harm: tuple[tuple[int, int], ...] = ()
    obstacle: str = ""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            _refuse_unless_count(self.id, name, getattr(self, name), least=0)
        for name in ("tier", "pack"):
            _refuse_unless_count(self.id, name, getattr(self, name), least=1)
        for burden in self.burdens:
            _refuse_unless_count(self.id, "burdens", burden, least=0)
        _refuse_harm(self)

    @property
    def cap(self) -> int:
        """The most that this claimant may get."""
        return min(self.requested, self.validated)


@dataclass(frozen=True, slots=True)
class Estate:
    """So many units of one item, of which `floor` may not leave, and the claimants in the order that settles ties."""

    item: str
    supply: int
    claimants: tuple[Claimant, ...]
    floor: int = 0

    def __post_init__(self) -> None:
        _refuse_unless_count(self.item, "supply", self.supply, least=0)
        _refuse_unless_count(self.item, "floor", self.floor, least=0)
        seen: set[str] = set()
        for claimant in self.claimants:
            if claimant.id in seen:
                raise EstateError(f"{self.item}: claimant {claimant.id} is given twice")
            seen.add(claimant.id)
        if len({len(claimant.burdens) for claimant in self.claimants}) > 1:
            raise EstateError(f"{self.item}: burdens: not every claimant has the same number of factors")


def facts_from_json(text: bytes | str) -> dict[str, dict[str, Any]]:
    """Facts about claimants by municipality or claim: `{"BE-61012": {"people": 7034}, ...}`, fields as in `Claimant`.

    Raises EstateError that names the row and the field.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise EstateError("facts: not an object of municipalities and claims")
    known = {field.name for field in fields(Claimant)} - {"id", "validated", "tier", "useful", "pack"}
    for name, row in data.items():
        if not isinstance(row, dict):
            raise EstateError(f"facts: {name}: not an object of facts")
        for field in row:
            if field not in known:
                raise EstateError(f"facts: {name}: {field} is no fact about a claimant; known are {sorted(known)}")
    return {name: _typed(name, row) for name, row in data.items()}


def _typed(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with lists as tuples; flags and texts must be such."""
    typed: dict[str, Any] = {}
    for field, value in row.items():
        if field in ("cedes", "draws") and not isinstance(value, bool):
            raise EstateError(f"facts: {name}: {field} is {value!r}, not true or false")
        if field == "obstacle" and not isinstance(value, str):
            raise EstateError(f"facts: {name}: {field} is {value!r}, not a text")
        if field in ("burdens", "harm") and not isinstance(value, list):
            raise EstateError(f"facts: {name}: {field} is {value!r}, not a list")
        if field == "harm":
            typed[field] = tuple(tuple(step) if isinstance(step, list) else step for step in value)
        else:
            typed[field] = tuple(value) if field == "burdens" else value
    return typed


def _refuse_unless_count(name: str, field: str, value: object, *, least: int) -> None:
    if type(value) is not int or not least <= value <= LARGEST:
        raise EstateError(f"{name}: {field} is {value!r}, not a whole number from {least} to {LARGEST}")


def _refuse_harm(claimant: Claimant) -> None:
    for step in claimant.harm:
        if not isinstance(step, tuple) or len(step) != 2:
            raise EstateError(f"{claimant.id}: harm: {step!r} is not a pair of units and harm avoided per unit")
        _refuse_unless_count(claimant.id, "harm: units", step[0], least=1)
        _refuse_unless_count(claimant.id, "harm: avoided per unit", step[1], least=1)
    if any(later[1] >= earlier[1] for earlier, later in pairwise(claimant.harm)):
        raise EstateError(f"{claimant.id}: harm: a later step avoids as much per unit as an earlier one, or more")
