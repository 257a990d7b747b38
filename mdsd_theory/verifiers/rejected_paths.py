r"""Recursive rejection without replacement, along the tokens that it rejects.

After rejecting x_1 … x_k the next draft comes from q on the other tokens, renormalised: in the words
of :mod:`mdsd_theory.verifiers.residual`, c_k = 1/(1 − q(x_1) − … − q(x_k)). So t_{k+1} depends on the
rejected tokens through their masses alone, and with E over the tokens that rejected drafts take,

.. math:: P(Y \in S) = E\,F(t_n), \qquad
          P(x_{k+1} = i \mid x_1 \dots x_k) \propto \bigl(t_{k+1} q_i - \max(p_i, t_k q_i)\bigr)_+ .

The law is that of a draft given that it is rejected, c_k q − r_k where positive; E is over the law in
which every draft is rejected, because the chances of rejection telescope to 1 − F(t_n).
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.verifiers.heaviest import Heaviest
from mdsd_theory.verifiers.residual import Overlap


def path_count(vocabulary: int, n: int) -> int:
    """Return V (V−1) … (V−n+2), the number of ordered ways to reject n − 1 tokens.

    Examples
    --------
    >>> path_count(10, 3)
    90
    """
    return math.perm(vocabulary, n - 1)


def over_all_paths(backend: Backend, p: Array, q: Array, n: int) -> Array:
    """Return E F(t_n) of each row, summed over every path; shape (rows,).

    Cost O(V^{n−1} log V) a row.
    """
    xp, (rows, vocabulary) = backend.xp, tuple(p.shape)
    overlap = Overlap.of(backend, p, q)
    heaviest = Heaviest.of(backend, q, n - 1)
    t, left = backend.zeros((rows, 1)), backend.zeros((rows, 1)) + 1.0
    chance = left
    for k in range(1, n):
        reach = overlap.advance(t, left)
        tokens = _ordered_tuples(vocabulary, k)
        last = xp.asarray(tokens[:, -1], device=backend.device)
        # The V − k + 1 continuations of a path are neighbours.
        siblings = (rows, t.shape[1], vocabulary - k + 1)
        target, draft = (xp.reshape(x[:, last], siblings) for x in (p, q))
        law = rejected_law(backend, target, draft, t[..., None], reach[..., None])
        chance = xp.reshape(chance[..., None] * law, (rows, -1))
        t = xp.reshape(xp.broadcast_to(reach[..., None], siblings), (rows, -1))
        shared = xp.asarray(tokens, device=backend.device)[None, :, :]
        left = heaviest.mass_left(q, xp.broadcast_to(shared, (rows, *tokens.shape)))
    reached, _ = overlap(overlap.advance(t, left))
    return xp.sum(chance * reached, axis=-1)


@lru_cache(maxsize=4)
def _ordered_tuples(vocabulary: int, k: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return all k-tuples of different tokens in lexicographic order; shape (count, k)."""
    if k == 1:
        return np.arange(vocabulary)[:, None]
    return np.array(list(permutations(range(vocabulary), k)), dtype=np.int64)


def rejected_weight(backend: Backend, p: Array, q: Array, t: Array, reach: Array) -> Array:
    """Return (t′ q − max(p, t q))_+, ∝ the chance that a rejected draft is this token."""
    return backend.xp.clip(reach * q - backend.xp.maximum(p, t * q), 0.0, None)


def rejected_law(backend: Backend, p: Array, q: Array, t: Array, reach: Array) -> Array:
    """Return the law of the rejected token on the last axis; any law where rejection is impossible."""
    xp = backend.xp
    weight = rejected_weight(backend, p, q, t, reach)
    total = xp.sum(weight, axis=-1, keepdims=True)
    impossible = total == 0
    law = weight / xp.where(impossible, 1.0, total)
    return xp.where(impossible, 1.0 / weight.shape[-1], law)
