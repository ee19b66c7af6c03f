"""`allocate` and `check` of the neutral format on the command line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from optimizer.reference.allocate import FOREVER, allocate, stages_of
from optimizer.reference.check import check
from optimizer.reference.plan import STAGES, Plan, plan_from_json
from optimizer.reference.problem import Whole, problem_from_json

INTERRUPTED = 130


def is_reference(text: bytes) -> bool:
    """Whether a file means to be of the neutral format: it names a format, or nothing of the product's own."""
    return b'"format"' in text or not (b'"pools"' in text or b'"rule"' in text)


def allocate_file(problem_file: Path, plan_file: Path, *, whole: Whole, limit_seconds: float | None) -> int:
    """Write the best plan for a problem; progress goes to standard error.

    0: the plan is written, and the last line says what is proved; 130: the same after an interrupt.
    Raises FormatError or OSError where a file cannot be read or written.
    """
    problem = problem_from_json(problem_file.read_bytes())
    limit = FOREVER if limit_seconds is None else limit_seconds
    plan = allocate(problem, whole=whole, limit_seconds=limit, report=_say)
    _write(plan_file, plan.canonical())
    for stage in plan.stages:
        _say(f"{stage.name}: {stage.value:.6f}, bound {stage.bound:.6f}, gap {stage.gap:.2g}, {stage.status}")
    _say(_closing(plan, plan_file))
    return INTERRUPTED if plan.ending == "interrupted" else 0


def _closing(plan: Plan, plan_file: Path) -> str:
    how = {
        "finished": "the search finished",
        "time limit": "the time limit ended the search: this is the best plan so far",
        "interrupted": "the search was interrupted: this is the best plan so far",
        "failed": "the solver failed: this is the best plan without it",
    }
    return f"{plan_file}: {plan.status}; {how[plan.ending]} ({plan.seconds['all']:.1f} s)"


def _write(file: Path, content: bytes) -> None:
    """A whole file or none: it takes its name only when it is complete."""
    if file.exists() and not file.is_file():
        file.write_bytes(content)
        return
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def check_file(problem_text: bytes, plan_text: bytes, *, bounds: bool) -> int:
    """Print the verdict on a plan as one JSON object: 0 if it is feasible, 1 if not. Raises FormatError.

    With `bounds`, what the plan's certificates prove is computed again and added.
    """
    problem = problem_from_json(problem_text)
    plan = plan_from_json(plan_text, problem)
    verdict = check(problem, plan)
    printed = verdict.as_json()
    if bounds:
        same = problem.in_units() if plan.whole == "units" else problem
        proved = len(plan.certificates) == len(STAGES)
        stages = stages_of(same, plan.certificates, verdict, whole_packs=bool(plan.whole)) if proved else ()
        printed["bounds"] = {one.name: {"bound": one.bound, "gap": one.gap, "status": one.status} for one in stages}
    sys.stdout.write(json.dumps(printed) + "\n")
    return 0 if verdict.feasible else 1


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()
