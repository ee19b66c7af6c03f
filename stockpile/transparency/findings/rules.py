"""The way of a finding. Pure."""

from __future__ import annotations

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
    "agree": Step((RESPONSE,), AGREED, "finding.write"),
    "begin": Step((AGREED,), IN_PROGRESS, "finding.answer"),
    "verify": Step((IN_PROGRESS,), VERIFIED, "finding.write"),
    "close": Step((VERIFIED,), CLOSED, "finding.write"),
    "accept": Step((RESPONSE, AGREED, IN_PROGRESS), RISK_ACCEPTED, "finding.accept"),
}
"""An auditor issues, agrees to the answer, verifies and closes; the office answers and acts; the committee may take
the risk."""
