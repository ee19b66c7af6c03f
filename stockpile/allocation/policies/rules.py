"""Which policy counts for what, and which policies this service can carry out. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool
from optimizer.sharing.network import Ground
from optimizer.sharing.policy import Policy, policy_from_json, policy_of
from optimizer.sharing.problem import EstateError
from optimizer.sharing.rule import Place, PolicyError
from optimizer.sharing.rules import rule_named, rules
from stockpile.errors import Invalid

PROPOSED: Final = "proposed"
ADOPTED: Final = "adopted"
DECLINED: Final = "declined"
REPLACED: Final = "replaced"

DEFAULT_NAME: Final = "leximin in tiers"
DEFAULT: Final = Policy(
    name=DEFAULT_NAME,
    steps=tuple(rule_named(f"{name}/1")() for name in ("lawful", "tiers", "leximin", "useful_minimum")),
)
"""What counts where the committee has adopted nothing else; the fair rule, proven by the checker."""


class UnusablePolicy(Invalid):
    """The policy is not well formed, or weighs what this service does not know."""

    code = "unusable_policy"


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy as it counts for a class of items in a surge; `number` None: the service's own default."""

    name: str
    version: int
    policy: str
    digest: str
    seed: str
    number: int | None

    @property
    def fair_rule(self) -> bool:
        """Whether it is the fair rule itself, which needs no other way of sharing."""
        return policy_from_json(self.policy).steps == DEFAULT.steps

    @property
    def label(self) -> str:
        """Name and version, as plans state them."""
        return f"{self.name}/{self.version}"

    @property
    def rule(self) -> str:
        """Its sharing rule, by id."""
        return policy_from_json(self.policy).sharing.id

    @property
    def words(self) -> str:
        """Its sharing rule in words for citizens."""
        return policy_from_json(self.policy).sharing.words


DEFAULT_IN_FORCE: Final = InForce(DEFAULT_NAME, 1, DEFAULT.canonical().decode(), DEFAULT.digest(), "", None)


def chosen(found: Mapping[tuple[bool, bool], InForce]) -> InForce:
    """The policy that counts, by (for this surge, for this class of items): the narrower scope first, surge first."""
    for scope in ((True, True), (True, False), (False, True), (False, False)):
        if scope in found:
            return found[scope]
    return DEFAULT_IN_FORCE


def read(given: Mapping[str, Any], *, seed: str) -> Policy:
    """The policy of a proposal; refuses one that this service cannot carry out, naming the field and the reason.

    It is tried on a small case with all the facts that the service has: inhabitants, need, entitlement, what was asked.
    """
    try:
        policy = policy_from_json(json.dumps(given))
        Ground(_trial(), _FACTS).share(policy, seed=seed or None)
    except (PolicyError, EstateError) as failure:
        known = "the service knows validated need, asked, priority, useful minimum, entitlements and inhabitants"
        raise UnusablePolicy(f"{failure}; {known}", field="policy") from failure
    return policy


def selectable() -> dict[str, Policy]:
    """The sharing rules that this service can carry out with what it knows, by id, each inside tiers."""
    found = {}
    for kind in rules().values():
        if kind.place is Place.SHARING:
            try:
                policy = in_tiers(kind.id)
                Ground(_trial(), _FACTS).share(policy)
            except (PolicyError, EstateError):
                continue
            found[kind.id] = policy
    return found


def in_tiers(rule: str, *, entitled: bool = False) -> Policy:
    """The rule after law and tiers, useful minima repaired, as the default policy has it; entitlements first if any."""
    sharing = policy_of(rule).sharing
    steps = ("lawful", "entitlement", "tiers") if entitled else ("lawful", "tiers")
    before = tuple(rule_named(f"{name}/1")() for name in steps)
    return Policy(name=sharing.id, steps=(*before, sharing, rule_named("useful_minimum/1")()))


_FACTS: Final = {"A": {"people": 1000, "requested": 4, "entitled": 1}, "B": {"people": 3000, "requested": 2}}


def _trial() -> Pool:
    return Pool(
        item="trial",
        shareable_packs=3,
        lots=(Lot("lot", "depot", date(2030, 1, 1), 3),),
        claims=(Claim("A", "A", 1), Claim("B", "B", 1)),
        drops=(Drop("a", "A", 3), Drop("b", "B", 2)),
        lanes=(Lane("lot", "a", 1), Lane("lot", "b", 1)),
    )
