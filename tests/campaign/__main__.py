"""`make campaign ARGS="--seed 1 --operations 1000000 --minutes 45"`: ends with 1 where anything is not as promised."""

from __future__ import annotations

import argparse
import sys

from tests.campaign import planted
from tests.campaign.running import Report, run


def main() -> None:
    """Run campaigns with these seeds, or with a planted bug, which must be found."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="so many campaigns, with one seed after the other")
    parser.add_argument("--operations", type=int, default=1_000_000, help="of each campaign")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each campaign, at most")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--planted", choices=(*planted.BUGS, "all"), help="plant a bug instead: it must be found")
    given = parser.parse_args()
    if given.planted:
        bugs = planted.BUGS if given.planted == "all" else (given.planted,)
        sys.exit(any([not _finds(bug, given.seed, given.minutes) for bug in bugs]))
    kinds = {"sqlite": (False,), "postgresql": (True,), "both": (False, True)}[given.database]
    wrong = False
    for seed in range(given.seed, given.seed + given.seeds):
        for postgresql in kinds:
            limits = {"operations": given.operations, "seconds": given.minutes * 60}
            wrong |= _tell(f"seed {seed}, postgresql {postgresql}", run(seed=seed, postgresql=postgresql, **limits))
    sys.exit(wrong)


def _tell(what: str, report: Report) -> bool:
    sys.stdout.write(f"{what}: {report.told()}\n")
    for one in report.violations[:20]:
        sys.stdout.write(f"  {one}\n")
    sys.stdout.flush()
    return bool(report.violations)


def _finds(bug: str, seed: int, minutes: float) -> bool:
    report = run(seed=seed, operations=100_000, seconds=min(minutes * 60, 20), postgresql=True, bug=bug)
    found = _tell(bug, report)
    sys.stdout.write(f"{bug}: {'FOUND' if found else 'NOT FOUND'}\n")
    return found


if __name__ == "__main__":
    main()
