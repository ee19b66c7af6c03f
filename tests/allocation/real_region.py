"""The demonstration's real region on the first morning of its surge: everybody has asked, and the plan is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act, Actor
from stockpile.allocation import planning
from stockpile.allocation.tables import Plan
from stockpile.db import transact
from stockpile.demo import cast, offices, show, story
from stockpile.demo.scenarios import WAVE
from stockpile.demo.story import Story
from stockpile.governance.committee import operations as committee
from stockpile.governance.committee.gate import DecisionRequired, Effect
from stockpile.region.reading import read

SIX_RULES = ("leximin", "pro_rata_need", "per_capita", "equal_coverage", "equal_units", "talmud")
FIRST_PLAN = datetime(2020, 3, 30, 7, tzinfo=UTC)


def _silent(_what: str, _count: int) -> None:
    """Loading tells nobody."""


def first_morning(engine: Engine) -> Story:
    """The region loaded, the surge declared, the first day's requests made."""
    rows = read(show.region_folder())
    transact(engine, lambda session: show._fill(session, rows, "for the tests only", _silent, first=WAVE.first))
    told = Story(engine, cast.actors(engine), rows, lambda text: None, limit_seconds=120)
    story._declare(told)
    story._morning(told, story.FIRST_DAY)
    return told


def first_plan(engine: Engine, told: Story) -> Plan:
    """The plan of that morning."""
    act = acting_in(told.actors, "coordinator")
    made = planning.draft(engine, act, surge_id=told.surge, limit_seconds=told.limit_seconds)
    return transact(engine, lambda session: planning.store(session, act, made=made))


def decided(engine: Engine, told: Story, why: DecisionRequired) -> int:
    """What the gate asks for, put to the seats and adopted by them all; the decision's number."""
    asked = {name: why.facts[name] for name in ("operation", "subject", "payload", "value_minor", "level")}
    act = acting_in(told.actors, "coordinator")

    def put(session: Session) -> int:
        made = committee.propose(session, act, effect=Effect(**asked), title="a promise", evidence=["report 7"])
        assert made.id is not None
        committee.put(session, act, number=made.id)
        committee.open_vote(session, acting_in(told.actors, "committee"), number=made.id)
        for seat, _, _ in offices.SEATS:
            offices.vote(session, acting_in(told.actors, seat), number=made.id, reason="as instructed")
        return made.id

    return transact(engine, put)


def acting_in(actors: Mapping[str, Actor], name: str) -> Act:
    """One of the demonstration's people, when the plan is made."""
    return Act(actor=actors[name], at=FIRST_PLAN, recorded_at=FIRST_PLAN)
