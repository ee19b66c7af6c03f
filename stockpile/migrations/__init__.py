"""The database's schema by numbered revisions; one head.

The numbers name revisions, and from 0017 on they are not their order: several were written side by side and joined
later, and a number that a database may have is not changed. Each file's `down_revision` says what comes before it:

    0001 ... 0016 > 0017 > 0021 > 0019 > 0022 > 0018 > 0020 > 0031 > 0032 > 0030 > 0033

A new revision goes behind the last one, never in between: a database that stands at a revision is taken to have all
that comes before it. A test holds this line against the files, and `upgrade` refuses a database that lacks a table.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

import stockpile.allocation.carrying.tables
import stockpile.allocation.computing.tables
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
import stockpile.region.tables
import stockpile.reorder.maintenance.tables
import stockpile.reorder.tables
import stockpile.settlement.tables
import stockpile.transparency.findings.tables
import stockpile.transparency.grievances.tables
import stockpile.transparency.kpis.tables
import stockpile.transparency.ocds.tables
import stockpile.transparency.privacy.tables
import stockpile.transparency.publishing.tables
import stockpile.transparency.sealing.tables
import stockpile.transparency.sending.tables  # noqa: F401  (all tables are known to the metadata from here on)
from stockpile.errors import Conflict


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision; nothing happens where it is there already.

    Refuses a database that a state between two versions made: it says that it is new and lacks tables. An upgrade
    that fails leaves the database as it was.
    """
    with engine.connect() as connection:
        try:
            command.upgrade(configuration(connection), "head")
        except DBAPIError as failure:
            raise UpgradeFailed(
                f"the database could not be brought to the newest revision: {failure.orig}. It is as it was before. "
                "Go on with the version that made it, and tell who maintains the service."
            ) from failure
    missing = sorted(set(SQLModel.metadata.tables) - set(inspect(engine).get_table_names()))
    if missing:
        raise TablesMissing(
            f"the database says that it is at the newest revision, and lacks {', '.join(missing)}: it was made by a "
            "state between two versions. Restore a backup, or begin anew."
        )


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


class UpgradeFailed(Conflict):
    """A revision met what it did not expect; nothing of it stays."""

    code = "upgrade_failed"


class TablesMissing(Conflict):
    """What the database says of its revision is not so."""

    code = "tables_missing"


class NotSimulated(Conflict):
    """A real region is never deleted by a command."""

    code = "not_simulated"


def configuration(connection: object) -> Config:
    """Alembic's configuration for this connection; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
