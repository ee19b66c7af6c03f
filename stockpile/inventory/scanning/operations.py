"""Giving a pallet its number. The number is used once, for this pallet, for ever."""

from __future__ import annotations

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import gs1
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import TradeItem
from stockpile.errors import Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries
from stockpile.inventory.scanning.tables import Pallet

MOST_PACKS = 99_999_999
"""What (37) can say in its eight digits."""


class PartPack(Invalid):
    """A pallet label counts whole packs."""

    code = "part_pack"


def number_pallet(
    session: Session, act: Act, *, lot_id: int, quantity: int, site: str | None = None, gtin: str | None = None
) -> Pallet:
    """A pallet of so many base units of a lot, with an SSCC of its own, ready to be labelled.

    `site` is where it is made up: whoever receives at one site only must name
    it. It is counted in packs of `gtin` (the item's own GTIN where left out).
    Stock does not move. Refuses an unknown lot or site, a GTIN of another item,
    and a quantity that is no whole number of packs.
    """
    require(act.actor, "stock.receive", site=site)
    if site is not None:
        queries.site(session, site)
    lot = queries.lot(session, lot_id)
    item = catalogue.item(session, lot.item_code)
    pack = catalogue.trade_item(session, gs1.checked_gtin(gtin) if gtin else item.gtin)
    if pack.item_code != item.code:
        raise Invalid(f"{pack.gtin} is a GTIN of {pack.item_code}, not of {item.code}", field="gtin")
    pallet = Pallet(
        lot_id=lot_id,
        gtin=pack.gtin,
        count=_whole_packs(quantity, pack, base_unit=item.base_unit),
        quantity=quantity,
        made_by=act.actor.id,
        made_at=act.at,
    )
    session.add(pallet)
    session.flush()
    assert pallet.id is not None
    pallet.sscc = gs1.sscc(pallet.id)
    session.flush()
    payload = {"sscc": pallet.sscc, "lot": lot_id, "gtin": pack.gtin, "count": pallet.count, "site": site}
    journal.record(session, act, action="pallet.number", subject=f"pallet:{pallet.id}", payload=payload)
    return pallet


def _whole_packs(quantity: int, pack: TradeItem, *, base_unit: str) -> int:
    packs, rest = divmod(quantity, pack.units)
    if rest or not 0 < packs <= MOST_PACKS:
        raise PartPack(
            f"{quantity} {base_unit} are not 1 to {MOST_PACKS} whole packs of {pack.units} ({pack.gtin})",
            field="quantity",
            pack_size=pack.units,
        )
    return packs
