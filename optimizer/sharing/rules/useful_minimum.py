"""Minimum useful: an award that is too small to be of any use is not made."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.sharing.rule import Place, Property, Rule


@dataclass(frozen=True, slots=True)
class UsefulMinimum(Rule):
    """x_i = 0 or x_i >= min(useful_i, c_i), by a stated heuristic.

    While claims have something but less than is useful, the one that falls short by the greatest
    part of its need (of equals the later) of the first tier that has one is set aside and the rest
    shared anew. Then those set aside are taken back, smallest need first, where all others keep
    what they have. More supply can then mean less for someone: the plan says so.
    """

    id = "useful_minimum"
    place = Place.REPAIR
    words = "Nobody gets so little that it is of no use; such packs go to the others, and the plan says so."
    keeps = frozenset({Property.BOUNDED, Property.SOUND_REQUESTS})
