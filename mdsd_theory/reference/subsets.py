"""Every subset of the vocabulary, one by one: the definition, as code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import SizeError
from mdsd_theory.reference.check import subset_value
from mdsd_theory.reference.solution import ReferenceSolution
from mdsd_theory.reference.transport import TransportProblem

MAX_VOCABULARY = 20
"""Largest V whose 2^V subsets are enumerated."""


def solve_subsets(problem: TransportProblem) -> ReferenceSolution:
    """Return α* = min over all H ⊆ Σ of P(H) + 1 − Q(H), by looking at all 2^V subsets.

    Parameters
    ----------
    problem : TransportProblem
        With V ≤ 20; floats or Fractions.

    Returns
    -------
    ReferenceSolution
        Without a coupling: the lower bound is the enumeration itself with max-flow min-cut.

    Raises
    ------
    SizeError
        When V > 20.

    Notes
    -----
    O(V·2^V) time, O(2^V) memory. Source: Hu et al. 2025 (arXiv 2502.18779), the subset selection.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): Fraction(3, 4), frozenset({1}): Fraction(1, 4)}
    >>> solution = solve_subsets(transport_problem([Fraction(1, 2)] * 2, law))
    >>> solution.value, sorted(solution.subset)
    (Fraction(3, 4), [0])
    """
    if problem.V > MAX_VOCABULARY:
        raise SizeError(
            f"V = {problem.V} has 2^{problem.V} subsets; the limit is V = {MAX_VOCABULARY}: use "
            "solve_highs or solve_max_flow"
        )
    best = int(np.argmin(subset_values(problem)))
    subset = frozenset(i for i in range(problem.V) if best >> i & 1)
    value = subset_value(problem.p, problem.law, subset)
    return ReferenceSolution(value, value, value, None, subset, None, None, "enumerated", "all_subsets")


def subset_values(problem: TransportProblem) -> NDArray[Any]:
    """Return P(H) + 1 − Q(H) for every subset, H being the bits of the index.

    Parameters
    ----------
    problem : TransportProblem

    Returns
    -------
    array, shape (2^V,)
        Floats, or Python ints: the values times the common denominator of an exact problem.

    Examples
    --------
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): 0.75, frozenset({1}): 0.25}
    >>> subset_values(transport_problem([0.5, 0.5], law)).tolist()
    [1.0, 0.75, 1.25, 1.0]
    """
    p: Any = problem.p
    w: Any = problem.w
    if problem.exact:
        p, w, _ = problem.integer_masses()
    inside = np.zeros(2**problem.V, dtype=object if problem.exact else float)
    target = inside.copy()
    inside[[sum(1 << i for i in drafts) for drafts in problem.sets]] = w
    target[[1 << i for i in range(problem.V)]] = p
    q_of, p_of = _sum_over_subsets(inside), _sum_over_subsets(target)
    values: NDArray[Any] = p_of + q_of[-1] - q_of
    return values


def _sum_over_subsets(masses: NDArray[Any]) -> NDArray[Any]:
    """Return, for every H, the sum of the masses at the subsets of H."""
    sums = masses.copy()
    for bit in range(len(masses).bit_length() - 1):
        pairs = sums.reshape(-1, 2, 2**bit)
        pairs[:, 1] += pairs[:, 0]
    return sums
