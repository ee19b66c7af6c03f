"""LO, lottery among equals: ties are drawn with a seed that was committed before anyone knew the claims."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from optimizer.sharing.problem import Claimant
from optimizer.sharing.rule import ALL, Place, PolicyError, Rule


@dataclass(frozen=True, slots=True)
class Lottery(Rule):
    """Of equals the one with the smaller SHA-256 of seed, item and claimant goes first.

    `commitment` is the SHA-256 of the seed, published with the policy; the seed is opened when the
    sharing is computed, so that nobody can choose it to suit the outcome, and everyone can draw again.
    """

    id = "lottery"
    place = Place.TIES
    words = "Between equals a draw decides; its seed was sealed beforehand, and anyone can draw again."
    keeps = ALL

    commitment: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.commitment):
            raise PolicyError(f"{self.name}: commitment is {self.commitment!r}, not a SHA-256 in hexadecimal")

    def order(self, item: str, claimants: tuple[Claimant, ...], *, seed: str | None) -> list[int] | None:
        """Ranks by draw. Raises PolicyError without the committed seed."""
        if seed is None or committed(seed) != self.commitment:
            raise PolicyError(f"{self.name}: the seed is missing or is not the one that was committed")
        drawn = sorted(range(len(claimants)), key=lambda at: _ticket(seed, item, claimants[at].id))
        ranks = [0] * len(claimants)
        for rank, at in enumerate(drawn):
            ranks[at] = rank
        return ranks


def committed(seed: str) -> str:
    """The commitment to a seed: its SHA-256 in hexadecimal.

    >>> committed("spring 2021")[:8]
    '541e3fa2'
    """
    return hashlib.sha256(seed.encode()).hexdigest()


def _ticket(seed: str, item: str, claimant: str) -> bytes:
    return hashlib.sha256("\x00".join((seed, item, claimant)).encode()).digest()
