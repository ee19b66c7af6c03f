"""A stored problem solved again: byte for byte as it was, and with the names of all members hidden."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from threading import Event
from typing import Any

from optimizer.allocation import baselines
from optimizer.allocation.plan import BEST, PRO_RATA, Plan
from optimizer.allocation.problem import Problem, problem_from_json
from optimizer.allocation.timed import Timed
from optimizer.sharing.deciding import decide
from optimizer.solver import run_limited
from stockpile.errors import Conflict


class NotInTime(Conflict):
    """The plan was not computed again within its limit of time."""

    code = "replay_not_in_time"


@dataclass(frozen=True, slots=True)
class Masked:
    """The same problem with every member's name hidden and its order shuffled, and what became of each claim.

    `changed`: claim, packs under its name, packs under the mask. `same_fills`:
    whether in every pool and tier the fills, put in order, are the same. Items of
    which somebody was set aside for a useful minimum are not compared but named
    in `set_aside`: who that is hangs on the order in which claims are looked at.
    """

    seed: str
    changed: list[tuple[str, int, int]]
    most_packs: int
    same_fills: bool
    set_aside: list[str]


def again(problem: str, *, method: str, limit_seconds: float, cancel: Event | None = None) -> str:
    """The canonical plan of a stored canonical problem, by the method that was used; raises NotInTime.

    `cancel` ends it early, as if its time were over.
    """
    solved = _solved(problem_from_json(problem), method=method, limit_seconds=limit_seconds, cancel=cancel)
    return solved.canonical().decode()


def canonical(problem: str) -> tuple[str, str]:
    """A stored problem read and written again, and its digest."""
    found = problem_from_json(problem)
    return found.canonical().decode(), found.digest()


def lots(problem: str) -> list[tuple[str, str, int]]:
    """What the problem takes to be in stock: item, lot at its depot, packs."""
    data = json.loads(problem)
    return [(pool["item"], lot["id"], lot["packs"]) for pool in data["pools"] for lot in pool.get("lots", ())]


def limits(problem: str) -> dict[tuple[str, str], int]:
    """What the problem takes to be left to be carried, in millilitres, by depot and member ("" for all)."""
    found = problem_from_json(problem)
    return (
        {(one.site, ""): one.volume for one in found.dispatch}
        | {(one.site, one.municipality): one.volume for one in found.vehicles}
        | {("", one.municipality): one.volume for one in found.storage}
    )


def stand_ins(problem: str) -> set[tuple[str, str, int, int]]:
    """What the problem lets stand in: substitute, item, packs of the one for packs of the other."""
    return {(one.of, one.item, one.packs, one.counts_as) for one in problem_from_json(problem).substitutes}


def masked(problem: str, *, method: str, limit_seconds: float, seed: str = "") -> Masked:
    """Solve the problem with names hidden: what a claim gets must not hang on whose it is.

    Who is tied with another may get the odd pack in the other's place, for
    somebody must; more than that, or other fills, would be favour.
    """
    hidden, names = _hidden(problem, seed)
    named = _solved(problem_from_json(problem), method=method, limit_seconds=limit_seconds)
    blind = _solved(problem_from_json(hidden), method=method, limit_seconds=limit_seconds)
    got, seen = _got(problem, named), {names[key]: packs for key, packs in _got(hidden, blind).items()}
    changed = [(f"{item}: {claim}", packs, seen[item, claim]) for (item, claim), packs in got.items()]
    changed = [one for one in changed if one[1] != one[2]]
    needs = _needs(problem)
    aside = sorted({one.item for plan in (named, blind) for one in plan.pools if one.set_aside})
    before, after = _fills(got, needs), _fills(seen, needs)
    return Masked(
        seed=seed,
        changed=changed,
        most_packs=max((abs(one[1] - one[2]) for one in changed), default=0),
        same_fills=all(after[key] == fills for key, fills in before.items() if key[0] not in aside),
        set_aside=aside,
    )


def _solved(problem: Problem, *, method: str, limit_seconds: float, cancel: Event | None = None) -> Plan:
    if method == PRO_RATA:
        return baselines.pro_rata(problem)
    outcome = run_limited(decide, Timed(problem, limit_seconds), limit_seconds=limit_seconds, cancel=cancel)
    if outcome.value is None or outcome.value.method == BEST != method:
        raise NotInTime(f"the plan was not computed again within {limit_seconds:g} s: {outcome.detail}")
    return outcome.value


def _hidden(problem: str, seed: str) -> tuple[str, dict[tuple[str, str], tuple[str, str]]]:
    """The problem under masks, and by (item, masked claim) the (item, claim) that it stands for."""
    data = json.loads(problem)
    members = sorted({claim["municipality"] for pool in data["pools"] for claim in pool["claims"]})
    shuffle = random.Random(hashlib.sha256(f"{seed}/{problem}".encode()).hexdigest())
    order = shuffle.sample(range(len(members)), len(members))
    mask = {member: f"m{place:06}" for member, place in zip(members, order, strict=True)}
    names: dict[tuple[str, str], tuple[str, str]] = {}
    drops = {pool["item"]: _mask_pool(pool, mask, shuffle, names) for pool in data["pools"]}
    for swap in data.get("substitutes", ()):
        swap["drop"] = drops[swap["item"]][swap["drop"]]
    for policy in data.get("policies", ()):
        masked_claims = {claim: hidden for (item, hidden), (_, claim) in names.items() if item == policy["item"]}
        for fact in policy.get("facts", ()):
            fact["claim"] = masked_claims[fact["claim"]]
    for limit in (*data.get("vehicles", ()), *data.get("storage", ())):
        limit["municipality"] = mask.get(limit["municipality"], limit["municipality"])
    return json.dumps(data), names


def _mask_pool(
    pool: dict[str, Any], mask: dict[str, str], shuffle: random.Random, names: dict[tuple[str, str], tuple[str, str]]
) -> dict[str, str]:
    """Hide the names of a pool in place; the masks of its drops."""
    claims = {claim["id"]: f"{mask[claim['municipality']]}/{claim['tier']}" for claim in pool["claims"]}
    drops = [drop["id"] for drop in pool["drops"]]
    hidden = dict(zip(drops, (f"d{n:06}" for n in shuffle.sample(range(len(drops)), len(drops))), strict=True))
    for claim in pool["claims"]:
        names[pool["item"], claims[claim["id"]]] = pool["item"], claim["id"]
        claim["id"], claim["municipality"] = claims[claim["id"]], mask[claim["municipality"]]
    for drop in pool["drops"]:
        drop["id"], drop["claim"] = hidden[drop["id"]], claims[drop["claim"]]
    for row in (*pool["lanes"], *pool.get("picked", ())):
        row["drop"] = hidden[row["drop"]]
    for rows in ("claims", "drops"):
        pool[rows].sort(key=lambda row: row["id"])
    pool["lanes"].sort(key=lambda row: (row["drop"], row["lot"]))
    return hidden


def _got(problem: str, plan: Plan) -> dict[tuple[str, str], int]:
    """Packs by (item, claim), substitutes counted as what they stand for."""
    got: dict[tuple[str, str], int] = {}
    claim_of: dict[tuple[str, str], str] = {}
    data = json.loads(problem)
    counts = {
        (one["of"], one["lot"], one["item"], one["drop"]): one["counts_as"] for one in data.get("substitutes", ())
    }
    for pool in data["pools"]:
        got |= {(pool["item"], claim["id"]): 0 for claim in pool["claims"]}
        claim_of |= {(pool["item"], drop["id"]): drop["claim"] for drop in pool["drops"]}
    for planned in plan.pools:
        for line in planned.lines:
            got[planned.item, claim_of[planned.item, line.drop]] += line.packs
    for one in plan.swaps:
        got[one.item, claim_of[one.item, one.drop]] += one.times * counts[one.of, one.lot, one.item, one.drop]
    return got


def _needs(problem: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Need in packs, and tier, by (item, claim)."""
    needs: dict[tuple[str, str], int] = defaultdict(int)
    tiers: dict[tuple[str, str], int] = {}
    for pool in json.loads(problem)["pools"]:
        tiers |= {(pool["item"], claim["id"]): claim["tier"] for claim in pool["claims"]}
        for drop in pool["drops"]:
            needs[pool["item"], drop["claim"]] += drop["packs"]
    return {key: (needs[key], tier) for key, tier in tiers.items()}


def _fills(
    got: dict[tuple[str, str], int], needs: dict[tuple[str, str], tuple[int, int]]
) -> dict[tuple[str, int], list[Fraction]]:
    fills: dict[tuple[str, int], list[Fraction]] = defaultdict(list)
    for (item, claim), packs in got.items():
        need, tier = needs[item, claim]
        fills[item, tier].append(Fraction(packs, need) if need else Fraction(1))
    return {key: sorted(found) for key, found in fills.items()}
