"""Each promise of each rule is tried on many estates; where a rule does not promise something, an example shows why."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_promises import SEED, awards, estates, example_of, kept

from optimizer.sharing.division import divide
from optimizer.sharing.policy import Policy, policy_of
from optimizer.sharing.problem import Claimant, Estate
from optimizer.sharing.rule import Place, Property, Rounding, Rule
from optimizer.sharing.rules import rules
from optimizer.sharing.rules.harm_avoided import HarmAvoided
from optimizer.sharing.rules.lottery import Lottery, committed
from optimizer.sharing.rules.tiers import Tiers
from optimizer.sharing.rules.useful_minimum import UsefulMinimum

RULES = rules()
PROMISED = [(name, prop) for name, kind in RULES.items() for prop in Property if prop in kind.keeps]
NOT_PROMISED = [(name, prop) for name, kind in RULES.items() for prop in Property if prop not in kind.keeps]


@pytest.mark.parametrize(("name", "prop"), PROMISED, ids=lambda one: getattr(one, "name", one))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_rule_keeps_what_it_promises(name: str, prop: Property, data: st.DataObject) -> None:
    estate = data.draw(estates(pack=data.draw(st.sampled_from((1, 1, 3)))))
    assert kept(prop, example_of(RULES[name]), estate)


def estate(supply: int, *claimants: Claimant) -> Estate:
    return Estate("serum", supply, claimants)


def needing(name: str, need: int, **facts: int | tuple[int, ...] | bool) -> Claimant:
    return Claimant(name, need, need, **({"people": 1} | facts))  # type: ignore[arg-type]


SMALL_AND_LARGE = estate(5, needing("a", 4), needing("b", 5))
BROKEN = {
    # The one who leaves takes 8 of 21; of the 13 that stay less is held back than before.
    ("ring_fence/1", Property.CONSISTENT): estate(21, needing("a", 12), needing("b", 8)),
    ("leximin/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    ("pro_rata_need/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    ("equal_losses/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    ("talmud/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    ("pro_rata_request/1", Property.SOUND_REQUESTS): SMALL_AND_LARGE,
    ("pro_rata_request/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    ("harm_avoided/1", Property.SOUND_NEEDS): SMALL_AND_LARGE,
    # The burdens of the one who leaves made the first factor less telling for the others.
    ("composite_burden/1", Property.CONSISTENT): estate(
        9, needing("a", 5, burdens=(3, 0)), needing("b", 4, burdens=(1, 1)), needing("c", 6, burdens=(1, 3))
    ),
    ("tranches/1", Property.CONSISTENT): estate(8, needing("a", 9, severity=1), needing("b", 9, severity=1)),
    ("solidarity_levy/1", Property.CONSISTENT): estate(
        2, needing("a", 1, cedes=True), needing("b", 1, cedes=True), needing("c", 2, cedes=True)
    ),
    # Nobody draws: the pot goes by missing need, and an overstated need misses more.
    ("solidarity_levy/1", Property.SOUND_NEEDS): estate(2, needing("a", 2, cedes=True), needing("b", 1, cedes=True)),
    # Of 2 units a's one would be too little and goes to b; of 3 a gets two.
    ("useful_minimum/1", Property.MONOTONE): estate(2, needing("a", 3, useful=2), needing("b", 2)),
    # One award of 2 is made, and a twin who would have as little gets nothing.
    ("useful_minimum/1", Property.SYMMETRIC): estate(4, needing("a", 6, useful=3)),
    ("useful_minimum/1", Property.CONSISTENT): estate(
        3, needing("a", 2, useful=3), needing("b", 3), needing("c", 3, useful=2)
    ),
    # Who overstates falls short of the useful minimum by a smaller part of the need, and the other gives way.
    ("useful_minimum/1", Property.SOUND_NEEDS): estate(2, needing("a", 3, useful=2), needing("b", 2, useful=2)),
}


@pytest.mark.parametrize(("name", "prop"), NOT_PROMISED, ids=lambda one: getattr(one, "name", one))
def test_what_a_rule_does_not_promise_is_broken_by_an_example(name: str, prop: Property) -> None:
    assert not kept(prop, example_of(RULES[name]), BROKEN[name, prop])


def test_there_are_no_examples_against_promises() -> None:
    assert set(BROKEN) == set(NOT_PROMISED)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any steps in an allowed order, without useful minimums (which promise little)."""

    def chosen(kinds: list[type[Rule]]) -> list[Rule]:
        return [kind() for kind in kinds if draw(st.booleans())]

    before = chosen([kind for kind in RULES.values() if kind.place < Place.SHARING])
    strict = draw(st.booleans())
    if strict:
        before.sort(key=lambda rule: Place.CONTINUITY - 0.5 if isinstance(rule, Tiers) else rule.place)
    sharing = draw(st.sampled_from([kind for kind in RULES.values() if kind.place is Place.SHARING]))()
    ties = [Lottery(commitment=committed(SEED))] if draw(st.booleans()) else []
    rounding = draw(st.sampled_from(Rounding))
    return Policy("any", (*before, sharing, *ties), strict=strict, rounding=rounding)


@pytest.mark.parametrize("prop", Property, ids=lambda prop: prop.name)
@settings(max_examples=120, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_policy_keeps_what_all_its_steps_keep(prop: Property, data: st.DataObject) -> None:
    policy = data.draw(policies())
    if prop in policy.keeps:
        assert kept(prop, policy, data.draw(estates(pack=data.draw(st.sampled_from((1, 3))), most=3)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(policy=policies(), estate=estates(), repaired=st.booleans())
def test_awards_what_is_held_and_what_is_left_are_the_supply(policy: Policy, estate: Estate, repaired: bool) -> None:
    if repaired:
        at = next(n for n, step in enumerate(policy.steps) if step.place is Place.SHARING) + 1
        steps = (*policy.steps[:at], UsefulMinimum(), *policy.steps[at:])
        policy = Policy("any", steps, strict=policy.strict, rounding=policy.rounding)
    got = divide(policy, estate, seed=SEED)
    assert sum(got.awards) + got.held + got.left == estate.supply
    assert min((*got.awards, got.held, got.left)) >= 0
    assert sum(got.exact) <= estate.supply - got.held
    if repaired:
        useful = [min(one.useful, one.cap) for one in estate.claimants]
        assert all(one == 0 or one >= least for one, least in zip(got.awards, useful, strict=True))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(policy=policies(), estate=estates())
def test_the_same_estate_policy_and_seed_give_the_same_bytes(policy: Policy, estate: Estate) -> None:
    assert divide(policy, estate, seed=SEED).canonical() == divide(policy, estate, seed=SEED).canonical()


def packed(supply: int, *packs: int) -> Estate:
    return estate(supply, *(needing(f"town-{at}", 10 * pack, pack=pack) for at, pack in enumerate(packs)))


def test_with_packs_of_several_sizes_more_supply_can_mean_less_and_the_plan_says_so() -> None:
    policy = policy_of("equal_units")
    losses = [
        supply
        for supply in range(60)
        for less, more in [(awards(policy, packed(supply, 1, 2, 5)), awards(policy, packed(supply + 1, 1, 2, 5)))]
        if any(after < before for before, after in zip(less, more, strict=True))
    ]
    assert losses
    notes = divide(policy, packed(losses[0], 1, 2, 5)).notes
    assert ("mixed_packs", "More supply, no less for anyone: not promised with packs of 1, 2 and 5.") in notes
    assert not any(note.code == "mixed_packs" for note in divide(policy, packed(30, 5, 5, 5)).notes)


def test_awards_are_multiples_of_each_claimants_pack() -> None:
    for supply in range(60):
        for rule in ("talmud", "equal_losses", "leximin", "pro_rata_need"):
            got = divide(policy_of(rule), packed(supply, 1, 2, 5)).awards
            assert [one % pack for one, pack in zip(got, (1, 2, 5), strict=True)] == [0, 0, 0]


def test_where_useful_minimums_break_the_promise_the_plan_says_so() -> None:
    notes = divide(example_of(UsefulMinimum), SMALL_AND_LARGE).notes
    words = "The rule useful_minimum/1 does not keep: more supply, no less for anyone."
    assert ("not_kept:monotone", words) in notes


def test_an_award_below_the_useful_minimum_is_told_where_the_policy_does_not_mend_it() -> None:
    notes = divide(policy_of("equal_units"), estate(2, needing("a", 5, useful=3), needing("b", 5))).notes
    assert ("below_useful", "Less than is of use goes to a: the policy has no useful minimum.") in notes


def test_the_one_who_gives_way_is_named() -> None:
    division = divide(example_of(UsefulMinimum), estate(4, needing("a", 6, useful=3), needing("b", 6, useful=3)))
    assert division.awards == (4, 0)
    assert division.set_aside == ("b",)
    assert ("set_aside", "b gets nothing: the share would be less than is of use.") in division.notes


def test_harm_is_avoided_where_most_of_it_is_at_stake_after_everyones_first_fill() -> None:
    claimants = (needing("a", 10, harm=((4, 9), (6, 2))), needing("b", 10, harm=((5, 5), (5, 1))), needing("c", 10))
    assert divide(policy_of("harm_avoided"), estate(11, *claimants)).awards == (6, 5, 0)
    first = Policy("first fill", (HarmAvoided(first_fill=Fraction(1, 5)),))
    assert divide(first, estate(11, *claimants)).awards == (4, 5, 2)
