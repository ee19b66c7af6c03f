"""What the forecast job's child process is given and gives; the heavy libraries are imported there, on first use.

Importing this module costs nothing. `forecast` is called by
`optimizer.solver.run_limited` in a fresh interpreter that can be killed.
"""

from __future__ import annotations

from collections.abc import Callable

from stockpile.demand.forecasting.rules import Asked, Expected


def forecast(asked: Asked, progress: Callable[[int, int], object] = lambda _done, _of: None) -> tuple[Expected, ...]:
    """What is expected of each series, in the order given: the same for the same series, whoever asks."""
    from stockpile.demand.forecasting import backtest

    return backtest.forecast(asked, progress)
