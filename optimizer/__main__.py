"""python -m optimizer share PROBLEM.json | check PROBLEM.json PLAN.json, for anyone who wants to see for themselves.

`check` ends with 0 only if the plan is feasible and fair, with 1 if not; both end
with 2 where a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from optimizer.allocation.check import check
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return _check(chosen.problem, chosen.plan) if chosen.command == "check" else _share(chosen.problem)
    except (OSError, KeyError, TypeError, ValueError) as failure:
        sys.stderr.write(f"cannot read: {type(failure).__name__}: {failure}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m optimizer", description="Share scarce stock fairly, or check a plan."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    share = commands.add_parser("share", help="print the fair plan as JSON")
    share.add_argument("problem", type=Path)
    judge = commands.add_parser("check", help="judge a plan without any solver")
    judge.add_argument("problem", type=Path)
    judge.add_argument("plan", type=Path)
    return parser


def _check(problem: Path, plan: Path) -> int:
    made_for = problem_from_json(problem.read_bytes())
    verdict = check(made_for, plan_from_json(plan.read_bytes(), made_for))
    sys.stdout.write(f"feasible: {_yes_no(verdict.feasible)}\nfair: {_yes_no(verdict.fair)}\n")
    sys.stdout.writelines(f"- {finding}\n" for finding in verdict.findings)
    return 0 if verdict.feasible and verdict.fair else 1


def _share(problem: Path) -> int:
    # The checker must run where OR-Tools is not installed.
    from optimizer.allocation.model import share

    sys.stdout.write(share(problem_from_json(problem.read_bytes())).canonical().decode() + "\n")
    return 0


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
