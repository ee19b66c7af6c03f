"""A problem of the neutral format `stockpile-allocation/1`, read strictly and frozen.

Quantities are in issue units and may be fractional, volumes in litres, days
whole numbers counted from day 0 (today).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from optimizer.reference.fields import LARGEST, FormatError, Row, keyed, load

FORMAT = "stockpile-allocation/1"

Whole = Literal["", "packs", "units"]
"""What a line's quantity must be a multiple of: nothing, the item's pack, or one issue unit."""

_KINDS = ("medicine", "spare-part")


@dataclass(frozen=True, slots=True)
class Item:
    """`unit_volume` in litres per issue unit, `pack` in issue units, `criticality` above zero."""

    unit_volume: float
    pack: float
    criticality: float


@dataclass(frozen=True, slots=True)
class Lot:
    """Issue units of an item at a depot; `expiry_day` is None where it does not expire."""

    depot: str
    item: str
    quantity: float
    expiry_day: int | None


@dataclass(frozen=True, slots=True)
class Lane:
    """The only way from a depot to a municipality: days under way, cost per litre, capacity in litres."""

    days: int
    cost_per_litre: float
    capacity: float


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. Keys: depots (litres each can dispatch), municipalities (weight), items and lots by id,
    lanes by (depot, municipality), demands (issue units) by (municipality, item); all in the file's order.

    `sha256` is the hash of the bytes that were read, in hexadecimal.
    """

    name: str
    sha256: str
    min_shelf_life_days: int
    depots: dict[str, float]
    municipalities: dict[str, float]
    items: dict[str, Item]
    lots: dict[str, Lot]
    lanes: dict[tuple[str, str], Lane]
    demands: dict[tuple[str, str], float]

    def eligible(self, lot: Lot, lane: Lane) -> bool:
        """Whether a lot keeps long enough to be given over a lane."""
        return lot.expiry_day is None or lot.expiry_day >= lane.days + self.min_shelf_life_days

    def in_units(self) -> Problem:
        """The same problem with packs of one issue unit."""
        return replace(self, items={name: replace(item, pack=1.0) for name, item in self.items.items()})

    def in_packs(self) -> Problem:
        """What whole packs can use of it: lots and demands rounded down to packs (service still counts all demand)."""
        lots = {
            name: replace(lot, quantity=whole(lot.quantity, self.items[lot.item].pack))
            for name, lot in self.lots.items()
        }
        demands = {pair: whole(quantity, self.items[pair[1]].pack) for pair, quantity in self.demands.items()}
        return replace(self, lots=lots, demands=demands)

    def needs(self) -> dict[str, float]:
        """Criticality-weighted demand of each municipality that needs something."""
        needs: dict[str, float] = {}
        for (municipality, item), quantity in self.demands.items():
            if quantity > 0:
                needs[municipality] = needs.get(municipality, 0.0) + self.items[item].criticality * quantity
        return needs


def whole(quantity: float, pack: float) -> float:
    """The largest multiple of the pack in a quantity (a quantity that lacks rounding error alone counts as whole)."""
    return math.floor(quantity / pack * (1 + 1e-12) + 1e-9) * pack


def problem_from_json(text: bytes | str) -> Problem:
    """Read one problem; raises FormatError, naming the field and the row, where it is malformed or contradictory."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    top = load(text, "problem")
    if top.data.get("format") != FORMAT:
        top.only(("format",), tuple(top.data))
        raise top.refuse("format", f"must be {FORMAT}, not {top.data['format']!r:.60}")
    lists = ("depots", "municipalities", "items", "lots", "lanes", "demands")
    top.only(("format", "name", "min_shelf_life_days", *lists), ("seed", "generator"))
    depots = {key: _depot(row) for key, row in keyed(top.rows("depots"), _id, "id")}
    municipalities = {key: _weight(row) for key, row in keyed(top.rows("municipalities"), _id, "id")}
    items = {key: _item(row) for key, row in keyed(top.rows("items"), _id, "id")}
    problem = Problem(
        name=top.text("name"),
        sha256=hashlib.sha256(raw).hexdigest(),
        min_shelf_life_days=top.whole("min_shelf_life_days"),
        depots=depots,
        municipalities=municipalities,
        items=items,
        lots={key: _lot(row, depots, items) for key, row in keyed(top.rows("lots"), _id, "id")},
        lanes=_lanes(top, depots, municipalities),
        demands=_demands(top, municipalities, items),
    )
    if not problem.needs():
        raise FormatError("demands: nobody asks for anything, so there is nothing to allocate")
    return problem


def _id(row: Row) -> str:
    if "id" not in row.data:
        raise row.refuse("id", "is missing")
    return row.text("id")


def _place(row: Row) -> None:
    for axis in ("x", "y"):
        row.number(axis, least=-LARGEST)


def _depot(row: Row) -> float:
    row.only(("id", "x", "y", "dispatch_capacity"))
    _place(row)
    return row.number("dispatch_capacity")


def _weight(row: Row) -> float:
    row.only(("id", "country", "x", "y", "population", "weight"))
    row.text("country")
    _place(row)
    row.number("population")
    return row.positive("weight")


def _item(row: Row) -> Item:
    row.only(("id", "kind", "unit_volume", "pack", "criticality"))
    row.one_of("kind", _KINDS)
    return Item(row.positive("unit_volume"), row.positive("pack"), row.positive("criticality"))


def _lot(row: Row, depots: dict[str, Any], items: dict[str, Any]) -> Lot:
    row.only(("id", "depot", "item", "quantity", "expiry_day"))
    expires = row.data["expiry_day"] is not None
    return Lot(
        depot=row.known("depot", depots, "depot"),
        item=row.known("item", items, "item"),
        quantity=row.number("quantity"),
        expiry_day=row.whole("expiry_day", least=-LARGEST) if expires else None,
    )


def _lanes(top: Row, depots: dict[str, Any], municipalities: dict[str, Any]) -> dict[tuple[str, str], Lane]:
    def ends(row: Row) -> tuple[str, str]:
        row.only(("depot", "municipality", "days", "cost_per_litre", "capacity"))
        return row.known("depot", depots, "depot"), row.known("municipality", municipalities, "municipality")

    return {
        key: Lane(row.whole("days"), row.number("cost_per_litre"), row.number("capacity"))
        for key, row in keyed(top.rows("lanes"), ends, "municipality")
    }


def _demands(top: Row, municipalities: dict[str, Any], items: dict[str, Any]) -> dict[tuple[str, str], float]:
    def pair(row: Row) -> tuple[str, str]:
        row.only(("municipality", "item", "quantity"))
        return row.known("municipality", municipalities, "municipality"), row.known("item", items, "item")

    return {key: row.number("quantity") for key, row in keyed(top.rows("demands"), pair, "item")}
