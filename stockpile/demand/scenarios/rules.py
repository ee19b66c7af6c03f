"""Curves of supposed surges and years, worked out in whole numbers where they become quantities. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

EPIDEMIC: Final = "epidemic"
OUTAGE: Final = "outage"
PAST_WAVE: Final = "past_wave"
FILE: Final = "file"
YEARS: Final = "years"

LONGEST_DAYS: Final = 730
SPIKE: Final = 3.0


def epidemic(
    *, population: int, first_cases: int, doubling_days: float, infectious_days: float, share_milli: int, days: int
) -> list[int]:
    """Admissions per day (thousandths) of an epidemic that runs its course in a population.

    The simplest model that turns by itself (Kermack and McKendrick 1927): with
    gamma = 1/infectious_days and beta = gamma + ln 2 / doubling_days, people
    pass from susceptible to infectious to removed; `share_milli` thousandths of
    those infected are admitted. Ten steps a day.
    """
    steps = 10
    gamma = 1.0 / infectious_days
    beta = gamma + 0.6931471805599453 / doubling_days
    well, ill, admitted = float(population - first_cases), float(first_cases), []
    for _ in range(days):
        new = 0.0
        for _ in range(steps):
            infected = min(well, beta * well * ill / population / steps)
            well, ill, new = well - infected, ill + infected - gamma * ill / steps, new + infected
        admitted.append(round(new * share_milli))
    return admitted


def outage(
    *, machines: int, failures_per_thousand_days: int, loss_of_power_days: Sequence[int], factor: int, days: int
) -> list[int]:
    """Parts needed per day (thousandths): machines fail at their usual rate, `factor` times it while power is out.

    `loss_of_power_days`: the days (0 is the first) without power. Machines left
    running on generators wear faster; the factor is an assumption to be stated.

    >>> outage(machines=100, failures_per_thousand_days=2, loss_of_power_days=[1], factor=5, days=3)
    [200, 1000, 200]
    """
    usual = machines * failures_per_thousand_days
    out = set(loss_of_power_days)
    return [usual * factor if day in out else usual for day in range(days)]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A daily curve as it may be relied on, and the days that were put right: catch-ups spread, gaps bridged."""

    values: tuple[int, ...]
    catch_ups: tuple[int, ...]
    bridged: tuple[int, ...]


def cleaned(values: Sequence[int | None]) -> Cleaned:
    """A reported curve put right; quantities are whole, their sum is kept but for what bridges a gap.

    A day that reports more than three times the median of the seven days
    before it and of those after, following days that report less than half of
    what is usual, is a catch-up: what is beyond the usual is spread over the
    days back to the last ordinary one. None (suppressed or not reported) takes
    the mean of the nearest known days.

    >>> cleaned([10, 10, 10, 10, 10, 10, 10, 0, 0, 30, 10, 10, 10, 10, 10]).values[6:11]
    (10, 10, 10, 10, 10)
    >>> cleaned([4, None, 6]).bridged
    (1,)
    """
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    assert known, "a curve of which nothing is known"
    found = [value if value is not None else _between(known, at) for at, value in enumerate(values)]
    bridged = tuple(at for at, value in enumerate(values) if value is None)
    catch_ups = [at for at in range(len(found)) if _is_catch_up(found, at)]
    for at in catch_ups:
        _spread(found, at)
    return Cleaned(tuple(found), tuple(catch_ups), bridged)


def _between(known: list[tuple[int, int]], at: int) -> int:
    nearest = sorted(known, key=lambda one: (abs(one[0] - at), one[0]))[:2]
    return sum(value for _, value in nearest) // len(nearest)


def _is_catch_up(values: list[int], at: int) -> bool:
    around = [*values[max(0, at - 9) : at], *values[at + 1 : at + 8]]
    if at == 0 or len(around) < 7:
        return False
    usual = median(around)
    low = values[at - 1] * 2 < usual
    return values[at] > SPIKE * max(1.0, usual) or (low and values[at] >= 2 * max(1.0, usual))


def _spread(values: list[int], at: int) -> None:
    """Spread a catch-up over the low days just before it, in whole numbers; the first days take the rest."""
    usual = median([*values[max(0, at - 9) : at], *values[at + 1 : at + 8]])
    first = at
    while first > 0 and values[first - 1] * 2 < usual:
        first -= 1
    if first == at:
        first = max(0, at - 6)
    total, days = sum(values[first : at + 1]), at + 1 - first
    for number in range(days):
        values[first + number] = total // days + (number < total % days)


@dataclass(frozen=True, slots=True)
class Year:
    """A year of a supposed future against today, in thousandths: use, prices, and the money there is."""

    year: int
    use_permille: int
    price_permille: int
    budget_permille: int

    @property
    def cost_permille(self) -> int:
        """What the year's use costs at the year's prices, in thousandths of what today's costs.

        >>> Year(2021, 1100, 1050, 900).cost_permille
        1155
        """
        return self.use_permille * self.price_permille // 1000

    @property
    def affordable_permille(self) -> int:
        """How much of the use the money buys, in thousandths; 1000: all of it.

        >>> Year(2021, 1100, 1050, 900).affordable_permille
        779
        >>> Year(2021, 1000, 0, 900).affordable_permille
        1000
        """
        worth = self.use_permille * self.price_permille
        return min(1000, self.budget_permille * 1_000_000 // worth) if worth else 1000


@dataclass(frozen=True, slots=True)
class Course:
    """What changes year by year, in thousandths a year: people, the old among them, prices; money at once.

    `old_permille` of the people are old and use `old_factor_permille` of what
    the others do; `shocks` are (year, thousandths of money gained or lost from then on).
    """

    first_year: int
    years: int
    population_permille: int
    old_permille: int
    old_change_permille: int
    old_factor_permille: int
    price_permille: int
    budget_permille: int
    shocks: tuple[tuple[int, int], ...] = ()


def years(course: Course) -> list[Year]:
    """The years of a course, the first being today's: use by people and their age, prices, budget with its shocks.

    >>> flat = Course(2020, 2, 0, 200, 0, 3000, 20, 0, ((2021, -100),))
    >>> [(one.use_permille, one.price_permille, one.budget_permille) for one in years(flat)]
    [(1000, 1000, 1000), (1000, 1020, 900)]
    """
    found, people, old, prices, money = [], 1_000_000, course.old_permille * 1000, 1_000_000, 1_000_000
    weight = _weight(old, course.old_factor_permille)
    for number in range(course.years):
        year = course.first_year + number
        if number:
            people += people * course.population_permille // 1000
            old = min(1_000_000, old + old * course.old_change_permille // 1000)
            prices += prices * course.price_permille // 1000
            money += money * course.budget_permille // 1000
        money += sum(money * change // 1000 for when, change in course.shocks if when == year)
        use = people * _weight(old, course.old_factor_permille) // weight
        found.append(Year(year, use // 1000, prices // 1000, max(0, money // 1000)))
    return found


def _weight(old_millionths: int, factor_permille: int) -> int:
    return (1_000_000 - old_millionths) * 1000 + old_millionths * factor_permille


def units(*, admissions_milli: Sequence[int], use_per_admission_milli: int) -> list[int]:
    """Base units used up to each day, summed and rounded up: what must have come by then.

    >>> units(admissions_milli=[500, 500], use_per_admission_milli=3000)
    [2, 3]
    """
    total, found = 0, []
    for one in admissions_milli:
        total += one * use_per_admission_milli
        found.append(-(-total // 1_000_000))
    assert all(later >= earlier for earlier, later in pairwise(found))
    return found
