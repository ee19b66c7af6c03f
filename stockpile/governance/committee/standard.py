"""The table of decision rights that counts until the committee decides another one: one word per operation.

Values in minor units: up to EUR 50,000 four eyes are enough, above it the
committee decides; from level 3 on, and where somebody needs it within a day, a
plan is carried out at once and ratified.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stockpile.governance.committee.rules import COMMITTEE, EMERGENCY, FOUR_EYES, STANDING, UNANIMITY, Right
from stockpile.governance.rules import RIGHTS

NO_EFFECT: Final = frozenset({"read", "verify"})
"""Rights under which nothing changes: they need no decision right."""
FOUR_EYES_MINOR: Final = 5_000_000
"""EUR 50,000: up to here two people are enough."""
EMERGENCY_LEVEL: Final = 3
URGENT_HOURS: Final = 24
"""Below that level a plan is an emergency too where somebody needs it in fewer hours."""
EMERGENCY_PERCENT: Final = 50
EMERGENCY_DAYS: Final = 30
"""What emergencies may take of the pool before they are ratified, and how long after the surge began."""

BY_COMMITTEE: Final = (
    *("floor.set", "contract.terms", "contract.adopt", "policy.adopt", "limit.set", "rights.change"),
    *("member.admit", "member.release", "finding.accept", "promise.set", "tender.award"),
)
BY_ALL: Final = ("agreement.adopt", "member.suspend")
BY_TWO: Final = (
    *("calloff.approve", "plan.approve", "plan.override", "preemption.approve", "request.validate"),
    *("count.approve", "owner.confirm", "stock.witness", "second.confirm", "substitute.approve", "settlement.close"),
    *("tender.release", "tender.review", "contingency.adopt", "contingency.release"),
)
BY_LEVEL: Final = ("calloff.approve", "plan.approve")
BY_WORTH: Final = ("floor.set",)
"""Above a limit of its own this asks for two people wherever no vote is taken."""
GATED: Final = frozenset({*BY_COMMITTEE, *BY_ALL, *BY_LEVEL})
"""The operations that ask the gate under what they are done: only these can be put to the committee."""


def rights() -> tuple[Right, ...]:
    """The table: every right of the role table under which something changes, with the body that decides."""
    return (
        *(Right(one, _body(one)) for one in RIGHTS if one not in NO_EFFECT and one not in BY_ALL),
        *(Right(one, COMMITTEE, majority=UNANIMITY) for one in BY_ALL),
        Right("calloff.approve", COMMITTEE, from_minor=FOUR_EYES_MINOR + 1),
        Right(
            "plan.approve",
            EMERGENCY,
            from_level=EMERGENCY_LEVEL,
            within_hours=URGENT_HOURS,
            limit_percent=EMERGENCY_PERCENT,
            limit_days=EMERGENCY_DAYS,
        ),
    )


def operations() -> tuple[str, ...]:
    """Every operation under which something changes, by the right that the role table gives for it."""
    return tuple(sorted(one for one in RIGHTS if one not in NO_EFFECT))


def unenforced(rights: Iterable[Right]) -> list[str]:
    """Rows that would promise what nobody enforces: a vote on what asks no gate, two people where one alone acts.

    >>> unenforced([Right("stock.issue", COMMITTEE), Right("limit.set", FOUR_EYES), Right("limit.set", STANDING)])
    ['stock.issue by committee', 'limit.set by four_eyes']
    """
    voted, twice = (COMMITTEE, EMERGENCY), {*BY_TWO, *BY_LEVEL, *BY_WORTH}
    return [
        f"{one.operation} by {one.body}"
        for one in rights
        if (one.body in voted and one.operation not in GATED) or (one.body == FOUR_EYES and one.operation not in twice)
    ]


def _body(operation: str) -> str:
    if operation in BY_COMMITTEE:
        return COMMITTEE
    return FOUR_EYES if operation in BY_TWO else STANDING
