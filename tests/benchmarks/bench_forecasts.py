"""Forecasts against the simple ones on real series: 2,509 spare parts (intermittent), 767 hospital series (smooth).

    python -m tests.benchmarks.bench_forecasts CARPARTS.csv HOSPITAL.csv

The files are the published monthly series, one row each (first column its
name). The last twelve months are held out; nothing of them is seen when a
method is chosen. Prints MASE, WAPE and bias beside naive and moving averages,
the coverage of the 90 % interval, pinball losses beside those of empirical
quantiles, and the seconds taken.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from statistics import fmean

from stockpile.demand.forecasting import methods, rules
from stockpile.demand.forecasting.backtest import forecast
from stockpile.demand.forecasting.rules import QUANTILES, Asked, Expected, Series

HELD_OUT = 12


def complete(path: Path) -> list[list[float]]:
    """The rows without a gap."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [[float(cell) for cell in row[1:]] for row in rows if all(row[1:])]


def measured(name: str, rows: list[list[float]], *, season: int, held_out: int = HELD_OUT) -> None:
    """Print how one set of series went."""
    past, actual = [row[:-held_out] for row in rows], [row[-held_out:] for row in rows]
    started = time.monotonic()
    series = tuple(Series((str(at), ""), tuple(row), season) for at, row in enumerate(past))
    found = forecast(Asked(series, held_out))
    seconds = time.monotonic() - started
    sys.stdout.write(f"{name}: {len(rows)} series, {len(past[0])} months known, {held_out} held out, {seconds:.1f} s\n")
    _line("chosen by back-test", rules.accuracy(past, actual, [one.means for one in found]))
    for simple, method in methods.SIMPLE.items():
        said = [list(method(methods.np.asarray(row), held_out, season)) for row in past]
        _line(simple, rules.accuracy(past, actual, said))
    _quantiles(past, actual, found)


def _line(name: str, got: rules.Accuracy) -> None:
    sys.stdout.write(f"  {name:22s} MASE {got.mase:.4f}  WAPE {got.wape:.4f}  bias {got.bias:+.4f}\n")


def _quantiles(past: list[list[float]], actual: list[list[float]], found: tuple[Expected, ...]) -> None:
    low, high = QUANTILES.index(0.05), QUANTILES.index(0.95)
    inside = [
        bottom <= real <= top
        for one, row in zip(found, actual, strict=True)
        for real, bottom, top in zip(row, one.quantiles[low], one.quantiles[high], strict=True)
    ]
    sys.stdout.write(
        f"  coverage of the 90 % interval {100 * fmean(inside):.1f} %; pinball loss, ours / empirical quantiles:\n"
    )
    sums = [0.0, 0.0]
    for at, quantile in enumerate(QUANTILES):
        ours = fmean(
            rules.pinball(quantile, actual=row, foreseen=one.quantiles[at])
            for one, row in zip(found, actual, strict=True)
        )
        empirical = fmean(
            rules.pinball(quantile, actual=row, foreseen=[methods.np.quantile(before, quantile)] * len(row))
            for before, row in zip(past, actual, strict=True)
        )
        sums = [sums[0] + ours, sums[1] + empirical]
        sys.stdout.write(f"    {quantile:4.2f}  {ours:.4f} / {empirical:.4f}\n")
    sys.stdout.write(f"    all   {sums[0]:.4f} / {sums[1]:.4f}\n")


if __name__ == "__main__":
    parts, hospital = (Path(one) for one in sys.argv[1:3])
    for back in (0, 12):
        for name, path, season, held in (("parts", parts, 1, 12 if not back else 6), ("hospital", hospital, 12, 12)):
            rows = complete(path)
            measured(
                f"{name}, {back} months back", [row[: len(row) - back] for row in rows], season=season, held_out=held
            )
