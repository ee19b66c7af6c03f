"""Fair, then useful, then cheap, as one linear program and three proofs.

Sets
    R               routes r = (demand, lane); R_m, R_k, R_l, R_d those of municipality m, demand k, lane l, depot d
    R_{d,i,t}       routes of item i out of depot d over lanes of at least t days

Data
    u_r             most units a route can carry
    w_r, v_r, p_r   criticality, litres and cost per unit
    n_m, g_m        criticality-weighted demand and coordinator's weight of municipality m
    S_{d,i,t}       units at depot d of lots of item i that keep long enough for lanes of t days
    SCALE = 100     the service level is counted in per cent: a column that is scaled unlike the
                    others makes a solver call a lower service optimal

Variables
    x_r in [0, u_r]                 units carried
    T in [0, SCALE / max g_m]       lowest service, in per cent

Constraints
    (demands)   sum of x over R_k          <= demand k
    (lots)      sum of x over R_{d,i,t}    <= S_{d,i,t}
    (lanes)     sum of v x over R_l        <= capacity of lane l
    (depots)    sum of v x over R_d        <= dispatch capacity of depot d
    (service)   SCALE * sum of w x over R_m / (n_m g_m)  >=  T

Objectives, in lexicographic order: T;  sum of w x (weighted);  - sum of p x (cheap).

Method. The three are first weighed together, the earlier one far more heavily, and
solved by dual simplex: with every route full the start is dual feasible, so one run
leads to a basis that is optimal for all three. From that basis each stage is then
solved for itself by primal simplex, what it found being kept: mostly nothing is left to
do, and where the weights were too small the steps that are missing are done. The
prices of each stage are its certificate; `bounds` computes from them, without this module,
what no plan can pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.reference.limits import Floats, Network
from optimizer.reference.plan import STAGES, Certificate
from optimizer.reference.program import Answer, Program, joined
from optimizer.reference.targets import certificate_of

SCALE = 100.0
COST_FACTOR = 100.0
"""A weighted unit counts as so many times the dearest weighted unit's transport."""
LEVEL_FACTOR = 10.0
"""Lowest service 1 counts as so many times all that is demanded."""
KEEPING = 1e-9
"""Relative part of the lowest service that later stages may give up, so that rounding does not make them infeasible."""
ROUNDS = 3

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Solution:
    """Units per route, and per stage the multipliers that prove its bound and the seconds it took (wall time)."""

    quantities: Floats
    certificates: tuple[Certificate, ...]
    seconds: dict[str, float]


def solve(network: Network, report: Report = lambda words: None) -> Solution:
    """The lexicographic optimum of the linear program; raises SolverError where the solver fails."""
    return _Stages(network, report).run()


class _Stages:
    def __init__(self, network: Network, report: Report) -> None:
        self.network, self.report = network, report
        self.seconds: dict[str, float] = {}
        self.level = network.size
        self.program = self._program()
        dearest = float(np.max(network.cost / network.gain, initial=0.0))
        self.weight = COST_FACTOR * dearest or 1.0

    def _program(self) -> Program:
        network = self.network
        towns, first = len(network.served), network.height
        rate = SCALE * network.gain / (network.needs * network.weights)[network.municipality]
        entries = network.entries()
        entries.append((first + network.municipality, np.arange(network.size), rate))
        entries.append((first + np.arange(towns), np.full(towns, self.level), -np.ones(towns)))
        return Program(
            most=np.append(network.most, SCALE / network.weights.max()),
            row_least=np.concatenate([np.full(first, -np.inf), np.zeros(towns)]),
            row_most=np.concatenate([network.right_hand_sides(), np.full(towns, np.inf)]),
            entries=joined(entries),
        )

    def run(self) -> Solution:
        network = self.network
        with self._timed("together"):
            level = LEVEL_FACTOR * self.weight * float(network.needs.sum()) / SCALE
            together = self.program.maximise(self._objective(1.0, 1.0, level), dual=True)
        self.report(f"all stages together: {together.steps} simplex steps")
        with self._timed(STAGES[0]):
            fair = self.program.maximise(self._objective(0.0, 0.0, 1.0), dual=False)
        reached = float(fair.values[self.level])
        self.report(f"lowest service {reached / SCALE:.6f}, {fair.steps} more steps")
        self.program.fix(self.level, reached * (1 - KEEPING))
        with self._timed(STAGES[1]):
            useful = self.program.maximise(self._objective(1.0, 0.0, 0.0) / self.weight, dual=False)
        self.report(f"weighted quantity {useful.objective:.3f}, {useful.steps} more steps")
        with self._timed(STAGES[2]):
            cheap = self._cheapest(useful.objective)
        return Solution(
            quantities=np.clip(cheap.values[: network.size], 0.0, network.most),
            certificates=(
                self._certificate(fair, 0.0, unit=SCALE),
                self._certificate(useful, 1.0),
                self._certificate(cheap, self.weight),
            ),
            seconds=self.seconds,
        )

    def _cheapest(self, most_weighted: float) -> Answer:
        """Least cost with the weighted quantity kept: its price is raised until nothing of it is sold."""
        for _ in range(ROUNDS):
            cheap = self.program.maximise(self._objective(1.0, 1.0, 0.0), dual=False)
            weighted = float(cheap.values[: self.network.size] @ self.network.gain)
            self.report(f"weighted quantity {weighted:.3f} kept, {cheap.steps} more steps")
            if weighted >= most_weighted * (1 - KEEPING):
                break
            self.weight *= 10
        return cheap

    def _objective(self, weighted: float, cheap: float, level: float) -> Floats:
        network = self.network
        return np.append(weighted * self.weight * network.gain - cheap * network.cost, level)

    def _certificate(self, answer: Answer, weight: float, *, unit: float = 1.0) -> Certificate:
        """The prices as multipliers by name, for an objective counted in `unit`."""
        prices = answer.prices / unit
        first = self.network.height
        return certificate_of(self.network, prices[:first], -SCALE * prices[first:], weight=weight)

    def _timed(self, stage: str) -> _Timer:
        return _Timer(self.seconds, stage)


class _Timer:
    def __init__(self, seconds: dict[str, float], stage: str) -> None:
        self.seconds, self.stage = seconds, stage

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.stage] = time.monotonic() - self.started
