"""Changing a contract: amendments in two names, lots and reservations, conditions, options, indices, and its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.contracts.tables import Contract
from stockpile.contracts.terms import drafting, queries, rules
from stockpile.contracts.terms.drafting import LineTerms, Price
from stockpile.contracts.terms.rules import Terms
from stockpile.contracts.terms.tables import (
    ContractCondition,
    ContractLot,
    ContractLotItem,
    ContractMember,
    ContractVersion,
    PriceIndex,
    SurgeOption,
)
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other

PROPOSED, ADOPTED, REFUSED = "proposed", "adopted", "refused"


class TooMuchChanged(Conflict):
    """The amendment changes the contract substantially: that needs a new procedure (K5)."""

    code = "substantial_change"


class AmendmentState(Conflict):
    """The amendment is not in the state that this needs."""

    code = "amendment_state"


class ReservationTooSmall(Conflict):
    """The member has not so much of its reservation left to give (K2)."""

    code = "reservation_too_small"


class ContractState(Conflict):
    """The contract is not in the state that this needs."""

    code = "contract_state"


def propose_amendment(
    session: Session,
    act: Act,
    *,
    contract: str,
    effective_from: date,
    rationale: str,
    terms: Mapping[str, Any],
    prices: Sequence[Price] = (),
    lines: Sequence[LineTerms] = (),
) -> ContractVersion:
    """A new version of a contract from a day on, with its rationale; another person adopts it.

    `terms`: the terms of `rules.AMENDABLE` that change; `lines`: items whose
    shelf life on delivery or buying back does. Refuses substantial
    changes against the version that was signed (K5), and days that have passed.
    """
    require(act.actor, "contract.amend")
    found = queries.contract(session, contract)
    if not rationale.strip():
        raise Invalid("clause K5: an amendment needs its rationale", field="rationale", clause="K5")
    if effective_from < governance.local_day(session, act.at):
        raise Invalid("an amendment takes effect today or later: prices of the past stay", field="effective_from")
    on_record = queries.versions(session, contract) or [_sign(session, act, found)]
    if any(row.state == PROPOSED for row in on_record):
        raise AmendmentState(f"contract {contract} has an amendment that waits for a decision", field="contract")
    if effective_from < max(row.effective_from for row in on_record if row.state == ADOPTED):
        raise Invalid("an amendment takes effect after those before it", field="effective_from")
    new = _changed(rules.terms_of([row for row in on_record if row.state == ADOPTED][-1]), effective_from, terms)
    drafting.require_tiers(prices)
    drafting.require_lines(lines)
    _require_slight(session, found, rules.terms_of(on_record[0]), new, prices)
    number = on_record[-1].version + 1
    row = _version(act, new, contract_code=contract, version=number, state=PROPOSED, rationale=rationale)
    session.add(row)
    session.flush()
    session.add_all(drafting.price_row(session, contract, number, one) for one in prices)
    session.add_all(drafting.line_row(session, contract, number, one) for one in lines)
    told = {name: str(value) for name, value in terms.items()}
    payload = {"version": number, "from": effective_from.isoformat(), "terms": told, "prices": len(prices)}
    payload |= {"lines": len(lines)} if lines else {}
    _note(session, act, "contract.amend", contract, payload, rationale)
    return row


def decide_amendment(
    session: Session, act: Act, *, contract: str, version: int, adopt: bool, reason: str = ""
) -> ContractVersion:
    """Adopt or refuse an amendment, as another person than who proposed it; a new ceiling changes what remains."""
    require(act.actor, "contract.adopt")
    row = session.get(ContractVersion, (contract, version), with_for_update=True)
    if row is None:
        raise NotFound(f"contract {contract} has no version {version}", field="version", value=version)
    if row.state != PROPOSED:
        raise AmendmentState(f"version {version} of contract {contract} is {row.state}", state=row.state)
    require_other(act.actor, {row.proposed_by: f"proposed version {version} of contract {contract}"})
    today = governance.local_day(session, act.at)
    if adopt and row.effective_from < today:
        raise Invalid(f"its day {row.effective_from} has passed: propose it anew", field="effective_from")
    before = [one for one in queries.versions(session, contract) if one.state == ADOPTED][-1]
    if adopt and row.ceiling_minor != before.ceiling_minor and row.effective_from > today:
        raise Invalid(f"a ceiling changes on its day: adopt it on {row.effective_from}", field="effective_from")
    told: dict[str, Any] = {"version": version}
    if adopt:
        effect = Effect("contract.adopt", f"contract:{contract}", _whole(session, row))
        told |= gate.decide(session, act, effect).told
    row.state, row.decided_by, row.decided_at = (ADOPTED if adopt else REFUSED), act.actor.id, act.at
    session.add(row)
    if adopt:
        _move_ceiling(session, contract, row.ceiling_minor - before.ceiling_minor)
    _note(session, act, f"contract.{'adopt' if adopt else 'refuse'}", contract, told, reason)
    return row


def _sign(session: Session, act: Act, contract: Contract) -> ContractVersion:
    signed = queries.as_signed(contract)
    row = _version(act, signed, contract_code=contract.code, version=1, state=ADOPTED, rationale="as signed")
    session.add(row)
    session.flush()
    return row


def _version(act: Act, terms: Terms, **named: Any) -> ContractVersion:
    said = {name: getattr(terms, name) for name in rules.TERM_NAMES}
    return ContractVersion(proposed_by=act.actor.id, proposed_at=act.at, **named, **said)


def _changed(terms: Terms, effective_from: date, given: Mapping[str, Any]) -> Terms:
    unknown = sorted(set(given) - set(rules.AMENDABLE))
    if unknown:
        raise Invalid(f"no amendment changes {', '.join(unknown)}", field="terms", unknown=unknown)
    empty = sorted(name for name, value in given.items() if value is None and name != "damages_days")
    if empty:
        raise Invalid(f"give {', '.join(empty)} a value, or leave it out to keep what holds", field="terms")
    new = replace(terms, effective_from=effective_from, **given)
    faults = rules.faults(new)
    if faults:
        raise Invalid("; ".join(faults), field="terms")
    return new


def _require_slight(session: Session, found: Contract, first: Terms, new: Terms, prices: Sequence[Price]) -> None:
    signed = queries.tiers_on(session, code=found.code)
    compared = [
        (one.item, _price_at(signed.get((found.code, one.item), []), one.from_packs), one.pack_price_minor)
        for one in prices
    ]
    much = rules.substantial(
        rules.changes(first, new, starts=found.starts, prices=compared), permille=first.substantial_permille
    )
    if much:
        told = ", ".join(f"{one.what} by {one.permille / 10:.1f} %" for one in much)
        raise TooMuchChanged(
            f"clause K5: raises {told}; more than {first.substantial_permille / 10:.1f} % needs a new procedure",
            clause="K5",
            changes=[[one.what, one.permille] for one in much],
        )


def _price_at(tiers: Sequence[tuple[int, int]], packs: int) -> int:
    reached = [price for from_packs, price in tiers if packs >= from_packs]
    return reached[-1] if reached else 0


def _whole(session: Session, row: ContractVersion) -> dict[str, Any]:
    """All that is decided with a version: its terms and its prices."""
    terms = {name: str(value) for name, value in asdict(rules.terms_of(row)).items()}
    items = drafting.said(session, row.contract_code, row.version)
    return {"version": row.version, "from": row.effective_from.isoformat(), "terms": terms, **items}


def _move_ceiling(session: Session, contract: str, change: int) -> None:
    moved = update(Contract).where(col(Contract.code) == contract, col(Contract.remaining_minor) + change >= 0)
    if not rows_changed(session, moved.values(remaining_minor=col(Contract.remaining_minor) + change)):
        raise Conflict(f"clause K1: contract {contract} has orders beyond the new ceiling", clause="K1")


def add_lot(
    session: Session, act: Act, *, contract: str, lot: str, title: str, maximum_minor: int, items: Sequence[str]
) -> ContractLot:
    """A lot of a contract with its items and the most that may be ordered of it; items of no other lot."""
    require(act.actor, "contract.amend")
    queries.contract(session, contract)
    if session.get(ContractLot, (contract, lot)) is not None:
        raise Invalid(f"contract {contract} has a lot {lot} already", field="lot", value=lot)
    if not items or len(set(items)) != len(items):
        raise Invalid("a lot has at least one item, and each item once", field="items")
    for item in items:
        drafting.line(session, contract, item)
        if queries.lot_of(session, contract, item) is not None:
            raise Invalid(f"{item} belongs to another lot of contract {contract}", field="items", value=item)
    row = ContractLot(
        contract_code=contract, lot=lot, title=title, maximum_minor=maximum_minor, remaining_minor=maximum_minor
    )
    session.add(row)
    session.add_all(ContractLotItem(contract_code=contract, item_code=item, lot=lot) for item in items)
    payload = {"lot": lot, "maximum_minor": maximum_minor, "items": sorted(items)}
    _note(session, act, "contract.lot", contract, payload)
    return row


def reserve(session: Session, act: Act, *, contract: str, lot: str, shares: Mapping[str, int]) -> list[ContractMember]:
    """List members of a lot with what each reserves (minor units); together no more than the lot's maximum (K1)."""
    require(act.actor, "contract.amend")
    found = _lot(session, contract, lot)
    listed = {row.member_code: row.reserved_minor for row in queries.members(session, contract) if row.lot == lot}
    twice = sorted(set(listed) & set(shares))
    if twice:
        raise Invalid(f"{', '.join(twice)} is listed already: transfer reservations instead", field="shares")
    for member in shares:
        governance.member(session, member)
    total = sum(listed.values()) + sum(shares.values())
    if total > found.maximum_minor:
        raise Conflict(
            f"clause K1: members reserve {total} of lot {lot}, its maximum is {found.maximum_minor}", clause="K1"
        )
    rows = [
        ContractMember(contract_code=contract, lot=lot, member_code=member, reserved_minor=share)
        for member, share in sorted(shares.items())
    ]
    session.add_all(rows)
    _note(session, act, "contract.reserve", contract, {"lot": lot, "shares": dict(shares)})
    return rows


def transfer_reservation(
    session: Session, act: Act, *, contract: str, lot: str, giver: str, taker: str, amount_minor: int, reason: str
) -> list[ContractMember]:
    """Pass a part of a member's unused reservation to another listed member; the sum stays what it was (K2)."""
    require(act.actor, "reservation.transfer", member=giver)
    if amount_minor <= 0 or giver == taker or not reason.strip():
        raise Invalid("a transfer passes more than nothing to another member, with a reason", field="amount_minor")
    rows = {row.member_code: row for row in queries.members(session, contract) if row.lot == lot}
    absent = sorted({giver, taker} - set(rows))
    if absent:
        raise Conflict(f"clause K7: {', '.join(absent)} is not listed in lot {lot}", clause="K7", members=absent)
    of_lot = (col(ContractMember.contract_code) == contract, col(ContractMember.lot) == lot)
    free = col(ContractMember.reserved_minor) - col(ContractMember.ordered_minor)
    less = update(ContractMember).where(*of_lot, col(ContractMember.member_code) == giver, free >= amount_minor)
    if not rows_changed(session, less.values(reserved_minor=col(ContractMember.reserved_minor) - amount_minor)):
        raise ReservationTooSmall(f"clause K2: {giver} has less than {amount_minor} left to give", clause="K2")
    more = update(ContractMember).where(*of_lot, col(ContractMember.member_code) == taker)
    rows_changed(session, more.values(reserved_minor=col(ContractMember.reserved_minor) + amount_minor))
    for row in (rows[giver], rows[taker]):
        session.refresh(row)
    payload = {"lot": lot, "from": giver, "to": taker, "amount_minor": amount_minor}
    _note(session, act, "contract.transfer", contract, payload, reason)
    return [rows[giver], rows[taker]]


def _lot(session: Session, contract: str, lot: str) -> ContractLot:
    found = session.get(ContractLot, (contract, lot))
    if found is None:
        raise NotFound(f"contract {contract} has no lot {lot}", field="lot", value=lot)
    return found


def set_condition(
    session: Session, act: Act, *, contract: str, lot: str, country: str, condition: str, met: bool, reason: str
) -> ContractCondition:
    """Say under which condition a lot applies in a country, and whether it is met."""
    require(act.actor, "contract.amend")
    _lot(session, contract, lot)
    given: dict[str, Any] = {
        "contract_code": contract,
        "lot": lot,
        "country": country,
        "condition": condition,
        "met": met,
    }
    row = session.merge(ContractCondition(**given))
    _note(session, act, "contract.condition", contract, given, reason)
    return row


def add_option(session: Session, act: Act, *, contract: str, item: str, **terms: Any) -> SurgeOption:
    """A surge option on an item: quantity (base units), days, price_permille, fee_minor, opens, closes."""
    require(act.actor, "contract.amend")
    drafting.line(session, contract, item)
    catalogue.item(session, item)
    if session.get(SurgeOption, (contract, item)) is not None or terms["opens"] > terms["closes"]:
        raise Invalid(f"contract {contract} has an option on {item}, or its window ends before it opens", field="item")
    row = SurgeOption(contract_code=contract, item_code=item, remaining=terms["quantity"], **terms)
    session.add(row)
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in terms.items()}
    _note(session, act, "contract.option", contract, {"item": item, **told})
    return row


def publish_index(
    session: Session, act: Act, *, code: str, published_on: date, value_milli: int, source: str
) -> PriceIndex:
    """Note the value of an index as its publisher gives it; a value once noted stays."""
    require(act.actor, "contract.amend")
    if session.get(PriceIndex, (code, published_on)) is not None:
        raise Conflict(f"index {code} of {published_on} is noted already", field="published_on")
    row = PriceIndex(code=code, published_on=published_on, value_milli=value_milli, source=source)
    session.add(row)
    payload = {"on": published_on.isoformat(), "value_milli": value_milli, "source": source}
    journal.record(session, act, action="index.publish", subject=f"index:{code}", payload=payload)
    return row


def step(session: Session, act: Act, *, contract: str, to: str, reason: str) -> Contract:
    """Bring a contract into its next state; closing waits until its run-off is over and needs a reason."""
    require(act.actor, "contract.adopt")
    found = queries.contract(session, contract)
    if to not in rules.STEPS[found.state] or not reason.strip():
        known = ", ".join(rules.STEPS[found.state]) or "nothing"
        raise ContractState(f"contract {contract} is {found.state}: it may become {known}, with a reason", to=to)
    today = governance.local_day(session, act.at)
    stands = queries.standing(session, contract, today)
    if to == rules.CLOSED and stands != rules.EXPIRED:
        raise ContractState(f"clause K4: contract {contract} is {stands}: it is closed after its run-off", clause="K4")
    old, found.state = found.state, to
    session.add(found)
    _note(session, act, "contract.step", contract, {"from": old, "to": to}, reason)
    return found


def _note(session: Session, act: Act, action: str, contract: str, *said: Any) -> None:
    """Journal a change of a contract: its payload, and the reason if there is one."""
    payload, reason = said[0], said[1] if len(said) > 1 else ""
    journal.record(session, act, action=action, subject=f"contract:{contract}", payload=payload, reason=reason)
