"""The rules on cases with known answers: textbook estates, published decisions, the smallest paradox."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from optimizer.sharing.division import divide
from optimizer.sharing.fairness import per_head
from optimizer.sharing.policy import Policy, policy_of
from optimizer.sharing.problem import Claimant, Estate
from optimizer.sharing.rules.entitlement import Entitlement
from optimizer.sharing.rules.equal_coverage import EqualCoverage
from optimizer.sharing.rules.pro_rata_need import ProRataNeed
from optimizer.sharing.rules.tiers import Tiers

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "fixtures" / "instances" / "sharing_rules.json").read_text(encoding="utf-8")
)
RULE_OF = {"proportional": "pro_rata_need", "CEA": "equal_units", "CEL": "equal_losses", "Talmud": "talmud"}


def estate(supply: int, *claimants: Claimant) -> Estate:
    return Estate("serum", supply, claimants)


@pytest.mark.parametrize("supply", ["100", "200", "300"])
@pytest.mark.parametrize("named", RULE_OF)
def test_the_textbook_estates_come_out_exactly(supply: str, named: str) -> None:
    claimants = [Claimant(f"claim-{claim}", claim, claim) for claim in (100, 200, 300)]
    division = divide(policy_of(RULE_OF[named]), estate(int(supply), *claimants))
    expected = [Fraction(share) for share in CASES["claims_100_200_300"][supply][named]]
    assert list(division.exact) == expected
    assert sum(division.awards) == int(supply)
    assert all(abs(whole - exact) < 1 for whole, exact in zip(division.awards, expected, strict=True))


@pytest.mark.parametrize(
    ("rule", "supply", "expected"),
    [("equal_units", 100, (34, 33, 33)), ("pro_rata_need", 100, (17, 33, 50)), ("equal_units", 200, (67, 67, 66))],
)
def test_the_last_units_go_by_the_divisor_method_and_ties_by_index(
    rule: str, supply: int, expected: tuple[int, ...]
) -> None:
    claimants = [Claimant(f"claim-{claim}", claim, claim) for claim in (100, 200, 300)]
    assert divide(policy_of(rule), estate(supply, *claimants)).awards == expected


def test_the_eu_pot_of_2021_comes_out_as_far_as_its_figures_were_published() -> None:
    """24 states cede 30 % of their pro rata share of 10 million doses; three keep all of theirs.

    The pot and Spain's share are published; what the other 23 and the three had follows from them.
    """
    case = CASES["eu_solidarity_2021"]
    total, published = case["total"], case["published"]
    ceding = round(published["pot_for_5_states"] / Fraction(case["levy_rate"]))
    five = 800_000
    spain = published["spain_pro_rata"]
    states = [
        Claimant("Spain", total, total, people=spain, cedes=True),
        Claimant("18 others", total, total, people=ceding - spain - five, cedes=True),
        Claimant("the five", total, total, people=five, cedes=True, draws=True),
        Claimant("the three", total, total, people=total - ceding),
    ]
    division = divide(policy_of("solidarity_levy"), estate(total, *states))
    got = dict(zip(("spain", "others", "five", "three"), division.awards, strict=True))
    kept = {"spain": got["spain"], "others": got["others"], "five": round(five * Fraction(7, 10))}
    assert got["spain"] == published["spain_after_levy"]
    assert got["five"] - kept["five"] == published["pot_for_5_states"]
    assert round(Fraction(sum(kept.values()), 10_000)) == round(published["kept_by_24_participants_millions"] * 100)
    assert got["three"] == total - ceding
    assert sum(division.awards) == total


def test_the_final_push_of_2020_sets_off_the_alert_for_its_ratio_per_head() -> None:
    case = CASES["sns_final_push_2020"]
    people = [case["pop_2010"]["VT"], case["pop_2010"]["TX"]]
    found = per_head([case["units_each"]] * 2, people)
    assert found.ratio is not None
    assert round(found.ratio * 10) == 402
    assert found.alert
    rates = [round(Fraction(case["units_each"] * 100_000, heads)) for heads in people]
    assert rates == [19321, 481]


def test_the_tranches_of_the_strategic_stockpile_hold_half_back() -> None:
    case = CASES["sns_tranche_25_25_50"]
    claimants = [
        Claimant(f"state-{at}", 1000, 1000, people=people, severity=severity)
        for at, (people, severity) in enumerate(zip(case["pop"], case["severity"], strict=True))
    ]
    division = divide(policy_of("tranches"), estate(case["S"], *claimants))
    assert list(division.awards) == case["alloc"]
    assert division.held == case["reserve"]


@pytest.mark.parametrize("supply", [30000, 40000])
def test_equal_coverage_raises_all_to_the_same_part_of_their_population(supply: int) -> None:
    case = CASES["covax_equal_coverage"]
    claimants = [Claimant(f"country-{people}", people, people, people=people) for people in case["pop"]]
    policy = Policy("phase 1", (EqualCoverage(target=Fraction(1, 5)),))
    division = divide(policy, estate(supply, *claimants))
    assert list(division.awards) == case[f"S{supply}"]
    assert division.left == max(0, supply - sum(case["cap20pct"]))


def test_an_earlier_tier_is_filled_before_the_next_one_shares() -> None:
    case = CASES["tiers"]
    claims = [
        Claimant(f"town-{at}/{tier}", asked, asked, tier=tier)
        for tier, row in enumerate(case["req_by_tier"], start=1)
        for at, asked in enumerate(row)
    ]
    awards = divide(Policy("tiers", (Tiers(), ProRataNeed())), estate(case["S"], *claims)).awards
    towns = len(case["alloc"])
    assert [awards[at] + awards[towns + at] for at in range(towns)] == case["alloc"]


def test_what_is_paid_for_comes_first_and_the_surplus_is_shared() -> None:
    case = CASES["entitlement_surplus"]
    claimants = [
        Claimant(f"town-{at}", asked, asked, entitled=entitled)
        for at, (asked, entitled) in enumerate(zip(case["req"], case["ent"], strict=True))
    ]
    division = divide(Policy("entitled", (Entitlement(), ProRataNeed())), estate(case["S"], *claimants))
    assert list(division.awards) == case["alloc"]


def largest_remainder(weights: list[int], supply: int) -> list[int]:
    """Hamilton's method, which the product does not use: quotas rounded down, the rest to the largest remainders."""
    total = sum(weights)
    shares = [supply * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: -(supply * weights[at] % total))
    for at in order[: supply - sum(shares)]:
        shares[at] += 1
    return shares


def test_more_supply_takes_from_one_under_hamilton_and_from_nobody_under_webster() -> None:
    case = CASES["hamilton_alabama"]
    weights, supply = case["weights"], case["S"]
    assert largest_remainder(weights, supply) == case["alloc_S"]
    assert largest_remainder(weights, supply + 1) == case["alloc_S+1"]
    claimants = [Claimant(f"town-{at}", 10, 10, people=weight) for at, weight in enumerate(weights)]
    for more, expected in ((0, case["webster_S"]), (1, case["webster_S+1"])):
        assert list(divide(policy_of("per_capita"), estate(supply + more, *claimants)).awards) == expected
