"""Atoms: what an order ranks. Heavy tokens alone, light ones of nearly equal p/q together."""

from __future__ import annotations

import math
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
        Atom after atom, within an atom by p/q ascending, in single precision.
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


def make_atoms(
    p: np.ndarray, q: np.ndarray, heavy: float, width: float, most: float = 1.0, largest: float = math.inf
) -> Atoms:
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
    largest : float
        Tokens with more of q than this are alone, whatever ``heavy``.

    Notes
    -----
    Cost O(V): ratios are sorted by digits, in single precision.

    Examples
    --------
    >>> atoms = make_atoms(np.array([0.6, 0.2, 0.2]), np.array([0.2, 0.4, 0.4]), 0.5, 0.1)
    >>> atoms.tokens.tolist(), atoms.start.tolist()
    ([1, 2, 0], [0, 2, 3])
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        alone = _alone(np.maximum(p, q), heavy) | (q > largest)
        light = np.flatnonzero(~alone)
        ratio = np.where(q > 0, p / q, np.inf)[light].astype(np.float32)
        order = _by_digits(ratio)
        light = light[order]
        clipped = np.clip(np.log(ratio[order]), -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO + width)
    runs, parts = np.floor(clipped / width), np.floor(np.cumsum(q[light]) / most)
    new = (np.diff(runs) != 0) | (np.diff(parts) != 0)
    begin = np.concatenate([[0], np.flatnonzero(new) + 1])[: light.size]
    single = np.flatnonzero(alone)
    start = np.concatenate([begin, light.size + np.arange(single.size + 1)])
    tokens = np.concatenate([light, single])
    masses = [np.append(np.add.reduceat(x[light], begin), x[single]) if light.size else x for x in (p, q)]
    return Atoms(tokens, start, *masses)


def _by_digits(ratio: np.ndarray) -> np.ndarray:
    """Return the stable order of floats32 that are not negative: two digits of 16 bits, counted."""
    bits = ratio.view(np.uint32)
    order = np.argsort(bits.astype(np.uint16), kind="stable")
    return order[np.argsort((bits >> 16).astype(np.uint16)[order], kind="stable")]


def _alone(size: np.ndarray, heavy: float) -> np.ndarray:
    """Return the mask of the tokens of at least this size, or of the largest of them."""
    alone: np.ndarray = size >= heavy
    if alone.sum() > MOST_ALONE:
        alone = size > np.partition(size, -MOST_ALONE - 1)[-MOST_ALONE - 1]
    return alone
