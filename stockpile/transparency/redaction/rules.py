"""The policy of redaction, as data with its reasons, and the pure functions that carry it out.

The policy is published itself. Text that people wrote is not published at all: explanations for the public are
made anew from reason codes, so that no name of a place can slip out in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

VERSION: Final = "redaction/2"
FEWEST_SITES: Final = 2
"""A published quantity of stock is the sum over at least so many depots."""
FEWEST_PEOPLE: Final = 5
"""A count of people below this is not told."""
FEWEST_MEMBERS: Final = 3
"""A sum over members that stands for controlled goods is told only over at least so many of them."""
PLAN_DELAY: Final = timedelta(hours=72)
"""Stock is told so long after the plan that used it was approved."""
CONTROLLED_DELAY: Final = timedelta(days=30)
"""Sums of controlled goods are told so long after the plan was approved."""
WHOLE_REGION: Final = "region"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the policy: what it is about, what is done, and why."""

    about: str
    what: str
    why: str


POLICY: Final = (
    Rule(
        "stock at a site",
        f"Stock is told by country, never by site, over {FEWEST_SITES} depots or more, else over the whole region; "
        f"{PLAN_DELAY.total_seconds() / 3600:.0f} hours after the plan was approved. Figures over all items "
        "and the whole region are told at once, those of quantities in store without their parts and to whole units.",
        "Who knows what lies where, and when, can rob or block it.",
    ),
    Rule(
        "differences",
        "The groups of depots over which stock is told may not give a smaller group by subtraction of any two "
        "publications; where they would, the whole region is told as one.",
        "Two harmless figures can give a harmful one.",
    ),
    Rule(
        "controlled drugs",
        "Never by municipality or place, and not in the public problem and plan. Sums by country over "
        f"{FEWEST_MEMBERS} municipalities or more follow after {CONTROLLED_DELAY.days} days.",
        "They are stolen where they are known to be.",
    ),
    Rule(
        "lots",
        "Batch numbers and expiry dates are left out.",
        "A batch number leads to a site, and helps forgers.",
    ),
    Rule(
        "words",
        "Sentences that staff wrote are left out; explanations are made from reason codes alone.",
        "A sentence can name a place or a person that no rule foresaw.",
    ),
    Rule(
        "own stock",
        "What a municipality holds itself is left out.",
        "A municipality often has one site.",
    ),
    Rule(
        "people",
        f"Counts of people below {FEWEST_PEOPLE} are left out, and one more where the sum would give them away. "
        "Names of staff and complainants are left out.",
        "In a small place a small number is a person.",
    ),
    Rule(
        "places of delivery",
        "Orders are told without the depot that they go to; arrival times of transfers are left out.",
        "A delivery can be waited for.",
    ),
)


def blocks(country_of: Mapping[str, str]) -> dict[str, str]:
    """The block that each depot's stock is told in: its country, or the whole region where one has too few depots.

    `country_of`: country by site code.

    >>> blocks({"a": "NL", "b": "NL", "c": "BE", "d": "BE"})
    {'a': 'NL', 'b': 'NL', 'c': 'BE', 'd': 'BE'}
    >>> set(blocks({"a": "NL", "b": "NL", "c": "BE"}).values())
    {'region'}
    """
    counts: dict[str, int] = {}
    for country in country_of.values():
        counts[country] = counts.get(country, 0) + 1
    if any(count < FEWEST_SITES for count in counts.values()):
        return dict.fromkeys(country_of, WHOLE_REGION)
    return dict(country_of)


def smallest_atom(groups: Iterable[Iterable[str]]) -> int:
    """The size of the smallest set of sites that sums and differences of these groups can single out.

    >>> smallest_atom([["a", "b"], ["c", "d"]]), smallest_atom([["a", "b"], ["a", "b", "c"]])
    (2, 1)
    """
    known = [frozenset(group) for group in groups]
    atoms: dict[tuple[bool, ...], int] = {}
    for site in frozenset().union(*known):
        pattern = tuple(site in group for group in known)
        atoms[pattern] = atoms.get(pattern, 0) + 1
    return min(atoms.values(), default=FEWEST_SITES)


def few(counts: Mapping[str, int], *, total_told: bool) -> dict[str, int | None]:
    """The counts of people with the small ones left out (None); one more where the told total would give it away.

    >>> few({"a": 40, "b": 3, "c": 12}, total_told=True)
    {'a': 40, 'b': None, 'c': None}
    >>> few({"a": 40, "b": 0}, total_told=True)
    {'a': 40, 'b': 0}
    """
    told: dict[str, int | None] = {key: None if 0 < n < FEWEST_PEOPLE else n for key, n in counts.items()}
    hidden = [key for key, n in told.items() if n is None]
    if total_told and len(hidden) == 1:
        rest = sorted((n, key) for key, n in counts.items() if key not in hidden and n > 0)
        if rest:
            told[rest[0][1]] = None
    return told


_SENTENCES: Final = {
    "filled": "All that was needed was given.",
    "stock_shared_out": "There was not enough for all. What could lawfully and in time be brought there was shared so "
    "that nobody of those it can serve could get more without someone less filled getting less.",
    "below_useful_minimum": "Nothing: a fair share would have been smaller than what is of use there at all. It went "
    "to others.",
    "unreachable": "Nothing: no lawful stock could be there in time.",
    "overridden": "A person changed this share, another confirmed it; both names and the reason are in the journal "
    "for auditors.",
    "carrying_limits": "What can be carried and taken in within a day did not suffice for all: whoever was least "
    "filled came first. Where the limits are is not told.",
    "with_substitutes": "All that was needed was given, some of it as substitutes that a pharmacist has approved.",
    "shared_by_policy": "There was not enough for all; this item was shared by the policy that the committee adopted.",
    "pro_rata_fallback": "No fair plan was found in time: this plan gives everyone the same part of the need and is "
    "labelled so.",
}


def explanation(code: str, *, tell: Callable[[str], str] = str) -> str:
    """Why a share is what it is, for the public: from its reason code alone. `tell` translates.

    >>> explanation("filled")
    'All that was needed was given.'
    """
    return tell(_SENTENCES.get(code.partition(":")[0], "The reason is in the plan's file for auditors."))


def sentences() -> tuple[str, ...]:
    """Every sentence that `explanation` may give, for the catalogue of translations."""
    return tuple(_SENTENCES.values())
