"""What every route of the service asks of whoever calls it: the declared table behind test_every_route.

Columns: method, path below /api/v1 (or a whole path where it begins with "//"), what is asked, and how far a grant
may be narrowed. What is asked is a right, or:
  public    everybody, without signing in
  signed    everybody who has signed in and holds any role (the right "read", for the whole region: members share
            one stock, so that what is in it, who asked and who got what is open to all who take part)
  own       everybody who has signed in and belongs to the region, but only for what is their own
  guest     everybody who has signed in, suppliers too: one's own account and sign-ins
  machine   no account: this machine, or who brings the token that the installation is set to
  a|b       one right or the other
How far: region (a grant for one member or site is not enough), member, site, or - where nothing is asked of it.
"""

from __future__ import annotations

from tests.access import table_agreements

TABLE = """
POST   /tokens                                              guest               -
DELETE /tokens/current                                      guest               -
GET    /me                                                  guest               -
GET    /region                                              signed              -
GET    /members                                             signed              -
GET    /sign-ins                                            guest                 -
DELETE /sign-ins/{id}                                       guest                 -
POST   /keys                                                guest                 -
POST   /me/second-factor                                    guest                 -
POST   /me/second-factor/proof                              guest                 -
POST   /me/second-factor/end                                guest                 -
POST   /accounts/{name}/second-factor/take                  account.manage      region
PUT    /second-factor                                       account.manage      region
GET    /lent-roles                                          own                 -
POST   /lent-roles                                          grant.share         member
POST   /lent-roles/{number}/end                             own                 -
GET    /emergencies                                         glass.review        any
POST   /emergencies                                         glass.break         any
POST   /emergencies/{number}/review                         glass.review        region
POST   /items/{item}/packs                                  item.pack           region
GET    /substitutions                                       signed              -
POST   /substitutions                                       substitute.propose  region
GET    /substitutes                                         signed              -
POST   /substitutions/{number}/decide                       substitute.approve  region
POST   /substitutions/{number}/revoke                       substitute.approve  region
GET    /items                                               signed              -
GET    /items/{code}                                        signed              -
GET    /contracts                                           signed              -
GET    /calloffs                                            signed              -
GET    /calloffs/{number}                                   signed              -
POST   /calloffs/{number}/approve                           calloff.approve     region
PUT    /contracts/{contract}/items/{item}/delivery-terms    contract.terms      region
POST   /calloff-lines/{number}/close-short                  calloff.close       region
PUT    /contracts/{contract}/items/{item}/buy-back          contract.terms      region
GET    /sites                                               signed              -
GET    /stock                                               signed              -
GET    /lots                                                signed              -
GET    /movements                                           signed              -
POST   /movements                                           stock.adjust        site
POST   /receipts                                            stock.receive       site
POST   /issues                                              stock.issue         site
POST   /adjustments                                         stock.adjust        site
POST   /lots/{lot_id}/hold                                  stock.hold          region
POST   /lots/{lot_id}/release                               stock.hold          region
PUT    /items/{item}/floor                                  floor.set           region
GET    /transfers                                           signed              -
GET    /transfers/{number}                                  signed              -
POST   /dispatches                                          transfer.dispatch   site
POST   /transfers/{number}/receive                          transfer.receive    site
POST   /transfers/{number}/resolve                          transfer.resolve    site
POST   /goods-in                                            stock.receive       site
GET    /goods-in/waiting                                    signed              -
GET    /goods-in/{number}                                   signed              -
POST   /goods-in/lines/{number}/accept                      surplus.decide      site
POST   /goods-in/lines/{number}/send-back                   surplus.decide      site
PUT    /items/{item}/release-rule                           release.rule        region
PUT    /sites/{site}/release-rule                           release.rule        site
POST   /proposals                                          stock.receive       site
GET    /proposals                                           signed              -
GET    /proposals/{number}                                  signed              -
POST   /proposals/{number}/confirm                         second.confirm|count.approve  site
POST   /proposals/{number}/decline                         second.confirm|count.approve  site
GET    /controlled/register                                 signed              -
GET    /border-authorisations                               signed              -
POST   /border-authorisations                               border.authorise    region
GET    /controlled/losses                                   signed              -
POST   /controlled/losses/{number}/report                   loss.report         site
POST   /controlled/losses/{number}/close                    loss.report         site
GET    /approval-limits                                     signed              -
PUT    /approval-limits/{kind}                              limit.set           region
POST   /temperature-logs                                    temperature.report  site
GET    /sites/{site}/bins                                   signed              -
POST   /sites/{site}/bins                                   stock.shelve        site
GET    /sites/{site}/contents                               signed              -
GET    /sites/{site}/bin-suggestions                        signed              -
POST   /put-aways                                           stock.shelve        site
GET    /transfers/{number}/picks                            signed              -
GET    /sites/{site}/capacity                               signed              -
PUT    /sites/{site}/capacity/{storage_class}               capacity.set        site
POST   /transfers/{number}/hand-over                        transfer.receive    site
GET    /transfers/{number}/hand-over                        signed              -
POST   /imports                                             stock.adjust|stock.receive|stock.issue  any
GET    /imports                                             own                 -
GET    /imports/template.csv                                signed              -
GET    /imports/template.xlsx                               signed              -
GET    /imports/columns                                     signed              -
GET    /imports/{number}                                    own                 -
GET    /imports/{number}/findings                           own                 -
GET    /periods                                             signed              -
POST   /periods/close                                       period.close        region
GET    /figures                                             signed              -
PUT    /figures/{name}                                      figure.set          region
POST   /corrections                                         stock.adjust        site
GET    /lots/{lot_id}/trace                                 signed              -
GET    /recalls                                             signed              -
POST   /recalls                                             recall.open         region
GET    /recalls/{number}                                    signed              -
POST   /recalls/{number}/answers                            recall.acknowledge  member
POST   /recalls/{number}/close                              recall.close        region
POST   /releases                                            stock.release       site
POST   /returns                                             stock.return        site
POST   /lots/{lot_id}/expiry                                lot.extend          region
POST   /items/{item}/flags                                  item.verify         region
POST   /disposals                                           stock.dispose       site
POST   /disposals/{number}/witness                          stock.witness       site
POST   /temperatures                                        temperature.report  site
POST   /counts                                              stock.count         site
GET    /counts/{number}/sheet                               stock.count         site
POST   /counts/{number}/lines                               stock.count         site
GET    /counts/{number}/differences                         count.approve       site
POST   /counts/{number}/approve                             count.approve       site
GET    /items/{item}/promise                                signed              -
GET    /sites/{site}/work                                   signed              -
GET    /sites/{site}/to-count                               stock.count         site
POST   /scans                                               signed              -
POST   /lots/{lot_id}/pallets                               stock.receive       site
GET    /lots/{lot_id}/label                                 signed              -
GET    /lots/{lot_id}/restrictions                          signed              -
POST   /lots/{lot_id}/restrictions                          lot.restrict        region
POST   /restrictions/{number}/lift                          lot.lift            region
PUT    /sites/{site}/cold-store                             site.equip          site
GET    /beneficiaries                                       signed              -
POST   /beneficiaries                                       lot.admit           region
GET    /lots/{lot_id}/fitness                               signed              -
GET    /serials                                             signed              -
PUT    /items/{item}/serialised                             item.serialise      region
GET    /ownership-changes                                   signed              -
POST   /ownership-changes                                   owner.propose       site
POST   /ownership-changes/{number}/confirm                  owner.confirm       site
POST   /ownership-changes/{number}/withdraw                 owner.propose       site
POST   /forwards                                            stock.forward       site
GET    /kits/{item}                                         signed              -
PUT    /kits/{item}                                         kit.define          region
GET    /lots/{lot_id}/parts                                 signed              -
POST   /assemblies                                          kit.assemble        site
POST   /disassemblies                                       kit.assemble        site
GET    /caseload                                            signed              -
POST   /caseload                                            caseload.report     member
POST   /caseload/release                                    caseload.release    member
GET    /surges                                              signed              -
POST   /surges                                              surge.declare       region
POST   /surges/{number}/close                               surge.close         region
GET    /requests                                            signed              -
POST   /requests                                            request.submit      member
POST   /requests/{number}/withdraw                          request.withdraw    member
POST   /requests/{number}/validation                        request.validate    member
POST   /surges/{number}/plans                               plan.compute        region
GET    /plans                                               signed              -
GET    /plans/{number}                                      signed              -
GET    /plans/{number}/lines                                signed              -
GET    /plans/{number}/results                              signed              -
GET    /plans/{number}/files                                verify              region
GET    /plans/{number}/picklist                             signed              -
GET    /plans/{number}/why                                  signed              -
POST   /plans/{number}/overrides                            plan.override       region
POST   /overrides/{number}/confirm                          plan.approve        region
POST   /plans/{number}/approve                              plan.approve        region
GET    /expiring                                            signed              -
GET    /sharing-rules                                       signed              -
GET    /sharing-policies                                    signed              -
POST   /sharing-policies                                    policy.propose      region
GET    /surges/{number}/policies                            signed              -
POST   /sharing-policies/{number}/decision                  policy.adopt        region
GET    /plans/{number}/compare                              signed              -
GET    /plans/{number}/changes                              signed              -
POST   /surges/{number}/what-if                             signed              -
GET    /plans/{number}/problem                              plan.files          region
GET    /plans/{number}/plan-file                            plan.files          region
GET    /requests/{number}/why                               signed              -
POST   /transfers/{number}/pick                             transfer.pick       site
POST   /transfers/{number}/putback                          transfer.pick       site
POST   /transfers/{number}/cancel                           transfer.cancel     region
GET    /preemptions                                         signed              -
POST   /preemptions                                         reservation.preempt region
POST   /preemptions/{number}/approve                        preemption.approve  region
GET    /runs                                                signed              -
POST   /runs/{job}                                          reorder.run         region
GET    /verification                                        verify              region
GET    /audit/heads                                         signed              -
POST   /audit/heads/{size}/witnesses                        head.witness        member
GET    /audit/addresses                                     signed              -
POST   /audit/addresses                                     head.address        member
POST   /audit/addresses/{number}/end                        head.address        member
POST   /audit/addresses/{number}/sending                    head.address        member
GET    /audit/addresses/{number}/deliveries                 signed              -
GET    /audit/entries/{entry}/proof                         verify              region
GET    /openapi.json                                        signed              -
GET    //public/journal/key                                 public              -
GET    //public/journal/checkpoint                          public              -
GET    //public/journal/consistency                         public              -
GET    //public/journal/leaves                              public              -
GET    //public/journal/verifier.py                         public              -
GET    //health                                             public              -
GET    //docs                                               signed              -
MOUNT  //docs-assets                                        public              -
"""

SCREENS = """
/                      signed   the crisis room; leads to /login
/storeroom             signed   the storeroom; leads to /login
/committee             signed   what waits for a vote; leads to /login
/committee/{number}    signed   one decision
/findings              signed   what auditors put to offices; who may answer none is told who may
/recalls               signed   recalls and how far they have come; each step as the account may
/audit                 signed   the audit; who may not verify is told who may
/audit/plans/{number}  signed   one plan, looked into
/audit/decisions/{number}  signed  one decision, counted again
/buying                signed   what the buyer decides; leads to /login
/device                guest    one's own device for codes; leads to /login
/first-run             signed   setting the installation up; who may not is told who may
/supplier              guest    a supplier's own page; who belongs to the region names one
/login                 public   the form
/crisis/why            signed   why one got what they got
/crisis/pick-lists     signed   what leaves a depot, to print
/crisis/dispatch-notes signed   what goes to a place, to print
/screens               public   style sheets and scripts of ours
"""
"""Pages and files of the screens; `/_nicegui...` and its sockets are the framework's and show what a page showed."""


def whole(path: str) -> str:
    """The path as it is called."""
    return path[1:] if path.startswith("//") else f"/api/v1{path}"


ROWS = [tuple(line.split()) for line in (TABLE + table_agreements.TABLE).split("\n") if line.strip()]
ROUTES = {(method, whole(path)): (asked, reach) for method, path, asked, reach in ROWS}
"""(method, path) -> (what is asked, how far a grant may be narrowed)."""
