"""Exponents of cost curves, and where two of them cross."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Exponent(NamedTuple):
    """The slope of log(time) against log(size).

    Attributes
    ----------
    value, error : float
        The slope and its standard error; the error is NaN for two points.
    points : int
        How many were fitted.
    """

    value: float
    error: float
    points: int


def exponent(sizes: Sequence[float], times: Sequence[float]) -> Exponent | None:
    """Fit the upper third of the range, measured in log(size); None for fewer than two points."""
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(times, float))
    if x.size < 2:
        return None
    upper = x >= (x.min() + 2 * x.max()) / 3 - 1e-9
    x, y = x[upper], y[upper]
    if x.size < 2:
        return None
    away = x - x.mean()
    slope = float(away @ y / (away @ away))
    left = y - y.mean() - slope * away
    freedom = x.size - 2
    error = math.sqrt(float(left @ left) / freedom / float(away @ away)) if freedom else math.nan
    return Exponent(slope, error, int(x.size))


def crossing(sizes: Sequence[float], first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the largest size at which the second curve becomes the lower one; None if it never does.

    Curves are straight between their points in logarithms. Where the second is the lower one already at
    the smallest size, that size is returned.
    """
    x = np.log(np.asarray(sizes, float))
    gap = np.log(np.asarray(second, float)) - np.log(np.asarray(first, float))
    if not gap.size or gap[-1] >= 0:
        return None
    above = np.flatnonzero(gap >= 0)
    if not above.size:
        return float(sizes[0])
    k = int(above[-1])
    return float(np.exp(x[k] + (x[k + 1] - x[k]) * gap[k] / (gap[k] - gap[k + 1])))
