"""A mixture of orders for one target and draft: refined until its certified gap is small enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mdsd_theory.errors import CertificationError
from mdsd_theory.verifiers.optimal.min_norm import mix_orders
from mdsd_theory.verifiers.optimal.order_atoms import Atoms, make_atoms
from mdsd_theory.verifiers.optimal.order_laws import OrderLaw

REFINEMENTS = ((2e-4, 0.1, 0.01), (5e-5, 0.025, 0.0025), (1e-5, 0.01, 0.001))
"""(heavy, width, most) of the atoms, coarse to fine (see :func:`make_atoms`)."""

MOST_ATOMS = 4096
"""Refinements with more atoms are not tried: their tables take memory and time."""

MOST_STEPS = 400
"""Orders tried for each refinement."""

SMALLEST_MASS = 1e-9
"""Added to the weight of an atom: those of masses near 1e-20 would swamp the Gram matrix."""

QUADRATURE = 1e-13
"""What the quadrature can change in Σ min(p, y) and in a bound."""

UNIT = 2.0**-53
"""Largest relative error of one operation."""

LAW_TOLERANCE = 1e-9
"""How far Σ y may be from one before the quadrature counts as failed."""


@dataclass(frozen=True, eq=False, repr=False)
class OrderRow:
    """The orders of one row: draw one, and the highest ranked draft is picked.

    Attributes
    ----------
    atoms : Atoms
        Tokens that keep together in every order.
    orders : int array, shape (K, M)
        Atoms, lowest rank first.
    weights : array, shape (K,)
        Chance of each order.
    y : array, shape (V,)
        The law of the pick, exact up to quadrature and rounding.
    value : float
        Σ min(p, y), as computed.
    upper : float
        A bound on α*, errors inside.
    rounding : float
        What quadrature and rounding can change in ``value``.
    steps : int
        Orders tried.
    """

    atoms: Atoms
    orders: np.ndarray
    weights: np.ndarray
    y: np.ndarray
    value: float
    upper: float
    rounding: float
    steps: int

    @property
    def gap(self) -> float:
        """``upper − value``, errors inside: no lossless verifier accepts more often than by this."""
        return max(self.upper - self.value, 0.0) + self.rounding

    @property
    def acceptance(self) -> float:
        """P(Y ∈ S) is at least this: ``value``, errors subtracted."""
        return max(self.value - self.rounding, 0.0)

    def ranks(self) -> np.ndarray:
        """Return the rank of every token in every order; shape (K, V)."""
        return np.stack([self.atoms.positions(order) for order in self.orders])

    def __repr__(self) -> str:
        return (
            f"OrderRow(V = {self.y.shape[0]:,}: {len(self.weights)} orders of {self.atoms.count} atoms, "
            f"acceptance = {self.acceptance:.6f}, gap = {self.gap:.1e})"
        )


def mixture_of_orders(
    p: np.ndarray,
    q: np.ndarray,
    law: Callable[[Atoms], OrderLaw],
    upper: float,
    tol: float,
    largest: float = math.inf,
) -> OrderRow:
    """Return orders whose gap is at most ``tol``, or the best found.

    Half of the tolerance is for the atoms' masses, half for what tokens of one atom lose.

    Parameters
    ----------
    p : array, shape (V,)
        Target.
    q : array, shape (V,)
        Draft, or the mean of the drafters: what tokens are grouped by.
    law : callable
        From atoms to the law of the highest ranked draft.
    upper : float
        A bound on α*.
    tol : float
    largest : float
        Tokens with more of q than this are atoms of their own.

    Raises
    ------
    CertificationError
        When the law of the pick does not sum to one within 1e-9.
    """
    found: list[OrderRow] = []
    for heavy, width, most in REFINEMENTS:
        atoms = make_atoms(p, q, heavy, width, most, largest)
        if found and atoms.count > MOST_ATOMS:
            break
        row, shortfall = _at(p, atoms, law, upper, tol)
        found.append(row)
        # Finer atoms help where tokens of one atom lose; more orders are what the rest would need.
        if row.gap <= tol or shortfall > tol / 2:
            break
    return min(found, key=lambda row: row.gap)


def _at(
    p: np.ndarray, atoms: Atoms, law: Callable[[Atoms], OrderLaw], upper: float, tol: float
) -> tuple[OrderRow, float]:
    """Return the orders of given atoms, and what the masses of the atoms fall short of the bound."""
    top = law(atoms)
    # Any weights lead to α*; these get there in few steps. Far smaller ones would drown the others.
    weight = atoms.p + atoms.q + SMALLEST_MASS
    mixture = mix_orders(atoms.p, weight, top.of_atoms, atoms.by_ratio, upper, tol / 2, MOST_STEPS)
    y = top.of_tokens(mixture.orders, mixture.weights)
    if not abs(y.sum() - 1) <= LAW_TOLERANCE:
        raise CertificationError(
            f"the law of the picked draft sums to 1 {y.sum() - 1:+.1e} for V = {p.shape[0]}; expected 1 "
            "(a numerical fault); please report the instance"
        )
    value, error = float(np.minimum(p, y).sum()), top.lost + rounding(p.shape[0], atoms.count)
    bound = min(upper, mixture.upper + error)
    orders = np.stack(mixture.orders)
    row = OrderRow(atoms, orders, mixture.weights, y, value, bound, error, mixture.steps)
    return row, mixture.shortfall


def rounding(vocabulary: int, atoms: int) -> float:
    """Return what quadrature and rounding can change in a sum of masses of picks.

    Each of V tokens and M atoms multiplies the counts of the race by chances that are right to a few
    units. Among equal tokens all these errors are equal, sign included, so they add up in full. The
    constant is ample rather than derived: 30 times what flat drafts of 262,144 tokens were seen to lose.
    """
    return QUADRATURE + 4 * (vocabulary + atoms + 300) * UNIT
