"""The CSV templates of a region: one row model per file, what may not be given twice, and what must name what."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from stockpile.plaintext import Note, Text

LARGEST: Final = 10**12
LARGEST_LANE_COST: Final = 10**9
"""What the optimizer can still add up exactly (optimizer.allocation.problem.LARGEST_COST)."""


def _digits(value: object) -> object:
    """Plain ASCII digits only: no signs but minus, no spaces, no other scripts' digits."""
    text = str(value)
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f"'{text}' is not a whole number")
    return int(text)


def _flag(value: object) -> object:
    if value not in ("0", "1"):
        raise ValueError(f"'{value}' is neither 0 nor 1")
    return value == "1"


def _day(value: object) -> object:
    try:
        return date.fromisoformat(str(value))
    except ValueError as failure:
        raise ValueError(f"'{value}' is not a day like 2020-03-30") from failure


def _maybe(value: object) -> object:
    return None if value == "" else _digits(value)


def _maybe_instant(value: object) -> object:
    if value == "":
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError as failure:
        raise ValueError(f"'{value}' is not an instant like 2020-03-30T00:00:00Z") from failure
    if instant.tzinfo is None:
        raise ValueError(f"'{value}' carries no time zone: write it like 2020-03-30T00:00:00Z")
    return instant.astimezone(UTC)


Whole = Annotated[int, BeforeValidator(_digits), Field(ge=0, le=LARGEST)]
Counted = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=LARGEST)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[date, BeforeValidator(_day)]
MaybeInstant = Annotated[datetime | None, BeforeValidator(_maybe_instant)]
MaybeWhole = Annotated[Annotated[int, Field(ge=0, le=LARGEST)] | None, BeforeValidator(_maybe)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Cost = Annotated[int, BeforeValidator(_digits), Field(ge=0, le=LARGEST_LANE_COST)]
Size = Annotated[Literal["micro", "small", "medium", "large"] | None, BeforeValidator(lambda text: text or None)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class Row(BaseModel):
    """A row of a template: exactly its columns, as text from the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _number: int = PrivateAttr(default=0)

    @classmethod
    def required(cls) -> set[str]:
        """The columns that a file must have; the others may be left out, and are then empty."""
        return {name for name, one in cls.model_fields.items() if one.is_required()}

    @property
    def number(self) -> int:
        """Its place in the file, counted from 1 below the header."""
        return self._number

    def numbered(self, number: int) -> Row:
        """This row, told its place in the file."""
        self._number = number
        return self


class RegionRow(Row):
    """The region itself; one row."""

    name: Text
    title: Text
    simulated: Flag
    simulated_now: MaybeInstant
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    time_zone: Text


class MemberRow(Row):
    """A municipality."""

    member: Text
    name: Text
    name_alt: Note
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    parent: Note
    population: Counted
    population_year: Counted
    lat: Latitude
    lon: Longitude
    point_of_use: Text


class SiteRow(Row):
    """A depot, or a point of use."""

    site: Text
    name: Text
    kind: Annotated[str, Field(pattern="^(depot|point_of_use)$")]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    member: Text
    lat: Latitude
    lon: Longitude
    time_zone: Text


class ItemRow(Row):
    """A medicine or part; quantities are in its base unit."""

    item: Text
    kind: Annotated[str, Field(pattern="^(medicine|part)$")]
    name: Text
    atc: Note
    cpv: Note
    gtin: Text
    base_unit: Text
    pack_size: Counted
    cold_chain: Flag
    storage: Note
    controlled: Flag
    verified: Flag
    shelf_life_days: Counted
    use_days: Whole
    volume_ml: Whole
    priority: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=4)]
    use_per_admission_milli: Whole
    baseline_milli_per_day: Whole


class TradeItemRow(Row):
    """A packing level of an item under its own GTIN."""

    gtin: Text
    item: Text
    units: Counted
    name: Text


class FitRow(Row):
    """A part, and equipment that it fits."""

    part: Text
    equipment: Text


class LicenceRow(Row):
    """An item, and a country in which it may be used."""

    item: Text
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]


class LaneRow(Row):
    """A way from a depot to a point of use: minutes, and minor units a pack."""

    origin: Text
    destination: Text
    minutes: Counted
    cost_minor: Cost
    cold_chain: Flag


class SupplierRow(Row):
    """A supplier; its size after EU Recommendation 2003/361/EC may be left out, and is then unknown."""

    supplier: Text
    name: Text
    lead_p10_days: Whole
    lead_p50_days: Whole
    lead_p90_days: Whole
    on_time_permille: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=1000)]
    late_p95_days: Whole
    size: Size = None


class ContractRow(Row):
    """A unified contract with one supplier."""

    contract: Text
    supplier: Text
    starts: Day
    ends: Day
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    minimum_order_minor: Whole
    ceiling_minor: Whole
    lead_time_days: Whole


class ContractLineRow(Row):
    """An item under a contract, and how it is ordered."""

    contract: Text
    item: Text
    minimum_packs: Counted
    pack_multiple: Counted
    shelf_life_on_delivery_days: Whole


class PriceTierRow(Row):
    """The price of a pack (minor units) from so many packs on."""

    contract: Text
    item: Text
    from_packs: Counted
    pack_price_minor: Counted


class PolicyRow(Row):
    """What a nightly run may propose, and where orders go."""

    budget_minor: Whole
    review_days: Counted
    deliver_to: Text


class LotRow(Row):
    """A lot at a depot, in base units."""

    item: Text
    lot: Text
    expiry: Day
    site: Text
    quantity: Counted


class FloorRow(Row):
    """What may not leave the pool from a day on, in base units."""

    item: Text
    effective_from: Day
    quantity: Whole


class OwnStockRow(Row):
    """What a municipality holds itself, in base units."""

    member: Text
    item: Text
    quantity: Whole


class CaseloadRow(Row):
    """Reported cases of a municipality on a day."""

    date: Day
    member: Text
    cases: Whole
    cases_suppressed: Flag
    admissions: MaybeWhole
    basis: Text


class PartDemandRow(Row):
    """Use of a part in a month."""

    item: Text
    month: Month
    quantity: MaybeWhole


TEMPLATES: Final[dict[str, type[Row]]] = {
    "region": RegionRow,
    "members": MemberRow,
    "sites": SiteRow,
    "items": ItemRow,
    "trade_items": TradeItemRow,
    "fits": FitRow,
    "licences": LicenceRow,
    "lanes": LaneRow,
    "suppliers": SupplierRow,
    "contracts": ContractRow,
    "contract_lines": ContractLineRow,
    "price_tiers": PriceTierRow,
    "policy": PolicyRow,
    "lots": LotRow,
    "floors": FloorRow,
    "own_stock": OwnStockRow,
    "caseload": CaseloadRow,
    "part_demand": PartDemandRow,
}
NEEDED: Final = ("region", "members", "sites", "items", "licences", "lanes")
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "members": ("member",),
    "sites": ("site",),
    "items": ("item",),
    "fits": ("part", "equipment"),
    "licences": ("item", "country"),
    "lanes": ("origin", "destination"),
    "suppliers": ("supplier",),
    "contracts": ("contract",),
    "contract_lines": ("contract", "item"),
    "price_tiers": ("contract", "item", "from_packs"),
    "lots": ("item", "lot", "site"),
    "floors": ("item", "effective_from"),
    "own_stock": ("member", "item"),
    "caseload": ("date", "member"),
    "part_demand": ("item", "month"),
}
"""What must not be given twice in a file."""
LINKS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("members", "point_of_use", "sites", "site"),
    ("sites", "member", "members", "member"),
    ("trade_items", "item", "items", "item"),
    ("fits", "part", "items", "item"),
    ("fits", "equipment", "items", "item"),
    ("licences", "item", "items", "item"),
    ("lanes", "origin", "sites", "site"),
    ("lanes", "destination", "sites", "site"),
    ("contracts", "supplier", "suppliers", "supplier"),
    ("contract_lines", "contract", "contracts", "contract"),
    ("contract_lines", "item", "items", "item"),
    ("price_tiers", "contract", "contracts", "contract"),
    ("price_tiers", "item", "items", "item"),
    ("policy", "deliver_to", "sites", "site"),
    ("lots", "item", "items", "item"),
    ("lots", "site", "sites", "site"),
    ("floors", "item", "items", "item"),
    ("own_stock", "member", "members", "member"),
    ("own_stock", "item", "items", "item"),
    ("caseload", "member", "members", "member"),
    ("part_demand", "item", "items", "item"),
)
"""Column of a file that must name something in another file."""
