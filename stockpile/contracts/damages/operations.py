"""Claiming damages, contesting them, and deciding: a buyer claims, the supplier answers, another person decides."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import queries as orders
from stockpile.contracts import rules as states
from stockpile.contracts.calloffs import queries as history
from stockpile.contracts.damages import queries
from stockpile.contracts.damages.tables import DamagesClaim, ForceMajeure
from stockpile.contracts.terms import queries as agreed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require, require_other

CLAIMED, CONTESTED, WAIVED, DEDUCTED = "claimed", "contested", "waived", "deducted"
COMPLETE = (states.DELIVERED, states.ACCEPTED, states.INVOICED)


class NothingLate(Conflict):
    """Nothing of the order came late by the contract, or nothing is due for it."""

    code = "nothing_late"


class ClaimState(Conflict):
    """The claim, or its order, is not in the state that this needs."""

    code = "claim_state"


def claim(session: Session, act: Act, *, number: int) -> DamagesClaim:
    """Claim the damages of an order that has wholly come and is not paid; once per order, by the contract's rule."""
    require(act.actor, "damages.claim")
    calloff = orders.calloff(session, number, lock=True)
    if calloff.state not in COMPLETE or queries.of_order(session, number) is not None:
        raise ClaimState(
            f"call-off {number} is {calloff.state}: damages are claimed once, of {', '.join(COMPLETE)}",
            state=calloff.state,
        )
    found = queries.worked_out(session, calloff)
    if not found.amount_minor:
        raise NothingLate(f"call-off {number}: no damages are due; {found.worked_out}", worked_out=found.worked_out)
    row = DamagesClaim(
        calloff_id=number,
        supplier_code=history.supplier_of(session, calloff),
        amount_minor=found.amount_minor,
        worked_out=found.worked_out,
        state=CLAIMED,
        claimed_by=act.actor.id,
        claimed_at=act.at,
    )
    session.add(row)
    session.flush()
    payload = {"calloff": number, "amount_minor": row.amount_minor, "worked_out": row.worked_out}
    journal.record(session, act, action="damages.claim", subject=f"damages:{row.id}", payload=payload)
    return row


def contest(session: Session, act: Act, *, number: int, reason: str) -> DamagesClaim:
    """The supplier disputes a claim, with its reason; until another person decides the amount is held back."""
    row = queries.claim(session, number)
    require(act.actor, "damages.contest", member=row.supplier_code)
    _require(row, CLAIMED)
    _require_reason(reason)
    row.state, row.contested_at, row.contest_reason = CONTESTED, act.at, reason
    session.add(row)
    journal.record(session, act, action="damages.contest", subject=f"damages:{number}", payload={}, reason=reason)
    return row


def decide(session: Session, act: Act, *, number: int, amount_minor: int, reason: str) -> DamagesClaim:
    """Decide what is deducted: all, less, or nothing (waived), with the reason; never who made the claim."""
    require(act.actor, "damages.decide")
    row = session.get(DamagesClaim, number, with_for_update=True) or queries.claim(session, number)
    _require(row, CLAIMED, CONTESTED)
    require_other(act.actor, {row.claimed_by: f"made claim {number}"})
    _require_reason(reason)
    if not 0 <= amount_minor <= row.amount_minor:
        raise Invalid(f"claim {number} is for {row.amount_minor}: not more than that", field="amount_minor")
    row.state = DEDUCTED if amount_minor else WAIVED
    row.decided_by, row.decided_at, row.decided_minor, row.decision_reason = act.actor.id, act.at, amount_minor, reason
    session.add(row)
    payload = {"amount_minor": amount_minor, "state": row.state}
    journal.record(session, act, action="damages.decide", subject=f"damages:{number}", payload=payload, reason=reason)
    return row


def excuse(session: Session, act: Act, *, contract: str, starts: date, ends: date, reason: str) -> ForceMajeure:
    """Declare days on which lateness under a contract is excused; claims made before are decided, not recomputed."""
    require(act.actor, "damages.decide")
    agreed.contract(session, contract)
    _require_reason(reason)
    if ends < starts:
        raise Invalid("force majeure ends on the day it starts or later", field="ends")
    row = ForceMajeure(
        contract_code=contract, starts=starts, ends=ends, reason=reason, declared_by=act.actor.id, declared_at=act.at
    )
    session.add(row)
    payload = {"starts": starts.isoformat(), "ends": ends.isoformat()}
    subject = f"contract:{contract}"
    journal.record(session, act, action="contract.force_majeure", subject=subject, payload=payload, reason=reason)
    return row


def _require(row: DamagesClaim, *states_: str) -> None:
    if row.state not in states_:
        raise ClaimState(f"claim {row.id} is {row.state}, not {' or '.join(states_)}", state=row.state)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("this needs a reason", field="reason")
