"""The vertex of a linear program in fractions, from what a solver found in floats."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

Equation = tuple[dict[int, Fraction], Fraction]
"""Coefficients by variable, and the right-hand side."""


def solve_exactly(equations: Iterable[Equation], variables: int) -> list[Fraction] | None:
    """Return the only solution of linear equations, None unless there is exactly one.

    Gauss and Jordan, one equation after the other; cost O(variables² · equations) in fractions.

    Examples
    --------
    >>> one = Fraction(1)
    >>> [str(x) for x in solve_exactly([({0: one, 1: one}, one), ({0: one, 1: -one}, one / 3)], 2)]
    ['2/3', '1/3']
    >>> solve_exactly([({0: one, 1: one}, one)], 2) is None
    True
    """
    solved: dict[int, tuple[dict[int, Fraction], Fraction]] = {}
    for coefficients, right in equations:
        row, value = dict(coefficients), right
        for j in [j for j in row if j in solved]:
            factor = row.pop(j)
            value -= factor * solved[j][1]
            _subtract(row, factor, solved[j][0])
        row = {j: x for j, x in row.items() if x}
        if not row:
            if value:
                return None
            continue
        pivot = min(row, key=lambda j: (row[j].denominator, j))
        lead = row.pop(pivot)
        row = {j: x / lead for j, x in row.items()}
        value /= lead
        for j, (other, other_value) in solved.items():
            if pivot in other:
                factor = other.pop(pivot)
                _subtract(other, factor, row)
                solved[j] = ({k: x for k, x in other.items() if x}, other_value - factor * value)
        solved[pivot] = (row, value)
    if len(solved) < variables:
        return None
    return [solved[j][1] for j in range(variables)]


def _subtract(row: dict[int, Fraction], factor: Fraction, other: dict[int, Fraction]) -> None:
    for k, x in other.items():
        row[k] = row.get(k, Fraction(0)) - factor * x
