"""The way of a finding. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

DRAFT, RESPONSE, AGREED, IN_PROGRESS = "draft", "management_response", "agreed", "in_progress"
VERIFIED, CLOSED, RISK_ACCEPTED = "verified", "closed", "risk_accepted"
STATES: Final = (DRAFT, RESPONSE, AGREED, IN_PROGRESS, VERIFIED, CLOSED, RISK_ACCEPTED)
SEVERITIES: Final = ("low", "medium", "high", "critical")
RESPONSE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a finding: from which states to which, by whose right."""

    before: tuple[str, ...]
    after: str
    right: str


STEPS: Final = {
    "issue": Step((DRAFT,), RESPONSE, "finding.write"),
    "answer": Step((RESPONSE,), RESPONSE, "finding.answer"),
    "ask_again": Step((RESPONSE, AGREED, IN_PROGRESS), RESPONSE, "finding.write"),
    "agree": Step((RESPONSE,), AGREED, "finding.write"),
    "begin": Step((AGREED,), IN_PROGRESS, "finding.answer"),
    "verify": Step((IN_PROGRESS,), VERIFIED, "finding.write"),
    "close": Step((VERIFIED,), CLOSED, "finding.write"),
    "accept": Step((RESPONSE, AGREED, IN_PROGRESS), RISK_ACCEPTED, "finding.accept"),
}
"""An auditor issues, asks again where an answer does not do, agrees to it, verifies and closes; the office answers and
acts; the committee may take the risk."""
ASKING: Final = ("issue", "ask_again")
"""Steps after which the office has a month to answer."""
ON_AN_ANSWER: Final = ("ask_again", "agree")
"""Steps that nobody takes before there is an answer."""


def open_steps(state: str, *, answered: bool, rights: Collection[str]) -> list[str]:
    """The steps that are open to whoever holds these rights, in the order of a finding's way.

    >>> open_steps(RESPONSE, answered=False, rights=["finding.write", "finding.answer"])
    ['answer']
    >>> open_steps(RESPONSE, answered=True, rights=["finding.write"])
    ['ask_again', 'agree']
    """
    return [
        name
        for name, one in STEPS.items()
        if state in one.before and one.right in rights and (answered or name not in ON_AN_ANSWER)
    ]


def addressed(office: str, names: Iterable[str]) -> bool:
    """Whether an office, as the auditor wrote it, names one of these: whole words, however they are written.

    >>> addressed("Logistics, depot of Maastricht", ["logistics"]), addressed("logisticians", ["logistics"])
    (True, False)
    """
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", office, re.IGNORECASE) for name in names if name)
