"""Reading the policies: all of them, and which one counts for which class of items in a surge."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.allocation.policies import rules
from stockpile.allocation.policies.rules import InForce
from stockpile.allocation.policies.tables import SharingPolicy
from stockpile.errors import NotFound

CLASSES = (1, 2, 3, 4)


class UnknownPolicy(NotFound):
    """No sharing policy has this number."""

    code = "unknown_policy"


def policies(session: Session, *, after: int = 0, limit: int = 100, state: str | None = None) -> list[SharingPolicy]:
    """Policies with numbers greater than `after`, in their order, narrowed by state."""
    query = select(SharingPolicy).where(col(SharingPolicy.id) > after).order_by(col(SharingPolicy.id)).limit(limit)
    return list(session.exec(query.where(SharingPolicy.state == state) if state else query))


def policy(session: Session, number: int, *, lock: bool = False) -> SharingPolicy:
    """One policy; refuses an unknown number. `lock` holds it against other writers."""
    found = session.get(SharingPolicy, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise UnknownPolicy(f"there is no sharing policy {number}", field="policy", value=number)
    return found


def next_version(session: Session, name: str) -> int:
    """The version that a further policy of this name would have; the service's own default is the first of its name."""
    newest = session.exec(select(func.max(SharingPolicy.version)).where(SharingPolicy.name == name)).one()
    return (newest or (1 if name == rules.DEFAULT_NAME else 0)) + 1


def in_force(session: Session, surge_id: int) -> dict[int, InForce]:
    """The policy that counts in this surge, by class of items (1 to 4)."""
    query = select(SharingPolicy).where(SharingPolicy.state == rules.ADOPTED).order_by(col(SharingPolicy.id))
    found: dict[int, dict[tuple[bool, bool], InForce]] = defaultdict(dict)
    for row in session.exec(query):
        if row.surge_id not in (None, surge_id):
            continue
        for one in CLASSES if row.item_class is None else (row.item_class,):
            found[one][row.surge_id is not None, row.item_class is not None] = as_it_counts(row)
    return {one: rules.chosen(found[one]) for one in CLASSES}


def as_it_counts(row: SharingPolicy) -> InForce:
    """A stored policy as plans use it."""
    return InForce(row.name, row.version, row.policy, row.digest, row.seed, row.id)
