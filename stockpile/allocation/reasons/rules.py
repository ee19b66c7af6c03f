"""The reasons for a share as sentences for those who ask; quantities in base units. Pure functions and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from stockpile.allocation import rules
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.plaintext import say

WORDS: Final = {
    "reserve": say("stay in the depots as the reserve that the committee has set"),
    "buffer": say("stay as a depot's buffer"),
}


@dataclass(frozen=True, slots=True)
class Goods:
    """How an item is counted: its code, base unit, and base units in a pack."""

    item: str
    base_unit: str
    pack_size: int

    def packs(self, count: int) -> str:
        """So many packs in base units, for reading."""
        return say("{quantity} {unit}", quantity=count * self.pack_size, unit=self.base_unit)


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
    """One claim in a plan: municipality, tier (1 first), packs got and needed, with whom it is tied, and guaranteed."""

    member: str
    name: str
    tier: int
    got: int
    need: int
    tie: str
    entitled: int = 0


def guaranteed(mine: Standing, goods: Goods) -> str:
    """What the municipality is guaranteed of the item in this surge; empty where nothing is."""
    if not mine.entitled:
        return ""
    return say(
        "{amount} are guaranteed to you in this surge: they come before all priorities",
        amount=goods.packs(mine.entitled),
    )


def because(mine: Standing, other: Standing, goods: Goods) -> str:
    """Why the other one's greater fill is within the fair rule."""
    if other.entitled > mine.entitled:
        return say(
            "{amount} of it are guaranteed to it: they come before all priorities", amount=goods.packs(other.entitled)
        )
    if other.tier < mine.tier:
        return say(
            "its request has priority {theirs}, and yours {yours}: the more urgent class is served first",
            theirs=other.tier,
            yours=mine.tier,
        )
    if other.tier > mine.tier or not mine.tie or other.tie != mine.tie:
        return say("it is served from stock that may not, or not in time, reach you")
    return say("you share the same stock; packs stay whole, and of equal fills the smaller need comes first")


def binding(link: Mapping[str, Any], goods: Goods, *, lots: Mapping[str, str], others: int) -> list[str]:
    """What binds those who are tied: their stock, the reserve, and why other stock does not come."""
    return [_binding(reason, link, goods, lots, others) for reason in link["reasons"]]


def _binding(
    reason: Mapping[str, Any], link: Mapping[str, Any], goods: Goods, lots: Mapping[str, str], others: int
) -> str:
    amount = goods.packs(reason["packs"])
    if reason["kind"] in WORDS:
        return say("{amount} {what}", amount=amount, what=WORDS[reason["kind"]])
    if reason["kind"] not in ("stock", "filled"):
        why = say(OBSTACLES.get(reason["kind"], reason["kind"]))
        return say("{amount} elsewhere do not come to you: {why}", amount=amount, why=why)
    need = goods.packs(int(link["fill"].partition("/")[2]))
    where = ", ".join(lots[lot] for lot in reason["lots"][:3]) or say("no lot")
    more = say(" and {n} more lots", n=len(reason["lots"]) - 3) if len(reason["lots"]) > 3 else ""
    whom = say("you and {n} others", n=others) if others else say("you")
    return say(
        "{amount} within reach of {whom} for {need} validated: {where}{more}",
        amount=amount,
        whom=whom,
        need=need,
        where=where,
        more=more,
    )


def lifts(link: Mapping[str, Any], goods: Goods, *, names: Mapping[str, str], claim: str) -> list[str]:
    """What one more pack would do, one sentence per depot; those that lift this claim first."""
    found: dict[str, tuple[bool, str]] = {}
    for one in link["next_packs"]:
        mine = one["claim"] == claim
        member = one["claim"].partition("/")[0]
        sentence = say(
            "one more pack ({pack}) at {site} lifts {member} from {before} to {after}",
            pack=goods.packs(1),
            site=one["site"],
            member=names.get(member, member),
            before=_percent(one["before"]),
            after=_percent(one["after"]),
        )
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
        return say(
            "the plan is approved and its goods leave. Ask again with new evidence, naming request {request}: the "
            "next plan counts it; a coordinator can ask for reserved stock to be taken back for a graver need.",
            request=str(request),
        )
    return say(
        "the plan is not approved yet: ask a coordinator to review the validated need of request {request} with new "
        "evidence (POST /api/v1/requests/{request}/validation); the plan is then computed again.",
        request=str(request),
    )
