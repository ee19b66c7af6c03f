"""Whether stock may be used is said once: the pure predicate and its SQL form give the same answer."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlmodel import Session

import stockpile
from stockpile.catalogue import queries as catalogue
from stockpile.db import table_of
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility, queries
from stockpile.inventory.eligible_rows import by_its_owner, in_general, time_zones
from stockpile.inventory.rules import AVAILABLE, POINT_OF_USE, POOL, STATUSES
from stockpile.inventory.tables import Balance, Beneficiary, Lot, LotRestriction, Site
from tests.conftest import NOW

SITES, MEMBERS = ("D-BE", "D-DE", "H-BE", "H-DE", "H-NL"), ("BE-1", "DE-1", "NL-1")
RESTRICTION = st.one_of(
    st.tuples(st.just("country"), st.sampled_from(("BE", "DE", "NL"))),
    st.tuples(st.just("member"), st.sampled_from(MEMBERS)),
    st.tuples(st.sampled_from(("donor", "contract")), st.sampled_from(("A", "B"))),
)
STATUS = st.one_of(st.just(AVAILABLE), st.sampled_from(STATUSES))
LOT = st.fixed_dictionaries(
    {
        "item": st.sampled_from(("TAB", "VIAL")),
        "days": st.integers(-1, 2),
        "on_hold": st.sampled_from((False, False, False, True)),
        "recalled": st.sampled_from((False, False, False, True)),
        "restrictions": st.lists(st.tuples(RESTRICTION, st.booleans()), max_size=3),
        "shelves": st.lists(
            st.tuples(st.sampled_from(SITES), st.sampled_from((POOL, *MEMBERS)), STATUS),
            min_size=1,
            max_size=6,
            unique=True,
        ),
    }
)
LATE = datetime(2020, 3, 30, 22, 30, tzinfo=UTC)
"""Half past midnight already in Central Europe; another time zone of the law is still on the day before."""


def stored(session: Session, number: int, drawn: dict[str, Any]) -> None:
    """A lot as drawn, with its shelves and restrictions."""
    lot = Lot(
        item_code=drawn["item"],
        gtin="",
        code=f"DRAWN-{number}",
        expiry=date(2020, 3, 30) + timedelta(days=drawn["days"]),
        on_hold=drawn["on_hold"],
        recalled=drawn["recalled"],
    )
    session.add(lot)
    session.flush()
    for site, owner, status in drawn["shelves"]:
        session.add(Balance(lot_id=lot.id, site_code=site, owner=owner, status=status, quantity=1, version=1))
    for (kind, value), lifted in drawn["restrictions"]:
        ended = {"lifted_by": 0, "lifted_at": NOW} if lifted else {}
        session.add(LotRestriction(lot_id=lot.id, kind=kind, value=value, reason="drawn", set_by=0, since=NOW, **ended))


def by_rule(session: Session, at: datetime) -> tuple[set[int], set[int]]:
    """Balances usable in general, and by their owner, as the pure predicate says."""
    sites, restricted = queries.sites(session), queries.restrictions(session)
    licences, members = catalogue.licences(session), governance.members(session)
    general, owned = set(), set()
    for row in session.exec(select(Balance)).scalars():  # type: ignore[call-overload]
        lot, site = session.get_one(Lot, row.lot_id), sites[row.site_code]
        goods = queries.goods(lot, restricted, owner=row.owner, status=row.status)
        here = eligibility.here(site.time_zone)
        if eligibility.obstacle(goods, eligibility.IN_GENERAL, leaves=at, route=here) is None:
            general.add(row.id)
        if row.owner == POOL:
            continue
        country = site.country if site.kind == POINT_OF_USE else members[row.owner].country
        wish = eligibility.Wish(licensed=(lot.item_code, country) in licences, member=row.owner, country=country)
        if eligibility.obstacle(goods, wish, leaves=at, route=here) is None:
            owned.add(row.id)
    return general, owned


def by_sql(session: Session, at: datetime) -> tuple[set[int], set[int]]:
    """The same in SQL."""
    b, lot, site = table_of(Balance), table_of(Lot), table_of(Site)
    rows = select(b.c.id).join_from(b, lot, lot.c.id == b.c.lot_id).join(site, site.c.code == b.c.site_code)
    zones, connection = time_zones(session), session.connection()
    general = connection.scalars(rows.where(in_general(zones, at)))
    owned = connection.scalars(rows.where(b.c.owner != POOL, by_its_owner(zones, at)))
    return set(general), set(owned)


def test_the_predicate_and_its_sql_form_say_the_same(region: Engine) -> None:
    seen = {"usable": 0, "not": 0}

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        lots=st.lists(LOT, min_size=1, max_size=4),
        admitted=st.sets(
            st.tuples(st.sampled_from(("donor", "contract")), st.sampled_from(("A", "B")), st.sampled_from(MEMBERS))
        ),
        zone=st.sampled_from(("Europe/Berlin", "America/New_York", "Asia/Tokyo")),
        at=st.sampled_from((NOW, LATE)),
    )
    def law(lots: list[dict[str, Any]], admitted: set[tuple[str, str, str]], zone: str, at: datetime) -> None:
        with Session(region) as session:
            session.get_one(Site, "D-DE").time_zone = zone
            for number, drawn in enumerate(lots):
                stored(session, number, drawn)
            for kind, value, member in admitted:
                session.add(Beneficiary(kind=kind, value=value, member_code=member, admitted_by=0, since=NOW))
            session.flush()
            rule, sql = by_rule(session, at), by_sql(session, at)
            session.rollback()
        assert rule == sql
        seen["usable"] += len(rule[1])
        seen["not"] += sum(len(drawn["shelves"]) for drawn in lots) - len(rule[1])

    law()
    assert min(seen.values()) > 20, "the law saw both answers"


def test_totals_ask_the_predicate(region: Engine) -> None:
    with Session(region) as session:
        before = queries.member_stock(session, NOW)
        old = session.exec(select(Lot).where(Lot.item_code == "TAB")).scalars().first()  # type: ignore[call-overload]
        session.add(Balance(lot_id=old.id, site_code="H-NL", owner="NL-1", status="available", quantity=7, version=1))
        session.flush()
        had = queries.member_stock(session, NOW)
        old.recalled = True
        session.flush()
        after = queries.member_stock(session, NOW)
        session.rollback()
    assert had == {**before, ("NL-1", "TAB"): 7}
    assert after == before


MAY_COMPARE = {
    "eligibility.py": "the predicate",
    "eligible_rows.py": "its SQL form",
    "inventory/operations.py": "an expiry further off than any goods keep is a slip of the finger",
    "inventory/queries.py": "a list of lots is narrowed by a last expiry day that the reader names",
    "receiving/rules.py": "the contract's clause on shelf life at delivery",
    "quality/operations.py": "an extension must be later than what it extends",
    "kpis/levels.py": "a key figure asks which lots' expiry falls in its period, not which may still serve",
}
"""Files that may set an expiry in order with a day, and why."""


def test_nobody_else_compares_an_expiry_with_a_day() -> None:
    root = Path(stockpile.__file__).parent
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        if "versions" not in path.parts and not any(str(path).endswith(name) for name in MAY_COMPARE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare) and _ordered(node) and _names_expiry(node)
    ]
    assert found == [], "ask stockpile.inventory.eligibility instead"


def _ordered(node: ast.Compare) -> bool:
    return any(isinstance(one, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for one in node.ops)


def _names_expiry(node: ast.Compare) -> bool:
    names = {getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node)}
    return bool(names & {"expiry", "new_expiry", "old_expiry"})


@pytest.mark.parametrize("source", ["lot.expiry < today", "today <= row.expiry", "expiry > day"])
def test_the_search_for_comparisons_finds_them(source: str) -> None:
    (node,) = (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Compare))
    assert _ordered(node)
    assert _names_expiry(node)
    assert not _ordered(ast.parse("a.expiry == b.expiry", mode="eval").body)  # type: ignore[arg-type]
