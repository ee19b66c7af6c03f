"""A decision right that nothing would keep is not written down."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from stockpile.errors import Invalid
from stockpile.governance.committee import rules, standard
from stockpile.governance.committee.gate import Effect
from stockpile.governance.committee.rules import Right
from tests.conftest import Cast
from tests.governance.chamber import Chamber


@pytest.mark.parametrize(
    "row",
    [
        Right("stock.issue", rules.COMMITTEE),
        Right("stock.issue", rules.EMERGENCY, from_level=3),
        Right("stock.issue", rules.FOUR_EYES),
        Right("limit.set", rules.FOUR_EYES),
    ],
)
def test_no_right_promises_what_nothing_enforces(region: Engine, cast: Cast, row: Right) -> None:
    """Goods are issued without asking the committee: a row that says otherwise cannot even be proposed."""
    chamber = Chamber(region, cast)
    kept = [one for one in standard.rights() if (one.operation, one.from_level) != (row.operation, row.from_level)]
    rows = rules.table([*kept, row])
    with pytest.raises(Invalid, match=f"{row.operation} by {row.body}: nothing asks"):
        chamber.proposed(Effect("rights.change", "rights", {"rows": rows}))
    with pytest.raises(Invalid, match="nothing that the committee decides"):
        chamber.proposed(Effect("stock.issue", "item:TAB", {}))
