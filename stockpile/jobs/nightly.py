"""The jobs themselves: what each works out without a lock, and what it then changes in the slot's transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import idempotency, journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.reservations import operations as reservations
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts.terms import queries as terms
from stockpile.contracts.terms.tables import SurgeOption
from stockpile.db import reading
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demand.outlooks import operations as outlooks
from stockpile.governance import operations as accounts
from stockpile.governance import queries as governance
from stockpile.governance.committee import operations as committee
from stockpile.inventory import queries as inventory
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.periods import queries as storeroom
from stockpile.inventory.periods.rules import REPLY_DAYS
from stockpile.jobs.rules import When
from stockpile.reorder import operations as reorder
from stockpile.reorder import preapproval
from stockpile.transparency.kpis import operations as remedying
from stockpile.transparency.privacy import operations as privacy
from stockpile.transparency.publishing import operations as publishing
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed

Effects = Callable[[Session], dict[str, Any]]
Keeper = Callable[[Engine, datetime], dict[str, Any]]
"""What takes and proves a backup, and tells of it; the second argument is the machine's clock."""
EXPIRY_DAYS: Final = 60
CONTRACT_DAYS: Final = 120
MOST_NAMED: Final = 50
FORECAST_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is given: the act it is done under, its slot, limits, where to tell how far it is.

    `home` is the installation's data folder, None where it is not known.
    """

    engine: Engine
    act: Act
    slot: str
    limit_seconds: float
    home: Path | None
    tell: Callable[[str], None]
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it is called, the right to run it, when it usually comes due, and how it is prepared.

    `prepare` reads and computes, and returns what is then done in the
    transaction that claims the slot.
    """

    title: str
    right: str
    usual: When
    prepare: Callable[[Work], Effects]


def _reorder(work: Work) -> Effects:
    with reading(work.engine) as session:
        unmet = allocation.unmet(session, at=work.act.at)
    work.tell("working out what to call off")
    made = reorder.draft(work.engine, work.act, unmet=unmet, limit_seconds=work.limit_seconds)

    def effects(session: Session) -> dict[str, Any]:
        calloffs = reorder.propose(session, work.act, made=made, slot=work.slot)
        urgent = reorder.propose_urgent(session, work.act, made=made, slot=work.slot)
        approved = preapproval.apply(session, work.act, calloffs=calloffs)
        return {
            "calloffs": [calloff.id for calloff in calloffs],
            "urgent": [[one.item, one.asked, [row.calloff for row in one.arrivals]] for one in urgent],
            "preapproved": approved,
            **made.told(),
        }

    return effects


def _reservations(work: Work) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        released = reservations.expire(session, work.act)
        return {
            "lines": len(released),
            "quantity": sum(one.quantity for one in released),
            "transfers": sorted({one.transfer for one in released}),
        }

    return effects


def _expiry(work: Work) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        needs = allocation.unmet_needs(session, at=work.act.at)
        found = outlook.expiring(session, at=work.act.at, within_days=EXPIRY_DAYS, needs=needs)
        over = [one for one in found if one.days_left < 0]
        outcome = {
            "within_days": EXPIRY_DAYS,
            "lots": len(found),
            "expired_lots": len(over),
            "dispose_quantity": sum(one.use.dispose for one in found),
            "value_minor": sum(one.value_minor or 0 for one in found),
            "named": [
                [one.item, one.lot, one.site, one.expiry.isoformat(), one.quantity] for one in found[:MOST_NAMED]
            ],
        }
        return _noted(session, work, "expiry.scan", outcome)

    return effects


def _dates(work: Work) -> Effects:
    """Contracts that end and options that close soon, and the items that then have none: whoever buys acts before."""

    def effects(session: Session) -> dict[str, Any]:
        today = governance.local_day(session, work.act.at)
        last = today + timedelta(days=CONTRACT_DAYS)
        valid, later = contracts.contracts_valid(session, today), contracts.contracts_valid(session, last)
        lines = contracts.contract_lines(session)
        covered = {line.item_code for line in lines if line.contract_code in later}
        bare = sorted({line.item_code for line in lines if line.contract_code in valid} - covered)
        ending = [row for row in valid.values() if row.ends <= last]
        late = [one.id for one in contracts.calloffs(session, state="approved") if _late(one, work.act)]
        outcome = {
            "within_days": CONTRACT_DAYS,
            "ending": [[row.code, row.ends.isoformat(), row.remaining_minor] for row in ending],
            "items_without_contract_then": bare,
            "options_closing": [_closing(one) for one in _options(session, today, last)],
            "calloffs_overdue": late,
        }
        return _noted(session, work, "contract.dates", outcome)

    return effects


def _options(session: Session, today: date, last: date) -> list[SurgeOption]:
    """Options with units left whose window closes in these days, the first to close first."""
    found = [one for one in terms.options(session) if one.remaining and today <= one.closes <= last]
    return sorted(found, key=lambda one: (one.closes, one.contract_code, one.item_code))


def _closing(one: SurgeOption) -> list[str | int]:
    return [one.contract_code, one.item_code, one.closes.isoformat(), one.remaining]


def _late(calloff: Any, act: Act) -> bool:
    return calloff.expected_at is not None and calloff.expected_at < act.at


def _figures(work: Work) -> Effects:
    """The night's key figures, kept with their numerators and denominators in the run's outcome."""

    def effects(session: Session) -> dict[str, Any]:
        items, today = catalogue.items(session), governance.local_day(session, work.act.at)
        usable: dict[str, int] = {}
        for stock in inventory.usable_pool_stock(session, work.act.at):
            usable[stock.item] = usable.get(stock.item, 0) + stock.quantity
        floors = inventory.floors(session, today)
        waiting = contracts.calloffs(session, state="proposed")
        outcome = {
            "items": len(items),
            "items_without_usable_stock": sorted(code for code in items if not usable.get(code)),
            "items_with_floor": len(floors),
            "items_below_floor": sorted(code for code, floor in floors.items() if usable.get(code, 0) < floor),
            "calloffs_waiting": len(waiting),
        }
        return _noted(session, work, "kpi.snapshot", outcome)

    return effects


def _seal(work: Work) -> Effects:
    """Seal what is not sealed yet, in transactions of its own; dry, it says how much waits."""
    if not work.dry and work.home is not None:
        with reading(work.engine) as session:
            signer = sealing.signer_of(session, work.home)
        sealing.seal(work.engine, signer, at=work.act.recorded_at)

    def effects(session: Session) -> dict[str, Any]:
        return {"sealed": sealed.latest_size(session), "waiting": sealed.unsealed(session)}

    return effects


class _Kept:
    """Who takes this process's backups; None where there is no place for them."""

    by: Keeper | None = None


def keep_backups_with(keeper: Keeper | None) -> None:
    """From now on the backup job of this process works by this; backups lie above the jobs."""
    _Kept.by = keeper


def _backup(work: Work) -> Effects:
    """Take the night's backup and prove it, outside of any transaction; once a night, whoever is asked."""
    keeper = _Kept.by
    if keeper is None:
        told: dict[str, Any] = {"backup": None, "why": "no place is set for backups: STOCKPILE_BACKUP_DIR"}
    elif work.dry:
        told = {"backup": None, "why": "dry: a backup would be taken and proven, unless tonight's is there"}
    else:
        told = keeper(work.engine, work.act.recorded_at)
    return lambda session: told


def _noted(session: Session, work: Work, action: str, outcome: dict[str, Any]) -> dict[str, Any]:
    journal.record(session, work.act, action=action, subject=f"slot:{work.slot}", payload=outcome)
    return outcome


def _forecast(work: Work) -> Effects:
    made = forecasting.draft(
        work.engine, work.act, limit_seconds=max(work.limit_seconds, FORECAST_SECONDS), tell=work.tell
    )

    def effects(session: Session) -> dict[str, Any]:
        told = forecasting.store(session, work.act, made=made, slot=work.slot)
        return {**told, "outlook_figures": outlooks.issue(session, work.act)}

    return effects


def _forgetting(work: Work) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        days = storeroom.figure(session, REPLY_DAYS)
        before = work.act.recorded_at - timedelta(days=days)
        replies = idempotency.forget(session, before=before)
        return {"days": days, "replies": replies, "sign_ins": accounts.forget_tokens(session, before=before)}

    return effects


def _publications(work: Work) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        published = publishing.publish_due(session, work.act)
        return {"plans": [one.plan_id for one in published], "erased": privacy.erase_due(session, work.act)}

    return effects


def _committee(work: Work) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        return {"closed": [[one.id, one.state] for one in committee.close_due(session, work.act)]}

    return effects


def _disparities(work: Work) -> Effects:
    """What the figures show to be amiss gets an action with an owner and a day, once."""

    def effects(session: Session) -> dict[str, Any]:
        made = remedying.open_found(session, work.act)
        return {"remedies": [[one.id, one.owner, one.disparity] for one in made]}

    return effects


JOBS: Final[dict[str, Job]] = {
    "forecast": Job("forecasts of use", "forecast.run", When(0, 1, time_zone=""), _forecast),
    "reorder": Job("reorder proposals", "reorder.run", When(0, 2, time_zone=""), _reorder),
    "reservations": Job("reservations whose time is over", "reservations.run", When(5), _reservations),
    "expiry": Job("lots that expire soon", "scan.run", When(0, 3, time_zone=""), _expiry),
    "dates": Job("contracts that end, orders overdue", "scan.run", When(10, 3, time_zone=""), _dates),
    "figures": Job("key figures of the night", "scan.run", When(30, 3, time_zone=""), _figures),
    "forgetting": Job("old replies and sign-ins", "forgetting.run", When(40, 2, time_zone=""), _forgetting),
    "publications": Job("what the public may see now", "publications.run", When(20), _publications),
    "committee": Job("votes and ratifications whose time is over", "committee.run", When(10), _committee),
    "disparities": Job("disparities that the figures show", "remedy.find", When(50, 3, time_zone=""), _disparities),
    "seal": Job("sealing of the journal", "scan.run", When(45, 3, time_zone=""), _seal),
    "backup": Job("backup of the night, and its proof", "scan.run", When(0, 1, time_zone=""), _backup),
}
"""Every job by name."""
