"""How often somebody may be wrong: one-time codes by account, in this process."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from stockpile.errors import Conflict
from stockpile.governance.keys.operations import CodeRefused

MOST_WRONG: Final = 5
FORGOTTEN_AFTER: Final = timedelta(minutes=5)
_wrong: WeakKeyDictionary[Engine, dict[str, list[datetime]]] = WeakKeyDictionary()
_lock = Lock()
Guard = AbstractContextManager[None]


class TooManyCodes(Conflict):
    """Too many codes were wrong."""

    code = "too_many_codes"


@contextmanager
def guard(engine: Engine, name: str, *, real_now: datetime) -> Any:
    """Count what is refused inside; refuse before anything is looked at once MOST_WRONG were wrong lately."""
    with _lock:
        known = _wrong.setdefault(engine, {})
        lately = [at for at in known.get(name, []) if at > real_now - FORGOTTEN_AFTER]
        known[name] = lately
        if len(lately) >= MOST_WRONG:
            raise TooManyCodes(f"too many codes were wrong: wait {FORGOTTEN_AFTER.seconds // 60} minutes")
    try:
        yield
    except CodeRefused:
        with _lock:
            known[name].append(real_now)
        raise
    with _lock:
        known.pop(name, None)
