"""Open data about how well it works: figures, before and after, peers, remedial actions, reviews, red flags."""

from __future__ import annotations

from typing import Final

from stockpile.transparency.opendata import Dataset, columns

KPIS: Final = Dataset(
    "kpis",
    "Figures of performance",
    "One row per figure over the whole region: numerator over denominator of a period.",
    "each figure names its query; run it again at /public/kpis/{kpi}",
    columns("""
kpi string code
name string name
numerator number? upper part
denominator number? lower part
value number? numerator over denominator, in the unit
unit string unit of the value
starts date first day of the period
ends date last day of the period
target string what it should be
note string why it is empty, if it is
"""),
)
HEADLINES: Final = Dataset(
    "before-and-after",
    "Before and after",
    "One row per headline figure: what members told of the time before, and the newest year here.",
    "baselines of members, added up; the figure itself at /public/kpis/{kpi}; sources are with the auditors",
    columns("""
kpi string code
name string name of the figure
promise string what buying and storing together is to bring
unit string unit of the values
before number? value of the time before
before_numerator integer? its upper part
before_denominator integer? its lower part
before_starts date? first day of that time
before_ends date? last day
told_by integer? members that told theirs; empty: it is told of the whole region
after number? value of the newest year
after_numerator number? its upper part
after_denominator number? its lower part
starts date first day of the newest year
ends date last day
change_percent number? change in percent of what was before
kept boolean? whether it changed as promised; empty: there is nothing to compare
"""),
)
BENCHMARK: Final = Dataset(
    "benchmark",
    "Peer benchmark",
    "One row per municipality with enough peers of like size: its fill and the quarter it is in.",
    "totals by thirds of population; a group of fewer than five is not told",
    columns("""
surge integer number of the surge
municipality string code of the municipality
name string name of the municipality
country string country (ISO 3166-1 alpha-2)
peers integer municipalities of like size, itself counted
fill_permille integer packs given over needed, in thousandths
peer_median_permille integer median of its peers
quartile integer 1 (lowest quarter) to 4
low_permille integer lower end of the 95 per cent interval of the peers' median
high_permille integer upper end
"""),
)
REMEDIES: Final = Dataset(
    "remedies",
    "Remedial actions",
    "One row per action against a disparity: its owner (an office, no person) and how far it is.",
    "remedial actions",
    columns("""
remedy integer number
kpi string figure that showed it
municipality string? where, if it is about one
owner string office that answers for it
due date when it is due
state string open or closed
"""),
)
PEER_REVIEWS: Final = Dataset(
    "peer-reviews",
    "Peer reviews",
    "One row per concluded review of a municipality by another: what became of its actions; what staff wrote is left "
    "out.",
    "reviews between members that are closed, the newest first, with their actions",
    columns("""
review integer number of the review
reviewer string code of the municipality that looked
reviewer_name string its name
municipality string code of the municipality that was looked at
name string name of the municipality
opened_at date-time when the review began
closed_at date-time when it was concluded, with all its actions done
actions integer actions that followed from it
done_in_time integer of these done by their day
done_late integer of these done after their day
"""),
)
FLAGS: Final = Dataset(
    "red-flags",
    "Red flags on tenders",
    "One row per flag (Cardinal's codes) on a tender, imported or own, or on a supplier; a flag is a question, not a "
    "verdict.",
    "bids of tenders once they are compared, contract history, and the items of contracts; unusual is beyond the "
    "quartiles by one and a half times what is between them",
    columns("""
ocid string? process; empty where it is about a supplier over all of them
supplier string? code of the supplier, where it is about one
flag string code of the flag
about string what it asks
value string what was found
"""),
)
