"""What a hand-over looks like over HTTP, whether it is done at once or proposed to a second person."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stockpile import http
from stockpile.inventory.handover import operations
from stockpile.inventory.receiving.bodies import TemperatureBody, WrongBody
from stockpile.inventory.receiving.rules import Temperature
from stockpile.inventory.transfers import Arrived
from stockpile.plaintext import Note, Text


class CameBody(http.Body):
    """What came of one transfer line, in base units, and what is to be said about it."""

    line: http.Number
    received: http.QuantityOrNone
    damaged: http.QuantityOrNone = 0
    over: http.QuantityOrNone = 0
    note: Note = ""


class HandOverBody(http.Body):
    """A transfer signed for: by which role or account, and the reference or hash of the evidence.

    No `lines`: all of it came in good order. `wrong`: lots that were not on the transfer.
    """

    signed_by: Text
    signed_at: http.Instant | None = None
    evidence: Note = ""
    temperature: TemperatureBody | None = None
    lines: Annotated[list[CameBody], Field(min_length=1, max_length=1000)] | None = None
    wrong: Annotated[list[WrongBody], Field(default_factory=list, max_length=100)]

    def given(self) -> dict[str, Any]:
        """The arguments of `operations.hand_over` but the transfer's number."""
        shown = Temperature(**self.temperature.model_dump()) if self.temperature else None
        lines = self.lines
        return {
            "signature": operations.Signature(self.signed_by, self.signed_at, self.evidence, shown),
            "arrived": {x.line: Arrived(x.received, x.damaged, x.over) for x in lines} if lines is not None else None,
            "notes": {x.line: x.note for x in lines or ()},
            "wrong": [operations.WrongLot(x.item, x.lot, x.expiry, x.quantity, x.reason, x.gtin) for x in self.wrong],
        }
