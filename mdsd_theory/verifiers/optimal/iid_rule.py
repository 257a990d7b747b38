"""The rule that reaches α* for i.i.d. drafts, as a verifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mdsd_theory.arrays import host
from mdsd_theory.distributions import Pair, RawPair
from mdsd_theory.errors import InputError
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.checks import whole
from mdsd_theory.verifiers import cpu
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.optimal.iid import optimal_iid_law
from mdsd_theory.verifiers.optimal.iid_device import device_plan
from mdsd_theory.verifiers.optimal.iid_plan import IIDPlan
from mdsd_theory.verifiers.optimal.iid_row import iid_row, iid_rows
from mdsd_theory.verifiers.optimal.water_filling import water_filling
from mdsd_theory.verifiers.plan import Plan

MOST_BUCKETS = 2**24
"""Most buckets: more than tokens in any vocabulary."""

COMPILED = 2048
"""Tokens from which a rate on the CPU is that of a plan; half a millisecond for either."""


class OptimalIID(Verifier):
    r"""Emit a token of law p that is one of n i.i.d. drafts as often as any rule can.

    Drafts draw random priorities from kernels made so that the one of largest priority has the law
    y = q·clip(p/q, c′, c); that one is verified as a single draft of law y.

    .. math:: P(Y \in S) = \sum_i \min(p_i, y_i) = \alpha^*

    See :mod:`mdsd_theory.verifiers.optimal.iid`. ``explicit`` equals ``value``: where the pick is
    rejected all drafts lie in H, and the residual has no token there. With buckets it may have one, so
    that P(Y ∈ S) lies between ``value`` and ``value + error_bound``, which is α*.

    Parameters
    ----------
    buckets : int, optional
        Put the tokens in at most this many buckets of p/q that count as one token each: exactly lossless
        still, and faster. It accepts less, by :attr:`IIDPlan.loss` at most: 1e-5 with 1,024 buckets and
        n ≤ 8 on the shipped distributions at temperature 1, 4e-7 at 0.7
        (:mod:`mdsd_theory.verifiers.optimal.buckets`).

    Notes
    -----
    Plan: O(V), three passes; compiled on first use (numba). Rate: that of a plan on the CPU from 2,048
    tokens on, else O(V log V). On a CUDA device kernels of our own plan and draw
    (:mod:`mdsd_theory.verifiers.optimal.iid_device`): the law is as exact, and acceptance within a
    certified loss of α*, about 1e-7. New here.

    Examples
    --------
    >>> round(OptimalIID().acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.86
    >>> round(OptimalIID(buckets=2).acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.8
    """

    name: ClassVar[str] = "optimal"
    schemes: ClassVar[tuple[str, ...] | None] = ("with_replacement",)
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "random priorities, then the single-draft rule: reaches the optimum"
    source: ClassVar[str] = "new here; the optimum: Hu et al. 2025, arXiv 2502.18779"

    def __init__(self, buckets: int | None = None) -> None:
        self.buckets = None
        if buckets is not None:
            self.buckets = whole(buckets, "buckets", 1, "the number of buckets of p/q")
            if self.buckets > MOST_BUCKETS:
                raise InputError(
                    f"buckets is {buckets}; expected at most {MOST_BUCKETS:,}, or None for the exact rule"
                )

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return optimal_iid_law(p, q, drafts, self.buckets)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> IIDPlan:
        p, q = (np.ascontiguousarray(host(x), dtype=np.float64) for x in (pair.p, pair.q))
        return IIDPlan(pair, n, iid_rows(p, q, n, self.buckets))

    def _unchecked_plan(self, raw: RawPair, n: int, scheme: Scheme) -> Plan | None:
        """Return a plan on the CUDA device that holds p and q; the number of buckets is its own there."""
        return device_plan(raw, n) if self.buckets is None else None

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return Σ min(p, y) of each row; with buckets P(Y ∈ S) is that at least, and α* at most."""
        xp, array = pair.backend.xp, pair.backend.array
        if self.buckets is not None:
            rows = self._plan(pair, n, scheme).rows
            value = array([row.acceptance for row in rows])
            bound = array([row.loss + 16 * n * pair.backend.unit for row in rows])
            return RowRate(value, value, "bucketed", error_bound=bound)
        if cpu.on_cpu(pair.backend) and pair.vocabulary >= COMPILED:
            # Row after row as plans are made: no sort of the vocabulary.
            pairs = zip(*cpu.host_rows(pair.p, pair.q), strict=True)
            value = array([iid_row(p, q, n).acceptance for p, q in pairs])
            return RowRate(value, value, "plan")
        y = water_filling(pair.backend, pair.p, pair.q, n)
        value = xp.sum(xp.minimum(pair.p, y), axis=-1)
        return RowRate(value, value, "water_filling")

    def __repr__(self) -> str:
        return "OptimalIID()" if self.buckets is None else f"OptimalIID(buckets={self.buckets})"
