r"""Quadrature nodes for integrals over the exponential race.

With arrivals E_i ~ Exp(q_i), N_H(t) of them in H by time t, and b = q(Σ∖H),

.. math:: 1 - Q(H) = \int_0^\infty b\, e^{-bt} P(N_H(t) < n)\, dt .

The trapezoid rule in u = log t is used. Its error has three parts, each bounded for every H at once:

- *spacing*: on the line Im u = θ, |1 − e^{−qt}| ≤ (1 − e^{−q|t|cos θ})/cos θ, so that the integrand
  stays below cos^{−n} θ times itself at |t| cos θ, and the rule is off by at most
  2 cos^{−n} θ / (e^{2πθ/h} − 1) · (1 − Q(H)) for any θ < π/2;
- *left end*: below the first node P(N_H < n) is replaced by 1, which sums in closed form; the loss
  is at most b ∫ (q(H) t)^n / n! dt;
- *right end*: after k < n arrivals the rest still races at rate r or more, r the mass outside the
  n−1 largest tokens, so the n-th arrival comes no later than a Gamma(n, r) variable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.errors import SizeError

SPACING_TOLERANCE = 1e-14
END_TOLERANCE = 1e-15
LARGEST_N = 40
"""Most drafts: beyond, the first node is so late that the series of :func:`left_end` cancels."""

QUADRATURE_ERROR = SPACING_TOLERANCE + 2 * END_TOLERANCE
"""Bound on the error of 1 − Q(H) from the rule itself, rounding apart."""


@dataclass(frozen=True)
class Nodes:
    """Nodes t_j = first · e^{jh} of each row.

    Attributes
    ----------
    times : array, shape (rows, J)
    step : array, shape (rows,)
        h, the spacing in log t.
    """

    times: Array
    step: Array

    @property
    def weights(self) -> Array:
        """h·t_j, the weight of a node in an integral over t; shape (rows, J)."""
        return self.step[:, None] * self.times


@lru_cache
def largest_step(n: int) -> float:
    """Return the widest spacing h whose error is below :data:`SPACING_TOLERANCE`.

    Examples
    --------
    >>> round(largest_step(3), 3)
    0.232
    """
    theta = np.linspace(0.05, 1.56, 303)
    growth = math.log(2 / SPACING_TOLERANCE) - n * np.log(np.cos(theta))
    return float(np.max(2 * math.pi * theta / growth))


@lru_cache
def first_time(n: int) -> float:
    """Return the first node: below it fewer than n arrivals are as good as certain."""
    h = largest_step(n)
    log_share = n * math.log(n) - (n + 1) * math.log(n + 1)
    log_geometric = math.log(h) - math.log(-math.expm1(-h * (n + 1)))
    log_bound = math.log(END_TOLERANCE) + math.lgamma(n + 1) - log_share - log_geometric
    return math.exp(log_bound / (n + 1))


@lru_cache
def last_scaled_time(n: int) -> float:
    """Return c such that n arrivals have come by c/r, but for :data:`END_TOLERANCE`.

    The factor two pays for b·t·e^{−bt} ≤ (2/e)·e^{−bt/2} in the bound of the tail.
    """
    from scipy.special import gammainccinv

    return float(2 * gammainccinv(n, END_TOLERANCE / 10))


def race_nodes(backend: Backend, slowest: Array, n: int) -> Nodes:
    """Return nodes that serve every subset H of rows whose slowest rate r is ``slowest``.

    Parameters
    ----------
    slowest : array, shape (rows,)
        r, the mass of q outside its n−1 largest tokens; positive.
    n : int
        Number of drafts.

    Raises
    ------
    SizeError
        For n above :data:`LARGEST_N`.

    Returns
    -------
    Nodes
        As many nodes in each row as the widest range needs.
    """
    if n > LARGEST_N:
        raise SizeError(
            f"n = {n} drafts without replacement; the race quadrature takes n <= {LARGEST_N}: lower n, "
            "or use a reference route on a small vocabulary"
        )
    xp = backend.xp
    start = math.log(first_time(n))
    reach = xp.log(last_scaled_time(n) / slowest) - start
    count = max(2, math.ceil(float(xp.max(reach)) / largest_step(n)) + 1)
    step = reach / (count - 1)
    grid = xp.astype(backend.arange(count), backend.work)
    return Nodes(xp.exp(start + step[:, None] * grid[None, :]), step)


def left_end(backend: Backend, nodes: Nodes, outside: Array) -> Array:
    """Return b times the rule's sum over all nodes below the first, with P(N_H < n) = 1.

    The sum Σ_{i≥1} h·τ·e^{−ih}·exp(−b·τ·e^{−ih}), τ the first node, as a power series in b·τ.

    Parameters
    ----------
    outside : array, shape (rows, K)
        b = q(Σ∖H) for K subsets a row.
    """
    xp = backend.xp
    tau, h = nodes.times[:, :1], nodes.step[:, None]
    scaled = outside * tau
    total = backend.zeros((1, 1))
    for r in reversed(range(_terms(float(xp.max(tau))))):
        factor = h / xp.expm1(h * (r + 1)) / float(math.factorial(r))
        total = factor - scaled * total
    return scaled * total


def _terms(tau: float) -> int:
    """Return how many powers of b·τ ≤ τ reach the precision of a float."""
    return next(r for r in range(1, 99) if tau ** (r + 1) / math.factorial(r) < 1e-18)
