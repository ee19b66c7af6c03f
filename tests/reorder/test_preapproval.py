"""What a person has approved beforehand goes through at night in that person's name, and nothing else does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import journal
from stockpile.catalogue.tables import Item
from stockpile.db import reading, transact
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing
from stockpile.governance.tables import Account
from stockpile.reorder import operations, preapproval
from stockpile.reorder.tables import BuyingPolicy
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.reorder.buying import calloffs, drafted, ordered

GIVEN: dict[str, Any] = {"limit_minor": 400_000, "from_priority": 3, "ends": date(2020, 6, 30), "reason": "routine"}


def everyday(session: Session) -> None:
    """Tablets and seals are uncritical; vials stay as they are; a night may spend enough for all."""
    session.get_one(Item, "TAB").priority = 3
    session.get_one(BuyingPolicy, 1).budget_minor = 2_000_000


def night(engine: Engine, cast: Cast) -> list[list[object]]:
    """What a night's proposals come to under the rules."""
    act = acting(cast["scheduler2"])
    proposed = do(engine, operations.propose, act, made=drafted(engine, act), slot="2020-03-30")
    return do(engine, preapproval.apply, act, calloffs=proposed)


def states(engine: Engine) -> dict[str, str]:
    """The state of each contract's call-off."""
    return {one.contract_code: one.state for one in calloffs(engine)}


def test_only_what_is_uncritical_and_within_the_limit_is_approved_and_it_names_the_person(
    region: Engine, cast: Cast
) -> None:
    transact(region, everyday)
    rule = do(region, preapproval.set_rule, acting(cast["committee"]), **GIVEN)
    assert (rule.set_by, rule.in_force) == ("committee", True)
    done = night(region, cast)
    found = states(region)
    assert found["UC-1"] == "proposed", "vials save lives: they wait for a person"
    assert found["UC-2"] == "approved"
    [approved] = [one for one in calloffs(region) if one.state == "approved"]
    assert done == [[approved.id, rule.id, "committee"]]
    assert approved.approved_by == cast["committee"].id
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="preapproval.apply"))
    assert "approved beforehand by committee: routine" in entry.reason


@ON_SQLITE
@pytest.mark.parametrize("hindrance", ["controlled", "critical", "limit", "over", "revoked", "closed account"])
def test_whatever_the_rule_does_not_cover_waits_for_a_person(region: Engine, cast: Cast, hindrance: str) -> None:
    if hindrance != "critical":
        transact(region, everyday)
    changed = (
        {"limit_minor": 100} if hindrance == "limit" else {"ends": date(2020, 3, 30)} if hindrance == "over" else {}
    )
    rule = do(region, preapproval.set_rule, acting(cast["committee"]), **(GIVEN | changed))

    def change(session: Session) -> None:
        session.get_one(Item, "TAB").controlled = hindrance == "controlled"
        session.get_one(Account, cast["committee"].id).active = hindrance != "closed account"

    transact(region, change)
    if hindrance == "revoked":
        do(region, preapproval.revoke, acting(cast["committee"]), number=rule.id, reason="budget")
    act = acting(cast["scheduler2"], after_hours=24 if hindrance == "over" else 0)
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="a night")
    done = do(region, preapproval.apply, act, calloffs=proposed)
    covered = [one for one in calloffs(region) if {line.item_code for line in ordered(region, one)} == {"PUMP"}]
    may = covered if hindrance in ("controlled", "critical") else []
    assert {number for number, _, _ in done} <= {one.id for one in may}
    assert all(one.state == "proposed" for one in calloffs(region) if one not in may)


@ON_SQLITE
def test_who_started_the_run_does_not_approve_it_beforehand_either(region: Engine, cast: Cast) -> None:
    transact(region, everyday)
    do(region, preapproval.set_rule, acting(cast["committee"]), **GIVEN)
    act = acting(cast["committee"])
    proposed = do(region, operations.propose, act, made=drafted(region, act), slot="2020-03-30")
    assert do(region, preapproval.apply, act, calloffs=proposed) == []
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="preapproval.refused"))
    assert "another person must approve it" in entry.reason


@ON_SQLITE
def test_a_pre_approval_is_refused_for_critical_goods_for_ever_and_for_others_than_the_committee(
    region: Engine, cast: Cast
) -> None:
    act = acting(cast["committee"])
    for changed, field in (
        ({"from_priority": 2}, "from_priority"),
        ({"ends": date(2020, 3, 29)}, "ends"),
        ({"ends": act.at.date() + timedelta(days=400)}, "ends"),
        ({"limit_minor": 0}, "limit_minor"),
        ({"reason": " "}, "limit_minor"),
    ):
        with pytest.raises(Invalid) as refused:
            do(region, preapproval.set_rule, act, **(GIVEN | changed))
        assert refused.value.facts["field"] == field
    for nobody in ("buyer", "scheduler2", "administrator"):
        with pytest.raises(Missing):
            do(region, preapproval.set_rule, acting(cast[nobody]), **GIVEN)
    rule = do(region, preapproval.set_rule, act, **GIVEN)
    do(region, preapproval.revoke, act, number=rule.id, reason="budget")
    with pytest.raises(Conflict):
        do(region, preapproval.revoke, act, number=rule.id, reason="budget")
