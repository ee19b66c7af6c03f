"""What a delivery looks like over HTTP, whether it is taken in at once or proposed to a second person."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stockpile import http
from stockpile.inventory.receiving import operations, rules
from stockpile.plaintext import Note, Text

Choice = Annotated[str, Field(pattern="^(refuse|set_aside)$")]
MilliCelsius = Annotated[int, Field(ge=-100_000, le=100_000)]


class TemperatureBody(http.Body):
    """What the transport's logger shows, in thousandths of a degree; no minutes: unknown, so too long."""

    lowest_milli: MilliCelsius
    highest_milli: MilliCelsius
    minutes_outside: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    logger: Note = ""


class ArrivalBody(http.Body):
    """All that came of one lot on a line of the order, in base units; `damaged` of it with the reason."""

    calloff_line: http.Number
    item: Text
    lot: Text
    expiry: http.Day
    quantity: http.Quantity
    damaged: http.QuantityOrNone = 0
    damage_reason: Note = ""
    temperature: TemperatureBody | None = None
    gtin: Note = ""


class WrongBody(http.Body):
    """Goods that nobody ordered, in base units, and what is wrong with them."""

    item: Text
    lot: Text
    expiry: http.Day
    quantity: http.Quantity
    reason: Text
    gtin: Note = ""


class ShortBody(http.Body):
    """A line of the order of which nothing more will come."""

    calloff_line: http.Number
    reason: Text


class GoodsInBody(http.Body):
    """One delivery. Lines not closed short stay open; `surplus` and `short_dated`: refuse, or set_aside."""

    site: Text
    delivery_note: Text
    arrivals: Annotated[list[ArrivalBody], Field(default_factory=list, max_length=500)]
    wrong: Annotated[list[WrongBody], Field(default_factory=list, max_length=500)]
    close_short: Annotated[list[ShortBody], Field(default_factory=list, max_length=500)]
    surplus: Choice = rules.REFUSE
    short_dated: Choice = rules.REFUSE
    over_capacity: Note = ""

    def given(self) -> dict[str, Any]:
        """The arguments of `operations.receive` but the key."""
        return {
            "site": self.site,
            "delivery_note": self.delivery_note,
            "arrivals": [_arrival(one) for one in self.arrivals],
            "wrong": [operations.Wrong(**one.model_dump()) for one in self.wrong],
            "short": [operations.Short(**one.model_dump()) for one in self.close_short],
            "over_capacity": self.over_capacity,
            "choices": operations.Choices(self.surplus, self.short_dated),
        }


def _arrival(one: ArrivalBody) -> operations.Arrival:
    shown = rules.Temperature(**one.temperature.model_dump()) if one.temperature else None
    return operations.Arrival(**one.model_dump(exclude={"temperature"}), temperature=shown)


def told(received: operations.Received) -> dict[str, Any]:
    """The answer: the delivery's number, its posting, every line, and what is still open on the order."""
    return {
        "goods_in": received.goods_in.id,
        "posting": received.goods_in.posting_id,
        "lines": [http.plain(line) for line in received.lines],
        "still_open": {str(number): quantity for number, quantity in received.still_open.items()},
    }
