"""Buying: what is proposed and why, stock ahead, spend, contracts, suppliers, settlement, and the scheduled runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from fastapi.responses import RedirectResponse
from nicegui import ui
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.governance import queries as governance
from stockpile.governance.queries import NoRegion
from stockpile.governance.tables import Region
from stockpile.settings import Settings
from stockpile.web import frame
from stockpile.web.buying_contracts import ContractsPart, SuppliersPart
from stockpile.web.buying_proposals import ProposalsPart
from stockpile.web.buying_runs import RunsPart
from stockpile.web.buying_settlement import SettlementPart
from stockpile.web.buying_spend import SpendPart
from stockpile.web.buying_stock import StockPart
from stockpile.web.buying_years import YearsPart
from stockpile.web.desk import Desk, Side, Sides
from stockpile.web.sign_in import signed_in
from stockpile.web.speech import N_, say

PROPOSALS, STOCK, SPEND, CONTRACTS, SUPPLIERS, RUNS = "proposals", "stock", "spend", "contracts", "suppliers", "runs"
SETTLEMENT, YEARS = "settlement", "years"
SIDES: Final[dict[str, str]] = {
    PROPOSALS: N_("Proposals"),
    STOCK: N_("Stock ahead"),
    SPEND: N_("Spend calendar"),
    YEARS: N_("Years ahead"),
    CONTRACTS: N_("Contracts"),
    SUPPLIERS: N_("Suppliers"),
    SETTLEMENT: N_("Settlement"),
    RUNS: N_("Scheduled runs"),
}


async def buying_page(engine: Engine, settings: Settings) -> RedirectResponse | None:
    """The page for whoever is signed in; everyone else goes to the form."""
    again = frame.chosen_language()
    if again is not None:
        return again
    signed = await signed_in(engine)
    if signed is None:
        return RedirectResponse("/login?next=/buying")
    real_now = datetime.now(UTC)

    def opened(session: Session) -> tuple[Region, datetime]:
        return governance.region(session), governance.effective_now(session, real_now=real_now)

    try:
        region, now = await signed.read(opened)
    except NoRegion:
        frame.nothing_loaded(signed, real_now)
        return None
    frame.header(signed, region, now)
    desk = Desk(signed, region, now, settings.plan_limit_seconds, settings.home)
    with ui.element("main").classes("desk"):
        sides = Sides(SIDES, _makers(desk), label=say("Sides of buying"))
    await sides.front(PROPOSALS)
    return None


def _makers(desk: Desk) -> dict[str, Callable[[], Side]]:
    return {
        PROPOSALS: lambda: ProposalsPart(desk),
        STOCK: lambda: StockPart(desk),
        SPEND: lambda: SpendPart(desk),
        YEARS: lambda: YearsPart(desk),
        CONTRACTS: lambda: ContractsPart(desk),
        SUPPLIERS: lambda: SuppliersPart(desk),
        SETTLEMENT: lambda: SettlementPart(desk),
        RUNS: lambda: RunsPart(desk),
    }
