"""A night's reorder in the small region, solved in this process to be quick."""

from __future__ import annotations

from collections.abc import Mapping
from unittest import mock

from sqlalchemy import Engine

from stockpile.actor import Act
from stockpile.contracts import queries as contracts
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.db import reading
from stockpile.reorder import operations
from tests.allocation.surge_room import at_hand


def drafted(engine: Engine, act: Act, *, unmet: Mapping[str, int] | None = None) -> operations.Draft:
    """What to call off tonight."""
    with mock.patch.object(operations, "run_limited", at_hand):
        return operations.draft(engine, act, unmet=unmet or {}, limit_seconds=30)


def calloffs(engine: Engine) -> list[CallOff]:
    """All call-offs, newest first."""
    with reading(engine) as session:
        return contracts.calloffs(session)


def ordered(engine: Engine, calloff: CallOff) -> list[CallOffLine]:
    """The lines of a call-off."""
    with reading(engine) as session:
        return contracts.lines(session, calloff.id or 0)
