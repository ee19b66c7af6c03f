"""Symbols: what is printed is read back by another program's eye, with the same data."""

from __future__ import annotations

import pytest
import zxingcpp
from hypothesis import given, settings

from stockpile.catalogue import gs1
from stockpile.catalogue.gs1 import Element
from stockpile.catalogue.symbols import Symbol, Unprintable, data_matrix, gs1_128
from tests.catalogue.test_scans import codes, gtins
from tests.inventory.eye import seen, shades

PACK = Element("01", "09529999990013")


def looked_at(symbol: Symbol) -> list[tuple[str, str]]:
    """(symbology identifier, text) of what stands on paper."""
    return seen(shades(symbol.modules, across=3, down=3 if symbol.height > 1 else 60))


@pytest.mark.parametrize(
    "elements",
    [
        [PACK],
        [PACK, Element("10", "T-NEW"), Element("17", "210630")],
        [PACK, Element("10", "A(21)B/%&"), Element("17", "210600")],
        [Element("00", "095200000000000011"), Element("02", "09529999990013"), Element("37", "96")],
        [PACK, Element("10", "A" * 20), Element("21", "z" * 20), Element("17", "210630")],
    ],
    ids=["gtin", "batch", "odd marks", "pallet", "long"],
)
def test_a_printed_symbol_holds_the_element_string(elements: list[Element]) -> None:
    text = gs1.element_string(elements)
    assert looked_at(data_matrix(elements)) == [("]d2", text)]
    assert looked_at(gs1_128(elements)) == [("]C1", text)]


@settings(max_examples=40, deadline=None)
@given(gtin=gtins, lot=codes, serial=codes)
def test_any_batch_and_serial_can_be_printed(gtin: str, lot: str, serial: str) -> None:
    elements = [Element("01", gtin), Element("10", lot), Element("21", serial)]
    assert looked_at(data_matrix(elements)) == [("]d2", gs1.element_string(elements))]


@pytest.mark.parametrize(
    "element",
    [Element("10", "A" * 21), Element("10", "Łódź"), Element("10", "A B"), Element("10", ""), Element("99999", "1")],
    ids=["too long", "accents", "blank", "empty", "unknown"],
)
def test_what_no_symbol_can_carry_is_refused_by_its_value(element: Element) -> None:
    with pytest.raises(Unprintable) as refused:
        data_matrix([PACK, element])
    assert element.value in refused.value.message


def test_the_eye_is_not_ours() -> None:
    assert zxingcpp.read_barcodes(memoryview(bytes([255] * 10_000)).cast("B", shape=[100, 100])) == []
