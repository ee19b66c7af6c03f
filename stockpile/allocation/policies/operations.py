"""Changing how stock is shared: one person proposes a policy, another of the committee adopts or declines it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.policies import queries, rules
from stockpile.allocation.policies.tables import SharingPolicy
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other
from stockpile.governance.tables import Region


class PolicyDecided(Conflict):
    """The policy is not waiting for a decision."""

    code = "policy_decided"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy (the written form of optimizer.sharing.policy) for a surge and a class of items; None: for all.

    `seed`: the opened seed, where a lottery decides ties.
    """

    policy: Mapping[str, Any]
    reason: str
    surge: int | None = None
    item_class: int | None = None
    seed: str = ""


def propose(session: Session, act: Act, *, proposal: Proposal) -> SharingPolicy:
    """Propose how stock shall be shared; nothing changes before another person of the committee adopts it.

    Refuses a policy that is not well formed, or weighs what the service does not know.
    """
    require(act.actor, "policy.propose")
    if not proposal.reason.strip():
        raise Invalid("a policy needs a reason", field="reason")
    if proposal.surge is not None:
        allocation.surge(session, proposal.surge)
    policy = rules.read(proposal.policy, seed=proposal.seed)
    # Versions of one name are counted under the region's lock: two proposals never get the same one.
    session.exec(select(Region.id).with_for_update()).all()
    row = SharingPolicy(
        name=policy.name,
        version=queries.next_version(session, policy.name),
        surge_id=proposal.surge,
        item_class=proposal.item_class,
        policy=policy.canonical().decode(),
        digest=policy.digest(),
        seed=proposal.seed,
        reason=proposal.reason,
        state=rules.PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(row)
    session.flush()
    _note(session, act, row, "policy.propose", proposal.reason)
    return row


def decide(session: Session, act: Act, *, number: int, adopt: bool, reason: str) -> SharingPolicy:
    """Adopt or decline another person's policy; an adopted one replaces the one of the same scope from now on.

    Plans that wait were computed under the old one and are stale: approving them computes them again.
    """
    require(act.actor, "policy.adopt")
    found = queries.policy(session, number, lock=True)
    require_other(act.actor, {found.proposed_by: f"proposed sharing policy {number}"})
    if not reason.strip():
        raise Invalid("a decision needs a reason", field="reason")
    if found.state != rules.PROPOSED:
        raise PolicyDecided(f"sharing policy {number} is {found.state}", state=found.state)
    told: dict[str, Any] = {}
    if adopt:
        terms = {"policy": found.policy, "digest": found.digest, "seed": found.seed}
        scope = {"surge": found.surge_id, "item_class": found.item_class}
        told = gate.decide(session, act, Effect("policy.adopt", f"policy:{number}", terms | scope)).told
        _replace(session, found)
    claimed = update(SharingPolicy).where(col(SharingPolicy.id) == number, col(SharingPolicy.state) == rules.PROPOSED)
    state = rules.ADOPTED if adopt else rules.DECLINED
    decided = {"state": state, "decided_by": act.actor.id, "decided_at": act.at, "decision": reason}
    if not rows_changed(session, claimed.values(**decided)):
        raise PolicyDecided(f"sharing policy {number} was decided by someone else just now")
    session.refresh(found)
    _note(session, act, found, "policy.adopt" if adopt else "policy.decline", reason, **told)
    return found


def _replace(session: Session, found: SharingPolicy) -> None:
    """The adopted policy of the same scope gives way; decisions on one scope queue at the region's lock."""
    session.exec(select(Region.id).with_for_update()).all()
    query = select(SharingPolicy).where(SharingPolicy.state == rules.ADOPTED)
    for row in session.exec(query.with_for_update().execution_options(populate_existing=True)):
        if (row.surge_id, row.item_class) == (found.surge_id, found.item_class):
            row.state = rules.REPLACED
            session.add(row)
    session.flush()


def _note(session: Session, act: Act, row: SharingPolicy, action: str, reason: str, **told: Any) -> None:
    payload = {
        **told,
        "name": row.name,
        "version": row.version,
        "surge": row.surge_id,
        "item_class": row.item_class,
        "policy": row.policy,
        "digest": row.digest,
        "seed": row.seed,
    }
    journal.record(session, act, action=action, subject=f"policy:{row.id}", payload=payload, reason=reason)
