"""Every figure of the catalogue in words: what it is made of, its unit, and what it should be. Pure.

What no book has a field for is no figure here. Stock-outs are told by item, not by site: what lies at a site is not
public. Two red flags of the catalogue stay out: R030 (a late bid won) cannot come about, for a bid is refused once the
time to bid is over, and imported releases carry no bids; R038 is told of bidders, not of buyers, for there is one.
"""

from __future__ import annotations

from typing import Final

from stockpile.transparency.kpis.rules import DAYS, HOURS, PPM, RATIO, Kpi

USED: Final = "units used"
FORECAST_OFF: Final = "units forecast wrongly, up or down"
SIZED: Final = "contracts with suppliers of known size"
BIDS_SIZED: Final = "bids of suppliers of known size"
MIDDLE: Final = "hours within which half was done"
NINE: Final = "hours within which nine of ten were done"
ONE: Final = "1"
SCALED: Final = "errors over the mean step of use before, summed"

KPIS: Final = (
    Kpi(
        "stock_out_rate",
        "Stock-out rate",
        "items with nothing usable in the pool",
        "items with a floor",
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
        "worth of what the pool has and expires within 90 days, minor units",
        "worth of what the pool has, minor units",
        stored=True,
    ),
    Kpi(
        "expiry_rate",
        "Stock that expired",
        "worth of what expired in the pool, minor units",
        "worth of what it had at the start and of what came, minor units",
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
    Kpi(
        "line_stock_outs",
        "Lines without stock",
        "lines with a need that found nothing usable in store",
        "lines with a need that were decided",
        target="<= 1",
    ),
    Kpi(
        "resupply_stock_outs",
        "Resupply periods without stock",
        "periods between two looks with a day without stock, by item",
        "periods between two looks, by item with a floor",
    ),
    Kpi(
        "stocked_to_plan",
        "Stocked as planned",
        "days of an item between its floor and what is used until the next order has come",
        "days of an item for which both are known",
    ),
    Kpi(
        "surge_cover",
        "Surge need that stock covers",
        "part of its surge need that is in store, summed over items",
        "items that a surge needs",
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
        "base units counted",
        stored=True,
    ),
    Kpi(
        "request_to_decision",
        "Request to decision",
        "hours from request to approval, summed",
        "decided requests",
        HOURS,
    ),
    Kpi(
        "request_to_ack",
        "Request to acknowledgement",
        "hours from request to the validated need that was decided on, summed",
        "decided requests",
        HOURS,
    ),
    Kpi("request_to_ack_median", "Request to acknowledgement, median", MIDDLE, ONE, HOURS),
    Kpi("request_to_ack_p90", "Request to acknowledgement, nine of ten", NINE, ONE, HOURS),
    Kpi(
        "ack_to_decision",
        "Acknowledgement to decision",
        "hours from the validated need to approval, summed",
        "decided requests",
        HOURS,
    ),
    Kpi("ack_to_decision_median", "Acknowledgement to decision, median", MIDDLE, ONE, HOURS),
    Kpi("ack_to_decision_p90", "Acknowledgement to decision, nine of ten", NINE, ONE, HOURS),
    Kpi("request_to_decision_median", "Request to decision, median", MIDDLE, ONE, HOURS),
    Kpi("request_to_decision_p90", "Request to decision, nine of ten", NINE, ONE, HOURS),
    Kpi("decided_48h", "Decided within 48 hours", "requests decided within 48 hours", "decided requests", target="100"),
    Kpi(
        "decision_to_receipt",
        "Decision to receipt",
        "hours from approval to receipt, summed",
        "received transfers",
        HOURS,
    ),
    Kpi("decision_to_receipt_median", "Decision to receipt, median", MIDDLE, ONE, HOURS),
    Kpi("decision_to_receipt_p90", "Decision to receipt, nine of ten", NINE, ONE, HOURS),
    Kpi("need_by_met", "There by when it was needed", "received lines that came by their need-by", "received lines"),
    Kpi("plan_seconds", "Time to compute a plan", "seconds, summed", "plans", RATIO, "<= 30"),
    Kpi(
        "fair_plans",
        "Plans proven fair",
        "approved plans that the independent checker proves to keep Worst supplied first or their policy",
        "approved plans",
        target="100",
    ),
    Kpi("override_rate", "Lines changed by people", "overridden lines", "plan lines"),
    Kpi("explanation_coverage", "Shares with a reason", "results with a reason", "results", target="100"),
    Kpi("appeal_upheld", "Grievances upheld", "decided grievances upheld in whole or part", "decided grievances"),
    Kpi("otif", "Suppliers on time and in full", "order lines on time and in full", "order lines due", target=">= 96"),
    Kpi("in_full", "Suppliers in full", "order lines in full", "order lines due"),
    Kpi("on_time", "Suppliers on time", "order lines on time", "order lines due"),
    Kpi("rejected_share", "Goods sent back", "base units rejected", "base units delivered"),
    Kpi("rejection_ppm", "Goods sent back, in a million", "base units rejected", "base units delivered", PPM),
    Kpi("delivery_score", "Points for delivery", "points of a hundred by line, summed", "order lines due", RATIO),
    Kpi("days_late", "Days late", "days late, summed; up to the end where goods are missing", "order lines due", DAYS),
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
    Kpi("lots_share", "Tenders in several lots", "tenders in several lots", "tenders evaluated"),
    Kpi("price_only", "Tenders won by price alone", "tenders without another criterion", "tenders evaluated"),
    Kpi("amended_contracts", "Contracts amended", "contracts amended", "contracts in force"),
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
    Kpi(
        "lcc_discounted",
        "Cost of a pack used, over its life, at the first day's worth",
        "all costs as settled, 4 per cent a year less worth after the first day, in minor money units; not counted, "
        "for no book has them: harm to others, what is left of goods, and handling, energy and disposal that nobody "
        "booked",
        "packs issued to use",
        RATIO,
    ),
    Kpi("hhi", "Concentration of suppliers (HHI)", "sum of squared shares of ordered money", "1", RATIO),
    Kpi(
        "hhi_by_item",
        "Concentration of suppliers by item (HHI)",
        "sum of squared shares of ordered money in each item, summed",
        "items ordered",
        RATIO,
    ),
    Kpi(
        "smoothing_gain",
        "Peak month lowered by planning ahead",
        "peak month over mean month if each item were ordered alone, less the same of the newest nightly plan",
        "peak month over mean month if each item were ordered alone",
    ),
    Kpi("smoothing", "Peak month over mean month", "money ordered in the peak month", "mean money a month", RATIO),
    Kpi(
        "spend_variation",
        "Variation of monthly orders",
        "standard deviation of money ordered a month",
        "mean money a month",
    ),
    Kpi("cost_per_head", "Ordered per inhabitant", "money ordered, in major units", "inhabitants", RATIO),
    Kpi(
        "tender_to_award",
        "Tender to award",
        "days from publication to award, summed",
        "tenders awarded",
        DAYS,
        "<= 120",
    ),
    Kpi(
        "award_saving",
        "Saved by competition",
        "money of winning bids below the mean bid of their lot",
        "money of the mean bids",
    ),
    Kpi("lot_bids", "Bids per lot", "valid bids", "lots of our tenders evaluated", RATIO),
    Kpi("lot_bids_median", "Bids per lot, median", "bids of the middle lot", ONE, RATIO),
    Kpi("lot_single_bid", "Lots with a single bid", "lots with one valid bid", "lots with a valid bid", target="<= 10"),
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
    Kpi("time_below_floor", "Time below the floor", "days of an item below its floor", "days of an item with a floor"),
    Kpi(
        "stock_out_days", "Time without stock", "days of an item with nothing available", "days of an item with a floor"
    ),
    Kpi("forecast_error", "Error of the forecast (WAPE)", FORECAST_OFF, USED),
    Kpi("forecast_bias", "Forecast too high or too low", "units forecast above use, less those below", USED),
    Kpi("forecast_mape", "Mean error of a forecast (MAPE)", "errors over use, summed", "forecasts with use"),
    Kpi("forecast_mase", "Scaled error of a forecast (MASE)", SCALED, "forecasts with use before", RATIO),
    Kpi("pinball_loss", "Loss of the upper band of 90 %", "pinball loss in units, summed", USED),
    Kpi("forecast_coverage", "Forecasts whose upper band held", "periods within the band of 90 %", "periods forecast"),
    Kpi("price_variance", "Difference of prices between members", "standard deviation of prices", "mean of prices"),
    Kpi("pooling_gain", "Saved by pooling", "deviation of needs apart less together", "deviation of needs apart"),
    Kpi("publication_lag", "Approval to publication", "hours, summed", "plans published", HOURS),
    Kpi("overdue_loans", "Loans overdue", "loans out beyond their day", "loans out", target="0"),
    Kpi(
        "overdue_loan_value",
        "Worth of loans overdue",
        "worth of what is out beyond its day, minor units",
        "worth of what is out, minor units",
    ),
    Kpi("loan_return", "Loans back in time", "loans back by their day", "loans whose day came", target="100"),
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
    Kpi("sme_share", "Contracts with small suppliers", "contracts with micro to medium suppliers", SIZED),
    Kpi(
        "sme_bid_share",
        "Bids by small suppliers",
        "bids of micro to medium suppliers",
        BIDS_SIZED,
    ),
    Kpi(
        "joint_share",
        "Bought together",
        "money ordered together for members that told what they bought outside",
        "that and what they bought outside",
    ),
    Kpi(
        "ocds_coverage",
        "Fields of open contracting told",
        "fields that releases of contracts, orders and amendments carry",
        "fields that they should carry",
    ),
    Kpi(
        "ocds_record_coverage",
        "Whole records of open contracting told",
        "fields that records of tenders, contracts, orders and amendments carry",
        "fields that the mapping has for them, extensions included",
    ),
)
"""Every figure of the catalogue."""


BY_CODE: Final = {kpi.code: kpi for kpi in KPIS}
