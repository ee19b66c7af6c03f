"""A night's reorder in the small region, solved in this process to be quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest import mock

from sqlalchemy import Engine

from optimizer.reorder.horizon.tonight import Night
from stockpile.actor import Act
from stockpile.contracts import queries as contracts
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.db import reading
from stockpile.reorder import operations, queries
from stockpile.reorder.shaping import Case
from tests.allocation.surge_room import at_hand
from tests.conftest import NOW

QUICK_ROUNDS = 20


def quick(function: Any, asked: Any, *, limit_seconds: float) -> Any:
    """Solve here and now, a night with fewer rounds."""
    given = replace(asked, rounds=QUICK_ROUNDS) if isinstance(asked, Night) else asked
    return at_hand(function, given, limit_seconds=limit_seconds)


def drafted(engine: Engine, act: Act, *, unmet: Mapping[str, int] | None = None) -> operations.Draft:
    """What to call off tonight."""
    with mock.patch.object(operations, "run_limited", quick):
        return operations.draft(engine, act, unmet=unmet or {}, limit_seconds=30)


def standing(engine: Engine, *, at: datetime = NOW, unmet: Mapping[str, int] | None = None) -> Case:
    """How every item stands on a day, and the problem made of it."""
    with reading(engine) as session:
        first = queries.urgent(session, at=at, unmet=unmet or {})
        return queries.case(session, at=at, first=first, limit_seconds=30)


def calloffs(engine: Engine) -> list[CallOff]:
    """All call-offs, newest first."""
    with reading(engine) as session:
        return contracts.calloffs(session)


def ordered(engine: Engine, calloff: CallOff) -> list[CallOffLine]:
    """The lines of a call-off."""
    with reading(engine) as session:
        return contracts.lines(session, calloff.id or 0)
