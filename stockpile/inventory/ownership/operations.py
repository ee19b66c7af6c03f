"""Change of owner by two people, and a member's own stock sent on from a depot."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.inventory import ledger, queries, rules, transfers
from stockpile.inventory.lots.queries import fitness
from stockpile.inventory.ownership.tables import OwnershipChange
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Transfer

PROPOSED, DONE, WITHDRAWN = "proposed", "done", "withdrawn"


class UnknownChange(NotFound):
    """No change of owner has this number."""

    code = "unknown_ownership_change"


class ChangeState(Conflict):
    """The change of owner is not in the state that this needs."""

    code = "ownership_change_state"


class BelowFloor(Conflict):
    """The pool would keep less than its reserve floor."""

    code = "below_reserve_floor"


class NotFitToSend(Conflict):
    """What the member owns there may not serve the place it would go to."""

    code = "lot_not_fit"


def propose(
    session: Session,
    act: Act,
    *,
    account: ledger.Account,
    to_owner: str,
    quantity: int,
    price_minor: int,
    reason: str,
) -> OwnershipChange:
    """Propose that available base units of a lot change owner where they lie; nothing moves until it is confirmed.

    Refuses an unknown lot, site or member, the same owner, and more than stands there.
    """
    require(act.actor, "owner.propose", site=account.site)
    queries.lot(session, account.lot_id)
    queries.site(session, account.site)
    for owner in {account.owner, to_owner} - {rules.POOL}:
        governance.member(session, owner)
    if account.owner == to_owner or quantity < 1 or price_minor < 0 or not reason.strip():
        raise Invalid(
            "a change of owner needs two owners, a quantity, a price from zero up and a reason", field="to_owner"
        )
    change = OwnershipChange(
        lot_id=account.lot_id,
        site_code=account.site,
        from_owner=account.owner,
        to_owner=to_owner,
        quantity=quantity,
        price_minor=price_minor,
        reason=reason,
        state=PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(change)
    session.flush()
    _note(session, act, change, "owner.propose")
    return change


def confirm(session: Session, act: Act, *, number: int, serials: Sequence[str] = ()) -> OwnershipChange:
    """Confirm another person's proposal: the stock changes owner in one posting.

    Refuses who proposed it; more than stands there (naming it); and stock of
    the pool without which less than the reserve floor would be left.
    """
    change = _claim(session, act, number, "owner.confirm", DONE)
    require_other(act.actor, {change.proposed_by: f"proposed change of owner {number}"})
    if change.from_owner == rules.POOL:
        _keep_floor(session, act, change)
    source = ledger.Account(change.lot_id, change.site_code, change.from_owner, rules.AVAILABLE)
    sink = ledger.Account(change.lot_id, change.site_code, change.to_owner, rules.AVAILABLE)
    move = ledger.Move(
        change.lot_id, change.quantity, source, sink, document=f"ownership_change:{number}", which=Which(tuple(serials))
    )
    ledger.post(session, act, kind="ownership", key=f"ownership:{number}", moves=[move], reason=change.reason)
    _note(session, act, change, "owner.confirm")
    return change


def withdraw(session: Session, act: Act, *, number: int) -> OwnershipChange:
    """Withdraw a proposal that nobody has confirmed."""
    change = _claim(session, act, number, "owner.propose", WITHDRAWN)
    _note(session, act, change, "owner.withdraw")
    return change


def forward(
    session: Session,
    act: Act,
    *,
    account: ledger.Account,
    destination: str,
    quantity: int,
    reference: str,
    key: str,
    serials: Sequence[str] = (),
) -> Transfer:
    """Reserve a member's own stock at a depot for its way to a point of use; it is dispatched as any transfer.

    Refuses stock of the pool (that is a plan's to share out), a lot that may
    not serve that member there, and more than the member has.
    """
    require(act.actor, "stock.forward", site=account.site)
    if account.owner == rules.POOL:
        raise Invalid("only a member's own stock is sent on: the pool's is shared out by a plan", field="owner")
    if queries.site(session, account.site).kind != rules.DEPOT:
        raise Invalid(f"{account.site} is no depot: stock is sent on from depots", field="site")
    shelves = fitness(session, lot_id=account.lot_id, member=account.owner, place=destination, at=act.at)
    there = [(one.site, one.owner, one.status) for one in shelves]
    wanted = (account.site, account.owner, rules.AVAILABLE)
    if wanted in there and not (found := shelves[there.index(wanted)]).fit:
        raise NotFitToSend(f"it may not go to {destination}: {found.sentence}", reason=found.reason)
    named = reference or f"own:{key}"
    part = transfers.Part(
        account.site,
        destination,
        account.lot_id,
        account.owner,
        named,
        quantity,
        owner=account.owner,
        serials=tuple(serials),
    )
    return transfers.arrange(session, act, source=f"own:{key}", parts=[part])[0]


def changes(session: Session, *, state: str | None = None) -> list[OwnershipChange]:
    """Changes of owner, newest first, narrowed by state."""
    query = select(OwnershipChange).order_by(col(OwnershipChange.id).desc())
    return list(session.exec(query.where(OwnershipChange.state == state) if state else query))


def _claim(session: Session, act: Act, number: int, right: str, state: str) -> OwnershipChange:
    change = session.get(OwnershipChange, number)
    if change is None:
        raise UnknownChange(f"there is no change of owner {number}", field="change", value=number)
    require(act.actor, right, site=change.site_code)
    open_one = update(OwnershipChange).where(col(OwnershipChange.id) == number, col(OwnershipChange.state) == PROPOSED)
    if not rows_changed(session, open_one.values(state=state, decided_by=act.actor.id, decided_at=act.at)):
        session.refresh(change)
        raise ChangeState(f"change of owner {number} is {change.state}", state=change.state)
    session.refresh(change)
    return change


def _keep_floor(session: Session, act: Act, change: OwnershipChange) -> None:
    item = queries.lot(session, change.lot_id).item_code
    catalogue.lock(session, [item])
    floor = queries.floors(session, governance.local_day(session, act.at)).get(item, 0)
    usable = sum(one.quantity for one in queries.usable_pool_stock(session, act.at) if one.item == item)
    if usable - change.quantity < floor:
        raise BelowFloor(
            f"the pool has {usable} usable of {item} and keeps at least {floor}: {change.quantity} may not be given",
            item=item,
            usable=usable,
            floor=floor,
            asked=change.quantity,
        )


def _note(session: Session, act: Act, change: OwnershipChange, action: str) -> None:
    payload = {
        "lot": change.lot_id,
        "site": change.site_code,
        "from": change.from_owner,
        "to": change.to_owner,
        "quantity": change.quantity,
        "price_minor": change.price_minor,
    }
    subject = f"ownership_change:{change.id}"
    journal.record(session, act, action=action, subject=subject, payload=payload, reason=change.reason)
