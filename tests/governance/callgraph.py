"""Which function of the service calls which, by its source: enough to see what an operation reaches.

Names are followed through imports; what is called through a table or an object is not seen, so that a law over this
graph can be too strict, and then names its exceptions with their reasons, but is not blind where functions are called
by name, as they are here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import stockpile

ROOT = Path(stockpile.__file__).parent.parent
ON_THE_SESSION: Final = {"session.add", "session.add_all", "session.delete", "session.merge"}
WRITING: Final = {
    *(f"{library}.{verb}" for library in ("sqlmodel", "sqlalchemy") for verb in ("insert", "update", "delete")),
    *(f"sqlalchemy.dialects.{kind}.insert" for kind in ("sqlite", "postgresql")),
    "stockpile.bulk.insert",
}


@dataclass(slots=True)
class Graph:
    """Functions by their whole name, what each calls, and which write to a table themselves."""

    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    calls: dict[str, set[str]] = field(default_factory=dict)
    writing: set[str] = field(default_factory=set)

    def reached(self, start: str) -> set[str]:
        """Everything that a function calls, and what that calls, itself included."""
        found, waiting = set[str](), [start]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.calls.get(name, ())
        return found

    def effectful(self) -> list[str]:
        """The public functions that are handed an act and reach a write to a table, by name."""
        return [
            name
            for name, one in sorted(self.functions.items())
            if not one.name.startswith("_")
            and _handed_an_act(one)
            and not name.startswith(("stockpile.journal.", "stockpile.idempotency."))
            and any(part in self.writing and not part.startswith("stockpile.journal.") for part in self.reached(name))
        ]


def sources() -> dict[str, str]:
    """The service's modules by name, revisions of the schema left out."""
    files = [file for file in sorted((ROOT / "stockpile").rglob("*.py")) if "versions" not in file.parts]
    return {_named(file): file.read_text(encoding="utf-8") for file in files}


def _named(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def graph(modules: Mapping[str, str]) -> Graph:
    """The graph of these modules."""
    made, trees = Graph(), {name: ast.parse(text) for name, text in modules.items()}
    homes: dict[str, str] = {}
    for module, tree in trees.items():
        for name, one in _functions(tree.body, module):
            made.functions[name], homes[name] = one, module
    known = {module: _imports(tree) for module, tree in trees.items()}
    for name, one in made.functions.items():
        module = homes[name]
        parts = [node for node in ast.walk(one) if isinstance(node, ast.Name | ast.Attribute)]
        asked = {_whole(node, module, known[module], made.functions) for node in parts}
        made.calls[name] = asked - {name}
        calls = [node.func for node in ast.walk(one) if isinstance(node, ast.Call)]
        told = {_whole(node, module, known[module], made.functions) for node in calls}
        if told & WRITING or {ast.unparse(node) for node in calls} & ON_THE_SESSION:
            made.writing.add(name)
    return made


def _functions(body: Iterable[ast.stmt], inside: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{inside}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{inside}.{node.name}")


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def _whole(node: ast.expr, module: str, known: Mapping[str, str], functions: Mapping[str, object]) -> str:
    """The whole name of what is named in a module."""
    head, dot, rest = ast.unparse(node).partition(".")
    own = f"{module}.{head}"
    return (known.get(head) or (own if own in functions else head)) + dot + rest


def _handed_an_act(one: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = (*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs)
    return any(arg.annotation is not None and ast.unparse(arg.annotation) == "Act" for arg in given)
