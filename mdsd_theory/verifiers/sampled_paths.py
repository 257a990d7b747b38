"""Recursive rejection without replacement by Monte Carlo over the rejected tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend, mask_of_indices, top_indices
from mdsd_theory.verifiers.heaviest import Heaviest
from mdsd_theory.verifiers.rejected_sampler import RejectedSampler
from mdsd_theory.verifiers.residual import Overlap, rounding_of_sums

REPLICATES = 32
"""Independent shifts of the point set; their spread gives the standard error."""


def over_sampled_paths(
    backend: Backend, p: Array, q: Array, n: int, samples: int, seed: int
) -> tuple[Array, Array]:
    """Return an unbiased estimate of E F(t_n) and its error, each of shape (rows,).

    Only the rejected tokens are sampled, from their exact conditional laws; F(t_n) gives the whole
    path's acceptance (Rao–Blackwell). The uniform numbers are a lattice, shifted at random 32 times:
    each is uniform, together they leave fewer gaps than independent ones. All rows share them, so that
    the errors of rows are not independent.

    The error is the standard error over the shifts plus (most − least)/samples, with F(t_n) between
    these two on every path (:func:`reachable`): rejections of total probability 1/samples that no path
    saw move the mean by no more. Roundings are added, so that it is never zero.

    Parameters
    ----------
    p, q : array, shape (rows, V)
    n : int
        Number of drafts, at least 2.
    samples : int
        Paths a row, rounded up to a multiple of 32.
    seed : int

    Notes
    -----
    Cost O(V log V + n·samples·log V) a row.
    """
    xp, rows = backend.xp, p.shape[0]
    uniforms = backend.array(shifted_lattice(-(-samples // REPLICATES), n - 1, seed))
    sampler, heaviest = RejectedSampler.of(backend, p, q, n), Heaviest.of(backend, q, n - 1)
    t = backend.zeros((rows, uniforms.shape[0]))
    left = t + 1.0
    tokens = xp.zeros((*t.shape, 0), dtype=xp.int64, device=backend.device)
    for k in range(n - 1):
        reach = sampler.overlap.advance(t, left)
        token = sampler.draw(uniforms[:, k], t, reach, tokens)
        tokens = xp.concat([tokens, token[..., None]], axis=-1)
        t, left = reach, heaviest.mass_left(q, tokens)
    reached, _ = sampler.overlap(sampler.overlap.advance(t, left))
    means = xp.mean(xp.reshape(reached, (rows, REPLICATES, -1)), axis=-1)
    error = xp.std(means, axis=-1, correction=1) / REPLICATES**0.5
    least, most = reachable(sampler.overlap, p, q, n)
    unseen = (most - least) / uniforms.shape[0] + rounding_of_sums(backend, q.shape[-1])
    return xp.mean(means, axis=-1), error + unseen


def reachable(overlap: Overlap, p: Array, q: Array, n: int) -> tuple[Array, Array]:
    """Return bounds of F(t_n) over all paths, each of shape (rows,).

    t_{k+1} grows with t_k and with the rejected mass. That is least at zero; it is most for the k
    largest of the tokens with p < tq at the largest t_k, which holds for every rejected token.
    Cost O(n² V) a row, or n sorts.
    """
    backend, xp = overlap.backend, overlap.backend.xp
    low = high = backend.zeros((q.shape[0], 1)) + 1.0
    tiny = float(xp.finfo(backend.work).smallest_normal)
    for k in range(1, n):
        candidates = xp.where(p < high * q, q, 0.0)
        heaviest = mask_of_indices(backend, top_indices(backend, candidates, k), q.shape[-1])
        left = xp.sum(xp.where(heaviest & (candidates > 0), 0.0, q), axis=-1, keepdims=True)
        low = overlap.advance(low, xp.ones_like(low))
        high = overlap.advance(high, xp.clip(left, tiny, None))
    least, most = overlap(low)[0][:, 0], overlap(high)[0][:, 0]
    return least, xp.maximum(least, most)


def shifted_lattice(points: int, dimension: int, seed: int) -> np.ndarray[Any, Any]:
    """Return 32 random shifts of an additive-recurrence lattice; shape (32·points, dimension).

    Its steps are powers of the root of x^{d+1} = x + 1, at d = 1 the golden ratio.

    Examples
    --------
    >>> shifted_lattice(4, 2, seed=0).shape
    (128, 2)
    """
    root = 2.0
    for _ in range(40):
        root = (1 + root) ** (1 / (dimension + 1))
    steps = root ** -np.arange(1.0, dimension + 1)
    shifts = np.random.default_rng(seed).random((REPLICATES, 1, dimension))
    lattice = np.arange(points)[None, :, None] * steps
    return ((lattice + shifts) % 1.0).reshape(-1, dimension)
