"""python -m optimizer share PROBLEM.json | check PROBLEM.json PLAN.json | compare PROBLEM.json --rules A,B, ...

For anyone who wants to see for themselves. `check` ends with 0 only if the plan is feasible and fair, with 1 if not;
all end with 2 where a file cannot be read or a rule lacks a fact.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from optimizer.allocation.check import check
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; a wrong argument ends the program with 2."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
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
    share.set_defaults(run=lambda chosen: _share(chosen.problem))
    judge = commands.add_parser("check", help="judge a plan without any solver")
    judge.add_argument("problem", type=Path)
    judge.add_argument("plan", type=Path)
    judge.set_defaults(run=lambda chosen: _check(chosen.problem, chosen.plan))
    others = commands.add_parser("compare", help="print what every claim gets under several rules, as JSON")
    others.add_argument("problem", type=Path)
    others.add_argument("--rules", default="", help="sharing rules by id, with commas: leximin,per_capita,talmud")
    others.add_argument("--policy", type=Path, action="append", default=[], help="a policy as JSON; may be repeated")
    others.add_argument("--facts", type=Path, help="populations and the like by municipality or claim, as JSON")
    others.add_argument("--seed", help="the opened seed of a lottery")
    others.set_defaults(run=_compare)
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


def _compare(chosen: argparse.Namespace) -> int:
    from optimizer.sharing.compare import compare
    from optimizer.sharing.policy import policy_from_json, policy_of
    from optimizer.sharing.problem import facts_from_json

    policies = [policy_of(rule.strip()) for rule in chosen.rules.split(",") if rule.strip()]
    policies += [policy_from_json(file.read_bytes()) for file in chosen.policy]
    if not policies:
        raise ValueError("nothing to compare: name rules with --rules or policies with --policy")
    facts = facts_from_json(chosen.facts.read_bytes()) if chosen.facts else {}
    problem = problem_from_json(chosen.problem.read_bytes())
    found = compare(problem, policies, facts=facts, seed=chosen.seed, workers=os.cpu_count() or 1)
    sys.stdout.write(found.canonical().decode() + "\n")
    return 0


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main())
