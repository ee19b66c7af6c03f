"""The catalogue: codes with a check digit, and items that exist."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from stockpile.catalogue import queries
from stockpile.catalogue.gs1 import BadGtin, checked_gtin
from stockpile.db import reading


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("09529999990013", "09529999990013"),
        ("9529999990013", "09529999990013"),
        ("12345670", "00000012345670"),
        ("614141007349", "00614141007349"),
    ],
    ids=["14 digits", "13 digits", "8 digits", "12 digits"],
)
def test_a_code_is_kept_with_fourteen_digits(given: str, stored: str) -> None:
    assert checked_gtin(given) == stored


@pytest.mark.parametrize("given", ["09529999990014", "0952999999001", "", "0952999999001X", "०९५२९९९९९९००१३", "123"])
def test_a_code_with_a_wrong_check_digit_or_length_is_refused(given: str) -> None:
    with pytest.raises(BadGtin) as refused:
        checked_gtin(given)
    assert refused.value.facts == {"field": "gtin", "value": given}


def test_items_and_licences_are_those_of_the_region(region: Engine) -> None:
    with reading(region) as session:
        assert {code: item.pack_size for code, item in queries.items(session).items()} == {
            "PUMP": 2,
            "TAB": 10,
            "VIAL": 1,
        }
        assert ("VIAL", "NL") not in queries.licences(session)
        assert ("VIAL", "DE") in queries.licences(session)


def test_an_item_nobody_knows_is_refused_by_its_code(region: Engine) -> None:
    with reading(region) as session, pytest.raises(queries.UnknownItem) as refused:
        queries.item(session, "GLOVE")
    assert refused.value.facts == {"field": "item", "value": "GLOVE"}
