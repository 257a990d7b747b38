"""Power sums Σ q_i^r over the light tokens of any prefix, from integers summed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from mdsd_theory.arrays import UNIT
from mdsd_theory.rigorous.balls import Ball, load_flint
from mdsd_theory.rigorous.weights import floating

Integers = np.ndarray[Any, np.dtype[np.int64]]

HIGH, LOW = 30, 33
"""Bits of the two integers that hold a power of a mantissa: 63 after the point in all."""

LARGEST_POWER = 60
"""Highest power r: m^r ≥ 2⁻⁶⁰ must not vanish when cut after 63 bits."""


@dataclass(frozen=True)
class PowerSums:
    r"""Running sums of m_i^r within each octave 2^{e−1} ≤ w_i < 2^e of the weights w_i = m_i·2^e.

    Attributes
    ----------
    octave : array of int, shape (K,)
        Which entry of ``exponents`` a token has, in the order of the prefixes.
    exponents : array of int, shape (octaves,)
        The e that occur, ascending.
    starts : array of int, shape (octaves,)
        Where each octave begins when the tokens are sorted by it, the order kept within.
    high, low : array of int, shape (R, K + 1)
        Running sums over the tokens so sorted; m^r ≈ (high·2³³ + low)·2⁻⁶³.
    cut : bool
        Whether a weight was longer than 53 bits, so that m_i was rounded down.
    """

    octave: Integers
    exponents: Integers
    starts: Integers
    high: Integers
    low: Integers
    cut: bool

    @classmethod
    def of(cls, values: Sequence[int], powers: int) -> PowerSums:
        """Sum powers 1 … ``powers`` ≤ 60 of positive weights; cost O(K·R)."""
        mantissa, exponent, cut = floating(values)
        exponents, octave = np.unique(exponent, return_inverse=True)
        place = np.argsort(octave, kind="stable")
        starts = np.searchsorted(octave[place], np.arange(exponents.size))
        high, low = _running(mantissa[place], powers)
        return cls(octave, exponents, starts, high, low, cut)

    def error(self, r: int) -> float:
        """Return a bound on how much larger the sum of r-th powers is than told, relatively.

        Or smaller, by rounding: m^r is a product of r factors with r − 1 roundings of 2⁻⁵³; cutting it
        after 63 bits loses at most 2⁻⁶³ of at least 2⁻ʳ, none for r = 1; a mantissa that was rounded
        down adds r·2⁻⁵². Twice their sum has room for all products of them.
        """
        rounding, cutting = (r - 1) * UNIT, 2.0 ** (r - 63) if r > 1 else 0.0
        return 2 * (rounding + cutting + (2 * r * UNIT if self.cut else 0.0))

    def inside(self, k: int, thresholds: Sequence[int]) -> list[list[Ball]]:
        """Return Σ w_i^r over the tokens of H_k with octave e ≤ E, cut as :meth:`error` tells.

        Parameters
        ----------
        k : int
            Length of the prefix.
        thresholds : sequence of int
            E.

        Returns
        -------
        list of lists of balls, shape (thresholds, R)
        """
        counts = np.bincount(self.octave[:k], minlength=self.exponents.size)
        ends = self.starts + counts
        high = (self.high[:, ends] - self.high[:, self.starts]).tolist()
        low = (self.low[:, ends] - self.low[:, self.starts]).tolist()
        place = np.searchsorted(self.exponents, thresholds, side="right").tolist()
        sums = [self._up_to(r + 1, *row) for r, row in enumerate(zip(high, low, strict=True))]
        return [[row[i] for row in sums] for i in place]

    def _up_to(self, r: int, high: list[int], low: list[int]) -> list[Ball]:
        """Return the sums over the octaves before each, as balls of exact integers."""
        arb, base = load_flint().arb, int(self.exponents[0])
        parts = zip(high, low, self.exponents.tolist(), strict=True)
        sums = accumulate((((a << LOW) + b) << r * (e - base) for a, b, e in parts), initial=0)
        return [arb((x, r * base - HIGH - LOW)) for x in sums]


def _running(mantissa: np.ndarray[Any, Any], powers: int) -> tuple[Integers, Integers]:
    """Return running sums of the two parts of m^r; int64 holds them for K below 2³⁰.

    Scaling by a power of two, the floor and the difference are exact in floats; the powers are not.
    """
    high = np.zeros((powers, mantissa.size + 1), dtype=np.int64)
    low = np.zeros_like(high)
    power = np.ones_like(mantissa)
    for r in range(powers):
        power = power * mantissa
        scaled = power * 2.0**HIGH
        whole = np.floor(scaled)
        np.cumsum(whole.astype(np.int64), out=high[r, 1:])
        np.cumsum(((scaled - whole) * 2.0**LOW).astype(np.int64), out=low[r, 1:])
    return high, low
