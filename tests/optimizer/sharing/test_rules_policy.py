"""A policy says in which order its rules apply, is read back as it was written, and names the field that is wrong."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from rules_promises import SEED

from optimizer.sharing.division import divide
from optimizer.sharing.policy import Policy, policy_from_json, policy_of
from optimizer.sharing.problem import Claimant, Estate, EstateError, facts_from_json
from optimizer.sharing.rule import PolicyError, Rounding
from optimizer.sharing.rules import rules
from optimizer.sharing.rules.composite_burden import CompositeBurden
from optimizer.sharing.rules.continuity import Continuity
from optimizer.sharing.rules.entitlement import Entitlement
from optimizer.sharing.rules.equal_units import EqualUnits
from optimizer.sharing.rules.harm_avoided import HarmAvoided
from optimizer.sharing.rules.lawful import Lawful
from optimizer.sharing.rules.lottery import Lottery, committed
from optimizer.sharing.rules.pro_rata_need import ProRataNeed
from optimizer.sharing.rules.ring_fence import RingFence
from optimizer.sharing.rules.solidarity_levy import SolidarityLevy
from optimizer.sharing.rules.tiers import Tiers
from optimizer.sharing.rules.tranches import Tranches
from optimizer.sharing.rules.useful_minimum import UsefulMinimum

FULL = Policy(
    "everything",
    (
        Lawful(),
        RingFence(buffer=Fraction(1, 10)),
        Continuity(),
        Entitlement(),
        Tiers(),
        ProRataNeed(),
        UsefulMinimum(),
        Lottery(commitment=committed(SEED)),
    ),
)
POLICIES = [
    FULL,
    Policy("strict", (Lawful(), Tiers(), Entitlement(), EqualUnits()), strict=True, rounding=Rounding.LEXIMIN),
    Policy("burdens", (CompositeBurden(weights=(Fraction(2, 3), Fraction(1, 3))),)),
    Policy("levy", (SolidarityLevy(rate=Fraction(1, 4)),)),
    Policy("tranches", (Tranches(by_people=Fraction(1, 3), by_severity=Fraction(2, 3)),)),
    Policy("harm", (HarmAvoided(first_fill=Fraction(1, 10)),)),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_policy_is_read_back_as_it_was_written(policy: Policy) -> None:
    again = policy_from_json(policy.canonical())
    assert again == policy
    assert again.canonical() == policy.canonical()
    assert again.digest() == policy.digest()


def test_another_parameter_or_order_is_another_policy() -> None:
    digests = {policy.digest() for policy in POLICIES}
    digests.add(Policy("levy", (SolidarityLevy(rate=Fraction(3, 10)),)).digest())
    digests.add(Policy("strict", (Lawful(), Entitlement(), Tiers(), EqualUnits())).digest())
    assert len(digests) == len(POLICIES) + 2


def written(**changed: Any) -> str:
    row = {"format": "policy/1", "name": "x", "steps": [{"rule": "talmud/1"}]} | changed
    return json.dumps({name: value for name, value in row.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{", "policy: not JSON"),
        ("[]", "policy: not an object"),
        (written(name=None), "policy.name: missing"),
        (written(extra=1), "policy.extra: not known"),
        (written(format="policy/2"), "format: 'policy/2' is not known"),
        (written(name=""), "name: '' is not a name"),
        (written(steps={}), "steps: not a list"),
        (written(steps=[]), "steps: a policy has one sharing rule, this one has 0"),
        (written(steps=[{"rule": "talmud/1"}, {"rule": "leximin/1"}]), "this one has 2"),
        (written(steps=["talmud/1"]), r"steps\[0\]: not an object with a rule"),
        (written(steps=[{"rule": "talmud/2"}]), r"steps\[0\].rule: 'talmud/2' is not known; known are .*talmud/1"),
        (written(steps=[{"rule": "talmud/1", "rate": "1/2"}]), r"steps\[0\].rate: not known"),
        (written(steps=[{"rule": "solidarity_levy/1", "rate": 0.3}]), r"steps\[0\].rate: 0.3 is not a fraction"),
        (written(steps=[{"rule": "solidarity_levy/1", "rate": "1/0"}]), r"steps\[0\].rate: '1/0' is not a fraction"),
        (written(steps=[{"rule": "solidarity_levy/1", "rate": "4/3"}]), r"steps\[0\]: .* rate is 4/3, not a fraction"),
        (written(steps=[{"rule": "composite_burden/1", "weights": "1"}]), r"steps\[0\].weights: '1' is not a list"),
        (written(steps=[{"rule": "composite_burden/1", "weights": ["1/2", 1]}]), r"steps\[0\].weights\[1\]: 1 is not"),
        (written(steps=[{"rule": "composite_burden/1", "weights": ["1/2"]}]), "weights add up to 1/2, not to 1"),
        (written(steps=[{"rule": "talmud/1"}, {"rule": "lottery/1", "commitment": 5}]), r"steps\[1\].commitment: 5"),
        (written(steps=[{"rule": "talmud/1"}, {"rule": "lottery/1"}]), r"steps\[1\]: .* commitment is ''"),
        (written(steps=[{"rule": "tranches/1", "by_people": "2/3", "by_severity": "1/2"}]), "more than the whole"),
        (written(strict=1), "strict: 1 is not true or false"),
        (written(rounding="hamilton"), "rounding: 'hamilton' is not known, only webster and leximin"),
        (written(steps=[{"rule": "talmud/1"}, {"rule": "tiers/1"}]), r"steps\[1\]: tiers/1 may not come after talmud"),
        (written(steps=[{"rule": "tiers/1"}, {"rule": "tiers/1"}, {"rule": "talmud/1"}]), "tiers stands there twice"),
        (
            written(steps=[{"rule": "tiers/1"}, {"rule": "entitlement/1"}, {"rule": "talmud/1"}]),
            r'steps\[1\]: entitlement/1 may not come after tiers/1; tiers before entitlements need "strict": true',
        ),
        (
            written(steps=[{"rule": "entitlement/1"}, {"rule": "tiers/1"}, {"rule": "talmud/1"}], strict=True),
            r"steps\[1\]: tiers/1 may not come after entitlement/1",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_the_field_and_the_reason(text: str, names: str) -> None:
    with pytest.raises(PolicyError, match=names):
        policy_from_json(text)


def test_a_rule_that_does_not_share_by_itself_is_no_policy() -> None:
    with pytest.raises(PolicyError, match="tiers/1 does not share by itself"):
        policy_of("tiers")
    assert policy_of("talmud") == policy_of("talmud/1")


def test_in_strict_order_no_later_tier_gets_anything_while_an_earlier_one_is_short() -> None:
    urgent, entitled = Claimant("urgent", 10, 10, tier=1), Claimant("entitled", 10, 10, tier=2, entitled=10)
    estate = Estate("serum", 10, (urgent, entitled))
    usual = Policy("usual", (Entitlement(), Tiers(), ProRataNeed()))
    strict = Policy("strict", (Tiers(), Entitlement(), ProRataNeed()), strict=True)
    assert divide(usual, estate).awards == (0, 10)
    assert divide(strict, estate).awards == (10, 0)


def test_every_step_acts_in_its_place() -> None:
    """100 units: 5 may not leave, a tenth of the rest stays; then courses, entitlements, tier 1, tier 2."""
    claimants = (
        Claimant("barred", 50, 50, obstacle="no licence for the medicine", entitled=50),
        Claimant("courses", 30, 30, committed=20, tier=2),
        Claimant("paid", 30, 30, entitled=25, tier=2),
        Claimant("urgent", 35, 35, tier=1),
        Claimant("later", 35, 35, tier=2),
    )
    division = divide(FULL, Estate("serum", 100, claimants, floor=5), seed=SEED)
    assert division.held == 5 + 10
    assert division.awards == (0, 21, 25, 35, 4)
    assert division.notes[0].words == "barred takes no part: no licence for the medicine."


def test_what_continuity_gave_counts_towards_the_entitlement() -> None:
    claimants = (Claimant("a", 20, 20, committed=8, entitled=10), Claimant("b", 20, 20))
    policy = Policy("x", (Continuity(), Entitlement(), EqualUnits()))
    assert divide(policy, Estate("serum", 12, claimants)).awards == (11, 1)


def test_the_drawn_order_needs_the_seed_that_was_committed() -> None:
    policy = Policy("draw", (EqualUnits(), Lottery(commitment=committed(SEED))))
    estate = Estate("serum", 1, (Claimant("a", 5, 5), Claimant("b", 5, 5)))
    for seed in (None, "another"):
        with pytest.raises(PolicyError, match="the seed is missing or is not the one that was committed"):
            divide(policy, estate, seed=seed)
    assert divide(policy, estate, seed=SEED).canonical() == divide(policy, estate, seed=SEED).canonical()


def test_the_lottery_favours_nobody_for_the_place_on_the_list() -> None:
    wins = 0
    for number in range(200):
        policy = Policy("draw", (EqualUnits(), Lottery(commitment=committed(f"seed {number}"))))
        estate = Estate("serum", 1, (Claimant("a", 5, 5), Claimant("b", 5, 5)))
        wins += divide(policy, estate, seed=f"seed {number}").awards[0]
    assert 70 < wins < 130


def test_leximin_rounding_gives_the_first_unit_to_the_emptiest() -> None:
    estate = Estate("serum", 2, (Claimant("large", 99, 99), Claimant("small", 1, 1)))
    steps = (ProRataNeed(),)
    assert divide(Policy("x", steps), estate).awards == (2, 0)
    assert divide(Policy("x", steps, rounding=Rounding.LEXIMIN), estate).awards == (1, 1)


@pytest.mark.parametrize("rule", ["per_capita", "equal_coverage", "tranches", "solidarity_levy"])
def test_a_rule_by_population_refuses_a_town_without_one(rule: str) -> None:
    with pytest.raises(PolicyError, match="claimant b has no people"):
        divide(policy_of(rule), Estate("serum", 1, (Claimant("a", 1, 1, people=5), Claimant("b", 1, 1))))


def test_a_composite_burden_needs_a_figure_for_every_weight() -> None:
    with pytest.raises(PolicyError, match="claimant a has 1 burdens; weights has 2"):
        divide(policy_of("composite_burden"), Estate("serum", 1, (Claimant("a", 1, 1, burdens=(3,)),)))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"requested": -1}, "a: requested is -1"),
        ({"validated": 1.5}, "a: validated is 1.5"),
        ({"people": 10**16}, "a: people is 1"),
        ({"pack": 0}, "a: pack is 0"),
        ({"burdens": (1, -1)}, "a: burdens is -1"),
        ({"harm": ((1, 2), (1, 2))}, "a: harm: a later step avoids as much"),
        ({"harm": ((0, 2),)}, "a: harm: units is 0"),
        ({"harm": (5,)}, "a: harm: 5 is not a pair"),
    ],
)
def test_a_claimant_that_contradicts_itself_is_refused(fields: dict[str, Any], names: str) -> None:
    with pytest.raises(EstateError, match=names):
        Claimant(**({"id": "a", "requested": 1, "validated": 1} | fields))


def test_an_estate_refuses_twins_and_uneven_burdens() -> None:
    with pytest.raises(EstateError, match="serum: claimant a is given twice"):
        Estate("serum", 1, (Claimant("a", 1, 1), Claimant("a", 1, 1)))
    with pytest.raises(EstateError, match="serum: burdens"):
        Estate("serum", 1, (Claimant("a", 1, 1, burdens=(1,)), Claimant("b", 1, 1)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[]", "facts: not an object"),
        ('{"a": 5}', "facts: a: not an object"),
        ('{"a": {"heads": 5}}', "facts: a: heads is no fact"),
        ('{"a": {"cedes": 1}}', "facts: a: cedes is 1, not true or false"),
        ('{"a": {"harm": 1}}', "facts: a: harm is 1, not a list"),
        ('{"a": {"obstacle": 1}}', "facts: a: obstacle is 1, not a text"),
    ],
)
def test_facts_that_are_none_are_refused(text: str, names: str) -> None:
    with pytest.raises(EstateError, match=names):
        facts_from_json(text)


def test_facts_become_those_of_a_claimant() -> None:
    facts = facts_from_json('{"a": {"people": 7, "burdens": [1, 2], "harm": [[3, 9], [1, 2]], "cedes": true}}')
    one = Claimant(id="a", requested=1, validated=1, **facts["a"])
    assert (one.people, one.burdens, one.harm, one.cedes) == (7, (1, 2), ((3, 9), (1, 2)), True)


def test_every_rule_is_known_by_id_and_version_and_speaks_to_citizens() -> None:
    for name, kind in rules().items():
        assert name == f"{kind.id}/{kind.version}"
        assert kind.words.endswith(".")
        assert kind.__doc__
