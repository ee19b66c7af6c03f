"""Reading proposals."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.inventory.proposals.tables import Proposal


class UnknownProposal(NotFound):
    """No proposal has this number."""

    code = "unknown_proposal"


def proposal(session: Session, number: int) -> Proposal:
    """One proposal; refuses an unknown number."""
    found = session.get(Proposal, number)
    if found is None:
        raise UnknownProposal(f"there is no proposal {number}", field="proposal", value=number)
    return found


def proposals(session: Session, *, state: str | None = None, limit: int = 100) -> list[Proposal]:
    """Proposals, newest first, or those in one state."""
    query = select(Proposal).order_by(col(Proposal.id).desc()).limit(limit)
    return list(session.exec(query.where(Proposal.state == state) if state else query))
