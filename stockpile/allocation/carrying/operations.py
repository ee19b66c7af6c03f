"""Saying what can be carried in a day, from a day on, never for a day that has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation.carrying.tables import DISPATCH, RECEIVING, VEHICLES, CarryingLimit
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.inventory.rules import DEPOT

LARGEST_ML = 10**13
"""Ten thousand cubic metres: more than any day's work of a depot."""


@dataclass(frozen=True, slots=True)
class Carries:
    """So many millilitres a day from a day on, and why; None: no limit.

    `site` alone: out of this depot; with `member`: from the depot to this member; `member` alone: to it altogether.
    """

    site: str | None
    member: str | None
    volume_ml: int | None
    effective_from: date
    reason: str


def limit(session: Session, act: Act, *, said: Carries) -> CarryingLimit:
    """Say what can be carried in a day; plans keep it.

    Refuses unknown places, what is no depot, a volume below zero and a day that has passed.
    """
    require(act.actor, "capacity.set", site=said.site, member=None if said.site else said.member)
    _checked(session, act, said)
    kind = RECEIVING if said.site is None else VEHICLES if said.member else DISPATCH
    row = CarryingLimit(
        kind=kind,
        site_code=said.site,
        member_code=said.member,
        effective_from=said.effective_from,
        volume_ml=said.volume_ml,
        reason=said.reason,
        set_by=act.actor.id,
        set_at=act.at,
    )
    session.add(row)
    session.flush()
    payload = {"kind": kind, "site": said.site, "member": said.member, "volume_ml": said.volume_ml}
    payload["effective_from"] = said.effective_from.isoformat()
    subject = f"site:{said.site}" if said.site else f"member:{said.member}"
    journal.record(session, act, action="carrying.limit", subject=subject, payload=payload, reason=said.reason)
    return row


def _checked(session: Session, act: Act, said: Carries) -> None:
    if said.site is None and said.member is None:
        raise Invalid("a limit is of a depot, of a member, or of the way between both: name one", field="site")
    if said.site is not None and inventory.site(session, said.site).kind != DEPOT:
        raise Invalid(f"{said.site} is no depot: only depots dispatch", field="site", value=said.site)
    if said.member is not None:
        governance.member(session, said.member)
    if said.volume_ml is not None and not 0 <= said.volume_ml <= LARGEST_ML:
        raise Invalid(f"a volume is 0 to {LARGEST_ML:,} ml a day", field="volume_ml", value=said.volume_ml)
    if said.effective_from < governance.local_day(session, act.at):
        raise Invalid(f"no limit begins on {said.effective_from}: that day has passed", field="effective_from")
    if not said.reason.strip():
        raise Invalid("a limit needs a reason", field="reason")
