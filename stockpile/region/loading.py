"""Loading a region's rows into an empty installation, all or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue.gs1 import checked_gtin
from stockpile.catalogue.tables import Item, Licence, PartFit, TradeItem
from stockpile.contracts.tables import Contract, ContractLine, PriceTier, Supplier
from stockpile.demand import operations as demand
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demand.tables import OwnStock
from stockpile.errors import Conflict
from stockpile.governance import operations as governance
from stockpile.governance.rules import require
from stockpile.governance.tables import Account, Member, Region
from stockpile.inventory import operations as inventory
from stockpile.inventory.tables import Lane, PointOfUse, ReserveFloor, Site
from stockpile.region import templates
from stockpile.region.reading import Rows
from stockpile.region.tables import RegionDraft
from stockpile.reorder.tables import BuyingPolicy

Progress = Callable[[str, int], None]


class RegionLoaded(Conflict):
    """This installation has a region already."""

    code = "region_loaded"


def load(
    session: Session, act: Act, rows: Rows, *, caseload: bool = True, progress: Progress = lambda _what, _rows: None
) -> Region:
    """Load the rows of `read` into an empty installation, all or nothing; `caseload` False leaves reports out.

    Opening lots are received as postings; what was drafted is gone afterwards. `progress` is told each part and its
    number of rows.
    """
    require(act.actor, "region.import")
    if session.get(Region, 1) is not None:
        raise RegionLoaded("a region is loaded already; a second one needs its own database")
    for name, make in _MAKERS.items():
        session.add_all(make(row) for row in rows[name])
        session.flush()
        progress(name, len(rows[name]))
    session.add_all(_own_pack(row) for row in rows["items"])
    session.add_all(PointOfUse(member_code=row.member, site_code=row.point_of_use) for row in rows["members"])
    _receive_lots(session, act, rows["lots"])
    progress("lots", len(rows["lots"]))
    _load_history(session, act, rows["part_demand"])
    if caseload:
        report_caseload(session, act, rows["caseload"])
        progress("caseload", len(rows["caseload"]))
    session.connection().execute(delete(RegionDraft))
    counts = {name: len(found) for name, found in rows.items()}
    journal.record(session, act, action="region.import", subject="region", payload=counts)
    return session.get_one(Region, 1)


def report_caseload(session: Session, act: Act, rows: Iterable[templates.CaseloadRow]) -> None:
    """Take in reports day by day, so that each is judged by the days before it."""
    by_day: dict[date, list[demand.DayReport]] = defaultdict(list)
    for row in rows:
        report = demand.DayReport(row.member, row.cases, row.cases_suppressed, row.admissions, row.basis)
        by_day[row.date].append(report)
    for day in sorted(by_day):
        demand.report_day(session, act, day=day, reports=by_day[day])


def _load_history(session: Session, act: Act, rows: Iterable[templates.PartDemandRow]) -> None:
    """Use of the parts from before the ledger began, by month, for the whole pool."""
    past = [forecasting.Past(row.item, date.fromisoformat(f"{row.month}-01"), row.quantity) for row in rows]
    if past:
        forecasting.load_history(session, act, rows=past, source="part_demand.csv of the region")


def _receive_lots(session: Session, act: Act, rows: Iterable[templates.LotRow]) -> None:
    by_site: dict[str, list[inventory.ReceiptLine]] = defaultdict(list)
    for row in rows:
        by_site[row.site].append(inventory.ReceiptLine(row.item, row.lot, row.expiry, row.quantity))
    for site, lines in sorted(by_site.items()):
        inventory.receive(session, act, site=site, lines=lines, key=f"opening:{site}", reason="opening stock")


def _region(row: templates.RegionRow) -> Region:
    return Region(**row.model_dump())


def _member(row: templates.MemberRow) -> Member:
    fields = row.model_dump(exclude={"member", "lat", "lon", "point_of_use"})
    return Member(code=row.member, latitude=row.lat, longitude=row.lon, **fields)


def _site(row: templates.SiteRow) -> Site:
    fields = row.model_dump(exclude={"site", "member", "lat", "lon"})
    return Site(code=row.site, member_code=row.member, latitude=row.lat, longitude=row.lon, **fields)


def _item(row: templates.ItemRow) -> Item:
    fields = row.model_dump(exclude={"item", "gtin"})
    return Item(code=row.item, gtin=checked_gtin(row.gtin), **fields)


def _own_pack(row: templates.ItemRow) -> TradeItem:
    return TradeItem(gtin=checked_gtin(row.gtin), item_code=row.item, units=row.pack_size, name="pack")


def _trade_item(row: templates.TradeItemRow) -> TradeItem:
    return TradeItem(gtin=checked_gtin(row.gtin), item_code=row.item, units=row.units, name=row.name)


def _contract(row: templates.ContractRow) -> Contract:
    fields = row.model_dump(exclude={"contract", "supplier"})
    return Contract(code=row.contract, supplier_code=row.supplier, remaining_minor=row.ceiling_minor, **fields)


def _tier(row: templates.PriceTierRow) -> PriceTier:
    return PriceTier(
        contract_code=row.contract,
        item_code=row.item,
        from_packs=row.from_packs,
        pack_price_minor=row.pack_price_minor,
    )


def _line(row: templates.ContractLineRow) -> ContractLine:
    fields = row.model_dump(exclude={"contract", "item"})
    return ContractLine(contract_code=row.contract, item_code=row.item, **fields)


_MAKERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "region": _region,
    "members": _member,
    "sites": _site,
    "items": _item,
    "trade_items": _trade_item,
    "fits": lambda row: PartFit(part_code=row.part, equipment_code=row.equipment),
    "licences": lambda row: Licence(item_code=row.item, country=row.country),
    "lanes": lambda row: Lane(**row.model_dump()),
    "suppliers": lambda row: Supplier(code=row.supplier, **row.model_dump(exclude={"supplier"})),
    "contracts": _contract,
    "contract_lines": _line,
    "price_tiers": _tier,
    "policy": lambda row: BuyingPolicy(**row.model_dump()),
    "floors": lambda row: ReserveFloor(item_code=row.item, effective_from=row.effective_from, quantity=row.quantity),
    "own_stock": lambda row: OwnStock(member_code=row.member, item_code=row.item, quantity=row.quantity),
}
"""Master data in the order in which it refers to what came before."""


def act_of_loading(rows: Rows, *, real_now: datetime) -> Act:
    """The installation's act of loading: a simulated region is loaded at its own clock."""
    at = rows["region"][0].simulated_now or real_now
    return Act(actor=governance.founder(), at=at, recorded_at=real_now)


def installation_account(session: Session) -> Account:
    """The system account 0 under which an installation is set up from the command line."""
    found = session.get(Account, 0)
    if found is None:
        found = Account(id=0, name="installation", title="Set-up from the command line")
        session.add(found)
        session.flush()
    return found
