"""Which versions of the optimizer and of its solver made a plan."""

from __future__ import annotations

from importlib import metadata

OPTIMIZER = "0.1.0"
"""Raised whenever the same problem may get another plan."""


def versions() -> str:
    """Optimizer, OR-Tools and NumPy as they run here, such as "optimizer 0.1.0, ortools 9.15.6755, numpy 2.3.4"."""
    parts = (f"{name} {metadata.version(name)}" for name in ("ortools", "numpy"))
    return ", ".join((f"optimizer {OPTIMIZER}", *parts))
