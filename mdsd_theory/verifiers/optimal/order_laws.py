"""The law of the highest ranked draft along an order, for the schemes whose Q(H) is cheap."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from mdsd_theory.arrays import Backend
from mdsd_theory.dual.race_nodes import race_nodes
from mdsd_theory.verifiers.optimal.order_atoms import Atoms
from mdsd_theory.verifiers.optimal.order_series import cut_error, heaviest

HOST = Backend("numpy", np.dtype(np.float64), "cpu")


class OrderLaw(ABC):
    """What a mixture of orders emits, for one q and n.

    Attributes
    ----------
    lost : float
        What Σ y lacks at most, quadrature and rounding apart; no y is too large by it.
    """

    lost: float = 0.0

    @abstractmethod
    def of_atoms(self, order: np.ndarray) -> np.ndarray:
        """Return y of the atoms, shape (M,), for one order of them, lowest rank first."""

    @abstractmethod
    def of_tokens(self, orders: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        """Return y of the tokens, shape (V,), for a mixture of orders."""


class RaceLaw(OrderLaw):
    r"""Drafts without replacement: n first arrivals of E_i ~ Exp(q_i).

    Integrals over the race by the trapezoid rule in log t (:mod:`mdsd_theory.dual.race_nodes`). Below the
    first node τ the integrand is (t/τ)^n times its value at τ, up to a relative error of order τ, which a
    factor 1/(1 − e^{−nh}) on the first weight sums up.

    Notes
    -----
    Cost: O(V n J) once, O(M n² J) an order, O(V n J) for the tokens of any mixture; J ≈ 60 nodes.
    """

    def __init__(self, q: np.ndarray, n: int, atoms: Atoms) -> None:
        from mdsd_theory.verifiers.optimal.race_loop import atom_polynomials

        slowest = slowest_rate(q, n)
        nodes = race_nodes(HOST, np.array([slowest]), n)
        self.q, self.atoms, self.times = q, atoms, nodes.times[0]
        self.weights = nodes.weights[0].copy()
        self.weights[0] /= -math.expm1(-n * nodes.step[0])
        # The masses that make few powers enough are counted in units of the slowest rate.
        self.powers = (slowest, heaviest(n))
        self.lost = cut_error(n)
        self.polynomials: Any = atom_polynomials(
            atoms.start, atoms.tokens, q, self.times, n, *self.powers
        )

    def of_atoms(self, order: np.ndarray) -> np.ndarray:
        none = np.zeros((1, 1, 1))
        return self._walk(order, 0.0, none, none)

    def of_tokens(self, orders: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        from mdsd_theory.verifiers.optimal.race_loop import within_atoms

        c_mean, f_mean = (np.zeros_like(x) for x in self.polynomials)
        for order, share in zip(orders, weights, strict=True):
            self._walk(order, float(share), c_mean, f_mean)
        start, tokens = self.atoms.start, self.atoms.tokens
        nodes = (self.times, self.weights)
        y: np.ndarray = within_atoms(start, tokens, self.q, *nodes, c_mean, f_mean, *self.powers)
        return y

    def _walk(self, order: np.ndarray, share: float, c_mean: Any, f_mean: Any) -> np.ndarray:
        from mdsd_theory.verifiers.optimal.race_loop import walk

        c_atom, f_atom = self.polynomials
        y: np.ndarray = walk(order, c_atom, f_atom, self.atoms.q, self.weights, share, c_mean, f_mean)
        return y


def slowest_rate(q: np.ndarray, n: int) -> float:
    """Return the mass of q outside its n − 1 largest tokens: what still races at the end."""
    from mdsd_theory.dual.race_buckets_pass_loop import largest, sum_without

    return float(sum_without(q, np.sort(largest(q, n - 1)[1])) if n > 1 else q.sum())


class IndependentLaw(OrderLaw):
    r"""Independent drafts of different drafters: Q(H) = Π_k q_k(H).

    y_B = Q(A ∪ B) − Q(A) as Σ_k Π_{l<k} q_l(A ∪ B) · q_k(B) · Π_{l>k} q_l(A), all positive.

    Notes
    -----
    Cost O(n M) an order, O(n V) an order for the tokens.
    """

    def __init__(self, drafters: np.ndarray, atoms: Atoms) -> None:
        self.drafters, self.atoms = drafters, atoms
        by_atom = np.add.reduceat(drafters[:, atoms.tokens], atoms.start[:-1], axis=1)
        self.by_atom = by_atom

    def of_atoms(self, order: np.ndarray) -> np.ndarray:
        return _increments(self.by_atom, order)

    def of_tokens(self, orders: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
        y = np.zeros(self.drafters.shape[1])
        for order, share in zip(orders, weights, strict=True):
            y += share * _increments(self.drafters, np.argsort(self.atoms.positions(order)))
        return y


def _increments(masses: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the increments of Π_k masses[k](H) along the prefixes H of an order; shape (K,)."""
    steps = masses[:, order]
    after = np.cumsum(steps, axis=1)
    before = np.concatenate([np.zeros((steps.shape[0], 1)), after[:, :-1]], axis=1)
    total = np.zeros(order.shape[0])
    for k in range(steps.shape[0]):
        total += np.prod(after[:k], axis=0) * steps[k] * np.prod(before[k + 1 :], axis=0)
    y = np.empty_like(total)
    y[order] = total
    return y
