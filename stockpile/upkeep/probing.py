"""Whether postings can be made right now: a session of its own posts one and takes it back.

An old session may work while no new one can be opened (a server upgraded under
its feet), and a server may answer SELECT 1 and take no row (a full disk, a
standby): so every probe opens a connection and goes the whole way to the ledger.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from stockpile.actor import Act
from stockpile.catalogue.tables import Item
from stockpile.db import open_engine
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.inventory import ledger, rules
from stockpile.inventory.keeping import LedgerStop
from stockpile.inventory.ledger import Account, Move
from stockpile.inventory.stopping import LedgerStopped
from stockpile.inventory.tables import Balance, Lot

FRESH_SECONDS: Final = 1.0
"""For so long one answer serves all who ask: the probe writes, and anybody may ask for it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe found: `ready`, how long it took (ms), and in a word what was done or what failed."""

    ready: bool
    milliseconds: int
    what: str


class Prober:
    """Posts probes on sessions of its own, at most one at a time."""

    def __init__(self, engine: Engine) -> None:
        address = engine.url.render_as_string(hide_password=False)
        self._engine = open_engine(address, pooled=False)
        self._lock = threading.Lock()
        self._known: tuple[float, Probe] | None = None

    def probe(self, *, real_now: datetime) -> Probe:
        """The answer of a second ago, or a new probe. Nothing of a probe stays."""
        with self._lock:
            started = time.monotonic()
            if self._known is None or started - self._known[0] > FRESH_SECONDS:
                ready, what = self._try(real_now)
                self._known = (started, Probe(ready, int((time.monotonic() - started) * 1000), what))
            return self._known[1]

    def _try(self, real_now: datetime) -> tuple[bool, str]:
        try:
            with Session(self._engine) as session:
                what = _post(session, real_now)
                session.rollback()
        except LedgerStopped:
            return True, "the ledger refuses what is stopped"
        except Refusal as refusal:
            return False, f"the ledger refuses a probe: {refusal.code}"
        except SQLAlchemyError as failure:
            return False, f"the database does not take a probe: {type(failure).__name__}"
        return True, what


def _post(session: Session, real_now: datetime) -> str:
    """Post one unit of some lot as if it came in; the caller takes it back."""
    plain = select(Balance).join(Lot, col(Lot.id) == col(Balance.lot_id)).join(Item, col(Item.code) == Lot.item_code)
    plain = plain.where(col(Item.serialised).is_(False), Balance.status == rules.AVAILABLE)
    stopped = select(LedgerStop.lot_id).where(col(LedgerStop.lifted_at).is_(None), col(LedgerStop.lot_id).is_not(None))
    plain = plain.where(col(Balance.lot_id).not_in(stopped))
    found = session.exec(plain.order_by(col(Balance.id)).limit(1)).first()
    if found is None:
        return "reads; there is no stock yet to post"
    at = queries.effective_now(session, real_now=real_now)
    act = Act(actor=governance.founder(), at=at, recorded_at=real_now)
    to = Account(found.lot_id, found.site_code, found.owner, found.status)
    moves = [Move(found.lot_id, 1, rules.SUPPLIER, to, "probe")]
    ledger.post(session, act, kind="probe", key=f"probe/{uuid4()}", moves=moves)
    session.flush()
    return "posted and taken back"
