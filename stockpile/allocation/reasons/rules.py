"""The reasons for a share as sentences for those who ask; quantities in base units. Pure functions and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from stockpile.allocation import rules
from stockpile.allocation.carrying.tables import DISPATCH, VEHICLES
from stockpile.allocation.meaning import Held
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.inventory.rules import APPROVED, DISPATCHED
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
    """What the municipality would have got of the item under another rule, in base units.

    `without`: what that was worked out without, though the plan keeps it.
    """

    rule: str
    words: str
    got: int
    permille: int
    without: list[str]


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


def because(mine: Standing, other: Standing, goods: Goods, *, limited: bool = False) -> str:
    """Why the other one's greater fill is within the fair rule; `limited`: within what is carried in a day too."""
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
    if limited and not mine.tie:
        return say("the plan keeps what can be carried in a day too: within that, it is the best sharing found")
    if other.tier > mine.tier or not mine.tie or other.tie != mine.tie:
        return say("it is served from stock that may not, or not in time, reach you")
    if Fraction(other.got - 1, other.need) <= Fraction(mine.got, mine.need):
        return say(
            "you share the same stock and packs stay whole: with one pack less its share would be no larger than yours"
        )
    return say("you share the same stock; packs stay whole, and where shares are equal the smaller need comes first")


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
    named = {f"lot{place}": lots[lot] for place, lot in enumerate(reason["lots"][:3])}
    row = ", ".join(f"{{{name}}}" for name in named)
    where = say(row, **named) if named else say("no lot")
    more = say(" and {n} more lots", n=len(reason["lots"]) - 3) if len(reason["lots"]) > 3 else ""
    whom = say("you and {n} others", n=others) if others else say("you")
    return say(
        "{amount} may and can reach {whom} in time, for a need of {need} together: {where}{more}",
        amount=amount,
        whom=whom,
        need=need,
        where=where,
        more=more,
    )


def lifts(link: Mapping[str, Any], goods: Goods, *, names: Mapping[str, str], claim: str) -> list[str]:
    """What one more pack would do, one sentence for the depots where it does the same; what lifts this claim first."""
    by_site: dict[str, Mapping[str, Any]] = {}
    for one in link["next_packs"]:
        if one["site"] not in by_site or one["claim"] == claim:
            by_site[one["site"]] = one
    alike: dict[tuple[str, str, str], list[str]] = {}
    for site in sorted(by_site):
        one = by_site[site]
        alike.setdefault((one["claim"], one["before"], one["after"]), []).append(site)
    ordered = sorted(alike.items(), key=lambda row: (row[0][0] != claim, row[1], row[0]))
    return [_lift(goods, key, sites, names=names, mine=key[0] == claim) for key, sites in ordered]


def _lift(
    goods: Goods, lifted: tuple[str, str, str], sites: Sequence[str], *, names: Mapping[str, str], mine: bool
) -> str:
    claim, before, after = lifted
    member = claim.partition("/")[0]
    where = " / ".join(sites)
    facts = {"pack": goods.packs(1), "site": where, "before": _percent(before), "after": _percent(after)}
    if mine:
        return say("one more pack ({pack}) at {site} lifts you from {before} to {after}", **facts)
    return say(
        "one more pack ({pack}) at {site} lifts {member}, who comes before you, from {before} to {after}",
        member=names.get(member, member),
        **facts,
    )


def carried(full: Held, *, site: str, member: str) -> str:
    """A limit on what is carried in a day that has no room for another pack; `site`, `member`: names for reading."""
    facts: dict[str, Any] = {"used": _litres(full.used_ml), "volume": _litres(full.volume_ml)}
    if full.kind == DISPATCH:
        return say("{site} can send out no more that day: {used} of {volume} litres are taken", site=site, **facts)
    if full.kind == VEHICLES:
        way = {"site": site, "member": member}
        return say("the vehicles from {site} to {member} are full: {used} of {volume} litres are taken", **way, **facts)
    return say("{member} can take in no more that day: {used} of {volume} litres are taken", member=member, **facts)


def _litres(millilitres: int) -> Decimal:
    return Decimal(millilitres // 100) / 10


def stood_in(sent: str, *, name: str, counts: int, goods: Goods) -> str:
    """That so much of a substitute was sent, and for how much of the item it counts."""
    return say(
        "{sent} of {name} stand in for {counts} {unit}: a pharmacist has approved that",
        sent=sent,
        name=name,
        counts=counts,
        unit=goods.base_unit,
    )


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


def queue(place: int) -> str:
    """The claim's place among further packs for those who share its stock."""
    if place == 1:
        return say("the next pack for those who share this stock would be yours")
    return say(
        "of further packs for those who share this stock, {others} would go to others first; number {place} would be "
        "yours",
        others=place - 1,
        place=place,
    )


def arriving(state: str, quantity: str) -> str:
    """Where what a municipality got is now, by the state of its transfer."""
    if state == APPROVED:
        return say("{quantity} of yours are reserved at the depots and wait to be sent", quantity=quantity)
    if state == DISPATCHED:
        return say("{quantity} of yours are under way", quantity=quantity)
    return say("{quantity} of yours were received", quantity=quantity)


def _percent(fill: str) -> str:
    packs, _, need = fill.partition("/")
    return rules.percent(int(packs), int(need)).replace(" ", "\N{NO-BREAK SPACE}")


def appeal(*, approved: bool, request: int) -> str:
    """How to contest a share."""
    if approved:
        return say(
            "the plan is approved. Ask again with new evidence, naming request {request}: the next plan counts it. For "
            "a graver need ask a coordinator: two people can take back what is reserved for others and has not left. "
            "Against the decision itself anyone can complain to an independent reviewer, on the page "
            "/public/grievances.",
            request=str(request),
        )
    return say(
        "the plan is not approved yet: ask a coordinator to review the validated need of request {request} with new "
        "evidence; the plan is then computed again.",
        request=str(request),
    )
