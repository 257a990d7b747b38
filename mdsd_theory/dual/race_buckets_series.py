r"""Light tokens through power sums: how many powers are needed, and what cutting the series costs.

A token is light while y = q_i·t ≤ Y at every node t of the race. The odds o = e^y − 1 of the light tokens
of H enter the elementary symmetric polynomials e_m through Λ_k = Σ o^k and Newton's identities, and

.. math:: (e^y - 1)^k = \sum_{r \ge k} c_{k,r}\,y^r, \qquad c_{k,r} = \frac{k!}{r!} {r \brace k} \ge 0,

so that Λ_k is a combination of the power sums Σ q_i^r, the same for every node.

*What is cut.* After R powers, (e^y − 1)^k lacks at most (y/Y) T_k with T_k = Σ_{r>R} c_{k,r} Y^r, and
Λ_k at most (s/Y) T_k, s = Λ_1 ≥ Σ y. So for every M the e_m up to M are off by no more together than

.. math:: \sum_{m \le M} \big((1 + \varepsilon)^m - 1\big) h_m, \qquad
          \varepsilon = \sum_{k<n} \frac{T_k}{k\,Y}

(theorem 7.f), h_k the complete homogeneous polynomials of the odds: Newton's identities without their
minus signs.

*What cancels.* For the same reason relative errors δ of the Λ_k, and the roundings, move e_m by at most
((1 + δ)^m − 1) h_m. With odds of at most O and sum s,

.. math:: e_m \ge \frac{1}{m!} \prod_{j<m} (s - jO)_+, \qquad
          h_m \le \frac{1}{m!} \prod_{j<m} (s + jO), \qquad s\,h_{m-1} \le m\,h_m,

and the weight of e_m in 1 − Q(H) falls with m. So all of this moves 1 − Q(H) by at most (ε + δ) κ of
itself, κ the largest value of Σ_{m≤M} m·h_m / Σ_{m≤M} e_m over M < n and s: :attr:`Series.amplification`.

*The exponent.* The e_m meet e^{−at}, a = q(Σ∖{heavy tokens of H}), and g(t), what multiplies it in the
integral, has t·g' ≤ (n − 1) Y e^Y / (e^Y − 1) · g ≤ n·g. By parts ∫ a t e^{−at} g = ∫ e^{−at} (g + t g'):
a relative error δ of a·t costs at most (n + 1) δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mdsd_theory.dual.race_nodes import largest_step, last_scaled_time

LIGHTEST = 0.125
"""Y: what q·t may be at the last node for a token to count as light."""

CUT = 1e-16
"""What ε may be."""

FEW = 7
"""Powers that are kept of the lightest tokens: with p they fill one cache line a bucket."""

MANY_TERMS = 60
"""Powers after which the series of (e^y − 1)^k is over for every double, for k ≤ 15 and y ≤ 1/8."""


@dataclass(frozen=True)
class Series:
    """What the moment sums of n drafts need.

    Attributes
    ----------
    coefficients : array, shape (n − 1, R)
        c_{k,r} Y^r for k = 1 … n − 1, r = 1 … R: the coefficients of (y/Y)^r.
    lightest : float
        Tokens with y/Y up to this need :data:`FEW` powers only.
    amplification : float
        κ.
    """

    coefficients: np.ndarray[Any, Any]
    lightest: float
    amplification: float


@lru_cache
def series(n: int) -> Series:
    """Return the series for n drafts, cut where ε falls below :data:`CUT`.

    Examples
    --------
    >>> series(3).coefficients.shape, series(8).coefficients.shape
    ((2, 12), (7, 17))
    >>> round(series(3).amplification, 2)
    1.99
    """
    terms = power_terms(n, LIGHTEST)
    powers = next(r for r in range(max(n, FEW), MANY_TERMS) if _cut(terms, r, 1.0) <= CUT)
    lightest = next(x for x in 0.5 ** np.arange(200) if _cut(terms, FEW, x) <= CUT)
    reach = last_scaled_time(n) * math.exp(largest_step(n))
    return Series(terms[:, :powers].copy(), float(lightest), amplification(n, LIGHTEST, reach))


def power_terms(n: int, lightest: float) -> np.ndarray[Any, Any]:
    """Return c_{k,r} Y^r for Y = ``lightest``, k < n, r = 1 … :data:`MANY_TERMS`, from exact integers."""
    stirling = [[0] * (MANY_TERMS + 1) for _ in range(n)]
    stirling[0][0] = 1
    for r in range(1, MANY_TERMS + 1):
        for k in range(min(r, n - 1), 0, -1):
            stirling[k][r] = k * stirling[k][r - 1] + stirling[k - 1][r - 1]
    return np.array(
        [
            [
                math.factorial(k) * stirling[k][r] / math.factorial(r) * lightest**r
                for r in range(1, MANY_TERMS + 1)
            ]
            for k in range(1, n)
        ]
    )


def _cut(terms: np.ndarray[Any, Any], powers: int, x: float) -> float:
    """Return ε for tokens with y ≤ x·Y when ``powers`` of them are kept."""
    rest = terms[:, powers:] * x ** np.arange(powers + 1, MANY_TERMS + 1)
    k = np.arange(1, terms.shape[0] + 1)
    return float((rest.sum(axis=1) / (k * LIGHTEST * x)).sum())


def amplification(n: int, lightest: float, reach: float) -> float:
    """Return κ, bounded between neighbouring points of a grid: both sums grow with s.

    Light tokens have a mass of at most r and n − 1 times the largest of them, and times up to reach / r.
    """
    odds = math.expm1(lightest)
    largest = odds / lightest * (reach + n * lightest)
    grid = np.linspace(0.0, largest, 4 * math.ceil(100 * largest))
    h, e = np.ones_like(grid), np.ones_like(grid)
    above, below, worst = np.zeros_like(grid), np.ones_like(grid), 0.0
    for m in range(1, n):
        h = h * (grid + (m - 1) * odds) / m
        e = e * np.maximum(grid - (m - 1) * odds, 0.0) / m
        above, below = above + m * h, below + e
        worst = max(worst, float((above[1:] / below[:-1]).max()))
    return worst
