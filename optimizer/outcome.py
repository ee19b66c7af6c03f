"""How a solve ended: with a value, out of time, cancelled, or with a crash; never silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """What came of one limited run. `value` is set exactly when `status` is "solved"; `seconds` is wall time."""

    status: Literal["solved", "out_of_time", "cancelled", "crashed"]
    value: Value | None
    seconds: float
    detail: str = ""
