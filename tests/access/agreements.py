"""The story's other half: an order, a tender, a decision, a settlement and the like, and what their routes are sent."""

from __future__ import annotations

from typing import Any, Final

from stockpile.actor import Grant
from tests.access.doors import Doors

ONE, TWO = "one", "two"
REASON: Final = {"reason": "for the test"}
PASSWORD: Final = "for the tests only"
ORDER: Final = {
    "contract": "UC-1",
    "slot": "by hand",
    "deliver_to": "D-BE",
    "lines": [{"item": "TAB", "packs": 20, **REASON}],
}
NEED: Final = {
    "code": "JP-20",
    "title": "Tablets",
    "need": "cover of the next winter",
    "country": "BE",
    "starts": "2020-06-01",
    "ends": "2022-05-31",
    "lead_time_days": 9,
}
LOT: Final = {"lot": "A", "title": "Tablets", "maximum_minor": 900_000, "goods": [{"item": "TAB", "packs": 100}]}
PRICE: Final = {"criterion": "price", "title": "Price", "weight": 60, "kind": "price"}
SUPPLY: Final = {"criterion": "supply", "title": "Supply", "weight": 40, "kind": "judged"}
SPECIFICATION: Final = {"text": "tablets of 5 mg", "rationale": "first version"}
BID: Final = {"lot": "A", "supplier": "SUP-1", "text": "offer", "prices": [{"item": "TAB", "pack_price_minor": 400}]}
DRAFT: Final = {
    "title": "suspend",
    "operation": "member.suspend",
    "subject": "member:BE-1",
    "payload": {"member": "BE-1", "to": "suspended"},
    "evidence": ["report 7"],
}
WINDOW: Final = {
    "item": "PUMP",
    "site": "H-DE",
    "equipment": "ventilator",
    "starts": "2020-04-20",
    "ends": "2020-04-21",
    "units": 2,
    **REASON,
}
PERIOD: Final = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-02-01T00:00:00Z", "cost_key": "population"}
COST: Final = {
    "kind": "storage",
    "incurred_at": "2020-01-10T00:00:00Z",
    "amount_minor": 1000,
    "paid_by": "pool",
    "reference": "bill 1",
    **REASON,
}
RATE: Final = {
    "site": "D-DE",
    "storage_class": "ambient",
    "effective_from": "2020-01-01",
    "milli_per_m3_day": 20_000,
    "source": "tariff 1",
}
STOP: Final = {"lot_id": 2, "site": "D-DE", "found": "a wet pallet"}
CONTACT: Final = {"subject": "member:BE-1", "name": "the duty officer"}
OUTSIDE: Final = {"member": "BE-1", "starts": "2020-01-01", "ends": "2020-01-31", "value_minor": 0, "source": "x"}
ADDRESS: Final = {"url": "https://audit.example/heads", "recipient": "the audit office", "member": "BE-1", **REASON}
REMEDY: Final = {"kpi": "stock_out_rate", "disparity": "slow", "owner": "logistics", "due": "2020-06-01"}
CURVE: Final = {"name": "a wave", "assumptions": "as in the past"}
CANDIDATE: Final = {
    "code": "BE-9",
    "name": "Raeren",
    "country": "BE",
    "parent": "Liège",
    "population": 10_000,
    "population_year": 2020,
    "latitude": 50,
    "longitude": 6,
    **REASON,
}
CONTINGENCY: Final = {
    "name": "winter wave",
    "hazard": "epidemic",
    "trigger_level": 3,
    "trigger": "wards are filling",
    "owner": "logistics",
    "steps": [{"office": "logistics", "what": "open the second depot", "within_hours": 24}],
}
DISPUTE: Final = {"claimant": "BE-1", "respondent": "pool", "subject": "a late lorry", "claim": "the day of delay"}
PEER: Final = {"reviewer": "BE-1", "member": "DE-1", "summary": "shelves in order"}
FINDING: Final = {
    "title": "no count for a year",
    "severity": "high",
    "criterion": "one count a year",
    "evidence": ["report 7"],
    "cause": "no staff",
    "recommendation": "count",
    "office": "logistics",
}
CASE: Final = {
    "category": "allocation",
    "statement": "we got nothing",
    "country": "BE",
    "token": "a token of the tests",
}


def tell(doors: Doors) -> None:
    """Make one of each; must succeed."""

    def made(name: str, path: str, body: Any = None, *, method: str = "POST") -> Any:
        answer = doors.call(name, method, path, body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    doors.engage("one's supplier", Grant("supplier", member="SUP-1"))
    made(ONE, "/tenders", NEED)
    made(ONE, "/tenders/1/specification", SPECIFICATION)
    made(ONE, "/tenders/1/lots", LOT)
    made(ONE, "/tenders/1/lots/A/members/BE-1", {"reserved_minor": 300_000, **REASON}, method="PUT")
    made(ONE, "/tenders/1/criteria", {"criteria": [PRICE, SUPPLY]}, method="PUT")
    made(ONE, "/tenders/1/publish", {"closes": "2020-04-20T10:00:00Z"})
    made("one's supplier", "/tenders/1/bids", BID)
    made(ONE, "/committee/seats", {"account": TWO, "members": ["BE-1"], "reference": "council of 1 March"})
    made(ONE, "/committee/proposals", DRAFT)
    made(ONE, "/settlements", {"name": "January", **PERIOD})
    made(ONE, "/settlements/1/costs", COST)
    made(ONE, "/maintenance-windows", WINDOW)
    made(ONE, "/stops", STOP)
    made(ONE, "/contacts", CONTACT)
    made(ONE, "/remedies", REMEDY)
    made(ONE, "/outside-purchases", {"notes": [OUTSIDE]})
    made(ONE, "/audit/addresses", ADDRESS)
    made(ONE, "/scenarios/file", {**CURVE, "daily": [1, 2, 3]})
    made(ONE, "/contracts/UC-1/lots", {"lot": "L1", "title": "All", "maximum_minor": 1_000_000, "items": ["TAB"]})
    made(ONE, "/contracts/UC-1/lots/L1/members", {"shares": {"BE-1": 100_000, "DE-1": 100_000}})
    made(ONE, "/contingency/plans", CONTINGENCY)
    made(ONE, "/contingency/disputes", DISPUTE)
    made(ONE, "/contingency/reviews/peer", PEER)
    made(ONE, "/contingency/reviews/1/actions", {"what": "train", "owner": "logistics", "due": "2020-06-01"})
    made(ONE, "/findings", FINDING)
    assert doors.client.post("/public/grievances", json=CASE).status_code == 201


def samples() -> dict[tuple[str, str], Any]:
    """What each writing route of this half is called with, by method and path; what is not listed has no body."""
    parts = (committee(), tenders(), contracts(), orders(), money(), needs(), open_books())
    return {key: body for part in (*parts, contingency(), promises()) for key, body in part.items()}


def committee() -> dict[tuple[str, str], Any]:
    """Accounts, the committee, membership."""
    agreement = {"text_sha256": "0" * 64, "effective_from": "2020-06-01", "governing_law": "Belgian", "languages": "en"}
    delegation = {"member": "BE-1", "to": "one", "ends_at": "2020-05-01T00:00:00Z", **REASON}
    rights = {"rows": [{"operation": "plan.approve"}]}
    return {
        ("PUT", "/me/password"): {"old": PASSWORD, "new": "another for the tests"},
        ("POST", "/accounts/{name}/activate"): REASON,
        ("POST", "/accounts/{name}/deactivate"): REASON,
        ("PUT", "/committee/rights"): rights,
        ("POST", "/committee/seats"): {"account": "three", "members": ["DE-1"], "reference": "council"},
        ("POST", "/committee/seats/{number}/end"): REASON,
        ("POST", "/committee/delegations"): delegation,
        ("POST", "/committee/proposals"): DRAFT,
        ("POST", "/committee/proposals/{number}/open"): {},
        ("POST", "/committee/proposals/{number}/votes"): {"choice": "for", **REASON},
        ("POST", "/committee/proposals/{number}/withdraw"): REASON,
        ("POST", "/members"): CANDIDATE,
        ("POST", "/members/{code}/evidence"): {"kind": "council", "reference": "letter 1"},
        ("POST", "/members/{code}/populations"): {"year": 2021, "population": 4100, "source": "register"},
        ("POST", "/members/{code}/steps"): {"to": "notice_of_exit", **REASON},
        ("POST", "/members/{code}/reservations"): {"value_minor": 1000, **REASON},
        ("POST", "/agreements"): {**agreement, "cost_key": "population", "notice_days": 180},
    }


def tenders() -> dict[tuple[str, str], Any]:
    """From need to contract."""
    return {
        ("POST", "/tenders"): {**NEED, "code": "JP-21"},
        ("POST", "/tenders/{number}/specification"): SPECIFICATION,
        ("POST", "/tenders/{number}/lots"): LOT,
        ("PUT", "/tenders/{number}/lots/{lot}/members/{member}"): {"reserved_minor": 1, **REASON},
        ("PUT", "/tenders/{number}/criteria"): {"criteria": [PRICE, SUPPLY]},
        ("POST", "/tenders/{number}/publish"): {"closes": "2020-04-20T10:00:00Z"},
        ("POST", "/tenders/{number}/bids"): BID,
        ("POST", "/tenders/{number}/interests"): {"interested": False, "text": "none"},
        ("POST", "/tenders/{number}/bids/{bid}/scores"): {"criterion": "supply", "mark": 50, **REASON},
        ("POST", "/tenders/{number}/bids/{bid}/disqualify"): REASON,
        ("POST", "/tenders/{number}/objections"): {"supplier": "SUP-1", "text": "our plants were missed"},
        ("POST", "/tenders/{number}/objections/{objection}/decision"): {"upheld": False, **REASON},
        ("POST", "/tenders/{number}/cancel"): REASON,
    }


def contracts() -> dict[tuple[str, str], Any]:
    """What contracts say."""
    lot = "/contracts/{contract}/lots/{lot}"
    transfer = {"giver": "BE-1", "taker": "DE-1", "amount_minor": 10, **REASON}
    option = {"quantity": 100, "days": 10, "price_permille": 1100, "opens": "2020-04-01", "closes": "2020-06-01"}
    return {
        ("POST", "/contracts/{contract}/amendments"): {"effective_from": "2020-05-01", "rationale": "longer"},
        ("POST", "/contracts/{contract}/amendments/{version}/decision"): {"adopt": True, **REASON},
        ("POST", "/contracts/{contract}/lots"): {"lot": "L2", "title": "x", "maximum_minor": 1, "items": ["VIAL"]},
        ("POST", f"{lot}/members"): {"shares": {"BE-2": 1}},
        ("POST", f"{lot}/transfers"): transfer,
        ("PUT", f"{lot}/conditions/{{country}}"): {"condition": "funds", "met": True, **REASON},
        ("POST", "/contracts/{contract}/items/{item}/option"): option,
        ("POST", "/indices/{code}/values"): {"published_on": "2020-03-01", "value_milli": 1000, "source": "bureau"},
        ("POST", "/contracts/{contract}/step"): {"to": "ended", **REASON},
        ("POST", "/contracts/{contract}/rotations"): {"item": "TAB", "batch": "S-1", "expiry": "2022-01-01"},
        ("POST", "/contracts/{contract}/force-majeure"): {"starts": "2020-03-01", "ends": "2020-03-02", **REASON},
    }


def orders() -> dict[tuple[str, str], Any]:
    """Orders, damages and invoices."""
    asked = {"reference": "I-1", "lines": [{"line": 1, "quantity": 10, "amount_minor": 100}]}
    shortage = {"item": "TAB", "units": 10, "deliver_to": "D-BE", "slot": "s", **REASON}
    rule = {"limit_minor": 1000, "from_priority": 3, "ends": "2020-06-01", **REASON}
    return {
        ("POST", "/calloffs"): {**ORDER, "slot": "again", "member": "BE-1"},
        ("POST", "/calloffs/{number}/reject"): REASON,
        ("POST", "/calloffs/{number}/cancel"): REASON,
        ("POST", "/calloffs/{number}/confirm"): {"comes_at": "2020-04-06T08:00:00Z"},
        ("POST", "/calloffs/{number}/shipments"): {"reference": "S-1", "shipped_at": "2020-03-30T07:00:00Z"},
        ("POST", "/calloffs/{number}/close-short"): REASON,
        ("POST", "/calloffs/{number}/accept"): {},
        ("POST", "/damages/{number}/contest"): REASON,
        ("POST", "/damages/{number}/decision"): {"amount_minor": 0, **REASON},
        ("POST", "/calloffs/{number}/invoices"): asked,
        ("POST", "/invoices/{number}/approve"): {},
        ("POST", "/invoices/{number}/refuse"): REASON,
        ("POST", "/invoices/{number}/pay"): {"amount_minor": 100},
        ("POST", "/shortages"): shortage,
        ("POST", "/preapprovals"): rule,
        ("POST", "/preapprovals/{number}/revoke"): REASON,
    }


def money() -> dict[tuple[str, str], Any]:
    """Settlements and loans."""
    return {
        ("POST", "/settlements"): {"name": "2021", **PERIOD},
        ("POST", "/settlements/{number}/costs"): COST,
        ("POST", "/settlements/{number}/close"): REASON,
        ("POST", "/storage-rates"): RATE,
        ("POST", "/loans"): {"change": 1, "due_at": "2020-06-01T00:00:00Z", "pack_price_minor": 100},
        ("POST", "/loans/{number}/returns"): {"change": 1},
        ("POST", "/loans/{number}/convert"): {"period": 1, **REASON},
    }


def needs() -> dict[tuple[str, str], Any]:
    """Needs to come, schedules and stops."""
    epidemic = {"population": 1000, "first_cases": 1, "doubling_days": 3, "infectious_days": 7, "share_milli": 10}
    outage = {"machines": 10, "failures_per_thousand_days": 5, "days_without_power": [1], "factor": 2, "days": 5}
    changes = {"population_permille": 1, "old_permille": 1, "old_change_permille": 1, "old_factor_permille": 1}
    years = {"first_year": 2021, "years": 2, **changes, "price_permille": 1, "budget_permille": 1}
    past = {"item": "TAB", "month": "2019-01-01", "quantity": 10}
    return {
        ("POST", "/maintenance-windows"): WINDOW,
        ("POST", "/maintenance-windows/{number}/call-off"): REASON,
        ("POST", "/demand-history"): {"source": "the old books", "rows": [past]},
        ("POST", "/scenarios/epidemic"): {**CURVE, **epidemic, "days": 30},
        ("POST", "/scenarios/outage"): {**CURVE, **outage, "per_item_milli": {"PUMP": 1000}},
        ("POST", "/scenarios/past-wave"): {**CURVE, "first": "2020-03-01", "last": "2020-03-29", "scale_permille": 900},
        ("POST", "/scenarios/file"): {**CURVE, "daily": [1, 2]},
        ("POST", "/scenarios/years"): {**CURVE, **years},
        ("POST", "/stops"): STOP,
        ("POST", "/stops/{number}/lift"): REASON,
        ("PUT", "/schedules/{job}"): {"enabled": True, "minute": 5, **REASON},
    }


def contingency() -> dict[tuple[str, str], Any]:
    """Plans for emergencies, duty, risks, disputes and reviews."""
    below = "/contingency"
    agreed, said, due = (
        {"agreed": True, **REASON},
        {"text": "for the test"},
        {"owner": "logistics", "due": "2020-06-01"},
    )
    duty = {"office": "logistics", "account": "one", "starts_at": PERIOD["starts_at"], "ends_at": PERIOD["ends_at"]}
    grades = {"likelihood": 2, "impact": 3, "response": "watch", "review_by": "2020-06-01"}
    return {
        ("POST", f"{below}/plans"): CONTINGENCY,
        ("POST", f"{below}/plans/{{number}}/decision"): agreed,
        ("POST", f"{below}/plans/{{number}}/start"): {},
        ("POST", f"{below}/runs/{{number}}/steps/{{step}}/done"): said,
        ("POST", f"{below}/runs/{{number}}/end"): said,
        ("POST", f"{below}/transfers/{{number}}/decision"): agreed,
        ("POST", f"{below}/duty"): duty,
        ("POST", f"{below}/risks"): {"title": "a late lorry", "owner": "logistics", **grades},
        ("POST", f"{below}/disputes"): DISPUTE,
        ("POST", f"{below}/disputes/{{number}}/next"): said,
        ("POST", f"{below}/disputes/{{number}}/settle"): said,
        ("POST", f"{below}/reviews/surge"): {"surge": 1, "office": "logistics", "summary": "as planned"},
        ("POST", f"{below}/reviews/peer"): PEER,
        ("POST", f"{below}/reviews/{{number}}/actions"): {"what": "train again", **due},
        ("POST", f"{below}/actions/{{number}}/done"): said,
        ("POST", f"{below}/reviews/{{number}}/close"): said,
    }


def promises() -> dict[tuple[str, str], Any]:
    """What is promised, found by auditors, and compared with the time before."""
    promise = {"item": "TAB", "quantity": 10, "effective_from": "2020-06-01", **REASON}
    figure = {"kpi": "fill_rate", "starts": "2018-01-01", "ends": "2018-12-31", "numerator": 1, "denominator": 2}
    return {
        ("POST", "/entitlements"): {"member": "BE-1", **promise},
        ("POST", "/depot-buffers"): {"site": "D-BE", **promise},
        ("POST", "/carrying-limits"): {"site": "D-BE", "volume_ml": 10, "effective_from": "2020-06-01", **REASON},
        ("POST", "/calloffs/{number}/change"): {"packs": {"TAB": 10}, **REASON},
        ("POST", "/committee/proposals/{number}/recusals"): REASON,
        ("POST", "/findings"): FINDING,
        ("POST", "/findings/{number}/steps"): {"step": "answer", "text": "we do it", "due": "2020-06-01"},
        ("POST", "/baselines"): {**figure, "source": "the yearbook"},
    }


def open_books() -> dict[tuple[str, str], Any]:
    """Contacts, grievances, remedies."""
    verdict = {"verdict": "upheld", "answer": "you are right"}
    told = {"token": CASE["token"]}
    return {
        ("POST", "/contacts"): CONTACT,
        ("POST", "/contacts/{number}/erasure"): {"why": "asked"},
        ("POST", "/grievances/{number}/redirection"): {"to": "another office"},
        ("POST", "/grievances/{number}/reviewer"): {"reviewer": "two"},
        ("POST", "/grievances/{number}/decision"): verdict,
        ("POST", "/grievances/{number}/final-decision"): verdict,
        ("POST", "/grievances/{number}/buffer"): {"quantity": 10},
        ("POST", "/remedies"): REMEDY,
        ("POST", "/outside-purchases"): {"notes": [OUTSIDE]},
        ("POST", "/audit/addresses"): {**ADDRESS, "url": "https://audit.example/others"},
        ("POST", "/audit/addresses/{number}/end"): REASON,
        ("POST", "/audit/addresses/{number}/sending"): REASON,
        ("POST", "/remedies/{number}/closure"): {"outcome": "done"},
        ("POST", "/public/grievances"): CASE,
        ("POST", "/public/grievances/status"): told,
        ("POST", "/public/grievances/appeal"): {**told, "statement": "look again"},
    }
