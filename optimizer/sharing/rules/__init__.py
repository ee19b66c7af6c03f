"""The rules of sharing, one small file each, and the register that knows them by id and version."""

from __future__ import annotations

from optimizer.sharing.rule import PolicyError, Rule
from optimizer.sharing.rules.composite_burden import CompositeBurden
from optimizer.sharing.rules.continuity import Continuity
from optimizer.sharing.rules.entitlement import Entitlement
from optimizer.sharing.rules.equal_coverage import EqualCoverage
from optimizer.sharing.rules.equal_losses import EqualLosses
from optimizer.sharing.rules.equal_units import EqualUnits
from optimizer.sharing.rules.harm_avoided import HarmAvoided
from optimizer.sharing.rules.lawful import Lawful
from optimizer.sharing.rules.leximin import Leximin
from optimizer.sharing.rules.lottery import Lottery
from optimizer.sharing.rules.per_capita import PerCapita
from optimizer.sharing.rules.pro_rata_need import ProRataNeed
from optimizer.sharing.rules.pro_rata_request import ProRataRequest
from optimizer.sharing.rules.ring_fence import RingFence
from optimizer.sharing.rules.solidarity_levy import SolidarityLevy
from optimizer.sharing.rules.talmud import Talmud
from optimizer.sharing.rules.tiers import Tiers
from optimizer.sharing.rules.tranches import Tranches
from optimizer.sharing.rules.useful_minimum import UsefulMinimum

_RULES: tuple[type[Rule], ...] = (
    Lawful,
    RingFence,
    Continuity,
    Entitlement,
    Tiers,
    Leximin,
    ProRataNeed,
    PerCapita,
    EqualCoverage,
    EqualUnits,
    EqualLosses,
    Talmud,
    ProRataRequest,
    CompositeBurden,
    Tranches,
    SolidarityLevy,
    HarmAvoided,
    UsefulMinimum,
    Lottery,
)


def rules() -> dict[str, type[Rule]]:
    """Every rule by name ("pro_rata_need/1"), in the order of composition."""
    return {f"{rule.id}/{rule.version}": rule for rule in _RULES}


def rule_named(name: str) -> type[Rule]:
    """The rule of this name. Raises PolicyError that lists what is known."""
    known = rules()
    if name not in known:
        raise PolicyError(f"rule: {name!r} is not known; known are {', '.join(known)}")
    return known[name]
