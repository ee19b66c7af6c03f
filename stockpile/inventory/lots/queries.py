"""Why this lot, or why not: every shelf that holds it, asked for one member and place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility, queries
from stockpile.inventory.tables import Balance, Beneficiary, LotRestriction


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether what stands on a balance may serve: `reason` a key of OBSTACLES and `sentence` its words, or empty."""

    site: str
    owner: str
    status: str
    quantity: int
    fit: bool
    reason: str
    sentence: str


def restrictions(session: Session, lot_id: int) -> list[LotRestriction]:
    """Every restriction that a lot has or had, in order; refuses an unknown lot."""
    queries.lot(session, lot_id)
    query = select(LotRestriction).where(LotRestriction.lot_id == lot_id).order_by(col(LotRestriction.id))
    return list(session.exec(query))


def beneficiaries(session: Session) -> list[Beneficiary]:
    """Who is admitted to the goods of which donor or contract."""
    order = (col(Beneficiary.kind), col(Beneficiary.value), col(Beneficiary.member_code))
    return list(session.exec(select(Beneficiary).order_by(*order)))


def fitness(
    session: Session, *, lot_id: int, member: str, place: str, at: datetime, need_by: datetime | None = None
) -> list[Fitness]:
    """For each balance of a lot, whether it may serve this member at this place if it leaves at that instant.

    What lies there already is asked as it lies. Refuses an unknown lot, member or site.
    """
    lot, to = queries.lot(session, lot_id), queries.site(session, place)
    governance.member(session, member)
    item = catalogue.item(session, lot.item_code)
    wish = eligibility.Wish(
        licensed=(item.code, to.country) in catalogue.licences(session),
        need_by=need_by or eligibility.WHENEVER,
        use_days=item.use_days,
        cold_chain=item.cold_chain,
        cold_store=to.cold_store,
        member=member,
        country=to.country,
    )
    ways, restricted = queries.routes(session), queries.restrictions(session, [lot_id])
    ways[place, place] = eligibility.here(to.time_zone)
    found = []
    for row in _standing(session, lot_id):
        goods = queries.goods(lot, restricted, owner=row.owner, status=row.status)
        why = eligibility.obstacle(goods, wish, leaves=at, route=ways.get((row.site_code, place))) or ""
        words = eligibility.in_words(why, goods.restrictions) if why else ""
        found.append(Fitness(row.site_code, row.owner, row.status, row.quantity, not why, why, words))
    return found


def _standing(session: Session, lot_id: int) -> list[Balance]:
    order = (col(Balance.site_code), col(Balance.owner), col(Balance.status))
    return list(session.exec(select(Balance).where(Balance.lot_id == lot_id, Balance.quantity > 0).order_by(*order)))
