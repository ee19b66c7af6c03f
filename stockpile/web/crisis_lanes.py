"""Closed ways on the map and in words: depots that are cut off, borders that no lane crosses, places not reached."""

from __future__ import annotations

from collections.abc import Iterable

from stockpile.governance.tables import Member
from stockpile.inventory.tables import Site
from stockpile.web.crisis_map import Closure
from stockpile.web.crisis_surge_reading import Carried
from stockpile.web.parts import text
from stockpile.web.speech import ngettext, number, say

MOST_NAMED = 8
Lanes = frozenset[tuple[str, str]]
"""(depot, municipality) of every lane that is open."""


def cut_off(depots: Iterable[Site], lanes: Lanes) -> list[Site]:
    """The depots from which no lane is open."""
    leaving = {origin for origin, _ in lanes}
    return [one for one in depots if one.code not in leaving]


def closed_borders(depots: Iterable[Site], members: Iterable[Member], lanes: Lanes) -> list[tuple[str, str]]:
    """Pairs of countries, depot's first, between which no lane is open."""
    at, home = {one.code: one.country for one in depots}, {one.code: one.country for one in members}
    crossed = {(at[origin], home[member]) for origin, member in lanes if origin in at and member in home}
    pairs = {(one, other) for one in at.values() for other in home.values()}
    return sorted(pairs - crossed)


def to_member(member: Member, depots: Iterable[Site], lanes: Lanes) -> list[Closure]:
    """The closed ways to one municipality, as the map draws them."""
    end = (member.latitude, member.longitude)
    return [
        Closure((one.latitude, one.longitude), end, say("no open lane: {way}", way=f"{one.name} → {member.name}"))
        for one in depots
        if (one.code, member.code) not in lanes
    ]


def carried(limits: list[Carried]) -> None:
    """Say what can be carried in a day, and what is left of it that day."""
    text("h3", say("What can be carried in a day"))
    if not limits:
        text("p", say("No limit is set on what depots, vehicles or receivers can carry.")).classes("quiet")
    for one in limits:
        litres = {"volume": number(one.volume_ml // 1000), "left": number(one.left_ml // 1000)}
        if one.depot and one.member:
            way = f"{one.depot} → {one.member}"
            text("p", say("Vehicles {way}: {volume} litres, {left} are left.", way=way, **litres))
        elif one.depot:
            text("p", say("{depot} sends out {volume} litres, {left} are left.", depot=one.depot, **litres))
        else:
            text("p", say("{member} takes in {volume} litres, {left} are left.", member=one.member, **litres))


def told(depots: list[Site], members: dict[str, Member], lanes: Lanes, member: str) -> None:
    """Say on the page what is closed: nothing is told by the map alone."""
    text("h3", say("Closed ways"))
    off = cut_off(depots, lanes)
    if off:
        text("p", say("✗ Cut off, nothing leaves: {depots}.", depots=", ".join(one.name for one in off)))
    borders = closed_borders(depots, members.values(), lanes)
    if borders:
        pairs = ", ".join(f"{one} → {other}" for one, other in borders)
        text("p", say("✗ No lane crosses these borders: {borders}.", borders=pairs))
    unreached = [one.name for code, one in members.items() if not any(to == code for _, to in lanes)]
    if unreached:
        n = len(unreached)
        words = ngettext("✗ No lane reaches {n} municipality:", "✗ No lane reaches {n} municipalities:", n)
        text("p", f"{words} {', '.join(unreached[:MOST_NAMED])}{' …' if n > MOST_NAMED else ''}")
    if member:
        names = [one.name for one in depots if (one.code, member) not in lanes]
        place = members[member].name
        if names:
            text("p", say("✗ No open lane to {place} from: {depots}.", place=place, depots=", ".join(names)))
        else:
            text("p", say("Every depot has an open lane to {place}.", place=place))
    elif not (off or borders or unreached):
        text("p", say("No depot is cut off and every border has an open lane."))
