r"""A sequential test of drafts, each against its law given the earlier ones.

The vocabulary is cut into cells by the rank of q, "equal to an earlier draft" being one more. Given the
earlier drafts the next one falls into cell j with a chance π_j that is known. Before each batch, weights
θ_j are learned from the batches before: how often a cell was hit over how often it should have been. The
tilted law π_j θ_j / Σ π θ is a prediction, so that

.. math:: E = \prod \frac{\theta_{j}}{\sum_i \pi_i \theta_i}

over all drafts is a likelihood ratio of mean one, however θ was learned (Ville's inequality then holds
as in :mod:`mdsd_theory.auditing.e_process`). E is averaged over several ways to learn: with more or less
inertia, and with θ alike for all or by the cell of the draft before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.cells import LEAST, SINGLE, rank_cells

INERTIA = (1.0, 10.0, 100.0, 1000.0)
"""Hits that θ = 1 is worth at the start."""


@dataclass(frozen=True, eq=False)
class Step:
    """One draft: which column it is, its law, and whether earlier columns are excluded.

    Attributes
    ----------
    column : int
    law : array, shape (V,)
    different : bool
        The law is renormalised without the drafts of the earlier columns.
    """

    column: int
    law: Array
    different: bool

    @property
    def labels(self) -> Array:
        """Cell of each token, shape (V,)."""
        tokens = np.arange(self.law.size)
        label = tokens if self.law.size <= SINGLE else rank_cells(self.law)
        mass = np.bincount(label, self.law)
        if not self.different:
            label = np.where(((mass > 0) & (mass < LEAST))[label], int(np.argmax(mass)), label)
        return label


class StepTest:
    """Evidence against one step.

    Attributes
    ----------
    hits, expected : array, shape (K + 1,)
        How often each cell was drafted, and should have been; the last is "equal to an earlier draft".
    logs : array
        log E of each way to learn.
    """

    def __init__(self, step: Step) -> None:
        self.step, self.labels = step, step.labels
        self.mass = np.bincount(self.labels, step.law)
        self.cells = self.mass.size + 1
        self._hits = np.zeros((self.cells, self.cells))
        self._expected = np.zeros((self.cells, self.cells))
        self.logs = np.zeros(2 * len(INERTIA))

    @property
    def hits(self) -> Array:
        """Hits of each cell, whatever came before."""
        return self._hits.sum(axis=0)

    @property
    def expected(self) -> Array:
        """Expected hits of each cell."""
        return self._expected.sum(axis=0)

    def impossible(self, drafts: Array) -> tuple[int, str] | None:
        """Return the first row whose draft has probability zero, and why."""
        token = drafts[:, self.step.column]
        never = np.flatnonzero(self.step.law[token] == 0)
        if never.size:
            return int(never[0]), f"token {int(token[never[0]])} was drafted, where q = 0"
        earlier = drafts[:, : self.step.column]
        twice = np.flatnonzero((earlier == token[:, None]).any(axis=1)) if self.step.different else never
        if twice.size:
            return int(twice[0]), f"token {int(token[twice[0]])} was drafted twice"
        return None

    def chances(self, drafts: Array) -> tuple[Array, Array]:
        """Return π (rows, K + 1) given the earlier drafts, and the cell that was hit (rows,)."""
        earlier, token = drafts[:, : self.step.column], drafts[:, self.step.column]
        chance = np.tile(np.append(self.mass, 0.0), (len(drafts), 1))
        rows = np.arange(len(drafts))
        for j in range(earlier.shape[1]):
            new = ~(earlier[:, :j] == earlier[:, j, None]).any(axis=1)
            mass = np.where(new, self.step.law[earlier[:, j]], 0.0)
            chance[rows, self.labels[earlier[:, j]]] -= mass
            chance[:, -1] += mass
        chance = np.maximum(chance, 0.0)
        if self.step.different:
            chance[:, -1] = 0.0
            chance /= chance.sum(axis=1, keepdims=True)
        hit = np.where((earlier == token[:, None]).any(axis=1), self.cells - 1, self.labels[token])
        return chance, hit

    def add(self, drafts: Array) -> None:
        """Bet on a batch with what the batches before taught, then learn from it."""
        chance, hit = self.chances(drafts)
        before = self.labels[drafts[:, self.step.column - 1]] if self.step.column else np.zeros_like(hit)
        ways = [(c, given) for given in (False, True) for c in INERTIA]
        for way, (inertia, given) in enumerate(ways):
            self.logs[way] += self._gain(chance, hit, before, inertia, given)
        np.add.at(self._hits, (before, hit), 1.0)
        np.add.at(self._expected, before, chance)

    def _gain(self, chance: Array, hit: Array, before: Array, inertia: float, given: bool) -> float:
        """Return Σ log θ_hit / Σ π θ over a batch."""
        if given:
            theta = ((self._hits + inertia) / (self._expected + inertia))[before]
        else:
            theta = np.broadcast_to((self.hits + inertia) / (self.expected + inertia), chance.shape)
        mean = (chance * theta).sum(axis=1)
        return float(np.log(theta[np.arange(len(hit)), hit] / mean).sum())


def combined(tests: list[StepTest]) -> float:
    """Return log E of all steps: the product over steps, averaged over the ways to learn."""
    from scipy.special import logsumexp

    if not tests:
        return 0.0
    logs = np.sum([test.logs for test in tests], axis=0)
    return float(logsumexp(logs)) - math.log(len(logs))
