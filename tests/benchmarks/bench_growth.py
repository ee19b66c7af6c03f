"""How the cost of plan and check grows with items, towns and depots: measured, and drawn as curves.

    python -m tests.benchmarks.bench_growth [CURVES.svg]

prints the tables of RESULTS.md and draws `growth.svg` beside it; `pytest tests/benchmarks/bench_growth.py
-o python_files='bench_*.py' -n 0` measures the same and draws into a folder of its own. CPU seconds of one process,
the solver imported before the clock starts; every plan is checked.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from tests.benchmarks.regions import synthetic_region

USUAL = {"items": 50, "towns": 200, "depots": 20}
SIZES: Mapping[str, tuple[int, ...]] = {
    "items": (25, 50, 100, 200, 400),
    "towns": (100, 200, 400, 800, 1600),
    "depots": (10, 20, 40, 80, 160),
}
COLOUR, WIDTH, HEIGHT, LEFT, TOP = "#14507a", 190.0, 170.0, 50.0, 45.0
LOWEST, HIGHEST = -2, 1
"""The axis of seconds runs from 10^-2 to 10."""


@dataclass(frozen=True)
class Point:
    """CPU seconds of plan and check at one size of one dimension."""

    size: int
    plan: float
    check: float


def measured(dimension: str, size: int) -> Point:
    """One region, planned and checked."""
    problem = synthetic_region(1, **(USUAL | {dimension: size}))
    started = time.process_time()
    plan = share(problem)
    planned = time.process_time()
    assert check(problem, plan).fair
    return Point(size, planned - started, time.process_time() - planned)


def curves() -> dict[str, list[Point]]:
    """All sizes of all dimensions."""
    share(synthetic_region(1, items=1, towns=50, depots=5))
    return {dimension: [measured(dimension, size) for size in sizes] for dimension, sizes in SIZES.items()}


def exponent(points: Sequence[Point]) -> float:
    """The power of the size with which the plan's cost grows, by least squares on the logarithms.

    >>> round(exponent([Point(10, 1.0, 0.1), Point(20, 2.0, 0.2), Point(40, 4.0, 0.4)]), 3)
    1.0
    """
    pairs = [(math.log(one.size), math.log(one.plan)) for one in points]
    across, up = (sum(row) / len(pairs) for row in zip(*pairs, strict=True))
    return sum((x - across) * (y - up) for x, y in pairs) / sum((x - across) ** 2 for x, _ in pairs)


def tables(found: Mapping[str, Sequence[Point]]) -> str:
    """The figures as the tables of RESULTS.md."""
    lines = []
    for dimension, points in found.items():
        lines += [
            f"| {dimension} | " + " | ".join(str(one.size) for one in points) + " |",
            "|---" * (len(points) + 1) + "|",
            "| | " + " | ".join(f"{one.plan:.3f} / {one.check:.3f}" for one in points) + " |",
            "",
            f"plan grows as {dimension} to the power of {exponent(points):.2f}",
            "",
        ]
    return "\n".join(lines)


def drawing(found: Mapping[str, Sequence[Point]]) -> str:
    """The curves as one SVG, both axes logarithmic."""
    others = ", ".join(f"{size} {name}" for name, size in USUAL.items())
    head = f"CPU seconds against each dimension (both axes logarithmic); plan solid, check dashed. Others: {others}"
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 250" font-family="sans-serif" font-size="11">',
        '<rect width="780" height="250" fill="white"/>',
        f'<text x="10" y="16" font-size="13">{head}</text>',
    ]
    for at, (dimension, points) in enumerate(found.items()):
        parts += _panel(LEFT + at * 250, dimension, points)
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: float, dimension: str, points: Sequence[Point]) -> Iterable[str]:
    bottom = TOP + HEIGHT
    for power in range(LOWEST, HIGHEST + 1):
        y = _height(10.0**power)
        yield f'<line x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    across = [left + WIDTH * at / (len(points) - 1) for at in range(len(points))]
    for dash, seconds in (("", [one.plan for one in points]), ("4 3", [one.check for one in points])):
        way = " ".join(f"{x:.1f},{_height(y):.1f}" for x, y in zip(across, seconds, strict=True))
        yield f'<polyline fill="none" stroke="{COLOUR}" stroke-width="2" stroke-dasharray="{dash}" points="{way}"/>'
    for x, one in zip(across, points, strict=True):
        yield f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{one.size}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{bottom + 30}" text-anchor="middle">{dimension}</text>'


def _height(seconds: float) -> float:
    share_ = (math.log10(max(seconds, 10.0**LOWEST)) - LOWEST) / (HIGHEST - LOWEST)
    return TOP + HEIGHT * (1 - share_)


@pytest.mark.benchmark(group="region growth")
def test_the_growth_of_cost_is_measured_and_drawn(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    found = benchmark.pedantic(curves, rounds=1)
    for dimension, points in found.items():
        benchmark.extra_info[dimension] = [f"{one.size}: {one.plan:.3f} / {one.check:.3f}" for one in points]
        benchmark.extra_info[f"{dimension}_power"] = round(exponent(points), 2)
    (tmp_path / "growth.svg").write_text(drawing(found), encoding="utf-8")
    assert drawing(found).count("<polyline") == 2 * len(SIZES)


def main(arguments: Sequence[str]) -> None:
    """Measure, print the tables and draw the curves."""
    found = curves()
    file = Path(arguments[0]) if arguments else Path(__file__).parent / "growth.svg"
    file.write_text(drawing(found), encoding="utf-8")
    sys.stdout.write(f"{tables(found)}\ndrawn: {file.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
