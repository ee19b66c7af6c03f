"""Whole units in the order of their exact levels: a divisor method on the stretches of a round.

A stretch of width w has the rungs k = 0 .. w - 1, one for each unit; rung k stands at

    (foot + step k) / weight

with whole numbers foot, step and weight > 0: Webster's rule reads the level in the middle of
the unit, leximin at its foot. Levels are compared as floor(level 2^Q) with 2^Q at least
the square of the greatest weight: two different levels differ by 1 / weight^2 or more, so
their floors differ, and equal levels have equal floors. Numbers that would not fit into 64
bits are handled by Python's own integers, in the same lines of code.

The question is always for the n lowest rungs of some of the claims. Few rungs are put in order
once (`Listed`); of many, the level of the n-th is searched for by halving (`Searched`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.sharing.rule import Rounding, Stretch

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LISTED = 1 << 16
"""Up to so many rungs are put in order; more are searched."""

_SAFE_BITS = 61
_FEW = 64


class Ladder(Protocol):
    """The rungs of a round."""

    def lowest(self, kept: Flags, count: int) -> tuple[Ints, Ints]:
        """Of the claims `kept`: rungs per claim below the level of the `count`-th lowest, and (0 or 1) at it.

        0 < count <= rungs of these claims together.
        """

    def per_claim(self) -> Ints:
        """All rungs per claim."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Stretches as rows: claim, phase, rungs, and the whole numbers of the levels; `bits` is Q."""

    claim: Ints
    phase: Ints
    rungs: Ints
    foot: Ints
    step: Ints
    weight: Ints
    bits: int
    size: int

    def lowest(self, kept: Flags, count: int) -> tuple[Ints, Ints]:
        """Find the phase of the `count`-th rung, then its level in it."""
        inner = self._rows(kept[self.claim])
        phase, earlier = inner._phase_of(count)
        now = inner._rows(inner.phase == phase)
        below, tied = now._search(count - earlier)
        return inner._rows(inner.phase < phase).per_claim() + now._added(below), now._added(tied)

    def per_claim(self) -> Ints:
        """Rungs of the rows added up."""
        return self._added(self.rungs)

    def in_order(self) -> tuple[Ints, Ints]:
        """Every rung's claim and the number of its level, lowest first."""
        row, rung = _each(np.zeros_like(self.rungs), self.rungs)
        level, phase = self._levels(row, rung), self.phase[row]
        if level.dtype == object:
            level = np.unique(level, return_inverse=True)[1]
        order = np.lexsort((level, phase)) if (phase != phase[:1]).any() else np.argsort(level, kind="stable")
        phase, level = phase[order], level[order]
        new = np.ones(len(order), dtype=np.int64)
        new[1:] = (phase[1:] != phase[:-1]) | (level[1:] != level[:-1])
        return self.claim[row[order]], np.cumsum(new)

    def _rows(self, rows: Flags) -> Searched:
        if rows.all():
            return self
        return Searched(
            claim=self.claim[rows],
            phase=self.phase[rows],
            rungs=self.rungs[rows],
            foot=self.foot[rows],
            step=self.step[rows],
            weight=self.weight[rows],
            bits=self.bits,
            size=self.size,
        )

    def _added(self, rungs: Ints) -> Ints:
        totals = np.zeros(self.size, dtype=np.int64)
        np.add.at(totals, self.claim, rungs)
        return totals

    def _phase_of(self, count: int) -> tuple[int, int]:
        """The phase of the `count`-th rung, and the rungs of the phases before it."""
        phases, where = np.unique(self.phase, return_inverse=True)
        sizes = np.zeros(len(phases), dtype=np.int64)
        np.add.at(sizes, where, self.rungs)
        reached = np.cumsum(sizes)
        at = int(np.searchsorted(reached, count))
        return int(phases[at]), int(reached[at] - sizes[at])

    def _search(self, count: int) -> tuple[Ints, Ints]:
        """Within one phase, per row: halve the span of levels until few rungs are left, then look at each."""
        rows = np.arange(len(self.rungs))
        low = int(self._levels(rows, np.zeros_like(self.rungs)).min())
        high = int(self._levels(rows, self.rungs - 1).max()) + 1
        few = max(_FEW, 4 * len(self.rungs))
        lower, upper = np.zeros_like(self.rungs), self.rungs
        while int(upper.sum()) - int(lower.sum()) > few and high - low > 1:
            middle = (low + high) >> 1
            under = self._under(middle)
            if int(under.sum()) >= count:
                high, upper = middle, under
            else:
                low, lower = middle, under
        row, rung = _each(lower, upper)
        levels = self._levels(row, rung)
        pivot = np.sort(levels)[count - int(lower.sum()) - 1]
        below = lower + np.bincount(row[levels < pivot], minlength=len(rows))
        return below, np.bincount(row[levels == pivot], minlength=len(rows))

    def _levels(self, row: Ints, rung: Ints) -> Ints:
        found: Ints = ((self.foot[row] + self.step[row] * rung) << self.bits) // self.weight[row]
        return found

    def _under(self, bound: int) -> Ints:
        """Per row: how many rungs stand below bound / 2^Q."""
        over = bound * self.weight - (self.foot << self.bits)
        rungs = -((-over) // (self.step << self.bits))
        found: Ints = np.minimum(np.maximum(rungs, 0), self.rungs).astype(np.int64)
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """Every rung's claim and the number of its level, lowest first."""

    claim: Ints
    level: Ints
    size: int

    def lowest(self, kept: Flags, count: int) -> tuple[Ints, Ints]:
        """Count along the list."""
        mine = np.flatnonzero(kept[self.claim])
        pivot = self.level[mine[count - 1]]
        levels = self.level[mine]
        first, end = np.searchsorted(levels, pivot, "left"), np.searchsorted(levels, pivot, "right")
        claims = self.claim[mine[:end]]
        return (
            np.bincount(claims[:first], minlength=self.size),
            np.bincount(claims[first:], minlength=self.size),
        )

    def per_claim(self) -> Ints:
        """Rungs counted."""
        return np.bincount(self.claim, minlength=self.size)


def ladder_of(stretches: list[Stretch], *, rounding: Rounding, size: int, listed: int = LISTED) -> Ladder:
    """Stretches of whole units as a ladder for `size` claims; put in order if it has at most `listed` rungs."""
    searched = searched_of(stretches, rounding=rounding, size=size)
    if int(searched.rungs.sum()) > listed:
        return searched
    claim, level = searched.in_order()
    return Listed(claim=claim, level=level, size=size)


def searched_of(stretches: list[Stretch], *, rounding: Rounding, size: int) -> Searched:
    """Stretches of whole units as rows."""
    rows = [_row(one, rounding) for one in stretches]
    claim, phase, rungs, foot, step, weight = zip(*rows, strict=True) if rows else ((),) * 6
    common = math.gcd(*weight)
    weight = tuple(one // common for one in weight)
    bits = 2 * max(weight, default=1).bit_length()
    kind = np.int64 if _fits(rungs, foot, step, weight, bits=bits) else object
    return Searched(
        claim=np.array(claim, dtype=np.int64),
        phase=np.array(phase, dtype=np.int64),
        rungs=np.array(rungs, dtype=np.int64),
        foot=np.array(foot, dtype=kind),
        step=np.array(step, dtype=kind),
        weight=np.array(weight, dtype=kind),
        bits=bits,
        size=size,
    )


def _each(lower: Ints, upper: Ints) -> tuple[Ints, Ints]:
    """Row and number of every rung from `lower` on and before `upper`."""
    spans = upper - lower
    row = np.repeat(np.arange(len(spans)), spans)
    first = np.cumsum(spans) - spans
    return row, np.arange(len(row)) - (first - lower)[row]


def _row(one: Stretch, rounding: Rounding) -> tuple[int, int, int, int, int, int]:
    """Claim, phase, rungs, foot, step, weight; the level of rung k is (foot + step k) / weight."""
    foot, step, weight = one.start, 1, one.weight
    if not isinstance(foot, int) or not isinstance(weight, int):
        step = math.lcm(Fraction(foot).denominator, Fraction(weight).denominator)
        foot, weight = int(foot * step), int(weight * step)
    if rounding is Rounding.WEBSTER:
        foot, step, weight = 2 * foot + step, 2 * step, 2 * weight
    return one.claim, one.phase, int(one.width), foot, step, weight


def _fits(
    rungs: tuple[int, ...], foot: tuple[int, ...], step: tuple[int, ...], weight: tuple[int, ...], *, bits: int
) -> bool:
    """Whether every product that the search forms stays within 64 bits."""
    tops = [abs(f) + s * n for f, s, n in zip(foot, step, rungs, strict=True)]
    steepest = max((-(-top // w) for top, w in zip(tops, weight, strict=True)), default=0)
    widest = max(max(tops, default=0), (steepest + 1) * max(weight, default=1), max(step, default=1))
    return widest.bit_length() + bits <= _SAFE_BITS
