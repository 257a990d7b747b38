"""With replacement: the best prefix of the ratio order."""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, integer_power, mask_of_prefix
from mdsd_theory.dual.ratio_order import ratio_order
from mdsd_theory.dual.solution import DualSolution, enclosed


def sorted_prefix(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for n i.i.d. drafts: one sort and two running sums.

    .. math:: \alpha^* = \min_{0 \le k \le V} P(H_k) + 1 - q(H_k)^n

    over the prefixes H_k of the order of ρ = p/q.

    Parameters
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
        Distributions in the work dtype.
    n : int
        Number of drafts.

    Returns
    -------
    DualSolution
        The enclosure allows (n + 1)(V + 32) unit roundoffs: V for each running sum, in any order of
        addition, n of them through the power, and 32 for normalising the rows and the division.

    Notes
    -----
    Cost O(V log V). Hu et al. 2025, arXiv 2502.18779.
    """
    xp = backend.xp
    ranked = ratio_order(backend, p, q)
    drafted = xp.cumulative_sum(ranked.q, axis=-1)
    values = ranked.target - integer_power(drafted, n)
    best = xp.argmin(values, axis=-1)
    row = backend.arange(values.shape[0])
    lowest = values[row, best]
    empty = lowest >= 0
    value = 1 + xp.where(empty, 0.0, lowest)
    subset = mask_of_prefix(backend, ranked.order, xp.where(empty, 0, best + 1))
    error = (n + 1) * (p.shape[-1] + 32) * backend.unit
    return enclosed(backend, value, error, subset)
