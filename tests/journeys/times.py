"""The journeys' times beside their budgets, gathered from a test report into one table.

    pytest tests/journeys --junit-xml=build/journeys.xml && python -m tests.journeys.times build/journeys.xml

Writes build/journeys.json and build/journeys.md; ends with 1 where a journey took longer than its budget.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

TOLD = re.compile(r"([0-9.]+) s of ([0-9]+) s")


@dataclass(frozen=True, slots=True)
class Time:
    """How long a journey took in this run, and its budget, in seconds."""

    journey: str
    seconds: float
    budget_seconds: int

    @property
    def kept(self) -> bool:
        """Whether it stayed within its budget."""
        return self.seconds <= self.budget_seconds


def gathered(report: str) -> list[Time]:
    """The times that a JUnit report holds, by journey; of one measured twice the longer.

    >>> gathered('<a><property name="scan" value="1.20 s of 15 s"/><property name="x" value="y"/></a>')
    [Time(journey='scan', seconds=1.2, budget_seconds=15)]
    """
    found: dict[str, Time] = {}
    for one in ElementTree.fromstring(report).iter("property"):
        told = TOLD.fullmatch(one.get("value", ""))
        if told is None:
            continue
        time = Time(one.get("name", ""), float(told.group(1)), int(told.group(2)))
        known = found.get(time.journey)
        found[time.journey] = time if known is None or time.seconds > known.seconds else known
    return sorted(found.values(), key=lambda time: time.journey)


def table(times: list[Time]) -> str:
    """The times as a table to read."""
    lines = ["| journey | took | budget | kept |", "|---|---|---|---|"]
    for one in times:
        kept = "yes" if one.kept else "NO"
        lines.append(f"| {one.journey} | {one.seconds:.1f} s | {one.budget_seconds} s | {kept} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Gather the report named on the command line beside itself."""
    report = Path(sys.argv[1])
    times = gathered(report.read_text(encoding="utf-8"))
    report.with_suffix(".json").write_text(json.dumps([asdict(one) for one in times], indent=2) + "\n", "utf-8")
    report.with_suffix(".md").write_text(table(times), "utf-8")
    sys.stdout.write(table(times))
    return 0 if times and all(one.kept for one in times) else 1


if __name__ == "__main__":
    sys.exit(main())
