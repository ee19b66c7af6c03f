"""Refusals: what a user may cause. Each carries the facts; `app` alone turns them into HTTP."""

from __future__ import annotations


class Refusal(Exception):
    """Something asked for cannot be done. `code` is for machines, the message for people, `facts` for both."""

    code = "refused"

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class NotAllowed(Refusal):
    """The actor has no right to this."""

    code = "not_allowed"


class TooMany(Refusal):
    """Asked too often in a short time."""

    code = "too_many"


class NotFound(Refusal):
    """What was named does not exist, or is not visible to the actor."""

    code = "not_found"


class Conflict(Refusal):
    """The state of things does not permit it now."""

    code = "conflict"


class Invalid(Refusal):
    """What was given makes no sense; `facts` name the field (and row) and the reason."""

    code = "invalid"
