"""What the storeroom is asked over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stockpile import http
from stockpile.inventory import operations, restricting, rules
from stockpile.plaintext import Note, Text


class ConditionBody(http.Body):
    """What a lot is restricted to: a country, a member, or those admitted to a donor's or contract's goods."""

    kind: Annotated[str, Field(pattern="^(country|member|donor|contract)$")]
    value: Text


class ReceiptLineBody(http.Body):
    """One lot at the dock, in base units. `damaged` of them go to quarantine.

    `owner`: the pool, or the member whose own stock it is. `restrictions`: the conditions under which it came.
    `gtin`: that of the pack at hand, where it is not the item's usual one; batch codes are its maker's.
    """

    item: Text
    lot: Text
    expiry: http.Day
    quantity: http.Quantity
    damaged: http.QuantityOrNone = 0
    calloff_line: http.Number | None = None
    owner: Text = rules.POOL
    restrictions: Annotated[tuple[ConditionBody, ...], Field(max_length=100, strict=False)] = ()
    serials: http.Serials = ()
    damaged_serials: http.Serials = ()
    gtin: Note = ""

    def line(self) -> operations.ReceiptLine:
        """What the operation wants to know of it."""
        conditions = tuple(restricting.Condition(one.kind, one.value) for one in self.restrictions)
        return operations.ReceiptLine(**{**self.model_dump(), "restrictions": conditions})


class ReceiptBody(http.Body):
    """Goods received at a depot."""

    site: Text
    lines: Annotated[list[ReceiptLineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""
    over_capacity: Note = ""
    effective_at: http.Instant | None = None


class UseBody(http.Body):
    """Base units of an item that a member's patients used."""

    member: Text
    item: Text
    quantity: http.Quantity
    serials: http.Serials = ()


class IssueBody(http.Body):
    """What was used at a point of use."""

    site: Text
    uses: Annotated[list[UseBody], Field(min_length=1, max_length=1000)]
    allow_partial: bool = False
    reason: Note = ""
    effective_at: http.Instant | None = None


class AdjustmentBody(http.Body):
    """A correction of one balance by `change` base units, with its reason."""

    lot_id: http.Number
    site: Text
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    change: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    reason: Text
    serials: http.Serials = ()
    effective_at: http.Instant | None = None


class LineBody(http.Body):
    """Base units of a lot; only where adjusted, less than nothing is what was lost. `owner`: pool, or a member."""

    lot_id: http.Number
    quantity: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = rules.AVAILABLE
    serials: http.Serials = ()


class RecordBody(http.Body):
    """Lines recorded at one site as one posting: received, issued to use, adjusted, or set aside in quarantine."""

    kind: Annotated[str, Field(pattern="^(receive|issue|adjust|set_aside)$")]
    site: Text
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""
    effective_at: http.Instant | None = None


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class FloorBody(http.Body):
    """What of an item may not leave the pool from a day on, in base units."""

    effective_from: http.Day
    quantity: http.QuantityOrNone


class DispatchBody(http.Body):
    """Transfers that leave together."""

    transfers: Annotated[list[http.Number], Field(min_length=1, max_length=500)]
    over_capacity: Note = ""
    effective_at: http.Instant | None = None


class ArrivedBody(http.Body):
    """What came of one transfer line, in base units."""

    line: http.Number
    received: http.QuantityOrNone
    damaged: http.QuantityOrNone = 0
    over: http.QuantityOrNone = 0
    serials: http.Serials = ()
    damaged_serials: http.Serials = ()
    over_serials: http.Serials = ()


class DeliveryBody(http.Body):
    """What came of a transfer; no `lines`: all of it, in good order."""

    lines: Annotated[list[ArrivedBody], Field(min_length=1, max_length=1000)] | None = None
    effective_at: http.Instant | None = None


class FoundBody(http.Body):
    """What was found of one transfer line, in base units."""

    line: http.Number
    found: http.QuantityOrNone
    serials: http.Serials = ()


class SettlementBody(http.Body):
    """How a discrepancy ends: what was found; the rest is lost."""

    lines: Annotated[tuple[FoundBody, ...], Field(max_length=1000, strict=False)] = ()
    reason: Text
