"""What a refusal means in general, in words that every language has: the domains' own sentences are in English."""

from __future__ import annotations

from typing import Final

from stockpile.plaintext import Told
from stockpile.web.speech import N_, language, say
from stockpile.web.words import LANGUAGES, catalogue

DETAIL: Final = "detail"
_SAID: Final = (
    (
        "unknown not_found no_earlier_plan no_plan nothing_asked not_planned_yet not_published nothing_drafted",
        N_("There is nothing of that number or name here, or it is not yours to see. Check what was given."),
    ),
    (
        "state conflict plan_ended plan_job_ended policy_decided goods_in_decided erased_already "
        "restriction_lifted stop_lifted remedy_closed head_address_ended not_reserved taken_over "
        "posted_before serial_taken cancelled demo_runs",
        N_("It stands otherwise than this needs, perhaps because somebody was faster. See how it stands now."),
    ),
    (
        "invalid refused bad_day bad_element bad_characters unprintable bad_address wrong_period "
        "grievance_subject bad_grievance unusable_policy impossible_supposition",
        N_("Something that was given does not fit. Correct it and try again."),
    ),
    (
        "not_allowed right_missing",
        N_("Your account may not do this. Ask somebody whose role may."),
    ),
    (
        "too_many too_many_attempts too_many_codes",
        N_("That was tried too often in a short time. Wait a little and try again."),
    ),
    (
        "no_answer replay_not_in_time no_forecast",
        N_("No result came in time; nothing has changed. Try again, or ask for less at once."),
    ),
    (
        "plan_not_accepted",
        N_("The independent check does not accept the plan as it stands. Compute it again."),
    ),
    (
        "stale_plan",
        N_("Stock, requests or routes have changed since the plan was computed. Compute it again."),
    ),
    (
        "override_unconfirmed second_person_needed",
        N_("One person alone may not do this. Propose it, and let another person confirm it."),
    ),
    (
        "too_many_plan_jobs",
        N_("As many plans are being computed as may be at a time. Wait until one is done."),
    ),
    (
        "asked_already",
        N_("There is an open request for this already. Withdraw it first, or change that one."),
    ),
    (
        "surge_declared_already",
        N_("Such a surge is open already. Go on with that one."),
    ),
    (
        "surge_not_open",
        N_("No surge is open for this, or its review is overdue. Declare or review it first."),
    ),
    (
        "nothing_to_share",
        N_("No validated request is open. Validate the requests first."),
    ),
    (
        "promises_conflict",
        N_("The promises to municipalities cannot all be kept with what may leave. One of them must give way."),
    ),
    (
        "cannot_serve not_graver",
        N_("Reserved stock is taken back only where it serves a request that is more urgent."),
    ),
    (
        "requests_file bad_templates bad_cells no_template not_a_file import_refused bad_header "
        "unreadable_file bad_temperature_log bad_ocds",
        N_("The file cannot be taken in as it is. Correct the places that are named and send it again."),
    ),
    (
        "file_too_large",
        N_("The file is too large. Divide it and send the parts."),
    ),
    (
        "bad_gtin bad_check_digit bad_scan contradicting_elements not_gs1 separator_missing nothing_identified",
        N_("The label cannot be read rightly. Scan it again, or type what is on it."),
    ),
    (
        "gtin_taken name_taken member_known bin_known scenario_exists authorisation_known "
        "recall_reference_used seat_taken day_reported restricted_already head_address_taken "
        "substitute_overlaps region_loaded expiry_differs",
        N_("This is on record already. Use what there is, or give another name or number."),
    ),
    (
        "substitute_not_licensed",
        N_("The substitute is not licensed in that country."),
    ),
    (
        "not_enough_for_transfer below_reserve_floor buffer_refused",
        N_("The pool may not give so much: its reserve would become too small. Take less."),
    ),
    (
        "not_triggered",
        N_("What sets the plan going has not happened yet."),
    ),
    (
        "clause_broken contract_ended member_not_listed country_condition option_closed price_not_valid part_packs",
        N_("The contract does not allow this order. Look at its terms, and change the order."),
    ),
    (
        "ceiling_reached reservation_used_up reservation_too_small",
        N_("What the contract has left is not enough for this. Order less, or amend the contract."),
    ),
    (
        "substantial_change",
        N_("This changes the contract so much that a new procedure is needed."),
    ),
    (
        "over_delivery over_delivered rejected_beyond_delivery",
        N_("That is more than was ordered or delivered. Check the quantity."),
    ),
    (
        "absurd_quantity",
        N_("That is so much more than was ordered that it must be a typing error. Check the quantity."),
    ),
    (
        "more_than_owed",
        N_("The payment is more than is owed. Lower it."),
    ),
    (
        "nothing_late",
        N_("Nothing of the order came late by the contract: no damages are due."),
    ),
    (
        "declared_interest",
        N_("Who has an interest in a tender, or has declared nothing, does not judge it."),
    ),
    (
        "marks_missing not_evaluated tender_not_ready",
        N_("Something that comes before this in the tender is missing. Do that first."),
    ),
    (
        "objection_late bid_late appeal_too_late",
        N_("The time for this is over, or has not begun."),
    ),
    (
        "standstill bids_sealed not_to_be_published_yet",
        N_("It is too early for this: a waiting time runs still."),
    ),
    (
        "no_seal_key",
        N_("The key that signs heads cannot be read. Tell the administrator."),
    ),
    (
        "decision_required",
        N_("This needs an adopted decision of the committee that fits. Put it to the vote first."),
    ),
    (
        "not_ratified",
        N_("What was done in an emergency was not ratified in time: it does not go on."),
    ),
    (
        "no_vote",
        N_("Your account speaks for no municipality that votes on this."),
    ),
    (
        "code_refused",
        N_("The code does not fit, or was used before. Wait for the next one and type it."),
    ),
    (
        "key_used",
        N_("A person must have signed in for this; a key of a program is not enough."),
    ),
    (
        "not_yours_to_lend",
        N_("Nobody lends a role that they do not hold for good."),
    ),
    (
        "membership_evidence",
        N_("Something that this step of membership needs is not on file. Add it first."),
    ),
    (
        "membership_step exit_open",
        N_("The membership cannot take this step as it stands; something is still open."),
    ),
    (
        "no_grant identity_refused sign_in_not_begun sign_in_refused provider_silent",
        N_("This sign-in does not work here. Try again, or ask an administrator for a role."),
    ),
    (
        "common_password",
        N_("This password is one of those that are tried first everywhere. Choose another."),
    ),
    (
        "no_region",
        N_("Nothing is loaded into this installation yet."),
    ),
    (
        "own_work",
        N_("Nobody approves their own request, plan or order. Ask another person."),
    ),
    (
        "member_not_active",
        N_("Orders, votes and stock are for active members only."),
    ),
    (
        "idempotency_key_reused",
        N_("The same key was used for something else. Load the page again and repeat it."),
    ),
    (
        "not_in_bin not_enough_stock not_enough_stock_then issue_short",
        N_("There is less of it than would be taken. Check the quantity and what stands there."),
    ),
    (
        "not_controlled",
        N_("A register is kept of controlled items only."),
    ),
    (
        "not_corrected_alone",
        N_("This entry belongs to something that is corrected in its own way. Correct it there."),
    ),
    (
        "border_authorisation_missing",
        N_("A controlled item crosses a border only under an authorisation that covers it."),
    ),
    (
        "still_recalled lot_on_hold",
        N_("The lot is on hold or recalled. Lift the hold or close the recall first."),
    ),
    (
        "kit_lot_used kit_part_not_usable kit_parts_differ",
        N_("The kits cannot be put together from these lots. Check the lots and quantities."),
    ),
    (
        "expired",
        N_("The lot is past its expiry: it is not taken into stock."),
    ),
    (
        "short_dated",
        N_("The lot lasts less long than the contract asks on delivery. Set it apart."),
    ),
    (
        "lot_not_usable lot_not_fit not_like_for_like",
        N_("The lot may not serve this: it is on hold, too short-dated, not licensed, or kept for others."),
    ),
    (
        "lot_conditions_differ other_lot pallet_differs",
        N_("The label or papers say something else than what is on record. Look which of them is right."),
    ),
    (
        "in_the_future",
        N_("The time that was given lies in the future. Correct it."),
    ),
    (
        "period_closed period_closed_already too_late_to_record",
        N_("The period is closed or too long ago. Record it as a correction of today."),
    ),
    (
        "no_room does_not_fit",
        N_("There is no room for it there, or not at the right temperature. Choose another place."),
    ),
    (
        "part_pack",
        N_("Only whole packs can be counted here."),
    ),
    (
        "no_serials serial_elsewhere serials_needed",
        N_("The serial numbers do not fit. Say exactly which pieces these are."),
    ),
    (
        "ledger_stopped",
        N_("Here everything stands still, because the books about it are wrong. The committee lifts the stop."),
    ),
    (
        "no_reason correction_without_reason",
        N_("This is put on record with its reason. Give one."),
    ),
    (
        "no_spare_part",
        N_("Only spare parts serve equipment."),
    ),
    (
        "no_buying_policy",
        N_("The region has no buying policy yet. The committee adopts one."),
    ),
    (
        "not_sealed",
        N_("The entry is not sealed yet. Look again in a minute."),
    ),
    (
        "personal_number patient_field",
        N_("Nothing that names one person is kept here. Leave it out."),
    ),
)
"""Codes of refusals that mean the same to who reads it, and what: `unknown` and `state` stand for whole families."""

WORDS: Final = {code: words for codes, words in _SAID for code in codes.split()}


def meaning(code: str) -> str:
    """What refusals of that code mean, as a message id; empty where none of ours has that code.

    >>> meaning("unknown_plan") == meaning("not_found"), meaning("recall_state") == meaning("conflict")
    (True, True)
    >>> meaning("something_else")
    ''
    """
    family = "unknown" if code.startswith("unknown_") else "state" if code.endswith("_state") else code
    return WORDS.get(family, "")


def worded(code: str, message: str) -> str:
    """A refusal's sentence that other languages say in general words; a sentence that they have stays as it is."""
    general = meaning(code)
    if isinstance(message, Told) or not general or _translated(message):
        return message
    told = Told(message)
    told.message, told.facts = general, {DETAIL: message}
    return told


def detail(sentence: str) -> str:
    """The domain's own English sentence behind general words, for a page that is not in English; else nothing."""
    exact = sentence.facts.get(DETAIL, "") if isinstance(sentence, Told) else ""
    return "" if language() == LANGUAGES[0] else str(exact)


def in_words() -> dict[str, str]:
    """What each code means, in the page's language; empty in English, where the domains' own sentences are better."""
    return {} if language() == LANGUAGES[0] else {code: say(words) for code, words in WORDS.items()}


def _translated(message: str) -> bool:
    return catalogue(LANGUAGES[1]).gettext(message) != message
