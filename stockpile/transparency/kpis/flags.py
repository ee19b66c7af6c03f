"""Red flags on tenders, after the Open Contracting Partnership's Cardinal: questions that bids raise. Pure.

Some are about a tender, some about a supplier over all its bids (R025, R038) or contracts (R048). Where Cardinal flags
what is as far off as its fence, these flag what is beyond it: where all are alike, nobody is unusual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

FEWEST_LOTS: Final = 5
FEWEST_SUPPLIERS: Final = 5
FEWEST_BIDS: Final = 2
"""Of a supplier with fewer bids nobody asks how many of them were disqualified."""


@dataclass(frozen=True, slots=True)
class Bids:
    """How many bids of a supplier were compared or disqualified, how many of them were valid, and how many won."""

    submitted: int
    valid: int
    won: int


def bid_flags(bids: Sequence[tuple[int, bool]]) -> list[tuple[str, str, str]]:
    """Flags on the bids of a lot, each its cost (minor units) and whether it was valid: code, question, what was seen.

    >>> [flag for flag, _, _ in bid_flags([(100, True), (90, False), (120, False)])]
    ['R035', 'R036']
    >>> [flag for flag, _, _ in bid_flags([(100, True), (100, True)])], [flag for flag, _, _ in bid_flags([(5, True)])]
    (['R028'], ['R018'])
    """
    valid, out = [cost for cost, kept in bids if kept], [cost for cost, kept in bids if not kept]
    found = [("R018", "Why was there a single bid?", "1 bid")] if len(bids) == 1 else []
    if len(set(valid)) < len(valid):
        found.append(("R028", "Why do bids cost the same?", f"{len(valid) - len(set(valid)) + 1} bids"))
    if len(valid) == 1 and out:
        found.append(("R035", "Why were all bids but the winner's disqualified?", f"{len(out)} disqualified"))
    if valid and out and min(out) < min(valid):
        found.append(("R036", "Why was the lowest bid disqualified?", f"{min(out)} against {min(valid)} minor units"))
    return found


def margin_flags(margins: Mapping[str, float]) -> dict[str, tuple[str, str]]:
    """Lots whose next bid lies unusually near above the winner's (R024) or far above it (R058), among all lots.

    `margins`: by lot, how much dearer the next bid is, in percent. Unusual is beyond the quartiles by one and a half
    times the distance between them; of fewer than FEWEST_LOTS lots nothing is unusual.

    >>> margin_flags({"a": 10, "b": 11, "c": 12, "d": 13, "e": 14, "f": 90, "g": 0.1})
    {'f': ('R058', '90.0 %'), 'g': ('R024', '0.1 %')}
    """
    if len(margins) < FEWEST_LOTS:
        return {}
    low, high = _fences(margins.values())
    found = {lot: "R024" for lot, one in margins.items() if one < low}
    found |= {lot: "R058" for lot, one in margins.items() if one > high}
    return {lot: (flag, f"{margins[lot]:.1f} %") for lot, flag in sorted(found.items())}


def _fences(values: Iterable[float]) -> tuple[float, float]:
    """Below and above which a value is unusual: beyond the quartiles by one and a half times what is between them."""
    low, _, high = quantiles(values, n=4)
    return low - 1.5 * (high - low), high + 1.5 * (high - low)


def bidder_flags(bids: Mapping[str, Bids]) -> list[tuple[str, str, str]]:
    """Suppliers that win unusually few of many valid bids (R025), or lose unusually many as disqualified (R038).

    Many: as many as three of four suppliers do not exceed. Returns supplier, flag, what was seen, in this order.

    >>> usual = {name: Bids(8, 8, 4) for name in "abcdefgh"}
    >>> bidder_flags(usual | {"x": Bids(20, 20, 1), "y": Bids(4, 1, 0)})
    [('x', 'R025', '1 of 20 valid bids'), ('y', 'R038', '3 of 4 bids')]
    >>> bidder_flags({"x": Bids(20, 20, 1), "y": Bids(4, 1, 0)}), bidder_flags(usual)
    ([], [])
    """
    valid = {name: one for name, one in bids.items() if one.valid}
    found = []
    if len(valid) >= FEWEST_SUPPLIERS:
        many = quantiles((one.valid for one in valid.values()), n=4)[2]
        low, _ = _fences(one.won / one.valid for one in valid.values())
        for name, one in sorted(valid.items()):
            if one.valid >= many and one.won / one.valid < low:
                found.append((name, "R025", f"{one.won} of {one.valid} valid bids"))
    tried = {name: one for name, one in bids.items() if one.submitted >= FEWEST_BIDS}
    if len(tried) >= FEWEST_SUPPLIERS:
        _, high = _fences((one.submitted - one.valid) / one.submitted for one in tried.values())
        for name, one in sorted(tried.items()):
            if (one.submitted - one.valid) / one.submitted > high:
                found.append((name, "R038", f"{one.submitted - one.valid} of {one.submitted} bids"))
    return found


def variety_flags(classes: Mapping[str, int]) -> list[tuple[str, str]]:
    """Suppliers of goods of unusually many divisions of the CPV (R048), by how many each supplies: supplier, seen.

    >>> variety_flags({"a": 1, "b": 1, "c": 2, "d": 2, "e": 1, "f": 9}), variety_flags({"a": 1, "f": 9})
    ([('f', '9 divisions')], [])
    """
    if len(classes) < FEWEST_SUPPLIERS:
        return []
    _, high = _fences(classes.values())
    return [(name, f"{one} divisions") for name, one in sorted(classes.items()) if one > high]
