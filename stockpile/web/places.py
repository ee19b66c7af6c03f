"""The screens that there are, whom each is for, and where a sign-in begins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stockpile.governance.rules import AUDITOR, BUYER, COMMITTEE, LOGISTICS, RIGHTS, SUPPLIER
from stockpile.web.speech import N_

CRISIS_ROOM, STOREROOM, COMMITTEE_ROOM, AUDIT, PUBLIC = "/", "/storeroom", "/committee", "/audit", "/public"
BUYING, SUPPLIER_DESK = "/buying", "/supplier"
FIRST_RUN, DEVICE, FINDINGS, RECALLS = "/first-run", "/device", "/findings", "/recalls"


@dataclass(frozen=True, slots=True)
class Place:
    """A screen: its address, its name, and the right without which it has nothing to show (empty: for everybody)."""

    path: str
    name: str
    right: str


PLACES: Final = (
    Place(CRISIS_ROOM, N_("Crisis room"), "read"),
    Place(STOREROOM, N_("Storeroom"), "scan.run"),
    Place(RECALLS, N_("Recalls"), "read"),
    Place(BUYING, N_("Buying"), "reorder.run"),
    Place(COMMITTEE_ROOM, N_("Committee"), "read"),
    Place(AUDIT, N_("Audit"), "verify"),
    Place(FINDINGS, N_("Findings"), "finding.answer"),
    Place(FIRST_RUN, N_("Set-up"), "region.import"),
    Place(PUBLIC, N_("Public pages"), ""),
)
FIRST: Final = {
    LOGISTICS: STOREROOM,
    BUYER: BUYING,
    COMMITTEE: COMMITTEE_ROOM,
    AUDITOR: AUDIT,
    SUPPLIER: SUPPLIER_DESK,
}
"""Where the work of a role begins; of all others it begins in the crisis room."""
_LED_TO: Final = re.compile(
    r"/|/storeroom|/buying|/supplier|/first-run|/device|/findings|/recalls|/committee(/\d{1,18})?|/audit(/(plans|decisions)/\d{1,18})?"
)


def open_to(roles: Iterable[str]) -> list[Place]:
    """The places that whoever holds these roles may open.

    >>> [place.path for place in open_to(["auditor"])]
    ['/', '/recalls', '/committee', '/audit', '/public']
    """
    held = set(roles)
    return [place for place in PLACES if not place.right or held & RIGHTS[place.right]]


def first_of(roles: Iterable[str]) -> str:
    """Where a sign-in with these roles leads.

    >>> first_of(["committee"]), first_of(["committee", "coordinator"])
    ('/committee', '/')
    """
    held = set(roles)
    return FIRST.get(held.pop(), CRISIS_ROOM) if len(held) == 1 else CRISIS_ROOM


def led_to(following: str) -> str:
    """The address that a sign-in may lead to, or nothing where that is none of ours.

    >>> led_to("/committee/7"), led_to("https://elsewhere.example/")
    ('/committee/7', '')
    """
    return following if _LED_TO.fullmatch(following) else ""
