"""Where a surge may go from here, by what the last weeks reported: bells that turn now or later. Pure.

Reported waves are roughly bells: what they grow by falls by about as much every week, and they fall as they rose
(Farr 1840; Kermack and McKendrick 1927 for why). Nobody knows in time when one turns, so that one that grows is seen
as several courses that turn in none to three weeks more and are held equally likely. Which, and how fast a growth
is still believed, was chosen on generated waves (tests/benchmarks/waves.py), not on a wave that is played again.

Rates are thousandths: of an admission (or of a machine that fails) a day, and of a week's courses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from typing import Final

WEEK: Final = 7
WEEKS_BACK: Final = 4
"""Weeks that are looked back at."""
STEPS: Final = 2
"""Of them, the last growths that are averaged, where the last one alone is not higher."""
FASTEST: Final = 1.1
"""The quickest growth that is believed to go on, in natural logarithms a week: threefold, doubling in four and a half
days. What grows faster is few reports, or reporters that catch up."""
TURNS: Final = (0, 1, 2, 3)
"""The weeks after which a growing wave may turn, each as likely."""
FALLS: Final = (1.0, 0.5, 0.15)
"""What of its last fall a falling wave may keep, each as likely."""
WHOLE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """A way the surge may go: thousandths of an admission in each of the next weeks; its last one goes on."""

    weeks: tuple[int, ...]

    def until(self, day: int) -> int:
        """Thousandths of an admission before that day from today on.

        >>> Course((70, 140)).until(10)
        130
        """
        whole, rest = divmod(day, WEEK)
        last = self.weeks[-1]
        beyond = last * max(0, whole - len(self.weeks))
        following = self.weeks[whole] if whole < len(self.weeks) else last
        return sum(self.weeks[:whole]) + beyond + following * rest // WEEK


def growth(weeks: Sequence[Mapping[str, int]], *, fastest: float = FASTEST) -> float:
    """The last weekly growth or the mean of the last ones, whichever is higher, in natural logarithms.

    A week that falls by chance is no turn yet. 0.0 where nobody reported two weeks in a row.

    `weeks`: per week, oldest first, what each reported (thousandths). Only those that reported in both weeks of a step
    count, so that a reporter that joins is no growth.

    >>> round(growth([{"a": 100_000}, {"a": 200_000, "b": 500_000}]), 2)
    0.69
    """
    steps = []
    for before, after in list(pairwise(weeks))[-STEPS:]:
        both = before.keys() & after.keys()
        if both:
            old, new = sum(before[one] for one in both), sum(after[one] for one in both)
            steps.append(log((new + 1000) / (old + 1000)))
    return min(fastest, max(-fastest, steps[-1], sum(steps) / len(steps))) if steps else 0.0


def courses(level: int, grown: float, *, weeks: int, turns: Sequence[int] = TURNS) -> tuple[Course, ...]:
    """The courses, equally likely, of a surge that stands at `level` thousandths a week and grew by `grown`.

    >>> [one.weeks for one in courses(1000, 0.0, weeks=2)]
    [(1000, 1000)]
    """
    if grown > 0:
        return tuple(_course(level, [grown * _bent(week, turn) for week in range(weeks)]) for turn in turns)
    if grown < 0:
        return tuple(_course(level, [grown * kept] * weeks) for kept in FALLS)
    return (Course((level,) * weeks),)


def _bent(week: int, turn: int) -> float:
    """What is left of the growth in a week: none of it when the wave turns, and as much fall after as rise before."""
    return max(-1.0, 1.0 - (week + 0.5) / (turn + 0.5))


def _course(level: int, grown: Sequence[float]) -> Course:
    total, found = 0.0, []
    for one in grown:
        total += one
        found.append(round(level * exp(total)))
    return Course(tuple(found))


def expected(seen: Sequence[Course], days: int) -> int:
    """The mean over the courses of what is admitted (thousandths) in so many days."""
    return sum(one.until(days) for one in seen) // len(seen)


def at_most(seen: Sequence[Course], days: Mapping[int, int], *, ppm: int) -> int:
    """What is admitted (thousandths) in an uncertain number of days, at most in `ppm` millionths of the cases.

    `days`: how likely each number of days is, in thousandths.

    >>> at_most(courses(7000, 0.0, weeks=4), {7: 700, 14: 300}, ppm=900_000)
    14000
    """
    whole, passed = sum(days.values()) * len(seen), 0
    cases = sorted((one.until(count), chance) for one in seen for count, chance in days.items())
    for value, chance in cases:
        passed += chance
        if passed * WHOLE >= ppm * whole:
            return value
    return cases[-1][0]
