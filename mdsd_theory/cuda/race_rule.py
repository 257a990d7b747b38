r"""The constants of a race on the device: nodes, power series, and the errors that they leave.

*Nodes.* The trapezoid rule of theorem 7.d in log t, with step h, on nodes t_J·e^{−jh}, j = 0, 1, …; with
a tolerance for each of its three errors far above a float64's. Its right end is bounded by the proof of
7.d with εt in place of t/2 there: as G falls and G(t) ≤ G(εt) P(Γ_n > (1 − ε) r t),

.. math:: \delta_r \le \frac{n}{\varepsilon x} P(\Gamma_n > x), \qquad x = (1 - \varepsilon)\, r\, t_J,

for any 0 < ε < 1, so that t_J may be half of what ε = 1/2 asks for.

*Series.* A token is light while y = q·t ≤ Y at the last node. With odds o = e^y − 1, of at most O,

.. math:: (e^y - 1)^k = \sum_{r \ge k} c_{k,r}\, y^r, \qquad c_{k,r} = \frac{k!}{r!} {r \brace k},

so that Λ_k = Σ o^k follows from the sums of y^r, r ≤ R; Newton's identities lead on to the elementary
symmetric polynomials e_m. Relative errors ε of the Λ_k move the e_m up to M by no more together than
Σ_{m≤M} ((1 + ε)^m − 1) h_m (theorem 7.f), h_m the complete homogeneous polynomials: the identities
without their minus signs. Cutting the series after R powers costs δ_k ≤ (s/Y) T_k with
T_k = Σ_{r>R} c_{k,r} Y^r and
s = Σ o; a sum that is off by η costs δ_k ≤ η O^k. With

.. math:: e_m \ge \frac{1}{m!} \prod_{j<m} (s - jO)_+, \qquad
          h_m \le \frac{1}{m!} \prod_{j<m} (s + jO), \qquad s\,h_{m-1} \le m\,h_m,

and as the weight of e_m in 1 − Q(H) falls with m, both move 1 − Q(H) by at most (ε + η) κ of itself,
ε = Σ T_k / (kY), κ the largest Σ_{m≤M} max(m, 1) h_m / Σ_{m≤M} e_m over M < n and s. (The first order of
the exponential; the second is below a millionth of it.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mdsd_theory.dual.race_buckets_series import MANY_TERMS, amplification, power_terms

TOLERANCE = 1e-9
"""Of the spacing, of each end, and of the cut series."""

LIGHTEST = 0.25
"""Y."""

LARGEST_N = 16
"""Most drafts: beyond, the sums of a pass do not fit the shared memory."""

LARGEST_SUM = 1.1
"""What a row may sum to."""

REST_FACTOR = 1.13
"""What the mass outside the n − 1 largest tokens may be, in units of the kernel's lower bound on it."""


@dataclass(frozen=True)
class Rule:
    """What the kernels need to know of n drafts.

    Attributes
    ----------
    step : float
        h.
    earliest : float
        The first node may not be later.
    last : float
        r·t_J.
    powers : array, shape (n − 1, R)
        c_{k,r} Y^r for k = 1 … n − 1, r = 1 … R.
    left : array
        h / ((e^{h(r+1)} − 1) r!): the series of what lies before the first node.
    heavy : int
        No row has more heavy tokens.
    amplification : float
        κ.
    """

    step: float
    earliest: float
    last: float
    powers: np.ndarray[Any, Any]
    left: np.ndarray[Any, Any]
    heavy: int
    amplification: float

    @property
    def error(self) -> float:
        """Bound on the error of 1 − Q(H), roundings of sums apart.

        Three errors of the rule and the cut; float64 in evaluations of less than 2^12 operations.
        """
        return 4 * TOLERANCE + self.amplification * 2.0**-40


@lru_cache
def rule(n: int) -> Rule:
    """Return the constants for n drafts.

    Examples
    --------
    >>> rule(3).powers.shape, rule(3).heavy, round(rule(3).step, 3)
    ((2, 10), 134, 0.329)
    """
    step = _step(n)
    earliest, last = _earliest(n, step), _last(n)
    kappa = max(1.0, amplification(n, LIGHTEST, REST_FACTOR * last))
    terms = power_terms(n, LIGHTEST)
    enough = TOLERANCE / kappa
    count = next(r for r in range(n - 1, MANY_TERMS) if _cut(terms, r) <= enough)
    heavy = n + math.ceil(REST_FACTOR * last / LIGHTEST)
    return Rule(step, earliest, last, terms[:, :count].copy(), _left_series(step, earliest), heavy, kappa)


def _step(n: int) -> float:
    """Return the widest h with 2 cos^{−n} θ / (e^{2πθ/h} − 1) ≤ tolerance for some θ."""
    theta = np.linspace(0.05, 1.56, 303)
    growth = np.log1p(2 / TOLERANCE * np.cos(theta) ** -n)
    return float(np.max(2 * math.pi * theta / growth))


def _earliest(n: int, step: float) -> float:
    """Return the first node τ with n^n/(n+1)^{n+1} · τ^{n+1}/n! · h/(e^{h(n+1)} − 1) = tolerance."""
    log_share = n * math.log(n) - (n + 1) * math.log(n + 1)
    log_geometric = math.log(step) - math.log(math.expm1(step * (n + 1)))
    log_power = math.log(TOLERANCE) + math.lgamma(n + 1) - log_share - log_geometric
    return math.exp(log_power / (n + 1)) / LARGEST_SUM


def _last(n: int) -> float:
    """Return the smallest r·t_J with an error of the right end within the tolerance, for the best ε."""
    from scipy.special import gammaincc

    x = np.arange(n, 400.0, 0.01)[:, None]
    share = np.linspace(0.01, 0.5, 50)
    enough = n / (share * x) * gammaincc(n, x) <= TOLERANCE
    first = x[np.argmax(enough, axis=0), 0]
    return float(np.min(first / (1 - share)))


def _left_series(step: float, earliest: float) -> np.ndarray[Any, Any]:
    count = next(r for r in range(1, 99) if earliest ** (r + 1) / math.factorial(r) < 1e-13)
    return np.array([step / math.expm1(step * (r + 1)) / math.factorial(r) for r in range(count)])


def _cut(terms: np.ndarray[Any, Any], count: int) -> float:
    """Return ε."""
    k = np.arange(1, terms.shape[0] + 1)
    return float((terms[:, count:].sum(axis=1) / (k * LIGHTEST)).sum())
