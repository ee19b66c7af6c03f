"""What expires soon, what it is worth, and what best to do with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from stockpile.contracts import operations as contracts
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.inventory import holding, operations
from stockpile.inventory.lots import operations as lots
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.outlook.queries import Expiring
from stockpile.inventory.outlook.rules import Need, Offer, Price, best_use, routine_use
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do, lot_id, take_in

VAALS, AACHEN = Need("TAB", "NL-1", "H-NL", 50), Need("TAB", "DE-1", "H-DE", 40)
EUROS = Price(450, 10, "EUR")


def listed(engine: Engine, *needs: Need, within_days: int = 30) -> dict[tuple[str, str], Expiring]:
    """The work list, by batch and depot."""
    with reading(engine) as session:
        found = outlook.expiring(session, at=NOW, within_days=within_days, needs=needs)
    return {(one.lot, one.site): one for one in found}


def parts(one: Expiring) -> list[tuple[str, int, int | None, str]]:
    """What is done with it: action, quantity, value saved, where to."""
    return [(part.action, part.quantity, part.value_minor, part.to) for part in one.use.parts]


def test_what_expires_soon_goes_to_who_needs_it_and_the_rest_is_disposed_of(region: Engine) -> None:
    (found,) = listed(region, VAALS, AACHEN).values()
    assert (found.lot, found.site, found.days_left, found.currency) == ("T-OLD", "D-BE", 21, "EUR")
    assert found.value_minor == 200 * 450 // 10
    assert parts(found) == [
        ("move", 50, 2250, "H-NL"),
        ("move", 40, 1800, "H-DE"),
        ("dispose", 110, 0, ""),
    ]
    assert found.use.sentence.startswith("50 to H-NL for NL-1, whose need nobody has served; 40 to H-DE for DE-1")


def test_it_is_moved_only_where_the_one_predicate_lets_it(region: Engine, cast: Cast) -> None:
    given = {"lot_id": lot_id(region, "T-OLD"), "kind": "country", "value": "DE", "reason": "label"}
    do(region, lots.restrict, acting(cast["logistics"]), **given)
    assert [one[3] for one in parts(listed(region, VAALS, AACHEN)["T-OLD", "D-BE"])] == ["H-DE", ""]
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-OLD"), reason="smell")
    assert parts(listed(region, VAALS, AACHEN)["T-OLD", "D-BE"]) == [("dispose", 200, 0, "")]


def test_a_need_and_routine_use_are_counted_for_one_lot_only(region: Engine, cast: Cast) -> None:
    take_in(region, acting(cast["logistics"]), lot="T-MAY", quantity=100, expiry=date(2020, 4, 26))
    with region.begin() as connection:
        connection.execute(text("UPDATE item SET baseline_milli_per_day = 10000 WHERE code = 'TAB'"))
    found = listed(region, Need("TAB", "NL-1", "H-NL", 220))
    assert parts(found["T-OLD", "D-BE"]) == [("move", 200, 9000, "H-NL")]
    assert parts(found["T-MAY", "D-DE"]) == [("move", 20, 900, "H-NL"), ("rotate", 80, 3600, "")]
    alone = listed(region)
    assert [one.use.rotate for one in (alone["T-OLD", "D-BE"], alone["T-MAY", "D-DE"])] == [140, 60]
    assert [one.use.dispose for one in (alone["T-OLD", "D-BE"], alone["T-MAY", "D-DE"])] == [60, 40]


@pytest.mark.parametrize(("from_days", "back"), [(21, True), (22, False)])
def test_its_supplier_takes_it_back_where_the_contract_says_so(
    region: Engine, cast: Cast, from_days: int, back: bool
) -> None:
    ordered = (
        "INSERT INTO calloff (id, contract_code, slot, state, deliver_to, proposed_by, proposed_at, cost_minor,"
        " fee_minor, contract_version,"
        " kind, origin, ended_reason)"
        " VALUES (7, 'UC-2', 's', 'approved', 'D-DE', 0, '2020-03-01 00:00:00', 0, 0, 1, 'normal', 'hand', '')",
        "INSERT INTO calloff_line (id, calloff_id, item_code, packs, quantity, received, pack_price_minor, reason)"
        " VALUES (7, 7, 'TAB', 10, 100, 0, 450, 'short')",
    )
    with region.begin() as connection:
        for statement in ordered:
            connection.execute(text(statement))
    terms: dict[str, Any] = {"contract": "UC-2", "item": "TAB", "percent": 60, "days": from_days}
    do(region, contracts.set_buy_back, acting(cast["buyer"]), reason="clause 9", **terms)
    line = ReceiptLine("TAB", "T-BACK", date(2020, 4, 20), 100, calloff_line=7)
    do(region, operations.receive, acting(cast["logistics"]), site="D-DE", lines=[line], key="k")
    found = listed(region)
    expected = [("return", 100, 2700, "SUP-2")] if back else [("dispose", 100, 0, "")]
    assert parts(found["T-BACK", "D-DE"]) == expected
    assert parts(found["T-OLD", "D-BE"]) == [("dispose", 200, 0, "")]


def test_a_lot_without_a_price_has_no_value_rather_than_none_at_all(region: Engine) -> None:
    with region.begin() as connection:
        connection.execute(text("DELETE FROM price_tier"))
    (found,) = listed(region, VAALS).values()
    assert (found.value_minor, found.currency, found.use.parts[0].value_minor) == (None, "", None)


def test_the_best_use_is_need_then_routine_then_return_then_disposal() -> None:
    offers = [Offer("S-1", "C-1", 20, 30), Offer("S-2", "C-2", 15, 80)]
    use = best_use(quantity=100, needs=[Need("TAB", "NL-1", "H-NL", 30)], routine=25, offers=offers, price=EUROS)
    assert (use.action, use.move, use.rotate, use.give_back, use.dispose) == ("move", 30, 25, 35, 10)
    assert [one.value_minor for one in use.parts] == [1350, 1125, 540, 270, 0]
    assert use.sentence.endswith("10 will expire unused: dispose of it before a witness")
    plain: dict[str, Any] = {"needs": [], "offers": [], "price": None}
    assert best_use(quantity=10, routine=10, **plain).action == "rotate"
    assert best_use(quantity=10, routine=0, **plain).action == "dispose"


def test_routine_use_is_counted_down_and_never_below_nothing() -> None:
    assert routine_use(milli_per_day=2_500, days=10, spoken_for=5) == 20
    assert routine_use(milli_per_day=2_500, days=10, spoken_for=50) == 0
    assert routine_use(milli_per_day=2_500, days=-3, spoken_for=0) == 0


def test_what_expired_already_is_only_disposed_of(region: Engine) -> None:
    with reading(region) as session:
        found = outlook.expiring(session, at=NOW + timedelta(days=40), within_days=0, needs=[VAALS])
    assert [(one.days_left, parts(one)) for one in found] == [(-19, [("dispose", 200, 0, "")])]


def test_terms_of_buying_back_are_whole_and_of_an_item_under_the_contract(region: Engine, cast: Cast) -> None:
    buyer, terms = acting(cast["buyer"]), {"contract": "UC-2", "reason": "clause 9"}
    with pytest.raises(contracts.UnknownLine, match="UC-2 has no item VIAL"):
        do(region, contracts.set_buy_back, buyer, item="VIAL", percent=50, days=90, **terms)
    for percent, days in ((50, None), (0, 90), (101, 90), (50, -1)):
        with pytest.raises(Invalid):
            do(region, contracts.set_buy_back, buyer, item="TAB", percent=percent, days=days, **terms)
