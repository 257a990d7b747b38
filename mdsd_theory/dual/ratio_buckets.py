"""With replacement, without a sort: buckets of the ratio order, then those that can hold the minimum."""

from __future__ import annotations

import numpy as np

from mdsd_theory.arrays import UNIT, Array, Backend, dtype_name
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.dual.raw_rows import RawRows
from mdsd_theory.dual.solution import DualSolution, enclosed
from mdsd_theory.dual.threads import over_rows
from mdsd_theory.errors import CertificationError

OCTAVES = 26
"""Powers of two below n that have buckets of their own; smaller ratios share one."""

LARGEST_TOLERANCE = 0.25
"""Rows whose sum may be further off than this are divided first."""

MOST_DRAFTS = 2**62
"""Beyond, q(H)^n is 0 or 1 in floats and the enclosure is [0, 1]: more drafts count as so many."""


def ratio_buckets(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for n i.i.d. drafts: one pass over p and q, and a closer look at a few tokens.

    .. math:: \alpha^* = \min_c P(H_c) + 1 - q(H_c)^n, \qquad H_c = \{i : p_i / q_i \le c\}

    Parameters
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
        Distributions in the work dtype, on the CPU.
    n : int
        Number of drafts.

    Returns
    -------
    DualSolution
        The enclosure allows (n + 1)(V/32 + 32) unit roundoffs (see Notes).

    Notes
    -----
    Every token goes to a bucket of p/q by the leading bits of the float, up to ratio n: a set with a
    token p_i > n q_i is lowered by leaving it out, as q(H)^n loses at most n q_i. The running sums of the
    buckets give P + 1 − q^n at their edges; buckets whose inside stays above the best edge by the two
    lines of theorem 6.e are skipped, the others divided again.

    Rounding. p and q are cut to multiples of 2⁻⁶² and then summed exactly, so that a sum is low by at
    most δ = V 2⁻⁶² = V/512 units of roundoff, a normalised one off by 2.1 δ, f by 2.1 (n + 1) δ and
    5 (n + 1) roundoffs. The slopes of the two lines times the bucket's q are off by at most 6.4 n δ
    more, and 8 (n + 1) roundoffs; a bucket is skipped within 2⁻⁵⁰ (8 roundoffs) of the best edge; ratios
    that differ by rounding alone count as tied (2 n roundoffs).

    Cost O(V); 2 bytes a token beside the input. Hu et al. 2025, arXiv 2502.18779, has the sorted form.
    """
    return _whole(_search(backend, p, q, n, None, exact=True))


def ratio_bounds(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return an enclosure of α* for n i.i.d. drafts: the best edge of the buckets and the bound below.

    Parameters, rounding and cost as of :func:`ratio_buckets`, whose closer look it leaves out; ``subset``
    holds whole buckets.
    """
    return _whole(_search(backend, p, q, n, None, exact=False))


def raw_ratio_buckets(backend: Backend, p: Array, q: Array, n: int) -> DualSolution | None:
    """Return what :func:`ratio_buckets` does, from unchecked p and q of shape (..., V) as they came.

    None where a row may be no distribution, or has entries so small that they count as zero.
    """
    return _search(backend, p, q, n, _tolerances(p, q), exact=True)


def raw_ratio_bounds(backend: Backend, p: Array, q: Array, n: int) -> DualSolution | None:
    """Return what :func:`ratio_bounds` does, from unchecked p and q of shape (..., V) as they came."""
    return _search(backend, p, q, n, _tolerances(p, q), exact=False)


def _tolerances(p: Array, q: Array) -> tuple[float, float]:
    # A row just inside or just outside the limit is for the checks to decide, which sum otherwise.
    inside = 0.99
    vocabulary = int(p.shape[-1])
    return (
        sum_tolerance(dtype_name(p), vocabulary) * inside,
        sum_tolerance(dtype_name(q), vocabulary) * inside,
    )


def _whole(solution: DualSolution | None) -> DualSolution:
    if solution is None:
        raise CertificationError("a checked row does not sum to one (a numerical fault)")
    return solution


def _search(
    backend: Backend,
    p: Array,
    q: Array,
    n: int,
    tolerances: tuple[float, float] | None,
    *,
    exact: bool,
) -> DualSolution | None:
    """Search all rows; unchecked ones where ``tolerances`` are given."""
    n, off = min(n, MOST_DRAFTS), tolerances or (1e-9, 1e-9)
    if max(off) > LARGEST_TOLERANCE:
        return None
    limits = (*off, backend.tiny if tolerances else 0.0)
    vocabulary = int(p.shape[-1])
    rows = RawRows(p).rows
    values = np.empty((rows, 2))
    mask = np.empty((rows, vocabulary), np.bool_)
    grid = bucket_grid(n, vocabulary, off)

    def part(start: int, stop: int) -> bool:
        from mdsd_theory.dual.ratio_search_loop import search_rows

        target, draft = RawRows(p), RawRows(q)
        step = min(target.step, draft.step)
        for a in range(start, stop, step):
            b = min(a + step, stop)
            blocks = target.block(a, b), draft.block(a, b)
            if not search_rows(*blocks, n, grid, limits, exact, values[a:b], mask[a:b]):
                return False
        return True

    if not all(over_rows(part, rows, vocabulary)):
        return None
    error = (n + 1) * (vocabulary / 32 + 32) * UNIT
    return _solution(backend, values, mask, error, exact=exact)


def bucket_grid(n: int, vocabulary: int, off: tuple[float, float]) -> tuple[int, int, int]:
    """Return base, shift and number of the buckets: fewer for a small vocabulary.

    Parameters
    ----------
    n : int
        Number of drafts: ratios up to n matter, in units of rows that sum to one.
    vocabulary : int
    off : tuple of float
        How far the sums of p and of q may be from one.
    """
    fraction_bits = 7 if vocabulary > 2**14 else 5 if vocabulary > 2**11 else 3
    top = np.float64(n * (1 + off[0]) / (1 - off[1]) * (1 + 1e-12))
    shift, ordinary = 52 - fraction_bits, OCTAVES << fraction_bits
    return (int(top.view(np.int64)) >> shift) - ordinary, shift, ordinary + 2


def _solution(backend: Backend, values: Array, mask: Array, error: float, *, exact: bool) -> DualSolution:
    value, subset = backend.array(1 + values[:, 0]), _adopted(backend, mask)
    if exact:
        return enclosed(backend, value, error, subset)
    least = enclosed(backend, backend.array(1 + values[:, 1]), error, subset).lower
    best = enclosed(backend, value, error, subset)
    return DualSolution(best.value, least, best.upper, subset, exact=False)


def _adopted(backend: Backend, mask: Array) -> Array:
    if backend.library == "numpy":
        return mask
    import torch

    return torch.from_numpy(mask)
