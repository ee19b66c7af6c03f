"""A malformed or contradictory problem is refused by the name of the field and the row, never by a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reference_instances import problem_of, simulated

from optimizer.__main__ import main

GOOD = simulated(3, 6, 4)

Change = Callable[[dict[str, Any]], object]


def first(kind: str, field: str, value: object) -> Change:
    """One field of the first row of a list gets another value."""
    return lambda content: content[kind][0].__setitem__(field, value)


def without(kind: str, field: str) -> Change:
    return lambda content: content[kind][0].pop(field)


def again(kind: str) -> Change:
    return lambda content: content[kind].append(copy.deepcopy(content[kind][0]))


def top(field: str, value: object) -> Change:
    return lambda content: content.__setitem__(field, value)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        (lambda content: content.pop("format"), "format", "is missing"),
        (lambda content: content.pop("lanes"), "lanes", "is missing"),
        (lambda content: content.pop("min_shelf_life_days"), "min_shelf_life_days", "is missing"),
        (top("format", "stockpile-allocation/2"), "format", "must be stockpile-allocation/1"),
        (top("format", 1), "format", "must be stockpile-allocation/1"),
        (top("name", ""), "name", "1 to 200 characters"),
        (top("min_shelf_life_days", 1.5), "min_shelf_life_days", "whole number"),
        (top("min_shelf_life_days", -1), "min_shelf_life_days", "from 0"),
        (top("lots", {}), "lots", "must be a list"),
        (top("lots", [7]), "lots[0]", "must be an object"),
        (top("demands", []), "demands", "nothing to allocate"),
        (top("surprise", 1), "the file", "'surprise' is no key"),
        (without("items", "pack"), "items[0].pack", "is missing"),
        (without("depots", "id"), "depots[0].id", "is missing"),
        (without("lots", "expiry_day"), "lots[0].expiry_day", "is missing"),
        (first("items", "packs", 3), "items[0]", "'packs' is no key"),
        (first("items", "unit_volume", 0), "items[0].unit_volume", "above zero"),
        (first("items", "pack", -5), "items[0].pack", "above zero"),
        (first("items", "criticality", None), "items[0].criticality", "not null"),
        (first("items", "kind", "vaccine"), "items[0].kind", "medicine or spare-part"),
        (first("municipalities", "weight", 0), "municipalities[0].weight", "above zero"),
        (first("municipalities", "weight", True), "municipalities[0].weight", "not a truth value"),
        (first("municipalities", "population", "many"), "municipalities[0].population", "not a text"),
        (first("municipalities", "country", 7), "municipalities[0].country", "must be a text"),
        (first("depots", "dispatch_capacity", -1), "depots[0].dispatch_capacity", "from 0"),
        (first("depots", "x", "east"), "depots[0].x", "must be a number"),
        (first("lots", "quantity", float("nan")), "lots[0].quantity", "finite"),
        (first("lots", "quantity", float("inf")), "lots[0].quantity", "finite"),
        (first("lots", "quantity", 10**400), "lots[0].quantity", "finite"),
        (first("lots", "quantity", 10**20), "lots[0].quantity", "to 1e+12"),
        (first("lots", "quantity", -3), "lots[0].quantity", "from 0"),
        (first("lots", "quantity", "12"), "lots[0].quantity", "not a text"),
        (first("lots", "depot", "nowhere"), "lots[0].depot", "unknown depot 'nowhere'"),
        (first("lots", "item", "nothing"), "lots[0].item", "unknown item 'nothing'"),
        (first("lots", "item", ["item-0"]), "lots[0].item", "not a list"),
        (first("lots", "expiry_day", 3.5), "lots[0].expiry_day", "whole number"),
        (first("lots", "id", "x" * 300), "lots[0].id", "1 to 200 characters"),
        (first("lanes", "days", -1), "lanes[0].days", "from 0"),
        (first("lanes", "capacity", False), "lanes[0].capacity", "not a truth value"),
        (first("lanes", "cost_per_litre", -0.1), "lanes[0].cost_per_litre", "from 0"),
        (first("lanes", "municipality", "Atlantis"), "lanes[0].municipality", "unknown municipality"),
        (first("demands", "municipality", "Atlantis"), "demands[0].municipality", "unknown municipality"),
        (first("demands", "item", "\ud800"), "demands[0].item", "unknown item"),
        (again("depots"), "depots[3].id", "already given by depots[0]"),
        (again("lots"), ".id", "already given by lots[0]"),
        (again("lanes"), ".municipality", "already given by lanes[0]"),
        (again("demands"), ".item", "already given by demands[0]"),
    ],
)
def test_a_wrong_problem_is_refused_by_its_field(
    change: Change, field: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = copy.deepcopy(GOOD)
    change(content)
    said = refusal(json.dumps(content).encode(), tmp_path, capsys)
    assert field in said
    assert reason in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON: Expecting value at line 1, column 1"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"format": "stockpile-allocation/1", "name": ' + b'{"a": ' * 200_000, "nested too deeply"),
        (b"[]", "must be a JSON object, not a list"),
        (b"null", "must be a JSON object, not null"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"format": "stockpile-allocation/1", "format": 1}', "'format': the key stands twice"),
        (b'{"format": "stockpile-allocation/1"}', "name: is missing"),
        (b"{}", "format: is missing"),
    ],
)
def test_a_file_that_is_no_problem_is_refused(
    text: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reason in refusal(text, tmp_path, capsys)


def refusal(text: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What both commands say about a problem that they must refuse with 2."""
    problem, plan = folder / "problem.json", folder / "plan.json"
    problem.write_bytes(text)
    assert main(["allocate", str(problem), "-o", str(plan)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cannot read: ")
    assert said.err.count("\n") == 1
    assert not plan.exists()
    plan.write_text("{}")
    assert main(["check", str(problem), str(plan)]) == 2
    assert capsys.readouterr().err == said.err
    return said.err


def test_a_good_problem_is_read_as_it_stands() -> None:
    problem = problem_of(GOOD)
    assert len(problem.lots) == len(GOOD["lots"])
    assert (
        problem.demands[GOOD["demands"][0]["municipality"], GOOD["demands"][0]["item"]]
        == GOOD["demands"][0]["quantity"]
    )
    assert len(problem.sha256) == 64
