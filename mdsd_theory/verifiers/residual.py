r"""The residual of recursive rejection, which one number describes.

A rule that goes through the drafts, accepts X_k with probability min(1, r_k/q_k) and otherwise replaces
the target r_k by (r_k − q_k)_+, renormalised, starting from r_0 = p, never leaves a line. If
q_k = c_k·q on the tokens not rejected yet, then with

.. math:: F(t) = \sum_i \min(p_i, t q_i), \qquad t_0 = 0, \qquad t_{k+1} = t_k + c_k (1 - F(t_k))

the residual is r_k = (p − t_k q)_+ / (1 − F(t_k)), and the k-th rejection has probability
(1 − F(t_{k+1})) / (1 − F(t_k)). The chances of rejection telescope: **all n drafts are rejected with
probability 1 − F(t_n)**.

*Proof.* (p − tq)_+/Z − cq has the positive part (p − (t + cZ) q)_+/Z, Z = 1 − F(t) being the sum of
(p − tq)_+. A rejected token x had r_k(x) < c_k q_x, so p_x < t_{k+1} q_x: its residual is zero and
stays zero, whether or not q_{k+1} still holds it. ∎

Where p = q the residual vanishes: F(1) = 1, t stays at 1, and no quotient 0/0 is met.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mdsd_theory.arrays import Array, Backend, count_below, gather, quiet
from mdsd_theory.dual.ratio_order import ratio_order, suffix_sums
from mdsd_theory.verifiers import cpu


def overlap(backend: Backend, p: Array, q: Array, t: Array) -> Array:
    """Return F(t) = Σ min(p, t q) for one t a row; shape (rows,), cost O(V)."""
    return backend.xp.sum(backend.xp.minimum(p, t[:, None] * q), axis=-1)


def excess(backend: Backend, p: Array, q: Array, t: Array) -> Array:
    """Return 1 − F(t) = Σ (p − t q)_+ for one t a row; shape (rows,), cost O(V)."""
    return backend.xp.sum(backend.xp.clip(p - t[:, None] * q, 0.0, None), axis=-1)


@dataclass(frozen=True)
class Overlap:
    """F for many t a row: piecewise linear, in O(log V) each after one sort.

    Attributes
    ----------
    order : array of int, shape (rows, V)
        Tokens by p/q ascending.
    ratio : array, shape (rows, V)
        p/q in that order, ∞ for tokens with q = 0.
    p_before : array, shape (rows, V + 1)
        Σ p over the first k tokens.
    p_after, q_after : array, shape (rows, V + 1)
        Σ p and Σ q over all but the first k tokens, summed from the far end.
    """

    backend: Backend
    order: Array
    ratio: Array
    p_before: Array
    p_after: Array
    q_after: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array) -> Overlap:
        """Sort the tokens of each row by p/q."""
        xp = backend.xp
        ranked = ratio_order(backend, p, q)
        target = gather(xp, p, ranked.order)
        with quiet():
            ratio = target / ranked.q
        ratio = xp.where(xp.isnan(ratio), xp.inf, ratio)
        zero = backend.zeros((p.shape[0], 1))
        before = xp.concat([zero, ranked.target], axis=-1)
        p_after, q_after = (suffix_sums(backend, x) for x in (target, ranked.q))
        return cls(backend, ranked.order, ratio, before, p_after, q_after)

    def count(self, t: Array) -> Array:
        """Return how many tokens have p/q ≤ t, for t of shape (rows, K)."""
        return count_below(self.backend, self.ratio, t)

    def __call__(self, t: Array) -> tuple[Array, Array]:
        """Return F(t) and 1 − F(t), each as a sum of its own, for t of shape (rows, K)."""
        xp, k = self.backend.xp, self.count(t)
        above = gather(xp, self.p_after, k)
        taken = xp.minimum(t * gather(xp, self.q_after, k), above)
        return gather(xp, self.p_before, k) + taken, above - taken

    def advance(self, t: Array, left: Array) -> Array:
        """Return the next t, t + (1 − F(t))/left, with ``left`` the mass q has not rejected."""
        return self.after(t, self(t)[1], left)

    def after(self, t: Array, slack: Array, left: Array) -> Array:
        """Return t + slack/left, the next t where the slack 1 − F(t) is known."""
        with quiet():
            return bounded(self.backend, t + slack / left)


def bounded(backend: Backend, t: Array) -> Array:
    """Return t clipped far below overflow: products of t with probabilities stay finite."""
    return backend.xp.clip(t, None, backend.xp.finfo(backend.work).max / 4)


def recursive_steps(backend: Backend, p: Array, q: Array, left: Array) -> tuple[Array, Array]:
    """Return t_0 … t_n and 1 − F(t_0) … 1 − F(t_{n−1}), by n passes over p and q for each path.

    Parameters
    ----------
    p, q : array, shape (rows, V)
    left : array, shape (rows, paths, n)
        The mass that q has not rejected when draft k is met: c_k = 1/left_k.

    Returns
    -------
    t : array, shape (rows, paths, n + 1)
    slack : array, shape (rows, paths, n)
    """
    if cpu.on_cpu(backend):
        from mdsd_theory.verifiers.residual_loop import recursive_path

        target, draft, masses = cpu.host_rows(p, q, left)
        t, slack = recursive_path(target, draft, masses)
        return backend.array(t), backend.array(slack)
    return recursive_steps_of_arrays(backend, p, q, left)


def recursive_steps_of_arrays(backend: Backend, p: Array, q: Array, left: Array) -> tuple[Array, Array]:
    """Return the same by array operations, path by path, all rows side by side."""
    xp, paths = backend.xp, []
    for c in range(left.shape[1]):
        t, slack = [backend.zeros((p.shape[0],))], []
        for k in range(left.shape[2]):
            slack.append(excess(backend, p, q, t[-1]))
            t.append(bounded(backend, t[-1] + slack[-1] / left[:, c, k]))
        paths.append((xp.stack(t, axis=-1), xp.stack(slack, axis=-1)))
    t, slack = (xp.stack(list(x), axis=1) for x in zip(*paths, strict=True))
    return t, slack


def draw_residual(overlap: Overlap, t: Array, u: Array) -> Array:
    """Return tokens of law ∝ (p − t q)_+, by inversion from the far end of the ranking.

    The weight from place k on is Σ_{i≥k} p_i − t q_i, for k from the first token with p > t q. Where
    rounding leaves no such token the last one of positive p is returned.

    Parameters
    ----------
    t, u : array, shape (rows, K)
        Where the residual is, and uniform numbers on [0, 1).

    Returns
    -------
    array of int, shape (rows, K)
    """
    backend, xp = overlap.backend, overlap.backend.xp
    size = overlap.ratio.shape[-1]

    def weight(k: Array) -> Array:
        return gather(xp, overlap.p_after, k) - t * gather(xp, overlap.q_after, k)

    first = overlap.count(t)
    aim = u * weight(first)

    def before(k: Array) -> Array:
        """Tell whether the tokens after place k still weigh more than the aim."""
        return (k < first) | (weight(k + 1) > aim)

    place = xp.maximum(first_false(backend, before, size, t), first)
    last = xp.sum(xp.astype(overlap.p_after > 0, xp.int64), axis=-1, keepdims=True) - 1
    return gather(xp, overlap.order, xp.minimum(place, xp.zeros_like(place) + last))


def first_false(backend: Backend, holds: Callable[[Array], Array], size: int, like: Array) -> Array:
    """Return the first of 0 … size−1 at which ``holds`` is false (size if none), by bisection.

    Parameters
    ----------
    holds : callable
        Monotone, from indices (rows, K) to booleans (rows, K): true, then false.
    size : int
    like : array, shape (rows, K)
    """
    xp = backend.xp
    low = xp.zeros(tuple(like.shape), dtype=xp.int64, device=backend.device)
    high = low + size
    for _ in range(size.bit_length()):
        middle = xp.clip((low + high) // 2, None, size - 1)
        right = holds(middle) & (low < high)
        low, high = xp.where(right, middle + 1, low), xp.where(right, high, middle)
    return low


def at_places(backend: Backend, order: Array, x: Array) -> Array:
    """Return y with y[r, order[r, k]] = x[r, k], a permutation a row; of 0 … V−1 it is the inverse."""
    if backend.library == "numpy":
        y = np.empty(order.shape, dtype=x.dtype)
        np.put_along_axis(y, order, np.broadcast_to(x, order.shape), axis=-1)
        return y
    return backend.xp.zeros_like(order, dtype=x.dtype).scatter(-1, order, x.expand(order.shape))


def rounding_of_sums(backend: Backend, vocabulary: int) -> float:
    """Return what roundings add to a rate: running sums of V probabilities, a few steps on them."""
    return 4.0 * (vocabulary + 64) * backend.unit
