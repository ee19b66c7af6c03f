"""Shelf and pallet labels as SVG, in millimetres: lines for people, and symbols that scan back to the same data.

The DataMatrix says all of it; the GS1-128 below it say it in pieces that fit
the width. Narrow modules are at least 0.25 mm and 0.495 mm where there is room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Final

from sqlmodel import Session

from stockpile.catalogue import gs1
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.gs1 import Element
from stockpile.catalogue.symbols import Symbol, data_matrix, gs1_128, path
from stockpile.errors import Conflict
from stockpile.governance import queries as governance
from stockpile.inventory import queries
from stockpile.inventory.scanning import queries as scanning
from stockpile.inventory.tables import Lot

WIDTH: Final = 105.0
MARGIN: Final = 6.0
LINE: Final = 5.0
BAR_HEIGHT: Final = 18.0
WIDEST_BAR: Final = 0.495
MATRIX_MODULE: Final = 0.9
QUIET_BARS: Final = 10
QUIET_MATRIX: Final = 2
LETTERS: Final = 24
SIMULATED: Final = "SIMULATED"


class OtherLot(Conflict):
    """The pallet carries another lot."""

    code = "other_lot"


@dataclass(frozen=True, slots=True)
class Label:
    """A label as SVG text, with the symbols on it from top to bottom."""

    svg: str
    symbols: tuple[Symbol, ...]


def shelf_label(session: Session, *, lot_id: int, quantity: int | None = None) -> Label:
    """The label of a lot on its shelf; `quantity` (base units) is printed for people where it is given."""
    lot = queries.lot(session, lot_id)
    item = catalogue.item(session, lot.item_code)
    key = Element(gs1.GTIN, lot.gtin)
    lines = [f"Lot {lot.code}", f"Expiry {lot.expiry}", *([f"{quantity} {item.base_unit}"] if quantity else [])]
    codes = [[key, *_batch(lot)], [key], _batch(lot)]
    return _drawn(session, title=item.name, lines=[*lines, f"GTIN {lot.gtin}", f"Item {item.code}"], codes=codes)


def pallet_label(session: Session, *, lot_id: int, sscc: str) -> Label:
    """The label of a numbered pallet of a lot: its SSCC and what is on it; refuses a pallet of another lot."""
    pallet = scanning.pallet(session, gs1.checked_key(sscc, name="SSCC", length=18))
    if pallet.lot_id != lot_id:
        raise OtherLot(f"pallet {sscc} carries lot {pallet.lot_id}, not {lot_id}", field="sscc", value=sscc)
    lot = queries.lot(session, lot_id)
    item = catalogue.item(session, lot.item_code)
    number, content = (
        Element(gs1.SSCC, sscc),
        [Element(gs1.CONTENT, pallet.gtin), Element(gs1.COUNT, f"{pallet.count}")],
    )
    units = pallet.quantity // pallet.count
    lines = [
        f"Lot {lot.code}",
        f"Expiry {lot.expiry}",
        f"{pallet.quantity} {item.base_unit}",
        f"{pallet.count} packs of {units}",
        f"Content {pallet.gtin}",
        f"SSCC {sscc}",
    ]
    codes = [[number, *content, *_batch(lot)], content, _batch(lot), [number]]
    return _drawn(session, title=item.name, lines=lines, codes=codes)


def _batch(lot: Lot) -> list[Element]:
    return [Element(gs1.BATCH, lot.code), Element(gs1.EXPIRY, gs1.yymmdd(lot.expiry))]


def _drawn(session: Session, *, title: str, lines: list[str], codes: list[list[Element]]) -> Label:
    """`codes`: the elements of the DataMatrix, then of each GS1-128."""
    first, *rest = [gs1.ordered(one) for one in codes]
    matrix, bars = data_matrix(first), [gs1_128(one) for one in rest]
    region = governance.region(session)
    head = [f"{SIMULATED} - {region.title}" if region.simulated else region.title]
    texts, after = _texts(head, wrap(title, LETTERS, max_lines=2, placeholder="..."), lines)
    side = WIDTH - MARGIN - (matrix.width + QUIET_MATRIX) * MATRIX_MODULE
    drawing = [*texts, _placed(matrix, side, MARGIN + LINE * 2, MATRIX_MODULE, MATRIX_MODULE)]
    top = max(after, MARGIN + LINE * 2 + (matrix.height + 2 * QUIET_MATRIX) * MATRIX_MODULE)
    for symbol in bars:
        drawing += _bars(symbol, top)
        top += BAR_HEIGHT + LINE + 3
    size = f'width="{WIDTH:g}mm" height="{top + MARGIN:g}mm" viewBox="0 0 {WIDTH:g} {top + MARGIN:g}"'
    paper = f'<rect width="{WIDTH:g}" height="{top + MARGIN:g}" fill="#fff"/>'
    body = "\n".join([paper, *drawing])
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{body}\n</svg>\n'
    return Label(svg, (matrix, *bars))


def _texts(head: Sequence[str], title: Sequence[str], lines: Sequence[str]) -> tuple[list[str], float]:
    """Text from the top down, and where the next thing may begin."""
    drawn, top = [], MARGIN
    for words, size in ((head, 3.5), (title, 5.0), (lines, 4.0)):
        for line in words:
            top += LINE
            drawn.append(_text(line, MARGIN, top, size))
        top += LINE / 4
    return drawn, top + LINE / 2


def _text(line: str, x: float, y: float, size: float) -> str:
    shown = line if len(line) <= 60 else f"{line[:57]}..."
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}">{escape(shown)}</text>'


def _bars(symbol: Symbol, top: float) -> list[str]:
    module = min(WIDEST_BAR, (WIDTH - 2) / (symbol.width + 2 * QUIET_BARS))
    left = max(MARGIN, QUIET_BARS * module + 1)
    words = "".join(map(str, symbol.elements))
    return [
        _placed(symbol, left, top, module, BAR_HEIGHT),
        _text(words, left, top + BAR_HEIGHT + LINE * 0.8, 3.2),
    ]


def _placed(symbol: Symbol, x: float, y: float, width: float, height: float) -> str:
    """The symbol with modules of that width and height, its upper left corner at x,y."""
    move = f"translate({x:.3f} {y:.3f}) scale({width:.4f} {height:.4f})"
    return f'<path shape-rendering="crispEdges" transform="{move}" d="{path(symbol)}"/>'
