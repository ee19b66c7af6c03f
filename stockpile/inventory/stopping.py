"""What has been stopped: where the books are found to be wrong nothing moves until a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from sqlmodel import Session

from stockpile.errors import Conflict
from stockpile.inventory.guarding import Moving, Place


class LedgerStopped(Conflict):
    """What would move is stopped, for the books about it are wrong."""

    code = "ledger_stopped"


class Posting(Protocol):
    """A posting to be made."""

    @property
    def moves(self) -> Sequence[Moving]:
        """What moves."""


def refusals(session: Session, postings: Sequence[Posting]) -> dict[int, Conflict]:
    """Why a posting touches what is stopped, by its position among the postings."""
    session.flush()
    stops = [tuple(row) for row in session.connection().exec_driver_sql(_OPEN)]
    if not stops:
        return {}
    found: dict[int, Conflict] = {}
    for position, posting in enumerate(postings):
        places = [(move.lot_id, site) for move in posting.moves for site in _sites((move.source, move.sink))]
        for number, lot, site, why in stops:
            if any(lot in (None, here) and site in (None, there) for here, there in places):
                found[position] = _stopped(number, lot, site, why)
                break
    return found


def _sites(ends: Iterable[Place | str]) -> list[str]:
    return [end.site for end in ends if not isinstance(end, str)]


def _stopped(number: int, lot: int | None, site: str | None, why: str) -> LedgerStopped:
    what = "all stock" if lot is None else f"lot {lot}"
    where = "" if site is None else f" at {site}"
    return LedgerStopped(
        f"{what}{where} is stopped: {why}. Nothing of it moves until the committee has looked into it and lifts "
        f"stop {number} (POST /api/v1/stops/{number}/lift)",
        stop=number,
        lot_id=lot,
        site=site,
    )


_OPEN: Final = "SELECT id, lot_id, site_code, found FROM ledger_stop WHERE lifted_at IS NULL ORDER BY id"
