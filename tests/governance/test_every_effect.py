"""Every operation that changes something asks for a right and is in the journal: a law over the source, none left out.

`tests/access` shows the same from outside for every route; this reaches what screens, jobs and commands call too.
"""

from __future__ import annotations

from functools import cache

from tests.governance.callgraph import Graph, graph, sources

JOURNAL = {"stockpile.journal.record", "stockpile.journal.record_each"}
ASKING = {f"stockpile.governance.rules.{name}" for name in ("require", "require_any", "allowed", "holds")}
TOLD_ELSEWHERE = {
    "stockpile.contracts.operations.receive_arrival": "part of a receipt, which goods.receive tells",
    "stockpile.contracts.operations.receive_line": "part of a receipt, which stock.post tells",
    "stockpile.governance.committee.gate.freeze": "part of a vote's beginning, which decision.open tells",
    "stockpile.governance.keys.operations.begin_factor": "counts for nothing until it is confirmed: factor.add",
    "stockpile.inventory.importing.operations.accept": "waits with its hash; what it posts stock.import tells",
    "stockpile.jobs.operations.run": "a try on record; what the job does is told by what it does",
    "stockpile.transparency.privacy.operations.keep": "who keeps it tells its commitment: contact.keep",
}
"""Operations that write no entry of their own, and which entry tells what they do."""
ONES_OWN = {
    *(f"stockpile.governance.keys.operations.{name}_factor" for name in ("begin", "give_up", "prove")),
    "stockpile.governance.operations.change_password",
}
"""What everybody may do to their own sign-in and nobody else's."""
BY_ITS_STEP = {"stockpile.inventory.proposals.operations.propose"}
"""Asks for the right of the step that is proposed, by a table of steps."""

FORGETFUL = (
    ("stockpile.allocation.carrying.operations", "limit"),
    ("stockpile.allocation.computing.operations", "begin"),
    ("stockpile.inventory.counts.operations", "enter"),
    ("stockpile.region.drafting", "drop"),
)
"""Where the entry is taken away to see that the law finds it."""


@cache
def service() -> Graph:
    """The service as it is."""
    return graph(sources())


def silent(found: Graph) -> set[str]:
    """Effectful operations that reach no entry in the journal."""
    return {name for name in found.effectful() if not found.reached(name) & JOURNAL}


def unasked(found: Graph) -> set[str]:
    """Effectful operations that an edge calls and that ask for no right."""
    edges = [name for name in found.functions if _edge(name)]
    called = {one for name in edges for one in found.calls[name]}
    return {name for name in found.effectful() if name in called and not found.reached(name) & ASKING}


def _edge(name: str) -> bool:
    """Whether a function belongs to what people and the clock call: routes, screens, commands, jobs."""
    parts = name.split(".")
    return "api" in parts or parts[1] in ("web", "jobs", "app") or parts[1].startswith("cli")


def test_every_operation_that_changes_something_is_in_the_journal() -> None:
    assert len(service().effectful()) > 250, "the graph sees the operations"
    assert silent(service()) == set(TOLD_ELSEWHERE)


def test_every_operation_that_people_or_the_clock_call_asks_for_a_right() -> None:
    assert unasked(service()) - ONES_OWN - BY_ITS_STEP == set()


def test_an_operation_that_forgets_the_journal_is_found() -> None:
    modules = sources()
    for module, _ in FORGETFUL:
        assert "journal.record(" in modules[module]
        modules[module] = modules[module].replace("journal.record(", "str(")
    assert {f"{module}.{operation}" for module, operation in FORGETFUL} <= silent(graph(modules))


def test_an_operation_that_forgets_its_right_is_found() -> None:
    modules, name = sources(), "stockpile.allocation.carrying.operations"
    modules[name] = modules[name].replace("    require(act.actor,", "    str(act.actor,")
    assert unasked(graph(modules)) - ONES_OWN - BY_ITS_STEP == {f"{name}.limit"}
