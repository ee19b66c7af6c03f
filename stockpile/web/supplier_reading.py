"""What a supplier sees: its own orders, outlook, scorecard and damages, each by the right that the API asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from stockpile.actor import Actor
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as orders
from stockpile.contracts.calloffs import queries as sent
from stockpile.contracts.damages import queries as damages
from stockpile.contracts.damages.tables import DamagesClaim
from stockpile.contracts.scorecards import queries as scorecards
from stockpile.contracts.tables import CallOff
from stockpile.contracts.terms import queries as agreed
from stockpile.demand.outlooks import queries as outlooks
from stockpile.demand.outlooks.queries import Told
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.inventory.tables import Site

YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order sent to the supplier, and to which place (name and code).

    `lines`: (item and name, packs, base units, unit, minor money units).
    """

    order: CallOff
    place: str
    currency: str
    lines: tuple[tuple[str, int, int, str, int], ...]


@dataclass(frozen=True, slots=True)
class Own:
    """Everything that a supplier's page shows; `units`: the base unit of each item by code."""

    name: str
    orders: list[OwnOrder]
    outlook: list[Told]
    card: dict[str, Any]
    claims: list[DamagesClaim]
    units: dict[str, str]
    currencies: dict[int, str]


def to_look_at(session: Session, actor: Actor, *, at: datetime) -> dict[str, str]:
    """Suppliers with a contract in force, their names by code; refuses an account that may not see scorecards."""
    require(actor, "scorecard.see")
    valid = orders.contracts_valid(session, governance.local_day(session, at)).values()
    codes = sorted({one.supplier_code for one in valid})
    return {code: scorecards.supplier(session, code).name for code in codes}


def own(session: Session, actor: Actor, supplier: str, *, at: datetime) -> Own:
    """What one supplier sees of itself; refuses an account that may not see this supplier."""
    require(actor, "scorecard.see", member=supplier)
    require(actor, "outlook.see", member=supplier)
    today = governance.local_day(session, at)
    found = sent.of_supplier(session, supplier)
    currencies = {one.id or 0: agreed.contract(session, one.contract_code).currency for one in found}
    items, sites = catalogue.items(session), inventory.sites(session)
    return Own(
        name=scorecards.supplier(session, supplier).name,
        orders=[
            OwnOrder(one, _place(sites[one.deliver_to]), currencies[one.id or 0], _lines(session, one)) for one in found
        ],
        outlook=outlooks.told(session, supplier=supplier, today=today),
        card=scorecards.scorecard(session, supplier, since=today - YEAR, until=today),
        claims=damages.claims(session, supplier=supplier),
        units={code: item.base_unit for code, item in items.items()},
        currencies=currencies,
    )


def _place(site: Site) -> str:
    return f"{site.name} ({site.code})"


def _lines(session: Session, order: CallOff) -> tuple[tuple[str, int, int, str, int], ...]:
    items = catalogue.items(session)
    return tuple(
        (
            f"{line.item_code} {items[line.item_code].name}",
            line.packs,
            line.quantity,
            items[line.item_code].base_unit,
            line.packs * line.pack_price_minor,
        )
        for line in orders.lines(session, order.id or 0)
    )
