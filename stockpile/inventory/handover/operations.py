"""A transfer handed over against a signature: good stock to the member, the rest set apart and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.rules import RANGES
from stockpile.errors import Invalid
from stockpile.inventory import ledger, opening, operations, queries, room, transfers
from stockpile.inventory import rules as stock
from stockpile.inventory.handover import rules
from stockpile.inventory.handover.tables import Discrepancy, ProofOfDelivery
from stockpile.inventory.receiving.rules import Temperature, excursion
from stockpile.inventory.tables import Transfer, TransferLine
from stockpile.inventory.transfers import Arrived


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed (a role, or an account's name), when, and the reference or hash of the evidence."""

    signed_by: str
    signed_at: datetime | None
    evidence: str
    temperature: Temperature | None = None


@dataclass(frozen=True, slots=True)
class WrongLot:
    """A lot that came and was not on the transfer, in base units, and what is known about it."""

    item: str
    lot: str
    expiry: date
    quantity: int
    note: str
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A transfer after its hand-over, with the proof and everything that was not as sent."""

    transfer: Transfer
    proof: ProofOfDelivery
    discrepancies: list[Discrepancy]


def hand_over(
    session: Session,
    act: Act,
    *,
    number: int,
    signature: Signature,
    arrived: Mapping[int, Arrived] | None = None,
    notes: Mapping[int, str] | None = None,
    wrong: Sequence[WrongLot] = (),
) -> HandedOver:
    """Receive a transfer at its point of use against a signature; what differs from what was sent is named.

    Goods that were outside their range for too long on the way are set apart
    whole. A lot that was not on the transfer is set apart as the pool's; the
    one it came in place of stays missing. Refuses a signature from before the
    dispatch or from the future.
    """
    transfer = queries.transfer(session, number)
    lines = queries.transfer_lines(session, [number])
    came = dict(arrived) if arrived is not None else {x.id or 0: Arrived(x.quantity - x.cancelled) for x in lines}
    warm = _warm(session, lines, signature.temperature)
    came = {line: replace(one, apart=True) if line in warm else one for line, one in came.items()}
    transfers.receive(session, act, number=number, arrived=came)
    proof = _proof(act, transfer, signature)
    found = [
        one for line in lines for one in _differences(line, came[line.id or 0], (notes or {}).get(line.id or 0, ""))
    ]
    found += _set_wrong_apart(session, act, transfer, wrong)
    session.add_all([proof, *found])
    session.flush()
    payload = {
        "signed_by": proof.signed_by,
        "signed_at": proof.signed_at.isoformat(),
        "evidence": proof.evidence,
        "discrepancies": [[one.kind, one.lot_id, one.quantity] for one in found],
    }
    journal.record(session, act, action="transfer.hand_over", subject=f"transfer:{number}", payload=payload)
    return HandedOver(transfer, proof, found)


def _proof(act: Act, transfer: Transfer, signature: Signature) -> ProofOfDelivery:
    signed_at = signature.signed_at or act.at
    if not signature.signed_by.strip():
        raise Invalid("a delivery needs the role or account that signed for it", field="signed_by")
    if signed_at > act.at or (transfer.dispatched_at is not None and signed_at < transfer.dispatched_at):
        raise Invalid(
            f"signed at {signed_at.isoformat()}; it left at {transfer.dispatched_at}, now is {act.at.isoformat()}",
            field="signed_at",
        )
    shown = signature.temperature
    return ProofOfDelivery(
        transfer_id=transfer.id or 0,
        signed_by=signature.signed_by,
        signed_at=signed_at,
        evidence=signature.evidence,
        lowest_milli=shown.lowest_milli if shown else None,
        highest_milli=shown.highest_milli if shown else None,
        minutes_outside=shown.minutes_outside if shown else None,
        logger=shown.logger if shown else "",
        recorded_by=act.actor.id,
        recorded_at=act.at,
    )


def _warm(session: Session, lines: Sequence[TransferLine], shown: Temperature | None) -> set[int]:
    """The lines whose goods were outside their range for too long."""
    if shown is None:
        return set()
    if shown.lowest_milli > shown.highest_milli:
        raise Invalid("the lowest temperature lies above the highest", field="temperature")
    items = {x.id or 0: catalogue.item(session, queries.lot(session, x.lot_id).item_code) for x in lines}
    return {number for number, item in items.items() if excursion(shown, RANGES[room.kept_in(item)])}


def _differences(line: TransferLine, came: Arrived, note: str) -> list[Discrepancy]:
    short = line.quantity - line.cancelled - came.received - came.damaged
    kinds = (
        (rules.SHORT, short),
        (rules.DAMAGED, came.damaged),
        (rules.OVER, came.over),
        (rules.EXCURSION, came.received if came.apart else 0),
    )
    return [
        Discrepancy(
            transfer_id=line.transfer_id, line_id=line.id, kind=kind, lot_id=line.lot_id, quantity=quantity, note=note
        )
        for kind, quantity in kinds
        if quantity
    ]


def _set_wrong_apart(session: Session, act: Act, transfer: Transfer, wrong: Sequence[WrongLot]) -> list[Discrepancy]:
    found: list[Discrepancy] = []
    moves: list[ledger.Move] = []
    today = stock.local_day(act.at, queries.site(session, transfer.destination).time_zone)
    for row, one in enumerate(wrong, start=1):
        catalogue.item(session, one.item)
        operations.check_goods(
            item=one.item, lot=one.lot, expiry=one.expiry, quantity=one.quantity, today=today, row=row
        )
        opened = opening.lot_for(session, act, item=one.item, code=one.lot, expiry=one.expiry, gtin=one.gtin)
        lot = opened.id or 0
        apart = ledger.Account(lot, transfer.destination, stock.POOL, stock.QUARANTINE)
        moves.append(ledger.Move(lot, one.quantity, stock.LOSS, apart, f"transfer:{transfer.id}:wrong"))
        found.append(
            Discrepancy(
                transfer_id=transfer.id or 0, kind=rules.WRONG_LOT, lot_id=lot, quantity=one.quantity, note=one.note
            )
        )
    if moves:
        ledger.post(session, act, kind="delivery", key=f"wrong:transfer:{transfer.id}", moves=moves)
    return found
