"""Saying what belongs in a kit, putting kits together and taking them apart: each is one posting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import eligibility, ledger, opening, restricting
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.kits import queries, rules
from stockpile.inventory.kits.tables import KitLotPart, KitPart
from stockpile.inventory.restricting import Condition
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Balance, Lot, Movement

Serials = Mapping[int, Sequence[str]]


class PartsDiffer(Conflict):
    """The lots given are not what belongs in so many kits."""

    code = "kit_parts_differ"


class PartNotUsable(Conflict):
    """A component lot may not go into a kit."""

    code = "kit_part_not_usable"


class KitLotUsed(Conflict):
    """The batch code was used for other kits."""

    code = "kit_lot_used"


@dataclass(frozen=True, slots=True)
class Batch:
    """Kits to put together at a depot: how many base units, under which batch code, whose.

    `parts`: base units by component lot; empty: first-expiring first.
    `serials` by lot: of serialised components; `kit_serials`: of a serialised kit.
    """

    site: str
    kit: str
    lot: str
    quantity: int
    owner: str = stock.POOL
    parts: Mapping[int, int] = field(default_factory=dict)
    serials: Serials = field(default_factory=dict)
    kit_serials: Sequence[str] = ()


def define(session: Session, act: Act, *, kit: str, components: Mapping[str, int]) -> dict[str, int]:
    """Say what belongs in one base unit of a kit, by component item; kits that exist keep what went into them."""
    require(act.actor, "kit.define")
    catalogue.item(session, kit)
    if not components or kit in components or min(components.values()) < 1:
        raise Invalid("a kit needs components other than itself, at least one of each", field="components")
    for component in components:
        catalogue.item(session, component)
        _refuse_circle(session, kit, component)
    for row in session.exec(select(KitPart).where(KitPart.kit_item == kit)):
        session.delete(row)
    session.flush()
    session.add_all(KitPart(kit_item=kit, component_item=one, quantity=q) for one, q in components.items())
    session.flush()
    journal.record(session, act, action="kit.define", subject=f"item:{kit}", payload=dict(components))
    return dict(components)


def _refuse_circle(session: Session, kit: str, component: str) -> None:
    seen, fresh = {component}, {component}
    while fresh:
        query = select(KitPart.component_item).where(col(KitPart.kit_item).in_(sorted(fresh)))
        fresh = set(session.exec(query)) - seen
        seen |= fresh
    if kit in seen:
        raise Invalid(f"{component} contains {kit} itself", field="components", value=component)


def assemble(session: Session, act: Act, *, batch: Batch, key: str, reason: str = "") -> Lot:
    """Put kits together from component lots at a depot, in one posting; returns the kit lot.

    The kit lot expires with the earliest component and is restricted as its
    components are. Refuses parts that are not what belongs in so many kits, a
    lot that is held, expired or not there, components restricted to nobody in
    common, and a batch code that was used.
    """
    require(act.actor, "kit.assemble", site=batch.site)
    place = inventory.site(session, batch.site)
    if place.kind != stock.DEPOT or batch.quantity < 1:
        raise Invalid("kits are put together at depots, at least one", field="site", value=batch.site)
    wanted = {item: q * batch.quantity for item, q in queries.definition(session, batch.kit).items()}
    usable = _usable(session, act, batch, wanted)
    parts = dict(batch.parts) or rules.first_expiring(wanted, _by_item(usable))
    lots = {number: inventory.lot(session, number) for number in sorted(parts)}
    _check_parts(wanted, parts, lots, set(usable))
    inventory.lock_lots(session, lots)
    kit = _kit_lot(session, act, batch, lots, reason)
    assert kit.id is not None
    session.add_all(KitLotPart(kit_lot_id=kit.id, component_lot_id=n, quantity=q) for n, q in sorted(parts.items()))
    document = f"kit:{kit.id}"
    shelf = {n: ledger.Account(n, batch.site, batch.owner, stock.AVAILABLE) for n in (*parts, kit.id)}
    moves = [
        ledger.Move(n, q, shelf[n], stock.ASSEMBLY, document, Which(tuple(batch.serials.get(n, ()))))
        for n, q in sorted(parts.items())
    ]
    moves.append(
        ledger.Move(kit.id, batch.quantity, stock.ASSEMBLY, shelf[kit.id], document, Which(tuple(batch.kit_serials)))
    )
    ledger.post(session, act, kind="assembly", key=key, moves=moves, reason=reason)
    payload = {"parts": {str(n): q for n, q in sorted(parts.items())}, "quantity": batch.quantity}
    journal.record(session, act, action="kit.assemble", subject=f"lot:{kit.id}", payload=payload, reason=reason)
    return kit


def disassemble(
    session: Session,
    act: Act,
    *,
    account: ledger.Account,
    quantity: int,
    key: str,
    reason: str,
    parts: Mapping[int, int] | None = None,
    serials: Serials | None = None,
) -> int:
    """Take kits apart where they lie, in one posting: the components go back to their lots, into quarantine.

    `parts`: base units by component lot, wherever a component came from
    several lots and not all the kits are taken apart. Kits that are held may
    be taken apart too, for the rest of them to be saved. Returns the posting's number.
    """
    require(act.actor, "kit.assemble", site=account.site)
    if not reason.strip():
        raise Invalid("taking kits apart needs a reason", field="reason")
    kit = inventory.lot(session, account.lot_id)
    inventory.lock_lots(session, [account.lot_id])
    inside = queries.parts(session, account.lot_id)
    if not inside or quantity < 1:
        raise queries.UnknownKit(f"lot {kit.code} of {kit.item_code} is none of kits", field="lot_id", value=kit.id)
    taken = _taken_out(session, account.lot_id, inside, quantity, parts or {})
    named = serials or {}
    document = f"kit:{account.lot_id}"
    moves = [
        ledger.Move(
            account.lot_id, quantity, account, stock.ASSEMBLY, document, Which(tuple(named.get(kit.id or 0, ())))
        )
    ]
    for row in inside:
        if part := taken.get(row.component_lot_id, 0):
            number = row.component_lot_id
            row.taken_out += part
            session.add(row)
            apart = ledger.Account(number, account.site, account.owner, stock.QUARANTINE)
            moves.append(
                ledger.Move(number, part, stock.ASSEMBLY, apart, document, Which(tuple(named.get(number, ()))))
            )
    session.flush()
    return ledger.post(session, act, kind="disassembly", key=key, moves=moves, reason=reason)


def _usable(session: Session, act: Act, batch: Batch, wanted: Mapping[str, int]) -> dict[int, tuple[str, int]]:
    """(item, base units) by lot of what the owner has there that may go into a kit, first-expiring first."""
    zone = inventory.site(session, batch.site).time_zone
    query = (
        select(Balance, Lot)
        .join(Lot, col(Lot.id) == col(Balance.lot_id))
        .where(Balance.site_code == batch.site, Balance.owner == batch.owner, Balance.quantity > 0)
        .where(Balance.status == stock.AVAILABLE, col(Lot.item_code).in_(sorted(wanted)))
        .order_by(col(Lot.expiry), col(Lot.id))
    )
    found: dict[int, tuple[str, int]] = {}
    for balance, lot in session.exec(query):
        if inventory.usable(eligibility.Goods(lot.expiry, lot.on_hold, lot.recalled), act.at, zone):
            found[balance.lot_id] = (lot.item_code, balance.quantity)
    return found


def _by_item(usable: Mapping[int, tuple[str, int]]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for lot, (item, quantity) in usable.items():
        found.setdefault(item, []).append((lot, quantity))
    return found


def _check_parts(
    wanted: Mapping[str, int], parts: Mapping[int, int], lots: Mapping[int, Lot], usable: set[int]
) -> None:
    off = rules.off_by(wanted, ((lots[number].item_code, quantity) for number, quantity in parts.items()))
    if off or min(parts.values(), default=0) < 1:
        item, need, given = off[0] if off else ("a lot", 1, 0)
        raise PartsDiffer(
            f"{item}: {need} base units belong in these kits, {given} are given or usable here", item=item, wanted=need
        )
    for number in sorted(set(parts) - usable):
        lot = lots[number]
        raise PartNotUsable(
            f"lot {lot.code} of {lot.item_code} is held, expired or not available here: it goes into no kit", lot=number
        )


def _kit_lot(session: Session, act: Act, batch: Batch, lots: Mapping[int, Lot], reason: str) -> Lot:
    restricted = inventory.restrictions(session, lots)
    shared, nobody = rules.common(restricted.get(number, ()) for number in lots)
    if nobody is not None:
        raise PartNotUsable(f"these lots are restricted to no {nobody} in common: nobody could be given the kit")
    used = select(Lot.id).where(Lot.item_code == batch.kit, Lot.code == batch.lot)
    if session.exec(used).first() is not None:
        raise _used(batch)
    kit = opening.lot_for(session, act, item=batch.kit, code=batch.lot, expiry=min(lot.expiry for lot in lots.values()))
    if session.exec(select(Movement.id).where(Movement.lot_id == kit.id)).first() is not None:
        raise _used(batch)
    for kind, value in sorted(shared):
        restricting.restrict(
            session, act, lot=kit, condition=Condition(kind, value), reason=reason.strip() or "as its components are"
        )
    return kit


def _used(batch: Batch) -> KitLotUsed:
    return KitLotUsed(
        f"lot {batch.lot} of {batch.kit} is in the books: kits need a batch code of their own", field="lot"
    )


def _taken_out(
    session: Session, kit_lot: int, inside: Sequence[KitLotPart], quantity: int, parts: Mapping[int, int]
) -> dict[int, int]:
    """Base units of each component lot that come out with so many kits."""
    made = queries.assembled(session, kit_lot)
    items = {row.component_lot_id: inventory.lot(session, row.component_lot_id).item_code for row in inside}
    left = {row.component_lot_id: row.quantity - row.taken_out for row in inside}
    wanted: dict[str, int] = {}
    for row in inside:
        item = items[row.component_lot_id]
        wanted[item] = wanted.get(item, 0) + row.quantity
    wanted = {item: total // made * quantity for item, total in wanted.items()}
    several = {item for item in wanted if sum(1 for of in items.values() if of == item) > 1}
    given = dict(parts)
    if not given:
        given = left if not rules.off_by(wanted, ((items[n], q) for n, q in left.items())) else {}
        if not given and not several:
            given = {number: wanted[item] for number, item in items.items()}
    known = {number: quantity for number, quantity in given.items() if number in items}
    off = rules.off_by(wanted, ((items[n], q) for n, q in known.items()))
    over = [number for number, part in known.items() if not 0 <= part <= left[number]]
    if off or over or known != given:
        raise PartsDiffer(
            "say how much comes out of which component lot: in these kits are "
            + ", ".join(f"{left[n]} of lot {n} ({items[n]})" for n in sorted(left)),
            wanted=wanted,
        )
    return given
