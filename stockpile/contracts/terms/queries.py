"""Reading what a contract says on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from stockpile.contracts.tables import Contract, ContractLine, PriceTier
from stockpile.contracts.terms import rules
from stockpile.contracts.terms.rules import Terms
from stockpile.contracts.terms.tables import (
    ContractCondition,
    ContractLineTerms,
    ContractLot,
    ContractLotItem,
    ContractMember,
    ContractPrice,
    ContractVersion,
    PriceIndex,
    SurgeOption,
)
from stockpile.errors import NotFound

Tiers = dict[tuple[str, str], list[tuple[int, int]]]


class UnknownContract(NotFound):
    """No contract has this code."""

    code = "unknown_contract"


def contract(session: Session, code: str) -> Contract:
    """One contract; refuses an unknown code."""
    found = session.get(Contract, code)
    if found is None:
        raise UnknownContract(f"there is no contract {code}", field="contract", value=code)
    return found


def versions(session: Session, code: str) -> list[ContractVersion]:
    """The versions of a contract that are on record, oldest first; none before its first amendment."""
    query = select(ContractVersion).where(ContractVersion.contract_code == code)
    return list(session.exec(query.order_by(col(ContractVersion.version))))


def as_signed(contract: Contract) -> Terms:
    """What a contract says that was never amended."""
    return Terms(
        effective_from=contract.starts,
        ends=contract.ends,
        ceiling_minor=contract.ceiling_minor,
        minimum_order_minor=contract.minimum_order_minor,
        lead_time_days=contract.lead_time_days,
    )


def terms_on(session: Session, code: str, on: date) -> tuple[int, Terms]:
    """The number and the terms of the version that holds on a day."""
    held = [row for row in versions(session, code) if row.state == "adopted" and row.effective_from <= on]
    if held:
        return held[-1].version, rules.terms_of(held[-1])
    return 1, _first(session, code)


def _first(session: Session, code: str) -> Terms:
    found = next((row for row in versions(session, code) if row.version == 1), None)
    return rules.terms_of(found) if found else as_signed(contract(session, code))


def standing(session: Session, code: str, on: date) -> str:
    """How a contract stands on a day: its state, or expiring, expired or in run-off."""
    found, (_, terms) = contract(session, code), terms_on(session, code, on)
    if found.state in (rules.ACTIVE, rules.SUSPENDED) and on < found.starts:
        return rules.AWARDED
    return rules.standing(found.state, ends=terms.ends, run_off_days=terms.run_off_days, today=on)


def as_amended(session: Session, found: Sequence[Contract], on: date) -> list[Contract]:
    """The contracts with the terms of that day, as rows of no session."""
    amended = set(session.exec(select(ContractVersion.contract_code).distinct()))
    return [_overlaid(session, one, on) if one.code in amended else one for one in found]


def _overlaid(session: Session, one: Contract, on: date) -> Contract:
    _, terms = terms_on(session, one.code, on)
    names = ("ends", "ceiling_minor", "minimum_order_minor", "lead_time_days")
    return Contract(**one.model_dump() | {name: getattr(terms, name) for name in names})


def tiers_on(session: Session, on: date | None = None, *, code: str | None = None) -> Tiers:
    """(from_packs, pack price in minor units) by (contract, item), ascending: as the version of that day has them.

    Prices that follow an index are those of its latest value then. Without a
    day they are the prices as signed.
    """
    found: Tiers = defaultdict(list)
    query = select(PriceTier).order_by(col(PriceTier.from_packs))
    for row in session.exec(query.where(PriceTier.contract_code == code) if code else query):
        found[row.contract_code, row.item_code].append((row.from_packs, row.pack_price_minor))
    amended = {} if on is None else _amended(session, code)
    for contract_code in amended:
        assert on is not None
        version, terms = terms_on(session, contract_code, on)
        _replace(session, found, contract_code, version)
        _follow_index(session, found, contract_code, terms, on)
    return dict(found)


def _amended(session: Session, code: str | None) -> dict[str, None]:
    query = select(ContractVersion.contract_code).distinct().order_by(col(ContractVersion.contract_code))
    return dict.fromkeys(session.exec(query.where(ContractVersion.contract_code == code) if code else query))


def _replace(session: Session, found: Tiers, code: str, version: int) -> None:
    """Put the prices of each version up to this one in the place of those before it; refused versions have none."""
    adopted = {row.version for row in versions(session, code) if row.state == "adopted" and row.version <= version}
    query = select(ContractPrice).where(ContractPrice.contract_code == code)
    newer: dict[str, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in session.exec(query.order_by(col(ContractPrice.version), col(ContractPrice.from_packs))):
        if row.version in adopted:
            newer[row.item_code][row.version].append((row.from_packs, row.pack_price_minor))
    for item, by_version in newer.items():
        found[code, item] = by_version[max(by_version)]


def _follow_index(session: Session, found: Tiers, code: str, terms: Terms, on: date) -> None:
    if not terms.index_share_permille:
        return
    value = index_value(session, terms.index_code, on)
    if value is None:
        return
    given: dict[str, Any] = {"share_permille": terms.index_share_permille, "base_milli": terms.index_base_milli}
    for key in [key for key in found if key[0] == code]:
        found[key] = [(packs, rules.indexed_price(price, now_milli=value, **given)) for packs, price in found[key]]


def index_value(session: Session, code: str, on: date) -> int | None:
    """The latest value of an index published by that day, in thousandths; None before the first."""
    query = select(PriceIndex).where(PriceIndex.code == code, PriceIndex.published_on <= on)
    found = session.exec(query.order_by(col(PriceIndex.published_on).desc())).first()
    return found.value_milli if found else None


def line_terms(session: Session, code: str, item: str, *, version: int) -> ContractLineTerms | None:
    """Shelf life on delivery and buying back of an item by a version of its contract; None where it is not in it."""
    adopted = {row.version for row in versions(session, code) if row.state == "adopted" and row.version <= version}
    query = select(ContractLineTerms).where(
        ContractLineTerms.contract_code == code, ContractLineTerms.item_code == item
    )
    for row in session.exec(query.order_by(col(ContractLineTerms.version).desc())):
        if row.version in adopted:
            return row
    signed = session.get(ContractLine, (code, item))
    return (
        signed
        if signed is None
        else ContractLineTerms(
            contract_code=code,
            version=1,
            item_code=item,
            shelf_life_on_delivery_days=signed.shelf_life_on_delivery_days,
            buy_back_percent=signed.buy_back_percent,
            buy_back_days=signed.buy_back_days,
        )
    )


def amended_line(session: Session, code: str, item: str) -> bool:
    """Whether an amendment says something of an item's shelf life or buying back."""
    query = select(ContractLineTerms.version).where(
        ContractLineTerms.contract_code == code, ContractLineTerms.item_code == item
    )
    return session.exec(query).first() is not None


def lots(session: Session, code: str) -> list[ContractLot]:
    """The lots of a contract."""
    return list(
        session.exec(select(ContractLot).where(ContractLot.contract_code == code).order_by(col(ContractLot.lot)))
    )


def lot_of(session: Session, code: str, item: str) -> str | None:
    """The lot that an item belongs to; None where the contract has no lots for it."""
    found = session.get(ContractLotItem, (code, item))
    return found.lot if found else None


def members(session: Session, code: str) -> list[ContractMember]:
    """What members have reserved and ordered, by lot and member; empty where the contract holds for every member."""
    query = select(ContractMember).where(ContractMember.contract_code == code)
    return list(session.exec(query.order_by(col(ContractMember.lot), col(ContractMember.member_code))))


def conditions(session: Session, code: str) -> list[ContractCondition]:
    """The conditions of countries."""
    query = select(ContractCondition).where(ContractCondition.contract_code == code)
    return list(session.exec(query.order_by(col(ContractCondition.lot), col(ContractCondition.country))))


def options(session: Session, code: str | None = None, *, item: str | None = None) -> list[SurgeOption]:
    """Surge options, of one contract, of one item, or all."""
    query = select(SurgeOption).order_by(col(SurgeOption.contract_code), col(SurgeOption.item_code))
    query = query.where(SurgeOption.contract_code == code) if code else query
    return list(session.exec(query.where(SurgeOption.item_code == item) if item else query))
