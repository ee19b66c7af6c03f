"""What a scan warns of and what may be done next, without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from stockpile.inventory import rules as stock
from stockpile.inventory.eligibility import lasts

RECEIVE: Final = "receive"
RECEIVE_TRANSFER: Final = "receive_transfer"
DISPATCH: Final = "dispatch"
ISSUE: Final = "issue"
COUNT: Final = "count"
HOLD: Final = "hold"

NEEDED_RIGHTS: Final[dict[str, str]] = {
    RECEIVE: "stock.receive",
    RECEIVE_TRANSFER: "transfer.receive",
    DISPATCH: "transfer.dispatch",
    ISSUE: "stock.issue",
    COUNT: "stock.count",
    HOLD: "stock.hold",
}
"""What can be done with what was scanned, in the order in which it is offered, and the right it needs."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to see before going on: a code for machines, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the lot and the place. `shelves`: (owner, status) that hold some of the lot there."""

    site_kind: str | None
    lot_known: bool
    on_hold: bool
    expired: bool
    shelves: frozenset[tuple[str, str]]
    leaving: bool
    arriving: bool


def next_steps(found: Situation, may: Callable[[str], bool]) -> tuple[str, ...]:
    """What can be done next; `may` says whether the actor holds a right there."""
    fit = not found.expired and not found.on_hold
    owned = any(owner != stock.POOL and status == stock.AVAILABLE for owner, status in found.shelves)
    possible = {
        RECEIVE: found.site_kind == stock.DEPOT and not found.expired,
        RECEIVE_TRANSFER: found.arriving,
        DISPATCH: found.leaving and fit,
        ISSUE: found.site_kind == stock.POINT_OF_USE and owned and fit,
        COUNT: bool(found.shelves),
        HOLD: found.lot_known and not found.on_hold,
    }
    return tuple(step for step, right in NEEDED_RIGHTS.items() if possible[step] and may(right))


def order_warnings(quantity: int, base_unit: str, *, site_kind: str | None, opened: Sequence[int]) -> Iterator[Warned]:
    """Warnings about orders; `opened`: base units open on each line; only depots receive what is ordered."""
    if site_kind is None:
        yield Warned("no_site", "say at which site this is: nothing can be booked without one")
    if site_kind == stock.DEPOT and not opened:
        yield Warned("not_ordered", "nothing of this item is on order for delivery here")
    if site_kind == stock.DEPOT and opened and quantity > max(opened):
        yield Warned("over_order", f"{quantity} {base_unit} are more than the {max(opened)} open on an order line")
    if len(opened) > 1:
        yield Warned("several_orders", f"{len(opened)} order lines are open for this item: check which one this is")


def lot_warnings(*, lot: str | None, expiry: date | None, today: date, held_for: str | None) -> Iterator[Warned]:
    """Warnings about the batch; `held_for` is the reason of its hold, None without a hold."""
    if lot is None:
        yield Warned("no_lot", "the scan names no batch: type it in")
    if expiry is None:
        yield Warned("no_expiry", "neither the scan nor the records name an expiry: type it in")
    elif not lasts(expiry, on=today):
        yield Warned("expired", f"the lot {lot or ''} expired on {expiry}: it is not taken into stock")
    if held_for is not None:
        yield Warned("on_hold", f"the lot {lot} is on hold: {held_for}")


def serial_warnings(serialised: bool, serial: str | None, at: str | None) -> Iterator[Warned]:
    """Warnings about a piece of equipment; `at`: where the books have the serial, None where nowhere."""
    if serialised and serial is None:
        yield Warned("no_serial", "this item is moved by serials and the scan names none: type it in")
    elif serialised and at is None:
        yield Warned("new_serial", f"serial {serial} is not in the books yet")
    elif at is not None:
        yield Warned("known_serial", f"serial {serial} is in the books {at}")
