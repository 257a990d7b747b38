"""From a linear program's floats to rigorous witnesses: a feasible coupling and a subset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.reference.check import subset_value
from mdsd_theory.reference.transport import TransportProblem

Floats = NDArray[np.float64]

INTEGRAL = 1e-6
"""A dual point this near to zeros and ones is read as a subset at once."""

SMALLEST = 1e-290
"""Smaller masses are dropped, so that every rounding error below is a relative one."""


def feasible_flow(problem: TransportProblem, flow: Floats) -> Floats:
    """Return the flow made feasible: clipped at zero, rows, then columns, scaled down to fit.

    c ← max(c, 0);  c(S,·) ← c(S,·) · min(1, w(S)/Σ_i c(S,i));  the same for tokens with p_i;
    last, c ← (1 − (k+8)·2⁻⁵³)·c with k the most edges at one set or token, which covers the
    rounding of every sum and product before it. So the floats returned satisfy all constraints as
    exact numbers, not to a tolerance: their sum is a proved lower bound of α*.

    Parameters
    ----------
    problem : TransportProblem
    flow : array, shape (edges,)
        A flow that is feasible up to the solver's tolerance.

    Returns
    -------
    array, shape (edges,)

    Notes
    -----
    O(edges). What is lost is the violation that was there, and a relative (k+8)·2⁻⁵³.
    """
    fixed: Floats = np.maximum(np.asarray(flow, dtype=float), 0.0)
    longest = 0
    for index, limits in ((problem.edge_set, problem.w), (problem.edge_token, problem.p)):
        limit = np.array(limits, dtype=float)
        load = np.bincount(index, weights=fixed, minlength=len(limit))
        factor = np.divide(limit, load, out=np.ones_like(load), where=load > limit)
        fixed *= factor[index]
        longest = max(longest, int(np.bincount(index).max()))
    fixed *= 1.0 - (longest + 8) * 2.0**-53
    fixed[fixed < SMALLEST] = 0.0
    return fixed


def rounded_subset(problem: TransportProblem, u: Floats) -> frozenset[int]:
    """Return the best threshold set H = {i : u_i > t} of a dual point.

    The value of (u, v) with the smallest feasible v is the average over t ∈ (0, 1) of the values
    P(H_t) + 1 − Q(H_t), so some threshold is at least as good as the point itself. At a vertex u is
    zero or one, and one threshold, 1/2, is enough.

    Parameters
    ----------
    problem : TransportProblem
    u : array, shape (V,)

    Returns
    -------
    frozenset of int

    Notes
    -----
    O(V + sets) for an integral u, times the number of distinct values otherwise.
    """
    u = np.asarray(u, dtype=float)
    if np.abs(u - np.round(u)).max() <= INTEGRAL:
        thresholds = [0.5]
    else:
        thresholds = [-1.0, *sorted(set(u.tolist()))]
    candidates = [frozenset(np.flatnonzero(u > t).tolist()) for t in thresholds]
    return min(candidates, key=lambda subset: subset_value(problem.p, problem.law, subset))
