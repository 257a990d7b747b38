"""Total unimodularity, the reason why some optimal dual point is a subset, by brute force."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.reference.transport import TransportProblem

MAX_SUBMATRICES = 1_000_000
"""Most square submatrices that are looked at."""

Minors = dict[tuple[int, ...], dict[tuple[int, ...], int]]
"""Rows of a submatrix to its columns to its determinant, where that is not zero."""


def incidence_matrix(problem: TransportProblem) -> NDArray[np.int64]:
    """Return the constraint matrix of the transport program, sets above tokens.

    Column (S, i) has a one in row S and a one in row i: the vertex-edge incidence matrix of a
    bipartite graph.

    Parameters
    ----------
    problem : TransportProblem

    Returns
    -------
    int array, shape (number of sets + V, number of edges)

    Examples
    --------
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): 0.5, frozenset({0, 1}): 0.5}
    >>> incidence_matrix(transport_problem([0.5, 0.5], law)).tolist()
    [[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]]
    """
    edges = np.arange(len(problem.edge_set))
    matrix = np.zeros((len(problem.sets) + problem.V, len(edges)), dtype=np.int64)
    matrix[problem.edge_set, edges] = 1
    matrix[len(problem.sets) + problem.edge_token, edges] = 1
    return matrix


def is_totally_unimodular(matrix: ArrayLike) -> bool:
    """Return whether every square submatrix has determinant −1, 0 or 1.

    Then every vertex of {x ≥ 0 : Ax ≤ b} with an integral b is integral (Hoffman and Kruskal 1956),
    so the dual of the transport program has an optimal u = 1[H].

    Parameters
    ----------
    matrix : array of ints, shape (rows, columns)

    Returns
    -------
    bool

    Raises
    ------
    InputError
        When the matrix is not a table of integers.
    SizeError
        When it has more than 1,000,000 square submatrices.

    Notes
    -----
    Minors of order k come from those of order k − 1 by Laplace expansion along the last row, in
    Python integers; only those that are not zero are kept. C(rows + columns, rows) submatrices.
    Source: Hu et al. 2025 (arXiv 2502.18779), where it turns the dual into subset selection.

    Examples
    --------
    >>> is_totally_unimodular([[1, 1, 0], [0, 1, 1]])
    True
    >>> is_totally_unimodular([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    False
    """
    table = _integer_table(matrix)
    minors: Minors = {(i,): {(j,): x for j, x in enumerate(row) if x} for i, row in enumerate(table)}
    while minors:
        if any(abs(det) > 1 for by_columns in minors.values() for det in by_columns.values()):
            return False
        minors = _next_order(minors, table)
    return True


def _integer_table(matrix: ArrayLike) -> list[list[int]]:
    """Return the matrix as lists of Python ints, checked for size."""
    array: NDArray[Any] = np.asarray(matrix)
    if array.ndim != 2 or not np.array_equal(array, np.round(array)):
        raise InputError(f"matrix has shape {array.shape}; expected a 2-D table of integers")
    count = math.comb(sum(array.shape), array.shape[0]) - 1
    if count > MAX_SUBMATRICES:
        raise SizeError(
            f"a matrix of shape {array.shape} has {count:,} square submatrices; the limit is "
            f"{MAX_SUBMATRICES:,}: use a smaller vocabulary or fewer drafts"
        )
    return [[int(x) for x in row] for row in array.tolist()]


def _next_order(minors: Minors, table: list[list[int]]) -> Minors:
    """Return the non-zero minors of one order more, by expansion along their last row."""
    larger: Minors = {}
    for rows, by_columns in minors.items():
        for last in range(rows[-1] + 1, len(table)):
            found = _expanded(by_columns, table[last])
            if found:
                larger[(*rows, last)] = found
    return larger


def _expanded(by_columns: dict[tuple[int, ...], int], row: list[int]) -> dict[tuple[int, ...], int]:
    """Return the determinants after one more row, by columns: Σ ± row[j] · minor without j."""
    sums: dict[tuple[int, ...], int] = defaultdict(int)
    for columns, det in by_columns.items():
        for j, x in enumerate(row):
            if x and j not in columns:
                after = sum(1 for k in columns if k > j)
                sums[tuple(sorted((*columns, j)))] += (-1) ** after * x * det
    return {columns: det for columns, det in sums.items() if det}
