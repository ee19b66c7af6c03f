"""Decision rights as data, and how votes are counted. Pure functions.

A right says for an operation, from a value and a level on, which body decides:
`standing` (whoever holds the role), `four_eyes` (the operation itself asks for
another person than its author), `committee` (an adopted proposal whose hash is
that of the effect), or `emergency` (done at once by two people, provisionally,
and ratified in time or stopped).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Final

STANDING, FOUR_EYES, COMMITTEE, EMERGENCY = "standing", "four_eyes", "committee", "emergency"
BODIES: Final = (STANDING, FOUR_EYES, COMMITTEE, EMERGENCY)
DOUBLE, UNANIMITY = "double", "unanimity"
FOR, AGAINST, ABSTAIN = "for", "against", "abstain"
CHOICES: Final = (FOR, AGAINST, ABSTAIN)

DRAFT, TABLED, OPEN, WITHDRAWN = "draft", "tabled", "open", "withdrawn"
ADOPTED, REJECTED, LAPSED = "adopted", "rejected", "lapsed"
PROVISIONAL, RATIFIED, NOT_RATIFIED = "executed_provisional", "ratified", "not_ratified"
VOTED_ON: Final = (OPEN, PROVISIONAL)

SEAT, ALTERNATE, CARETAKER = "seat", "alternate", "caretaker"
KINDS: Final = (SEAT, ALTERNATE, CARETAKER)
CARETAKER_DAYS: Final = 30
"""The longest that somebody of another member may keep an empty seat; the role ends by itself."""


@dataclass(frozen=True, slots=True)
class Right:
    """Who decides an operation from this value (minor units) and this level of surge on.

    `within_hours`: it also counts below that level where the need is due in fewer hours. An emergency may take
    `limit_percent` of the pool without ratification, and lasts `limit_days` from when it began.
    """

    operation: str
    body: str
    from_minor: int = 0
    from_level: int = 0
    majority: str = DOUBLE
    members_percent: int = 55
    population_percent: int = 65
    quorum: str = "2/3"
    silence: bool = False
    vote_hours: int = 336
    valid_days: int = 90
    ratify_hours: int = 72
    within_hours: int = 0
    limit_percent: int = 100
    limit_days: int = 366


def table(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """Rights as plain rows, in one order."""
    ordered = sorted(rights, key=lambda one: (one.operation, one.from_minor, one.from_level))
    return [asdict(one) for one in ordered]


def rights_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Right, ...]:
    """Rows back as rights; raises TypeError or ValueError where one says what no right can."""
    return tuple(_sound(Right(**row)) for row in rows)


def _sound(right: Right) -> Right:
    numbers = asdict(right)
    if right.body not in BODIES or right.majority not in (DOUBLE, UNANIMITY):
        raise ValueError(f"{right.operation}: there is no body {right.body} or no majority {right.majority}")
    if not all(0 <= numbers[name] <= 100 for name in numbers if name.endswith("_percent")):
        raise ValueError(f"{right.operation}: percentages are from 0 to 100")
    if not Fraction(1, 2) <= Fraction(right.quorum) <= 1:
        raise ValueError(f"{right.operation}: a quorum is at least 1/2 and at most 1")
    if right.members_percent <= 50 and right.body in (COMMITTEE, EMERGENCY):
        raise ValueError(f"{right.operation}: a majority is more than half of the members")
    if min(right.vote_hours, right.valid_days, right.ratify_hours, right.limit_days) < 1:
        raise ValueError(f"{right.operation}: hours and days begin at one")
    if min(right.from_minor, right.from_level, right.within_hours) < 0:
        raise ValueError(f"{right.operation}: values, levels and hours of urgency begin at zero")
    return right


def gaps(rights: Sequence[Right], operations: Iterable[str]) -> list[str]:
    """Operations that the table leaves without a right from value and level zero on, and names it does not know."""
    grounded = {one.operation for one in rights if not one.from_minor and not one.from_level}
    known = set(operations)
    return sorted((known - grounded) | ({one.operation for one in rights} - known))


def right_for(
    rights: Iterable[Right],
    operation: str,
    *,
    value_minor: int = 0,
    level: int = 0,
    hours_left: float | None = None,
) -> Right:
    """The strictest right that covers this value and level; raises KeyError where the operation has none.

    `hours_left`: until when the effect is needed; None: it is not said.

    >>> rows = (Right("x", FOUR_EYES), Right("x", COMMITTEE, from_minor=50), Right("x", EMERGENCY, from_level=3))
    >>> [right_for(rows, "x", value_minor=v, level=n).body for v, n in ((49, 2), (50, 0), (0, 3))]
    ['four_eyes', 'committee', 'emergency']
    """
    covering = [
        one
        for one in rights
        if one.operation == operation
        and one.from_minor <= value_minor
        and (one.from_level <= level or (hours_left is not None and hours_left < one.within_hours))
    ]
    if not covering:
        raise KeyError(operation)
    return max(covering, key=lambda one: (one.from_level, one.from_minor))


def payload_hash(
    operation: str, subject: str, payload: Mapping[str, Any], *, value_minor: int = 0, level: int = 0
) -> str:
    """What is adopted and what is executed must agree in this: SHA-256 of the canonical effect.

    Value and level are part of it where there are any: an effect that is worth more, or comes at another level,
    is another effect, and was voted on under another right.
    """
    effect: dict[str, Any] = {"operation": operation, "payload": payload, "subject": subject}
    effect |= {"value_minor": value_minor} if value_minor else {}
    effect |= {"level": level} if level else {}
    text = json.dumps(effect, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Elector:
    """A member with a vote, its weight (population at the date), and whether it is recused."""

    member: str
    weight: int
    recused: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """How the votes add up; sums are over the members that are not recused. `state`: what that means now."""

    members: int
    population: int
    voted: int
    quorum: int
    members_for: int
    members_against: int
    population_for: int
    members_needed: int
    population_needed: int
    silent: int
    state: str


def tally(right: Right, electors: Iterable[Elector], votes: Mapping[str, str], *, over: bool, silence: bool) -> Count:
    """What the votes mean: adopted, rejected, lapsed (no quorum), or still open.

    Before the end a result stands only if no vote still to come can change it.
    With the silence procedure who has not answered at the end agrees.
    """
    electorate = {one.member: one.weight for one in electors if not one.recused}
    cast = {member: choice for member, choice in votes.items() if member in electorate}
    silent = [member for member in electorate if member not in cast] if silence and over else []
    cast |= dict.fromkeys(silent, FOR)
    pro = [member for member, choice in cast.items() if choice == FOR]
    population = sum(electorate.values())
    figures = Count(
        members=len(electorate),
        population=population,
        voted=len(cast),
        quorum=math.ceil(Fraction(right.quorum) * len(electorate)),
        members_for=len(pro),
        members_against=sum(1 for choice in cast.values() if choice == AGAINST),
        population_for=sum(electorate[member] for member in pro),
        members_needed=_part(right.members_percent, len(electorate)),
        population_needed=_part(right.population_percent, population),
        silent=len(silent),
        state=OPEN,
    )
    not_cast = {member: electorate[member] for member in electorate if member not in cast}
    return _with_state(figures, _state(right, figures, not_cast, over=over))


def _part(percent: int, whole: int) -> int:
    return -(-percent * whole // 100)


def _with_state(count: Count, state: str) -> Count:
    return Count(**{**asdict(count), "state": state})


def _state(right: Right, count: Count, not_cast: Mapping[str, int], *, over: bool) -> str:
    if over and (count.members == 0 or count.voted < count.quorum):
        return LAPSED
    if right.majority == UNANIMITY:
        return _unanimous(count, over=over or not not_cast)
    won = count.members_for >= count.members_needed and count.population_for >= count.population_needed
    if won and count.members_for and count.voted >= count.quorum:
        return ADOPTED
    most = count.members_for + len(not_cast), count.population_for + sum(not_cast.values())
    lost = most[0] < count.members_needed or most[1] < count.population_needed
    return REJECTED if over or lost else OPEN


def _unanimous(count: Count, *, over: bool) -> str:
    if count.members_against:
        return REJECTED
    if not over:
        return OPEN
    return ADOPTED if count.members_for else REJECTED


def after(state: str, counted: str) -> str:
    """The state of a proposal once its count says so; what was done provisionally is ratified or is not."""
    if counted == OPEN:
        return state
    if state == PROVISIONAL:
        return RATIFIED if counted == ADOPTED else NOT_RATIFIED
    return counted
