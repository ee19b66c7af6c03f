"""Forecasting methods by name, each for one series of equal periods; only the job's child process imports this.

`statsforecast` takes seconds to import, so that nothing of the API or the
command line may import this module: `child.forecast` does, inside the child.

A method takes y (float64, T periods, oldest first, no gaps), h (periods ahead)
and the season's length in periods (1: none), and gives h means, never below 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from statsforecast import models

log = logging.getLogger(__name__)
Numbers = NDArray[np.float64]
Method = Callable[[Numbers, int, int], Numbers]


def naive(y: Numbers, h: int, season: int) -> Numbers:
    """The last value again."""
    return np.repeat(y[-1:], h)


def seasonal_naive(y: Numbers, h: int, season: int) -> Numbers:
    """What the same period of the last season had; without a whole season the last value."""
    if season <= 1 or len(y) < season:
        return naive(y, h, season)
    return np.resize(y[-season:], h)


def moving_average(periods: int) -> Method:
    """The mean of so many last periods."""

    def average(y: Numbers, h: int, season: int) -> Numbers:
        return np.repeat(y[-periods:].mean(), h)

    return average


def mean(y: Numbers, h: int, season: int) -> Numbers:
    """The mean of the whole series."""
    return np.repeat(y.mean(), h)


def _of(make: Callable[[int], Any], *, seasons: int = 0, fewest: int = 4, positive: bool = False) -> Method:
    """A model of statsforecast; the mean of the last year of periods where the series is too short for it.

    The same where the model wants use in every period (`positive`) and there
    was none in some, and where it refuses the series for another reason: its
    back-test then shows what that is worth.
    """

    def fitted(y: Numbers, h: int, season: int) -> Numbers:
        usual = np.repeat(y[-12:].mean(), h)
        if len(y) < max(fewest, seasons * season) or not y.any() or (positive and y.min() <= 0):
            return usual
        try:
            found = np.asarray(make(season).forecast(y=y, h=h)["mean"], dtype=np.float64)
        except (ValueError, ZeroDivisionError) as refusal:
            log.info("a model refused a series: %s", refusal)
            return usual
        return np.clip(np.where(np.isfinite(found), found, usual), 0.0, 10.0 * float(y.max()))

    return fitted


_theta = _of(lambda season: models.DynamicOptimizedTheta(season_length=season), seasons=3, fewest=8)
_ets = _of(
    lambda season: models.AutoETS(season_length=season, model="MNM" if season > 1 else "ANN"), seasons=3, positive=True
)
_additive = _of(lambda season: models.AutoETS(season_length=season, model="ANA" if season > 1 else "AAN"), seasons=3)
_imapa = _of(lambda _season: models.IMAPA())
_tsb = _of(lambda _season: models.TSB(alpha_d=0.1, alpha_p=0.1))
_slow_tsb = _of(lambda _season: models.TSB(alpha_d=0.05, alpha_p=0.05))

SIMPLE: Final[dict[str, Method]] = {
    "naive": naive,
    "moving average of 3": moving_average(3),
    "moving average of 6": moving_average(6),
    "moving average of 12": moving_average(12),
}
"""What every other method is held against."""

SMOOTH: Final[dict[str, Method]] = {
    **SIMPLE,
    "seasonal naive": seasonal_naive,
    "exponential smoothing": _of(lambda _season: models.SimpleExponentialSmoothingOptimized()),
    "theta": _theta,
    "ETS": _ets,
    "ETS, additive": _additive,
}
"""For series with use in most periods."""

INTERMITTENT: Final[dict[str, Method]] = {
    **SIMPLE,
    "mean": mean,
    "Croston": _of(lambda _season: models.CrostonClassic()),
    "SBA": _of(lambda _season: models.CrostonSBA()),
    "TSB": _tsb,
    "TSB, slow": _slow_tsb,
    "IMAPA": _imapa,
}
"""For series with many periods without use."""

TOGETHER: Final[dict[str, tuple[str, str]]] = {
    "theta with ETS": ("theta", "ETS"),
    "theta with moving average of 12": ("theta", "moving average of 12"),
    "IMAPA with TSB": ("IMAPA", "TSB"),
    "IMAPA with mean": ("IMAPA", "mean"),
    "TSB with mean": ("TSB, slow", "mean"),
}
"""Means of two methods, where both are there."""


def names(methods: dict[str, Method]) -> tuple[str, ...]:
    """The methods and, after them, their means of two, by name."""
    return (*methods, *(name for name, parts in TOGETHER.items() if set(parts) <= set(methods)))


def everything(methods: dict[str, Method], y: Numbers, h: int, season: int) -> Numbers:
    """The forecasts of all of `names`, in that order: (method, lead)."""
    found = {name: method(y, h, season) for name, method in methods.items()}
    pairs = [TOGETHER[name] for name in names(methods) if name in TOGETHER]
    together = [(found[one] + found[other]) / 2 for one, other in pairs]
    return np.array([*found.values(), *together])


def some(methods: dict[str, Method], wanted: tuple[str, ...], y: Numbers, h: int, season: int) -> Numbers:
    """The mean of the forecasts named, of `names`."""
    parts = [part for name in wanted for part in TOGETHER.get(name, (name, name))]
    found = {name: methods[name](y, h, season) for name in set(parts)}
    together: Numbers = np.mean([found[name] for name in parts], axis=0)
    return together
