"""The commands `reorder`, `check-reorder`, `explain-reorder` and `conflict-reorder` of `python -m optimizer`."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.problem import Problem
from optimizer.reorder.horizon.proof import ProofError, proven_bound
from optimizer.reorder.horizon.reading import plan_from_json, problem_from_json


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The four commands and their arguments."""
    plan = commands.add_parser("reorder", help="write a plan of orders over many weeks, with a proven bound")
    plan.add_argument("problem", type=Path)
    plan.add_argument("-o", "--output", type=Path, required=True, help="the plan's file")
    plan.add_argument("--gap", type=_share, default=0.0005, help="how near to its bound the plan must come")
    plan.add_argument("--time-limit", type=_seconds, default=60.0, metavar="S", help="seconds, the best plan then")
    judge = commands.add_parser("check-reorder", help="judge a reorder plan without any solver")
    judge.add_argument("problem", type=Path)
    judge.add_argument("plan", type=Path)
    judge.add_argument("--bound", action="store_true", help="also derive the bound anew from the plan's prices")
    told = commands.add_parser("explain-reorder", help="print the price of more service and of scarce clauses")
    told.add_argument("problem", type=Path)
    told.add_argument("plan", type=Path)
    why = commands.add_parser(
        "conflict-reorder", help="name the clauses that cannot all be kept, and the cheapest way out"
    )
    why.add_argument("problem", type=Path)
    why.add_argument("--all-lines", action="store_true", help="every line's demand must be served, whatever it costs")
    why.add_argument("--floors", action="store_true", help="stock must not end a week below a line's floor either")
    why.add_argument("--time-limit", type=_seconds, default=20.0, metavar="S", help="seconds, the best told then")


def run(chosen: argparse.Namespace) -> int:
    """Run the chosen command and return its exit status."""
    if chosen.command == "reorder":
        return reorder_file(chosen.problem, chosen.output, gap=chosen.gap, limit_seconds=chosen.time_limit)
    if chosen.command == "explain-reorder":
        return explain_file(chosen.problem, chosen.plan)
    if chosen.command == "conflict-reorder":
        return conflict_file(chosen)
    return check_file(chosen.problem, chosen.plan, bound=chosen.bound)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to below 1")
    return share


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above zero")
    return seconds


def reorder_file(problem: Path, output: Path, *, gap: float, limit_seconds: float) -> int:
    """Plan the problem, write the plan and say how far it is proven; 0 unless a line that must be served is not (1)."""
    # The checker must run where OR-Tools is not installed.
    from optimizer.reorder.horizon.model import plan_horizon

    plan = plan_horizon(problem_from_json(problem.read_bytes()), gap=gap, limit_seconds=limit_seconds)
    output.write_bytes(plan.canonical() + b"\n")
    unmet = sum(one.unmet for one in plan.services)
    wanted = sum(one.demand for one in plan.services)
    sys.stdout.write(
        f"{plan.status}: cost {_money(plan.cost.total)}, no plan below {_money(plan.bound)} "
        f"(gap {plan.gap:.4%}); {len(plan.orders)} orders; {unmet} of {wanted} units unmet\n"
    )
    return 1 if plan.status == "UNSERVED" else 0


def explain_file(problem: Path, plan: Path) -> int:
    """Print what the plan's prices say, as JSON; 1 where the plan is for another problem."""
    from optimizer.reorder.horizon.explain import explain

    made_for = problem_from_json(problem.read_bytes())
    made = plan_from_json(plan.read_bytes())
    if made.problem_digest != made_for.digest():
        sys.stderr.write("problem_digest: the plan is for another problem\n")
        return 1
    sys.stdout.write(explain(made_for, made).canonical().decode() + "\n")
    return 0


def conflict_file(chosen: argparse.Namespace) -> int:
    """Print what keeps the needs from being served, as JSON; 0 where nothing does, 1 where something may."""
    from optimizer.reorder.horizon.conflict import Asked
    from optimizer.reorder.horizon.infeasible import find_conflicts

    problem = problem_from_json(chosen.problem.read_bytes())
    lines = tuple(line.id for line in problem.lines) if chosen.all_lines else None
    found = find_conflicts(problem, Asked(lines, keep_floors=chosen.floors), limit_seconds=chosen.time_limit)
    sys.stdout.write(found.canonical().decode() + "\n")
    return 0 if found.servable else 1


def check_file(problem: Path, plan: Path, *, bound: bool) -> int:
    """Judge a plan without any solver; with `bound` derive its bound anew too. 0 if accepted, else 1."""
    made_for = problem_from_json(problem.read_bytes())
    made = plan_from_json(plan.read_bytes())
    verdict = check(made_for, made)
    findings = list(verdict.findings)
    if bound:
        findings += _bound_findings({one.clause: one.price for one in made.prices}, made.bound, made_for)
    sys.stdout.write(f"feasible: {'yes' if verdict.feasible else 'no'}\n")
    sys.stdout.writelines(f"- {finding}\n" for finding in findings)
    return 1 if findings else 0


def _bound_findings(prices: dict[str, str], claimed: int, problem: Problem) -> list[str]:
    try:
        proven = proven_bound(problem, prices)
    except ProofError as failure:
        return [str(failure)]
    sys.stdout.write(f"bound: the prices prove {_money(proven)}, the plan says {_money(claimed)}\n")
    return [f"bound {claimed} is above {proven}, what the prices prove"] if claimed > proven else []


def _money(milli: int) -> str:
    return f"{milli / 100_000:,.2f}"
