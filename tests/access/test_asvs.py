"""The table of evidence: complete for levels 1 and 2, and naming only what is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LINES = [
    [part.strip() for part in line.strip("|\n").split("|", 3)]
    for line in (HERE / "ASVS.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [0-9]", line)
]


def test_every_requirement_of_levels_1_and_2_has_one_line() -> None:
    assert Counter(level for _, level, _, _ in LINES) == {"1": 70, "2": 183}
    assert len({number for number, _, _, _ in LINES}) == 253
    assert [number for number, _, met, _ in LINES if met not in ("yes", "partly", "no", "n/a")] == []


def test_every_file_that_is_named_as_evidence_exists() -> None:
    named = {path for *_, said in LINES for path in re.findall(r"`((?:tests|stockpile)/[^`]+)`", said)}
    assert len(named) > 30
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []


def test_every_line_says_why() -> None:
    assert [number for number, _, _, said in LINES if len(said) < 8] == []
