"""What an amendment says of single items: prices by tier, shelf life on delivery, buying back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from stockpile.contracts.tables import ContractLine
from stockpile.contracts.terms.tables import ContractLineTerms, ContractPrice
from stockpile.errors import Invalid, NotFound


class UnknownLine(NotFound):
    """The contract does not have this item."""

    code = "unknown_contract_line"


@dataclass(frozen=True, slots=True)
class Price:
    """From so many packs on, every pack of an item costs so much (minor units)."""

    item: str
    from_packs: int
    pack_price_minor: int


@dataclass(frozen=True, slots=True)
class LineTerms:
    """Days that an item must last on delivery; at what percent is bought back what lasts so many days (None: not)."""

    item: str
    shelf_life_on_delivery_days: int
    buy_back_percent: int | None = None
    buy_back_days: int | None = None


def line(session: Session, contract: str, item: str) -> ContractLine:
    """An item of a contract; refuses one that it does not have."""
    found = session.get(ContractLine, (contract, item))
    if found is None:
        raise UnknownLine(f"contract {contract} has no item {item}", field="item", value=item)
    return found


def require_tiers(prices: Sequence[Price]) -> None:
    """Refuse a tier given twice, and an item whose tiers do not begin at one pack."""
    tiers = [(one.item, one.from_packs) for one in prices]
    if len(set(tiers)) != len(tiers):
        raise Invalid("each tier of an item is given once", field="prices")
    for item in sorted({item for item, _ in tiers} - {item for item, packs in tiers if packs == 1}):
        raise Invalid(f"the tiers of {item} replace those before: they begin at one pack", field="prices", item=item)


def price_row(session: Session, contract: str, version: int, one: Price) -> ContractPrice:
    """A tier of a version; refuses an item that the contract does not have."""
    line(session, contract, one.item)
    if one.from_packs < 1 or one.pack_price_minor < 0:
        raise Invalid(f"{one.item}: a tier begins at one pack or more and costs nothing or more", field="prices")
    given: dict[str, Any] = {"item_code": one.item, "from_packs": one.from_packs}
    return ContractPrice(contract_code=contract, version=version, pack_price_minor=one.pack_price_minor, **given)


def require_lines(lines: Sequence[LineTerms]) -> None:
    """Refuse an item given twice, and buying back that is half said."""
    named = [one.item for one in lines]
    for row, one in enumerate(lines, start=1):
        if named.count(one.item) > 1:
            raise Invalid(f"row {row}: {one.item} is given twice", field="lines", row=row)
        percent, days = one.buy_back_percent, one.buy_back_days
        whole = percent is days if percent is None or days is None else 1 <= percent <= 100 and days >= 0
        if not whole or one.shelf_life_on_delivery_days < 0:
            raise Invalid(
                f"row {row}, {one.item}: days are not below zero; buying back has 1 to 100 percent and its days, "
                "or neither",
                field="lines",
                row=row,
            )


def line_row(session: Session, contract: str, version: int, one: LineTerms) -> ContractLineTerms:
    """The terms of an item in a version; refuses an item that the contract does not have."""
    line(session, contract, one.item)
    return ContractLineTerms(
        contract_code=contract,
        version=version,
        item_code=one.item,
        shelf_life_on_delivery_days=one.shelf_life_on_delivery_days,
        buy_back_percent=one.buy_back_percent,
        buy_back_days=one.buy_back_days,
    )


def said(session: Session, contract: str, version: int) -> dict[str, list[list[Any]]]:
    """The prices and terms of items in a version, as they are decided."""
    priced = select(ContractPrice).where(ContractPrice.contract_code == contract, ContractPrice.version == version)
    prices = [[one.item_code, one.from_packs, one.pack_price_minor] for one in session.exec(priced)]
    rows = session.exec(
        select(ContractLineTerms).where(
            ContractLineTerms.contract_code == contract, ContractLineTerms.version == version
        )
    )
    lines = [[one.item_code, one.shelf_life_on_delivery_days, one.buy_back_percent, one.buy_back_days] for one in rows]
    return {"prices": sorted(prices), **({"lines": sorted(lines, key=str)} if lines else {})}
