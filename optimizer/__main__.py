"""python -m optimizer share | compare | allocate | check, for anyone who wants to see for themselves.

`share PROBLEM.json`, `compare PROBLEM.json --rules A,B` and `check PROBLEM.json PLAN.json` speak the product's own
format: `check` ends with 0 only if the plan is proven to be what its rules say, with 1 if not. `allocate PROBLEM.json
-o PLAN.json` and `check` speak the neutral format `stockpile-allocation/1` too, which `check` recognises: there it
prints one JSON object and ends with 0 only if the plan is feasible. All end with 2 where a file cannot be read or
written, or a rule lacks a fact. `reorder`, `check-reorder`, `explain-reorder` and `conflict-reorder` are told in
optimizer/reorder/FORMAT.md. `allocate` ends with 130 where an interrupt ended its search, after writing the best plan
so far.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

from optimizer.allocation.check import check
from optimizer.allocation.plan import BY_POLICY, FAIR
from optimizer.allocation.reading import plan_from_file, problem_from_file
from optimizer.reference.command import allocate_file, check_file, is_reference
from optimizer.reference.fields import FormatError
from optimizer.reorder.horizon import command as horizon


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; a wrong argument ends the program with 2."""
    chosen = _parser().parse_args(arguments)
    try:
        return _run(chosen)
    except FormatError as failure:
        sys.stderr.write(f"cannot read: {failure}\n")
        return 2
    except (OSError, KeyError, TypeError, ValueError) as failure:
        sys.stderr.write(f"cannot read: {type(failure).__name__}: {failure}\n")
        return 2


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "share":
        return _share(chosen.problem)
    if chosen.command == "compare":
        return _compare(chosen)
    if chosen.command == "allocate":
        return allocate_file(chosen.problem, chosen.output, whole=chosen.whole, limit_seconds=chosen.time_limit)
    if chosen.command.endswith("reorder"):
        return horizon.run(chosen)
    text = chosen.problem.read_bytes()
    if is_reference(text):
        return check_file(text, chosen.plan.read_bytes(), bounds=chosen.bounds)
    return _check(chosen.problem, chosen.plan)


def _seconds(text: str) -> float:
    """A time limit: above zero and finite."""
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above zero")
    return seconds


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
    judge.add_argument("--bounds", action="store_true", help="neutral format: also compute what is proved")
    others = commands.add_parser("compare", help="print what every claim gets under several rules, as JSON")
    others.add_argument("problem", type=Path)
    others.add_argument("--rules", default="", help="sharing rules by id, with commas: leximin,per_capita,talmud")
    others.add_argument("--policy", type=Path, action="append", default=[], help="a policy as JSON; may be repeated")
    others.add_argument("--facts", type=Path, help="populations and the like by municipality or claim, as JSON")
    others.add_argument("--seed", help="the opened seed of a lottery")
    plan = commands.add_parser("allocate", help="write a plan for a problem of the neutral format")
    plan.add_argument("problem", type=Path)
    plan.add_argument("-o", "--output", type=Path, required=True, help="the plan's file")
    steps = plan.add_mutually_exclusive_group()
    for unit in ("packs", "units"):
        named = f"give whole {unit} only"
        steps.add_argument(f"--whole-{unit}", dest="whole", action="store_const", const=unit, default="", help=named)
    plan.add_argument("--time-limit", type=_seconds, metavar="S", help="seconds after which the best plan is taken")
    horizon.add_commands(commands)
    return parser


def _check(problem: Path, plan: Path) -> int:
    made_for = problem_from_file(problem.read_bytes())
    judged = plan_from_file(plan.read_bytes(), made_for)
    verdict = check(made_for, judged)
    sys.stdout.write(f"feasible: {_yes_no(verdict.feasible)}\nfair: {_yes_no(verdict.fair)}\n")
    sys.stdout.writelines(f"- {finding}\n" for finding in verdict.findings)
    if judged.method not in (FAIR, BY_POLICY):
        sys.stdout.write(f"what it says of itself holds: {_yes_no(verdict.labelled)}\n")
    if made_for.policies:
        sys.stdout.write(f"as its policies say: {_yes_no(verdict.kept)}\n")
        sys.stdout.writelines(f"checked: {one}\n" for one in verdict.checked)
    return 0 if verdict.kept else 1


def _share(problem: Path) -> int:
    # The checker must run where OR-Tools is not installed.
    from optimizer.allocation.model import share

    sys.stdout.write(share(problem_from_file(problem.read_bytes())).canonical().decode() + "\n")
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    from optimizer.sharing.compare import compare
    from optimizer.sharing.policy import policy_from_json, policy_of
    from optimizer.sharing.problem import facts_from_json

    policies = [policy_of(rule.strip()) for rule in chosen.rules.split(",") if rule.strip()]
    policies += [policy_from_json(file.read_bytes()) for file in chosen.policy]
    if not policies:
        raise ValueError("nothing to compare: name rules with --rules or policies with --policy")
    facts = facts_from_json(chosen.facts.read_bytes()) if chosen.facts else {}
    problem = problem_from_file(chosen.problem.read_bytes())
    found = compare(problem, policies, facts=facts, seed=chosen.seed, workers=os.cpu_count() or 1)
    sys.stdout.write(found.canonical().decode() + "\n")
    return 0


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
