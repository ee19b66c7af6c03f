"""What is known of the lots and sites that postings name: each in one question, which `bulk` asks with others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlmodel import Session

from stockpile import bulk
from stockpile.inventory.eligibility import Restriction


@dataclass(frozen=True, slots=True)
class LotFacts:
    """A lot with its item. `pack_price_minor`: the dearest price of a pack under any contract, None without one."""

    lot_id: int
    lot: str
    item: str
    expiry: date
    on_hold: bool
    recalled: bool
    needs_release: bool
    cold_chain: bool
    controlled: bool
    serialised: bool
    pack_size: int
    pack_price_minor: int | None


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """A site, what it keeps in quarantine on arrival, and whether anybody has said how much it can keep."""

    code: str
    kind: str
    time_zone: str
    country: str
    release_cold_chain: bool
    release_controlled: bool
    limited: bool


Lots = Mapping[int, LotFacts]


def asking_lots(numbers: Iterable[int]) -> bulk.Question:
    """The question for these lots; `lots` reads the answer."""
    return bulk.Question(_LOTS, "id bigint", [{"id": number} for number in sorted(numbers)])


def lots(found: bulk.Answer) -> dict[int, LotFacts]:
    """Those of the lots that are there, by number."""
    return {
        number: LotFacts(number, lot, item, bulk.day(expiry), *map(bool, flags), pack_size, price)  # type: ignore[call-arg]
        for number, lot, item, expiry, *flags, pack_size, price in found
    }


def lots_of(session: Session, numbers: Iterable[int]) -> dict[int, LotFacts]:
    """Those of the lots that are there, by number; at once."""
    session.flush()
    return lots(bulk.ask(session, [asking_lots(numbers)])[0])


def asking_sites(codes: Iterable[str]) -> bulk.Question:
    """The question for these sites; `sites` reads the answer."""
    return bulk.Question(_SITES, "code text", [{"code": code} for code in sorted(codes)])


def sites(found: bulk.Answer) -> dict[str, SiteFacts]:
    """Those of the sites that are there, by code."""
    return {row[0]: SiteFacts(*row[:4], *map(bool, row[4:])) for row in found}


def asking_conditions(numbers: Iterable[int]) -> list[bulk.Question]:
    """The questions for what restricts these lots and where items are licensed; `conditions` reads the answers."""
    rows = [{"id": number} for number in sorted(numbers)]
    return [bulk.Question(_RESTRICTIONS, "id bigint", rows), bulk.Question(_LICENCES, "id bigint", rows)]


@dataclass(frozen=True, slots=True)
class Conditions:
    """By lot: what restricts it, with who is admitted to the goods; the countries that its item is licensed in."""

    restrictions: Mapping[int, tuple[Restriction, ...]]
    countries: Mapping[int, frozenset[str]]


def conditions(restricted: bulk.Answer, licensed: bulk.Answer) -> Conditions:
    """The conditions of the lots that have any."""
    admitted: dict[tuple[int, int, str, str], set[str]] = {}
    for lot, number, kind, value, member in restricted:
        admitted.setdefault((lot, number, kind, value), set()).update([member] if member is not None else [])
    restrictions: dict[int, tuple[Restriction, ...]] = {}
    for (lot, _, kind, value), members in admitted.items():
        restrictions[lot] = (*restrictions.get(lot, ()), Restriction(kind, value, frozenset(members)))
    countries: dict[int, set[str]] = {}
    for lot, country in licensed:
        countries.setdefault(lot, set()).add(country)
    return Conditions(restrictions, {lot: frozenset(found) for lot, found in countries.items()})


_LOTS: Final = (
    "SELECT l.id, l.code, i.code, l.expiry, l.on_hold, l.recalled, i.needs_release, i.cold_chain, i.controlled,"
    " i.serialised, i.pack_size, (SELECT max(t.pack_price_minor) FROM price_tier t WHERE t.item_code = i.code)"
    " FROM {rows} JOIN lot l ON l.id = r.id JOIN item i ON i.code = l.item_code"
)
_SITES: Final = (
    "SELECT s.code, s.kind, s.time_zone, s.country, q.release_cold_chain, q.release_controlled,"
    " EXISTS (SELECT 1 FROM site_capacity c WHERE c.site_code = s.code)"
    " FROM {rows} JOIN site s ON s.code = r.code LEFT JOIN receiving_rule q ON q.site_code = s.code"
)
_RESTRICTIONS: Final = (
    "SELECT x.lot_id, x.id, x.kind, x.value, b.member_code FROM {rows}"
    " JOIN lot_restriction x ON x.lot_id = r.id AND x.lifted_at IS NULL"
    " LEFT JOIN beneficiary b ON b.kind = x.kind AND b.value = x.value ORDER BY x.id"
)
_LICENCES: Final = (
    "SELECT r.id, c.country FROM {rows} JOIN lot l ON l.id = r.id JOIN licence c ON c.item_code = l.item_code"
)
