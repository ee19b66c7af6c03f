"""A region in which something of every kind has happened, so that every route has something to act on.

Three people with every role make it over HTTP. `SAMPLES` says with what each writing route is called: by then there
is an object under every number it names.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stockpile.actor import Grant
from stockpile.governance.rules import ROLES
from tests.access import agreements
from tests.access.doors import Doors

ONE, TWO, THREE = "one", "two", "three"
LOTS: Final = {"item": "TAB", "lot": "S-1", "expiry": "2022-01-01", "quantity": 100}
SUPPLIER: Final = "SUP-1"
REASON: Final = {"reason": "for the test"}
SURGE: Final = {"hazard": "epidemic", "level": 3, "evidence": "x", "review_by": "2020-04-20T00:00:00Z"}
ASKED: Final = {"member": "DE-1", "item": "TAB", "quantity": 50, "need_by": "2020-04-01T12:00:00Z"}
REQUEST: Final = {**ASKED, "justification": "wards are filling", "own_stock": 0}
POLICY: Final = {"policy": {"name": "even", "steps": []}, **REASON}
RECALL: Final = {"reference": "R-1", "item": "TAB", "lots": ["S-D-DE"], "recall_class": 2, **REASON}
STEP: Final = {"kind": "receive", "site": "D-BE", "lines": [{"lot_id": 1, "quantity": 1}]}
PLACED: Final = {"lot_id": 1, "site": "D-BE", "quantity": 1}
READING: Final = {"at": "2020-03-30T07:00:00Z", "milli_celsius": 5000}
CHANGE: Final = {**PLACED, "to_owner": "BE-1", **REASON}
WRONG: Final = {"item": "TAB", "lot": "W-1", "expiry": "2022-01-01", "quantity": 10, **REASON}
SUBSTITUTE: Final = {"item": "TAB", "substitute": "PUMP", "country": "BE", "units": 1, "per_units": 1}
BORDER: Final = {"item": "VIAL", "from_country": "BE", "to_country": "DE", "valid_from": "2020-01-01"}


def granted(role: str, **place: str) -> Grant:
    """A role for the whole region, or for a place; a supplier's is for itself."""
    return Grant(role, **(place or ({"member": SUPPLIER} if role == "supplier" else {})))


def soon() -> str:
    """An instant a day ahead of the real clock, to which lent roles keep."""
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def made(doors: Doors, name: str, path: str, body: Any = None, *, method: str = "POST") -> Any:
    """What this person makes; must succeed."""
    answer = doors.call(name, method, path, body)
    assert answer.status_code < 300, (path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


def tell(doors: Doors) -> dict[str, Any]:
    """Make everything; gives the numbers of what was made."""
    for name in (ONE, TWO, THREE):
        doors.engage(name, *(granted(role) for role in ROLES))
    numbers: dict[str, Any] = {}
    for site in ("D-BE", "D-DE"):
        made(doors, ONE, "/receipts", {"site": site, "lines": [LOTS | {"lot": f"S-{site}", "quantity": 400}]})
    lots = doors.call(ONE, "GET", "/lots").json()["rows"]
    numbers["lot"] = lots[0]["id"]
    surge = numbers["surge"] = made(doors, ONE, "/surges", SURGE)["id"]
    made(doors, ONE, "/requests", {"surge": surge, "requests": [REQUEST]})
    plan = made(doors, TWO, f"/surges/{surge}/plans")["id"]
    numbers["transfer"] = made(doors, THREE, f"/plans/{plan}/approve")["transfers"][0]
    second = made(doors, ONE, "/requests", {"surge": surge, "requests": [REQUEST | {"quantity": 20}]})
    numbers["request"] = second[0]["id"]
    numbers["plan"] = made(doors, TWO, f"/surges/{surge}/plans")["id"]
    line = doors.call(ONE, "GET", f"/plans/{numbers['plan']}/lines").json()["rows"][0]
    numbers["line"] = line["id"]
    numbers["override"] = made(
        doors, ONE, f"/plans/{numbers['plan']}/overrides", {"line": line["id"], "new_quantity": 10, **REASON}
    )["id"]
    numbers["calloff"] = made(doors, ONE, "/runs/reorder")["outcome"]["calloffs"][0]
    numbers["calloff_line"] = doors.call(ONE, "GET", f"/calloffs/{numbers['calloff']}").json()["lines"][0]["id"]
    made(doors, ONE, "/items/VIAL/flags", {"cold_chain": True, "controlled": True, "storage": "2-8C"})
    made(doors, ONE, "/substitutions", {**SUBSTITUTE, "valid_from": "2020-01-01", **REASON})
    made(doors, ONE, "/recalls", {**RECALL, "deadline": "2020-04-05T00:00:00Z"})
    made(doors, ONE, "/proposals", {"step": STEP, **REASON})
    made(doors, ONE, "/disposals", {**PLACED, **REASON})
    made(doors, ONE, "/counts", {"site": "D-BE", **REASON})
    made(doors, ONE, "/lots/1/restrictions", {"kind": "country", "value": "DE", **REASON})
    made(doors, ONE, "/ownership-changes", CHANGE)
    made(doors, ONE, "/goods-in", {"site": "D-BE", "delivery_note": "DN-1", "wrong": [WRONG]})
    graver = {"surge": surge, "requests": [REQUEST | {"quantity": 10, "priority": 1, "member": "BE-1"}]}
    numbers["graver"] = made(doors, TWO, "/requests", graver)[0]["id"]
    doors.engage("four", Grant("logistics"))
    made(doors, "four", "/emergencies", {"role": "coordinator", **REASON})
    agreements.tell(doors)
    return numbers


def samples(numbers: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What each writing route is called with, by method and path; what is not listed has no body."""
    until = {"account": "four", "role": "requester", "member": "BE-1", "until": soon(), **REASON}
    border = {**BORDER, "number": "B-1", "valid_to": "2021-01-01", "quantity": 100}
    preempt = {"line": 1, "request": numbers["graver"], "quantity": 10, **REASON}
    override = {"line": numbers["line"], "new_quantity": 20, **REASON}
    extension = {"new_expiry": "2023-01-01", "authority": "the agency", "evidence": "letter 1"}
    parts = {"site": "D-BE", "kit": "PUMP", "lot": "K-1", "quantity": 1}
    return agreements.samples() | {
        ("POST", "/keys"): {"label": "x"},
        ("POST", "/me/second-factor/proof"): {"code": "000000"},
        ("POST", "/me/second-factor/end"): {"code": "000000"},
        ("POST", "/accounts/{name}/second-factor/take"): REASON,
        ("PUT", "/second-factor"): {"demanded": False},
        ("POST", "/lent-roles"): until,
        ("POST", "/lent-roles/{number}/end"): REASON,
        ("POST", "/emergencies"): {"role": "pharmacist", "site": "D-DE", **REASON},
        ("POST", "/emergencies/{number}/review"): {"justified": True, "note": "x"},
        ("POST", "/items/{item}/packs"): {"gtin": "09529999990099", "units": 10, "name": "box"},
        ("POST", "/substitutions"): {**SUBSTITUTE, "country": "DE", "valid_from": "2020-01-01", **REASON},
        ("POST", "/substitutions/{number}/decide"): {"approve": True, **REASON},
        ("POST", "/substitutions/{number}/revoke"): REASON,
        ("PUT", "/contracts/{contract}/items/{item}/delivery-terms"): {"tolerance_percent": 1, "whole_packs": True},
        ("POST", "/calloff-lines/{number}/close-short"): REASON,
        ("PUT", "/contracts/{contract}/items/{item}/buy-back"): {"percent": 10, "days": 10, **REASON},
        ("POST", "/movements"): {"kind": "adjust", "site": "D-BE", "lines": [{"lot_id": 1, "quantity": 1}], **REASON},
        ("POST", "/receipts"): {"site": "D-BE", "lines": [LOTS]},
        ("POST", "/issues"): {"site": "H-DE", "uses": [{"member": "DE-1", "item": "TAB", "quantity": 10}]},
        ("POST", "/adjustments"): {"lot_id": 1, "site": "D-BE", "change": 1, **REASON},
        ("POST", "/lots/{lot_id}/hold"): REASON,
        ("POST", "/lots/{lot_id}/release"): REASON,
        ("PUT", "/items/{item}/floor"): {"effective_from": "2020-04-01", "quantity": 10},
        ("POST", "/dispatches"): {"transfers": [1]},
        ("POST", "/transfers/{number}/receive"): {},
        ("POST", "/transfers/{number}/resolve"): REASON,
        ("POST", "/goods-in"): {"site": "D-BE", "delivery_note": "DN-2", "wrong": [WRONG]},
        ("POST", "/goods-in/lines/{number}/accept"): REASON,
        ("POST", "/goods-in/lines/{number}/send-back"): REASON,
        ("PUT", "/items/{item}/release-rule"): {"needs_release": False},
        ("PUT", "/sites/{site}/release-rule"): {"cold_chain": True, "controlled": True},
        ("POST", "/proposals"): {"step": STEP, **REASON},
        ("POST", "/proposals/{number}/decline"): REASON,
        ("POST", "/border-authorisations"): border,
        ("POST", "/controlled/losses/{number}/report"): {"reference": "x"},
        ("POST", "/controlled/losses/{number}/close"): {"outcome": "x"},
        ("PUT", "/approval-limits/{kind}"): {"value_minor": 1, "packs": 1},
        ("POST", "/temperature-logs"): {"site": "D-BE", "name": "x", "csv": "instant,degrees\n", "dry_run": True},
        ("POST", "/sites/{site}/bins"): {"code": "A-1", "storage_class": "ambient"},
        ("POST", "/put-aways"): {**PLACED, "to_bin": "A-1"},
        ("PUT", "/sites/{site}/capacity/{storage_class}"): {"litres": 10_000},
        ("POST", "/transfers/{number}/hand-over"): {"signed_by": "the night nurse"},
        ("POST", "/periods/close"): {"ends_at": "2020-03-01T00:00:00Z", **REASON},
        ("PUT", "/figures/{name}"): {"value": 48, **REASON},
        ("POST", "/corrections"): {"posting": 1, **REASON},
        ("POST", "/recalls"): {**RECALL, "reference": "R-2", "lots": ["S-D-BE"], "deadline": "2020-04-05T00:00:00Z"},
        ("POST", "/recalls/{number}/answers"): {"member": "BE-1", "set_apart": 0},
        ("POST", "/recalls/{number}/close"): REASON,
        ("POST", "/releases"): {**PLACED, **REASON},
        ("POST", "/returns"): {**PLACED, "to_depot": "D-DE", **REASON},
        ("POST", "/lots/{lot_id}/expiry"): extension,
        ("POST", "/items/{item}/flags"): {"cold_chain": False, "controlled": False, "storage": "<=25C"},
        ("POST", "/disposals"): {**PLACED, **REASON},
        ("POST", "/disposals/{number}/witness"): {"certificate": "x"},
        ("POST", "/temperatures"): {
            "site": "D-BE",
            "readings": [READING],
        },
        ("POST", "/counts"): {"site": "D-DE", **REASON},
        ("POST", "/counts/{number}/lines"): {"lot_id": 1, "counted": 1},
        ("POST", "/counts/{number}/approve"): REASON,
        ("POST", "/scans"): {"text": "(01)09529999990013"},
        ("POST", "/lots/{lot_id}/pallets"): {"site": "D-BE", "quantity": 10},
        ("POST", "/lots/{lot_id}/restrictions"): {"kind": "country", "value": "BE", **REASON},
        ("POST", "/restrictions/{number}/lift"): REASON,
        ("PUT", "/sites/{site}/cold-store"): {"cold_store": True, **REASON},
        ("POST", "/beneficiaries"): {"kind": "donor", "value": "x", "member": "BE-1", "admitted": True, **REASON},
        ("PUT", "/items/{item}/serialised"): {"serialised": False},
        ("POST", "/ownership-changes"): CHANGE,
        ("POST", "/forwards"): {**PLACED, "member": "BE-1", "destination": "a clinic"},
        ("PUT", "/kits/{item}"): {"components": [{"item": "VIAL", "quantity": 1}]},
        ("POST", "/assemblies"): parts,
        ("POST", "/disassemblies"): {**PLACED, **REASON},
        ("POST", "/caseload"): {"day": "2020-03-30", "reports": [{"member": "BE-1", "cases": 1, "admissions": 1}]},
        ("POST", "/caseload/release"): {"day": "2020-03-30", "member": "BE-1", **REASON},
        ("POST", "/surges"): SURGE | {"hazard": "flood"},
        ("POST", "/surges/{number}/close"): REASON,
        ("POST", "/requests"): {"surge": numbers["surge"], "requests": [REQUEST | {"member": "BE-2", "quantity": 10}]},
        ("POST", "/requests/{number}/withdraw"): REASON,
        ("POST", "/requests/{number}/validation"): {"validated": 10, **REASON},
        ("POST", "/plans/{number}/overrides"): override,
        ("POST", "/sharing-policies"): POLICY,
        ("POST", "/sharing-policies/{number}/decision"): {"adopt": True, **REASON},
        ("POST", "/surges/{number}/what-if"): {"changes": [{"kind": "nothing"}]},
        ("POST", "/transfers/{number}/putback"): REASON,
        ("POST", "/transfers/{number}/cancel"): REASON,
        ("POST", "/preemptions"): preempt,
        ("POST", "/audit/heads/{size}/witnesses"): {"member": "BE-1"},
    }


FILLED: Final = {
    "id": "0" * 16,
    "name": "backdating_hours",
    "item": "TAB",
    "code": "TAB",
    "contract": "UC-1",
    "site": "D-BE",
    "storage_class": "ambient",
    "kind": "adjust",
    "job": "reorder",
    "member": "BE-1",
    "party": "pool",
    "supplier": "SUP-1",
    "lot": "A",
    "country": "BE",
    "ocid": "ocds-1",
}
"""What stands in a path in the place of a name; every other name is the number 1."""
FILLED_BELOW: Final = {"/members/": {"code": "BE-1"}, "/contracts/": {"lot": "L1"}}
"""Where a name stands for something else."""


def filled(below: str) -> str:
    """A path with what the story made in the place of its names, and what it is asked with."""
    names = FILLED | next((more for start, more in FILLED_BELOW.items() if below.startswith(start)), {})
    path = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "1"), below)
    return f"{path}?{QUERIES[below]}" if below in QUERIES else path


QUERIES: Final = {
    "/substitutes": "country=BE",
    "/controlled/register": "site=D-BE&item=VIAL",
    "/sites/{site}/bin-suggestions": "lot_id=1&quantity=1",
    "/lots/{lot_id}/fitness": "member=BE-1&site=H-BE",
    "/plans/{number}/why": "member=DE-1&item=TAB",
    "/audit/sample": "seed=1",
    "/public/municipalities": "name=Aubel",
    "/public/journal/consistency": "old=1",
}
