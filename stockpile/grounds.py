"""Why something was done, where nobody was asked for a reason: derived from the act itself. Pure.

Whoever acts gives a reason wherever the operation has a field for one, and that one counts. Elsewhere the act is its
own reason: an order carries the reasons of its lines, a vote the rule it is counted by, a scan what was scanned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

GROUNDS: Final[Mapping[str, str]] = {
    # sharing
    "plan.override.confirm": "confirmed by another person, for the reason given with the change",
    "plan.approve": "as the plan proposes: this entry names its problem, rule and lines",
    "plan.compute": "requests wait, and the rule in force says how stock is shared",
    "plan.publish": "the public is told what was shared, and by which rule",
    "surge.declare": "need is beyond what every day brings",
    "surge.close": "need is back to what every day brings",
    "request.validate": "what caseload and cover support of what was asked",
    "plan_job.begin": "a plan was asked for in surge {surge}",
    "plan_job.end": "whoever waited for the plan asked to {wish} it",
    "request.submit": "each request carries its own justification",
    "request.lapse": "the day they were needed by has passed, or their surge is over",
    # catalogue
    "item.pack": "packs of the item are scanned by this number",
    "item.serialise": "whether single pieces of the item are told apart: {serialised}",
    "item.verify": "the master data were compared with what lies there",
    "kit.assemble": "a kit is put together of its parts",
    "kit.define": "what belongs in one kit",
    "release.rule": "which stock waits for a pharmacist's word",
    # contracts and orders
    "contract.adopt": "as the amendment says, for the rationale that it carries",
    "contract.refuse": "the amendment is not taken on",
    "contract.terms": "terms of delivery as agreed with the supplier",
    "contract.lot": "what of the contract is ordered and limited together",
    "contract.reserve": "what each member may order of the lot",
    "contract.option": "what may be called beyond the contract in a surge, as agreed with the supplier",
    "index.publish": "a price index was published",
    "reorder.run": "stock was held against floors, need and lead times, as every night",
    "shortage.propose": "what is short is ordered where it comes soonest",
    "rotation.note": "the contract has batches rotated before they expire",
    "calloff.propose": "each line carries its own reason",
    "calloff.adopt": "taken up from what a run suggested, for the reasons of its lines",
    "calloff.approve": "for the reasons of its lines, within ceiling, shares and budget",
    "calloff.cancel": "a newer run answers the same shortage anew",
    "calloff.send": "the approved order went to its supplier",
    "calloff.acknowledge": "the supplier says that it has the order",
    "calloff.confirm": "the supplier says when the order comes",
    "calloff.ship": "the supplier says what is on its way",
    "calloff.accept": "what came was looked at and is what was ordered, but for what was rejected",
    "calloff.surplus": "what came beyond the order was decided on",
    "calloff.end": "the order is paid, and nothing more comes of it",
    "damages.claim": "worked out by the contract's clause from when the goods came",
    "invoice.record": "the supplier's invoice came",
    "invoice.approve": "the invoice is what was ordered, accepted and agreed",
    "invoice.pay": "an approved invoice is due",
    "tender.choose": "the member's own choice",
    "tender.interest": "whoever judges bids says whether they have a stake in them",
    "tender.lot": "what of the tender is awarded on its own",
    "tender.rubric": "what bids are weighed by was laid down before any came",
    "tender.publish": "the tender is complete, and suppliers may bid",
    "tender.bid": "a supplier's bid came in time",
    "tender.evaluate": "the time to bid is over: bids stand as the rubric counts them",
    "tender.notify": "suppliers may object before the award counts",
    "tender.object": "a supplier objects, in its own words",
    "tender.award": "the best bids by the rubric, as this entry tells them",
    "tender.sign": "awarded, and nothing stands against it",
    # demand
    "caseload.report": "figures of the day, as reported",
    "own_stock.declare": "what the member says it holds itself",
    "forecast.run": "forecasts are made anew for the slot",
    "history.load": "use of earlier times, for forecasts",
    "outlook.issue": "suppliers are told each quarter what to expect",
    "scenario.keep": "a course of need, to plan with",
    # stock
    "stock.post": "{kind}",
    "stock.import": "all rows of the file were posted together",
    "stock.shelve": "where it lies was told",
    "lot.open": "a batch came that was not known before",
    "goods.receive": "what came was looked at and counted at the dock",
    "goods.accept": "what was held back at the dock is taken in",
    "goods.send_back": "what was held back at the dock goes back",
    "transfer.pick": "the lines stand ready as the transfer says",
    "transfer.hand_over": "the goods were signed for",
    "transfer.receive": "the goods came, and were counted as this entry says",
    "count.approve": "the count was looked at, and the books are made to say what was counted",
    "recall.answer": "what became of the recalled goods there",
    "count.enter": "what was counted, told blind of the books",
    "period.close": "the span is over, and its books are complete",
    "floor.set": "so much of the item stays in the pool from that day on",
    "border.authorise": "the authority's permit to cross a border is on file",
    "limit.set": "up to which value one person may decide alone",
    "loss.raise": "{cause}",
    "stop.set": "{found}",
    "temperature.report": "a reading as it was taken",
    "temperature.import": "the log of a device as it was read",
    "pallet.number": "a pallet got a number that can be scanned",
    "bin.make": "a place in the depot got a name",
    "capacity.set": "how much of a class the site holds",
    "owner.withdraw": "whoever proposed the change of owner takes it back",
    "proposal.confirm": "a second person stands for the step, for the reason it was proposed with",
    # people and members
    "account.add": "somebody takes up work here",
    "account.grants": "the identity provider tells these roles",
    "account.password": "the person chose another password",
    "key.add": "a program of the person's acts with these rights",
    "glass.review": "an emergency use of rights was looked at afterwards",
    "sign_in.end": "the sign-in is not to be used any more",
    "factor.add": "the person's device showed its first code",
    "factor.end": "the person gave the device up with a last code of it",
    "factor.demand": "whether approvals ask for a second factor: {demanded}",
    "clock.set": "a simulated region goes on to a later hour",
    "contact.keep": "whom to call in need",
    "member.evidence": "what a step of membership asks for was handed in",
    "member.population": "the population of a year, from its source",
    "agreement.adopt": "as the members agreed: the hash names the text",
    "rights.change": "decision rights as they were decided",
    "region.import": "the region begins with these files",
    "region.draft": "a file of the region that is being set up",
    "region.undraft": "a file of the region that is being set up is taken back",
    # the committee
    "decision.propose": "put forward for the members to decide",
    "decision.vote": "the member's voice, as it was cast",
    "decision.withdraw": "whoever proposed it takes it back",
    "decision.table": "ready to be put to the members",
    "decision.open": "the members vote, by the rights of this version",
    "decision.execute": "adopted, and carried out as it was adopted",
    "decision.provisional": "an emergency: done at once, and to be ratified in time",
    "contingency.start": "what triggers the plan has come",
    "contingency.adopt": "the plan is kept ready as it was proposed",
    "contingency.decline": "the plan is not taken on",
    "contingency.end": "the plan has run its course",
    "contingency.step": "the step is done",
    "duty.set": "who is on duty from then to then",
    "settlement.open": "a span of time is to be settled",
    "settlement.book": "a cost that was borne for all",
    "settlement.calculate": "costs divided by the key that was in force",
    "loan.lend": "stock is lent in kind, due back like for like",
    "loan.return": "what was lent comes back",
    # what is told
    "head.witness": "the member keeps a copy, so that nothing under it is rewritten unnoticed",
    "history.import": "awards that others published, for comparison",
    "grievance.receive": "somebody complains, in their own words",
    "grievance.acknowledge": "whoever complained is told that it is looked into",
    "grievance.redirect": "it is {to} that answers for this",
    "grievance.assign": "a reviewer who had no part in what it is about",
    "grievance.decide": "{verdict}: the answer to whoever complained says why",
    "grievance.appeal": "whoever complained does not agree, in their own words",
    "grievance.decide_appeal": "{verdict}: the answer to whoever complained says why",
    "grievance.close": "it was answered, and the time to appeal is over",
    "grievance.buffer": "an appeal about a share was upheld: it is served from the buffer",
    "expiry.scan": "what expires soon is looked for every night",
    "contract.dates": "contracts and options that end soon are looked for every night",
    "kpi.snapshot": "key figures are kept every night",
}
"""By what was done: why, with fields of the entry's payload in braces."""
RESULTS: Final = "decision."
COUNTED: Final = "counted by the rule in force: this entry holds the count"
"""How a vote ended follows from its count."""


def ground(action: str, payload: Mapping[str, Any]) -> str:
    """Why this was done, as far as the act tells; empty where it does not.

    >>> ground("stop.set", {"found": "a wet pallet"}), ground("decision.adopted", {}), ground("no.such", {})
    ('a wet pallet', 'counted by the rule in force: this entry holds the count', '')
    """
    known = GROUNDS.get(action, "")
    if not known and action.startswith(RESULTS):
        return COUNTED
    return known.format_map(payload) if "{" in known else known
