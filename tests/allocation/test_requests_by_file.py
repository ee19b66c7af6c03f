"""Requests of many municipalities by file: all rows or none, and every fault by row and column."""

from __future__ import annotations

from datetime import date

import pytest

from stockpile.allocation import sheet
from stockpile.allocation.sheet import RequestsFile

HEAD = "member,item,quantity,own_stock,need_by,justification\n"


def test_a_file_is_read_row_by_row_whatever_the_order_of_its_columns() -> None:
    text = 'item,member,need_by,quantity,own_stock,justification\nTAB,NL-1,2020-03-31,120,0,"full, and growing"\n'
    assert sheet.rows(text.encode("utf-8-sig")) == [
        sheet.Row("NL-1", "TAB", 120, 0, date(2020, 3, 31), "full, and growing")
    ]


def test_every_fault_is_named_by_row_and_column_and_nothing_is_taken() -> None:
    text = HEAD + "NL-1,TAB,120,0,2020-03-31,full\nNL-1,TAB,many,0,soon,full\n,TAB,10,-1,2020-03-31,\n"
    with pytest.raises(RequestsFile) as refused:
        sheet.rows(text.encode())
    faults = refused.value.facts["faults"]
    assert isinstance(faults, list)
    told = [(one["row"], one["column"]) for one in faults]
    assert told == [(3, "quantity"), (3, "need_by"), (4, "member"), (4, "own_stock"), (4, "justification")]
    assert "row 3, quantity: many is no whole number" in refused.value.message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"member,item\nNL-1,TAB\n", "names the columns"),
        (HEAD.encode(), "1 to 5,000"),
        (HEAD.encode() + b"NL-1,TAB,1,0,2020-03-31,a,b\n", "quote what has commas"),
        (HEAD.encode() + b"NL-1,TAB,1,0,2020-03-31," + b"x" * 200_000 + b"\n", "no CSV"),
        (b"x" * 200_000, "no CSV"),
        (b"x" * (sheet.LARGEST_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_list_of_requests_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(RequestsFile, match=why):
        sheet.rows(content)
