"""A rule that is to be adopted, tried on the plans of past surges: who would have gained, who lost, plan by plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median

from sqlalchemy import Engine

from stockpile.allocation.alternatives import planning
from stockpile.allocation.planning import Watch
from stockpile.web import crisis_charts as charts
from stockpile.web.committee_reading import Past
from stockpile.web.crisis_compare import fills
from stockpile.web.crisis_rules import rule_name
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import text
from stockpile.web.speech import day, ngettext, say


@dataclass(frozen=True, slots=True)
class Trial:
    """One past plan under both rules: lowest fill of a claim and median fills of municipalities, in thousandths."""

    past: Past
    lowest: Mapping[str, int]
    fills: Mapping[str, Mapping[str, int]]


def trials(
    engine: Engine, plans: Sequence[Past], chosen: Sequence[str], *, limit_seconds: float, watch: Watch
) -> list[Trial]:
    """Every plan under every chosen rule, on its own stock and needs; `watch` hears of every plan done.

    Raises what `planning.compare` does; once cancelled, nothing is given.
    """
    found = []
    for done, past in enumerate(plans):
        if watch.progress is not None:
            watch.progress(done, len(plans))
        compared = planning.compare(
            engine, plan=past.plan, chosen=chosen, limit_seconds=limit_seconds, watch=replace(watch, progress=None)
        )
        lowest = {_rule(one.rule): one.lowest_permille for one in compared.rules}
        found.append(Trial(past, lowest, {_rule(label): by for label, by in fills(compared.members).items()}))
    return found


def _rule(label: str) -> str:
    """The rule's id, by its name and version: `per_capita` of `per_capita/1`."""
    return label.partition("/")[0]


def overall(found: Sequence[Trial]) -> dict[str, dict[str, int]]:
    """By rule the mean over the plans of each municipality's median fill, in thousandths."""
    gathered: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for trial in found:
        for rule, by in trial.fills.items():
            for member, fill in by.items():
                gathered[rule][member].append(fill)
    return {rule: {member: round(mean(each)) for member, each in by.items()} for rule, by in gathered.items()}


def show(found: Sequence[Trial], proposed: str, before: str, *, own: str, name: Callable[[str], str]) -> None:
    """The back-test on the page: in one sentence, plan by plan, as a sorted chart, and by municipality."""
    by_rule = overall(found)
    gain = [one for one, fill in by_rule[proposed].items() if fill > by_rule[before][one]]
    lose = [one for one, fill in by_rule[proposed].items() if fill < by_rule[before][one]]
    parts = (
        ngettext("{n} municipality gains", "{n} municipalities gain", len(gain)),
        ngettext("{n} loses", "{n} lose", len(lose)),
        ngettext("{n} stays as it is", "{n} stay as they are", len(by_rule[proposed]) - len(gain) - len(lose)),
    )
    text("h3", say("Back-test on past surges"))
    text("p", ", ".join(parts) + ".").classes("headline")
    _plans(found, proposed, before)
    charts.sorted_fills({rule_name(rule): by_rule[rule] for rule in (proposed, before)}, own, name)
    text("p", say("Each line holds every municipality, the least filled at the left.")).classes("quiet")
    _municipalities(by_rule, proposed, before, name)


def _plans(found: Sequence[Trial], proposed: str, before: str) -> None:
    rows = []
    for one in found:
        shifts = [fill - one.fills[before][member] for member, fill in one.fills[proposed].items()]
        rows.append(
            {
                "key": str(one.past.plan),
                "plan": _named(one.past),
                "lowest_before": one.lowest[before],
                "lowest_after": one.lowest[proposed],
                "middle_before": round(median(one.fills[before].values())),
                "middle_after": round(median(one.fills[proposed].values())),
                "gain": sum(1 for shift in shifts if shift > 0),
                "lose": sum(1 for shift in shifts if shift < 0),
            }
        )
    columns = [
        ("plan", say("Surge and plan")),
        ("lowest_before", say("Lowest fill, in force")),
        ("lowest_after", say("Lowest fill, proposed")),
        ("middle_before", say("Median fill, in force")),
        ("middle_after", say("Median fill, proposed")),
        ("gain", say("Gain")),
        ("lose", say("Lose")),
    ]
    percents = ("lowest_before", "lowest_after", "middle_before", "middle_after")
    framed_table(columns, rows, percents=percents, numbers=("gain", "lose"), title=say("Plan by plan"))


def _named(past: Past) -> str:
    state = say("closed") if past.closed else say("open")
    facts = {"surge": str(past.surge), "state": state, "plan": str(past.plan), "day": day(past.on)}
    return say("surge {surge} ({state}), plan {plan} of {day}", **facts)


def _municipalities(
    by_rule: Mapping[str, Mapping[str, int]], proposed: str, before: str, name: Callable[[str], str]
) -> None:
    rows = [
        {
            "key": member,
            "name": name(member),
            "before": by_rule[before][member],
            "after": fill,
            "change": fill - by_rule[before][member],
            "who": say("gains") if fill > by_rule[before][member] else _rest(fill, by_rule[before][member]),
        }
        for member, fill in by_rule[proposed].items()
    ]
    rows.sort(key=lambda row: (row["change"], row["name"]))
    columns = [
        ("name", say("Municipality")),
        ("before", say("Fill, in force")),
        ("after", say("Fill, proposed")),
        ("change", say("Change")),
        ("who", say("Gains or loses")),
    ]
    framed_table(
        columns, rows, percents=("before", "after", "change"), title=say("By municipality, over all these plans")
    )


def _rest(after: int, before: int) -> str:
    return say("loses") if after < before else say("unchanged")
