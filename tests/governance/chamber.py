"""A committee in the small region: a seat for every member, and what it takes to bring a decision about."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from stockpile.actor import Act, Actor, Grant
from stockpile.db import reading
from stockpile.governance.committee import operations, queries, seating
from stockpile.governance.committee.gate import Effect
from stockpile.governance.committee.tables import Proposal
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do

SEATS = {"seat-be": ("BE-1", "BE-2"), "seat-de": ("DE-1", "DE-2"), "seat-nl": ("NL-1",)}


class Chamber:
    """The seated committee; `seat-be` speaks for the Belgian members, and so on."""

    def __init__(self, engine: Engine, cast: Cast, *, constituted: bool = True) -> None:
        self.engine, self.cast = engine, cast
        self.seats: dict[str, Actor] = {}
        for name, members in SEATS.items():
            self.seats[name] = cast.engage(name, *(Grant("committee", member=one) for one in members))
            given = {"account": name, "members": members, "kind": "seat", "reference": "council of 1 March"}
            do(engine, seating.appoint, acting(cast["administrator"]), **given)
        if constituted:
            do(engine, operations.constitute, acting(cast["administrator"]))

    def proposed(self, effect: Effect, *, by: str = "coordinator", **more: Any) -> int:
        """A proposal on the table."""
        given = {"title": "a proposal", "evidence": ["report 7"], **more}
        made = do(self.engine, operations.propose, acting(self.cast[by]), effect=effect, **given)
        do(self.engine, operations.put, acting(self.cast[by]), number=made.id)
        assert made.id is not None
        return int(made.id)

    def opened(self, effect: Effect, **more: Any) -> int:
        """A proposal that is voted on."""
        number = self.proposed(effect, **more)
        do(self.engine, operations.open_vote, acting(self.cast["committee"]), number=number)
        return number

    def votes(self, number: int, *, after_hours: float = 1, **choices: str) -> Proposal:
        """Votes by seat (be="for"); the proposal as it then stands."""
        for seat, choice in choices.items():
            act = acting(self.seats[f"seat-{seat}"], after_hours=after_hours)
            do(self.engine, operations.vote, act, number=number, choice=choice, reason="as instructed")
        return self.stands(number)

    def adopted(self, effect: Effect, **more: Any) -> int:
        """A decision that all seats have adopted."""
        number = self.opened(effect, **more)
        assert self.votes(number, be="for", de="for").state == "adopted"
        return number

    def stands(self, number: int) -> Proposal:
        """The proposal as it is stored now."""
        with reading(self.engine) as session:
            return queries.proposal(session, number)


def under(actor: Actor, decision: int | None, *, after_hours: float = 2) -> Act:
    """An act that names a decision."""
    act = acting(actor, after_hours=after_hours)
    return Act(actor=act.actor, at=act.at, recorded_at=act.recorded_at, decision=decision)
