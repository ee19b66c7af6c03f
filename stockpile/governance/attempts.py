"""Sign-ins that failed: after so many wrong passwords for a name in a while, it waits; kept in this process.

A process that starts anew has forgotten them. Sign-ins that hold go on.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from stockpile.errors import TooMany

MOST_WRONG: Final = 10
WHILE: Final = timedelta(minutes=15)
MOST_NAMES: Final = 10_000


class TooManyAttempts(TooMany):
    """Too many wrong passwords were given for this name just now."""

    code = "too_many_attempts"


class Attempts:
    """The wrong passwords of the last while, by name; the name that failed longest ago is forgotten first."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def refuse_often(self, name: str, *, real_now: datetime) -> None:
        """Refuse a name for which too many wrong passwords were given in the last while."""
        with self._lock:
            failed = self._recent(name, real_now)
            if len(failed) >= MOST_WRONG:
                minutes = -(-(failed[0] + WHILE - real_now) // timedelta(minutes=1))
                raise TooManyAttempts(
                    f"{MOST_WRONG} wrong passwords were given for this name just now: try again in {minutes} min",
                    minutes=minutes,
                )

    def wrong(self, name: str, *, real_now: datetime) -> None:
        """Note a wrong password."""
        with self._lock:
            self._recent(name, real_now).append(real_now)
            self._wrong.move_to_end(name)
            while len(self._wrong) > MOST_NAMES:
                self._wrong.popitem(last=False)

    def right(self, name: str) -> None:
        """Forget what was wrong before: the name has signed in."""
        with self._lock:
            self._wrong.pop(name, None)

    def _recent(self, name: str, real_now: datetime) -> deque[datetime]:
        failed = self._wrong.setdefault(name, deque(maxlen=MOST_WRONG))
        while failed and failed[0] <= real_now - WHILE:
            failed.popleft()
        return failed


_known: WeakKeyDictionary[Engine, Attempts] = WeakKeyDictionary()


def attempts_at(engine: Engine) -> Attempts:
    """The attempts at this installation's door."""
    return _known.setdefault(engine, Attempts())
