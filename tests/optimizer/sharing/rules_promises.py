"""The promises of the rules in words that can be tried: is this property kept on this estate?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from optimizer.sharing.division import divide
from optimizer.sharing.policy import Policy
from optimizer.sharing.problem import Claimant, Estate
from optimizer.sharing.rule import Place, Property, Rule
from optimizer.sharing.rules.lottery import Lottery, committed
from optimizer.sharing.rules.per_capita import PerCapita

SEED = "drawn before the surge"


def example_of(kind: type[Rule]) -> Policy:
    """A policy that shows this rule: alone if it shares by itself, else around per capita."""
    rule = kind(commitment=committed(SEED)) if kind is Lottery else kind()
    if rule.place is Place.SHARING:
        return Policy("example", (rule,))
    steps = (rule, PerCapita()) if rule.place < Place.SHARING else (PerCapita(), rule)
    return Policy("example", steps)


def awards(policy: Policy, estate: Estate) -> tuple[int, ...]:
    return divide(policy, estate, seed=SEED).awards


def kept(prop: Property, policy: Policy, estate: Estate) -> bool:
    """Whether the property holds for every claimant of this estate and every small change of it."""
    return _TRIALS[prop](policy, estate)


def _monotone(policy: Policy, estate: Estate) -> bool:
    pack = max((one.pack for one in estate.claimants), default=1)
    more = awards(policy, replace(estate, supply=estate.supply + pack))
    return all(after >= before for before, after in zip(awards(policy, estate), more, strict=True))


def _symmetric(policy: Policy, estate: Estate) -> bool:
    for at, one in enumerate(estate.claimants):
        twins = replace(estate, claimants=(*estate.claimants, replace(one, id="twin")))
        got = awards(policy, twins)
        if abs(got[at] - got[-1]) > one.pack:
            return False
    return True


def _bounded(policy: Policy, estate: Estate) -> bool:
    got = divide(policy, estate, seed=SEED)
    limits = zip(got.awards, got.exact, estate.claimants, strict=True)
    return all(0 <= whole <= one.cap and 0 <= exact <= one.cap for whole, exact, one in limits)


def _consistent(policy: Policy, estate: Estate) -> bool:
    got = awards(policy, estate)
    for at in range(len(got)):
        others = estate.claimants[:at] + estate.claimants[at + 1 :]
        rest = Estate(estate.item, estate.supply - got[at], others, estate.floor)
        if awards(policy, rest) != got[:at] + got[at + 1 :]:
            return False
    return True


def _lie(policy: Policy, estate: Estate, lying: Callable[[Claimant, int], Claimant]) -> bool:
    for at, one in enumerate(estate.claimants):
        honest = _with(estate, at, replace(one, requested=one.validated))
        true = awards(policy, honest)[at]
        for more in (1, 2, 5, one.validated, 10 * one.validated):
            got = awards(policy, _with(honest, at, lying(honest.claimants[at], more)))[at]
            if min(got, one.validated) > true:
                return False
    return True


def _with(estate: Estate, at: int, one: Claimant) -> Estate:
    return replace(estate, claimants=(*estate.claimants[:at], one, *estate.claimants[at + 1 :]))


def _sound_requests(policy: Policy, estate: Estate) -> bool:
    return _lie(policy, estate, lambda one, more: replace(one, requested=one.requested + more))


def _sound_needs(policy: Policy, estate: Estate) -> bool:
    return _lie(
        policy,
        estate,
        lambda one, more: replace(one, requested=one.requested + more, validated=one.validated + more),
    )


_TRIALS = {
    Property.MONOTONE: _monotone,
    Property.SYMMETRIC: _symmetric,
    Property.BOUNDED: _bounded,
    Property.CONSISTENT: _consistent,
    Property.SOUND_REQUESTS: _sound_requests,
    Property.SOUND_NEEDS: _sound_needs,
}


@st.composite
def estates(draw: st.DrawFn, *, pack: int = 1, most: int = 4) -> Estate:
    """Small estates with every fact that a rule may weigh, ties and zeros included; quantities in whole packs."""
    small = st.integers(0, 12)
    harms = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), max_size=3)
    claimants = []
    for at in range(draw(st.integers(1, most))):
        steps = sorted({worth: units for units, worth in draw(harms)}.items(), reverse=True)
        claimants.append(
            Claimant(
                id=f"town-{at}",
                requested=draw(small) * pack,
                validated=draw(small) * pack,
                people=draw(st.integers(1, 9)),
                entitled=draw(small) * pack,
                tier=draw(st.integers(1, 2)),
                severity=draw(st.integers(0, 3)),
                burdens=(draw(st.integers(0, 4)), draw(st.integers(0, 4))),
                committed=draw(st.integers(0, 5)) * pack,
                useful=draw(st.integers(0, 5)) * pack,
                pack=pack,
                cedes=draw(st.booleans()),
                draws=draw(st.booleans()),
                harm=tuple((units, worth) for worth, units in steps),
                obstacle=draw(st.sampled_from(("", "", "no licence"))),
            )
        )
    supply = draw(st.integers(0, 30)) * pack
    return Estate("serum", supply, tuple(claimants), floor=draw(st.integers(0, 3)) * pack)
