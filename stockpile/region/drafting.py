"""Setting a region up file by file: what was sent is kept and judged as a draft, and loaded whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act, Actor
from stockpile.errors import Conflict, Invalid
from stockpile.governance import operations as governance
from stockpile.governance.rules import require
from stockpile.governance.tables import Region
from stockpile.region import loading, sheets
from stockpile.region.loading import RegionLoaded
from stockpile.region.reading import Fault, judged, read_texts
from stockpile.region.tables import RegionDraft
from stockpile.region.templates import NEEDED, TEMPLATES

STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "region": ("region",),
    "members": ("members", "sites", "lanes"),
    "items": ("items", "licences", "trade_items", "fits"),
    "stock": ("lots", "floors", "own_stock"),
    "contracts": ("suppliers", "contracts", "contract_lines", "price_tiers", "policy"),
}
"""The templates of a region by step, in the order in which one is set up; the rest may follow later."""

LONGEST_NAME: Final = 200


class NothingDrafted(Conflict):
    """There is no such file among those that were sent."""

    code = "nothing_drafted"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the draft: its template, what it was sent as, its rows, and what is wrong with it."""

    template: str
    file_name: str
    rows: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """Where a region's setting up stands: files by template, and what is still missing."""

    loaded: bool
    files: Mapping[str, File]
    missing: tuple[Fault, ...]

    def done(self, step: str) -> bool:
        """Whether what a step needs is there and right; a step that needs nothing is done once a file of it is."""
        if self.loaded:
            return True
        given = [self.files[name] for name in STEPS[step] if name in self.files]
        wanting = {fault.file for fault in self.missing} | {name for name in NEEDED if name not in self.files}
        return bool(given) and not any(one.faults for one in given) and not wanting & set(STEPS[step])

    @property
    def ready(self) -> bool:
        """Whether it can be loaded: nothing is missing and nothing is wrong."""
        return not self.missing and not any(one.faults for one in self.files.values())


def draft(session: Session) -> Draft:
    """Where the setting up stands."""
    rows = session.exec(select(RegionDraft).order_by(col(RegionDraft.template))).all()
    _, faults = judged({row.template: row.content for row in rows})
    known = {row.template for row in rows}
    files = {
        row.template: File(
            row.template, row.file_name, row.rows, tuple(one for one in faults if one.file == row.template)
        )
        for row in rows
    }
    missing = tuple(one for one in faults if one.file not in known)
    return Draft(session.get(Region, 1) is not None, files, missing)


def put(session: Session, act: Act, *, content: bytes, file_name: str) -> list[str]:
    """Keep a sent file (CSV, or a workbook of several templates) in the draft; returns the templates it was taken for.

    What it replaces is gone. Refuses what cannot be read as a template at all; what is wrong in its rows is told by
    `draft`, and keeps the whole from being loaded.
    """
    _require_empty(session, act)
    shown = "".join(one if one.isprintable() else " " for one in file_name)[:LONGEST_NAME]
    texts = sheets.texts_of(content, file_name=shown)
    for name, text in texts.items():
        _keep(session, act, name=name, text=text, file_name=shown)
    return list(texts)


def describe(session: Session, act: Act, *, title: str, currency: str, time_zone: str) -> None:
    """Say what the region is, in place of a file region.csv; refuses naming the field that is wrong."""
    _require_empty(session, act)
    short = "-".join(title.lower().split())
    cells = {"name": short, "title": title, "simulated": "0", "simulated_now": ""}
    text = sheets.text_of("region", cells | {"currency": currency, "time_zone": time_zone})
    _, faults = judged({"region": text})
    wrong = [one for one in faults if one.file == "region"]
    if wrong:
        field = "title" if wrong[0].column == "name" else wrong[0].column
        raise Invalid(f"{field}: {wrong[0].reason}", field=field)
    _keep(session, act, name="region", text=text, file_name="")


def drop(session: Session, act: Act, *, template: str) -> None:
    """Take a file out of the draft."""
    _require_empty(session, act)
    found = session.get(RegionDraft, template)
    if found is None:
        raise NothingDrafted(f"no file {template} was sent", field="template", value=template)
    session.delete(found)
    payload = {"template": template, "rows": found.rows}
    journal.record(session, act, action="region.undraft", subject=f"draft:{template}", payload=payload)


def load(session: Session, act: Act) -> Region:
    """Load the draft into the empty installation, all or nothing; refuses with every fault.

    The opening stock is received by the installation itself, in the name of whoever sets it up.
    """
    _require_empty(session, act)
    kept = session.exec(select(RegionDraft)).all()
    rows = read_texts({row.template: row.content for row in kept})
    founding = replace(act, actor=_founding(act.actor))
    region = loading.load(session, founding, rows)
    governance.add_scheduler(session, founding)
    return region


def _founding(actor: Actor) -> Actor:
    """Who sets up, with the rights that an installation has over itself while it is empty."""
    return replace(actor, grants=governance.founder().grants, unproven=False)


def _require_empty(session: Session, act: Act) -> None:
    require(act.actor, "region.import")
    if session.get(Region, 1) is not None:
        raise RegionLoaded("a region is loaded already; a second one needs its own database")


def _keep(session: Session, act: Act, *, name: str, text: str, file_name: str) -> None:
    assert name in TEMPLATES, "a file of another name"
    found = session.get(RegionDraft, name)
    if found is not None:
        session.delete(found)
        session.flush()
    rows = max(0, sum(1 for line in text.splitlines() if line.strip()) - 1)
    session.add(
        RegionDraft(
            template=name,
            file_name=file_name,
            content=text,
            rows=rows,
            sent_by=act.actor.id,
            sent_at=act.recorded_at,
        )
    )
    payload = {"template": name, "rows": rows, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    journal.record(session, act, action="region.draft", subject=f"draft:{name}", payload=payload)
