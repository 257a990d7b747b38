r"""Sums of tokens by p/q and by groups of q, from which F and the laws of rejected tokens are read.

With s = t − 1 and e = (p − q)_+, for t ≥ 1,

.. math:: 1 - F(1 + s) = \sum_{e > sq} e - s q, \qquad
          \bigl(tq - \max(p, q)\bigr)_+ = (s q - e)_+ ,

so that Σ q and Σ e by cells of e/q between given points answer both at these points, without a sort.
"""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, count_below, quiet
from mdsd_theory.verifiers import cpu, rejected_device

LANES = 8
"""Copies of each cell of an ungrouped table, so that neighbouring tokens do not add to one address."""


@dataclass(frozen=True)
class Cells:
    """Σ q and Σ |p − q| by place of (p − q)/q among K ascending points, the first one 0, and by group.

    Attributes
    ----------
    points : array, shape (rows, K)
    mass, gap : array, shape (rows, K + 1, G)
        Place k is between points k − 1 and k; the tokens at place 0 have p ≤ q.
    """

    backend: Backend
    points: Array
    mass: Array
    gap: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, points: Array, top: Array, edges: Array) -> Cells:
        """Sum the tokens; see :func:`mdsd_theory.verifiers.rejected_cells_loop.cells_of_rows`."""
        if cpu.on_cpu(backend):
            from mdsd_theory.verifiers.rejected_cells_loop import cells_of_rows

            rows = cpu.host_rows(p, q, top, edges, points)
            mass, gap = (backend.array(x) for x in cells_of_rows(*rows))
        else:
            found = rejected_device.cells(backend, p, q, top, edges, points)
            mass, gap = found or cells_of_arrays(backend, p, q, top, edges, points)
        return cls(backend, points, mass, gap)

    def rejected(self) -> Array:
        """Return Σ (q − p)_+ over each group; shape (rows, G)."""
        return self.gap[:, 0, :]

    def weights(self) -> Array:
        """Return Σ (s q − e)_+ over each group, for s at each point; shape (rows, K, G)."""
        xp = self.backend.xp
        mass = xp.cumulative_sum(self.mass, axis=1)[:, :-1, :]
        # Sums over places 1 … k: the tokens at place 0 have e = 0.
        gap = xp.cumulative_sum(self.gap[:, 1:, :], axis=1)[:, :-1, :]
        gap = xp.concat([xp.zeros_like(gap[:, :1, :]), gap], axis=1)
        return xp.clip(self.points[..., None] * mass - gap, 0.0, None)

    def slack(self) -> tuple[Array, Array]:
        """Return 1 − F(1 + s) for s at each point, and Σ q where e > s q; each of shape (rows, K)."""
        xp = self.backend.xp
        mass, gap = (
            xp.flip(xp.cumulative_sum(xp.flip(xp.sum(x, axis=-1)[:, 1:], axis=-1), axis=-1), axis=-1)
            for x in (self.mass, self.gap)
        )
        return xp.clip(gap - self.points * mass, 0.0, None), mass


def cells_of_arrays(
    backend: Backend, p: Array, q: Array, top: Array, edges: Array, points: Array
) -> tuple[Array, Array]:
    """Return what ``cells_of_rows`` does, by array operations."""
    xp, (rows, vocabulary) = backend.xp, tuple(q.shape)
    count, places = edges.shape[-1], points.shape[-1] + 1
    with quiet():
        key = xp.where(p > q, count_below(backend, points, (p - q) / q), 0)
    token = backend.arange(vocabulary)[None, :]
    if count > 1:
        group = xp.clip(count - count_below(backend, edges, q), 2, None)
        group = xp.where(token == top[:, :1], 0, xp.where(token == top[:, 1:], 1, group))
        key = key * count + group
    lanes = LANES if count == 1 else 1
    key = (token % lanes) * (places * count) + key
    shape = (rows, lanes, places, count)
    mass, gap = (
        xp.sum(xp.reshape(sums_by_key(backend, key, x, lanes * places * count), shape), axis=1)
        for x in (q, xp.abs(p - q))
    )
    return mass, gap


def sums_by_key(backend: Backend, key: Array, x: Array, count: int) -> Array:
    """Return Σ x over the tokens of each key 0 … count − 1; shape (rows, count)."""
    if backend.library == "numpy":
        import numpy as np

        pairs = zip(key, x, strict=True)
        return np.stack([np.bincount(k, weights=w, minlength=count) for k, w in pairs])
    return backend.zeros((x.shape[0], count)).scatter_add(-1, key, x)
