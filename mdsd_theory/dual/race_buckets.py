"""Without replacement in a few passes over the row: buckets of the ratio, and moment sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend, is_torch
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.dual.ratio_buckets import ratio_buckets
from mdsd_theory.dual.solution import DualSolution, enclosed

LARGEST_N = 16
"""Most drafts: beyond, the moment sums would need more powers than they are worth."""

SMALLEST = {2: 1024}
"""Vocabulary below which sorting the row costs less, by n; 64 where nothing is said."""


def race_buckets(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for n successive drafts without replacement, without sorting the row.

    .. math:: \alpha^* = \min_H P(H) + 1 - Q(H), \qquad
              1 - Q(H) = b \int_0^\infty e^{-t} \sum_{m<n} e_m(\{e^{q_i t} - 1\}_{i \in H})\, dt

    as :func:`~mdsd_theory.dual.race_prefix.race_prefix`. One pass sums p and the powers of q over
    buckets of p/q; Q follows from such sums for the prefixes that end with a bucket; the convexity of P
    and Q discards nearly all buckets, and the tokens of the others are bucketed again or sorted.

    Parameters
    ----------
    backend : Backend
        Of NumPy, or of torch on the CPU.
    p, q : array, shape (rows, V)
        Distributions, float64 or float32; q has at least n tokens of positive probability.
    n : int
        Number of drafts.

    Returns
    -------
    DualSolution
        The enclosure holds the errors of quadrature, of cut series, of rounding and of the search.

    Notes
    -----
    Cost O(V) and about 10 to 30 evaluations of Q, O(n R J) each, for R ≈ n + 9 powers and J ≈ 50 nodes.
    :func:`~mdsd_theory.dual.race_prefix.race_prefix` is called for n > 16 and short rows. One draft is
    the same with replacement: :func:`~mdsd_theory.dual.ratio_buckets.ratio_buckets`.
    """
    if n == 1:
        return ratio_buckets(backend, p, q, 1)
    if n > LARGEST_N or p.shape[-1] < SMALLEST.get(n, 64):
        return race_prefix(backend, backend.widen(p), backend.widen(q), n)
    from mdsd_theory.dual.race_buckets_rows import lowest_cuts

    values, errors, subsets = lowest_cuts(_plain(p), _plain(q), n)
    subset = subsets if backend.library == "numpy" else backend.xp.asarray(subsets)
    return enclosed(backend, backend.array(values), backend.array(errors), subset)


def _plain(x: Array) -> Any:
    """Return a NumPy view, or a copy of what the compiled loops would be compiled anew for."""
    return np.require(x.detach() if is_torch(x) else x, requirements=["C", "W"])
