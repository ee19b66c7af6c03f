"""What may be shared among whom: frozen, and refused when it contradicts itself.

A problem is a list of pools, one per item, and what the items share: the volume
that a depot can dispatch, a vehicle on a lane can carry, and a receiver can store; and which item may
stand in for another. Each pool is a `Pool` (any lanes) or a `CompactPool` (a whole
region in columns). The JSON form writes a field only where it differs from its default: problems
written before a field existed are read, and digest, as they did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import Any, SupportsIndex

from optimizer.allocation.compact import CompactPool, compact_from_row
from optimizer.allocation.pool import (
    LARGEST_COST,
    LARGEST_PACKS,
    Buffer,
    Claim,
    Drop,
    Lane,
    Lot,
    Picked,
    Pool,
    ProblemError,
    refuse_duplicates,
    refuse_strangers,
)

__all__ = [
    "LARGEST_COST",
    "LARGEST_PACKS",
    "RULE",
    "Buffer",
    "Claim",
    "ClaimFacts",
    "CompactPool",
    "DispatchLimit",
    "Drop",
    "ItemPolicy",
    "Lane",
    "LaneLimit",
    "Lot",
    "Picked",
    "Pool",
    "Problem",
    "ProblemError",
    "StorageLimit",
    "Substitute",
    "problem_from_json",
]

RULE = "leximin/1"
"""The sharing rule that this version knows; a problem that names another is not solved."""


@dataclass(frozen=True, slots=True)
class DispatchLimit:
    """A depot can dispatch this volume of all items together."""

    site: str
    volume: int


@dataclass(frozen=True, slots=True)
class LaneLimit:
    """The vehicles from a depot to a municipality carry this volume of all items together."""

    site: str
    municipality: str
    volume: int


@dataclass(frozen=True, slots=True)
class StorageLimit:
    """A municipality can store this volume of all items together."""

    municipality: str
    volume: int


@dataclass(frozen=True, slots=True)
class Substitute:
    """`packs` packs of `lot` of item `of` stand in for `counts_as` packs of `item` at `drop`, whole swaps only.

    Substitutes come from what the claims on `of` leave; `cost` is in minor money units per swap.
    """

    of: str
    lot: str
    item: str
    drop: str
    packs: int
    counts_as: int
    cost: int = 0


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What a policy may weigh about a claim besides its need: inhabitants, packs asked for, and packs guaranteed."""

    claim: str
    people: int = 0
    requested: int = 0
    entitled: int = 0


@dataclass(frozen=True, slots=True)
class ItemPolicy:
    """The policy by which one item is shared in place of the problem's rule.

    `policy` is the canonical JSON of `optimizer.sharing.policy`, `seed` the opened seed of its lottery, if it has one.
    """

    item: str
    policy: str
    seed: str = ""
    facts: tuple[ClaimFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """All pools shared in one decision, under one named rule version; `policies` name the items shared otherwise."""

    rule: str
    pools: tuple[Pool | CompactPool, ...]
    dispatch: tuple[DispatchLimit, ...] = ()
    vehicles: tuple[LaneLimit, ...] = ()
    storage: tuple[StorageLimit, ...] = ()
    substitutes: tuple[Substitute, ...] = ()
    policies: tuple[ItemPolicy, ...] = ()

    def __post_init__(self) -> None:
        refuse_duplicates("problem", "item", (pool.item for pool in self.pools))
        refuse_duplicates("problem", "dispatch limit", (one.site for one in self.dispatch))
        refuse_duplicates("problem", "lane limit", ((one.site, one.municipality) for one in self.vehicles))
        refuse_duplicates("problem", "storage limit", (one.municipality for one in self.storage))
        _refuse_volumes((*self.dispatch, *self.vehicles, *self.storage))
        _refuse_substitutes(self)
        _refuse_policies(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickled as its canonical JSON, four times as fast as object by object; columns are quick as they are."""
        if any(isinstance(pool, CompactPool) for pool in self.pools):
            return object.__reduce_ex__(self, protocol)
        return problem_from_json, (self.canonical(),)

    def shared_limits(self) -> bool:
        """Whether anything but the pools' own stock is shared: then items are not independent of one another."""
        return bool(self.dispatch or self.vehicles or self.storage or self.substitutes)

    def canonical(self) -> bytes:
        """The problem as canonical JSON (sorted keys, no spaces): equal problems, equal bytes."""
        return _text(self, CompactPool.row).encode()

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the canonical JSON (the columns of compact pools replaced by their own)."""
        return hashlib.sha256(_text(self, CompactPool.digest_row).encode()).hexdigest()


# `minimum_packs` was always written.
_DEFAULTS = {
    kind: {one.name: one.default for one in fields(kind) if one.default is not MISSING and one.name != "minimum_packs"}
    for kind in (
        *(Lot, Claim, Drop, Lane, Buffer, Picked, Pool),
        *(DispatchLimit, LaneLimit, StorageLimit, Substitute, ClaimFacts, ItemPolicy, Problem),
    )
}
_NOTHING = object()


def _text(problem: Problem, compact: Callable[[CompactPool], object]) -> str:
    pools = (_json(compact(p)) if isinstance(p, CompactPool) else _pool_text(p) for p in problem.pools)
    return _object(problem, {"pools": f"[{','.join(pools)}]"})


def _pool_text(pool: Pool) -> str:
    """A pool has ten times as many lanes as anything else: these are put together by hand."""
    names = {name: _json(name) for name in (*(lot.id for lot in pool.lots), *(drop.id for drop in pool.drops))}
    lanes = [f'{{"cost":{a.cost},"drop":{names[a.drop]},"lot":{names[a.lot]}}}' for a in pool.lanes]
    return _object(pool, {"lanes": f"[{','.join(lanes)}]"})


def _object(value: Problem | Pool, known: dict[str, str]) -> str:
    defaults = _DEFAULTS[type(value)]
    fields_ = {name: getattr(value, name) for name in value.__slots__ if name not in known}
    said = {name: _json(one) for name, one in fields_.items() if one != defaults.get(name, _NOTHING)} | known
    return f"{{{','.join(f'{_json(name)}:{said[name]}' for name in sorted(said))}}}"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """What json cannot write by itself, fields at their default left out."""
    if isinstance(value, date):
        return value.isoformat()
    defaults = _DEFAULTS[type(value)]
    said = ((name, getattr(value, name)) for name in value.__slots__)
    return {name: one for name, one in said if one != defaults.get(name, _NOTHING)}


def problem_from_json(text: bytes | str) -> Problem:
    """Read what `Problem.canonical` wrote; raises ProblemError where it contradicts itself."""
    data = json.loads(text)
    return Problem(
        rule=data["rule"],
        pools=tuple(compact_from_row(row) if "columns" in row else _pool(row) for row in data["pools"]),
        dispatch=tuple(DispatchLimit(**row) for row in data.get("dispatch", ())),
        vehicles=tuple(LaneLimit(**row) for row in data.get("vehicles", ())),
        storage=tuple(StorageLimit(**row) for row in data.get("storage", ())),
        substitutes=tuple(Substitute(**row) for row in data.get("substitutes", ())),
        policies=tuple(_policy(row) for row in data.get("policies", ())),
    )


def _policy(row: dict[str, Any]) -> ItemPolicy:
    return ItemPolicy(**{**row, "facts": tuple(ClaimFacts(**one) for one in row.get("facts", ()))})


def _pool(row: dict[str, Any]) -> Pool:
    return Pool(
        item=row["item"],
        shareable_packs=row["shareable_packs"],
        lots=tuple(Lot(**{**lot, "expiry": date.fromisoformat(lot["expiry"])}) for lot in row["lots"]),
        claims=tuple(Claim(**claim) for claim in row["claims"]),
        drops=tuple(Drop(**drop) for drop in row["drops"]),
        lanes=tuple(Lane(**lane) for lane in row["lanes"]),
        buffers=tuple(Buffer(**one) for one in row.get("buffers", ())),
        picked=tuple(Picked(**one) for one in row.get("picked", ())),
        unit_volume=row.get("unit_volume", 0),
    )


def _refuse_volumes(limits: Iterable[DispatchLimit | LaneLimit | StorageLimit]) -> None:
    for limit in limits:
        if limit.volume < 0:
            raise ProblemError(f"problem: {limit} is below zero")


def _refuse_substitutes(problem: Problem) -> None:
    if not problem.substitutes:
        return
    lots = {pool.item: {lot.id for lot in pool.lots} for pool in problem.pools}
    drops = {pool.item: {drop.id for drop in pool.drops} for pool in problem.pools}
    refuse_duplicates("problem", "substitute", ((one.of, one.lot, one.item, one.drop) for one in problem.substitutes))
    for one in problem.substitutes:
        refuse_strangers(one.of, "substitute", "lot", [one.lot], lots.get(one.of, set()))
        refuse_strangers(one.item, "substitute", "drop", [one.drop], drops.get(one.item, set()))
        if one.packs < 1 or one.counts_as < 1 or one.of == one.item or not 0 <= one.cost <= LARGEST_COST:
            raise ProblemError(f"{one.of}: lot {one.lot} cannot stand in for {one.item} as {one}")


def _refuse_policies(problem: Problem) -> None:
    """A policy is for an item of the problem, with facts about its claims; substitutes know the problem's rule only."""
    if not problem.policies:
        return
    claims = {pool.item: {claim.id for claim in pool.claims} for pool in problem.pools}
    refuse_duplicates("problem", "policy", (one.item for one in problem.policies))
    for one in problem.policies:
        if one.item not in claims:
            raise ProblemError(f"problem: there is a policy for {one.item}, which is not shared here")
        _refuse_facts(one, claims[one.item])
    named = {one.item for one in problem.policies}
    for pool in problem.pools:
        if pool.item in named and isinstance(pool, Pool):
            _refuse_promised(pool)
    swapped = next((one for one in problem.substitutes if {one.item, one.of} & named), None)
    if swapped is not None:
        raise ProblemError(f"problem: {swapped.of} stands in for {swapped.item}, and a policy shares one of them")


def _refuse_facts(one: ItemPolicy, claims: set[str]) -> None:
    refuse_duplicates(one.item, "facts about", (fact.claim for fact in one.facts))
    refuse_strangers(one.item, "facts", "claim", (fact.claim for fact in one.facts), claims)
    if any(fact.people < 0 or fact.requested < 0 or fact.entitled < 0 for fact in one.facts):
        raise ProblemError(f"{one.item}: a fact about a claim is below zero")


def _refuse_promised(pool: Pool) -> None:
    """What a policy shares is promised by its own steps, from facts; promises of the pool would go before its law."""
    promised = [claim.id for claim in pool.claims if claim.entitled_packs or claim.protected_packs]
    if promised or pool.picked:
        what = f"claim {promised[0]} is promised packs" if promised else "packs are picked"
        raise ProblemError(f"{pool.item}: {what} beside a policy, which knows entitlements as facts only")
