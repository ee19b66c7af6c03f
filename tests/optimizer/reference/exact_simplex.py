"""Lexicographic linear programs in fractions: slow, exact, and nothing of the product in it."""

from __future__ import annotations

from fractions import Fraction

Vector = list[Fraction]


def lexicographic(objectives: list[Vector], matrix: list[Vector], limits: Vector) -> Vector:
    """Maximise one objective after the other over A x <= b, x >= 0 (b >= 0), and return the values.

    After each stage, columns whose entering would lower it are taken out, so the
    next stage moves on the optimal face only. Bland's rule, so it always ends.
    """
    rows, columns = len(matrix), len(objectives[0])
    slack = [[Fraction(at == one) for one in range(rows)] for at in range(rows)]
    table = [[*row, *own, limit] for row, own, limit in zip(matrix, slack, limits, strict=True)]
    basis = list(range(columns, columns + rows))
    allowed = set(range(columns + rows))
    values = []
    for objective in objectives:
        costs = [*objective, *([Fraction(0)] * rows)]
        while (entering := _entering(table, basis, costs, allowed)) is not None:
            _pivot(table, basis, entering)
        allowed -= {one for one in allowed if one not in basis and _gain(table, basis, costs, one) < 0}
        values.append(sum((costs[one] * row[-1] for one, row in zip(basis, table, strict=True)), Fraction(0)))
    return values


def _gain(table: list[Vector], basis: list[int], costs: Vector, column: int) -> Fraction:
    return costs[column] - sum((costs[one] * row[column] for one, row in zip(basis, table, strict=True)), Fraction(0))


def _entering(table: list[Vector], basis: list[int], costs: Vector, allowed: set[int]) -> int | None:
    return next((one for one in sorted(allowed - set(basis)) if _gain(table, basis, costs, one) > 0), None)


def _pivot(table: list[Vector], basis: list[int], entering: int) -> None:
    ratios = [(row[-1] / row[entering], basis[at], at) for at, row in enumerate(table) if row[entering] > 0]
    assert ratios, "the program is unbounded"
    leaving = min(ratios)[2]
    pivot = table[leaving][entering]
    table[leaving] = [one / pivot for one in table[leaving]]
    for at, row in enumerate(table):
        if at != leaving and row[entering]:
            factor = row[entering]
            table[at] = [one - factor * held for one, held in zip(row, table[leaving], strict=True)]
    basis[leaving] = entering
