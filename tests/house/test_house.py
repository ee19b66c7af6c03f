"""The house keeps its order: names, sizes, hosts, schema, wheel."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from stockpile import migrations
from stockpile.db import open_engine

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 50
LONGEST_FILE = 400
SHORT = {"verifier.py"}
"""One file that outsiders read and run, at most 150 lines long: its head says what each command proves."""
HOMELESS = {"utils", "helpers", "common", "base", "misc", "manager", "service"}


def tracked() -> list[Path]:
    """Every file of the repository: what git tracks, or all of a source tree without git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]
    return [path for folder in ("stockpile", "optimizer", "fixtures", "tests") for path in (ROOT / folder).rglob("*.*")]


def sources() -> list[Path]:
    """Every Python file of ours but generated revisions."""
    return [path for path in tracked() if path.suffix == ".py" and "versions" not in path.parts]


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of the shipped packages."""
    for path in sources():
        if path.parts[len(ROOT.parts)] in ("stockpile", "optimizer", "fixtures"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield path, node


def test_no_function_is_longer_than_a_screen() -> None:
    long = [f"{p.name}:{f.name}" for p, f in functions() if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION]
    assert long == []


def test_no_file_is_too_long_to_know() -> None:
    long = [p.name for p in sources() if len(p.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE]
    assert long == []


def test_every_public_function_and_class_says_what_it_promises() -> None:
    told = [path for path in sources() if "tests" not in path.parts and path.name not in SHORT]
    silent = [f"{path.name}:{one.name}" for path in told for one in _silent(path)]
    assert silent == []


def _silent(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module without a docstring (the screens' inner functions are not public)."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_") and not ast.get_docstring(node):
            yield node


def test_no_module_is_named_for_nothing() -> None:
    assert [path.name for path in sources() if path.stem in HOMELESS] == []


def test_no_tracked_file_names_an_index_host_or_a_path_of_one_machine() -> None:
    forbidden = re.compile(r"file:/" + r"//|://[^\s\"]+/simple/|/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/")
    named = []
    for path in tracked():
        if (
            path.suffix in (".py", ".md", ".toml", ".txt", ".csv", ".json", ".yml", "")
            and path.stat().st_size < 3_000_000
        ):
            named += [f"{path.name}: {m.group()}" for m in [forbidden.search(_text(path))] if m]
    assert named == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="ignore")


def test_every_table_is_in_the_glossary() -> None:
    glossary = (ROOT / "stockpile" / "GLOSSARY.md").read_text(encoding="utf-8")
    assert [name for name in SQLModel.metadata.tables if f"`{name}`" not in glossary] == []


def test_only_tests_and_the_edges_read_the_clock() -> None:
    """Floors below the edges get the instant as an argument."""
    edges = {"cli.py", "cli_access.py", "cli_audit.py", "caller.py", "quick.py", "schedule.py", "story.py", "show.py"}
    edges |= {"api.py", "app.py", "cli_public.py", "complaints.py", "cli_runs.py", "cli_backup.py"}
    readers = [
        path.name
        for path in sources()
        if "stockpile" in path.parts
        and "tests" not in path.parts
        and "web" not in path.parts
        and path.name not in edges
        and re.search(r"datetime\.(now|utcnow)\(|date\.today\(", path.read_text(encoding="utf-8"))
    ]
    assert readers == []


def test_the_revisions_have_one_head(engine: Engine) -> None:
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(migrations.configuration(connection))
        [head] = script.get_heads()
        chain = [one.revision for one in reversed(list(script.walk_revisions("base", head)))]
    told = " ".join(chain[chain.index("0017") - 1 :]).replace(" ", " > ")
    assert told in (migrations.__doc__ or ""), "the docstring of stockpile.migrations tells the order"


def test_the_migrated_schema_is_that_of_the_tables(engine: Engine, tmp_path: Path) -> None:
    """Columns, constraints and indexes as the revisions make them and as the tables say, on each database."""
    migrated = _schema(engine)
    if engine.dialect.name == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path / 'made.db'}")
        SQLModel.metadata.create_all(made)
        fresh = _schema(made)
        made.dispose()
    else:
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA made"))
        made = engine.execution_options(schema_translate_map={None: "made"})
        SQLModel.metadata.create_all(made)
        fresh = _schema(engine, schema="made")
    assert migrated == fresh


def _schema(engine: Engine, schema: str | None = None) -> dict[str, dict[str, list[str]]]:
    found = inspect(engine)
    return {
        table: {
            "columns": sorted(f"{c['name']} {c['type']!r} {c['nullable']}" for c in found.get_columns(table, schema)),
            "checks": sorted(f"{c['name']} {c['sqltext']}" for c in found.get_check_constraints(table, schema)),
            "unique": sorted(f"{c['name']} {c['column_names']}" for c in found.get_unique_constraints(table, schema)),
            "foreign": sorted(
                f"{c['name']} {c['constrained_columns']} {c['referred_table']} {c['referred_columns']}"
                for c in found.get_foreign_keys(table, schema)
            ),
            "indexes": sorted(
                f"{c['name']} {c['column_names']} {c['unique']}" for c in found.get_indexes(table, schema)
            ),
            "key": sorted(found.get_pk_constraint(table, schema)["constrained_columns"]),
        }
        for table in SQLModel.metadata.tables
    }


def test_the_wheel_carries_both_packages_and_the_demo_region(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named hatchling" in built.stderr:
        pytest.skip("hatchling is not installed: it comes with the dev extra")
    assert built.returncode == 0, built.stderr
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    wanted = {
        "stockpile/cli.py",
        "optimizer/allocation/model.py",
        "stockpile/demo/region/members.csv",
        "stockpile/demo/region/SOURCES.md",
        "stockpile/migrations/script.py.mako",
    }
    assert wanted <= names
