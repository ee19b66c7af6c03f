"""Problems over many weeks: one that uses every clause, small random ones, and the large ones of the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.reorder.horizon.problem import (
    Budget,
    Capacity,
    Ceiling,
    Inbound,
    Line,
    Lot,
    Offer,
    Problem,
    Reservation,
    Share,
    Smoothing,
    Storage,
    Tier,
)

PUBLISHED = Path(__file__).parents[3] / "fixtures" / "instances" / "reorder" / "wagner_whitin.json"


def gloves(**changes: Any) -> Line:
    """A line with two suppliers, two tiers, stock that partly expires, firm inbound and a floor."""
    given: dict[str, Any] = {
        "id": "gloves at a",
        "product": "gloves",
        "member": "a",
        "storage": "dry",
        "volume": 2,
        "demand": (5, 6, 4, 7, 5, 6),
        "shelf_life_weeks": 4,
        "hold_milli": 300,
        "waste_minor": 2,
        "unmet_minor": 90,
        "offers": (
            Offer("near", "N", "K1", (Tier(1, 20), Tier(10, 17)), 1, 4, 2, 15, 3),
            Offer("far", "F", "K2", (Tier(1, 12),), 2, 6, 3, 10, order_weeks=(0, 1, 3), most_units=15),
        ),
        "stock": (Lot(4, 1), Lot(6, 2)),
        "inbound": (Inbound(1, 3),),
        "floor": 2,
        "below_floor_milli": 1500,
    }
    return Line(**{**given, **changes})


def every_clause() -> Problem:
    """Two members, one product and all kinds of clauses, each of them tight enough to matter."""
    return Problem(
        6,
        (gloves(), gloves(id="gloves at b", member="b", stock=(Lot(9, 3),), inbound=(), residual_minor=5)),
        capacities=(Capacity("N", (40, 30, 30, 40, 40, 40)),),
        storages=(Storage("dry", (24, 24, 24, 24, 24, 24)),),
        budgets=(Budget("a", 0, 2, 330), Budget("", 0, 5, 900)),
        ceilings=(Ceiling("K1", 700),),
        reservations=(Reservation("K2", "gloves", "a", 12),),
        shares=(Share("N", "gloves", 600),),
        smoothing=Smoothing(2, 50),
    )


def published() -> list[tuple[Problem, int]]:
    """Wagner-Whitin instances with their published optimum, in thousandths."""
    made = []
    for row in json.loads(PUBLISHED.read_text())["instances"]:
        offers = [
            Offer(f"week {week}", "s", "k", (Tier(1, price),), order_minor=row["order_minor"], order_weeks=(week,))
            for week, price in enumerate(row["prices"])
        ]
        weeks = len(row["demand"])
        line = Line(
            "one", "one", "all", "dry", 1, tuple(row["demand"]), weeks, row["hold_milli"], 0, None, tuple(offers)
        )
        made.append((Problem(weeks, (line,)), row["optimum_milli"]))
    return made


def tiny(seed: int) -> Problem:
    """Two lines over three weeks, small enough to try every plan, with tight shared clauses."""
    random = np.random.default_rng(seed)

    def one(name: str) -> Line:
        demand = tuple(int(units) for units in random.integers(0, 4, 3))
        tiers = (Tier(1, int(random.integers(8, 14))), Tier(3, int(random.integers(5, 9))))
        offer = Offer(
            "only",
            "S",
            "K",
            tiers,
            int(random.integers(0, 2)),
            int(random.integers(1, 3)),
            int(random.integers(1, 3)),
            int(random.integers(0, 20)),
            int(random.integers(0, 2)),
            most_units=int(random.integers(3, 9)) if random.random() < 0.5 else None,
        )
        life = int(random.integers(1, 4))
        return Line(
            name,
            "p",
            name,
            "dry",
            int(random.integers(1, 3)),
            demand,
            life,
            int(random.integers(0, 3000)),
            int(random.integers(0, 4)),
            int(random.integers(10, 60)),
            (offer,),
            stock=(Lot(int(random.integers(0, 4)), int(random.integers(0, life + 1))),),
            later_demand=int(random.integers(0, 2)),
            residual_minor=int(random.integers(0, 5)),
            floor=int(random.integers(0, 3)),
            below_floor_milli=int(random.integers(0, 2000)),
        )

    return Problem(
        3,
        (one("x"), one("y")),
        capacities=(Capacity("S", tuple(int(room) for room in random.integers(2, 9, 3))),),
        storages=(Storage("dry", tuple(int(room) for room in random.integers(1, 6, 3))),),
        budgets=(Budget("", 0, 1, int(random.integers(10, 80))),),
        ceilings=(Ceiling("K", int(random.integers(30, 120))),),
        smoothing=Smoothing(1, int(random.integers(0, 400))) if random.random() < 0.5 else None,
    )
