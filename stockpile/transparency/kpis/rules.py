"""What a figure is, the list of all of them, and the statistics of the peer benchmark. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

PERCENT: Final = "percent"
DAYS: Final = "days"
HOURS: Final = "hours"
RATIO: Final = "ratio"
FEWEST_PEERS: Final = 5


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day through the last, in the region's zone; narrowed by member, item, surge level or surge."""

    starts: date
    ends: date
    member: str | None = None
    item: str | None = None
    level: int | None = None
    surge: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A figure with what it is made of; `rows` drill down to single facts. No denominator: there is nothing to tell."""

    numerator: float | None
    denominator: float | None
    rows: tuple[dict[str, Any], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure's description: its parts in words, its unit, and what it should be. `public`: whether drill-down is.

    `stored`: its parts are quantities in store. Two of them, told before and after a depot opens or is counted,
    would differ by what lies there: outside they are told without parts, to whole units.
    """

    code: str
    name: str
    numerator: str
    denominator: str
    unit: str = PERCENT
    target: str = ""
    public: bool = True
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """A promise of buying and storing together, by the figure that shows whether it is kept."""

    kpi: str
    promise: str
    less_is_better: bool


HEADLINES: Final = (
    Headline("cycle_time", "shorter procurement cycles", True),
    Headline("lcc", "lower costs over the life of what is used", True),
    Headline("fill_rate", "a more reliable service", False),
)
"""What is told before and after: each beside the baseline of the time before members joined."""


def change_percent(before: float | None, after: float | None) -> float | None:
    """By how many percent of the value before it changed; None where there is nothing to compare.

    >>> change_percent(200, 150), change_percent(0, 5), change_percent(None, 5)
    (-25.0, None, None)
    """
    return None if not before or after is None else round((after - before) * 100 / before, 1)


def value(kpi: Kpi, found: Found) -> float | None:
    """Numerator over denominator in the figure's unit, or None where there is nothing to tell.

    >>> value(Kpi("x", "", "", ""), Found(1, 4))
    25.0
    """
    if found.numerator is None or not found.denominator:
        return None
    return round(found.numerator * (100 if kpi.unit == PERCENT else 1) / found.denominator, 3)


def parts(kpi: Kpi, found: Found, *, outside: bool) -> dict[str, float | None]:
    """Numerator, denominator and value; `outside` those who sign in, without what two of them would give away.

    >>> parts(Kpi("x", "", "", "", stored=True), Found(1234, 9876), outside=True)
    {'numerator': None, 'denominator': None, 'value': 12}
    """
    worth = value(kpi, found)
    if not (outside and kpi.stored):
        return {"numerator": found.numerator, "denominator": found.denominator, "value": worth}
    return {"numerator": None, "denominator": None, "value": None if worth is None else round(worth)}


KPIS: Final = (
    Kpi(
        "stock_out_rate",
        "Stock-out rate",
        "depot-items with nothing usable",
        "depot-items that hold a floored item",
        target="<= 1",
    ),
    Kpi(
        "reserve_adequacy",
        "Items above their floor",
        "items whose usable pool stock is at or above the floor",
        "items with a floor",
        target="100",
    ),
    Kpi(
        "near_expiry_share",
        "Stock that expires within 90 days",
        "packs of the pool expiring within 90 days",
        "packs of the pool",
        stored=True,
    ),
    Kpi(
        "expiry_rate",
        "Stock that expired",
        "packs of the pool past their expiry at the end",
        "packs of the pool",
        stored=True,
    ),
    Kpi(
        "days_of_cover",
        "Days of cover",
        "usable stock over daily use, at most 365 an item, summed",
        "items with daily use",
        DAYS,
        stored=True,
    ),
    Kpi("fill_rate", "Fill rate", "base units given", "base units needed, a shortfall asked again counted once"),
    Kpi(
        "p1_fill",
        "Fill of life-saving requests",
        "base units given to priority 1",
        "base units of priority 1 needed",
        target="100",
    ),
    Kpi(
        "min_fill",
        "Lowest fill of a municipality",
        "packs given to the municipality with the lowest fill",
        "packs it needed",
    ),
    Kpi("unreached", "Requests that no stock can reach", "results beyond lawful reach", "results"),
    Kpi(
        "inventory_accuracy",
        "Inventory record accuracy",
        "count lines where count and book agree",
        "count lines",
        target=">= 97",
    ),
    Kpi(
        "inventory_difference",
        "Inventory difference",
        "base units of difference between count and book",
        "base units in the book",
        stored=True,
    ),
    Kpi(
        "request_to_decision",
        "Request to decision",
        "hours from request to approval, summed",
        "decided requests",
        HOURS,
    ),
    Kpi("decided_48h", "Decided within 48 hours", "requests decided within 48 hours", "decided requests", target="100"),
    Kpi(
        "decision_to_receipt",
        "Decision to receipt",
        "hours from approval to receipt, summed",
        "received transfers",
        HOURS,
    ),
    Kpi("need_by_met", "There by when it was needed", "received lines that came by their need-by", "received lines"),
    Kpi("plan_seconds", "Time to compute a plan", "seconds, summed", "plans", RATIO, "<= 30"),
    Kpi(
        "fair_plans",
        "Plans proven fair",
        "approved plans that the independent checker calls fair",
        "approved plans",
        target="100",
    ),
    Kpi("override_rate", "Lines changed by people", "overridden lines", "plan lines"),
    Kpi("explanation_coverage", "Shares with a reason", "results with a reason", "results", target="100"),
    Kpi("appeal_upheld", "Grievances upheld", "decided grievances upheld in whole or part", "decided grievances"),
    Kpi("otif", "Suppliers on time and in full", "order lines on time and in full", "order lines due", target=">= 96"),
    Kpi("in_full", "Suppliers in full", "order lines in full", "order lines due"),
    Kpi("days_late", "Days late", "days late, summed over late lines", "order lines due", DAYS),
    Kpi(
        "call_off_lead",
        "Order to delivery",
        "days from approval to the last delivery, summed",
        "delivered order lines",
        DAYS,
    ),
    Kpi(
        "residual_life_compliance",
        "Shelf life on delivery",
        "deliveries lasting as long as agreed",
        "deliveries with a known expiry",
    ),
    Kpi("rotation_compliance", "Rotation by suppliers", "rotations done by their day", "rotations due"),
    Kpi("surge_option_response", "Surge options answered", "option lines in time", "option lines due"),
    Kpi(
        "supplier_outlook_accuracy",
        "Accuracy of outlooks given to suppliers",
        "accuracy in thousandths, summed",
        "a thousand for each outlook whose quarter is over",
    ),
    Kpi(
        "emissions",
        "Declared emissions of a delivered unit",
        "milligrams of CO2 equivalent, by declarations",
        "delivered base units that are declared",
        RATIO,
    ),
    Kpi("green_share", "Tenders that weigh emissions", "tenders with a criterion for emissions", "tenders evaluated"),
    Kpi("ceiling_burn", "Ceilings used", "money ordered", "money of all ceilings"),
    Kpi(
        "tier_saving",
        "Saved by ordering together",
        "money below the first price tier",
        "what the first tier would have cost",
    ),
    Kpi(
        "cycle_time",
        "Need to signed contract",
        "days from a tender's plan to its first signed contract, summed",
        "tenders signed",
        DAYS,
    ),
    Kpi(
        "lcc",
        "Cost of a pack used, over its life",
        "purchase, transport, storage and expiry as settled, in minor money units",
        "packs issued to use",
        RATIO,
    ),
    Kpi("hhi", "Concentration of suppliers (HHI)", "sum of squared shares of ordered money", "1", RATIO),
    Kpi("smoothing", "Peak month over mean month", "money ordered in the peak month", "mean money a month", RATIO),
    Kpi("cost_per_head", "Ordered per inhabitant", "money ordered, in major units", "inhabitants", RATIO),
    Kpi("bids_per_lot", "Bids per tender (imported history)", "bids", "tenders that tell them", RATIO),
    Kpi(
        "single_bid", "Single bids (imported history)", "tenders with one bid", "tenders that tell bids", target="<= 10"
    ),
    Kpi(
        "grievance_ack", "Grievances acknowledged in time", "acknowledged in time", "acknowledgements due", target="100"
    ),
    Kpi("grievance_resolved", "Grievances decided in time", "decided in time", "decisions due", target="100"),
    Kpi("data_timeliness", "Caseload reports that came", "reports with figures", "reports due"),
    Kpi("member_participation", "Members that vote", "votes cast", "votes that members had"),
    Kpi(
        "ratification_in_time", "Emergencies ratified in time", "emergencies ratified", "emergencies due", target="100"
    ),
    Kpi("overdue_loans", "Loans overdue", "loans out beyond their day", "loans out", target="0"),
    Kpi("settlement_error", "Error of settlements", "charges off their cost, minor units", "costs", target="0"),
    Kpi("settlement_days", "Days to settle", "days from the end of a period to its closing", "periods closed", DAYS),
    Kpi("audit_findings_open", "Audit findings past due", "findings past due", "findings not over", target="0"),
    Kpi("ld_charged", "Damages charged", "damages deducted, minor units", "damages worked out", target="100"),
    Kpi(
        "calloff_ack",
        "Orders acknowledged in time",
        "acknowledged by the next working day",
        "orders sent",
        target=">= 95",
    ),
)
"""Every figure that this installation's facts can tell."""

NOT_YET: Final = {
    "sme_share": "the size of suppliers is not recorded",
    "pooling_gain": "separate safety stocks are not known",
    "publication_lag": "told with each publication instead",
    "ocds_coverage": "releases are validated against the schema instead",
    "time_below_floor": "balances are not kept by day",
    "forecast_error": "told with each nightly forecast against its own back-test, not yet against what came",
    "price_variance": "all members buy under one contract: there is one price",
    "joint_share": "what members buy outside the unified contracts is not known here",
}
"""Figures of the catalogue that the facts recorded here cannot tell yet, and why."""
BY_CODE: Final = {kpi.code: kpi for kpi in KPIS}


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median by order statistics (binomial): (low, high).

    >>> median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9])
    (2, 8)
    """
    ordered, n = sorted(values), len(values)
    rank = 0
    while rank < n // 2 and 2 * sum(math.comb(n, k) for k in range(rank + 1)) / 2**n <= 0.05:
        rank += 1
    rank = max(0, rank - 1)
    return ordered[rank], ordered[n - 1 - rank]


def quartile(value_: float, peers: Sequence[float]) -> int:
    """Which quarter of its peers a value is in, 1 the lowest: by how many are lower.

    >>> [quartile(v, [1, 2, 3, 4]) for v in (1, 2, 3, 4)]
    [1, 2, 3, 4]
    """
    lower = sum(1 for peer in peers if peer < value_)
    return min(4, lower * 4 // len(peers) + 1)


@dataclass(frozen=True, slots=True)
class Disparity:
    """What a figure shows to be unequal or amiss, of a municipality or of the whole region, and which office acts."""

    kpi: str
    member: str | None
    words: str
    owner: str


def missed(kpi: Kpi, worth: float | None) -> bool:
    """Whether a value is not what its figure should be; False where there is nothing to tell, or no target.

    >>> [missed(Kpi("x", "", "", "", target=one), 50.0) for one in (">= 96", "<= 1", "100", "50", "")]
    [True, True, True, False, False]
    """
    if worth is None or not kpi.target:
        return False
    sign, _, number = kpi.target.rpartition(" ")
    due = float(number)
    return {">=": worth < due, "<=": worth > due}.get(sign, worth != due)


def far_below(fill: int, *, peer_median: int, low: int) -> bool:
    """Whether a fill (thousandths) is below what chance explains and under half of its peers' median.

    >>> far_below(200, peer_median=500, low=400), far_below(300, peer_median=500, low=400)
    (True, False)
    """
    return fill < low and fill * 2 < peer_median


def bid_flags(bids: Sequence[tuple[int, bool]]) -> list[tuple[str, str, str]]:
    """Flags on the bids of a lot, each its cost (minor units) and whether it was valid: code, question, what was seen.

    >>> [flag for flag, _, _ in bid_flags([(100, True), (90, False), (120, False)])]
    ['R035', 'R036']
    >>> [flag for flag, _, _ in bid_flags([(100, True), (100, True)])], [flag for flag, _, _ in bid_flags([(5, True)])]
    (['R028'], ['R018'])
    """
    valid, out = [cost for cost, kept in bids if kept], [cost for cost, kept in bids if not kept]
    found = [("R018", "Why was there a single bid?", "1 bid")] if len(bids) == 1 else []
    if len(set(valid)) < len(valid):
        found.append(("R028", "Why do bids cost the same?", f"{len(valid) - len(set(valid)) + 1} bids"))
    if len(valid) == 1 and out:
        found.append(("R035", "Why were all bids but the winner's disqualified?", f"{len(out)} disqualified"))
    if valid and out and min(out) < min(valid):
        found.append(("R036", "Why was the lowest bid disqualified?", f"{min(out)} against {min(valid)} minor units"))
    return found
