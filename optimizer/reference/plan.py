"""A plan in the format `stockpile-allocation-solution/1`: lines, and what is proved about them.

Beside the keys that the format knows, the file carries the hash of its problem,
how the planning ended, per stage a value, a bound and the gap between them, and the
multipliers from which anyone can compute each bound again. Seconds are told to
the caller and are not in the file: same problem, same bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from optimizer.reference.fields import LARGEST, FormatError, Row, load
from optimizer.reference.problem import Problem, Whole

WHOLE: Final[tuple[Whole, ...]] = ("packs", "units")

FORMAT = "stockpile-allocation-solution/1"
VERSION = "reference/1"
PROVED = 1e-6
"""A stage whose gap is at most this counts as optimal: the relative tolerance of the format."""

STAGES = ("min_service", "weighted_served", "cost")

Ending = Literal["finished", "time limit", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Line:
    """Issue units of one lot to one municipality."""

    lot: str
    municipality: str
    quantity: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """Multipliers, all at least zero, that prove one stage's bound (see `bounds`); zeros are left out.

    `lots`: (depot, item, days, value) for what leaves over lanes of at least so many days;
    `demands`: (municipality, item, value); `lanes`: (depot, municipality, value); `depots`: (depot, value);
    `service`: (municipality, value); `weight`: for the weighted quantity, used in the last stage.
    """

    lots: tuple[tuple[str, str, int, float], ...] = ()
    demands: tuple[tuple[str, str, float], ...] = ()
    lanes: tuple[tuple[str, str, float], ...] = ()
    depots: tuple[tuple[str, float], ...] = ()
    service: tuple[tuple[str, float], ...] = ()
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the objective: what the plan reaches, and what no plan can pass that keeps the stages before.

    `gap` is relative to the bound (to the value for cost); `source` says where the bound comes from.
    """

    name: str
    status: Literal["optimal", "feasible"]
    value: float
    bound: float
    gap: float
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines with what is proved about them. `seconds` (wall time per stage) never enters the file."""

    problem: str
    lines: tuple[Line, ...]
    problem_sha256: str = ""
    whole: Whole = ""
    ending: Ending = "finished"
    stages: tuple[Stage, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    solver: str = ""
    seconds: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def status(self) -> Literal["optimal", "feasible"]:
        """Optimal if every stage is."""
        return "optimal" if self.stages and all(one.status == "optimal" for one in self.stages) else "feasible"

    def canonical(self) -> bytes:
        """The plan's file: canonical JSON, same inputs, same bytes."""
        content = {
            "format": FORMAT,
            "problem": self.problem,
            "problem_sha256": self.problem_sha256,
            "version": VERSION,
            "solver": self.solver,
            "whole": self.whole,
            "ending": self.ending,
            "status": self.status,
            "stages": [asdict(stage) for stage in self.stages],
            "allocations": [{"lot": x.lot, "municipality": x.municipality, "quantity": x.quantity} for x in self.lines],
            "certificates": [asdict(one) for one in self.certificates],
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def plan_from_json(text: bytes | str, problem: Problem) -> Plan:
    """Read a plan by anyone for `problem`; keys that the format does not know are left to those who wrote them.

    Raises FormatError where it is malformed, made for another problem or names a lot that the problem has not.
    Certificates are read where there are any.
    """
    top = load(text, "plan")
    top.only(("format", "problem", "allocations"), tuple(top.data))
    if top.data["format"] != FORMAT:
        raise top.refuse("format", f"must be {FORMAT}, not {top.data['format']!r:.60}")
    if top.text("problem") != problem.name:
        raise top.refuse("problem", f"the plan is for {top.data['problem']!r:.60}, the problem is {problem.name!r:.60}")
    if top.data.get("problem_sha256", problem.sha256) != problem.sha256:
        raise top.refuse("problem_sha256", "the plan was made for a problem of other content")
    return Plan(
        problem=problem.name,
        whole=top.one_of("whole", WHOLE) if top.data.get("whole") else "",
        lines=tuple(_line(row, problem) for row in top.rows("allocations")),
        certificates=tuple(_certificate(row) for row in top.rows("certificates")) if "certificates" in top.data else (),
    )


def _line(row: Row, problem: Problem) -> Line:
    row.only(("lot", "municipality", "quantity"))
    return Line(
        lot=row.known("lot", problem.lots, "lot"),
        municipality=row.known("municipality", problem.municipalities, "municipality"),
        quantity=row.number("quantity", least=-LARGEST),
    )


def _certificate(row: Row) -> Certificate:
    row.only(("lots", "demands", "lanes", "depots", "service", "weight"))
    shapes: dict[str, tuple[type, ...]] = {
        "lots": (str, str, int, float),
        "demands": (str, str, float),
        "lanes": (str, str, float),
        "depots": (str, float),
        "service": (str, float),
    }
    entries: dict[str, Any] = {name: _entries(row, name, shape) for name, shape in shapes.items()}
    return Certificate(**entries, weight=row.number("weight", least=-LARGEST))


def _entries(row: Row, name: str, shape: tuple[type, ...]) -> tuple[tuple[Any, ...], ...]:
    value = row.data[name]
    if not isinstance(value, list):
        raise row.refuse(name, "must be a list")
    for at, entry in enumerate(value):
        if not isinstance(entry, list) or len(entry) != len(shape) or not all(map(_fits, entry, shape)):
            raise FormatError(f"{row.name(name)}[{at}]: must be a list of {', '.join(one.__name__ for one in shape)}")
    return tuple(tuple(entry) for entry in value)


def _fits(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and not isinstance(value, bool)
