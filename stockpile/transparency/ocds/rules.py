"""OCDS 1.1.5 in plain data: packages, the merging of releases into a record, and reading others' releases. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

VERSION: Final = "1.1"
PREFIX: Final = "ocds-000000"
"""Not registered, and meant to be seen to be: an installation that publishes asks for a prefix of its own."""
LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"
POLICY: Final = "urn:stockpile:policy:redaction:1"
MOST_RELEASES: Final = 20_000


TOLD_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "contract": (
        *("awards.date", "awards.suppliers.id", "awards.value.amount", "contracts.awardID", "contracts.dateSigned"),
        *("contracts.documents.documentType", "contracts.period.startDate", "contracts.value.amount"),
    ),
    "order": (
        *("awards.suppliers.id", "awards.value.amount", "buyer.id", "contracts.awardID", "contracts.dateSigned"),
        *("contracts.implementation.milestones.status", "contracts.milestones.dueDate"),
        *("relatedProcesses.identifier", "tender.id"),
    ),
    "amendment": ("amendsReleaseID", "date", "rationale", "releaseID"),
}
"""Fields of OCDS that tell of a contract, of an order under it, and of an amendment, as the design maps them.

Those of the core alone: fields of extensions (techniques, metrics, risks) are not published, and not counted.
"""

WHOLE: Final[Mapping[str, tuple[str, ...]]] = {
    "tender": (
        *("planning.rationale", "planning.budget.amount.amount", "planning.documents.documentType"),
        *("planning.milestones.type", "planning.forecasts.observations.measure", "tender.title", "tender.status"),
        *("tender.procuringEntity.id", "tender.procurementMethod", "tender.value.amount", "tender.items.quantity"),
        *("tender.items.classification.id", "tender.lots.id", "tender.techniques.frameworkAgreement.method"),
        *("tender.awardCriteria", "tender.tenderPeriod.endDate", "tender.contractPeriod.startDate"),
        *("tender.documents.documentType", "parties.name", "parties.roles"),
    ),
    "contract": (
        *TOLD_OF["contract"],
        *("parties.name", "parties.roles", "tender.title", "tender.status", "tender.value.amount"),
        *("tender.procuringEntity.id", "tender.procurementMethod", "tender.contractPeriod.startDate", "tender.lots.id"),
        *("tender.techniques.frameworkAgreement.maximumParticipants", "awards.status", "awards.relatedLots"),
        *("awards.items.classification.id", "awards.items.unit.value.amount", "awards.documents.documentType"),
        *("contracts.status", "contracts.period.endDate", "contracts.items.classification.id"),
        *("contracts.items.unit.value.amount", "contracts.agreedMetrics.id", "contracts.riskAllocation.id"),
        "relatedProcesses.identifier",
    ),
    "order": (
        *TOLD_OF["order"],
        *("parties.name", "parties.roles", "tender.procurementMethod", "tender.status", "tender.value.amount"),
        *("tender.competitive", "relatedProcesses.relationship", "relatedProcesses.relatedLots", "awards.date"),
        *("awards.status", "awards.items.classification.id", "awards.items.quantity", "contracts.status"),
        *("contracts.period.startDate", "contracts.value.amount", "contracts.items.classification.id"),
        *("contracts.items.quantity", "contracts.items.unit.value.amount"),
        *("contracts.implementation.milestones.dueDate", "contracts.implementation.milestones.type"),
        *("contracts.implementation.transactions.value.amount", "contracts.implementation.metrics.id"),
    ),
    "amendment": (*TOLD_OF["amendment"], "id", "description"),
}
"""Every field of a record as the design maps our events to OCDS and its extensions, whether or not we publish it."""


class Unreadable(ValueError):
    """A package that cannot be taken in; the text names the place."""


def money(minor: int, currency: str) -> dict[str, Any]:
    """An OCDS value from minor units of a currency with two decimals.

    >>> money(12345, "EUR")
    {'amount': 123.45, 'currency': 'EUR'}
    """
    return {"amount": round(minor / 100, 2), "currency": currency}


def package(kind: str, content: Sequence[Mapping[str, Any]], *, publisher: str, at: datetime) -> dict[str, Any]:
    """A package of `releases` or `records`."""
    return {
        "uri": f"urn:stockpile:ocds:{kind}",
        "version": VERSION,
        "publishedDate": at.isoformat(),
        "publisher": {"name": publisher},
        "license": LICENCE,
        "publicationPolicy": POLICY,
        kind: list(content),
    }


def record(releases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The record of one process: all its releases, and what they come to."""
    compiled: dict[str, Any] = {}
    for release in releases:
        compiled = merged(compiled, release)
    last = releases[-1]
    compiled |= {"tag": ["compiled"], "id": f"{last['ocid']}-compiled", "date": last["date"]}
    return {"ocid": last["ocid"], "releases": list(releases), "compiledRelease": compiled}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What both say, the newer winning: objects by field, lists of things with ids by id, other lists whole.

    >>> merged({"a": 1, "l": [{"id": "1", "x": 1}]}, {"l": [{"id": "1", "y": 2}, {"id": "2"}]})
    {'a': 1, 'l': [{'id': '1', 'x': 1, 'y': 2}, {'id': '2'}]}
    """
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = merged(before, value)
        elif _identified(value) and _identified(before):
            assert isinstance(before, list)
            by_id = {one["id"]: one for one in before}
            for one in value:
                by_id[one["id"]] = merged(by_id.get(one["id"], {}), one)
            result[name] = list(by_id.values())
        else:
            result[name] = value
    return result


def _identified(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "id" in one for one in value)


@dataclass(frozen=True, slots=True)
class Award:
    """One award of a release, or a tender without one (`award` empty): organisations and figures, no persons."""

    ocid: str
    release: str
    award: str
    released_at: datetime
    tag: str
    buyer: str
    supplier: str
    title: str
    cpv: str
    currency: str
    value_minor: int | None
    starts: date | None
    ends: date | None
    bids: int | None
    method: str
    tender_starts: datetime | None
    tender_ends: datetime | None


def awards(data: Any) -> Iterator[Award]:
    """Every award of a release package, a record package, or a single release; raises Unreadable."""
    if not isinstance(data, dict):
        raise Unreadable("the file is no OCDS package: it must be an object with releases or records")
    releases = _releases(data)
    if len(releases) > MOST_RELEASES:
        raise Unreadable(f"{len(releases)} releases in one file, at most {MOST_RELEASES}")
    for place, release in enumerate(releases):
        yield from _of_release(release, f"release {place + 1}")


def _releases(data: dict[str, Any]) -> list[Any]:
    if isinstance(data.get("releases"), list):
        return list(data["releases"])
    if isinstance(data.get("records"), list):
        return [r for one in data["records"] if isinstance(one, dict) for r in _of_record(one)]
    if "ocid" in data:
        return [data]
    raise Unreadable("the file has neither releases nor records")


def _of_record(found: dict[str, Any]) -> list[Any]:
    """A record's releases where it has them whole, else what they come to: links are not followed."""
    whole = [one for one in found.get("releases") or [] if not isinstance(one, dict) or "url" not in one]
    return whole or [found.get("compiledRelease")]


def _of_release(release: Any, where: str) -> Iterator[Award]:
    if not isinstance(release, dict):
        raise Unreadable(f"{where} is no object")
    for name in ("ocid", "id", "date", "tag"):
        if not release.get(name):
            raise Unreadable(f"{where}: {name} is missing")
    tender = _object(release, "tender", where)
    contracts = [one for one in release.get("contracts") or [] if isinstance(one, dict)]
    found = [one for one in release.get("awards") or [] if isinstance(one, dict)]
    for award in found or ([{}] if tender else []):
        contract = next((one for one in contracts if one.get("awardID") == award.get("id")), {})
        yield _award(release, tender, award, contract, where)


def _award(
    release: dict[str, Any], tender: dict[str, Any], award: dict[str, Any], contract: dict[str, Any], where: str
) -> Award:
    value = award.get("value") or contract.get("value") or ({} if award else tender.get("value")) or {}
    period = award.get("contractPeriod") or contract.get("period") or {}
    bidding = _object(tender, "tenderPeriod", where)
    items = award.get("items") or tender.get("items") or []
    classes = [_object(one, "classification", where) for one in items if isinstance(one, dict)]
    classes.append(_object(tender, "classification", where))
    return Award(
        ocid=str(release["ocid"]),
        release=str(release["id"]),
        award=str(award.get("id") or ""),
        released_at=_instant(release["date"], f"{where}: date"),
        tag=",".join(str(one) for one in release["tag"]),
        buyer=str(_object(release, "buyer", where).get("name") or ""),
        supplier=" / ".join(str(one.get("name") or "") for one in award.get("suppliers") or []),
        title=str(award.get("title") or tender.get("title") or "")[:500],
        cpv=next((str(one.get("id")) for one in classes if one.get("scheme") == "CPV"), ""),
        currency=str(value.get("currency") or ""),
        value_minor=_minor(value.get("amount"), f"{where}: value.amount"),
        starts=_day(period.get("startDate"), where),
        ends=_day(period.get("endDate"), where),
        bids=_bids(release, tender),
        method=str(tender.get("procurementMethod") or ""),
        tender_starts=_opened(release, bidding, where),
        tender_ends=_instant(bidding["endDate"], where) if bidding.get("endDate") else None,
    )


def _opened(release: dict[str, Any], bidding: dict[str, Any], where: str) -> datetime | None:
    """When bidding opened: as told, or as the tender was released, where a closing is told alone."""
    if bidding.get("startDate"):
        return _instant(bidding["startDate"], where)
    released = bidding.get("endDate") and "tender" in release["tag"]
    return _instant(release["date"], where) if released else None


def _object(of: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = of.get(name) or {}
    if not isinstance(found, dict):
        raise Unreadable(f"{where}: {name} is no object")
    return found


def _bids(release: dict[str, Any], tender: dict[str, Any]) -> int | None:
    told = tender.get("numberOfTenderers")
    if isinstance(told, int) and told >= 0:
        return told
    statistics = (release.get("bids") or {}).get("statistics") or []
    found = [one.get("value") for one in statistics if one.get("measure") in ("bids", "validBids")]
    return next((int(one) for one in found if isinstance(one, int | float)), None)


def _minor(amount: Any, where: str) -> int | None:
    if amount is None:
        return None
    try:
        found = Decimal(str(amount)) * 100
        if isinstance(amount, bool) or not 0 <= found < 10**15:
            raise InvalidOperation
        return int(found.to_integral_value())
    except InvalidOperation as failure:
        raise Unreadable(f"{where} is no amount of money") from failure


def _instant(text: Any, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as failure:
        raise Unreadable(f"{where} is no instant: {str(text)[:40]}") from failure
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _day(text: Any, where: str) -> date | None:
    return _instant(text, where).date() if text else None


def lacking(told: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    """Which of the fields (paths with dots) are empty; of a list each must have it.

    >>> lacking({"a": [{"b": 1}, {"b": ""}], "c": {"d": 0}}, ["a.b", "c.d", "c.e"])
    ['a.b', 'c.e']
    """
    return [one for one in fields if not _carried(told, one.split("."))]


def _carried(told: Any, path: Sequence[str]) -> bool:
    if isinstance(told, list):
        return bool(told) and all(_carried(one, path) for one in told)
    if not path:
        return told not in (None, "", {})
    return isinstance(told, Mapping) and path[0] in told and _carried(told[path[0]], path[1:])
