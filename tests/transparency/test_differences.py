"""Two publications, one after the other, subtracted by somebody who kept all that was public: no site's stock shows."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import app
from stockpile.allocation import approval, operations
from stockpile.db import reading, transact
from stockpile.inventory.tables import Lane, Site
from stockpile.settings import Settings
from stockpile.transparency.kpis import rules as figures
from stockpile.transparency.publishing import operations as publishing
from stockpile.transparency.publishing import queries, rules
from stockpile.transparency.redaction import rules as redaction
from tests.allocation.surge_room import MEMBERS, ask, planned
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do, take_in
from tests.transparency.public_room import LATER, published, set_clock, walk

PACKS, PACK_SIZE, PACK_PRICE = 7919, 2, 2500
"""What the new depot takes in: a number that nothing else in the small region has."""
SECRETS = frozenset({PACKS, PACKS * PACK_SIZE, PACKS * PACK_PRICE})
NEW_DEPOT = "D-NL"
Pages = dict[str, str]


def test_what_a_new_depot_holds_is_not_the_difference_of_what_was_published_before_and_after(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    """The depot opens between two plans over the same item; the item of the second is withheld, and nothing tells."""
    before, after = told_before_and_after(region, cast, tmp_path)
    assert gives_away(before, after) == []
    assert withheld(region) == {"PUMP": rules.SITE_WOULD_SHOW}


def test_without_the_rule_of_differences_the_subtraction_finds_it(
    region: Engine, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack of this test works: where groups are not compared with those told before, the files give it away."""
    monkeypatch.setattr(redaction, "smallest_atom", lambda groups: redaction.FEWEST_SITES)
    before, after = told_before_and_after(region, cast, tmp_path)
    found = gives_away(before, after)
    assert found
    assert all(path.startswith("/public/plans/") for path in found)


def test_with_the_parts_of_figures_told_the_subtraction_finds_it(
    region: Engine, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack reaches the figures too: were worth in store told, two tellings would differ by the new depot's."""

    def all_told(kpi: figures.Kpi, found: figures.Found, *, outside: bool) -> dict[str, float | None]:
        return {"numerator": found.numerator, "denominator": found.denominator, "value": figures.value(kpi, found)}

    monkeypatch.setattr(figures, "parts", all_told)
    before, after = told_before_and_after(region, cast, tmp_path)
    assert {path.partition("?")[0].partition(".")[0] for path in gives_away(before, after)} >= {"/public/data/kpis"}


def told_before_and_after(engine: Engine, cast: Cast, home: Path) -> tuple[Pages, Pages]:
    """All that is public after a first plan, and after a second one between which a depot opened with its stock."""
    first = published(engine, cast, items=("PUMP",))
    before = all_that_is_public(engine, home)
    transact(engine, opened)
    later = acting(cast["logistics"], after_hours=LATER)
    take_in(engine, later, lot="P-NEW", quantity=PACKS * PACK_SIZE, site=NEW_DEPOT, item="PUMP")
    assert second_plan(engine, cast, surge_id=first.surge_id) != first.id
    set_clock(engine, hours=3 * LATER)
    return before, all_that_is_public(engine, home)


def opened(session: Session) -> None:
    """A depot opens in the Netherlands, with ways to every hospital."""
    place = {"latitude": 50.8, "longitude": 5.9, "time_zone": "Europe/Amsterdam", "cold_store": None}
    session.add(Site(code=NEW_DEPOT, name="Depot Gulpen", kind="depot", country="NL", member_code="NL-1", **place))
    session.flush()
    for hospital in ("H-BE", "H-DE", "H-NL"):
        session.add(Lane(origin=NEW_DEPOT, destination=hospital, minutes=60, cost_minor=9, cold_chain=False))


def second_plan(engine: Engine, cast: Cast, *, surge_id: int) -> int:
    """Everybody asks for pumps again; the plan is approved and, after its delay, published. Its number."""
    need_by = NOW + timedelta(hours=LATER + 24)
    drafts = [ask(member, "PUMP", 40, need_by=need_by) for member in MEMBERS]
    do(engine, operations.submit, acting(cast["requester"], after_hours=LATER), surge_id=surge_id, drafts=drafts)
    made = planned(engine, cast, surge_id, after_hours=LATER + 1)
    do(engine, approval.approve, acting(cast["committee"], after_hours=LATER + 2), plan_number=made.id)
    assert do(engine, publishing.publish_due, acting(cast["coordinator"], after_hours=3 * LATER))
    assert made.id is not None
    return made.id


def all_that_is_public(engine: Engine, home: Path) -> Pages:
    """Every public page and file by path, as a visitor without an account keeps it."""
    with TestClient(app.build(engine, Settings(home=home), scheduled=False)) as client:
        return dict(walk(client))


def gives_away(before: Pages, after: Pages) -> list[str]:
    """Where a number of the second walk is, by itself or less one of the first, what the new depot took in.

    What plans gave in between is known to the public, too: it is taken into account.
    """
    given = {0, *(times * line for line in _given(after) for times in (1, PACK_SIZE, PACK_PRICE))}
    wanted = {secret + sign * one for secret in SECRETS for one in given for sign in (1, -1)}
    found = []
    for path, text in sorted(after.items()):
        old = _numbers(before.get(path, "")) | _numbers(_earlier(path, before)) | {0}
        if any(new - one in wanted for new in _numbers(text) for one in old if new >= PACKS // 2):
            found.append(path)
    return found


def _numbers(text: str) -> set[int]:
    """Every whole number in a text, commas between thousands left out; hashes and codes are no numbers."""
    return {int(one.replace(",", "")) for one in re.findall(r"(?<![\w.-])\d{1,3}(?:,\d{3})+(?![\w-])", text)} | {
        int(one) for one in re.findall(r"(?<![\w.-])\d{1,9}(?![\w-])", text)
    }


def _earlier(path: str, before: Pages) -> str:
    """The same file of earlier plans."""
    kind = re.sub(r"/public/plans/\d+/", "/public/plans/N/", path)
    return "\n".join(
        text for one, text in before.items() if re.sub(r"/public/plans/\d+/", "/public/plans/N/", one) == kind
    )


def _given(pages: Pages) -> set[int]:
    """What each plan gave in all, in packs, by the public table, and all of them together."""
    sums: dict[int, int] = {}
    for row in json.loads(pages["/public/data/allocations.json"])["rows"]:
        sums[row["plan"]] = sums.get(row["plan"], 0) + row["got"] // PACK_SIZE
    return {*sums.values(), sum(sums.values())}


def withheld(engine: Engine) -> dict[str, str]:
    """The items that the newest publication leaves out, and why."""
    with reading(engine) as session:
        newest = queries.publications(session)[-1]
    return dict(one.split(": ", 1) for one in newest["withheld"].split("; ") if one)
