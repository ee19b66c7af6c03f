"""Red flags on tenders, after the Open Contracting Partnership's Cardinal: questions that bids raise. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Final

FEWEST_LOTS: Final = 5


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
    low, _, high = quantiles(margins.values(), n=4)
    reach = 1.5 * (high - low)
    found = {lot: "R024" for lot, one in margins.items() if one < low - reach}
    found |= {lot: "R058" for lot, one in margins.items() if one > high + reach}
    return {lot: (flag, f"{margins[lot]:.1f} %") for lot, flag in sorted(found.items())}
