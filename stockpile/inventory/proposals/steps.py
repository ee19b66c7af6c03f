"""Every step that may be proposed: what is asked, what is done with it, and whose confirmation counts."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.inventory import operations, recording, transfers
from stockpile.inventory import rules as stock
from stockpile.inventory.handover import operations as handover
from stockpile.inventory.handover.bodies import HandOverBody
from stockpile.inventory.ledger import Account
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.receiving import operations as receiving
from stockpile.inventory.receiving.bodies import GoodsInBody, told
from stockpile.plaintext import Note, Text

STAFF = ("second.confirm",)
Signed = Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]


class LineBody(http.Body):
    """Base units of a lot; where adjusted, less than nothing is what was lost."""

    lot_id: http.Number
    quantity: Signed
    owner: Text = stock.POOL
    status: Annotated[str, Field(pattern="^(available|quarantine)$")] = stock.AVAILABLE


class GoodsIn(GoodsInBody):
    """Take a delivery in against its order."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["goods_in"]

    def do(self, session: Session, act: Act, key: str) -> Any:
        """Take it in."""
        return told(receiving.receive(session, act, key=key, **self.given()))


class SendBack(http.Body):
    """Send what waits of a line of goods in back to the supplier."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["send_back"]
    line: http.Number
    reason: Text

    def do(self, session: Session, act: Act, _key: str) -> Any:
        """Send it back."""
        return receiving.send_back(session, act, number=self.line, reason=self.reason)


class Record(http.Body):
    """Record lines at one site: received, issued or adjusted, by the numbers of lots."""

    confirm: ClassVar[tuple[str, ...]] = (*STAFF, "count.approve")
    kind: Literal["receive", "issue", "adjust"]
    site: Text
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""

    def do(self, session: Session, act: Act, key: str) -> Any:
        """Record them as one posting."""
        lines = [recording.Line(one.lot_id, one.quantity, one.owner, one.status) for one in self.lines]
        one = recording.Record(act, self.kind, self.site, lines, key, self.reason)
        return {"posting": recording.record(session, one)}


class UseBody(http.Body):
    """Base units of an item that a member's patients used."""

    member: Text
    item: Text
    quantity: http.Quantity


class Use(http.Body):
    """Issue to use what members own at a point of use, first-expiring first."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["use"]
    site: Text
    uses: Annotated[list[UseBody], Field(min_length=1, max_length=1000)]
    reason: Note = ""

    def do(self, session: Session, act: Act, key: str) -> Any:
        """Issue all of it or nothing."""
        uses = [operations.Use(**one.model_dump()) for one in self.uses]
        issued = operations.issue(session, act, site=self.site, uses=uses, key=key, reason=self.reason)
        return {"issued": [{**http.plain(use), "issued": quantity} for use, quantity in issued]}


class Dispatch(http.Body):
    """Send approved transfers of one depot on their way."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["dispatch"]
    transfers: Annotated[list[http.Number], Field(min_length=1, max_length=500)]
    over_capacity: Note = ""

    def do(self, session: Session, act: Act, _key: str) -> Any:
        """Dispatch them."""
        return {"posting": transfers.dispatch(session, act, numbers=self.transfers, over_capacity=self.over_capacity)}


class CameBody(http.Body):
    """What came of one transfer line, in base units."""

    line: http.Number
    received: http.QuantityOrNone
    damaged: http.QuantityOrNone = 0
    over: http.QuantityOrNone = 0


class Arrive(http.Body):
    """Receive a transfer at its point of use; no `lines`: all of it, in good order."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["arrive"]
    transfer: http.Number
    lines: Annotated[list[CameBody], Field(min_length=1, max_length=1000)] | None = None

    def do(self, session: Session, act: Act, _key: str) -> Any:
        """Receive it."""
        arrived = None
        if self.lines is not None:
            arrived = {one.line: transfers.Arrived(one.received, one.damaged, one.over) for one in self.lines}
        return transfers.receive(session, act, number=self.transfer, arrived=arrived)


class HandOver(HandOverBody):
    """Receive a transfer against a signature, with everything that was not as sent."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["hand_over"]
    transfer: http.Number

    def do(self, session: Session, act: Act, _key: str) -> Any:
        """Receive it."""
        return handover.hand_over(session, act, number=self.transfer, **self.given())


class Return(http.Body):
    """Take a member's stock back to a depot, into quarantine."""

    confirm: ClassVar[tuple[str, ...]] = STAFF
    kind: Literal["return"]
    lot_id: http.Number
    site: Text
    owner: Text
    to_depot: Text
    quantity: http.Quantity
    reason: Text

    def do(self, session: Session, act: Act, key: str) -> Any:
        """Take it back."""
        given = {"to_depot": self.to_depot, "quantity": self.quantity, "key": key, "reason": self.reason}
        account = Account(self.lot_id, self.site, self.owner, stock.AVAILABLE)
        return {"posting": quality.take_back(session, act, account=account, **given)}  # type: ignore[arg-type]


class Floor(http.Body):
    """Set what of an item may not leave the pool from a day on, in base units."""

    confirm: ClassVar[tuple[str, ...]] = ("floor.set",)
    kind: Literal["floor"]
    item: Text
    effective_from: http.Day
    quantity: http.QuantityOrNone

    def do(self, session: Session, act: Act, _key: str) -> Any:
        """Set it."""
        given = {"effective_from": self.effective_from, "quantity": self.quantity}
        operations.set_floor(session, act, item=self.item, **given)  # type: ignore[arg-type]
        return {"item": self.item, **http.plain(given)}


Step = Annotated[
    GoodsIn | SendBack | Record | Use | Dispatch | Arrive | HandOver | Return | Floor, Field(discriminator="kind")
]
"""What may be proposed."""
