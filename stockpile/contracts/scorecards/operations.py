"""Noting which batches a supplier has to rotate, and that it did."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts.scorecards.tables import RotationDuty
from stockpile.contracts.tables import ContractLine
from stockpile.contracts.terms import queries as agreed
from stockpile.errors import Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require


def note_rotation(
    session: Session, act: Act, *, contract: str, item: str, batch: str, expiry: date, rotated_on: date | None = None
) -> RotationDuty:
    """Note that a batch is to be rotated, by the contract's days before its expiry; later, that it has been."""
    require(act.actor, "rotation.note")
    today = governance.local_day(session, act.at)
    if session.get(ContractLine, (contract, item)) is None:
        raise NotFound(f"contract {contract} has no item {item}", field="item", value=item)
    _, terms = agreed.terms_on(session, contract, today)
    if not terms.rotation_trigger_days:
        raise Invalid(f"contract {contract} asks no rotation: it has no rotation_trigger_days", field="contract")
    if rotated_on is not None and rotated_on > today:
        raise Invalid("a batch was rotated today or before", field="rotated_on")
    of_batch = (RotationDuty.contract_code == contract, RotationDuty.item_code == item, RotationDuty.batch == batch)
    row = session.exec(select(RotationDuty).where(*of_batch)).one_or_none()
    due = expiry - timedelta(days=terms.rotation_trigger_days)
    row = row or RotationDuty(contract_code=contract, item_code=item, batch=batch, due_on=due)
    row.rotated_on = rotated_on or row.rotated_on
    session.add(row)
    session.flush()
    payload = {"item": item, "batch": batch, "due_on": row.due_on.isoformat(), "rotated": rotated_on is not None}
    journal.record(session, act, action="rotation.note", subject=f"contract:{contract}", payload=payload)
    return row
