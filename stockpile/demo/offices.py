"""What offices decide in the demonstration: authorities at the borders, and the seats of the joint committee."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import permutations
from typing import Any, Final

from sqlmodel import Session

from stockpile.actor import Act
from stockpile.catalogue import operations as packs
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.demo.scenarios import Substitute
from stockpile.governance import queries
from stockpile.governance.committee import gate, operations, seating
from stockpile.governance.committee import queries as committee
from stockpile.governance.committee import rules as counting
from stockpile.inventory.controlled import operations as controlled

COUNTRIES: Final = ("BE", "DE", "NL")
BORDER_LIMIT: Final = 1_000_000
"""Base units of a controlled item that the simulated authorities let cross each border."""
SEATS: Final = (
    ("seats-nl", "Committee seats of the Dutch municipalities, held by their association", "NL"),
    ("seats-be", "Committee seats of the Belgian municipalities, held by their association", "BE"),
    ("seats-de", "Committee seats of the German municipalities, held by their association", "DE"),
)
"""SIMULATED: one office sits for all municipalities of a country; a real region seats each council's own."""
REFERENCE: Final = "SIMULATED: the councils' letter of 27 March 2020"


def constitute(session: Session, act: Act) -> None:
    """Seat every municipality, and put the standard decision rights in force: from now on the gate counts."""
    members = queries.members(session)
    for account, _, country in SEATS:
        sent = [code for code, one in members.items() if one.country == country]
        seating.appoint(session, act, account=account, members=sent, kind=counting.SEAT, reference=REFERENCE)
    operations.constitute(session, act)


def authorise_borders(session: Session, act: Act, *, last: date) -> int:
    """The authorities of the three countries let controlled items cross until that day; how many authorisations."""
    made = 0
    for item in (row for row in catalogue.items(session).values() if row.controlled):
        for leaves, enters in permutations(COUNTRIES, 2):
            number = f"SIMULATED-{leaves}-{enters}-{item.code}"
            permit = controlled.Permit(number, item.code, leaves, enters, act.at.date(), last, BORDER_LIMIT)
            controlled.authorise(session, act, permit=permit)
            made += 1
    return made


def propose_substitutes(session: Session, act: Act, *, substitutes: Iterable[Substitute]) -> list[int]:
    """The storekeepers propose what may stand for what, country by country; the numbers of the proposals."""
    numbers: list[int] = []
    for item, substitute, units, per_units, reason in substitutes:
        said: dict[str, Any] = {"item": item, "substitute": substitute, "units": units, "per_units": per_units}
        said |= {"valid_from": act.at.date(), "valid_through": None, "reason": reason}
        for country in COUNTRIES:
            made = packs.propose_substitute(session, act, country=country, **said)
            assert made.id is not None
            numbers.append(made.id)
    return numbers


def approve_substitutes(session: Session, act: Act, *, numbers: Iterable[int]) -> None:
    """The pharmacist approves them for the days of the surge."""
    for number in numbers:
        packs.decide_substitute(session, act, number=number, approve=True, reason="fits, for the days of the flood")


def first_to_arrive(session: Session, numbers: Iterable[int], *, on: date) -> int:
    """Which of these orders comes first, by the lead time of its contract."""
    valid = orders.contracts_valid(session, on)
    lead_days = {number: valid[orders.calloff(session, number).contract_code].lead_time_days for number in numbers}
    return min(lead_days, key=lambda number: (lead_days[number], number))


def needs_vote(session: Session, number: int, *, at: datetime) -> bool:
    """Whether approving this order is the committee's: above EUR 50,000 by the standard rights."""
    version = committee.in_force(session, at=at)
    if version is None:
        return False
    return gate.right_of(version, contracts.approval_of(session, number)).body == counting.COMMITTEE


def put_order(session: Session, act: Act, *, number: int) -> dict[str, Any]:
    """Put the approval of an order to the committee, exactly as it would be carried out."""
    effect = contracts.approval_of(session, number)
    title = f"Order {number} for EUR {effect.value_minor / 100:,.2f}"
    made = operations.propose(session, act, effect=effect, title=title, evidence=[f"reorder run of {act.at.date()}"])
    assert made.id is not None
    operations.put(session, act, number=made.id)
    return {"decision": made.id, "value_minor": effect.value_minor}


def open_vote(session: Session, act: Act, *, number: int) -> dict[str, Any]:
    """Open the vote on what is on the table."""
    return {"deadline": str(operations.open_vote(session, act, number=number).deadline)}


def vote(session: Session, act: Act, *, number: int, reason: str) -> dict[str, Any]:
    """Vote for a decision with every voice of a seat; nothing happens where it is decided already."""
    if committee.proposal(session, number).state in counting.VOTED_ON:
        operations.vote(session, act, number=number, choice=counting.FOR, reason=reason)
    return {"state": committee.proposal(session, number).state}


def result(session: Session, number: int) -> str:
    """How a vote ended, in words, counted again from the votes."""
    again = committee.recount(session, number)
    count = again.again
    return (
        f"{again.state} with {count['members_for']} of {count['members']} members and "
        f"{count['population_for']:,} of {count['population']:,} people"
    )
