"""Choosing a method by back-test, and how far reality strays from it.

Sets: series i, methods m (of the kind of i), origins k (the last ones), leads
l = 1..L. Data: use y[i,t]. For each origin the series is cut there, each
method forecasts L periods, and e[i,m] is the root of the mean square error
over origins and leads, divided by the mean over m. A single series is short
and its errors say little, so that each is judged together with its kind:

    s[i,m] = (1 - W) e[i,m] + W mean over i of e[i,m]        m(i) = argmin s[i,m]

A smooth series takes the mean of its three best methods, an intermittent one
its best. Squares are weighed, for their minimum is the mean that orders need;
absolute errors would favour forecasts of nothing.

Intervals. Smooth: conformal; a residual of any series of the kind, divided by
its series' mean absolute residual, is taken to be as likely as another; its
quantiles, widened with the lead as the residuals are, are set around the
mean. Intermittent: a negative binomial with the mean forecast and the series'
own ratio of variance to mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom

from stockpile.demand.forecasting import rules
from stockpile.demand.forecasting.methods import INTERMITTENT, SIMPLE, SMOOTH, Method, Numbers, everything, names, some
from stockpile.demand.forecasting.rules import QUANTILES, Asked, Expected, Series

TOGETHER: Final = 0.8
"""W: how much the kind counts against the series itself."""
ORIGINS: Final = 3
SHORTEST: Final = 8
LEADS: Final = 6
FEWEST_ALIKE: Final = 5
LARGEST_DISPERSION: Final = 50.0


def forecast(asked: Asked, progress: Callable[[int, int], object] = lambda _done, _of: None) -> tuple[Expected, ...]:
    """What is expected of each series, in the order given; every series needs at least one known value."""
    filled = [rules.filled(one.values) for one in asked.series]
    kinds = [rules.kind(values, seen=one.values) for values, one in zip(filled, asked.series, strict=True)]
    found: dict[int, Expected] = {}
    for kind in (rules.SMOOTH, rules.INTERMITTENT, rules.NO_USE, rules.SHORT):
        members = [at for at, one in enumerate(kinds) if one == kind]
        alike = [(asked.series[at], np.asarray(filled[at], dtype=np.float64)) for at in members]
        told = _told(progress, done=len(found), of=len(kinds))
        for at, one in zip(members, _of_kind(kind, alike, asked.horizon, told), strict=True):
            found[at] = one
    progress(len(kinds), len(kinds))
    return tuple(found[at] for at in range(len(kinds)))


Alike = Sequence[tuple[Series, Numbers]]
Told = Callable[[int], None]


def _told(progress: Callable[[int, int], object], *, done: int, of: int) -> Told:
    def told(count: int) -> None:
        if count % 50 == 0:
            progress(done + count, of)

    return told


def _of_kind(kind: str, alike: Alike, horizon: int, told: Told) -> list[Expected]:
    if kind in (rules.NO_USE, rules.SHORT) or not alike:
        return [_plain(series, y, kind, horizon) for series, y in alike]
    methods = SMOOTH if kind == rules.SMOOTH else INTERMITTENT
    tested = []
    for number, (series, y) in enumerate(alike):
        tested.append(_tested(series, y, methods))
        told(number)
    scores = _scores(np.array([_root(one) for one in tested]))
    take = 3 if kind == rules.SMOOTH else 1
    picks = [np.argsort(row, kind="stable")[:take] for row in scores]
    residuals = [one[:, pick].mean(axis=1) for one, pick in zip(tested, picks, strict=True)]
    spread = _spread(residuals)
    return [
        _expected(at, alike[at], kind, methods, horizon, pick=picks[at], errors=tested[at], spread=spread)
        for at in range(len(alike))
    ]


def _tested(series: Series, y: Numbers, methods: dict[str, Method]) -> Numbers:
    """Forecast less use at (origin, method, lead); NaN where a cut series is too short."""
    leads = min(LEADS, len(y) // 4)
    found = np.full((ORIGINS, len(names(methods)), LEADS), np.nan)
    for origin in range(ORIGINS):
        cut = len(y) - (origin + 1) * leads
        if cut < SHORTEST:
            break
        found[origin, :, :leads] = everything(methods, y[:cut], leads, series.season) - y[cut : cut + leads]
    return found


def _root(errors: Numbers) -> Numbers:
    """The root of the mean square error of each method."""
    found: Numbers = np.sqrt(np.nanmean(errors**2, axis=(0, 2)))
    return found


def _scores(roots: Numbers) -> Numbers:
    relative = roots / np.maximum(roots.mean(axis=1, keepdims=True), 1e-9)
    found: Numbers = (1 - TOGETHER) * relative + TOGETHER * relative.mean(axis=0)
    return found


def _spread(residuals: Sequence[Numbers]) -> Numbers:
    """Quantiles of residuals (use less forecast) over their series' mean absolute residual, at (lead, quantile)."""
    scaled = np.array([-one / max(float(np.nanmean(np.abs(one))), 1e-9) for one in residuals])
    all_leads = np.nanquantile(scaled, QUANTILES)
    if len(residuals) < FEWEST_ALIKE:
        return np.repeat(all_leads[None, :], LEADS, axis=0)
    known = [scaled[:, :, lead] for lead in range(LEADS)]
    return np.array([np.nanquantile(one, QUANTILES) if np.isfinite(one).any() else all_leads for one in known])


def _expected(
    at: int,
    one: tuple[Series, Numbers],
    kind: str,
    methods: dict[str, Method],
    horizon: int,
    *,
    pick: NDArray[np.intp],
    errors: Numbers,
    spread: Numbers,
) -> Expected:
    series, y = one
    known = names(methods)
    chosen = tuple(known[number] for number in pick)
    means = some(methods, chosen, y, horizon, series.season)
    residual = errors[:, pick].mean(axis=1)
    size = float(np.nanmean(np.abs(residual)))
    simple = [float(np.nanmean(np.abs(errors[:, known.index(name)]))) for name in SIMPLE]
    quantiles = _around(means, size, spread) if kind == rules.SMOOTH else _counts(y, means)
    return Expected(
        key=series.key,
        kind=kind,
        method=" and ".join(chosen),
        means=tuple(float(value) for value in means),
        quantiles=quantiles,
        error=size,
        simple_error=min(simple),
        bias=float(np.nanmean(residual)),
    )


def _around(means: Numbers, size: float, spread: Numbers) -> tuple[tuple[float, ...], ...]:
    leads = np.minimum(np.arange(len(means)), LEADS - 1)
    beyond = np.sqrt(np.maximum(1.0, (np.arange(len(means)) + 1) / LEADS))
    values = np.clip(means[:, None] + size * spread[leads] * beyond[:, None], 0.0, None)
    ordered = np.maximum.accumulate(values, axis=1)
    return tuple(tuple(float(value) for value in column) for column in ordered.T)


def _counts(y: Numbers, means: Numbers) -> tuple[tuple[float, ...], ...]:
    """Quantiles of a negative binomial with these means and the series' own ratio of variance to mean.

    Counted in the series' smallest use, for goods that are only used by the pack.
    """
    unit = float(y[y > 0].min()) if (y > 0).any() else 1.0
    counts = y / unit
    ratio = float(np.clip(counts.var() / max(float(counts.mean()), 1e-9), 1.01, LARGEST_DISPERSION))
    mean = np.maximum(means / unit, 1e-6)
    chance = 1.0 / ratio
    found = [nbinom.ppf(quantile, mean * chance / (1.0 - chance), chance) * unit for quantile in QUANTILES]
    return tuple(tuple(float(value) for value in column) for column in found)


def _plain(series: Series, y: Numbers, kind: str, horizon: int) -> Expected:
    """Where there is too little to learn from: the mean, and the quantiles of what was seen."""
    means = (float(y.mean()),) * horizon
    quantiles = tuple((float(np.quantile(y, quantile)),) * horizon for quantile in QUANTILES)
    return Expected(series.key, kind, "mean", means, quantiles, float(np.abs(y - y.mean()).mean()), 0.0, 0.0)
