"""Taking in a logger's file: kept once, judged with what is known around it, its excursions set lots apart."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue.rules import COLD, RANGES
from stockpile.db import insert_missing
from stockpile.errors import Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.quality.rules import Excursion, Reading, excursions
from stockpile.inventory.quality.tables import TemperatureReading
from stockpile.inventory.temperatures import rules
from stockpile.inventory.temperatures.tables import TemperatureLog

AROUND = timedelta(days=1)
"""So much before and after a file is looked at again: an excursion may begin in one file and end in the next."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says: readings new and known, excursions, gaps, base units set apart, lots that have left since.

    `again`: the very file was taken in before, and nothing was changed.
    """

    readings: int
    new: int
    excursions: list[tuple[str, Excursion]]
    gaps: list[rules.Gap]
    set_apart: int
    left_since: list[str]
    again: bool = False
    dry_run: bool = False


class _DryRun(Exception):
    """Undo what was done to see what it would do."""


def import_log(
    session: Session,
    act: Act,
    *,
    site: str,
    text: str,
    name: str,
    key: str,
    storage_class: str = COLD,
    dry_run: bool = False,
) -> Found:
    """Take in the CSV of a site's loggers, all or nothing; with `dry_run` say what would come of it and undo it.

    An excursion outside the range of the storage class for longer than is
    tolerated sets the lots of that class that were at the site then apart.
    Gaps longer than that are named. The same file again changes nothing.
    """
    require(act.actor, "temperature.report", site=site)
    queries.site(session, site)
    if storage_class not in RANGES:
        raise Invalid(f"there is no storage class {storage_class}: {', '.join(RANGES)}", field="storage_class")
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = session.exec(
        select(TemperatureLog).where(TemperatureLog.site_code == site, TemperatureLog.digest == digest)
    )
    before = known.one_or_none()
    if before is not None:
        return Found(before.readings, 0, [], [], 0, [], again=True, dry_run=dry_run)
    logged = rules.read_log(text, site=site, latest=act.at)
    log = _log(act, logged, site_code=site, digest=digest, name=name, storage_class=storage_class)
    found: list[Found] = []
    try:
        with session.begin_nested():
            found.append(_take_in(session, act, log, logged, key=key))
            if dry_run:
                raise _DryRun
    except _DryRun:
        session.expire_all()
    return found[0] if not dry_run else _dry(found[0])


def _log(act: Act, logged: Sequence[rules.Logged], **named: Any) -> TemperatureLog:
    """The file's own row, before anything is found in it."""
    return TemperatureLog(
        **named,
        begins=min(one.at for one in logged),
        ends=max(one.at for one in logged),
        readings=len(logged),
        excursions=0,
        gaps=0,
        set_apart=0,
        imported_by=act.actor.id,
        imported_at=act.at,
    )


def _dry(found: Found) -> Found:
    return Found(
        found.readings, found.new, found.excursions, found.gaps, found.set_apart, found.left_since, dry_run=True
    )


def _take_in(session: Session, act: Act, log: TemperatureLog, logged: Sequence[rules.Logged], *, key: str) -> Found:
    around = _around(session, log)
    faults = [
        f"sensor '{one.sensor}' has {around[one.sensor, one.at] / 1000} on record at {one.at.isoformat()}, "
        f"the file says {one.milli_celsius / 1000}"
        for one in logged
        if around.get((one.sensor, one.at), one.milli_celsius) != one.milli_celsius
    ]
    if faults:
        raise rules.bad_log(faults)
    new = [one for one in logged if (one.sensor, one.at) not in around]
    rows = [
        {"site_code": log.site_code, "sensor": x.sensor, "read_at": x.at, "milli_celsius": x.milli_celsius} for x in new
    ]
    insert_missing(session, TemperatureReading, rows)
    series = sorted({*new, *(rules.Logged(sensor, at, milli) for (sensor, at), milli in around.items())})
    allowed, fresh = RANGES[log.storage_class], {(one.sensor, one.at) for one in new}
    outside = [
        (sensor, one)
        for sensor, readings in _by_sensor(series).items()
        for one in excursions(readings, allowed)
        if any(s == sensor and one.begins <= at <= one.ends for s, at in fresh)
    ]
    gaps = [
        gap
        for gap in rules.gaps(series, longest=allowed.tolerated)
        if (gap.sensor, gap.begins) in fresh or (gap.sensor, gap.ends) in fresh
    ]
    apart, left = quality.set_class_apart(
        session, act, site=log.site_code, storage_class=log.storage_class, key=key, found=[one for _, one in outside]
    )
    log.excursions, log.gaps, log.set_apart = len(outside), len(gaps), apart
    session.add(log)
    session.flush()
    payload = {"digest": log.digest, "new": len(new), "excursions": len(outside), "gaps": len(gaps), "apart": apart}
    journal.record(session, act, action="temperature.import", subject=f"site:{log.site_code}", payload=payload)
    return Found(len(logged), len(new), outside, gaps, apart, left)


def _by_sensor(series: Sequence[rules.Logged]) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = defaultdict(list)
    for one in series:
        found[one.sensor].append(Reading(one.at, one.milli_celsius))
    return dict(found)


def _around(session: Session, log: TemperatureLog) -> dict[tuple[str, datetime], int]:
    """What is on record about the site's sensors from a day before the file to a day after it."""
    query = select(TemperatureReading).where(
        TemperatureReading.site_code == log.site_code,
        col(TemperatureReading.read_at).between(log.begins - AROUND, log.ends + AROUND),
    )
    return {(row.sensor, row.read_at): row.milli_celsius for row in session.exec(query)}
