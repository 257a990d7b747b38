"""Without replacement: the best prefix of the ratio order, through the exponential race."""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, mask_of_prefix, top_indices
from mdsd_theory.dual.heavy_tokens import LARGEST_EXPONENT
from mdsd_theory.dual.race_nodes import QUADRATURE_ERROR
from mdsd_theory.dual.race_search import lowest_prefix
from mdsd_theory.dual.ratio_order import ratio_order, suffix_sums
from mdsd_theory.dual.solution import DualSolution, enclosed


def race_prefix(backend: Backend, p: Array, q: Array, n: int) -> DualSolution:
    r"""Return α* for n successive drafts without replacement.

    .. math:: \alpha^* = \min_k P(H_k) + 1 - Q(H_k), \qquad
              1 - Q(H) = b \int_0^\infty e^{-t} \sum_{m<n} e_m(\{e^{q_i t} - 1\}_{i \in H})\, dt

    over the prefixes H_k of the order of ρ = p/q, b = q(Σ∖H), e_m elementary symmetric polynomials.
    At n = 2 the integral is closed: 1 − Q(H) = b (1 + Σ_H q_i / (1 − q_i)).

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
        The enclosure holds the quadrature's error (see :mod:`mdsd_theory.dual.race_nodes`) and
        (n + 1)(V + 32 + 1200) unit roundoffs: running sums, and exponents up to 300.

    Notes
    -----
    One sort, then O(n²·V·J) with J ≈ 50 nodes, more for peaked q.
    """
    ranked = ratio_order(backend, p, q)
    outside = suffix_sums(backend, ranked.q)[:, 1:]
    if n <= 2:
        avoid = outside * (_second_draft(backend, ranked.q) if n == 2 else 1.0)
        length, value = lowest(backend, ranked.target + avoid)
    else:
        length, value = lowest_prefix(backend, ranked, outside, n)
    subset = mask_of_prefix(backend, ranked.order, length)
    error = (n + 1) * (p.shape[-1] + 32) * backend.unit
    if n > 2:
        error += (n + 1) * LARGEST_EXPONENT * 4 * backend.unit + QUADRATURE_ERROR
    return enclosed(backend, value, error, subset)


def lowest(backend: Backend, values: Array) -> tuple[Array, Array]:
    """Return the length and the value of the best prefix, the empty one (value 1) included."""
    xp = backend.xp
    best = xp.argmin(values, axis=-1)
    least = values[backend.arange(values.shape[0]), best]
    empty = least >= 1
    return xp.where(empty, 0, best + 1), xp.where(empty, 1.0, least)


def _second_draft(backend: Backend, q: Array) -> Array:
    """Return 1 + Σ_{H_k} q_i / (1 − q_i), with 1 − q_i summed over the others at the largest token."""
    xp = backend.xp
    at_top = backend.arange(q.shape[-1])[None, :] == top_indices(backend, q, 1)
    others = xp.sum(xp.where(at_top, 0.0, q), axis=-1, keepdims=True)
    return 1 + xp.cumulative_sum(q / xp.where(at_top, others, 1 - q), axis=-1)
