"""Taking in others' releases as contract history."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import insert_once
from stockpile.errors import Invalid
from stockpile.governance.rules import require
from stockpile.transparency.ocds import rules
from stockpile.transparency.ocds.tables import ContractHistory


class BadPackage(Invalid):
    """The file is no OCDS package that can be taken in."""

    code = "bad_ocds"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of an import: awards and tenders added, and those that were there before."""

    added: int
    known: int


def import_releases(session: Session, act: Act, *, content: bytes, source: str) -> TakenIn:
    """Take in a release or record package, whole or not at all; what is there already is left as it is.

    Contact persons are not read. Refuses what is no OCDS, naming the release and the field.
    """
    require(act.actor, "history.import")
    try:
        found = list(rules.awards(json.loads(content)))
    except rules.Unreadable as failure:
        raise BadPackage(str(failure), field="file") from failure
    except (ValueError, RecursionError) as failure:
        raise BadPackage(f"the file is no JSON in UTF-8: {failure}", field="file") from failure
    added = 0
    for one in found:
        row = {
            "ocid": one.ocid,
            "release_id": one.release,
            "award_id": one.award,
            "released_at": one.released_at,
            "tag": one.tag,
            "buyer": one.buyer,
            "supplier": one.supplier,
            "title": one.title,
            "cpv": one.cpv,
            "currency": one.currency,
            "value_minor": one.value_minor,
            "starts": one.starts,
            "ends": one.ends,
            "bids": one.bids,
            "method": one.method,
            "tender_starts": one.tender_starts,
            "tender_ends": one.tender_ends,
            "source": source,
            "imported_at": act.at,
        }
        added += insert_once(session, ContractHistory, row) is not None
    payload = {"source": source, "sha256": hashlib.sha256(content).hexdigest(), "added": added}
    journal.record(session, act, action="history.import", subject="history", payload=payload)
    return TakenIn(added, len(found) - added)
