"""Whole units in the order of their exact levels: a divisor method on the stretches of a round.

A stretch of width w has the rungs k = 0 .. w - 1, one for each unit; rung k stands at

    (foot + step k) / weight

with whole numbers foot, step and weight > 0: Webster's rule reads the level in the middle of
the unit, leximin at its foot. Levels are compared as floor(level 2^Q) with 2^Q at least
the square of the greatest weight: two different levels differ by 1 / weight^2 or more, so
their floors differ, and equal levels have equal floors. Numbers that would not fit into 64
bits are handled by Python's own integers, in the same lines of code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optimizer.sharing.rule import Rounding, Stretch

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SAFE_BITS = 61
_FEW = 64


@dataclass(frozen=True, slots=True)
class Ladder:
    """Stretches as rows: claim, phase, rungs, and the whole numbers of the levels; `bits` is Q."""

    claim: Ints
    phase: Ints
    rungs: Ints
    foot: Ints
    step: Ints
    weight: Ints
    bits: int
    size: int

    def part(self, kept: Flags) -> Ladder:
        """The rows of the claims in `kept`."""
        rows = kept[self.claim]
        return self if rows.all() else self._rows(rows)

    def _rows(self, rows: Flags) -> Ladder:
        return Ladder(
            claim=self.claim[rows],
            phase=self.phase[rows],
            rungs=self.rungs[rows],
            foot=self.foot[rows],
            step=self.step[rows],
            weight=self.weight[rows],
            bits=self.bits,
            size=self.size,
        )

    def per_claim(self, rungs: Ints) -> Ints:
        """Rungs of the rows added up per claim."""
        totals = np.zeros(self.size, dtype=np.int64)
        np.add.at(totals, self.claim, rungs.astype(np.int64))
        return totals

    def lowest(self, count: int) -> tuple[Ints, Ints]:
        """Per claim: rungs below the level of the `count`-th lowest rung, and (0 or 1) at it.

        0 < count <= all rungs together.
        """
        phase, earlier = self._phase_of(count)
        rows = self.phase == phase
        inner = self if rows.all() else self._rows(rows)
        below, tied = inner._lowest(count - earlier)
        full = self.per_claim(np.where(self.phase < phase, self.rungs, 0))
        return full + inner.per_claim(below), inner.per_claim(tied)

    def _phase_of(self, count: int) -> tuple[int, int]:
        """The phase of the `count`-th rung, and the rungs of the phases before it."""
        phases, where = np.unique(self.phase, return_inverse=True)
        sizes = np.zeros(len(phases), dtype=np.int64)
        np.add.at(sizes, where, self.rungs)
        reached = np.cumsum(sizes)
        at = int(np.searchsorted(reached, count))
        return int(phases[at]), int(reached[at] - sizes[at])

    def _lowest(self, count: int) -> tuple[Ints, Ints]:
        """The same within one phase, per row: halve the span of levels until few rungs are left, then look at each."""
        low = int((self._levels(np.zeros_like(self.rungs))).min())
        high = int((self._levels(self.rungs - 1)).max()) + 1
        few = max(_FEW, 4 * len(self.rungs))
        lower, upper = np.zeros_like(self.rungs), self.rungs
        while int(upper.sum()) - int(lower.sum()) > few and high - low > 1:
            middle = (low + high) >> 1
            under = self._under(middle)
            if int(under.sum()) >= count:
                high, upper = middle, under
            else:
                low, lower = middle, under
        return self._looked_at(lower, upper, count - int(lower.sum()))

    def _looked_at(self, lower: Ints, upper: Ints, count: int) -> tuple[Ints, Ints]:
        """The `count`-th of the rungs from `lower` to `upper`, each looked at."""
        spans = upper - lower
        row = np.repeat(np.arange(len(spans)), spans)
        first = np.cumsum(spans) - spans
        rung = np.arange(len(row)) - np.repeat(first, spans) + np.repeat(lower, spans)
        levels = ((self.foot[row] + self.step[row] * rung) << self.bits) // self.weight[row]
        pivot = np.sort(levels)[count - 1]
        size = len(spans)
        below = lower + np.bincount(row[levels < pivot], minlength=size)
        return below, np.bincount(row[levels == pivot], minlength=size).astype(np.int64)

    def _levels(self, rung: Ints) -> Ints:
        found: Ints = ((self.foot + self.step * rung) << self.bits) // self.weight
        return found

    def _under(self, bound: int) -> Ints:
        """Per row: how many rungs stand below bound / 2^Q."""
        over = bound * self.weight - (self.foot << self.bits)
        rungs = -((-over) // (self.step << self.bits))
        found: Ints = np.minimum(np.maximum(rungs, 0), self.rungs).astype(np.int64)
        return found


def ladder_of(stretches: list[Stretch], *, rounding: Rounding, size: int) -> Ladder:
    """Stretches of whole units as a ladder for `size` claims."""
    rows = [_row(one, rounding) for one in stretches]
    claim, phase, rungs, foot, step, weight = zip(*rows, strict=True) if rows else ((),) * 6
    common = math.gcd(*weight)
    weight = tuple(one // common for one in weight)
    bits = 2 * max(weight, default=1).bit_length()
    kind = np.int64 if _fits(rungs, foot, step, weight, bits=bits) else object
    return Ladder(
        claim=np.array(claim, dtype=np.int64),
        phase=np.array(phase, dtype=np.int64),
        rungs=np.array(rungs, dtype=np.int64),
        foot=np.array(foot, dtype=kind),
        step=np.array(step, dtype=kind),
        weight=np.array(weight, dtype=kind),
        bits=bits,
        size=size,
    )


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
