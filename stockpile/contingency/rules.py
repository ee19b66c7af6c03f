"""States and clocks of plans, disputes and reviews. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

PROPOSED, ADOPTED, REPLACED, DECLINED = "proposed", "adopted", "replaced", "declined"
DRILL, ACTIVATION = "drill", "activation"
RUNNING, OVER = "running", "over"
WAITING, CONFIRMED, REFUSED, DRILLED = "waiting", "confirmed", "refused", "drilled"
OPEN, CLOSED = "open", "closed"
SURGE, PEER = "surge", "peer"

NEGOTIATION, MEDIATION, EXPERT, SETTLED = "negotiation", "mediation", "expert", "settled"
LADDER: Final = {NEGOTIATION: MEDIATION, MEDIATION: EXPERT}
"""What follows where a stage of a dispute brings no agreement."""
DAYS: Final = {NEGOTIATION: 10, MEDIATION: 20}
"""How long a stage may take; the expert keeps a clock of their own."""


def due(stage: str, begins: datetime) -> datetime | None:
    """When a stage of a dispute is over.

    >>> from datetime import UTC
    >>> due(NEGOTIATION, datetime(2020, 4, 1, tzinfo=UTC)).isoformat(), due(EXPERT, datetime(2020, 4, 1, tzinfo=UTC))
    ('2020-04-11T00:00:00+00:00', None)
    """
    days = DAYS.get(stage)
    return begins + timedelta(days=days) if days else None


def score(likelihood: int, impact: int) -> int:
    """How grave a risk is: likelihood times impact, each 1 to 5."""
    return likelihood * impact


def first_to_expire(stock: Iterable[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """So much of each lot, in the order given, until all that is wanted is there; less where there is not enough.

    >>> first_to_expire([(1, 30), (2, 50)], 40), first_to_expire([(1, 30)], 40)
    ([(1, 30), (2, 10)], [(1, 30)])
    """
    taken = []
    for lot, quantity in stock:
        part = min(quantity, wanted)
        if part:
            taken.append((lot, part))
            wanted -= part
    return taken


def steps_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of a plan in their order, each with the office that does it and within how many hours."""
    return [dict(one) for one in content["steps"]]
