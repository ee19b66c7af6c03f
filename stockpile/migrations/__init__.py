"""The database's schema by numbered revisions; one head."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import stockpile.allocation.policies.tables
import stockpile.allocation.promises.tables
import stockpile.allocation.reservations.tables
import stockpile.allocation.tables
import stockpile.catalogue.tables
import stockpile.contingency.tables
import stockpile.contracts.calloffs.tables
import stockpile.contracts.damages.tables
import stockpile.contracts.invoices.tables
import stockpile.contracts.procurement.tables
import stockpile.contracts.scorecards.tables
import stockpile.contracts.tables
import stockpile.contracts.terms.tables
import stockpile.demand.forecasting.tables
import stockpile.demand.outlooks.tables
import stockpile.demand.scenarios.tables
import stockpile.demand.tables
import stockpile.governance.committee.tables
import stockpile.governance.keys.tables
import stockpile.governance.standing.tables
import stockpile.governance.tables
import stockpile.idempotency
import stockpile.inventory.counts.tables
import stockpile.inventory.handover.tables
import stockpile.inventory.importing.tables
import stockpile.inventory.keeping
import stockpile.inventory.kits.tables
import stockpile.inventory.ownership.tables
import stockpile.inventory.periods.tables
import stockpile.inventory.proposals.tables
import stockpile.inventory.quality.tables
import stockpile.inventory.recalls.tables
import stockpile.inventory.receiving.tables
import stockpile.inventory.scanning.tables
import stockpile.inventory.tables
import stockpile.inventory.temperatures.tables
import stockpile.jobs.tables
import stockpile.journal
import stockpile.reorder.maintenance.tables
import stockpile.reorder.tables
import stockpile.settlement.tables
import stockpile.transparency.findings.tables
import stockpile.transparency.grievances.tables
import stockpile.transparency.kpis.tables
import stockpile.transparency.ocds.tables
import stockpile.transparency.privacy.tables
import stockpile.transparency.publishing.tables
import stockpile.transparency.sealing.tables  # noqa: F401  (all tables are known to the metadata from here on)
from stockpile.errors import Conflict


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; nothing happens where it is there already."""
    with engine.connect() as connection:
        command.upgrade(configuration(connection), "head")


def wipe_simulated(engine: Engine) -> None:
    """Delete everything of a simulated region; refuses to touch a real one."""
    upgrade(engine)
    with engine.begin() as connection:
        simulated = connection.execute(text("SELECT simulated FROM region")).scalar()
        if simulated is not None and not simulated:
            raise NotSimulated("this database holds a real region: --reset deletes only simulated ones")
    with engine.connect() as connection:
        command.downgrade(configuration(connection), "base")
    upgrade(engine)


class NotSimulated(Conflict):
    """A real region is never deleted by a command."""

    code = "not_simulated"


def configuration(connection: object) -> Config:
    """Alembic's configuration for this connection; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
