"""Every entry of the journal says why: a law over the source, for entries that nobody is asked a reason for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import journal
from stockpile.db import reading, transact
from stockpile.grounds import GROUNDS, ground
from stockpile.journal import JournalEntry, NoReason
from tests.access import story
from tests.access.doors import Doors
from tests.conftest import Cast, acting
from tests.governance.callgraph import sources

RECORDING = {"record", "journal.record", "journal.Note", "Note"}
STEPS_OF: Mapping[str, str] = {
    "stockpile.contracts.procurement.operations": "tender.",
    "stockpile.contracts.procurement.awarding": "tender.",
    "stockpile.contracts.calloffs.operations": "calloff.",
    "stockpile.contracts.invoices.operations": "invoice.",
}
"""Modules whose helper is told the step alone, and what stands before it in the journal."""
HELPERS = {"note", "_note", "_noted", "_moved", "_done", "gate.note"}
NAMED = re.compile(r"[a-z_]+\.[a-z_]+")
GIVEN_BY_THE_HELPER = {"owner.propose", "owner.confirm", "proposal.withdraw", "proposal.decline", "proposal.confirm"}
"""The helper reads the reason from the row that it journals."""


def unreasoned(modules: Mapping[str, str]) -> set[str]:
    """What is journalled without being given a reason, by the action's name."""
    return {name for module, text in modules.items() for name in _of_module(module, ast.parse(text))}


def _of_module(module: str, tree: ast.Module) -> Iterator[str]:
    for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
        called = ast.unparse(call.func)
        given = {one.arg: one.value for one in call.keywords}
        texts = [one.value for one in [*call.args, *given.values()] if isinstance(one, ast.Constant)]
        names = [one for one in texts if isinstance(one, str) and NAMED.fullmatch(one)]
        empty = "reason" not in given or (isinstance(given["reason"], ast.Constant) and not given["reason"].value)
        if called in RECORDING and empty:
            yield from names
        elif called in HELPERS and empty and not _said(call):
            steps = [one for one in texts if isinstance(one, str) and re.fullmatch("[a-z_]+", one)]
            prefix = STEPS_OF.get(module)
            yield from [f"{prefix}{one}" for one in steps] if prefix else names


def _said(call: ast.Call) -> bool:
    """Whether a helper is handed a reason by its place: its last argument is called so."""
    return bool(call.args) and ast.unparse(call.args[-1]).split(".")[-1] in ("reason", "rationale")


def test_every_entry_that_nobody_gives_a_reason_for_has_its_ground() -> None:
    found = unreasoned(sources())
    assert len(found) > 70, "the law sees what is journalled"
    assert found - set(GROUNDS) - GIVEN_BY_THE_HELPER == set()


def test_no_ground_is_blank() -> None:
    assert [action for action, words in GROUNDS.items() if not words.strip()] == []


def test_an_entry_whose_ground_is_forgotten_is_found() -> None:
    modules, name = sources(), "stockpile.allocation.carrying.operations"
    modules[name] = re.sub(r"reason=[\w.]+", 'reason=""', modules[name])
    assert unreasoned(modules) - set(GROUNDS) - GIVEN_BY_THE_HELPER == {"carrying.limit"}


def test_what_is_done_without_a_reason_and_is_no_reason_itself_is_refused(region: Engine, cast: Cast) -> None:
    def blank(session: Session) -> None:
        journal.record(session, acting(cast["buyer"]), action="contract.step", subject="x", payload={}, reason="  ")

    with pytest.raises(NoReason, match=r"contract\.step"):
        transact(region, blank)


def test_a_region_in_which_something_of_every_kind_happened_has_no_entry_without_a_reason(
    region: Engine, tmp_path: Path
) -> None:
    doors = Doors(region, tmp_path, public_per_minute=100_000)
    story.tell(doors)
    with reading(region) as session:
        entries = list(session.exec(select(JournalEntry)))
    assert len({one.action for one in entries}) >= 45
    assert [(one.action, one.subject) for one in entries if not one.reason.strip()] == []


def test_a_ground_is_filled_with_what_the_entry_holds() -> None:
    assert ground("loss.raise", {"cause": "a broken seal"}) == "a broken seal"
    with pytest.raises(KeyError):
        ground("loss.raise", {})
