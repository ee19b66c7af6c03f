"""Rights as a table: which role may do what. Everything not listed is denied."""

from __future__ import annotations

from typing import Final

from stockpile.actor import Actor
from stockpile.errors import Conflict, NotAllowed

REQUESTER: Final = "requester"
LOGISTICS: Final = "logistics"
COORDINATOR: Final = "coordinator"
COMMITTEE: Final = "committee"
BUYER: Final = "buyer"
AUDITOR: Final = "auditor"
PHARMACIST: Final = "pharmacist"
ADMINISTRATOR: Final = "administrator"
SCHEDULER: Final = "scheduler"

SUPPLIER: Final = "supplier"

ROLES: Final = (
    REQUESTER,
    LOGISTICS,
    COORDINATOR,
    COMMITTEE,
    BUYER,
    PHARMACIST,
    AUDITOR,
    ADMINISTRATOR,
    SCHEDULER,
    SUPPLIER,
)

EVERYONE: Final = frozenset(ROLES) - {SUPPLIER}
"""All who belong to the region. A supplier is a guest: its grant names its own code and covers nothing else."""

RIGHTS: Final[dict[str, frozenset[str]]] = {
    "read": EVERYONE,
    "verify": frozenset({AUDITOR, ADMINISTRATOR, COMMITTEE}),
    "head.witness": frozenset({REQUESTER, COMMITTEE, AUDITOR}),
    "head.address": frozenset({REQUESTER, COMMITTEE, AUDITOR}),
    "stop.set": frozenset({LOGISTICS, PHARMACIST, COMMITTEE, AUDITOR, SCHEDULER}),
    "stop.lift": frozenset({COMMITTEE}),
    "stock.receive": frozenset({LOGISTICS}),
    "stock.issue": frozenset({LOGISTICS}),
    "stock.adjust": frozenset({LOGISTICS}),
    "stock.hold": frozenset({LOGISTICS, PHARMACIST}),
    "stock.release": frozenset({PHARMACIST}),
    "stock.return": frozenset({LOGISTICS}),
    "stock.dispose": frozenset({LOGISTICS}),
    "stock.witness": frozenset({LOGISTICS, PHARMACIST}),
    "stock.shelve": frozenset({LOGISTICS}),
    "capacity.set": frozenset({LOGISTICS, ADMINISTRATOR}),
    "capacity.override": frozenset({PHARMACIST, COORDINATOR, COMMITTEE}),
    "stock.count": frozenset({LOGISTICS}),
    "surplus.decide": frozenset({LOGISTICS, BUYER}),
    "second.confirm": frozenset({LOGISTICS, PHARMACIST}),
    "border.authorise": frozenset({PHARMACIST}),
    "loss.report": frozenset({PHARMACIST}),
    "limit.set": frozenset({COMMITTEE}),
    "release.rule": frozenset({PHARMACIST}),
    "contract.terms": frozenset({BUYER, COMMITTEE}),
    "contract.amend": frozenset({BUYER}),
    "contract.adopt": frozenset({COMMITTEE}),
    "tender.prepare": frozenset({BUYER}),
    "tender.join": frozenset({REQUESTER, COMMITTEE}),
    "tender.bid": frozenset({BUYER, SUPPLIER}),
    "tender.declare": frozenset({LOGISTICS, COORDINATOR, COMMITTEE, BUYER, PHARMACIST, AUDITOR}),
    "tender.score": frozenset({LOGISTICS, COORDINATOR, BUYER, PHARMACIST}),
    "tender.release": frozenset({COMMITTEE}),
    "tender.award": frozenset({COMMITTEE}),
    "tender.close": frozenset({COMMITTEE}),
    "tender.object": frozenset({BUYER, SUPPLIER}),
    "tender.review": frozenset({COMMITTEE, AUDITOR}),
    "maintenance.plan": frozenset({REQUESTER, LOGISTICS, BUYER}),
    "reservation.transfer": frozenset({REQUESTER, COMMITTEE}),
    "calloff.propose": frozenset({BUYER, COMMITTEE, SCHEDULER}),
    "calloff.send": frozenset({BUYER, COMMITTEE}),
    "calloff.answer": frozenset({BUYER, SUPPLIER}),
    "calloff.accept": frozenset({LOGISTICS, PHARMACIST}),
    "invoice.record": frozenset({BUYER}),
    "invoice.approve": frozenset({BUYER, COMMITTEE}),
    "invoice.pay": frozenset({COMMITTEE}),
    "damages.claim": frozenset({BUYER}),
    "damages.contest": frozenset({BUYER, SUPPLIER}),
    "damages.decide": frozenset({COMMITTEE}),
    "scorecard.see": frozenset({COORDINATOR, COMMITTEE, BUYER, AUDITOR, SUPPLIER}),
    "rotation.note": frozenset({LOGISTICS, BUYER}),
    "shortage.propose": frozenset({BUYER, COMMITTEE, SCHEDULER}),
    "calloff.close": frozenset({LOGISTICS, BUYER, COMMITTEE}),
    "count.approve": frozenset({LOGISTICS, COMMITTEE}),
    "lot.extend": frozenset({PHARMACIST}),
    "lot.restrict": frozenset({LOGISTICS}),
    "lot.lift": frozenset({COMMITTEE}),
    "lot.admit": frozenset({COMMITTEE}),
    "site.equip": frozenset({LOGISTICS}),
    "owner.propose": frozenset({LOGISTICS}),
    "owner.confirm": frozenset({COMMITTEE}),
    "stock.forward": frozenset({LOGISTICS}),
    "item.verify": frozenset({PHARMACIST}),
    "item.serialise": frozenset({LOGISTICS}),
    "item.pack": frozenset({LOGISTICS, PHARMACIST}),
    "substitute.propose": frozenset({LOGISTICS, COORDINATOR, PHARMACIST}),
    "substitute.approve": frozenset({PHARMACIST}),
    "kit.define": frozenset({PHARMACIST}),
    "kit.assemble": frozenset({LOGISTICS}),
    "recall.open": frozenset({LOGISTICS, PHARMACIST}),
    "recall.acknowledge": frozenset({REQUESTER, LOGISTICS}),
    "recall.close": frozenset({PHARMACIST}),
    "temperature.report": frozenset({LOGISTICS}),
    "transfer.dispatch": frozenset({LOGISTICS}),
    "transfer.receive": frozenset({LOGISTICS}),
    "transfer.resolve": frozenset({LOGISTICS, COMMITTEE}),
    "transfer.pick": frozenset({LOGISTICS}),
    "transfer.cancel": frozenset({COORDINATOR, COMMITTEE}),
    "reservation.preempt": frozenset({COORDINATOR}),
    "preemption.approve": frozenset({COMMITTEE}),
    "reservations.run": frozenset({SCHEDULER, COORDINATOR}),
    "caseload.report": frozenset({REQUESTER, COORDINATOR}),
    "caseload.release": frozenset({COORDINATOR}),
    "surge.declare": frozenset({COORDINATOR}),
    "surge.close": frozenset({COORDINATOR, COMMITTEE}),
    "request.submit": frozenset({REQUESTER, COORDINATOR}),
    "request.withdraw": frozenset({REQUESTER, COORDINATOR}),
    "request.validate": frozenset({COORDINATOR}),
    "plan.compute": frozenset({COORDINATOR, SCHEDULER}),
    "plan.override": frozenset({COORDINATOR}),
    "plan.approve": frozenset({COMMITTEE}),
    "plan.files": frozenset({AUDITOR, COORDINATOR, COMMITTEE, ADMINISTRATOR}),
    "policy.propose": frozenset({COORDINATOR, COMMITTEE}),
    "policy.adopt": frozenset({COMMITTEE}),
    "promise.set": frozenset({COMMITTEE}),
    "reorder.run": frozenset({SCHEDULER, BUYER, COMMITTEE}),
    "forgetting.run": frozenset({SCHEDULER, COORDINATOR}),
    "calloff.approve": frozenset({COMMITTEE, BUYER}),
    "calloff.reject": frozenset({COMMITTEE, BUYER}),
    "forecast.run": frozenset({SCHEDULER, BUYER, COMMITTEE, COORDINATOR}),
    "history.load": frozenset({BUYER, ADMINISTRATOR}),
    "outlook.see": frozenset({COORDINATOR, COMMITTEE, BUYER, AUDITOR, SUPPLIER}),
    "preapproval.set": frozenset({COMMITTEE}),
    "scan.run": frozenset({SCHEDULER, BUYER, COMMITTEE, LOGISTICS, COORDINATOR, PHARMACIST}),
    "scenario.keep": frozenset({COORDINATOR, COMMITTEE, BUYER}),
    "schedule.set": frozenset({COMMITTEE, ADMINISTRATOR}),
    "floor.set": frozenset({COMMITTEE}),
    "period.close": frozenset({COMMITTEE}),
    "figure.set": frozenset({COMMITTEE}),
    "publications.run": frozenset({SCHEDULER, COORDINATOR}),
    "grievance.receive": frozenset({SCHEDULER, COORDINATOR}),
    "grievance.handle": frozenset({COORDINATOR, COMMITTEE, AUDITOR}),
    "grievance.review": frozenset({COMMITTEE, PHARMACIST, AUDITOR}),
    "grievance.buffer": frozenset({COMMITTEE}),
    "baseline.set": frozenset({COMMITTEE, AUDITOR}),
    "outside.note": frozenset({REQUESTER, BUYER, COMMITTEE}),
    "remedy.find": frozenset({COMMITTEE, AUDITOR, SCHEDULER}),
    "remedy.open": frozenset({COMMITTEE, AUDITOR}),
    "remedy.close": frozenset({COMMITTEE, AUDITOR}),
    "contact.keep": frozenset({COORDINATOR, ADMINISTRATOR}),
    "contact.read": frozenset({LOGISTICS, COORDINATOR, COMMITTEE, ADMINISTRATOR}),
    "contact.erase": frozenset({ADMINISTRATOR}),
    "history.import": frozenset({BUYER, ADMINISTRATOR}),
    "committee.found": frozenset({ADMINISTRATOR}),
    "committee.run": frozenset({SCHEDULER, COMMITTEE}),
    "seat.appoint": frozenset({ADMINISTRATOR}),
    "decision.propose": frozenset({COORDINATOR, COMMITTEE, BUYER}),
    "decision.open": frozenset({COMMITTEE}),
    "decision.vote": frozenset({COMMITTEE}),
    "rights.change": frozenset({COMMITTEE}),
    "agreement.adopt": frozenset({COMMITTEE}),
    "member.note": frozenset({ADMINISTRATOR}),
    "member.notice": frozenset({REQUESTER, COMMITTEE}),
    "member.admit": frozenset({COMMITTEE}),
    "member.suspend": frozenset({COMMITTEE}),
    "member.release": frozenset({COMMITTEE}),
    "settlement.book": frozenset({COORDINATOR, BUYER}),
    "settlement.close": frozenset({COMMITTEE}),
    "contingency.propose": frozenset({COORDINATOR, LOGISTICS, COMMITTEE}),
    "contingency.adopt": frozenset({COMMITTEE}),
    "contingency.start": frozenset({COORDINATOR, COMMITTEE}),
    "contingency.release": frozenset({COMMITTEE}),
    "contingency.step": frozenset({COORDINATOR, LOGISTICS, PHARMACIST, BUYER, COMMITTEE}),
    "duty.set": frozenset({COORDINATOR, ADMINISTRATOR}),
    "risk.note": frozenset({COORDINATOR, COMMITTEE, AUDITOR}),
    "dispute.open": frozenset({REQUESTER, BUYER, COMMITTEE}),
    "dispute.move": frozenset({COMMITTEE}),
    "review.open": frozenset({COORDINATOR, COMMITTEE, REQUESTER, AUDITOR}),
    "review.act": frozenset({COORDINATOR, LOGISTICS, BUYER, COMMITTEE}),
    "finding.write": frozenset({AUDITOR}),
    "finding.answer": frozenset({COORDINATOR, LOGISTICS, PHARMACIST, BUYER, COMMITTEE}),
    "finding.accept": frozenset({COMMITTEE}),
    "region.import": frozenset({ADMINISTRATOR}),
    "clock.set": frozenset({COORDINATOR, ADMINISTRATOR}),
    "account.manage": frozenset({ADMINISTRATOR}),
    "grant.share": frozenset({REQUESTER, LOGISTICS, COORDINATOR}),
    "glass.break": frozenset({LOGISTICS, COORDINATOR, PHARMACIST}),
    "glass.review": frozenset({COMMITTEE, AUDITOR}),
}

APPROVING: Final = frozenset(
    {
        "admit",
        "adopt",
        "appoint",
        "approve",
        "award",
        "change",
        "close",
        "confirm",
        "decide",
        "erase",
        "lift",
        "manage",
        "pay",
        "release",
        "review",
        "suspend",
        "vote",
    }
)
"""The verbs of rights by which a person answers for what another has prepared, or lets others in."""
STANDING: Final = frozenset({"limit.set", "preapproval.set", "promise.set", "finding.accept"})
"""Rights of another verb by which a person approves, some beforehand, what nobody will be asked about again.

`calloff.accept` is none: it says what stands at the dock, and handhelds carry it.
"""


def approves(right: str) -> bool:
    """Whether a right is one by which a person approves: it asks for the second factor, and no key carries it.

    >>> approves("plan.approve"), approves("stock.receive")
    (True, False)
    """
    return right.partition(".")[2] in APPROVING or right in STANDING


class Missing(NotAllowed):
    """The actor holds no grant that covers the right here."""

    code = "right_missing"


class SecondFactorMissing(NotAllowed):
    """The right is there; this sign-in has not shown the second factor that approvals ask for."""

    code = "second_factor_missing"


class OwnWork(Conflict):
    """Nobody approves their own request, plan or order."""

    code = "own_work"


def members_of(actor: Actor) -> list[str] | None:
    """The members that every grant of the actor is narrowed to; None where one reaches further.

    >>> members_of(Actor(1, "anna", (Grant("requester", member="BE-1"),)))
    ['BE-1']
    """
    if any(grant.member is None for grant in actor.grants):
        return None
    return sorted({grant.member for grant in actor.grants if grant.member is not None})


def allowed(actor: Actor, right: str, *, member: str | None = None, site: str | None = None) -> bool:
    """Whether one of the actor's grants covers `right` for this member and site.

    A grant limited to a member (or site) covers only acts that name it.
    """
    roles = RIGHTS[right]
    if actor.scopes is not None and right not in actor.scopes:
        return False
    return any(
        grant.role in roles and grant.member in (None, member) and grant.site in (None, site) for grant in actor.grants
    )


def holds(actor: Actor, right: str) -> bool:
    """Whether the actor holds `right` for anything at all, however limited."""
    roles = RIGHTS[right]
    if actor.scopes is not None and right not in actor.scopes:
        return False
    return any(grant.role in roles for grant in actor.grants)


def require_any(actor: Actor, right: str) -> None:
    """Refuse who does not hold `right` for anything at all."""
    if not holds(actor, right):
        raise Missing(f"{actor.name} may not {right}: the account has no role for it", right=right)
    require_proof(actor, right)


def require(actor: Actor, right: str, *, member: str | None = None, site: str | None = None) -> None:
    """Refuse unless `allowed`."""
    if not allowed(actor, right, member=member, site=site):
        where = "".join(f" for {name}" for name in (member, site) if name)
        raise Missing(f"{actor.name} may not {right}{where}", right=right, member=member, site=site)
    require_proof(actor, right)


def require_proof(actor: Actor, right: str) -> None:
    """Refuse an approval by a sign-in that lacks the second factor it needs."""
    if actor.unproven and approves(right):
        raise SecondFactorMissing(
            f"{right} needs the second factor: sign in for a token, then send the six digits of your device to "
            "POST /api/v1/me/second-factor/proof (a device is set up at POST /api/v1/me/second-factor)",
            right=right,
        )


def require_other(actor: Actor, authors: dict[int, str]) -> None:
    """Refuse when the actor is among those whose work this is; `authors` maps account ids to what they did."""
    if actor.id in authors:
        raise OwnWork(f"{actor.name} {authors[actor.id]}: another person must approve it", actor=actor.name)
