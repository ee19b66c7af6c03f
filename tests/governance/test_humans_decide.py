"""Humans decide: nothing that runs by itself releases stock; whoever does is a named account with a right for it."""

from __future__ import annotations

import ast
from pathlib import Path

import stockpile
from stockpile.governance.rules import RIGHTS, SCHEDULER

ROOT = Path(stockpile.__file__).parent
MOVES = ("ledger.post(", "transfers.arrange(", "transfers.dispatch(")
"""How stock is moved in the source; `ledger.post` is the only writer of balances."""
GIVES_BACK = {"reservations.run"}
"""The one right of the scheduler that posts: reserved stock that nobody fetched returns to the pool."""


def moving() -> dict[str, set[str]]:
    """The rights asked for in each file that moves stock."""
    found: dict[str, set[str]] = {}
    for file in sorted(ROOT.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if any(one in source for one in MOVES):
            calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
            asked = [one for one in calls if getattr(one.func, "id", "") in ("require", "require_any")]
            words = {arg.value for one in asked for arg in one.args if isinstance(arg, ast.Constant)}
            found[file.relative_to(ROOT).as_posix()] = {word for word in words if isinstance(word, str)}
    return found


def test_no_right_of_the_scheduler_is_asked_for_where_stock_moves_but_to_give_back() -> None:
    found = moving()
    assert {"inventory/transfers.py", "contingency/operations.py", "allocation/approval.py"} <= set(found)
    own = {right for right, roles in RIGHTS.items() if SCHEDULER in roles}
    for file, rights in found.items():
        assert rights & own <= GIVES_BACK, file


def test_jobs_call_nothing_that_moves_stock_themselves() -> None:
    for file in sorted((ROOT / "jobs").glob("*.py")):
        source = file.read_text(encoding="utf-8")
        assert not [one for one in (*MOVES, "approval.approve(", "operations.confirm(") if one in source], file


def test_whoever_releases_stock_holds_a_right_that_no_machine_has() -> None:
    releasing = ("plan.approve", "plan.override", "transfer.dispatch", "stock.issue", "stock.release")
    releasing += ("contingency.release", "preemption.approve", "grievance.buffer", "owner.confirm", "second.confirm")
    assert not [right for right in releasing if SCHEDULER in RIGHTS[right]]


def test_a_plan_set_in_motion_only_writes_proposals() -> None:
    """The function that sets a contingency plan in motion, and all it calls in its file, arrange no transfer."""
    tree = ast.parse((ROOT / "contingency/operations.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reached, waiting = set[str](), ["start"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        calls = [node.func for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
        told = {ast.unparse(one) for one in calls}
        assert not told & {"transfers.arrange", "_arrange", "confirm"}, name
        waiting += [one for one in told if one in functions and one not in reached]
    assert {"_begin_steps", "_put_forward"} <= reached
