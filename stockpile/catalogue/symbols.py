"""GS1 symbols as patterns of dark and light modules: DataMatrix and GS1-128, drawn as SVG paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

import zxingcpp

from stockpile.catalogue.gs1 import Element, fits
from stockpile.errors import Invalid

Pattern = tuple[tuple[bool, ...], ...]


class Unprintable(Invalid):
    """A value that no GS1 symbol can carry, such as a batch code of 21 characters."""

    code = "unprintable"


@dataclass(frozen=True, slots=True)
class Symbol:
    """The modules of a symbol, row by row, True where dark, without its quiet zone; a GS1-128 has one row."""

    modules: Pattern
    elements: tuple[Element, ...]

    @property
    def width(self) -> int:
        """Modules in a row."""
        return len(self.modules[0])

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.modules)


def data_matrix(elements: Sequence[Element]) -> Symbol:
    """A GS1 DataMatrix of the elements in their order; refuses what it cannot carry."""
    return Symbol(_modules(zxingcpp.BarcodeFormat.DataMatrix, elements), tuple(elements))


def gs1_128(elements: Sequence[Element]) -> Symbol:
    """A GS1-128 of the elements in their order, one row of modules; refuses what it cannot carry."""
    return Symbol(_modules(zxingcpp.BarcodeFormat.Code128, elements)[:1], tuple(elements))


def qr_code(content: str) -> Symbol:
    """A QR code of a text, as a phone's camera reads it; it stands for no GS1 elements.

    >>> qr_code("otpauth://totp/x?secret=ABC").width >= 21
    True
    """
    return Symbol(_drawn(zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode)), ())


def path(symbol: Symbol) -> str:
    """The dark modules as the data of an SVG path, one unit per module, the upper left corner at 0,0."""
    return "".join(
        f"M{start} {row}h{length}v1h-{length}z"
        for row, modules in enumerate(symbol.modules)
        for start, length in _dark(modules)
    )


def _dark(modules: Sequence[bool]) -> Iterable[tuple[int, int]]:
    """(first module, number of modules) of each dark run."""
    at = 0
    for dark, run in groupby(modules):
        length = len(list(run))
        if dark:
            yield at, length
        at += length


def _modules(kind: zxingcpp.BarcodeFormat, elements: Sequence[Element]) -> Pattern:
    for one in elements:
        if not fits(one):
            raise Unprintable(
                f"{one.value} cannot be printed as ({one.identifier}): GS1 allows letters without accents, digits and "
                "simple marks, 20 of them in a batch or serial",
                field=one.identifier,
            )
    # The writer takes square brackets for identifiers; no GS1 value may hold them, as it may hold round ones.
    text = "".join(f"[{one.identifier}]{one.value}" for one in elements)
    try:
        # Left to itself the writer takes oblong sizes (DMRE, read as ]d8) that GS1 does not know.
        square = {"force_square": True} if kind == zxingcpp.BarcodeFormat.DataMatrix else {}
        barcode = zxingcpp.create_barcode(text, kind, gs1=True, **square)
    except ValueError as failure:
        raise Unprintable(f"{''.join(map(str, elements))} cannot be printed: {failure}", field="elements") from failure
    return _drawn(barcode)


def _drawn(barcode: zxingcpp.Barcode) -> Pattern:
    shades: Any = memoryview(cast(Any, barcode.to_image(scale=1, add_quiet_zones=False))).tolist()
    return tuple(tuple(shade == 0 for shade in row) for row in shades)
