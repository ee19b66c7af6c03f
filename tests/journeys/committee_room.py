"""A small region whose committee has much before it: an emergency, a plan, another rule, a reserve, and who decides."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from stockpile.allocation import approval, operations
from stockpile.allocation.policies import operations as policies
from stockpile.allocation.policies.operations import Proposal
from stockpile.allocation.tables import Plan
from stockpile.db import reading, transact
from stockpile.governance import queries as governance
from stockpile.governance.committee import operations as committee
from stockpile.governance.committee import queries, rules, standard
from stockpile.governance.committee.gate import Effect
from tests.allocation.surge_room import ask, planned, submitted, surge
from tests.conftest import NOW, Cast, acting
from tests.governance.chamber import Chamber
from tests.inventory.stockroom import do
from tests.journeys.served import PASSWORD, Served, small_region

FLOOR, POLICY, RIGHTS, EMERGENCY, REJECTED = (
    "Keep back more tablets for the weekend",
    "Share by inhabitants in this surge",
    "Let two people lower a reserve",
    "To be ratified: A plan that shares stock out (plan 2)",
    "Keep back all tablets",
)
PER_HEAD: dict[str, Any] = {
    "format": "policy/1",
    "name": "per head",
    "steps": [{"rule": one} for one in ("lawful/1", "tiers/1", "per_capita/1")],
}


class Room:
    """The chamber, and the numbers of what is before it by title."""

    def __init__(self, home: Path, template: Path) -> None:
        self.served = Served(home, template)
        engine = self.served.engine
        transact(engine, small_region)
        self.cast = Cast(engine, password=PASSWORD)
        self.chamber = Chamber(engine, self.cast)
        self.plans = self._surges()
        self.numbers = {
            FLOOR: self._opened(
                FLOOR, Effect("floor.set", "item:TAB", {"effective_from": "2020-03-31", "quantity": 400})
            ),
            POLICY: self._opened(POLICY, self._policy()),
            RIGHTS: self._opened(RIGHTS, Effect("rights.change", "rights", {"rows": _looser()})),
        }
        self.numbers[REJECTED] = self._opened(REJECTED, _floor(100_000))
        self.chamber.votes(self.numbers[REJECTED], nl="for", de="against")
        do(engine, approval.approve, acting(self.cast["committee"], after_hours=1), plan_number=self.plans[-1])
        with reading(engine) as session:
            self.numbers[EMERGENCY] = next(
                one["id"] for one in queries.heads(session) if one["state"] == rules.PROVISIONAL
            )
        transact(engine, lambda session: setattr(governance.region(session), "simulated_now", NOW + timedelta(hours=2)))

    def _surges(self) -> list[int]:
        """A plan of a small surge, and one of a surge of level 4."""
        engine, cast = self.served.engine, self.cast
        first = surge(engine, cast, cover_days=14)
        submitted(engine, cast, first, *(ask(member, "TAB", 400) for member in ("BE-1", "DE-1")))
        plans: list[Plan] = [planned(engine, cast, first)]
        given: dict[str, Any] = {"hazard": "flood", "level": 4, "evidence": "the dam broke", "cover_days": 14}
        made = do(
            engine, operations.declare_surge, acting(cast["coordinator3"]), review_by=NOW + timedelta(days=14), **given
        )
        submitted(engine, cast, made.id, *(ask(member, "TAB", 1000) for member in ("BE-2", "DE-2", "NL-1")))
        plans.append(planned(engine, cast, made.id))
        return [plan.id or 0 for plan in plans]

    def _policy(self) -> Effect:
        proposal = Proposal(PER_HEAD, "simpler to explain to our councils")
        made = do(self.served.engine, policies.propose, acting(self.cast["coordinator"]), proposal=proposal)
        terms = {"policy": made.policy, "digest": made.digest, "seed": made.seed}
        return Effect("policy.adopt", f"policy:{made.id}", terms | {"surge": None, "item_class": None})

    def _opened(self, title: str, effect: Effect) -> int:
        return self.chamber.opened(
            effect, title=title, evidence=["report 7 of the coordination", "minutes of 30 March"]
        )


def _floor(quantity: int) -> Effect:
    return Effect("floor.set", "item:TAB", {"effective_from": "2020-03-31", "quantity": quantity})


def _looser() -> list[dict[str, Any]]:
    rows = rules.table(standard.rights())
    return committee.sound([row | ({"body": "four_eyes"} if row["operation"] == "floor.set" else {}) for row in rows])
