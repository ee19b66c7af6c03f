"""Dividing an estate by a policy: the exact shares, the whole awards, and what could not be promised.

The same rounds run twice: once in exact fractions without any rounding, once in whole packs.
Whole packs of one unit climb a ladder (`ladder`); of larger packs each is one rung, read at the
level of its middle (leximin: its foot), and a claimant whose next pack is more than what is left
takes no further part in the round. With one common pack no supply takes anything away from
anyone; with packs of several sizes that cannot be promised, and a note says so.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np

from optimizer.sharing.ladder import ladder_of
from optimizer.sharing.policy import Policy
from optimizer.sharing.problem import Claimant, Estate
from optimizer.sharing.repair import Claims, repaired
from optimizer.sharing.rule import Amount, Hold, Property, Round, Rounding, Scope, Stretch
from optimizer.sharing.water import levelled


class Note(NamedTuple):
    """What a reader of the plan must know: a code for machines and a sentence for people."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Division:
    """Awards in the order of the claimants: `exact` before rounding, packs and minimums; `awards` in whole units.

    `held` stays by rule, `left` because nobody could use it; awards, held and left add up to the supply.
    """

    policy: str
    policy_digest: str
    exact: tuple[Fraction, ...]
    awards: tuple[int, ...]
    held: int
    left: int
    set_aside: tuple[str, ...]
    notes: tuple[Note, ...]

    def canonical(self) -> bytes:
        """The division as canonical JSON: same estate, policy and seed, same bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str).encode()


def divide(policy: Policy, estate: Estate, *, seed: str | None = None) -> Division:
    """Divide the estate. Raises PolicyError where a fact that the policy weighs, or the lottery's seed, is missing."""
    claimants = estate.claimants
    everyone = Scope(claimants, tuple(range(len(claimants))))
    whole = _Whole(policy, claimants, order=policy.order(estate.item, claimants, seed=seed))

    outcomes: dict[frozenset[int], tuple[list[int], int]] = {}

    def shared(aside: frozenset[int]) -> list[int]:
        within = Scope(claimants, tuple(at for at in everyone.within if at not in aside))
        found, kept = run(policy, within, whole, supply=estate.supply, floor=estate.floor)
        outcomes[aside] = [int(one) for one in found], kept
        return outcomes[aside][0]

    aside = repaired(shared, claims_of(claimants))[1] if policy.repairs else frozenset[int]()
    if aside not in outcomes:
        shared(aside)
    awards, held = outcomes[aside]
    exact, _ = run(policy, everyone, Exact(claimants), supply=estate.supply, floor=estate.floor)
    return Division(
        policy=policy.name,
        policy_digest=policy.digest(),
        exact=tuple(Fraction(one) for one in exact),
        awards=tuple(awards),
        held=held,
        left=estate.supply - held - sum(awards),
        set_aside=tuple(claimants[at].id for at in sorted(aside)),
        notes=tuple(notes_on(policy, claimants, awards=awards, aside=aside)),
    )


def claims_of(claimants: Sequence[Claimant]) -> Claims:
    """What the repair of useful minimums needs to know of the claimants."""
    return Claims(
        useful=[min(one.useful, one.cap) for one in claimants],
        need=[one.cap for one in claimants],
        tier=[one.tier for one in claimants],
    )


# --- running the rounds ------------------------------------------------------------------------


class Backing(Protocol):
    """What rounds draw on: exact fractions, whole packs, or a network of lanes."""

    size: int
    pack: int
    """What is held back comes in packs of so many units."""

    def serve(self, one: Round, awarded: Sequence[Amount], limit: Amount) -> list[Amount]:
        """Awards of this round, `limit` units together at most."""

    def portion(self, base: Amount, portions: tuple[Fraction, ...], at: int) -> Amount:
        """The first `at` + 1 portions of the base together."""


def run(policy: Policy, scope: Scope, backing: Backing, *, supply: int, floor: int) -> tuple[list[Amount], int]:
    """Awards of all claimants, and the units held back."""
    awarded: list[Amount] = [0] * backing.size
    held = 0
    base: Amount = 0
    before: Amount = 0
    for move in policy.moves(scope):
        given = sum(awarded)
        left = supply - held - given
        if isinstance(move, Hold):
            kept = min(left, floor) if move.floor else 0
            packs = -int(-(left - kept) * move.part // backing.pack)
            held += int(min(left, kept + packs * backing.pack))
            continue
        if move.at == 0:
            base, before = left, given
        if move.portions:
            left = min(left, backing.portion(base, move.portions, move.at) - (given - before))
        gains = backing.serve(move, awarded, left)
        awarded = [had + gain for had, gain in zip(awarded, gains, strict=True)]
    return awarded, held


class Exact:
    """Rounds without rounding."""

    def __init__(self, claimants: tuple[Claimant, ...]) -> None:
        self.size = len(claimants)
        self.pack = _common_pack(claimants)

    def serve(self, one: Round, awarded: Sequence[Amount], limit: Amount) -> list[Amount]:
        """Everyone rises to the exact common level."""
        return list(levelled(one.stretches(awarded), limit, size=self.size))

    def portion(self, base: Amount, portions: tuple[Fraction, ...], at: int) -> Amount:
        """The exact parts."""
        return base * sum(portions[: at + 1])


def whole_portion(base: int, portions: tuple[Fraction, ...], at: int) -> int:
    """The first `at` + 1 of the whole portions that Webster's method makes of the base (ties: first portion).

    >>> [whole_portion(7, (Fraction(1, 2), Fraction(1, 2)), at) for at in (0, 1)]
    [4, 7]
    """
    rows = [Stretch(k, base, portion) for k, portion in enumerate(portions) if portion]
    parts = lowest_units(rows, base, rounding=Rounding.WEBSTER, order=list(range(len(portions))))
    return sum(parts[: at + 1])


def lowest_units(stretches: list[Stretch], count: int, *, rounding: Rounding, order: list[int]) -> list[int]:
    """The `count` lowest whole units of the stretches, per claim; equal levels by tie, then by `order`."""
    size = len(order)
    total = sum(int(one.width) for one in stretches)
    gains = [0] * size
    if count <= 0 or count >= total:
        for one in stretches if count > 0 else ():
            gains[one.claim] += int(one.width)
        return gains
    everyone = np.ones(size, dtype=np.bool_)
    below, tied = ladder_of(stretches, rounding=rounding, size=size).lowest(everyone, count)
    ties = {one.claim: one.tie for one in stretches}
    last = sorted(np.nonzero(tied)[0].tolist(), key=lambda at: (ties[at], order[at]))
    gains = [int(one) for one in below]
    for at in last[: count - int(below.sum())]:
        gains[at] += 1
    return gains


class _Whole:
    """Rounds in whole packs, as if every pack could reach everyone."""

    def __init__(self, policy: Policy, claimants: tuple[Claimant, ...], *, order: list[int]) -> None:
        self.size = len(claimants)
        self.pack = _common_pack(claimants)
        self._packs = [one.pack for one in claimants]
        self._order = order
        self._rounding = policy.rounding

    def serve(self, one: Round, awarded: Sequence[Amount], limit: Amount) -> list[Amount]:
        """The lowest packs, as many as the limit allows."""
        rounding = one.rounding or self._rounding
        rows = one.stretches(awarded)
        if all(self._packs[row.claim] == 1 for row in rows):
            return list(lowest_units(rows, int(limit), rounding=rounding, order=self._order))
        return list(self._lowest_packs(rows, int(limit), rounding))

    def portion(self, base: Amount, portions: tuple[Fraction, ...], at: int) -> Amount:
        """Whole parts by Webster's method, in packs where there is one size of them."""
        return self.pack * whole_portion(int(base) // self.pack, portions, at)

    def _lowest_packs(self, rows: list[Stretch], limit: int, rounding: Rounding) -> list[int]:
        ways: dict[int, list[Stretch]] = {}
        for row in sorted(rows, key=lambda row: row.phase):
            ways.setdefault(row.claim, []).append(row)
        queues = {at: _packs(way, self._packs[at], rounding) for at, way in ways.items()}
        waiting = [(*level, self._order[at], at) for at, queue in queues.items() for level in _next(queue)]
        heapq.heapify(waiting)
        gains = [0] * self.size
        while waiting:
            at = heapq.heappop(waiting)[-1]
            if self._packs[at] > limit:
                continue
            limit -= self._packs[at]
            gains[at] += self._packs[at]
            for level in _next(queues[at]):
                heapq.heappush(waiting, (*level, self._order[at], at))
        return gains


_Level = tuple[int, Fraction, int]


def _next(queue: Iterator[_Level]) -> list[_Level]:
    return [level for level in [next(queue, None)] if level is not None]


def _packs(way: list[Stretch], pack: int, rounding: Rounding) -> Iterator[_Level]:
    """Phase, level and tie of each pack along a claim's stretches of this round."""
    foot, ahead = Fraction(0), list(way)
    offset = Fraction(pack, 2) if rounding is Rounding.WEBSTER else Fraction(0)
    for first in range(0, int(sum(row.width for row in way)) - pack + 1, pack):
        place = first + offset
        while place >= foot + ahead[0].width and len(ahead) > 1:
            foot += ahead.pop(0).width
        row = ahead[0]
        yield row.phase, (place - foot + row.start) / row.weight, row.tie


def _common_pack(claimants: Sequence[Claimant]) -> int:
    """The pack of all who may get something, or 1 where there are several sizes."""
    packs = {one.pack for one in claimants if one.cap}
    return packs.pop() if len(packs) == 1 else 1


# --- what the plan must say --------------------------------------------------------------------


def notes_on(
    policy: Policy, claimants: Sequence[Claimant], *, awards: Sequence[int], aside: frozenset[int]
) -> Iterator[Note]:
    """Which promises could not be given or had to be broken, and who was kept out."""
    for one in claimants:
        if one.obstacle and any(step.id == "lawful" for step in policy.steps):
            yield Note("obstacle", f"{one.id} takes no part: {one.obstacle}.")
    packs = sorted({one.pack for one in claimants if one.cap})
    if len(packs) > 1:
        sizes = ", ".join(str(pack) for pack in packs[:-1]) + f" and {packs[-1]}"
        yield Note("mixed_packs", f"More supply, no less for anyone: not promised with packs of {sizes}.")
    short = [one for one, got in zip(claimants, awards, strict=True) if 0 < got < min(one.useful, one.cap)]
    if short:
        names = ", ".join(one.id for one in short)
        yield Note("below_useful", f"Less than is of use goes to {names}: the policy has no useful minimum.")
    for at in sorted(aside):
        yield Note("set_aside", f"{claimants[at].id} gets nothing: the share would be less than is of use.")
    yield from _lacking(policy)


def _lacking(policy: Policy) -> Iterator[Note]:
    for prop in Property:
        for step in policy.steps:
            if prop not in step.keeps:
                yield Note(f"not_kept:{prop.name.lower()}", f"The rule {step.name} does not keep: {prop.value}.")
