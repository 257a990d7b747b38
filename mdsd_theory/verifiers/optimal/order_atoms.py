"""Atoms: what an order ranks. Heavy tokens alone, light ones of nearly equal p/q together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_ALONE = 2000
"""Most tokens that are atoms of their own."""

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


def make_atoms(p: np.ndarray, q: np.ndarray, heavy: float, width: float, most: float = 1.0) -> Atoms:
    """Return the atoms of a pair.

    Parameters
    ----------
    p, q : array, shape (V,)
    heavy : float
        Tokens of p or q at least this large are alone, but for ties beyond the 2,000 largest.
    width : float
        Width of a group of the others, in log(p/q).
    most : float
        Largest mass of q in a group, but for one token: tokens of equal ratio are divided too.

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
    alone = _alone(np.maximum(p, q), heavy)
    clipped = np.clip(ratio, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO + width)
    light = np.flatnonzero(~alone)
    light = light[np.argsort(clipped[light], kind="stable")]
    keys = np.stack([clipped[light] // width, np.cumsum(q[light]) // most])
    new = np.append(True, (np.diff(keys) != 0).any(axis=0))[: light.size]
    atom = np.empty(p.shape[0], dtype=np.int64)
    atom[light] = np.cumsum(new) - 1
    groups = int(new.sum())
    count = groups + int(alone.sum())
    atom[alone] = np.arange(groups, count)
    tokens = np.lexsort((ratio, atom))
    sizes = np.bincount(atom, minlength=count)
    start = np.concatenate([[0], np.cumsum(sizes)])
    masses = [np.bincount(atom, weights=x, minlength=count) for x in (p, q)]
    return Atoms(tokens, start, *masses)


def _alone(size: np.ndarray, heavy: float) -> np.ndarray:
    """Return the mask of the tokens of at least this size, or of the largest of them."""
    alone: np.ndarray = size >= heavy
    if alone.sum() > MOST_ALONE:
        alone = size > np.partition(size, -MOST_ALONE - 1)[-MOST_ALONE - 1]
    return alone
