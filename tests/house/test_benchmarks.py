"""The benchmarks still find what they measure: they are run by hand, and would rot unseen."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from shutil import copy

import pytest
from sqlalchemy import Engine

from stockpile.db import reading
from stockpile.inventory import queries
from tests.benchmarks import bench_lists
from tests.benchmarks.posting_room import furnish

HERE = Path(bench_lists.__file__).parent


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("*.py")))
def test_every_benchmark_imports_what_is_still_there(name: str) -> None:
    assert import_module(f"tests.benchmarks.{name}").__doc__


def test_the_storeroom_of_the_posting_benchmarks_is_furnished(sqlite_template: Path, tmp_path: Path) -> None:
    copy(sqlite_template, tmp_path / "room.db")
    room = furnish(f"sqlite:///{tmp_path / 'room.db'}", shelves=20)
    assert len(room.lots) == 10
    assert room.token


def test_the_lots_of_the_list_benchmark_are_stocked(region: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_lists, "LOTS", 30)
    bench_lists._stock(region)
    with reading(region) as session:
        assert len([one for one in queries.pool_stock(session) if one.lot.startswith("B0")]) == 30
