"""Who may do what: the whole table of rights, and that everything else is denied."""

from __future__ import annotations

import pytest

from stockpile.actor import Actor, Grant
from stockpile.governance.rules import RIGHTS, ROLES, Missing, OwnWork, allowed, holds, require, require_other

TABLE = """
right                requester logistics coordinator committee buyer pharmacist auditor administrator scheduler supplier
read                 x         x         x           x         x     x          x       x             x         .
verify               .         .         .           x         .     .          x       x             .         .
head.witness         x         .         .           x         .     .          x       .             .         .
head.address         x         .         .           x         .     .          x       .             .         .
stop.set             .         x         .           x         .     x          x       .             x         .
stop.lift            .         .         .           x         .     .          .       .             .         .
stock.receive        .         x         .           .         .     .          .       .             .         .
stock.issue          .         x         .           .         .     .          .       .             .         .
stock.adjust         .         x         .           .         .     .          .       .             .         .
stock.hold           .         x         .           .         .     x          .       .             .         .
stock.release        .         .         .           .         .     x          .       .             .         .
stock.return         .         x         .           .         .     .          .       .             .         .
stock.dispose        .         x         .           .         .     .          .       .             .         .
stock.witness        .         x         .           .         .     x          .       .             .         .
stock.shelve         .         x         .           .         .     .          .       .             .         .
capacity.set         .         x         .           .         .     .          .       x             .         .
capacity.override    .         .         x           x         .     x          .       .             .         .
stock.count          .         x         .           .         .     .          .       .             .         .
surplus.decide       .         x         .           .         x     .          .       .             .         .
second.confirm       .         x         .           .         .     x          .       .             .         .
border.authorise     .         .         .           .         .     x          .       .             .         .
loss.report          .         .         .           .         .     x          .       .             .         .
limit.set            .         .         .           x         .     .          .       .             .         .
release.rule         .         .         .           .         .     x          .       .             .         .
contract.terms       .         .         .           x         x     .          .       .             .         .
contract.amend       .         .         .           .         x     .          .       .             .         .
contract.adopt       .         .         .           x         .     .          .       .             .         .
tender.prepare       .         .         .           .         x     .          .       .             .         .
tender.join          x         .         .           x         .     .          .       .             .         .
tender.bid           .         .         .           .         x     .          .       .             .         x
tender.declare       .         x         x           x         x     x          x       .             .         .
tender.score         .         x         x           .         x     x          .       .             .         .
tender.release       .         .         .           x         .     .          .       .             .         .
tender.award         .         .         .           x         .     .          .       .             .         .
tender.close         .         .         .           x         .     .          .       .             .         .
tender.object        .         .         .           .         x     .          .       .             .         x
tender.review        .         .         .           x         .     .          x       .             .         .
maintenance.plan     x         x         .           .         x     .          .       .             .         .
reservation.transfer x         .         .           x         .     .          .       .             .         .
calloff.propose      .         .         .           x         x     .          .       .             x         .
calloff.send         .         .         .           x         x     .          .       .             .         .
calloff.answer       .         .         .           .         x     .          .       .             .         x
calloff.accept       .         x         .           .         .     x          .       .             .         .
invoice.record       .         .         .           .         x     .          .       .             .         .
invoice.approve      .         .         .           x         x     .          .       .             .         .
invoice.pay          .         .         .           x         .     .          .       .             .         .
damages.claim        .         .         .           .         x     .          .       .             .         .
damages.contest      .         .         .           .         x     .          .       .             .         x
damages.decide       .         .         .           x         .     .          .       .             .         .
scorecard.see        .         .         x           x         x     .          x       .             .         x
rotation.note        .         x         .           .         x     .          .       .             .         .
shortage.propose     .         .         .           x         x     .          .       .             x         .
calloff.close        .         x         .           x         x     .          .       .             .         .
count.approve        .         x         .           x         .     .          .       .             .         .
lot.extend           .         .         .           .         .     x          .       .             .         .
lot.restrict         .         x         .           .         .     .          .       .             .         .
lot.lift             .         .         .           x         .     .          .       .             .         .
lot.admit            .         .         .           x         .     .          .       .             .         .
site.equip           .         x         .           .         .     .          .       .             .         .
owner.propose        .         x         .           .         .     .          .       .             .         .
owner.confirm        .         .         .           x         .     .          .       .             .         .
stock.forward        .         x         .           .         .     .          .       .             .         .
item.verify          .         .         .           .         .     x          .       .             .         .
item.serialise       .         x         .           .         .     .          .       .             .         .
item.pack            .         x         .           .         .     x          .       .             .         .
substitute.propose   .         x         x           .         .     x          .       .             .         .
substitute.approve   .         .         .           .         .     x          .       .             .         .
kit.define           .         .         .           .         .     x          .       .             .         .
kit.assemble         .         x         .           .         .     .          .       .             .         .
recall.open          .         x         .           .         .     x          .       .             .         .
recall.acknowledge   x         x         .           .         .     .          .       .             .         .
recall.close         .         .         .           .         .     x          .       .             .         .
temperature.report   .         x         .           .         .     .          .       .             .         .
transfer.dispatch    .         x         .           .         .     .          .       .             .         .
transfer.receive     .         x         .           .         .     .          .       .             .         .
transfer.resolve     .         x         .           x         .     .          .       .             .         .
transfer.pick        .         x         .           .         .     .          .       .             .         .
transfer.cancel      .         .         x           x         .     .          .       .             .         .
reservation.preempt  .         .         x           .         .     .          .       .             .         .
preemption.approve   .         .         .           x         .     .          .       .             .         .
reservations.run     .         .         x           .         .     .          .       .             x         .
caseload.report      x         .         x           .         .     .          .       .             .         .
caseload.release     .         .         x           .         .     .          .       .             .         .
surge.declare        .         .         x           .         .     .          .       .             .         .
surge.close          .         .         x           x         .     .          .       .             .         .
request.submit       x         .         x           .         .     .          .       .             .         .
request.withdraw     x         .         x           .         .     .          .       .             .         .
request.validate     .         .         x           .         .     .          .       .             .         .
plan.compute         .         .         x           .         .     .          .       .             x         .
plan.override        .         .         x           .         .     .          .       .             .         .
plan.approve         .         .         .           x         .     .          .       .             .         .
plan.files           .         .         x           x         .     .          x       x             .         .
policy.propose       .         .         x           x         .     .          .       .             .         .
policy.adopt         .         .         .           x         .     .          .       .             .         .
promise.set          .         .         .           x         .     .          .       .             .         .
reorder.run          .         .         .           x         x     .          .       .             x         .
forgetting.run       .         .         x           .         .     .          .       .             x         .
calloff.approve      .         .         .           x         x     .          .       .             .         .
calloff.reject       .         .         .           x         x     .          .       .             .         .
forecast.run         .         .         x           x         x     .          .       .             x         .
history.load         .         .         .           .         x     .          .       x             .         .
outlook.see          .         .         x           x         x     .          x       .             .         x
preapproval.set      .         .         .           x         .     .          .       .             .         .
scan.run             .         x         x           x         x     x          .       .             x         .
scenario.keep        .         .         x           x         x     .          .       .             .         .
schedule.set         .         .         .           x         .     .          .       x             .         .
floor.set            .         .         .           x         .     .          .       .             .         .
period.close         .         .         .           x         .     .          .       .             .         .
figure.set           .         .         .           x         .     .          .       .             .         .
publications.run     .         .         x           .         .     .          .       .             x         .
grievance.receive    .         .         x           .         .     .          .       .             x         .
grievance.handle     .         .         x           x         .     .          x       .             .         .
grievance.review     .         .         .           x         .     x          x       .             .         .
grievance.buffer     .         .         .           x         .     .          .       .             .         .
baseline.set         .         .         .           x         .     .          x       .             .         .
outside.note         x         .         .           x         x     .          .       .             .         .
remedy.find          .         .         .           x         .     .          x       .             x         .
remedy.open          .         .         .           x         .     .          x       .             .         .
remedy.close         .         .         .           x         .     .          x       .             .         .
contact.keep         .         .         x           .         .     .          .       x             .         .
contact.read         .         x         x           x         .     .          .       x             .         .
contact.erase        .         .         .           .         .     .          .       x             .         .
history.import       .         .         .           .         x     .          .       x             .         .
committee.found      .         .         .           .         .     .          .       x             .         .
committee.run        .         .         .           x         .     .          .       .             x         .
seat.appoint         .         .         .           .         .     .          .       x             .         .
decision.propose     .         .         x           x         x     .          .       .             .         .
decision.open        .         .         .           x         .     .          .       .             .         .
decision.vote        .         .         .           x         .     .          .       .             .         .
rights.change        .         .         .           x         .     .          .       .             .         .
agreement.adopt      .         .         .           x         .     .          .       .             .         .
member.note          .         .         .           .         .     .          .       x             .         .
member.notice        x         .         .           x         .     .          .       .             .         .
member.admit         .         .         .           x         .     .          .       .             .         .
member.suspend       .         .         .           x         .     .          .       .             .         .
member.release       .         .         .           x         .     .          .       .             .         .
settlement.book      .         .         x           .         x     .          .       .             .         .
settlement.close     .         .         .           x         .     .          .       .             .         .
contingency.propose  .         x         x           x         .     .          .       .             .         .
contingency.adopt    .         .         .           x         .     .          .       .             .         .
contingency.start    .         .         x           x         .     .          .       .             .         .
contingency.release  .         .         .           x         .     .          .       .             .         .
contingency.step     .         x         x           x         x     x          .       .             .         .
duty.set             .         .         x           .         .     .          .       x             .         .
risk.note            .         .         x           x         .     .          x       .             .         .
dispute.open         x         .         .           x         x     .          .       .             .         .
dispute.move         .         .         .           x         .     .          .       .             .         .
review.open          x         .         x           x         .     .          x       .             .         .
review.act           .         x         x           x         x     .          .       .             .         .
finding.write        .         .         .           .         .     .          x       .             .         .
finding.answer       .         x         x           x         x     x          .       .             .         .
finding.accept       .         .         .           x         .     .          .       .             .         .
region.import        .         .         .           .         .     .          .       x             .         .
clock.set            .         .         x           .         .     .          .       x             .         .
account.manage       .         .         .           .         .     .          .       x             .         .
grant.share          x         x         x           .         .     .          .       .             .         .
glass.break          .         x         x           .         .     x          .       .             .         .
glass.review         .         .         .           x         .     .          x       .             .         .
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], role, mark == "x") for row in ROWS for role, mark in zip(HEAD[1:], row[1:], strict=True)]


def actor(*grants: Grant) -> Actor:
    """Somebody with these grants."""
    return Actor(id=7, name="somebody", grants=grants)


def test_the_table_names_every_right_and_every_role() -> None:
    assert {row[0] for row in ROWS} == set(RIGHTS)
    assert set(HEAD[1:]) == set(ROLES)


@pytest.mark.parametrize(("right", "role", "may"), CELLS)
def test_a_role_may_do_what_the_table_says_and_nothing_else(right: str, role: str, may: bool) -> None:
    one = actor(Grant(role))
    assert allowed(one, right) is may
    assert holds(one, right) is may
    assert allowed(one, right, member="NL-1", site="H-NL") is may


@pytest.mark.parametrize("right", sorted(RIGHTS))
def test_nobody_without_a_grant_may_do_anything(right: str) -> None:
    assert not allowed(actor(), right)
    assert not holds(actor(), right)
    assert not allowed(actor(Grant("mayor")), right)


def test_a_right_that_nobody_wrote_down_is_a_fault_of_ours_and_no_permission() -> None:
    with pytest.raises(KeyError):
        allowed(actor(Grant("administrator")), "stock.burn")


@pytest.mark.parametrize(
    ("grant", "asked", "may"),
    [
        (Grant("requester", member="NL-1"), {"member": "NL-1"}, True),
        (Grant("requester", member="NL-1"), {"member": "DE-1"}, False),
        (Grant("requester", member="NL-1"), {}, False),
        (Grant("requester"), {"member": "DE-1"}, True),
        (Grant("requester", site="H-NL"), {"member": "NL-1"}, False),
        (Grant("requester", member="NL-1", site="H-NL"), {"member": "NL-1", "site": "H-NL"}, True),
        (Grant("requester", member="NL-1", site="H-NL"), {"member": "NL-1", "site": "H-DE"}, False),
        (Grant("requester", member="NL-1", site="H-NL"), {"member": "DE-1", "site": "H-NL"}, False),
        (Grant("requester", member=""), {}, False),
    ],
)
def test_a_grant_for_one_member_or_site_covers_only_that_one(grant: Grant, asked: dict[str, str], may: bool) -> None:
    assert allowed(actor(grant), "request.submit", **asked) is may


def test_one_grant_is_enough_but_halves_of_two_do_not_add_up() -> None:
    both = actor(Grant("logistics", site="D-BE"), Grant("requester", member="NL-1"))
    assert allowed(both, "stock.receive", site="D-BE")
    assert allowed(both, "request.submit", member="NL-1")
    assert not allowed(both, "stock.receive", member="NL-1")
    assert not allowed(both, "stock.receive", site="D-DE", member="NL-1")


def test_the_refusal_says_who_may_not_do_what_and_where() -> None:
    with pytest.raises(Missing) as refused:
        require(actor(Grant("requester", member="NL-1")), "request.submit", member="DE-1")
    assert refused.value.message == "somebody may not request.submit for DE-1"
    assert refused.value.facts == {"right": "request.submit", "member": "DE-1", "site": None}


def test_nobody_approves_their_own_work() -> None:
    require_other(actor(), {8: "computed plan 1"})
    with pytest.raises(OwnWork, match="somebody computed plan 1: another person must approve it"):
        require_other(actor(), {7: "computed plan 1", 8: "made request 2"})
