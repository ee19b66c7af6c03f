"""The states of a membership, what each step needs, and what a state permits. Pure functions."""

from __future__ import annotations

from typing import Final

CANDIDATE, OBSERVER, SIGNED, ACTIVE = "candidate", "observer", "signed", "active"
SUSPENDED, NOTICE, EXITED = "suspended", "notice_of_exit", "exited"
STATES: Final = (CANDIDATE, OBSERVER, SIGNED, ACTIVE, SUSPENDED, NOTICE, EXITED)
LIFE_SAVING: Final = 1
"""The priority class that a suspended member may still ask for."""

SIGNATURE, COUNCIL, BUY_IN, DATA_FEED, STATEMENT = "signature", "council", "buy_in", "data_feed", "statement"
EVIDENCE: Final = {
    SIGNATURE: "the agreement signed by somebody who may sign for the member",
    COUNCIL: "the approval of the member's council",
    BUY_IN: "the buy-in paid, or its deferral agreed",
    DATA_FEED: "a dry run of the member's data feed",
    STATEMENT: "the settlement statement of the exit, agreed",
}
"""What must be on file before a step of membership, each with a reference."""

STEPS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    (CANDIDATE, OBSERVER): (),
    (CANDIDATE, SIGNED): (SIGNATURE,),
    (OBSERVER, SIGNED): (SIGNATURE,),
    (SIGNED, ACTIVE): (SIGNATURE, COUNCIL, BUY_IN, DATA_FEED),
    (ACTIVE, SUSPENDED): (),
    (SUSPENDED, ACTIVE): (),
    (ACTIVE, NOTICE): (),
    (SUSPENDED, NOTICE): (),
    (NOTICE, EXITED): (STATEMENT,),
}
"""From which state to which, and what must be on file for it."""

DECIDED: Final = {ACTIVE: "member.admit", SUSPENDED: "member.suspend", EXITED: "member.release"}
"""The operation that a step into this state is, where it is not the member's own word or a clerk's note."""


def may_ask(state: str, priority: int) -> bool:
    """Whether a member in this state may ask for stock of this priority class.

    >>> may_ask(ACTIVE, 4), may_ask(SUSPENDED, 1), may_ask(SUSPENDED, 2), may_ask(EXITED, 1)
    (True, True, False, False)
    """
    return state in (ACTIVE, NOTICE) or (state == SUSPENDED and priority == LIFE_SAVING)


def may_vote(state: str) -> bool:
    """Whether a member in this state has a vote: who gave notice keeps it until the exit, who is suspended loses it."""
    return state in (ACTIVE, NOTICE)
