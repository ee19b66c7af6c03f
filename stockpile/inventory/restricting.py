"""Restricting a lot to a country, a member, or those admitted to a donor's or contract's goods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility, lot_proof, queries
from stockpile.inventory.tables import Lot, LotRestriction, Movement


@dataclass(frozen=True, slots=True)
class Condition:
    """What a lot is restricted to: a kind of `eligibility.RESTRICTION_KINDS` and what it names."""

    kind: str
    value: str


class RestrictedAlready(Conflict):
    """The lot has this restriction."""

    code = "restricted_already"


class ConditionsDiffer(Conflict):
    """A delivery says other conditions than those on record of its lot."""

    code = "lot_conditions_differ"


def restrict(session: Session, act: Act, *, lot: Lot, condition: Condition, reason: str) -> LotRestriction:
    """Put the restriction on the lot from now on, journaled; the right to do so is the caller's to ask for.

    Refuses an unknown kind, country or member, a missing reason, and one that is there already.
    """
    assert lot.id is not None
    _check(session, condition)
    if not reason.strip():
        raise Invalid("a restriction needs a reason, such as the donor's letter", field="reason")
    queries.lock_lots(session, [lot.id])
    there = queries.restrictions(session, [lot.id]).get(lot.id, ())
    if any((one.kind, one.value) == (condition.kind, condition.value) for one in there):
        raise RestrictedAlready(f"lot {lot.code} is restricted to {condition.kind} {condition.value} already")
    row = LotRestriction(
        lot_id=lot.id, kind=condition.kind, value=condition.value, reason=reason, set_by=act.actor.id, since=act.at
    )
    session.add(row)
    session.flush()
    payload = {"kind": condition.kind, "value": condition.value, "restriction": row.id}
    journal.record(session, act, action=lot_proof.RESTRICTED, subject=f"lot:{lot.id}", payload=payload, reason=reason)
    return row


def restrict_received(
    session: Session, act: Act, *, lot: Lot, conditions: Iterable[Condition], reason: str, row: int
) -> None:
    """Put a delivery's conditions on its lot. A lot that has moved before must have them already: they hold for all.

    Refuses, naming the row, conditions that a lot in stock does not have; and what `restrict` refuses.
    """
    wanted = list(dict.fromkeys(conditions))
    there = {(one.kind, one.value) for one in queries.restrictions(session, [lot.id or 0]).get(lot.id or 0, ())}
    missing = [one for one in wanted if (one.kind, one.value) not in there]
    moved = session.exec(select(Movement.id).where(Movement.lot_id == lot.id)).first() is not None
    if missing and moved:
        raise ConditionsDiffer(
            f"line {row}: lot {lot.code} is in stock without the restriction to {missing[0].kind} {missing[0].value}: "
            "restrict the whole lot first, or receive this under a batch code of its own",
            field="restrictions",
            row=row,
        )
    for one in missing:
        restrict(session, act, lot=lot, condition=one, reason=reason.strip() or "as delivered")


def _check(session: Session, condition: Condition) -> None:
    kinds = eligibility.RESTRICTION_KINDS
    if condition.kind not in kinds:
        raise Invalid(f"a lot is restricted by {', '.join(kinds)}, not {condition.kind}", field="kind")
    if not condition.value.strip():
        raise Invalid(f"which {condition.kind}?", field="value")
    if condition.kind == eligibility.MEMBER:
        governance.member(session, condition.value)
    if condition.kind == eligibility.COUNTRY:
        known = {site.country for site in queries.sites(session).values()}
        if condition.value not in known:
            raise Invalid(
                f"no site lies in {condition.value}: countries are {', '.join(sorted(known))}",
                field="value",
                value=condition.value,
            )
