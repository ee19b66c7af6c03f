"""The fairness panel: lowest fill, and what was given per head, highest over lowest, with an alert. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

ALERT_RATIO: Final = 5
"""From this ratio of highest to lowest per head on, the panel raises its alert."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one municipality needed and got of an item in base units, and its inhabitants."""

    member: str
    population: int
    need: int
    got: int


@dataclass(frozen=True, slots=True)
class Panel:
    """The panel of one item. Fills in thousandths; per 1000 inhabitants as exact fractions.

    `ratio` is None where fewer than two got anything; `nothing` counts those with need who got nothing.
    """

    shares: int
    lowest_fill_permille: int | None
    median_fill_permille: int | None
    lowest: Share | None
    most_per_head: Share | None
    least_per_head: Share | None
    ratio: Fraction | None
    nothing: int

    @property
    def alert(self) -> bool:
        """Whether given per head differs so much that somebody must look."""
        return self.ratio is not None and self.ratio >= ALERT_RATIO

    def row(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """The panel as published; `names` has what carries a `name`, by municipality."""
        return {
            "municipalities": self.shares,
            "lowest_fill_permille": self.lowest_fill_permille,
            "median_fill_permille": self.median_fill_permille,
            "lowest_fill_at": names[self.lowest.member].name if self.lowest else None,
            "most_per_1000": round(per_1000(self.most_per_head), 3) if self.most_per_head else None,
            "most_at": names[self.most_per_head.member].name if self.most_per_head else None,
            "least_per_1000": round(per_1000(self.least_per_head), 3) if self.least_per_head else None,
            "least_at": names[self.least_per_head.member].name if self.least_per_head else None,
            "ratio": round(float(self.ratio), 1) if self.ratio is not None else None,
            "got_nothing": self.nothing,
            "alert": self.alert,
        }


def per_1000(share: Share) -> float:
    """Base units given per 1000 inhabitants."""
    return share.got * 1000 / share.population


def panel(shares: Sequence[Share]) -> Panel:
    """The panel over municipalities that needed the item; those without need do not count.

    >>> sent = [Share("VT", 625_741, 120_900, 120_900), Share("TX", 25_145_561, 120_900, 120_900)]
    >>> found = panel(sent)
    >>> round(float(found.ratio), 1), found.alert
    (40.2, True)
    """
    needy = [one for one in shares if one.need > 0]
    by_fill = sorted(needy, key=lambda one: (Fraction(one.got, one.need), one.member))
    by_head = sorted((one for one in needy if one.got), key=lambda one: (_head(one), one.member))
    several = len(by_head) >= 2
    return Panel(
        shares=len(needy),
        lowest_fill_permille=_permille(by_fill[0]) if by_fill else None,
        median_fill_permille=_permille(by_fill[len(by_fill) // 2]) if by_fill else None,
        lowest=by_fill[0] if by_fill else None,
        most_per_head=by_head[-1] if several else None,
        least_per_head=by_head[0] if several else None,
        ratio=_head(by_head[-1]) / _head(by_head[0]) if several else None,
        nothing=sum(1 for one in needy if not one.got),
    )


def _head(share: Share) -> Fraction:
    return Fraction(share.got, share.population)


def _permille(share: Share) -> int:
    return min(1000, share.got * 1000 // share.need)


def need_once(rows: Iterable[tuple[str, str, int, int]]) -> dict[tuple[str, str], tuple[int, int]]:
    """(got, need) by (member, item) over several plans: a shortfall asked for again is counted once.

    Rows of (member, item, validated, got) in the order of plans; the need is all that was given plus what the last
    row missed.

    >>> need_once([("A", "x", 10, 4), ("A", "x", 6, 6)])
    {('A', 'x'): (10, 10)}
    """
    got: dict[tuple[str, str], int] = {}
    missed: dict[tuple[str, str], int] = {}
    for member, item, validated, given in rows:
        got[member, item] = got.get((member, item), 0) + given
        missed[member, item] = max(0, validated - given)
    return {key: (got[key], got[key] + missed[key]) for key in got}
