"""May this lot serve that place? One answer, for planning, picking and dispatch alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stockpile.inventory import eligibility as rules
from stockpile.inventory.eligibility import OBSTACLES, Goods, Restriction, Wish, obstacle, usable_through
from stockpile.inventory.rules import Route

LEAVES = datetime(2020, 3, 30, 8, tzinfo=UTC)
EXPIRY = date(2020, 4, 30)
BERLIN = Route(minutes=60, cold_chain=False, cost_minor=5, time_zone="Europe/Berlin")
WISH = Wish(licensed=True, need_by=LEAVES + timedelta(hours=2), use_days=7, cold_chain=False)


def asked(route: Route | None = BERLIN, *, expiry: date = EXPIRY, on_hold: bool = False, **wish: Any) -> str | None:
    """The obstacle where the wish differs from a plain one in these points."""
    changed = Wish(**{**{name: getattr(WISH, name) for name in Wish.__slots__}, **wish})
    return obstacle(Goods(expiry, on_hold), changed, leaves=LEAVES, route=route)


@pytest.mark.parametrize(
    ("why", "given"),
    [
        (None, {}),
        (rules.NOT_LICENSED, {"licensed": False}),
        (rules.ON_HOLD, {"on_hold": True}),
        (rules.NO_LANE, {"route": None}),
        (rules.NO_COLD_LANE, {"cold_chain": True}),
        (None, {"cold_chain": True, "route": Route(60, True, 5, "Europe/Berlin")}),
        (rules.TOO_LATE, {"need_by": LEAVES + timedelta(minutes=59)}),
        (None, {"need_by": LEAVES + timedelta(minutes=60)}),
        (rules.SHELF_LIFE, {"expiry": date(2020, 4, 5)}),
        (None, {"expiry": date(2020, 4, 6)}),
        (None, {"expiry": date(2020, 3, 30), "use_days": 0}),
        (rules.SHELF_LIFE, {"expiry": date(2020, 3, 29), "use_days": 0}),
        (rules.NOT_LICENSED, {"licensed": False, "on_hold": True, "route": None, "expiry": date(2020, 1, 1)}),
        (rules.ON_HOLD, {"on_hold": True, "route": None, "need_by": LEAVES}),
        (rules.TOO_LATE, {"need_by": LEAVES, "expiry": date(2020, 1, 1)}),
    ],
)
def test_a_lot_serves_a_place_unless_there_is_an_obstacle(why: str | None, given: dict[str, Any]) -> None:
    assert asked(**given) == why


@pytest.mark.parametrize(
    ("leaves", "zone", "why"),
    [
        # 23:30 UTC on the expiry day is the next day already in Amsterdam (summer time, two hours ahead)
        (datetime(2020, 4, 30, 21, 30, tzinfo=UTC), "UTC", None),
        (datetime(2020, 4, 30, 21, 30, tzinfo=UTC), "Europe/Amsterdam", rules.SHELF_LIFE),
        (datetime(2020, 4, 30, 20, 59, tzinfo=UTC), "Europe/Amsterdam", None),
        # and the next day in UTC is still the expiry day in New York
        (datetime(2020, 5, 1, 2, 30, tzinfo=UTC), "UTC", rules.SHELF_LIFE),
        (datetime(2020, 5, 1, 2, 30, tzinfo=UTC), "America/New_York", None),
        (datetime(2020, 5, 1, 3, 30, tzinfo=UTC), "America/New_York", rules.SHELF_LIFE),
    ],
)
def test_a_lot_is_usable_through_its_expiry_day_where_it_is_used(leaves: datetime, zone: str, why: str | None) -> None:
    route = Route(minutes=60, cold_chain=False, cost_minor=5, time_zone=zone)
    wish = Wish(licensed=True, need_by=leaves + timedelta(days=1), use_days=0, cold_chain=False)
    assert obstacle(Goods(EXPIRY), wish, leaves=leaves, route=route) == why


def test_the_night_the_clocks_change_does_not_move_the_last_day() -> None:
    route = Route(minutes=60, cold_chain=False, cost_minor=5, time_zone="Europe/Brussels")
    before, after = datetime(2020, 3, 28, 21, 59, tzinfo=UTC), datetime(2020, 3, 29, 20, 59, tzinfo=UTC)
    wish = Wish(licensed=True, need_by=after + timedelta(days=1), use_days=0, cold_chain=False)
    for leaves, expiry in ((before, date(2020, 3, 28)), (after, date(2020, 3, 29))):
        assert obstacle(Goods(expiry), wish, leaves=leaves, route=route) is None


def test_days_of_use_are_counted_back_from_the_expiry() -> None:
    assert usable_through(date(2020, 3, 7), 7) == date(2020, 2, 29)


def test_every_obstacle_is_said_in_words() -> None:
    named = {value for name, value in vars(rules).items() if name.isupper() and isinstance(value, str)}
    kinds = {rules.COUNTRY, rules.MEMBER, rules.DONOR, rules.CONTRACT, rules.POOL, rules.AVAILABLE}
    assert set(OBSTACLES) == (named - kinds) | set(rules.RESTRICTED.values())
    assert all(words and words[0].islower() for words in OBSTACLES.values())


def of(goods: Goods, **wish: Any) -> str | None:
    """The obstacle to a plain wish of these goods, changed in these points."""
    changed = Wish(**{**{name: getattr(WISH, name) for name in Wish.__slots__}, **wish})
    return obstacle(goods, changed, leaves=LEAVES, route=BERLIN)


FOR_BELGIUM, FOR_GERMANY = Restriction("country", "BE"), Restriction("country", "DE")
FOR_VAALS = Restriction("member", "NL-1")
GIVEN = Restriction("donor", "Red Cross", frozenset({"NL-1", "DE-1"}))
PROGRAMME = Restriction("contract", "UC-1", frozenset({"DE-1"}))


@pytest.mark.parametrize(
    ("why", "goods", "wish"),
    [
        (rules.RECALLED, Goods(EXPIRY, recalled=True, on_hold=True), {}),
        (rules.NOT_AVAILABLE, Goods(EXPIRY, status="quarantine"), {}),
        (None, Goods(EXPIRY, status="reserved"), {"status": "reserved"}),
        (rules.OWNED, Goods(EXPIRY, owner="DE-1"), {"member": "NL-1", "country": "NL"}),
        (None, Goods(EXPIRY, owner="NL-1"), {"member": "NL-1", "country": "NL"}),
        (None, Goods(EXPIRY, restrictions=(FOR_BELGIUM, FOR_GERMANY)), {"member": "DE-1", "country": "DE"}),
        ("restricted_country", Goods(EXPIRY, restrictions=(FOR_BELGIUM,)), {"member": "DE-1", "country": "DE"}),
        ("restricted_member", Goods(EXPIRY, restrictions=(FOR_VAALS,)), {"member": "DE-1", "country": "DE"}),
        ("restricted_donor", Goods(EXPIRY, restrictions=(GIVEN,)), {"member": "BE-1", "country": "BE"}),
        (None, Goods(EXPIRY, restrictions=(GIVEN,)), {"member": "DE-1", "country": "DE"}),
        ("restricted_contract", Goods(EXPIRY, restrictions=(GIVEN, PROGRAMME)), {"member": "NL-1", "country": "NL"}),
        (None, Goods(EXPIRY, restrictions=(GIVEN, PROGRAMME)), {"member": "DE-1", "country": "DE"}),
        (None, Goods(EXPIRY, restrictions=(FOR_BELGIUM,)), {}),
        ("not_licensed", Goods(EXPIRY, recalled=True), {"licensed": False}),
    ],
)
def test_law_state_owner_and_conditions_of_a_lot_come_before_the_way(
    why: str | None, goods: Goods, wish: dict[str, Any]
) -> None:
    assert of(goods, **wish) == why


def test_cold_goods_do_not_go_where_there_is_no_cold_store_but_may_where_nobody_has_said() -> None:
    cold = Route(minutes=60, cold_chain=True, cost_minor=5, time_zone="Europe/Berlin")
    for known, why in ((False, rules.NO_COLD_STORE), (None, None), (True, None)):
        assert asked(cold, cold_chain=True, cold_store=known) == why


def test_the_words_say_what_a_lot_is_restricted_to() -> None:
    words = rules.in_words("restricted_country", (FOR_GERMANY, FOR_BELGIUM, FOR_VAALS))
    assert words == "the lot is restricted to other countries (it is for BE, DE)"
