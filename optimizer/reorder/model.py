"""The reorder of one night as an integer program, solved stage after stage with CP-SAT.

Sets
    I           items that are short, I_t those of tier t = 1..4
    C           contracts
    O           offers of items in I (one per contract and item); O_c, O_i those of contract c, of item i
    K_o         price tiers of offer o within which some quantity may be ordered

Data (whole numbers)
    u_i, s_i, m_i       units missing, units of them unmet in the surge, most units
    a_o, p_o            pack size, multiple in packs
    lo_ok, hi_ok        least and most multiples in price tier k: its own range of packs, cut to the offer's
                        minimum and maximum, to m_i, to the budget and to the contract's ceiling
    c_ok                price of one multiple in price tier k
    M_c, R_c, B         minimum order and remaining ceiling of contract c, budget
    W_i = u_i + s_i     weighted need: surge units count double and are covered first
    PARTS               10^6: every item's whole need has the same weight, however many units it is

Variables
    n_ok >= 0 integer   multiples bought in price tier k
    b_ok in {0, 1}      price tier k is the one that applies
    y_c  in {0, 1}      something is ordered from contract c
    v_i, w_i >= 0       units left missing, surge units left missing
    g_i  in 0..PARTS    parts of the weighted need left uncovered, rounded up

    q_i = sum of a_o p_o n_ok over O_i;   e_c = sum of c_ok n_ok over O_c

Objective: least in lexicographic order, each value kept (<=) in all later stages
    tier t      sum of g_i over I_t, for t = 1, 2, 3, 4
    cost        sum of e_c
    contracts   sum of y_c
    lines       sum of b_ok

Constraints
    (range)     lo_ok b_ok <= n_ok <= hi_ok b_ok          minimum, multiple, maximum, all-units price
    (one)       sum of b_ok over K_o <= 1                 at most one price tier per offer
    (used)      b_ok <= y_c <= sum of b_ok over O_c
    (minimum)   e_c >= M_c y_c
    (ceiling)   e_c <= R_c y_c
    (budget)    sum of e_c <= B
    (most)      q_i <= m_i
    (missing)   v_i >= u_i - q_i,  w_i >= s_i - q_i
    (parts)     W_i g_i >= PARTS (v_i + w_i)

Ordering nothing satisfies all of them, so the program is never infeasible. A
stage that meets its limit hands on its best plan and its bound, unproven.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ortools.sat.python import cp_model

from optimizer.reorder.assemble import assemble
from optimizer.reorder.baselines import order_up_to_packs
from optimizer.reorder.order import PARTS, Index, Key, index, score
from optimizer.reorder.plan import STAGES, Plan
from optimizer.reorder.problem import Offer, Problem

DETERMINISTIC_LIMIT = 2.2
"""CP-SAT's deterministic seconds for all stages together; a stage may use half of what is left."""
SEED = 1

Linear: TypeAlias = Any
"""A linear expression of CP-SAT (its own types do not add up under a strict reading)."""


class ReorderError(RuntimeError):
    """The solver called a program wrong or infeasible that ordering nothing satisfies: our bug or the solver's."""


def reorder(problem: Problem, *, deterministic_limit: float = DETERMINISTIC_LIMIT) -> Plan:
    """The plan that is best in STAGES' order, with a bound per stage; same problem, same bytes.

    Raises ReorderError when the solver reports a status that cannot be.
    """
    data = index(problem)
    program = _build(data)
    packs: dict[Key, int] = {}
    _hint_packs(program, order_up_to_packs(problem))
    bounds, left = [], deterministic_limit
    for stage in range(len(STAGES)):
        found, bound, used = _solve_stage(program, stage, start=packs, limit=left / 2)
        packs, left = found, left - used
        bounds.append(bound)
        program.model.add(program.objectives[stage] <= score(data, packs)[stage])
    return assemble(data, packs, bounds)


@dataclass(frozen=True, slots=True)
class _Range:
    """One price tier of one offer: multiples `n` from `least` to `most` at `price` each, chosen by `b`."""

    offer: Offer
    least: int
    most: int
    price: int
    n: cp_model.IntVar
    b: cp_model.IntVar

    @property
    def key(self) -> Key:
        return self.offer.contract, self.offer.item

    @property
    def units(self) -> Linear:
        return self.offer.pack_size * self.offer.pack_multiple * self.n

    @property
    def spend(self) -> Linear:
        return self.price * self.n


@dataclass(slots=True)
class _Program:
    data: Index
    model: cp_model.CpModel
    ranges: list[_Range] = field(default_factory=list)
    used: dict[str, cp_model.IntVar] = field(default_factory=dict)
    parts: dict[str, cp_model.IntVar] = field(default_factory=dict)
    objectives: list[Linear] = field(default_factory=list)


def _build(data: Index) -> _Program:
    program = _Program(data, cp_model.CpModel())
    for offer in data.offers.values():
        _add_offer(program, offer)
    for contract in data.contracts:
        _add_contract(program, contract)
    program.model.add(_sum(row.spend for row in program.ranges) <= data.problem.budget_minor)  # (budget)
    for item in data.shortages:
        _add_item(program, item)
    program.objectives.extend(_objectives(program))
    return program


def _add_offer(program: _Program, offer: Offer) -> None:
    rows = [_add_range(program, offer, *limits) for limits in _limits(program.data, offer)]
    program.ranges.extend(rows)
    if len(rows) > 1:
        program.model.add_at_most_one(row.b for row in rows)  # (one)


def _limits(data: Index, offer: Offer) -> Iterable[tuple[int, int, int]]:
    """(lo_ok, hi_ok, c_ok) of every price tier in which a quantity may be ordered."""
    afford = min(data.problem.budget_minor, data.contracts[offer.contract].remaining_minor)
    most = min(offer.maximum_packs, data.shortages[offer.item].most_units // offer.pack_size)
    ends = [tier.from_packs - 1 for tier in offer.tiers[1:]] + [most]
    for tier, end in zip(offer.tiers, ends, strict=True):
        least = -(-max(tier.from_packs, offer.minimum_packs) // offer.pack_multiple)
        last = min(end, most, afford // tier.pack_price_minor) // offer.pack_multiple
        if least <= last:
            yield least, last, tier.pack_price_minor * offer.pack_multiple


def _add_range(program: _Program, offer: Offer, least: int, most: int, price: int) -> _Range:
    model, name = program.model, f"{offer.contract} {offer.item} from {least}"
    row = _Range(offer, least, most, price, model.new_int_var(0, most, f"n {name}"), model.new_bool_var(f"b {name}"))
    model.add(row.n >= least * row.b)  # (range)
    model.add(row.n <= most * row.b)  # (range)
    return row


def _add_contract(program: _Program, contract: str) -> None:
    model, row = program.model, program.data.contracts[contract]
    ranges = [one for one in program.ranges if one.offer.contract == contract]
    used = program.used[contract] = model.new_bool_var(f"y {contract}")
    for one in ranges:
        model.add_implication(one.b, used)  # (used)
    model.add(used <= _sum(one.b for one in ranges))  # (used)
    spend = _sum(one.spend for one in ranges)
    model.add(spend >= row.minimum_order_minor * used)  # (minimum)
    model.add(spend <= row.remaining_minor * used)  # (ceiling)


def _add_item(program: _Program, item: str) -> None:
    model, row = program.model, program.data.shortages[item]
    units = _sum(one.units for one in program.ranges if one.offer.item == item)
    model.add(units <= row.most_units)  # (most)
    missing = model.new_int_var(0, row.units, f"v {item}")
    in_surge = model.new_int_var(0, row.surge_units, f"w {item}")
    parts = program.parts[item] = model.new_int_var(0, PARTS, f"g {item}")
    model.add(missing >= row.units - units)  # (missing)
    model.add(in_surge >= row.surge_units - units)  # (missing)
    model.add((row.units + row.surge_units) * parts >= PARTS * (missing + in_surge))  # (parts)


def _objectives(program: _Program) -> Iterable[Linear]:
    for tier in range(1, 5):
        yield _sum(program.parts[item] for item, row in program.data.shortages.items() if row.tier == tier)
    yield _sum(row.spend for row in program.ranges)
    yield _sum(program.used.values())
    yield _sum(row.b for row in program.ranges)


def _sum(terms: Iterable[Linear]) -> Linear:
    return cp_model.LinearExpr.sum(list(terms))


def _solve_stage(
    program: _Program, stage: int, *, start: dict[Key, int], limit: float
) -> tuple[dict[Key, int], int, float]:
    """The best packs for the stage (never worse than `start`), its bound, and the deterministic time used."""
    program.model.minimize(program.objectives[stage])
    solver, status = _solve(program.model, limit=limit, presolve=True)
    used = solver.response_proto.deterministic_time
    if status == cp_model.INFEASIBLE:  # google/or-tools #5274: presolve may be wrong
        solver, status = _solve(program.model, limit=limit, presolve=False)
        used += solver.response_proto.deterministic_time
    if status == cp_model.UNKNOWN:
        return start, 0, used
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise ReorderError(f"stage {STAGES[stage]}: CP-SAT answers {solver.status_name(status)}")
    packs = _read(program, solver)
    best = min((start, packs), key=lambda one: score(program.data, one)[: stage + 1])
    if best is packs:
        _hint(program.model, [solver.response_proto.solution[at] for at in range(len(program.model.proto.variables))])
    return best, max(0, math.ceil(solver.best_objective_bound - 1e-6)), used


def _solve(model: cp_model.CpModel, *, limit: float, presolve: bool) -> tuple[cp_model.CpSolver, Any]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    solver.parameters.linearization_level = 2  # without the full relaxation, bounds stay near zero
    solver.parameters.max_deterministic_time = limit
    solver.parameters.cp_model_presolve = presolve
    return solver, solver.solve(model)


def _read(program: _Program, solver: cp_model.CpSolver) -> dict[Key, int]:
    packs: dict[Key, int] = {}
    for row in program.ranges:
        if multiples := solver.value(row.n):
            packs[row.key] = multiples * row.offer.pack_multiple
    return packs


def _hint(model: cp_model.CpModel, values: Sequence[int]) -> None:
    model.clear_hints()  # type: ignore[no-untyped-call]
    for at, value in enumerate(values):
        model.add_hint(model.get_int_var_from_proto_index(at), value)


def _hint_packs(program: _Program, packs: dict[Key, int]) -> None:
    for row in program.ranges:
        multiples = packs.get(row.key, 0) // row.offer.pack_multiple
        here = row.least <= multiples <= row.most
        program.model.add_hint(row.n, multiples if here else 0)
        program.model.add_hint(row.b, here)
    contracts = {contract for contract, _ in packs}
    for contract, used in program.used.items():
        program.model.add_hint(used, contract in contracts)
