"""Our contracts and orders as OCDS 1.1.5: one process per contract, one per order, linked as framework.

Every release restates what it is about, so that the newest is enough to read. Places of delivery are not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import queries as contracts
from stockpile.contracts import rules as ordering
from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, Supplier
from stockpile.contracts.terms import rules as terms
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.transparency.ocds import queries, rules, tendering
from stockpile.transparency.ocds.queries import Delivery

Release = dict[str, Any]


class NoSuchProcess(NotFound):
    """No contracting process has this ocid."""

    code = "unknown_ocid"


def framework_ocid(code: str) -> str:
    """The ocid of a contract."""
    return f"{rules.PREFIX}-{code}"


def order_ocid(number: int) -> str:
    """The ocid of an order."""
    return f"{rules.PREFIX}-order-{number}"


class _Facts:
    """What all releases are made of, read once."""

    def __init__(self, session: Session, at: datetime) -> None:
        self.session, self.at = session, at
        self.region, self.members = governance.region(session), governance.members(session)
        self.items, self.suppliers = catalogue.items(session), queries.suppliers(session)
        self.tiers, self.came = contracts.tiers(session), queries.deliveries(session)
        self.today = governance.local_day(session, at)
        self.signed_at = _signatures(session)


def _signatures(session: Session) -> dict[str, datetime]:
    """When contracts that came of a tender here were signed; of those taken in with the region it is not known."""
    rows = (row for one in tenders.tenders(session) for row in tenders.signed(session, one.id or 0))
    return {row.contract_code: row.signed_at for row in rows}


def release_package(session: Session, *, at: datetime, ocid: str | None = None) -> dict[str, Any]:
    """All releases, or those of one process; refuses an unknown ocid."""
    facts = _Facts(session, at)
    found = [release for releases in _processes(facts).values() for release in releases]
    if ocid is not None:
        found = [release for release in found if release["ocid"] == ocid]
        if not found:
            raise NoSuchProcess(f"there is no process {ocid[:100]}", field="ocid")
    return rules.package("releases", found, publisher=facts.region.title, at=at)


def record_package(session: Session, *, at: datetime) -> dict[str, Any]:
    """One record per process: its releases, and what they come to."""
    facts = _Facts(session, at)
    found = [rules.record(releases) for releases in _processes(facts).values()]
    return rules.package("records", found, publisher=facts.region.title, at=at)


def compiled(session: Session, *, at: datetime) -> dict[str, Release]:
    """What all releases of each process up to then come to, by ocid."""
    made = {ocid: rules.record(releases) for ocid, releases in _processes(_Facts(session, at)).items()}
    return {ocid: found["compiledRelease"] for ocid, found in made.items()}


def books(session: Session, first: datetime, last: datetime) -> list[tuple[str, str, str]]:
    """What the books have from one instant up to another that releases should tell of: kind, process, own name.

    Contracts that ran then, tenders published, orders approved and amendments made then, by code and number.
    """
    found: list[tuple[str, str, str]] = [
        ("tender", tendering.tender_ocid(one.code), one.code)
        for one in tenders.tenders(session)
        if one.published_at is not None and first <= one.published_at < last
    ]
    for row in queries.all_contracts(session):
        if _start(row.starts) < last and _start(row.ends) >= first and row.state not in terms.BEFORE_SIGNATURE:
            found.append(("contract", framework_ocid(row.code), row.code))
        for change in queries.changes(session, row.code):
            if first <= change.at < last:
                found.append(("amendment", framework_ocid(row.code), f"journal-{change.entry}"))
    for order in queries.orders(session):
        if order.approved_at is not None and first <= order.approved_at < last:
            found.append(("order", order_ocid(order.id or 0), str(order.id)))
    return found


def _processes(facts: _Facts) -> dict[str, list[Release]]:
    """The releases of each process, in the order of time."""
    rows = queries.all_contracts(facts.session)
    found = tendering.processes(facts.session)
    found |= {framework_ocid(row.code): _framework(facts, row) for row in rows}
    by_code = {row.code: row for row in rows}
    orders = queries.orders(facts.session)
    lines = queries.lines(facts.session, [order.id or 0 for order in orders])
    for order in orders:
        contract = by_code[order.contract_code]
        found[order_ocid(order.id or 0)] = _order(facts, order, contract, lines.get(order.id or 0, []))
    return {ocid: releases for ocid, releases in found.items() if releases}


def _framework(facts: _Facts, row: Contract) -> list[Release]:
    """Award and signature, each change of terms, and the end."""
    if row.starts > facts.today:
        return []
    ocid = framework_ocid(row.code)
    signed = _release(facts, ocid, 1, tag=["award", "contract"], at=_start(row.starts), supplier=row.supplier_code)
    signed["parties"] += [_party(f"member:{m.code}", m.name, "buyer", m.country) for m in facts.members.values()]
    parent = tendering.parent_of(facts.session, row.code)
    signed |= {"relatedProcesses": parent} if parent else {}
    value, items = rules.money(row.ceiling_minor, row.currency), _framework_items(facts, row)
    period = {"startDate": _start(row.starts).isoformat(), "endDate": _start(row.ends).isoformat()}
    signed["tender"] = {
        "id": f"{row.code}-tender",
        "title": f"Unified contract {row.code}",
        "description": "Framework agreement with one supplier for all members; the value is its ceiling.",
        "status": "complete",
        "value": value,
        "contractPeriod": period,
        "procuringEntity": _buyer(facts),
    }
    signed["awards"] = [
        _award(facts, row.code, supplier=row.supplier_code, value=value, at=_start(row.starts), items=items)
    ]
    when = facts.signed_at.get(row.code)
    base = _contract(row.code, "active", period, value, items) | ({"dateSigned": when.isoformat()} if when else {})
    signed["contracts"] = [base]
    return [signed, *_later(facts, row, base)]


def _later(facts: _Facts, row: Contract, base: dict[str, Any]) -> list[Release]:
    """Each change of terms, and the end, in the order of time; what comes after the end says that it has ended."""
    ocid, over = framework_ocid(row.code), _start(row.ends + timedelta(days=1))
    releases: list[Release] = []
    amendments: list[dict[str, Any]] = []

    def release(tag: str, at: datetime, status: str, *, change: queries.Change | None = None) -> None:
        number = len(releases) + 2
        if change is not None:
            amendments.append(_amendment(change, f"{ocid}-{number - 1}", f"{ocid}-{number}"))
        made = _release(facts, ocid, number, tag=[tag], at=at, supplier=row.supplier_code)
        made["contracts"] = [{**base, "status": status} | ({"amendments": list(amendments)} if amendments else {})]
        releases.append(made)

    found = sorted(queries.changes(facts.session, row.code), key=lambda one: (one.at, one.entry))
    ended = False
    for change in found:
        if not ended and change.at >= over:
            ended = True
            release("contractTermination", over, "terminated")
        closed = change.action == "contract.step" and change.payload.get("to") == terms.CLOSED
        last = closed and not ended
        ended = ended or closed
        tag, status = "contractTermination" if last else "contractAmendment", "terminated" if ended else "active"
        release(tag, change.at, status, change=change)
    if not ended and row.ends < facts.today:
        release("contractTermination", over, "terminated")
    return releases


def _order(facts: _Facts, order: CallOff, contract: Contract, lines: Sequence[CallOffLine]) -> list[Release]:
    """The order, each day on which something came, and the end."""
    assert order.approved_at is not None
    ocid, code = order_ocid(order.id or 0), f"order-{order.id}"
    value = rules.money(order.cost_minor, contract.currency)
    items = [_line_item(facts, line, contract.currency) for line in lines]
    period = {"startDate": order.approved_at.isoformat()}
    if order.expected_at is not None:
        period["endDate"] = order.expected_at.isoformat()

    def release(tag: str, at: datetime, status: str, came: Mapping[int, int], first: bool) -> Release:
        made = _release(facts, ocid, len(releases) + 1, tag=[tag], at=at, supplier=contract.supplier_code)
        made |= {"buyer": _buyer(facts), "relatedProcesses": [_framework_link(contract)]}
        if first:
            made["tag"] = ["award", "contract"]
            made["tender"] = {"id": code, "status": "complete", "procurementMethod": "direct", "value": value}
            made["awards"] = [_award(facts, code, supplier=contract.supplier_code, value=value, at=at, items=items)]
        told = _contract(code, status, period, value, items) | {"dateSigned": period["startDate"]}
        told["milestones"] = [_milestone(facts, order, line, {}, at) for line in lines]
        told["implementation"] = {"milestones": [_milestone(facts, order, line, came, at) for line in lines]}
        made["contracts"] = [told]
        return made

    releases: list[Release] = []
    releases.append(release("contract", order.approved_at, "active", {}, True))
    deliveries = sorted((one for line in lines for one in facts.came.get(line.id or 0, [])), key=lambda one: one.at)
    came: dict[int, int] = {}
    for at in sorted({one.at for one in deliveries}):
        came = _so_far(deliveries, at)
        releases.append(release("implementation", at, "active", came, False))
    last = max([one.at for one in deliveries] + ([order.ended_at] if order.ended_at else []), default=None)
    if order.state not in ordering.OPEN_STATES and last is not None:
        status = "cancelled" if order.state == ordering.CANCELLED else "terminated"
        releases.append(release("contractTermination", last, status, came, False))
    return releases


def _so_far(deliveries: Sequence[Delivery], at: datetime) -> dict[int, int]:
    came: dict[int, int] = {}
    for one in deliveries:
        if one.at <= at:
            came[one.line] = came.get(one.line, 0) + one.quantity
    return came


def _release(facts: _Facts, ocid: str, number: int, *, tag: list[str], at: datetime, supplier: str) -> Release:
    known: Supplier = facts.suppliers[supplier]
    parties = [
        _party(f"region:{facts.region.name}", facts.region.title, "procuringEntity"),
        _party(f"supplier:{supplier}", known.name, "supplier"),
    ]
    parties[0]["roles"].append("buyer")
    return {
        "ocid": ocid,
        "id": f"{ocid}-{number}",
        "date": at.isoformat(),
        "tag": tag,
        "initiationType": "tender",
        "language": "en",
        "parties": parties,
    }


def _party(number: str, name: str, role: str, country: str = "") -> dict[str, Any]:
    party: dict[str, Any] = {"id": number, "name": name, "roles": [role]}
    return party | ({"address": {"countryName": country}} if country else {})


def _buyer(facts: _Facts) -> dict[str, str]:
    return {"id": f"region:{facts.region.name}", "name": facts.region.title}


def _award(
    facts: _Facts,
    code: str,
    *,
    supplier: str,
    value: Mapping[str, Any],
    at: datetime,
    items: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    who = {"id": f"supplier:{supplier}", "name": facts.suppliers[supplier].name}
    told = {"id": code, "status": "active", "date": at.isoformat(), "value": value, "suppliers": [who]}
    return told | {"items": list(items)}


def _contract(
    code: str, status: str, period: Mapping[str, str], value: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    told = {"id": f"{code}-contract", "awardID": code, "status": status, "period": dict(period), "value": value}
    return told | {"items": list(items)}


def _amendment(change: queries.Change, before: str, release: str) -> dict[str, Any]:
    told = "; ".join(f"{name}: {value}" for name, value in sorted(change.payload.items()))
    return {
        "id": f"journal-{change.entry}",
        "date": change.at.isoformat(),
        "rationale": "Terms of delivery were changed by whoever may; the reason is in the sealed journal.",
        "description": told,
        "amendsReleaseID": before,
        "releaseID": release,
    }


def _framework_link(contract: Contract) -> dict[str, Any]:
    return {
        "id": "1",
        "relationship": ["framework"],
        "title": f"Unified contract {contract.code}",
        "scheme": "ocid",
        "identifier": framework_ocid(contract.code),
    }


def _milestone(
    facts: _Facts, order: CallOff, line: CallOffLine, came: Mapping[int, int], at: datetime
) -> dict[str, Any]:
    """The delivery of a line: what came of it until then, against the day it was due."""
    got = came.get(line.id or 0, 0)
    status = "met" if got >= line.quantity else "partiallyMet" if got else "scheduled"
    unit = facts.items[line.item_code].base_unit
    told: dict[str, Any] = {
        "id": f"delivery-{line.id}",
        "title": f"Delivery of {line.item_code}",
        "type": "delivery",
        "description": f"{got} of {line.quantity} {unit} delivered",
        "status": status,
        "dateModified": at.isoformat(),
    }
    if order.expected_at is not None:
        told["dueDate"] = order.expected_at.isoformat()
    dates = [one.at for one in facts.came.get(line.id or 0, []) if one.at <= at]
    return told | ({"dateMet": dates[-1].isoformat()} if status == "met" and dates else {})


def _framework_items(facts: _Facts, row: Contract) -> list[dict[str, Any]]:
    """The items under a contract at the price of the first tier; further tiers are in the open table of prices."""
    return [
        _item(facts.items[item], f"{row.code}-{item}", price=tiers[0][1], currency=row.currency)
        for (code, item), tiers in sorted(facts.tiers.items())
        if code == row.code
    ]


def _line_item(facts: _Facts, line: CallOffLine, currency: str) -> dict[str, Any]:
    told = _item(facts.items[line.item_code], f"line-{line.id}", price=line.pack_price_minor, currency=currency)
    return {**told, "quantity": line.packs}


def _item(item: Item, number: str, *, price: int, currency: str) -> dict[str, Any]:
    unit = {"name": f"pack of {item.pack_size} {item.base_unit}", "value": rules.money(price, currency)}
    told: dict[str, Any] = {"id": number, "description": item.name, "unit": unit}
    if item.cpv:
        told["classification"] = {"scheme": "CPV", "id": item.cpv}
    if item.atc:
        told["additionalClassifications"] = [{"scheme": "ATC", "id": item.atc}]
    return told


def _start(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
