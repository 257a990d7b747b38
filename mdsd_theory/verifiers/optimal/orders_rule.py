"""The anytime optimal rule: pick the highest ranked draft in a random order, then verify that one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from mdsd_theory.arrays import Array, gather, host
from mdsd_theory.distributions import Pair
from mdsd_theory.dual.independent import weighted_mean_bounds
from mdsd_theory.dual.race_buckets import race_buckets
from mdsd_theory.dual.threads import over_rows
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.optimal.order_atoms import Atoms
from mdsd_theory.verifiers.optimal.order_laws import HOST, IndependentLaw, OrderLaw, RaceLaw, slowest_rate
from mdsd_theory.verifiers.optimal.order_series import LARGEST_N, heaviest
from mdsd_theory.verifiers.optimal.order_tables import OrderTables
from mdsd_theory.verifiers.optimal.orders import OrderRow, mixture_of_orders
from mdsd_theory.verifiers.plan import TWICE, Plan, at_drafts, repeated
from mdsd_theory.verifiers.single_draft import single_draft_law

DEFAULT_TOLERANCE = 1e-3
"""Certified gap to α* at which the search for orders stops."""


class OptimalOrders(Verifier):
    r"""Draw one of K orders of the tokens, pick the highest ranked draft, verify it as a single draft.

    With y the law of the pick, W is accepted with probability min(1, p_W/y_W); else Y ∝ (p − y)_+.

    .. math:: P(Y \in S) \ge \sum_i \min(p_i, y_i) \ge \alpha^* - \text{gap}

    Lossless for any orders and weights; :mod:`mdsd_theory.verifiers.optimal.min_norm` chooses them, and
    some mixture reaches α* (Edmonds; Fujishige). The rate's value is Σ min(p, y); a rejected pick may yet
    end in a draft, so the rate itself is above it by at most ``error_bound``, the certified gap.

    Parameters
    ----------
    tol : float
        Gap at which the search stops. It also stops where finer atoms or more orders run out: the gap
        says what was reached.

    Notes
    -----
    Plan at V = 50,000 on one core: 7 to 30 ms for n = 2 to 4, and O(n² M J) an order, M atoms and J
    nodes (seconds from n = 20 on); then O(n) a tuple of drafts. The first call in a fresh installation
    compiles for some seconds. New here.

    Examples
    --------
    >>> rate = OptimalOrders(tol=1e-9).acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2)
    >>> round(rate.value, 8), rate.error_bound <= 1e-9
    (0.98571429, True)
    """

    name: ClassVar[str] = "optimal"
    schemes: ClassVar[tuple[str, ...] | None] = ("without_replacement", "independent")
    default_scheme: ClassVar[str] = "without_replacement"
    summary: ClassVar[str] = "the highest ranked draft of a random order, verified as a single draft"
    source: ClassVar[str] = "new here; orders: Edmonds 1970, search: Wolfe 1976, Fujishige 1980"

    def __init__(self, tol: float = DEFAULT_TOLERANCE) -> None:
        self.tol = _checked_tolerance(tol)

    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts; the law of the pick is summed over all tuples."""
        exact = isinstance(p[0], Fraction)
        rule = _exact_orders(tuple(p), _frozen(q), len(drafts), scheme, self.tol, exact)
        picks: dict[int, Number] = {}
        for rank, weight in zip(rule.ranks, rule.weights, strict=True):
            top = max(drafts, key=rank.__getitem__)
            picks[top] = picks.get(top, 0) + weight
        return single_draft_law(p, rule.y, picks)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> OrdersPlan:
        return OrdersPlan(pair, n, self._rows(pair, n, scheme))

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return Σ min(p, y) of each row."""
        rows = self._rows(pair, n, scheme)
        value = pair.backend.array([row.value for row in rows])
        gap = pair.backend.array([row.gap for row in rows])
        return RowRate(value, value, "orders", error_bound=gap)

    def _rows(self, pair: Pair, n: int, scheme: Scheme) -> list[OrderRow]:
        """Return the orders of each row, on as many threads as ``NUMBA_NUM_THREADS`` asks for."""
        p, q = host(pair.p), host(pair.q)

        def some(start: int, stop: int) -> list[OrderRow]:
            if scheme.name == "independent":
                return [independent_orders(p[r], q[:, r], self.tol) for r in range(start, stop)]
            return [race_orders(p[r], q[r], n, self.tol) for r in range(start, stop)]

        # A row takes milliseconds: each is worth a thread.
        return [row for part in over_rows(some, p.shape[0], p.shape[1], worth=1) for row in part]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(tol={self.tol:g})"


def _checked_tolerance(tol: Any) -> float:
    if isinstance(tol, bool) or not isinstance(tol, Real):
        raise InputTypeError(f"tol is {tol!r}; expected a number, the gap to stop at")
    if not 0 <= float(tol) < 1:
        raise InputError(f"tol is {tol}; expected a gap in [0, 1)")
    return float(tol)


def race_orders(p: np.ndarray, q: np.ndarray, n: int, tol: float) -> OrderRow:
    """Return the orders for one pair and drafts without replacement.

    Parameters
    ----------
    p, q : array, shape (V,)
    n : int
        Number of drafts.
    tol : float
        Gap to stop at.
    """

    def law(atoms: Atoms) -> OrderLaw:
        return RaceLaw(q, n, atoms)

    bound = race_buckets(HOST, p[None, :], q[None, :], n)
    # A single heavy token would have its whole atom walked node by node.
    largest = float(heaviest(n)[-1]) * slowest_rate(q, n) if n <= LARGEST_N else math.inf
    return mixture_of_orders(p, q, law, float(bound.upper[0]), tol, largest)


def independent_orders(p: np.ndarray, drafters: np.ndarray, tol: float) -> OrderRow:
    """Return the orders for one target and n drafters, shape (n, V)."""

    def law(atoms: Atoms) -> OrderLaw:
        return IndependentLaw(drafters, atoms)

    bound = weighted_mean_bounds(HOST, p[None, :], drafters[:, None, :], drafters.shape[0])
    return mixture_of_orders(p, drafters.mean(axis=0), law, float(bound.upper[0]), tol)


@dataclass(frozen=True, eq=False, repr=False)
class OrdersPlan(Plan):
    """The orders of each row, to draw from and to look at.

    Attributes
    ----------
    rows : list of OrderRow
        On the host, as NumPy arrays.

    Examples
    --------
    >>> plan = OptimalOrders(tol=1e-9).plan([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2)
    >>> plan.rows[0].orders.tolist(), plan.rows[0].weights.round(3).tolist(), plan.gap < 1e-9
    ([[2, 1, 0], [1, 2, 0]], [0.596, 0.404], True)
    """

    rows: list[OrderRow]

    @property
    def acceptance(self) -> Any:
        """Σ min(p, y) of each row, which P(Y ∈ S) is never below."""
        return self.at_least([row.acceptance for row in self.rows])

    @property
    def gap(self) -> Any:
        """The certified gap to α* of each row."""
        return self.at_most([row.gap for row in self.rows])

    def __repr__(self) -> str:
        if self.pair.batch == ():
            return f"OrdersPlan({self.rows[0]!r})"
        return f"OrdersPlan(batch of shape {self.pair.batch}, V = {self.pair.vocabulary:,}, n = {self.n})"

    @cached_property
    def _tables(self) -> OrderTables:
        return OrderTables.of(self.pair, self.rows)

    impossible: ClassVar[str] = TWICE

    def _never_drawn(self, drafts: Array) -> Array:
        xp, q = self.pair.backend.xp, self.pair.q
        if q.ndim == 3:
            each = [gather(xp, q[k, ...], drafts[..., k]) for k in range(self.n)]
            return xp.stack(each, axis=-1) == 0
        return (at_drafts(xp, q, drafts) == 0) | repeated(xp, drafts)

    def _emit(self, drafts: Array, generator: Any) -> Array:
        u = self.uniforms(generator, drafts.shape[0], 3, drafts.shape[1])
        return self._tables.emit(self.pair, drafts, u)


@dataclass(frozen=True)
class _ExactOrders:
    """Orders with weights and the law of the pick in fractions."""

    ranks: list[list[int]]
    weights: list[Number]
    y: list[Number]


@lru_cache(maxsize=32)
def _exact_orders(p: Any, q: Any, n: int, scheme: Scheme, tol: float, exact: bool) -> _ExactOrders:
    """Return orders chosen in floats, their weights and y in the type of q.

    A fraction equals its float as a key of the cache: ``exact`` keeps their answers apart.
    """
    target = np.array([float(x) for x in p])
    draft = np.array(q, dtype=float)
    if scheme.name == "independent":
        row = independent_orders(target / target.sum(), draft / draft.sum(axis=1, keepdims=True), tol)
    else:
        row = race_orders(target / target.sum(), draft / draft.sum(), n, tol)
    weights = row.weights.tolist()
    if exact:
        weights = exact_distribution(weights, "weights")
    ranks = row.ranks().tolist()
    y: list[Number] = [0] * len(p)
    for drafts, mass in scheme.tuple_law(q, n).items():
        for rank, weight in zip(ranks, weights, strict=True):
            y[max(drafts, key=rank.__getitem__)] += mass * weight
    return _ExactOrders(ranks, weights, y)


def _frozen(q: Any) -> Any:
    """Return q as nested tuples, to be remembered by."""
    return tuple(tuple(x) if isinstance(x, Sequence) else x for x in q)
