"""What goes into kits and comes out of them. Pure functions; quantities in base units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from stockpile.inventory.eligibility import RESTRICTION_KINDS, Restriction


def first_expiring(wanted: Mapping[str, int], there: Mapping[str, Sequence[tuple[int, int]]]) -> dict[int, int]:
    """So much of each component from its (lot, quantity) in the order given; by lot. Less where less is there."""
    taken: dict[int, int] = {}
    for item, quantity in wanted.items():
        missing = quantity
        for lot, standing in there.get(item, ()):
            part = min(missing, standing)
            if part:
                taken[lot] = part
            missing -= part
    return taken


def off_by(wanted: Mapping[str, int], given: Iterable[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """(component, wanted, given) of every component of which another quantity is given."""
    sums: Counter[str] = Counter()
    for item, quantity in given:
        sums[item] += quantity
    both = ((item, wanted.get(item, 0), sums[item]) for item in sorted({*wanted, *sums}))
    return [one for one in both if one[1] != one[2]]


def common(of_lots: Iterable[Sequence[Restriction]]) -> tuple[set[tuple[str, str]], str | None]:
    """What restricts a kit made of these lots: of each kind what all that have one allow.

    And the kind that leaves nobody, if one does.


    >>> be, de = Restriction("country", "BE"), Restriction("country", "DE")
    >>> common([(be, de), (de,), ()])
    ({('country', 'DE')}, None)
    >>> common([(be,), (de,)])
    (set(), 'country')
    """
    every = [tuple(one) for one in of_lots]
    found: set[tuple[str, str]] = set()
    for kind in RESTRICTION_KINDS:
        named = [values for lot in every if (values := {one.value for one in lot if one.kind == kind})]
        shared = set.intersection(*named) if named else set()
        if named and not shared:
            return set(), kind
        found |= {(kind, value) for value in shared}
    return found, None
