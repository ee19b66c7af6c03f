"""The reasons for a share as sentences for those who ask; quantities in base units. Pure functions and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from stockpile.allocation import rules
from stockpile.inventory.eligibility import OBSTACLES

WORDS: Final = {
    "reserve": "stay in the depots as the reserve that the committee has set",
    "buffer": "stay as a depot's buffer",
}


@dataclass(frozen=True, slots=True)
class Goods:
    """How an item is counted: its code, base unit, and base units in a pack."""

    item: str
    base_unit: str
    pack_size: int

    def packs(self, count: int) -> str:
        """So many packs in base units, for reading."""
        return f"{count * self.pack_size:,} {self.base_unit}"


@dataclass(frozen=True, slots=True)
class Barred:
    """Stock of the pool that may not serve the request, in base units, and why."""

    reason: str
    words: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Other:
    """Who got a greater part of its need of the same item, and why that is within the rule."""

    member: str
    name: str
    validated: int
    got: int
    permille: int
    because: str


@dataclass(frozen=True, slots=True)
class OtherRule:
    """What the municipality would have got of the item under another rule, in base units."""

    rule: str
    words: str
    got: int
    permille: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One claim in a plan: municipality, tier (1 first), packs got and needed, and with whom it is tied."""

    member: str
    name: str
    tier: int
    got: int
    need: int
    tie: str


def because(mine: Standing, other: Standing) -> str:
    """Why the other one's greater fill is within the fair rule."""
    if other.tier < mine.tier:
        return f"its request has priority {other.tier}, and yours {mine.tier}: the more urgent class is served first"
    if other.tier > mine.tier or not mine.tie or other.tie != mine.tie:
        return "it is served from stock that may not, or not in time, reach you"
    return "you share the same stock; packs stay whole, and of equal fills the smaller need comes first"


def binding(link: Mapping[str, Any], goods: Goods, *, lots: Mapping[str, str], others: int) -> list[str]:
    """What binds those who are tied: their stock, the reserve, and why other stock does not come."""
    found = []
    for reason in link["reasons"]:
        amount = goods.packs(reason["packs"])
        if reason["kind"] in ("stock", "filled"):
            with_whom = f"you and {others} others" if others else "you"
            need = goods.packs(int(link["fill"].partition("/")[2]))
            where = ", ".join(lots[lot] for lot in reason["lots"][:3]) or "no lot"
            more = f" and {len(reason['lots']) - 3} more lots" if len(reason["lots"]) > 3 else ""
            found.append(f"{amount} within reach of {with_whom} for {need} validated: {where}{more}")
        else:
            why = OBSTACLES.get(reason["kind"], reason["kind"])
            found.append(f"{amount} {WORDS.get(reason['kind'], f'elsewhere do not come to you: {why}')}")
    return found


def lifts(link: Mapping[str, Any], goods: Goods, *, names: Mapping[str, str], claim: str) -> list[str]:
    """What one more pack would do, one sentence per depot; those that lift this claim first."""
    found: dict[str, tuple[bool, str]] = {}
    for one in link["next_packs"]:
        mine = one["claim"] == claim
        member = one["claim"].partition("/")[0]
        fills = f"from {_percent(one['before'])} to {_percent(one['after'])}"
        sentence = f"one more pack ({goods.packs(1)}) at {one['site']} lifts {names.get(member, member)} {fills}"
        if one["site"] not in found or (mine and not found[one["site"]][0]):
            found[one["site"]] = mine, sentence
    return [sentence for _, sentence in sorted(found.values(), key=lambda row: (not row[0], row[1]))]


def turn(mine: Standing, tied: Sequence[Standing]) -> int:
    """Of further packs for those tied, in the order of the fair rule, the how-manieth would be this claim's.

    >>> me = Standing("B", "B", 1, 2, 4, "t")
    >>> turn(me, [Standing("A", "A", 1, 1, 4, "t"), me])
    2
    """
    key = Fraction(mine.got, mine.need), mine.need, mine.member
    before = 0
    for one in tied:
        packs = one.got
        while one.member != mine.member and packs < one.need:
            if (Fraction(packs, one.need), one.need, one.member) > key:
                break
            packs += 1
        before += packs - one.got
    return before + 1


def _percent(fill: str) -> str:
    packs, _, need = fill.partition("/")
    return rules.percent(int(packs), int(need))


def appeal(*, approved: bool, request: int) -> str:
    """How to contest a share."""
    if approved:
        return (
            f"the plan is approved and its goods leave. Ask again with new evidence, naming request {request}: the "
            "next plan counts it; a coordinator can ask for reserved stock to be taken back for a graver need."
        )
    return (
        f"the plan is not approved yet: ask a coordinator to review the validated need of request {request} with new "
        f"evidence (POST /api/v1/requests/{request}/validation); the plan is then computed again."
    )
