"""Problems of the neutral format for tests and benchmarks: made by a generator of our own, the same for a seed.

The kind of instance follows the published generator's parameters (30 % of pairs ask, stock covers about 60 %,
six lanes per municipality, five near and one far); places, quantities and costs are drawn anew.
"""

from __future__ import annotations

import json
import math
import random
from typing import Any

from optimizer.reference.problem import Problem, problem_from_json

FORMAT = "stockpile-allocation/1"


def simulated(depots: int, towns: int, items: int, *, seed: int = 1) -> dict[str, Any]:
    """A problem as the JSON's content."""
    chance = random.Random(seed)
    content: dict[str, Any] = {
        "format": FORMAT,
        "name": f"simulated-{depots}x{towns}x{items}-{seed}",
        "min_shelf_life_days": 30,
        "depots": [{"id": f"depot-{at}", **_place(chance), "dispatch_capacity": 0.0} for at in range(depots)],
        "municipalities": [_town(at, chance) for at in range(towns)],
        "items": [_item(at, chance) for at in range(items)],
    }
    content["demands"] = [row for town in content["municipalities"] for row in _demands(town, content, chance)]
    content["lots"] = _lots(content, chance)
    content["lanes"] = [row for town in content["municipalities"] for row in _lanes(town, content, chance)]
    _limit_depots(content, chance)
    return content


def problem_of(content: dict[str, Any]) -> Problem:
    """The problem that a file with this content holds."""
    return problem_from_json(json.dumps(content))


def _place(chance: random.Random) -> dict[str, float]:
    return {"x": round(chance.uniform(0, 400), 1), "y": round(chance.uniform(0, 250), 1)}


def _town(at: int, chance: random.Random) -> dict[str, Any]:
    population = int(math.exp(chance.gauss(9.5, 1.0)))
    country = chance.choice("AB")
    return {"id": f"town-{at}", "country": country, **_place(chance), "population": population, "weight": 1.0}


def _item(at: int, chance: random.Random) -> dict[str, Any]:
    medicine = chance.random() < 0.7
    return {
        "id": f"item-{at}",
        "kind": "medicine" if medicine else "spare-part",
        "unit_volume": round(math.exp(chance.gauss(-1 if medicine else 1, 0.7)), 3),
        "pack": chance.choice([1, 1, 5, 10, 20] if medicine else [1, 1, 2]),
        "criticality": chance.choice([1, 2, 3, 5]),
    }


def _demands(town: dict[str, Any], content: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for item in content["items"]:
        if chance.random() < 0.3:
            rate = 0.01 if item["kind"] == "medicine" else 0.001
            quantity = max(1, round(town["population"] * rate * math.exp(chance.gauss(0, 0.6))))
            rows.append({"municipality": town["id"], "item": item["id"], "quantity": quantity})
    return rows


def _lots(content: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for item in content["items"]:
        asked = sum(row["quantity"] for row in content["demands"] if row["item"] == item["id"])
        medicine = item["kind"] == "medicine"
        stores = chance.sample(content["depots"], max(2, round(0.4 * len(content["depots"]))))
        shares = [chance.uniform(0.3, 1) for _ in stores]
        stock = asked * 0.6 * chance.uniform(0.5, 1.5)
        for depot, share in zip(stores, shares, strict=True):
            count = chance.randint(1, 3) if medicine else 1
            for _ in range(count):
                rows.append(
                    {
                        "id": f"lot-{len(rows)}",
                        "depot": depot["id"],
                        "item": item["id"],
                        "quantity": max(1, round(stock * share / sum(shares) / count)),
                        "expiry_day": chance.randint(5, 720) if medicine else None,
                    }
                )
    return rows


def _lanes(town: dict[str, Any], content: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    volume = {item["id"]: item["unit_volume"] for item in content["items"]}
    asked = sum(
        row["quantity"] * volume[row["item"]] for row in content["demands"] if row["municipality"] == town["id"]
    )
    nearest = sorted(content["depots"], key=lambda depot: _kilometres(depot, town))
    chosen = nearest[:5] + chance.sample(nearest[5:], min(1, len(nearest[5:])))
    return [
        {
            "depot": depot["id"],
            "municipality": town["id"],
            "days": 1 + int(_kilometres(depot, town) // 120),
            "cost_per_litre": round(0.05 + 0.002 * _kilometres(depot, town) + chance.uniform(0, 0.05), 4),
            "capacity": round(max(5.0, asked * chance.uniform(0.15, 0.6)), 1),
        }
        for depot in chosen
    ]


def _kilometres(one: dict[str, Any], other: dict[str, Any]) -> float:
    return math.hypot(one["x"] - other["x"], one["y"] - other["y"])


def _limit_depots(content: dict[str, Any], chance: random.Random) -> None:
    volume = {item["id"]: item["unit_volume"] for item in content["items"]}
    held: dict[str, float] = {}
    for lot in content["lots"]:
        held[lot["depot"]] = held.get(lot["depot"], 0.0) + lot["quantity"] * volume[lot["item"]]
    for depot in content["depots"]:
        depot["dispatch_capacity"] = round(max(10.0, held.get(depot["id"], 0.0) * chance.uniform(0.6, 1.2)), 1)
