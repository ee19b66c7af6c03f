"""The catalogue of open data: every table, what its columns mean, and where its rows come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.transparency.grievances import queries as grievances
from stockpile.transparency.kpis import queries as kpis
from stockpile.transparency.ocds import queries as contracting
from stockpile.transparency.opendata import Dataset, columns
from stockpile.transparency.publishing import figures, queries, voting

Rows = list[dict[str, Any]]
Read = Callable[[Session, datetime], Rows]


class NoSuchData(NotFound):
    """There is no such table."""

    code = "unknown_dataset"


_WHERE = """
municipality string code of the municipality
name string name of the municipality
country string country (ISO 3166-1 alpha-2)
"""

SURGES: Final = Dataset(
    "surges",
    "Surges",
    "One row per declared surge.",
    "every surge, newest first",
    columns("""
surge integer number
hazard string what happened
level integer 0 (watch) to 4 (external aid needed)
declared_at date-time when it was declared
state string declared or closed
closed_at date-time? when it was closed
plans integer approved allocations in it
"""),
)
ALLOCATIONS: Final = Dataset(
    "allocations",
    "Who got what, and why",
    "One row per approved allocation, municipality and item (controlled drugs left out), in base units of the item.",
    "results of approved plans, summed over the places of a municipality",
    columns(f"""
surge integer number of the surge
plan integer number of the allocation
approved_at date-time when it was approved
{_WHERE.strip()}
item string code of the item
item_name string name of the item
unit string base unit of the quantities
asked integer what was asked for
validated integer the need that was accepted
got integer what was given
fill_permille integer given over accepted, in thousandths
reason_code string why, for machines
reason string why, in words
rule string rule and version
method string how the plan was made: leximin (worst supplied first, proven), best_found, pro_rata
"""),
)
TOTALS: Final = Dataset(
    "totals",
    "What each municipality got",
    "One row per surge and municipality over all items that are not controlled; a shortfall asked again counts once.",
    "allocations by surge and municipality, in packs",
    columns(f"""
surge integer number of the surge
{_WHERE.strip()}
items integer different items needed
packs_needed integer packs needed
packs_given integer packs given
lowest_fill_permille integer lowest fill of an item, in thousandths
median_fill_permille integer median fill of its items, in thousandths
"""),
)
CONTROLLED: Final = Dataset(
    "controlled",
    "Controlled drugs by country",
    "One row per allocation, controlled item and country, after the delay and only over enough municipalities.",
    "results of approved plans for controlled items, summed by country",
    columns("""
plan integer number of the allocation
item string code of the item
country string country
validated integer need that was accepted, base units
got integer what was given, base units
"""),
)
FAIRNESS: Final = Dataset(
    "fairness",
    "Fairness panel",
    "One row per surge and item: fills in thousandths, given per 1000 inhabitants, highest over lowest with its alert.",
    "allocations by surge and item; ratio over municipalities that needed the item and got some of it",
    columns("""
surge integer number of the surge
item string code of the item
item_name string name of the item
municipalities integer municipalities that needed it and could be reached
lowest_fill_permille integer? lowest fill
median_fill_permille integer? median fill
lowest_fill_at string? where it is lowest
most_per_1000 number? highest given per 1000 inhabitants, base units
most_at string? where
least_per_1000 number? lowest given per 1000 inhabitants among those that got some
least_at string? where
ratio number? highest over lowest
got_nothing integer municipalities with need that got nothing
alert boolean whether the ratio is 5 or more: somebody must look
"""),
)
PUBLICATIONS: Final = Dataset(
    "publications",
    "Problems and plans to check",
    "One row per published version of an allocation: files for `python -m optimizer check`, and their SHA-256.",
    "every publication; the hashes are in the sealed journal",
    columns("""
plan integer number of the allocation
version integer version of the publication
published_at date-time when it was published
policy string version of the policy of redaction
correction string what this version corrects
problem_file string where the problem is
problem_sha256 string SHA-256 of the problem's file
plan_file string where the plan is
plan_sha256 string SHA-256 of the plan's file
fair boolean whether the independent check calls it fair
withheld string items left out, and why
"""),
)
DECISIONS: Final = Dataset(
    "decisions",
    "Decisions",
    "One row per told decision; leaf_hash is its leaf in the sealed journal (see the leaves under the signed heads).",
    "entries of the journal with a told action, newest first, at most 1000",
    columns("""
entry integer number in the journal
at date-time when it took effect
action string what was done, for machines
what string what was done, in words
about string what it is about
leaf_hash string its leaf in the sealed journal
"""),
)
CONTRACTS: Final = Dataset(
    "contracts",
    "Contracts",
    "One row per contract; money in minor units of its currency.",
    "every contract",
    columns("""
contract string code
supplier string code of the supplier
supplier_name string name of the supplier
starts date first day
ends date last day
state string pending, active or terminated
currency string ISO 4217
ceiling_minor integer most that may be ordered
ordered_minor integer what is ordered
burn_permille integer ordered over ceiling, in thousandths
orders integer approved orders
lead_time_days integer days from order to delivery
"""),
)
PRICES: Final = Dataset(
    "prices",
    "Prices",
    "One row per contract, item and tier: what a pack costs from so many packs on, in minor money units.",
    "every price tier",
    columns("""
contract string code of the contract
item string code of the item
item_name string name of the item
unit string base unit
pack_size integer base units in a pack
from_packs integer from so many packs on
pack_price_minor integer price of a pack
currency string ISO 4217
"""),
)
ORDERS: Final = Dataset(
    "orders",
    "Orders and deliveries",
    "One row per line of an approved order; the place of delivery is left out.",
    "lines of approved call-offs, deliveries from the ledger",
    columns("""
order integer number of the order
contract string code of the contract
approved_at date-time? when it was approved
due date? when it is due
state string how far it is
item string code of the item
item_name string name of the item
unit string base unit
packs integer packs ordered
quantity integer base units ordered
received integer base units received
last_delivery date? day of the last delivery
pack_price_minor integer price of a pack, minor money units
"""),
)
PERFORMANCE: Final = Dataset(
    "performance",
    "Suppliers' performance",
    "One row per supplier: the record it came with, and what it delivered here.",
    "lines of approved orders that are due, on time and in full over due",
    columns("""
supplier string code
name string name
lead_p50_days integer median days to delivery in its record
lead_p90_days integer nine in ten deliveries within so many days
record_on_time_permille integer on time in its record, in thousandths
record_late_p95_days integer days late that 19 in 20 do not exceed
lines_due integer lines due here
lines_in_full integer of these in full
lines_on_time_in_full integer of these on time and in full
otif_permille integer? on time and in full over due, in thousandths
"""),
)
HISTORY: Final = Dataset(
    "contract-history",
    "Contract history of others",
    "One row per award of another publisher's OCDS releases.",
    "imported releases",
    columns("""
ocid string the other's process
release string its release
date date day of the release
tag string tag of the release
buyer string who bought
supplier string of whom
title string what
cpv string CPV class
currency string ISO 4217
value_minor integer? value in minor money units
starts date? first day
ends date? last day
bids integer? bids received
method string procurement method
source string where it was taken from
"""),
)
MEMBERS: Final = Dataset(
    "municipalities",
    "Municipalities",
    "One row per member.",
    "every member, by name",
    columns(_WHERE + "population integer inhabitants"),
)
GRIEVANCES: Final = Dataset(
    "grievances",
    "Grievances",
    "One row per category and state; counts of people below five are left out.",
    "grievances by category and state",
    columns("""
category string what it is about
state string how far it is
count integer? how many; empty where fewer than five, or where the sum would tell
"""),
)
MISSED: Final = Dataset(
    "missed-deadlines",
    "Deadlines that we missed",
    "One row per deadline of a grievance that passed unmet.",
    "clocks of grievances against what was done",
    columns("""
grievance integer number
step string what was due
due date-time when it was due
done date-time? when it was done, if it was
"""),
)
_READ: Final[tuple[tuple[Dataset, Read], ...]] = (
    (SURGES, lambda s, at: queries.surges(s)),
    (TOTALS, lambda s, at: queries.totals(s)),
    (ALLOCATIONS, lambda s, at: queries.allocations(s)),
    (CONTROLLED, lambda s, at: queries.controlled_sums(s, at=at)),
    (FAIRNESS, lambda s, at: queries.fairness_panel(s)),
    (PUBLICATIONS, lambda s, at: queries.publications(s)),
    (DECISIONS, lambda s, at: queries.decisions(s)),
    (voting.VOTED, lambda s, at: voting.voted(s, at=at)),
    (voting.VOTES, lambda s, at: voting.votes(s)),
    (CONTRACTS, lambda s, at: contracting.contract_rows(s, on=governance.local_day(s, at))),
    (PRICES, lambda s, at: contracting.prices(s)),
    (ORDERS, lambda s, at: contracting.order_rows(s)),
    (PERFORMANCE, lambda s, at: contracting.performance(s, at=at)),
    (HISTORY, lambda s, at: contracting.history(s)),
    (MEMBERS, lambda s, at: queries.municipalities(s)),
    (GRIEVANCES, lambda s, at: grievances.counts(s)),
    (MISSED, lambda s, at: grievances.missed(s, at=at)),
    (figures.KPIS, lambda s, at: kpis.figures(s, at=at)),
    (figures.HEADLINES, lambda s, at: kpis.before_and_after(s, at=at)),
    (figures.BENCHMARK, lambda s, at: kpis.benchmark(s)),
    (figures.REMEDIES, lambda s, at: kpis.remedies(s)),
    (figures.PEER_REVIEWS, lambda s, at: queries.peer_reviews(s)),
    (figures.FLAGS, lambda s, at: kpis.red_flags(s)),
)
DATASETS: Final = {dataset.name: dataset for dataset, _ in _READ}
READERS: Final = {dataset.name: read for dataset, read in _READ}


def dataset(name: str) -> Dataset:
    """One table's description; refuses an unknown name."""
    found = DATASETS.get(name)
    if found is None:
        raise NoSuchData(f"there is no table {name[:100]}; there are {', '.join(DATASETS)}", field="name")
    return found


def rows(session: Session, name: str, *, at: datetime) -> Rows:
    """The rows of a table now."""
    dataset(name)
    return READERS[name](session, at)
