"""`eligibility.obstacle` in SQL, for totals and lists: what is usable where it lies.

Each expression is over the joined rows of `balance`, `lot` and `site`. A law
test holds both forms to the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, case, exists, or_, select
from sqlmodel import Session

from stockpile.catalogue.tables import Licence
from stockpile.db import table_of
from stockpile.governance.tables import Member
from stockpile.inventory.eligibility import CONTRACT, COUNTRY, DONOR, MEMBER, RESTRICTION_KINDS
from stockpile.inventory.rules import AVAILABLE, POINT_OF_USE, local_day
from stockpile.inventory.tables import Balance, Beneficiary, Lot, LotRestriction, Site

_b, _lot, _site = table_of(Balance).c, table_of(Lot).c, table_of(Site).c
_r, _member = table_of(LotRestriction).c, table_of(Member).c


def time_zones(session: Session) -> list[str]:
    """The time zones of all sites."""
    return sorted(session.connection().scalars(select(_site.time_zone).distinct()))


def in_general(zones: Iterable[str], at: datetime) -> ColumnElement[bool]:
    """Usable where it lies by whoever may have it: `obstacle(goods, IN_GENERAL, leaves=at, route=here(zone))`."""
    days = {zone: local_day(at, zone) for zone in zones}
    if not days:
        return _lot.id.is_(None)
    today = case(days, value=_site.time_zone)
    return and_(_b.status == AVAILABLE, _lot.on_hold.is_(False), _lot.recalled.is_(False), _lot.expiry >= today)


def by_its_owner(zones: Iterable[str], at: datetime) -> ColumnElement[bool]:
    """Usable by the member who owns it: besides `in_general`, licensed and not restricted where it is used.

    That is in the country of the point of use where it lies, or of the member where it lies at a depot.
    """
    return and_(in_general(zones, at), _licensed(), *(_meets(kind) for kind in RESTRICTION_KINDS))


def _country() -> ColumnElement[str]:
    home = select(_member.country).where(_member.code == _b.owner).correlate_except(table_of(Member)).scalar_subquery()
    return case((_site.kind == POINT_OF_USE, _site.country), else_=home)


def _licensed() -> ColumnElement[bool]:
    licence = table_of(Licence)
    return _there_is(licence, licence.c.item_code == _lot.item_code, licence.c.country == _country())


def _meets(kind: str) -> ColumnElement[bool]:
    named = and_(_r.lot_id == _lot.id, _r.kind == kind, _r.lifted_at.is_(None))
    restriction = table_of(LotRestriction)
    return or_(~_there_is(restriction, named), _there_is(restriction, named, _allows(kind)))


def _allows(kind: str) -> ColumnElement[bool]:
    if kind in (DONOR, CONTRACT):
        one = table_of(Beneficiary)
        same = (one.c.kind == _r.kind, one.c.value == _r.value, one.c.member_code == _b.owner)
        return _there_is(one, *same)
    wanted = {COUNTRY: _country(), MEMBER: _b.owner}[kind]
    return _r.value == wanted


def _there_is(table: Table, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of this table meets the conditions; every other table named in them is the outer query's."""
    return exists().where(*where).correlate_except(table)
