"""Atoms: what an order ranks. Heavy tokens alone, light ones of nearly equal p/q together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST_LOG_RATIO = 12.0
"""Ratios p/q beyond e^±12 share a group."""


@dataclass(frozen=True)
class Atoms:
    """A partition of the tokens of positive q; an order of atoms is an order of tokens.

    Attributes
    ----------
    tokens : array of int, shape (V,)
        Atom after atom, within an atom by p/q ascending.
    start : array of int, shape (M + 1,)
        Where each atom begins among ``tokens``.
    p, q : array, shape (M,)
        Masses of the atoms.
    """

    tokens: np.ndarray
    start: np.ndarray
    p: np.ndarray
    q: np.ndarray

    @property
    def count(self) -> int:
        """M."""
        return int(self.q.shape[0])

    @property
    def by_ratio(self) -> np.ndarray:
        """The atoms by p/q ascending; without q they come last."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.argsort(np.where(self.q > 0, self.p / self.q, np.inf), kind="stable")

    def positions(self, order: np.ndarray) -> np.ndarray:
        """Return the place of every token when atoms are laid out in this order; shape (V,)."""
        sizes = np.diff(self.start)
        begin = np.empty(self.count, dtype=np.int64)
        begin[order] = np.cumsum(sizes[order]) - sizes[order]
        place = np.empty(self.tokens.shape[0], dtype=np.int64)
        place[self.tokens] = np.arange(self.tokens.shape[0]) + np.repeat(begin - self.start[:-1], sizes)
        return place


def make_atoms(p: np.ndarray, q: np.ndarray, heavy: float, width: float) -> Atoms:
    """Return the atoms of a pair.

    Parameters
    ----------
    p, q : array, shape (V,)
    heavy : float
        Tokens of p or q at least this large are alone.
    width : float
        Width of a group of the others, in log(p/q).

    Notes
    -----
    Cost O(V log V).

    Examples
    --------
    >>> atoms = make_atoms(np.array([0.6, 0.2, 0.2]), np.array([0.2, 0.4, 0.4]), 0.5, 0.1)
    >>> atoms.tokens.tolist(), atoms.start.tolist()
    ([1, 2, 0], [0, 2, 3])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(q > 0, np.log(p / q), np.inf)
    alone = np.maximum(p, q) >= heavy
    clipped = np.clip(ratio, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO + width)
    keys = np.floor(clipped[~alone] / width).astype(np.int64)
    found, group = np.unique(keys, return_inverse=True)
    atom = np.empty(p.shape[0], dtype=np.int64)
    atom[~alone] = group
    count = found.shape[0] + int(alone.sum())
    atom[alone] = np.arange(found.shape[0], count)
    tokens = np.lexsort((ratio, atom))
    sizes = np.bincount(atom, minlength=count)
    start = np.concatenate([[0], np.cumsum(sizes)])
    masses = [np.bincount(atom, weights=x, minlength=count) for x in (p, q)]
    return Atoms(tokens, start, *masses)
