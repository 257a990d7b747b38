"""Greedy and top-k drafts: α* in closed form."""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, mask_of_indices, quiet, top_indices
from mdsd_theory.dual.solution import DualSolution, enclosed


def greedy(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for greedy drafts, and for SpecHub's, which are the same sets at n = 2.

    .. math:: \alpha^* = \sum_{i \in T} p_i + \sum_{i \notin T} \min(p_i, \tilde q_i)

    with T the n−1 tokens of largest q and q̃ = q on Σ∖T, renormalised. H = T ∪ {i: p_i < q̃_i}.

    Parameters
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
        Distributions in the work dtype; q has at least n tokens of positive probability.
    n : int
        Number of drafts.

    Returns
    -------
    DualSolution

    Notes
    -----
    Cost O(nV). Hu et al. 2025, arXiv 2502.18779.
    """
    xp = backend.xp
    fixed, last = last_draft(backend, q, n)
    reached = xp.where(fixed, p, xp.minimum(p, last))
    subset = fixed | (p < last)
    return enclosed(backend, xp.sum(reached, axis=-1), _rounding(backend, p), subset)


def top_k(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* = P(T) for the fixed set T of the n tokens of largest q; H = T.

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

    Notes
    -----
    Cost O(nV).
    """
    xp = backend.xp
    fixed = mask_of_indices(backend, top_indices(backend, q, n), q.shape[-1])
    value = xp.sum(xp.where(fixed, p, 0.0), axis=-1)
    return enclosed(backend, value, _rounding(backend, p), fixed)


def last_draft(backend: Backend, q: Array, n: int) -> tuple[Array, Array]:
    """Return the mask of T and the law q̃ of the last, random draft of the greedy scheme."""
    xp = backend.xp
    fixed = mask_of_indices(backend, top_indices(backend, q, n - 1), q.shape[-1])
    rest = xp.where(fixed, 0.0, q)
    with quiet():
        return fixed, rest / xp.sum(rest, axis=-1, keepdims=True)


def _rounding(backend: Backend, p: Array) -> float:
    return 4 * (int(p.shape[-1]) + 32) * backend.unit
