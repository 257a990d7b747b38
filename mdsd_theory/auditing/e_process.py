r"""A sequential test of a token's law that holds at any stopping time.

Under the hypothesis the tokens Y_1, Y_2, … are independent with law p. For any law that predicts the
next token from the past, the likelihood ratio of the two is a martingale E of mean one, so that

.. math:: P\Big(\sup_N E_N \ge 1/\delta\Big) \le \delta

(Ville's inequality), however long one looks and whatever decides when to stop. The prediction is that
of a Pólya urn that starts with c·m, m being p with a little on the other cells; E averages over several
c and m, which keeps the mean at one. The urn's likelihood depends on the counts alone:

.. math:: E_N = \frac{\Gamma(c)}{\Gamma(c+N)}
                \prod_j \frac{\Gamma(c m_j + N_j)}{\Gamma(c m_j)\, p_j^{N_j}}.

A token of probability zero makes the ratio infinite at once: that refutes with no false alarm at all.
"""

from __future__ import annotations

import math

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.cells import Cells, partitions

_LEARNING = ((0.1, 0.5), (1.0, 0.5), (10.0, 0.5), (10.0, 0.05), (100.0, 0.05))
URNS = (*_LEARNING, (1e3, 0.0), (1e4, 0.0), (1e5, 0.0))
"""Pairs (c, share of m that is spread evenly over the cells)."""


def log_urn(counts: Array, mass: Array) -> float:
    """Return log E_N for counts of cells of positive mass, the average over :data:`URNS`.

    Parameters
    ----------
    counts, mass : array, shape (K,)

    Examples
    --------
    >>> import numpy as np
    >>> log_urn(np.array([50, 50]), np.array([0.5, 0.5])) < 0
    True
    >>> log_urn(np.array([100, 0]), np.array([0.5, 0.5])) > 50
    True
    """
    from scipy.special import gammaln, logsumexp

    total = counts.sum()
    null = float(counts @ np.log(mass))
    logs = []
    for c, spread in URNS:
        urn = c * ((1 - spread) * mass + spread / mass.size)
        gain = float((gammaln(urn + counts) - gammaln(urn)).sum())
        logs.append(float(gammaln(c) - gammaln(c + total)) + gain - null)
    return float(logsumexp(logs)) - math.log(len(logs))


class EProcess:
    """Evidence against "the emitted token has law p", from counts.

    Attributes
    ----------
    counts : array of int, shape (V,)
        How often each token was emitted.
    """

    def __init__(self, p: Array, q: object = None) -> None:
        self.p = p
        self.counts = np.zeros(p.size, dtype=np.int64)
        self._cells: list[Cells] = partitions(p, q)

    @property
    def samples(self) -> int:
        """How many tokens were counted."""
        return int(self.counts.sum())

    def add(self, tokens: Array) -> None:
        """Count more tokens."""
        self.counts += np.bincount(tokens, minlength=self.counts.size)

    @property
    def log_e(self) -> float:
        """Log of E, averaged over the partitions; ∞ after a token of probability zero."""
        from scipy.special import logsumexp

        if self.counts[self.p == 0].any():
            return math.inf
        logs = [log_urn(cells.count(self.counts), cells.mass) for cells in self._cells]
        return float(logsumexp(logs)) - math.log(len(logs))


def log_threshold(false_alarm: float, k: int) -> float:
    """Return log(k(k+1)/δ), the level for the k-th test, k ≥ 1: all of them together share δ.

    Examples
    --------
    >>> sum(math.exp(-log_threshold(0.01, k)) for k in range(1, 10_000)) < 0.01
    True
    """
    return math.log(k * (k + 1) / false_alarm)
