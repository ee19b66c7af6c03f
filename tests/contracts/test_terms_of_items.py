"""What contracts say of single items by version, what an option gets back, working days, and the command line."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.actor import Grant
from stockpile.contracts import operations as purchases
from stockpile.contracts import queries as orders
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.terms import operations, queries
from stockpile.contracts.terms.drafting import LineTerms
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance import operations as governance
from stockpile.journal import JournalEntry
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import accepted, approved
from tests.contracts.test_buying_from_outside import typed
from tests.inventory.stockroom import ON_SQLITE, do
from tests.journeys.test_http_journey import PASSWORD


def test_shelf_life_and_buying_back_change_by_amendment_and_orders_keep_what_held(region: Engine, cast: Cast) -> None:
    before = accepted(region, cast, slot="before")
    line = LineTerms("TAB", shelf_life_on_delivery_days=600, buy_back_percent=40, buy_back_days=90)
    given: dict[str, Any] = {"contract": "UC-1", "effective_from": NOW.date(), "rationale": "fresher goods"}
    made = do(region, operations.propose_amendment, acting(cast["buyer"]), **given, terms={}, lines=[line])
    adopt = {"contract": "UC-1", "version": made.version, "adopt": True}
    do(region, operations.decide_amendment, acting(cast["committee"]), **adopt)
    after = approved(region, cast, slot="after")
    with reading(region) as session:
        asked = [orders.terms(session, orders.lines(session, number)[0]).shelf_life_days for number in (before, after)]
        said = queries.line_terms(session, "UC-1", "TAB", version=made.version)
        assert said is not None
        assert (asked, said.buy_back_percent) == ([500, 600], 40)
    again = {"contract": "UC-1", "item": "TAB", "percent": 30, "days": 90, "reason": "x"}
    with pytest.raises(Conflict, match="by another amendment"):
        do(region, purchases.set_buy_back, acting(cast["buyer"]), **again)


def test_buying_back_is_said_whole_or_not_at_all(region: Engine, cast: Cast) -> None:
    half = LineTerms("TAB", 600, buy_back_percent=40)
    given: dict[str, Any] = {"contract": "UC-1", "effective_from": NOW.date(), "rationale": "r", "terms": {}}
    with pytest.raises(Invalid, match="row 1, TAB"):
        do(region, operations.propose_amendment, acting(cast["buyer"]), **given, lines=[half])


def test_an_option_gets_units_and_fee_back_when_nothing_comes(region: Engine, cast: Cast) -> None:
    option = {"quantity": 300, "days": 2, "price_permille": 1200, "fee_minor": 700}
    window = {"opens": NOW.date(), "closes": NOW.date()}
    do(region, operations.add_option, acting(cast["buyer"]), contract="UC-1", item="TAB", **option, **window)
    line = purchases.LineDraft("TAB", packs=20, pack_size=10, pack_price_minor=600, reason="surge")
    manner = purchases.Manner("hand", kind="option", fee_minor=700)
    order = {"contract": "UC-1", "slot": "o", "deliver_to": "D-BE", "lines": [line], "manner": manner}
    number = do(region, purchases.propose, acting(cast["buyer"]), **order).id or 0
    with reading(region) as session:
        whole = queries.contract(session, "UC-1").remaining_minor
    do(region, purchases.approve, acting(cast["committee"]), number=number)
    with reading(region) as session:
        assert queries.contract(session, "UC-1").remaining_minor == whole - 12_700
        assert queries.options(session, "UC-1")[0].remaining == 100
        first = orders.lines(session, number)[0].id or 0
    do(region, purchases.close_short, acting(cast["buyer"]), line_number=first, reason="bankrupt")
    with reading(region) as session:
        assert queries.contract(session, "UC-1").remaining_minor == whole
        assert queries.options(session, "UC-1")[0].remaining == 300


def test_easter_is_no_working_day_of_an_acknowledgement(region: Engine, cast: Cast) -> None:
    """Sent on Maundy Thursday, acknowledged on Easter Tuesday: in Belgium Good Friday is one, Easter Monday is none."""
    number = approved(region, cast)
    thursday, tuesday = (NOW.replace(month=4, day=day) for day in (9, 14))
    do(region, steps.send, acting(cast["buyer"], thursday), number=number)
    do(region, steps.acknowledge, acting(cast["buyer"], tuesday), number=number)
    with reading(region) as session:
        entry = session.exec(select(JournalEntry).where(JournalEntry.action == "calloff.acknowledge")).one()
    assert '"business_days":2' in entry.payload.replace(" ", "")


@ON_SQLITE
def test_conditions_options_indices_rotations_and_force_majeure_are_noted_at_the_command_line(
    region: Engine, cast: Cast, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("buyer", "committee"):
        given = {"name": name, "title": name, "password": PASSWORD, "grants": [Grant(name)]}
        do(region, governance.add_account, acting(governance.founder()), **given)

    def said(*words: str) -> str:
        answer = typed(address, monkeypatch, "buyer", "contract", *words)
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    lot = {"contract": "UC-1", "lot": "A", "title": "Tablets", "maximum_minor": 900, "items": ["TAB"]}
    do(region, operations.add_lot, acting(cast["buyer2"]), **lot)
    told = said("condition", "UC-1", "A", "NL", "--text", "Dutch labels", "--unmet", "--reason", "no waiver yet")
    assert "met: false" in told
    window = ("--opens", "2020-03-30", "--closes", "2020-06-30")
    told = said("option", "UC-1", "TAB", "--quantity", "500", "--days", "2", "--price-permille", "1200", *window)
    assert "remaining: 500" in told
    assert "value_milli: 104300" in said(
        "index", "PPI", "104300", "--published-on", "2020-03-01", "--source", "Eurostat"
    )
    words = ("rotation", "UC-1", "TAB", "B7", "--expiry", "2021-01-01")
    none = typed(address, monkeypatch, "buyer", "contract", *words)
    assert (none.exit_code, "UC-1 asks no rotation" in none.stderr) == (1, True)
    days = ("--starts", "2020-04-01", "--ends", "2020-04-03")
    answer = typed(address, monkeypatch, "committee", "contract", "force-majeure", "UC-1", *days, "--reason", "borders")
    assert answer.exit_code == 0, answer.output
