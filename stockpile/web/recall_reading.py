"""What the screen of recalls shows: batches that a scan or a word finds, where they are, and how far a recall is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlmodel import Session

from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.governance import queries as governance
from stockpile.governance.rules import members_of
from stockpile.governance.tables import Member, Region
from stockpile.inventory import queries as inventory
from stockpile.inventory.recalls import queries
from stockpile.inventory.recalls.queries import Progress
from stockpile.inventory.recalls.tables import Recall, RecallAnswer
from stockpile.inventory.scanning import queries as scanning
from stockpile.inventory.tables import Lot, Site

LIKE_A_CODE: Final = re.compile(r"[\](]|https?:|\d{8,}|.*\x1d")
MOST_BATCHES: Final = 30
STOPPED: Final = "stopped"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Base units of a batch on one account now; `whose`: a member's name, or nothing for the pool."""

    batch: str
    site: Site
    whose: str
    status: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """Base units of a batch on a transfer, by its state; STOPPED: reserved, and taken off it."""

    batch: str
    transfer: int
    site: Site
    member: str
    state: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Every shelf, reservation and shipment that batches reach."""

    shelves: list[Shelf]
    shipments: list[Shipment]

    @property
    def sites(self) -> int:
        """At how many sites something of it stands, or went to."""
        return len({one.site.code for one in self.shelves} | {one.site.code for one in self.shipments})


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that may be recalled, and where it is."""

    lot_id: int
    item: Item
    code: str
    expiry: date
    recalled: bool
    reach: Reach


@dataclass(frozen=True, slots=True)
class Case:
    """One recall: its batches, how far it has come, what members answered, and what it reaches."""

    recall: Recall
    item: Item
    batches: list[str]
    progress: Progress
    answers: list[RecallAnswer]
    reach: Reach

    @property
    def number(self) -> int:
        """The recall's number."""
        assert self.recall.id is not None, "a recall that was read has its number"
        return self.recall.id


@dataclass(frozen=True, slots=True)
class Desk:
    """All recalls, the newest first; `speaks`: the members for which this account may answer, by code."""

    region: Region
    now: datetime
    members: dict[str, Member]
    speaks: dict[str, str]
    cases: list[Case]


def desk(session: Session, act: Act) -> Desk:
    """The recalls as everybody of the region may see them."""
    members = governance.members(session)
    only = members_of(act.actor)
    speaks = {code: one.name for code, one in members.items() if only is None or code in only}
    cases = [case(session, one.id or 0, at=act.at) for one in queries.recalls(session)]
    return Desk(governance.region(session), act.at, members, speaks, cases)


def case(session: Session, number: int, *, at: datetime) -> Case:
    """One recall as it stands at that instant."""
    found = queries.recall(session, number)
    lots = {one.lot_id: inventory.lot(session, one.lot_id).code for one in queries.lots_of(session, number)}
    return Case(
        recall=found,
        item=catalogue.item(session, found.item_code),
        batches=sorted(lots.values()),
        progress=queries.progress(session, number, at=at),
        answers=queries.answers(session, number),
        reach=reach(session, lots),
    )


def sought(session: Session, act: Act, typed: str) -> list[Batch]:
    """The batches that a scanned label names, or that have this code, or whose item's code or name has these words."""
    items = catalogue.items(session)
    if LIKE_A_CODE.match(typed):
        known = scanning.prefill(session, act, text=typed).lot_id
        found = [inventory.lot(session, known)] if known is not None else []
    else:
        found = inventory.lots(session, batch=typed)
        words = typed.lower().split()
        named = [one.code for one in items.values() if all(word in f"{one.code} {one.name}".lower() for word in words)]
        for code in named[:MOST_BATCHES]:
            found += inventory.lots(session, item=code, limit=MOST_BATCHES)
    return [_batch(session, one, items) for one in found[:MOST_BATCHES]]


def _batch(session: Session, lot: Lot, items: Mapping[str, Item]) -> Batch:
    number = lot.id or 0
    return Batch(number, items[lot.item_code], lot.code, lot.expiry, lot.recalled, reach(session, {number: lot.code}))


def reach(session: Session, lots: Mapping[int, str]) -> Reach:
    """Where these lots (number and batch code) are, are reserved for, and went."""
    sites, members = inventory.sites(session), governance.members(session)
    shelves = [
        Shelf(code, sites[one.site], members[one.owner].name if one.owner in members else "", one.status, one.quantity)
        for number, code in lots.items()
        for one in queries.holdings(session, number)
    ]
    return Reach(shelves, list(_shipments(session, lots, sites, members)))


def _shipments(
    session: Session, lots: Mapping[int, str], sites: Mapping[str, Site], members: Mapping[str, Member]
) -> Iterable[Shipment]:
    for number, code in lots.items():
        for one in queries.trace(session, number).deliveries:
            name = members[one.member].name
            yield Shipment(code, one.transfer, sites[one.destination], name, one.state, one.quantity)
        for one in queries.stopped(session, number):
            name = members[one.member].name
            yield Shipment(code, one.transfer, sites[one.destination], name, STOPPED, one.quantity)
