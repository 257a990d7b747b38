"""Partitions of the vocabulary, fixed before the first draw, in which emitted tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, quiet

SINGLE = 64
"""Up to this vocabulary every token is a cell of its own."""

LEAST = 1e-9
"""Cells of less mass join the heaviest cell: a correct rule in float32 may miss them by as much."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of the tokens of positive probability.

    Attributes
    ----------
    index : array of int, shape (V,)
        Cell of each token; tokens of probability zero are in none, −1.
    mass : array, shape (K,)
        p of each cell, positive.
    """

    index: Array
    mass: Array

    def count(self, counts: Array) -> Array:
        """Return how often each cell was hit, from the counts of the tokens."""
        inside = self.index >= 0
        return np.bincount(self.index[inside], counts[inside], minlength=self.mass.size)


def partitions(p: Array, q: Any) -> list[Cells]:
    """Return the partitions for a target: single tokens, or for large V by rank of p and by p/q."""
    if p.size <= SINGLE:
        return [_cells(p, np.arange(p.size))]
    found = [_cells(p, rank_cells(p))]
    if isinstance(q, np.ndarray) and q.shape == p.shape:
        with quiet():
            octave = np.floor(np.nan_to_num(np.log2(p / q), nan=0.0, posinf=9, neginf=-9))
        found.append(_cells(p, np.clip(octave, -8, 8).astype(np.int64) + 8))
    return found


def rank_cells(p: Array, single: int = 16) -> Array:
    """Return a cell for each token: the largest alone, then ranks in octaves."""
    rank = np.empty(p.size, dtype=np.int64)
    rank[np.argsort(-p, kind="stable")] = np.arange(p.size)
    octave = np.floor(np.log2(np.maximum(rank, single) / single)).astype(np.int64)
    return np.where(rank < single, rank, single + octave)


def _cells(p: Array, label: Array) -> Cells:
    """Number the labels that hold mass; merge those of next to none."""
    label = label.copy()
    mass = np.bincount(label, p)
    label[(mass < LEAST)[label]] = int(np.argmax(mass))
    _, index = np.unique(np.where(p > 0, label, label.max() + 1), return_inverse=True)
    total = np.bincount(index, p)
    last = index.max()
    if total[last] == 0.0:
        return Cells(np.where(index == last, -1, index), total[:last])
    return Cells(index, total)
