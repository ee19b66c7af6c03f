"""What may be given instead of an item: a pharmacist's word, for one country and a time, and revocable."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.catalogue import operations, queries
from stockpile.catalogue.queries import Substitute, UnknownItem
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, faults

TODAY = NOW.date()


def propose(engine: Engine, cast: Cast, *, by: str = "coordinator", **changed: Any) -> int:
    """Propose pump seals for tablets (in the ratio two to five); the number."""
    plain: dict[str, Any] = {
        "item": "TAB",
        "substitute": "VIAL",
        "country": "BE",
        "units": 2,
        "per_units": 5,
        "valid_from": TODAY,
        "valid_through": TODAY + timedelta(days=30),
        "reason": "shortage",
    }
    return do(engine, operations.propose_substitute, acting(cast[by]), **(plain | changed)).id or 0


def decide(engine: Engine, cast: Cast, number: int, *, approve: bool = True, by: str = "pharmacist") -> Any:
    """The pharmacist's decision."""
    given = {"number": number, "approve": approve, "reason": "same active substance"}
    return do(engine, operations.decide_substitute, acting(cast[by]), **given)


def approved(engine: Engine, *, on: date = TODAY, country: str = "BE") -> dict[str, list[Substitute]]:
    """What may be substituted that day."""
    with reading(engine) as session:
        return queries.approved_substitutes(session, on=on, country=country)


def test_a_substitute_holds_once_a_pharmacist_approved_it_in_its_country_and_time(region: Engine, cast: Cast) -> None:
    number = propose(region, cast)
    assert approved(region) == {}
    row = decide(region, cast, number)
    assert (row.state, row.decided_by, row.decided_at) == ("approved", cast["pharmacist"].id, NOW)
    assert approved(region) == {"TAB": [Substitute(number, "VIAL", 2, 5)]}
    assert approved(region, country="DE") == {}
    assert approved(region, on=TODAY + timedelta(days=30)) != {}
    assert approved(region, on=TODAY + timedelta(days=31)) == {}
    assert approved(region, on=TODAY - timedelta(days=1)) == {}
    assert faults(region) == []


def test_a_ratio_is_rounded_up_to_whole_units() -> None:
    two_for_five = Substitute(1, "VIAL", 2, 5)
    assert [two_for_five.needed(quantity) for quantity in (0, 1, 5, 6, 100)] == [0, 1, 2, 3, 40]


def test_only_a_pharmacist_decides_and_never_on_their_own_proposal(region: Engine, cast: Cast) -> None:
    number = propose(region, cast)
    for other in ("logistics", "committee", "coordinator2", "administrator"):
        with pytest.raises(Missing):
            decide(region, cast, number, by=other)
    mine = propose(region, cast, by="pharmacist2")
    with pytest.raises(OwnWork):
        decide(region, cast, mine, by="pharmacist2")
    with pytest.raises(Missing):
        propose(region, cast, by="requester")


def test_a_declined_or_revoked_substitute_is_none(region: Engine, cast: Cast) -> None:
    declined = propose(region, cast)
    decide(region, cast, declined, approve=False)
    with pytest.raises(operations.SubstitutionState, match="declined, not proposed"):
        decide(region, cast, declined)
    number = propose(region, cast)
    decide(region, cast, number)
    revoke = {"number": number, "reason": "reactions reported"}
    with pytest.raises(Missing):
        do(region, operations.revoke_substitute, acting(cast["committee"]), **revoke)
    do(region, operations.revoke_substitute, acting(cast["pharmacist2"]), **revoke)
    assert approved(region) == {}
    with pytest.raises(operations.SubstitutionState, match="revoked, not approved"):
        do(region, operations.revoke_substitute, acting(cast["pharmacist"]), **revoke)


def test_what_is_not_licensed_in_the_country_is_no_substitute_there(region: Engine, cast: Cast) -> None:
    number = propose(region, cast, country="NL")
    with pytest.raises(operations.SubstituteNotLicensed, match="VIAL is not licensed in NL"):
        decide(region, cast, number)


def test_the_same_substitute_is_not_approved_twice_for_one_time(region: Engine, cast: Cast) -> None:
    decide(region, cast, propose(region, cast))
    overlapping = propose(region, cast, valid_from=TODAY + timedelta(days=30), valid_through=None)
    with pytest.raises(operations.SubstituteOverlaps):
        decide(region, cast, overlapping)
    decide(region, cast, propose(region, cast, valid_from=TODAY + timedelta(days=31), valid_through=None))


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"substitute": "TAB"}, Invalid),
        ({"substitute": "NONE"}, UnknownItem),
        ({"units": 0}, Invalid),
        ({"valid_through": TODAY - timedelta(days=1)}, Invalid),
        ({"reason": " "}, Invalid),
    ],
)
def test_nonsense_is_not_proposed(region: Engine, cast: Cast, changed: dict[str, Any], refusal: type) -> None:
    with pytest.raises(refusal):
        propose(region, cast, **changed)


def test_imported_flags_say_unverified_until_a_pharmacist_confirms_them(region: Engine, cast: Cast) -> None:
    from stockpile.inventory.quality import operations as quality

    with reading(region) as session:
        assert {one.verified for one in queries.items(session).values()} == {False}
    given = {"item": "TAB", "cold_chain": False, "controlled": False, "storage": "<=25C"}
    logistics = cast.engage("stores", Grant("logistics"))
    with pytest.raises(Missing):
        do(region, quality.verify_item, acting(logistics), **given)
    assert do(region, quality.verify_item, acting(cast["pharmacist"]), **given).verified
