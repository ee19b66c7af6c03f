"""What municipalities asked for before, against what was found to be needed: for those who validate requests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from sqlmodel import Session, col, select

from stockpile.allocation import rules
from stockpile.allocation.tables import Request


@dataclass(frozen=True, slots=True)
class Past:
    """A municipality's earlier requests: how many, how many asked for more than was validated.

    `median_permille`: what it asked, in thousandths of what was validated, the median of its requests with a
    validated need; None where nothing was ever validated.
    """

    requests: int
    over: int
    median_permille: int | None


def past(session: Session) -> dict[str, Past]:
    """By member, over all requests that are no longer open and were not withdrawn."""
    closed = col(Request.state).not_in((*rules.OPEN_STATES, rules.WITHDRAWN))
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for member, quantity, validated in session.exec(
        select(Request.member_code, Request.quantity, Request.validated).where(closed)
    ):
        found[member].append((quantity, validated))
    return {member: _past(pairs) for member, pairs in found.items()}


def _past(pairs: list[tuple[int, int]]) -> Past:
    parts = [quantity * 1000 // validated for quantity, validated in pairs if validated]
    over = sum(1 for quantity, validated in pairs if quantity > validated)
    return Past(len(pairs), over, int(median(parts)) if parts else None)
