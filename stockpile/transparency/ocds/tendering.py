"""Tenders in the words of OCDS 1.1.5: planning, tender, award, cancellation. Nothing is told before publication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from stockpile.catalogue import queries as catalogue
from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.procurement import rules as steps
from stockpile.contracts.procurement.tables import Tender, TenderBid
from stockpile.governance import queries as governance
from stockpile.transparency.ocds import queries, rules

Release = dict[str, Any]


def tender_ocid(code: str) -> str:
    """The ocid of a tender."""
    return f"{rules.PREFIX}-tender-{code}"


def parent_of(session: Session, contract: str) -> list[dict[str, Any]]:
    """The link from a contract to the tender that it came of; none where it came of none."""
    found = [
        {
            "id": "tender",
            "relationship": ["parent"],
            "title": one.title,
            "scheme": "ocid",
            "identifier": tender_ocid(one.code),
        }
        for one in tenders.tenders(session)
        if any(row.contract_code == contract for row in tenders.signed(session, one.id or 0))
    ]
    return found


def processes(session: Session) -> dict[str, list[Release]]:
    """The releases of every published tender, by ocid, in the order of time."""
    found = sorted(tenders.tenders(session), key=lambda one: one.id or 0)
    return {tender_ocid(one.code): _Telling(session, one).releases() for one in found if one.published_at is not None}


class _Telling:
    """What all releases of one tender are made of."""

    def __init__(self, session: Session, found: Tender) -> None:
        self.session, self.found, self.number = session, found, found.id or 0
        self.region, self.suppliers = governance.region(session), queries.suppliers(session)
        self.lots = tenders.lots(session, self.number)
        self.told: list[Release] = []

    def releases(self) -> list[Release]:
        """Planning and tender; award, its confirmation or its end where they have come."""
        found = self.found
        assert found.published_at is not None
        value = rules.money(sum(lot.maximum_minor for lot in self.lots), found.currency)
        planned = self._release("planning", found.planned_at)
        planned["planning"] = {
            "rationale": found.need,
            "budget": {"description": "maxima of the lots", "amount": value},
        }
        planned["tender"] = {**self._tender("planned"), "value": value}
        published = self._release("tender", found.published_at)
        published["tender"] = {**self._tender("active"), "value": value, "items": self._items(), **self._rubric()}
        if found.standstill_until is not None and found.evaluated_at is not None:
            self._award("award", found.evaluated_at, "pending")
        if found.awarded_at is not None:
            self._award("awardUpdate", found.awarded_at, "active")
        if found.state == steps.UNSUCCESSFUL and found.evaluated_at is not None:
            self._release("tenderUpdate", found.evaluated_at)["tender"] = self._tender("unsuccessful")
        return self.told

    def _release(self, tag: str, at: Any) -> Release:
        ocid = tender_ocid(self.found.code)
        buyer = {"id": f"region:{self.region.name}", "name": self.region.title}
        release: Release = {
            "ocid": ocid,
            "id": f"{ocid}-{len(self.told) + 1}",
            "date": at.isoformat(),
            "tag": [tag],
            "initiationType": "tender",
            "language": "en",
            "parties": [{**buyer, "roles": ["procuringEntity", "buyer"]}],
        }
        self.told.append(release)
        return release

    def _tender(self, status: str) -> dict[str, Any]:
        found = self.found
        told: dict[str, Any] = {
            "id": f"{found.code}-tender",
            "title": found.title,
            "status": status,
            "procurementMethod": "open",
            "procuringEntity": {"id": f"region:{self.region.name}", "name": self.region.title},
            "contractPeriod": {
                "startDate": f"{found.starts}T00:00:00+00:00",
                "endDate": f"{found.ends}T00:00:00+00:00",
            },
        }
        if found.published_at and found.closes and status != "planned":
            period = {"startDate": found.published_at.isoformat(), "endDate": found.closes.isoformat()}
            told["tenderPeriod"] = period
        return told

    def _items(self) -> list[dict[str, Any]]:
        items = catalogue.items(self.session)
        return [
            {
                "id": f"{row.lot}-{row.item_code}",
                "description": f"lot {row.lot}: {items[row.item_code].name}",
                "quantity": row.packs,
                "unit": {"name": f"pack of {items[row.item_code].pack_size} {items[row.item_code].base_unit}"},
            }
            for row in tenders.lot_items(self.session, self.number)
        ]

    def _rubric(self) -> dict[str, str]:
        rubric = tenders.rubric(self.session, self.number)
        weights = "; ".join(f"{one.title} ({one.kind}): {one.weight} of 100" for one in rubric)
        return {"awardCriteria": "ratedCriteria", "awardCriteriaDetails": weights}

    def _award(self, tag: str, at: Any, status: str) -> None:
        """The award of every lot, with who bid; `pending` while the standstill runs."""
        bids = tenders.bids(self.session, self.number)
        release = self._release(tag, at)
        bidders = sorted({bid.supplier_code for bid in bids if bid.state != steps.WITHDRAWN})
        release["parties"] += [
            {"id": f"supplier:{code}", "name": self.suppliers[code].name, "roles": ["tenderer"]} for code in bidders
        ]
        who = [{"id": f"supplier:{code}", "name": self.suppliers[code].name} for code in bidders]
        release["tender"] = {**self._tender("complete"), "numberOfTenderers": len(bidders), "tenderers": who}
        release["awards"] = [self._won(row, bids, at, status) for row in self._firsts()]

    def _firsts(self) -> Sequence[Any]:
        return [row for row in tenders.results(self.session, self.number) if row.rank == 1]

    def _won(self, row: Any, bids: Sequence[TenderBid], at: Any, status: str) -> dict[str, Any]:
        supplier = next(bid.supplier_code for bid in bids if bid.id == row.bid_id)
        lot = next(one for one in self.lots if one.lot == row.lot)
        points = f"{row.points_milli / 1000:.3f} of 100 points ({row.points} exactly)"
        return {
            "id": f"{self.found.code}-{row.lot}",
            "title": f"lot {row.lot}: {lot.title}",
            "description": f"bid {row.bid_id} with {points}; standstill up to {self.found.standstill_until}",
            "status": status,
            "date": at.isoformat(),
            "value": rules.money(lot.maximum_minor, self.found.currency),
            "suppliers": [{"id": f"supplier:{supplier}", "name": self.suppliers[supplier].name}],
        }
