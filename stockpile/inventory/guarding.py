"""What the ledger asks before stock moves, and raises when it has: two persons, borders, losses.

A controlled item moves from one place to another only with a second person's
name on the posting; across a border only under an authorisation; and where it
is lost, the posting itself raises the report. An adjustment above a limit of
value needs a second person too. The installation's own opening stock is exempt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.catalogue.tables import Item
from stockpile.contracts.tables import PriceTier
from stockpile.db import rows_changed, table_of
from stockpile.errors import Conflict
from stockpile.inventory import known, queries, rules
from stockpile.inventory.keeping import BorderAuthorisation, BorderCrossing, ControlledLoss

INSTALLATION: Final = 0
ADJUSTMENT: Final = "adjustment"
FLOOR: Final = "floor"
DISPOSAL: Final = "disposal"
REPORT_WITHIN: Final = timedelta(hours=24)
OPEN: Final = "open"
Limit = tuple[int, int]
LIMITS: Final[dict[str, Limit]] = {ADJUSTMENT: (100_000, 200), FLOOR: (1_000_000, 2_000)}
"""Minor units, and packs of what has no price: what one person may do alone where no other limit was set."""


class Place(Protocol):
    """Where stock stands."""

    @property
    def site(self) -> str:
        """The site's code."""

    @property
    def status(self) -> str:
        """One of the statuses of stock."""


class Moving(Protocol):
    """So many base units of a lot from one place to another; an external place is a plain string."""

    @property
    def lot_id(self) -> int:
        """The lot's number."""

    @property
    def quantity(self) -> int:
        """Base units."""

    @property
    def source(self) -> Place | str:
        """Where from."""

    @property
    def sink(self) -> Place | str:
        """Where to."""

    @property
    def document(self) -> str:
        """What the move belongs to."""


class Posting(Protocol):
    """A posting to be made."""

    @property
    def act(self) -> Act:
        """Who, and when."""

    @property
    def kind(self) -> str:
        """The kind of posting."""

    @property
    def moves(self) -> Sequence[Moving]:
        """What moves."""


class SecondPersonNeeded(Conflict):
    """One person alone may not do this: propose it, and another confirms."""

    code = "second_person_needed"


class NoAuthorisation(Conflict):
    """A controlled item crosses a border only under an authorisation that covers it."""

    code = "border_authorisation_missing"


@dataclass(frozen=True, slots=True)
class Guards:
    """What the guards know: the lots that postings name, and what one person may move alone, by kind of act."""

    lots: known.Lots
    limits: Mapping[str, Limit]


def hands_over(source: Place | str, sink: Place | str) -> bool:
    """Whether stock really goes from one place to another: in, out, to another site, or onto the road and off it."""
    return _where(source) != _where(sink)


def _where(place: Place | str) -> tuple[str, bool]:
    if isinstance(place, str):
        return place, True
    return place.site, place.status == rules.IN_TRANSIT


def asking(lots: Collection[int]) -> list[bulk.Question]:
    """The questions for the guards of postings of these lots; `read` reads the answers."""
    return [known.asking_lots(lots), bulk.Question(_LIMITS)]


def read(found: Sequence[bulk.Answer]) -> Guards:
    """The guards, from the answers to `asking`."""
    lots, limited = found
    return Guards(known.lots(lots), _limits(limited))


def of(session: Session, postings: Sequence[Posting]) -> Guards:
    """The guards of these postings."""
    return read(bulk.ask(session, asking({move.lot_id for one in postings for move in one.moves})))


_LIMITS: Final = "SELECT kind, value_minor, packs FROM approval_limit"


def limits(session: Session) -> dict[str, Limit]:
    """By kind of act: minor units, and packs of what has no price, that one person may move alone."""
    session.flush()
    return _limits(bulk.ask(session, [bulk.Question(_LIMITS)])[0])


def _limits(found: bulk.Answer) -> dict[str, Limit]:
    return LIMITS | {kind: (value, packs) for kind, value, packs in found}


def beyond_limit(limit: Limit, changes: Iterable[Change]) -> bool:
    """Whether these changes are together worth more than one person may change alone."""
    value, packs = limit
    worth = without_price = 0
    for one in changes:
        if one.pack_price_minor is None:
            without_price += -(-one.quantity // one.pack_size)
        else:
            worth += -(-one.quantity * one.pack_price_minor // one.pack_size)
    return worth > value or without_price > packs


def refusals(postings: Sequence[Posting], guards: Guards) -> dict[int, Conflict]:
    """Why a posting needs a second person and has none, by its position among the postings."""
    lots, limit = guards.lots, guards.limits[ADJUSTMENT]
    alone = [(at, one) for at, one in enumerate(postings) if _alone(one.act)]
    found: dict[int, Conflict] = {}
    for at, one in alone:
        if one.kind != ADJUSTMENT:
            continue
        if beyond_limit(limit, [_change(lots[move.lot_id], move.quantity) for move in one.moves]):
            found[at] = SecondPersonNeeded(
                f"this adjustment is worth more than {limit[0]} minor units (or {limit[1]} packs without a price): "
                "propose it (POST /api/v1/proposals) and let another person confirm it",
                kind=ADJUSTMENT,
                limit_minor=limit[0],
            )
    controlled = any(lot.controlled for lot in lots.values())
    for at, one in alone if controlled else ():
        for move in one.moves:
            lot = lots.get(move.lot_id)
            if lot is not None and lot.controlled and hands_over(move.source, move.sink):
                found[at] = _second_needed(one.kind, lot)
                break
    return found


class Change(NamedTuple):
    """So many base units, of which a pack holds so many and costs so many minor units; None: it has no price."""

    quantity: int
    pack_size: int
    pack_price_minor: int | None


def _change(lot: known.LotFacts, quantity: int) -> Change:
    return Change(quantity, lot.pack_size, lot.pack_price_minor)


def _alone(act: Act) -> bool:
    return act.second is None and act.actor.id != INSTALLATION


def _second_needed(kind: str, lot: known.LotFacts) -> SecondPersonNeeded:
    return SecondPersonNeeded(
        f"{lot.item} is controlled: this {kind} of lot {lot.lot} needs a second person. "
        "Propose it (POST /api/v1/proposals) and let another person confirm it",
        kind=kind,
        item=lot.item,
        lot=lot.lot,
    )


def settle(session: Session, done: Sequence[tuple[Posting, int]], lots: known.Lots) -> None:
    """Take border crossings from their authorisations, and raise a report of every controlled loss.

    `done`: postings with their numbers. Refuses a crossing that no authorisation covers.
    """
    if not any(lot.controlled for lot in lots.values()):
        return
    places = {code: site.country for code, site in queries.sites(session).items()}
    for one, number in done:
        if one.act.actor.id != INSTALLATION:
            _cross(session, one, number, lots, places)
        for move, lot in _lost(one, lots):
            assert not isinstance(move.source, str)
            loss = Loss(lot, move.source.site, places[move.source.site], move.quantity, one.kind, move.document)
            if not _known(session, move.document):
                raise_loss(session, one.act, loss, posting=number)


def _cross(session: Session, one: Posting, number: int, lots: known.Lots, places: Mapping[str, str]) -> None:
    crossing: dict[Way, int] = defaultdict(int)
    for move in one.moves:
        lot = lots.get(move.lot_id)
        if lot is None or not lot.controlled or isinstance(move.source, str) or isinstance(move.sink, str):
            continue
        way = Way(lot.item, places[move.source.site], places[move.sink.site])
        if way.leaves != way.enters:
            crossing[way] += move.quantity
    for way, quantity in sorted(crossing.items()):
        row = {"authorisation_id": _authorise(session, one.act, way, quantity)}
        bulk.insert(session, BorderCrossing, [row | {"posting_id": number, "quantity": quantity}])


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A controlled item on its way from one country to another."""

    item: str
    leaves: str
    enters: str


def _authorise(session: Session, act: Act, way: Way, quantity: int) -> int:
    """Take a quantity from the authorisation that ends first of those that cover it; its number in the table."""
    a = table_of(BorderAuthorisation).c
    day = act.at.date()
    valid = (a.item_code == way.item, a.from_country == way.leaves, a.to_country == way.enters, a.valid_from <= day)
    query = select(a.id, a.remaining).where(*valid, a.valid_to >= day).order_by(a.valid_to, a.id)
    left = list(session.connection().execute(query))
    for row in left:
        taken = update(BorderAuthorisation).where(
            col(BorderAuthorisation.id) == row.id, col(BorderAuthorisation.remaining) >= quantity
        )
        if rows_changed(session, taken.values(remaining=col(BorderAuthorisation.remaining) - quantity)):
            return int(row.id)
    most = max((row.remaining for row in left), default=0)
    raise NoAuthorisation(
        f"{quantity} of {way.item}, which is controlled, may not cross from {way.leaves} to {way.enters}: no "
        f"authorisation that is valid on {day} covers it (the most that one of them leaves is {most})",
        item=way.item,
        from_country=way.leaves,
        to_country=way.enters,
        asked=quantity,
        left=most,
    )


def _lost(one: Posting, lots: known.Lots) -> Iterator[tuple[Moving, known.LotFacts]]:
    """The moves of a posting by which controlled stock is lost; a witnessed disposal is no loss."""
    for move in one.moves:
        lot = lots.get(move.lot_id)
        lost = move.sink == rules.LOSS and one.kind != DISPOSAL
        if lost and lot is not None and lot.controlled:
            yield move, lot


def _known(session: Session, document: str) -> bool:
    """Whether this document raised a report before: missing on arrival, and now written off."""
    loss = table_of(ControlledLoss).c
    query = select(loss.id).where(loss.document == document, loss.cause == rules.MISSING)
    return session.connection().execute(query).first() is not None


@dataclass(frozen=True, slots=True)
class Loss:
    """Base units of a controlled lot that are gone: where, by what kind of posting, and on which document."""

    lot: known.LotFacts
    site: str
    country: str
    quantity: int
    cause: str
    document: str


def raise_loss(session: Session, act: Act, loss: Loss, *, posting: int | None) -> None:
    """Raise the report of a controlled loss, due to the authority of the site's country within REPORT_WITHIN."""
    row = {
        "item_code": loss.lot.item,
        "lot_id": loss.lot.lot_id,
        "site_code": loss.site,
        "quantity": loss.quantity,
        "cause": loss.cause,
        "document": loss.document,
        "posting_id": posting,
        "authority": f"authority for controlled medicines of {loss.country}",
        "state": OPEN,
        "raised_by": act.actor.id,
        "raised_at": act.at,
        "due_at": act.at + REPORT_WITHIN,
        "reference": "",
        "outcome": "",
    }
    bulk.insert(session, ControlledLoss, [row])
    told = {
        "lot": loss.lot.lot_id,
        "site": loss.site,
        "quantity": loss.quantity,
        "cause": loss.cause,
        "posting": posting,
    }
    journal.record(session, act, action="loss.raise", subject=f"item:{loss.lot.item}", payload=told)


def report_missing(session: Session, act: Act, site: str, missing: Iterable[tuple[int, int, str]]) -> None:
    """Raise a report for every controlled lot that did not arrive whole: (lot, base units missing, document)."""
    short = [one for one in missing if one[1] > 0]
    if not short:
        return
    lots = known.lots_of(session, {lot for lot, _, _ in short})
    country = queries.site(session, site).country
    for lot_id, quantity, document in short:
        if lots[lot_id].controlled:
            raise_loss(session, act, Loss(lots[lot_id], site, country, quantity, rules.MISSING, document), posting=None)


def check_floor(session: Session, act: Act, *, item: Item, change: int) -> None:
    """Refuse one person alone who changes a floor by more base units than the limit of value allows."""
    tier = table_of(PriceTier).c
    price = session.connection().scalar(select(func.max(tier.pack_price_minor)).where(tier.item_code == item.code))
    limit = limits(session)[FLOOR]
    if _alone(act) and beyond_limit(limit, [Change(abs(change), item.pack_size, price)]):
        raise SecondPersonNeeded(
            f"the floor of {item.code} would change by more than {limit[0]} minor units (or {limit[1]} packs without "
            "a price): propose it (POST /api/v1/proposals) and let another person confirm it",
            kind=FLOOR,
            item=item.code,
            limit_minor=limit[0],
        )
