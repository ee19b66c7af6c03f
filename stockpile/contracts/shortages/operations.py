"""Proposing the quickest orders for what is missing, in one action; another person approves each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import operations as orders
from stockpile.contracts import rules as states
from stockpile.contracts.calloffs.operations import require_place
from stockpile.contracts.operations import LineDraft, Manner
from stockpile.contracts.shortages import queries, rules
from stockpile.contracts.shortages.rules import EVERY_KIND, Chosen
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require


@dataclass(frozen=True, slots=True)
class Arrival:
    """A proposed order: by which contract and way, base units, cost (minor units), and when they would be here."""

    calloff: int
    contract: str
    kind: str
    units: int
    cost_minor: int
    arrives_at: datetime


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was proposed for a shortage, soonest first, and the base units for which no contract has a way."""

    item: str
    asked: int
    covered: int
    uncovered: int
    earliest_arrival: datetime | None
    covered_at: datetime | None
    arrivals: tuple[Arrival, ...]


def propose_for_shortage(
    session: Session,
    act: Act,
    *,
    item: str,
    units: int,
    deliver_to: str,
    slot: str,
    reason: str,
    kinds: Collection[str] = EVERY_KIND,
) -> Proposed:
    """Propose the quickest orders for base units of an item that are missing, if they are approved today.

    Immediate availability, surge options and ordinary orders, the soonest
    first, within ceilings, lots and options. `slot` names the shortage: once
    per contract, only ways of these `kinds`. `covered_at` is when the last of it would be here; None
    where a part stays uncovered.
    """
    require(act.actor, "shortage.propose")
    if units <= 0 or not reason.strip():
        raise Invalid("a shortage is of more than nothing, with a reason", field="units")
    today = governance.local_day(session, act.at)
    ways = [way for way in queries.ways(session, item, today) if way.kind in kinds]
    chosen = rules.choose(ways, units)
    arrivals = tuple(
        _propose(session, act, one, item=item, deliver_to=deliver_to, slot=slot, reason=reason) for one in chosen
    )
    covered = min(units, sum(one.units for one in chosen))
    coming = [one.arrives_at for one in arrivals]
    found = Proposed(
        item=item,
        asked=units,
        covered=covered,
        uncovered=units - covered,
        earliest_arrival=min(coming, default=None),
        covered_at=max(coming) if covered == units else None,
        arrivals=arrivals,
    )
    payload = {"item": item, "asked": units, "covered": covered, "calloffs": [one.calloff for one in arrivals]}
    journal.record(session, act, action="shortage.propose", subject=f"item:{item}", payload=payload, reason=reason)
    return found


def propose_for_shortages(
    session: Session,
    act: Act,
    *,
    unmet: Mapping[str, int],
    deliver_to: str,
    slot: str,
    reason: str,
    kinds: Collection[str] = EVERY_KIND,
) -> list[Proposed]:
    """As `propose_for_shortage`, for all of a surge's unmet validated need (base units by item) in one action."""
    given = {"deliver_to": deliver_to, "slot": slot, "reason": reason}
    return [
        propose_for_shortage(session, act, item=item, units=units, kinds=kinds, **given)
        for item, units in sorted(unmet.items())
        if units > 0
    ]


def _propose(session: Session, act: Act, one: Chosen, **asked: str) -> Arrival:
    way, slot = one.way, f"{asked['slot']}/{asked['item']}/{one.way.kind}"
    require_place(session, way.contract, slot, asked["deliver_to"])
    why = f"{asked['reason']}: {one.units} base units in {way.days} days ({way.kind})"
    draft = LineDraft(asked["item"], one.packs, way.pack_size, way.price(one.packs), why)
    calloff = orders.propose(
        session,
        act,
        contract=way.contract,
        slot=slot,
        deliver_to=asked["deliver_to"],
        lines=[draft],
        manner=Manner(states.SHORTAGE, kind=way.kind, fee_minor=way.fee_minor),
    )
    arrives = act.at + timedelta(days=way.days)
    return Arrival(calloff.id or 0, way.contract, way.kind, one.units, calloff.cost_minor, arrives)
