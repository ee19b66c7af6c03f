"""Lines, offers and clauses of a reorder over many weeks: frozen, and refused when they contradict themselves.

Weeks count from 0 (tonight). Quantities are whole units of the line (its base unit or smallest pack), money whole
minor units; rates that are smaller than a minor unit are thousandths of one (`_milli`). What each field promises
is said in optimizer/reorder/FORMAT.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

LARGEST_MINOR = 10**13
"""Upper limit of any room in money or volume: every total of every plan fits 64 bits."""
LARGEST_WEEKS = 260
LARGEST_UNITS = 20_000
"""Upper limit of the stock a line may ever hold: the exact search keeps one state per unit."""
LARGEST_MONEY = 10**12
PERMILLE = 1000


class ProblemError(ValueError):
    """A problem that contradicts itself; the message names the field and the reason."""


@dataclass(frozen=True, slots=True)
class Tier:
    """From this many units on, every unit of the order costs `price_minor` (all-units price)."""

    from_units: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class Offer:
    """One supplier's offer of a line under a contract; `id` is unique within the line.

    `order_weeks`: weeks in which it may be ordered (empty: every week). `most_units`: over the whole horizon, such as
    the member's reservation or an option's quantity (none: unlimited). `order_volume`: what each order takes of the
    supplier's capacity beside its units, such as a setup.
    """

    id: str
    supplier: str
    contract: str
    tiers: tuple[Tier, ...]
    lead_weeks: int = 0
    minimum_units: int = 1
    multiple_units: int = 1
    order_minor: int = 0
    order_volume: int = 0
    order_weeks: tuple[int, ...] = ()
    most_units: int | None = None
    surge_option: bool = False

    def least_orders(self) -> tuple[int, ...]:
        """The least order, in whole multiples, at which each tier's price holds."""
        wanted = (max(tier.from_units, self.minimum_units) for tier in self.tiers)
        return tuple(-(-units // self.multiple_units) * self.multiple_units for units in wanted)

    def price_minor(self, units: int) -> int:
        """The price of one unit when `units` are ordered."""
        return [tier.price_minor for tier in self.tiers if tier.from_units <= max(units, 1)][-1]


@dataclass(frozen=True, slots=True)
class Lot:
    """Units on hand that can be used in this and the next `weeks_left` - 1 weeks."""

    units: int
    weeks_left: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """Firm units that arrive at the beginning of a week, with the line's whole shelf life."""

    week: int
    units: int


@dataclass(frozen=True, slots=True)
class Line:
    """One product for one member at one place.

    `demand`: units per week. `later_demand`: units per week after the horizon, as far as shelf life asks for it.
    `unmet_minor`: what an unmet unit costs (none: every unit must be served). `floor`: safety stock, in units;
    each unit below it at a week's end costs `below_floor_milli`. `hold_milli`: cost of one unit kept over a week
    (room, capital, rotation). `waste_minor`: cost of a unit written off. `residual_minor`: worth of a unit left.
    """

    id: str
    product: str
    member: str
    storage: str
    volume: int
    demand: tuple[int, ...]
    shelf_life_weeks: int
    hold_milli: int
    waste_minor: int
    unmet_minor: int | None
    offers: tuple[Offer, ...]
    stock: tuple[Lot, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    later_demand: int = 0
    residual_minor: int = 0
    floor: int = 0
    below_floor_milli: int = 0

    def usable(self, week: int) -> int:
        """The most units on hand after a week's arrivals that may be used within the shelf life.

        Expected use, and the safety stock: it is there for more use than is expected.
        """
        end = week + self.shelf_life_weeks
        return self.floor + sum(self.demand[week:end]) + self.later_demand * max(0, end - max(week, len(self.demand)))

    def most_on_hand(self) -> int:
        """No arrival may lift the stock above this: the most that is ever usable, and one least order."""
        usable = max(self.usable(week) for week in range(len(self.demand)))
        firm = sum(lot.units for lot in self.stock) + sum(one.units for one in self.inbound)
        return max(usable, firm) + max((offer.least_orders()[0] for offer in self.offers), default=0)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a supplier can take as orders in each week, in volume."""

    supplier: str
    volume: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Storage:
    """Room of one storage class at the end of each week, in volume."""

    storage: str
    volume: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most a member (empty: all together) may spend on orders placed from `first_week` to `last_week`."""

    member: str
    first_week: int
    last_week: int
    minor: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What is left of a contract: the value of all orders under it over the horizon."""

    contract: str
    minor: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """The most units of a product that a member (empty: all together) may order under a contract."""

    contract: str
    product: str
    member: str
    units: int


@dataclass(frozen=True, slots=True)
class Share:
    """Diversification: of a product, a supplier's orders are at most this share of the demand over the horizon."""

    supplier: str
    product: str
    permille: int


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Periods of `weeks` weeks; each minor unit of the dearest period's spend costs `peak_milli` more."""

    weeks: int
    peak_milli: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Lines over `weeks` weeks and the clauses they share. No clause makes ordering nothing impossible."""

    weeks: int
    lines: tuple[Line, ...]
    capacities: tuple[Capacity, ...] = ()
    storages: tuple[Storage, ...] = ()
    budgets: tuple[Budget, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    shares: tuple[Share, ...] = ()
    smoothing: Smoothing | None = None

    def __post_init__(self) -> None:
        _whole("problem", "weeks", self.weeks, 1, LARGEST_WEEKS)
        if not self.lines:
            raise ProblemError("problem: lines is empty")
        _once("lines", (line.id for line in self.lines))
        for line in self.lines:
            _refuse_line(line, self.weeks)
        _refuse_clauses(self)

    def canonical(self) -> bytes:
        """The problem as canonical JSON (sorted keys, no spaces): equal problems, equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def _whole(whose: str, field: str, value: object, least: int, most: int) -> None:
    if type(value) is not int:
        raise ProblemError(f"{whose}: {field} is {value!r}, not a whole number")
    if not least <= value <= most:
        raise ProblemError(f"{whose}: {field} is {value}, not {least} to {most}")


def _once(field: str, ids: Iterable[object]) -> None:
    seen: set[object] = set()
    for one in ids:
        if one in seen:
            raise ProblemError(f"{field}: {one} is given twice")
        seen.add(one)


def _series(whose: str, field: str, values: tuple[int, ...], weeks: int, most: int) -> None:
    if len(values) != weeks:
        raise ProblemError(f"{whose}: {field} has {len(values)} weeks, not {weeks}")
    for week, value in enumerate(values):
        _whole(whose, f"{field}[{week}]", value, 0, most)


def _refuse_line(line: Line, weeks: int) -> None:
    whose = f"line {line.id}"
    _series(whose, "demand", line.demand, weeks, LARGEST_UNITS)
    _whole(whose, "volume", line.volume, 0, LARGEST_MONEY)
    _whole(whose, "shelf_life_weeks", line.shelf_life_weeks, 1, 10 * LARGEST_WEEKS)
    for field in ("hold_milli", "waste_minor", "below_floor_milli"):
        _whole(whose, field, getattr(line, field), 0, LARGEST_MONEY)
    if line.unmet_minor is not None:
        _whole(whose, "unmet_minor", line.unmet_minor, 0, LARGEST_MONEY)
    for field in ("later_demand", "floor"):
        _whole(whose, field, getattr(line, field), 0, LARGEST_UNITS)
    for at, lot in enumerate(line.stock):
        _whole(whose, f"stock[{at}].units", lot.units, 0, LARGEST_UNITS)
        _whole(whose, f"stock[{at}].weeks_left", lot.weeks_left, 0, line.shelf_life_weeks)
    for at, one in enumerate(line.inbound):
        _whole(whose, f"inbound[{at}].week", one.week, 0, weeks - 1)
        _whole(whose, f"inbound[{at}].units", one.units, 0, LARGEST_UNITS)
    _once(f"{whose}: offers", (offer.id for offer in line.offers))
    for offer in line.offers:
        _refuse_offer(f"{whose}, offer {offer.id}", offer, weeks)
    cheapest = min((offer.tiers[-1].price_minor for offer in line.offers), default=LARGEST_MONEY)
    _whole(whose, "residual_minor", line.residual_minor, 0, cheapest)
    if line.most_on_hand() > LARGEST_UNITS:
        raise ProblemError(
            f"{whose}: demand within the shelf life, stock and the least order reach {line.most_on_hand()} units, "
            f"more than {LARGEST_UNITS}: count the line in larger units"
        )


def _refuse_offer(whose: str, offer: Offer, weeks: int) -> None:
    _whole(whose, "lead_weeks", offer.lead_weeks, 0, LARGEST_WEEKS)
    _whole(whose, "minimum_units", offer.minimum_units, 1, LARGEST_UNITS)
    _whole(whose, "multiple_units", offer.multiple_units, 1, LARGEST_UNITS)
    _whole(whose, "order_minor", offer.order_minor, 0, LARGEST_MONEY)
    _whole(whose, "order_volume", offer.order_volume, 0, LARGEST_MONEY)
    if offer.most_units is not None:
        _whole(whose, "most_units", offer.most_units, 0, LARGEST_MONEY)
    for at, week in enumerate(offer.order_weeks):
        _whole(whose, f"order_weeks[{at}]", week, 0, weeks - 1)
    if not offer.tiers or offer.tiers[0].from_units != 1:
        raise ProblemError(f"{whose}: tiers do not begin at 1 unit")
    for at, tier in enumerate(offer.tiers):
        _whole(whose, f"tiers[{at}].from_units", tier.from_units, 1, LARGEST_MONEY)
        _whole(whose, f"tiers[{at}].price_minor", tier.price_minor, 0, LARGEST_MONEY)
    for at in range(1, len(offer.tiers)):
        if offer.tiers[at].from_units <= offer.tiers[at - 1].from_units:
            raise ProblemError(f"{whose}: tiers[{at}].from_units is not above that of the tier before")
        if offer.tiers[at].price_minor > offer.tiers[at - 1].price_minor:
            raise ProblemError(f"{whose}: tiers[{at}].price_minor is above that of the tier before")


def _refuse_clauses(problem: Problem) -> None:
    _once("capacities", (one.supplier for one in problem.capacities))
    _once("storages", (one.storage for one in problem.storages))
    _once("budgets", ((one.member, one.first_week, one.last_week) for one in problem.budgets))
    _once("ceilings", (one.contract for one in problem.ceilings))
    _once("reservations", ((one.contract, one.product, one.member) for one in problem.reservations))
    _once("shares", ((one.supplier, one.product) for one in problem.shares))
    for capacity in problem.capacities:
        _series(f"capacity of {capacity.supplier}", "volume", capacity.volume, problem.weeks, LARGEST_MINOR)
    for room in problem.storages:
        _series(f"storage {room.storage}", "volume", room.volume, problem.weeks, LARGEST_MINOR)
    for at, budget in enumerate(problem.budgets):
        _whole(f"budgets[{at}]", "first_week", budget.first_week, 0, problem.weeks - 1)
        _whole(f"budgets[{at}]", "last_week", budget.last_week, budget.first_week, problem.weeks - 1)
        _whole(f"budgets[{at}]", "minor", budget.minor, 0, LARGEST_MINOR)
    for at, ceiling in enumerate(problem.ceilings):
        _whole(f"ceilings[{at}]", "minor", ceiling.minor, 0, LARGEST_MINOR)
    for at, row in enumerate(problem.reservations):
        _whole(f"reservations[{at}]", "units", row.units, 0, LARGEST_MONEY)
    for at, share in enumerate(problem.shares):
        _whole(f"shares[{at}]", "permille", share.permille, 0, PERMILLE)
    if problem.smoothing is not None:
        _whole("smoothing", "weeks", problem.smoothing.weeks, 1, problem.weeks)
        _whole("smoothing", "peak_milli", problem.smoothing.peak_milli, 0, LARGEST_MONEY)
