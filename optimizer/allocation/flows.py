"""OR-Tools' flow solvers, spoken to in arrays: greatest flow with its minimum cut, and cheapest flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ortools.graph.python import max_flow, min_cost_flow

from optimizer.allocation.network import Block, Flags, Ints


@dataclass(frozen=True, slots=True)
class Flow:
    """A maximum flow: its packs, whether every demand is met, and the source's side of a minimum cut."""

    packs: int
    meets_all: bool
    near: Flags


def greatest_flow(block: Block, wanted: Ints) -> Flow:
    """Route as much as possible of what is owed and `wanted`."""
    sink = len(block.nodes)
    demand = block.owed + wanted
    total = int(demand.sum())
    arcs = Arcs.joined(
        Arcs.entering(block, source=sink + 1),
        Arcs(block.tail, block.head, block.capacity, block.tail),
        Arcs.leaving(demand, sink=sink),
    )
    near = np.zeros(sink + 2, dtype=np.bool_)
    packs, reached = arcs.greatest(source=sink + 1, sink=sink, most=total)
    near[reached] = True
    return Flow(packs=packs, meets_all=packs == total, near=near[:sink])


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs of a network: from, to, capacity, and cost per unit (not read by `greatest`)."""

    tail: Ints
    head: Ints
    capacity: Ints
    cost: Ints

    @classmethod
    def joined(cls, *parts: Arcs) -> Arcs:
        """All these arcs, in this order."""
        return cls(
            tail=np.concatenate([part.tail for part in parts]),
            head=np.concatenate([part.head for part in parts]),
            capacity=np.concatenate([part.capacity for part in parts]),
            cost=np.concatenate([part.cost for part in parts]),
        )

    @classmethod
    def entering(cls, block: Block, *, source: int) -> Arcs:
        """From the source to every node where packs enter."""
        at = np.nonzero(block.supply)[0]
        return cls(np.full(len(at), source), at, block.supply[at], np.zeros_like(at))

    @classmethod
    def leaving(cls, demand: Ints, *, sink: int) -> Arcs:
        """From every node with a demand to the sink."""
        at = np.nonzero(demand)[0]
        return cls(at, np.full(len(at), sink), demand[at], np.zeros_like(at))

    def greatest(self, *, source: int, sink: int, most: int) -> tuple[int, Ints]:
        """A maximum flow's packs and the nodes on the source's side of a minimum cut.

        Capacities above `most`, a bound of the flow, are never in a minimum cut: they
        are cut to one more, to keep sums small.
        """
        solver = max_flow.SimpleMaxFlow()
        capacity = np.minimum(self.capacity, most + 1)
        solver.add_arcs_with_capacity(self.tail.astype(np.int32), self.head.astype(np.int32), capacity)
        status = solver.solve(source, sink)
        assert status == solver.OPTIMAL, f"maximum flow: {status}"
        return solver.optimal_flow(), np.array(solver.get_source_side_min_cut(), dtype=np.int64)

    def cheapest(self, *, source: int, sink: int, packs: int) -> Ints:
        """The flow of every arc in a cheapest flow of this many packs, which must exist."""
        solver = min_cost_flow.SimpleMinCostFlow()
        numbers = solver.add_arcs_with_capacity_and_unit_cost(
            self.tail.astype(np.int32), self.head.astype(np.int32), np.minimum(self.capacity, packs), self.cost
        )
        solver.set_nodes_supplies(np.array([source, sink], np.int32), np.array([packs, -packs], np.int64))
        status = solver.solve()
        assert status == solver.OPTIMAL, f"cheapest flow: {status}"
        flows: Ints = solver.flows(numbers)
        return flows
