"""Who acts, and when: every effect has an actor, an effective and a recorded instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, within one member and one site; None stands for all of them."""

    role: str
    member: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A named account with what it may do.

    `scopes`: the only rights that count, where it calls with a narrowed key; None: all that its grants give.
    `unproven`: this sign-in lacks the second factor that the account or the installation asks for at approvals.
    """

    id: int
    name: str
    grants: tuple[Grant, ...]
    scopes: frozenset[str] | None = None
    unproven: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """One act: the actor, when it takes effect (may be simulated) and when it is recorded (real), both UTC.

    `second`: the other person who stands for it too, where one alone may not.
    `clock`: what the region's clock showed as an act was recorded that is said
    to have taken effect at another instant; None: it takes effect now.
    `decision`: the number of the committee's decision that it carries out.
    """

    actor: Actor
    at: datetime
    recorded_at: datetime
    second: Actor | None = None
    clock: datetime | None = None
    decision: int | None = None

    def __post_init__(self) -> None:
        assert self.at.tzinfo is not None, "effective time without a time zone"
        assert self.recorded_at.tzinfo is not None, "recorded time without a time zone"
        assert self.second is None or self.second.id != self.actor.id, "nobody is their own second person"
