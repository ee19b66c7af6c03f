"""The two stories that can be told: the first wave of 2020 and the floods of 2021. Both are simulations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

Substitute = tuple[str, str, int, int, str]
"""An item, its substitute, so many units of it for so many of the item, and why."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What makes a story: its templates' folder, its days, the surge as it is declared, and what is said of it.

    `justification`: why municipalities ask; `notes` are told when it begins.
    """

    folder: str
    first: date
    last: date
    reorder: date
    hazard: str
    level: int
    evidence: str
    justification: str
    label: str
    title: str
    substitutes: tuple[Substitute, ...] = ()
    notes: tuple[str, ...] = ()


WAVE: Final = Scenario(
    folder="region",
    first=date(2020, 3, 30),
    last=date(2020, 4, 5),
    reorder=date(2020, 3, 31),
    hazard="epidemic",
    level=3,
    evidence="hospital admissions of the region rose tenfold in the second half of March 2020",
    justification="admissions of the last seven days",
    label="SIMULATED: real municipalities, caseload, prices and delivery records; made-up stock, contracts and cover",
    title="Week 14 of 2020, all plans together - SIMULATED",
)
FLOODS: Final = Scenario(
    folder="floods-2021",
    first=date(2021, 7, 14),
    last=date(2021, 7, 18),
    reorder=date(2021, 7, 15),
    hazard="flood",
    level=3,
    evidence="rivers left their beds from Verviers to Liège; depot Verviers is cut off, valley lanes are closed, "
    "the power is out",
    justification="sites under water or without power, as reported",
    label="SIMULATED: real municipalities, hospitals and classes of parts; made-up damage, models, stock and contracts",
    title="14 to 18 July 2021, all plans together - SIMULATED",
    substitutes=(
        ("FLD-002", "FLD-001", 2, 1, "two pumps P400 in parallel move the water of one P800"),
        ("FLD-007", "FLD-008", 1, 1, "a generator of 60 kVA carries the load of one of 20 kVA"),
        ("FLD-008", "FLD-007", 3, 1, "three generators of 20 kVA on separate circuits carry the load of one of 60 kVA"),
    ),
    notes=(
        "depot Verviers is cut off: what lies there reaches nobody",
        "the valley of the Vesdre is closed: Verviers and Eupen are reached from Aachen, Heerlen, Maastricht and "
        "Liège alone, by detours over the heights",
        "the power is out at the depots of Liège and Verviers: nothing cold leaves them",
        "an admission stands for a site newly under water or without power",
    ),
)
SCENARIOS: Final[Mapping[str, Scenario]] = {"wave-2020": WAVE, "floods-2021": FLOODS}


def hour_of(day: date, hour: int) -> datetime:
    """The full hour of a day, UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def days_of(first: date, last: date) -> Iterator[date]:
    """The days from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
