"""`make campaign ARGS="--seeds 10 --minutes 4 --database postgresql"`: ends with 1 where anything is not as promised.

Each campaign goes on until it has asked for so many operations, done so many faults, or its time is over. Over that
time its faults are spread: a thousand in 45 minutes come one in 2.7 seconds, and not all in the first half.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaign import faults, planted
from tests.campaign.running import Report, run

CHANGED = 30
"""How often a generated request is sent again with one thing in it changed."""
GENERATED = "tests/laws/test_generated_requests.py"


def main() -> None:
    """Run campaigns with these seeds, or with a planted bug, which must be found."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="so many campaigns, with one seed after the other")
    parser.add_argument("--operations", type=int, default=10_000_000, help="of each campaign, at most")
    parser.add_argument("--faults", type=int, default=1_000_000, help="of each campaign, at most")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each campaign, at most")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--disk", type=int, default=0, help="megabytes of a disk that fills up now and then")
    parser.add_argument("--planted", choices=(*planted.BUGS, "all"), help="plant a bug instead: it must be found")
    parser.add_argument("--requests", type=int, help="instead: so many generated requests, on each database")
    given = parser.parse_args()
    if given.planted:
        bugs = planted.BUGS if given.planted == "all" else (given.planted,)
        sys.exit(any([not _finds(bug, given.seed, given.minutes) for bug in bugs]))
    names = ("sqlite", "postgresql") if given.database == "both" else (given.database,)
    if given.requests:
        sys.exit(any([not _holds(name, given.requests, given.seed) for name in names]))
    kinds = {"sqlite": (False,), "postgresql": (True,), "both": (False, True)}[given.database]
    reports = []
    began = time.monotonic()
    for seed in range(given.seed, given.seed + given.seeds):
        for postgresql in kinds:
            limits = {"operations": given.operations, "most_faults": given.faults, "seconds": given.minutes * 60}
            limits["apart"] = given.minutes * 60 / given.faults
            limits |= {"disk_megabytes": given.disk if postgresql else 0}
            reports.append(run(seed=seed, postgresql=postgresql, **limits))
            _tell(f"seed {seed}, {'PostgreSQL' if postgresql else 'SQLite'}", reports[-1])
    done, did = sum(one.done for one in reports), sum(sum(one.faults.values()) for one in reports)
    wrong = sum(len(one.violations) for one in reports)
    seconds = time.monotonic() - began
    sys.stdout.write(f"in all: {done:,} done, {did:,} faults, {wrong} violations in {seconds:,.0f} s with judging\n")
    sys.exit(wrong > 0)


def _holds(database: str, requests: int, seed: int) -> bool:
    """Whether generated requests are answered as the document of the API tells, and leave the books right."""
    from tests.laws.test_generated_requests import OPERATIONS

    each = -(-requests // len(OPERATIONS) // (CHANGED + 1)) or 1
    with TemporaryDirectory() as told:
        given = {"": each, "_SEED": seed, "_ON": database, "_TOLD": told}
        set_ = {f"STOCKPILE_GENERATED{name}": str(value) for name, value in given.items()}
        set_["STOCKPILE_CHANGED"] = str(CHANGED)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", GENERATED]
        began = time.monotonic()
        done = subprocess.run(command, cwd=Path(__file__).parents[2], env=os.environ | set_, check=False)
        seconds, answers = time.monotonic() - began, Counter[str]()
        for file in Path(told).iterdir():
            answers.update(json.loads(file.read_text()))
    sent = f"{sum(answers.values()):,} requests in {seconds:.0f} s, {sum(answers.values()) / seconds:,.0f} a second"
    statuses = ", ".join(f"{status} {count:,}" for status, count in sorted(answers.items()))
    sys.stdout.write(f"{database}, seed {seed}: {sent}: {each} for each of {len(OPERATIONS)} routes, each changed ")
    sys.stdout.write(f"{CHANGED} times where that is quick; answered {statuses}\n")
    return done.returncode == 0


def _tell(what: str, report: Report) -> bool:
    sys.stdout.write(f"{what}: {report.told()}\n")
    for one in report.violations[:20]:
        sys.stdout.write(f"  {one}\n")
    sys.stdout.flush()
    return bool(report.violations)


def _finds(bug: str, seed: int, minutes: float) -> bool:
    limits = {"operations": 100_000, "seconds": min(minutes * 60, 20)}
    report = run(seed=seed, postgresql=True, bug=bug, kinds=faults.of(bug), **limits)
    found = _tell(bug, report)
    sys.stdout.write(f"{bug}: {'FOUND' if found else 'NOT FOUND'}\n")
    return found


if __name__ == "__main__":
    main()
